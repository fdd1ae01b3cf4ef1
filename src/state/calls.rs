//! How often each command was run by Redis, for those who measure what a job costs.

use std::collections::BTreeMap;

use super::StateError;
use super::client::State;

impl State {
    /// The calls of each command since Redis started, by all its clients; those inside scripts count as well.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn command_calls(&self) -> Result<BTreeMap<String, u64>, StateError> {
        let text: String = self.query(redis::cmd("INFO").arg("commandstats")).await?;
        Ok(calls(&text))
    }
}

/// Of lines as `cmdstat_hget:calls=7,usec=9,…` the command and its calls.
fn calls(text: &str) -> BTreeMap<String, u64> {
    let line = |line: &str| {
        let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        Some((name.to_owned(), rest.split(',').next()?.parse().ok()?))
    };
    text.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_read_by_name_and_other_lines_are_none() {
        let text =
            "# Commandstats\r\ncmdstat_hget:calls=7,usec=9\r\ncmdstat_config|get:calls=1,usec=2\r\ncmdstat_x:y\r\n";
        let expected = [("config|get".to_owned(), 1), ("hget".to_owned(), 7)];
        assert_eq!(calls(text), BTreeMap::from(expected));
    }
}
