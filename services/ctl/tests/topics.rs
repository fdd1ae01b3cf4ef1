//! `tessera topics` on a real broker: what it says is so, and the commands that it prints do what they say.
#![cfg(feature = "broker-tests")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::process::{Command, Output};

/// Topics under a prefix of their own, that a shell must quote.
struct Place {
    flags: [String; 5],
}

impl Place {
    fn new(name: &str) -> Self {
        let brokers = std::env::var("TESSERA_TEST_KAFKA_BROKERS").expect("TESSERA_TEST_KAFKA_BROKERS names a broker");
        let prefix = format!("ctl-{name}-{}.", std::process::id());
        let partitions = [("tasks", 4), ("results", 2), ("jobs", 1)];
        let [tasks, results, jobs] = partitions.map(|(topic, count)| format!("--{topic}-partitions={count}"));
        Self { flags: [format!("--kafka-brokers={brokers}"), format!("--topic-prefix={prefix}"), tasks, results, jobs] }
    }

    fn topics(&self, action: &str, more: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tessera"));
        let flags: Vec<&str> = self.flags.iter().map(String::as_str).collect();
        let kept = flags.iter().filter(|flag| !more.iter().any(|other| same_flag(flag, other)));
        command.args(["topics", action]).args(kept).args(more).env_remove("TESSERA_TOPIC_PREFIX").output().unwrap()
    }
}

fn same_flag(one: &str, other: &str) -> bool {
    one.split('=').next() == other.split('=').next()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Runs every command that was printed, as a user who pastes them.
fn paste(text: &str) -> usize {
    let commands: Vec<&str> =
        text.lines().filter_map(|line| line.split_once("do: ").or(line.split_once("run: "))).map(|of| of.1).collect();
    for command in &commands {
        let output = Command::new("sh").args(["-c", command]).output().unwrap();
        assert!(output.status.success(), "{command}: {}", said(&output));
    }
    commands.len()
}

#[test]
fn what_check_prints_mends_the_topics_when_it_is_pasted() {
    let place = Place::new("paste");
    let missing = place.topics("check", &[]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(said(&missing).contains("tasks is missing"), "{}", said(&missing));
    assert_eq!(paste(&said(&missing)), 1);
    let made = place.topics("check", &[]);
    assert!(made.status.success(), "{}", said(&made));
    // More partitions are asked for, and less of the disk.
    let more = ["--tasks-partitions=7", "--kafka-log-bytes=1000000000"];
    let too_few = place.topics("check", &more);
    assert_eq!(too_few.status.code(), Some(1));
    let text = said(&too_few);
    assert!(text.contains("tasks has 4 partitions, 7 are needed") && text.contains("may grow to"), "{text}");
    let created = place.topics("create", &more);
    assert!(created.status.success() && said(&created).contains("4           exists"), "{}", said(&created));
    assert_eq!(paste(&said(&created)), 1);
    let raised = place.topics("check", &more);
    assert!(raised.status.success() && !said(&raised).contains("note:"), "{}", said(&raised));
    let listed = place.topics("list", &[]);
    let tasks = said(&listed).lines().find(|line| line.contains(".tasks ")).map(str::to_owned);
    assert_eq!(tasks.as_deref().and_then(|line| line.split_whitespace().nth(1)), Some("7"), "{}", said(&listed));
    let again = place.topics("raise", &more);
    assert!(said(&again).contains("nothing to change"), "{}", said(&again));
}
