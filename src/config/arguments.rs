//! Arguments and variables as clap reads them, and what is wrong with them in plain words.
//!
//! Owns that no program tells people of digits in strings and of ranges as programs write them.

use std::io::IsTerminal;
use std::process::exit;

use clap::Parser;

/// What clap and the standard library say of a text that is no number.
const NO_NUMBER: [&str; 4] = [
    "invalid digit found in string",
    "cannot parse integer from empty string",
    "number too large to fit in target type",
    "number too small to fit in target type",
];
const RANGE: &str = " is not in ";

/// The arguments of this process; where they are wrong, or help is wanted, says so and ends it.
pub fn parse_or_exit<T: Parser>() -> T {
    T::try_parse().unwrap_or_else(|error| {
        if !error.use_stderr() {
            error.exit();
        }
        let text = error.render();
        let text = if std::io::stderr().is_terminal() { text.ansi().to_string() } else { text.to_string() };
        eprint!("{}", in_words(&text));
        exit(error.exit_code());
    })
}

/// A text about wrong arguments, in words for people.
pub fn in_words(text: &str) -> String {
    let text = NO_NUMBER.iter().fold(text.to_owned(), |text, phrase| text.replace(phrase, "it must be a whole number"));
    range_in_words(&text).unwrap_or(text)
}

/// `0 is not in 1..=9` as "it must be from 1 to 9".
fn range_in_words(text: &str) -> Option<String> {
    let (before, rest) = text.split_once(RANGE)?;
    let (range, after) = rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len()));
    let (least, most) = range.split_once("..")?;
    // The largest number of a type is no bound that anybody set.
    let bounds = match most.trim_start_matches('=') {
        "" | "18446744073709551615" | "9223372036854775807" => format!("{least} or more"),
        most => format!("from {least} to {most}"),
    };
    let number = before.rfind(char::is_whitespace).map_or(0, |at| at + 1);
    Some(format!("{}it must be {bounds}{after}", &before[..number]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Parser)]
    struct Arguments {
        #[arg(long, value_parser = clap::value_parser!(i32).range(1..=9))]
        few: Option<i32>,
        #[arg(long, value_parser = clap::value_parser!(u64).range(5..))]
        many: Option<u64>,
        #[arg(long)]
        plain: Option<u16>,
    }

    #[test]
    fn what_is_wrong_with_a_number_is_told_in_words() {
        for (given, expected) in [
            ("--few=0", "'--few <FEW>': it must be from 1 to 9\n"),
            ("--many=4", "'--many <MANY>': it must be 5 or more\n"),
            ("--few=x", "'--few <FEW>': it must be a whole number\n"),
            ("--plain=70000", "'--plain <PLAIN>': it must be from 0 to 65535\n"),
            ("--plain=1.5", "'--plain <PLAIN>': it must be a whole number\n"),
        ] {
            let text = in_words(&Arguments::try_parse_from(["x", given]).unwrap_err().to_string());
            assert!(text.contains(expected), "{text}");
        }
        assert_eq!(in_words("a file that is not in the folder"), "a file that is not in the folder");
    }
}
