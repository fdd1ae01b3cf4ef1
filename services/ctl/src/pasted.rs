//! Commands in messages: written so that they do what they say when they are pasted.
//!
//! Owns that a flag that was given is in them, and the program as it was called. A setting out of the environment is
//! there when the command is pasted, too.

use std::path::Path;

use clap::Args as _;
use tessera::config::KafkaArgs;

/// `tessera WORDS`, with the flags that say where Kafka is and how its topics are to be.
pub fn command(words: &str, kafka: &KafkaArgs) -> String {
    let program = std::env::args_os().next().unwrap_or_default();
    let called = Path::new(&program).to_string_lossy().into_owned();
    let program = if called.is_empty() { "tessera".to_owned() } else { called };
    format!("{} {words}{}", quoted(&program), flags(kafka))
}

/// The flags whose values are not those of the environment and of the defaults.
fn flags(kafka: &KafkaArgs) -> String {
    let command = KafkaArgs::augment_args(clap::Command::new("kafka"));
    let without = command.try_get_matches_from(["kafka"]).ok();
    let without = without.and_then(|matches| <KafkaArgs as clap::FromArgMatches>::from_arg_matches(&matches).ok());
    let without = without.unwrap_or_else(|| KafkaArgs::new("127.0.0.1:9092", ""));
    let all = |of: &KafkaArgs| {
        [
            ("--kafka-brokers", of.kafka_brokers.clone()),
            ("--topic-prefix", of.topic_prefix.clone()),
            ("--tasks-partitions", of.tasks_partitions.to_string()),
            ("--results-partitions", of.results_partitions.to_string()),
            ("--jobs-partitions", of.jobs_partitions.to_string()),
            ("--max-record-bytes", of.max_record_bytes.to_string()),
            ("--kafka-log-bytes", of.kafka_log_bytes.to_string()),
        ]
    };
    let given = all(kafka).into_iter().zip(all(&without)).filter(|(given, without)| given != without);
    given.map(|((flag, value), _)| format!(" {flag}={}", quoted(&value))).collect()
}

/// A text as a shell takes it for one word.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-:,=+@%".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_by_flag_is_in_the_command() {
        let kafka = KafkaArgs { tasks_partitions: 70, ..KafkaArgs::new("a:1,b:2", "x y.") };
        let command = command("topics raise", &kafka);
        assert!(command.ends_with("topics raise --kafka-brokers=a:1,b:2 --topic-prefix='x y.' --tasks-partitions=70"));
    }

    #[test]
    fn a_shell_takes_a_quoted_text_for_one_word() {
        assert_eq!((quoted("a:1"), quoted("it's"), quoted("")), ("a:1".into(), r"'it'\''s'".into(), "''".into()));
    }
}
