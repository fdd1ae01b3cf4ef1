//! The settings that a program works with, as `name=value`, for its first line of log.
//!
//! Owns that no password is among them. Values are those that were given, whether by a flag, a variable or the default.

use std::fmt;

use super::RedisArgs;

/// The argument whose value may hold a password.
const SECRET: &str = "redis_url";

/// Settings by name, in the order of the help. What has neither a value nor a default is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective(Vec<(String, String)>);

impl Effective {
    /// Those of a command that was given these arguments.
    pub fn of(command: &clap::Command, matches: &clap::ArgMatches) -> Self {
        let one = |arg: &clap::Arg| {
            let name = arg.get_id().as_str();
            let given = matches.try_get_raw(name).ok().flatten()?;
            let given: Vec<_> = given.map(|value| value.to_string_lossy()).collect();
            let value = given.join(",");
            let value = if name == SECRET { RedisArgs::new(value, "").redacted_url() } else { value };
            Some((name.to_owned(), value))
        };
        Self(command.get_arguments().filter_map(one).collect())
    }
}

impl fmt::Display for Effective {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, value)) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { " " };
            let is_plain = |letter: char| !letter.is_whitespace() && !letter.is_control() && letter != '"';
            if !value.is_empty() && value.chars().all(is_plain) {
                write!(out, "{separator}{name}={value}")?;
            } else {
                write!(out, "{separator}{name}={value:?}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;
    use crate::config::{KafkaArgs, ServiceArgs};

    #[derive(Debug, Parser)]
    struct Arguments {
        #[command(flatten)]
        service: ServiceArgs,
        #[command(flatten)]
        kafka: KafkaArgs,
        #[command(flatten)]
        redis: RedisArgs,
    }

    fn told(args: &[&str]) -> String {
        let command = Arguments::command();
        let matches = command.clone().get_matches_from([&["x"], args].concat());
        Effective::of(&command, &matches).to_string()
    }

    #[test]
    fn settings_are_told_by_name_with_their_defaults_and_no_password() {
        let text =
            told(&["--redis-url", "redis://user:secret@host:1/0", "--run-dir", "a b", "--allowed-hosts", "a,b:1"]);
        for setting in [
            "redis_url=redis://***@host:1/0",
            "run_dir=\"a b\"",
            "allowed_hosts=a,b:1",
            "log_format=text",
            "drain_seconds=15",
            "tasks_partitions=64",
            "topic_prefix=\"\"",
        ] {
            assert!(text.contains(setting), "{setting}: {text}");
        }
        assert!(!text.contains("secret") && !text.contains('{') && !text.contains("Some("), "{text}");
        assert!(!told(&["--redis-url", "unix:///s?db=1&pass=secret&user=x"]).contains("secret"));
    }
}
