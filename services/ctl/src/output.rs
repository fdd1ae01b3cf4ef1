//! Printing: tables for people, JSON for programs, sizes and times in words.

use std::io::{self, IsTerminal, Write};

use serde_json::Value;

use crate::CtlError;

/// Rows of texts, printed in columns as wide as their widest text.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these heads.
    pub fn new(heads: &[&str]) -> Self {
        Self { rows: vec![heads.iter().map(|head| (*head).to_owned()).collect()] }
    }

    /// Adds a row.
    pub fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// Whether there are only heads.
    pub fn is_empty(&self) -> bool {
        self.rows.len() < 2
    }

    /// The table as text, a line a row.
    pub fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width =
            |column: usize| self.rows.iter().filter_map(move |row| row.get(column)).map(|cell| cell.chars().count());
        let widths: Vec<usize> = (0..columns).map(|column| width(column).max().unwrap_or(0)).collect();
        let line = |row: &Vec<String>| {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
        };
        self.rows.iter().map(line).collect()
    }
}

/// Prints text; a closed pipe (`| head`) is a normal end.
pub fn print(text: &str) -> Result<(), CtlError> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|error| CtlError::Failed(format!("writing to standard output: {error}"))),
    }
}

/// Prints a JSON value on a line.
pub fn print_json(value: &Value) -> Result<(), CtlError> {
    print(&format!("{value}\n"))
}

/// Prints JSON values, each on a line of its own; of none, nothing.
pub fn print_json_lines(values: impl IntoIterator<Item = Value>) -> Result<(), CtlError> {
    print(&values.into_iter().map(|value| format!("{value}\n")).collect::<String>())
}

/// The field as text that is safe on a terminal: no control characters, `-` when missing.
pub fn field(value: &Value, name: &str) -> String {
    match &value[name] {
        Value::Null => "-".to_owned(),
        Value::String(text) => clean(text),
        other => other.to_string(),
    }
}

/// A text of unknown origin without control characters.
pub fn clean(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

/// Whether standard error is a terminal.
pub fn is_watched() -> bool {
    io::stderr().is_terminal()
}

/// A number of bytes for people.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub fn bytes(count: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let power = (count.max(1).ilog2() / 10).min(4);
    let value = count as f64 / f64::from(1u32 << (10 * power.min(3))) / if power == 4 { 1024.0 } else { 1.0 };
    let unit = units[power as usize];
    if power == 0 { format!("{count} B") } else { format!("{value:.1} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_text() {
        let mut table = Table::new(&["id", "status"]);
        table.row(["0123", "done"]);
        table.row(["4", "failed"]);
        assert_eq!(table.render(), "id    status\n0123  done\n4     failed\n");
    }

    #[test]
    fn sizes_read_well_and_escapes_do_not_reach_the_terminal() {
        assert_eq!([bytes(0), bytes(1023), bytes(1536)], ["0 B", "1023 B", "1.5 KiB"]);
        assert_eq!(bytes(3 << 40), "3.0 TiB");
        assert_eq!(clean("a\u{1b}[2J\r\nb"), "a\u{fffd}[2J\u{fffd}\u{fffd}b");
    }
}
