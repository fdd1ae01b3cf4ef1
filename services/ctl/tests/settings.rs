//! The executable's `config` and `jobs`: whatever is wrong is told at once, and by name.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::{Command, Output};

fn config(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tessera"));
    let given = std::env::vars_os().map(|(name, _)| name).filter(|name| name.to_string_lossy().starts_with("TESSERA_"));
    for name in given {
        command.env_remove(name);
    }
    command.arg("config").args(arguments).envs(environment.iter().copied()).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn every_wrong_setting_is_named_also_several_that_no_type_takes() {
    let wrong = [
        ("TESSERA_SYNC", "sometimes"),
        ("TESSERA_TASKS_PARTITIONS", "many"),
        ("TESSERA_JOBS_PARTITIONS", "0"),
        ("TESSERA_LOG_FORMAT", "xml"),
        ("TESSERA_KAFKA_BROKERS", "nowhere"),
        ("TESSERA_DRAIN_SECONDS", "60"),
    ];
    let output = config(&["--check"], &wrong);
    assert_eq!(output.status.code(), Some(2));
    let text = said(&output);
    for (name, value) in wrong {
        let line = text.lines().find(|line| line.contains(name));
        assert!(line.is_some_and(|line| line.contains(value)), "{name}: {text}");
    }
    assert!(text.contains("none, results, all"), "{text}");
    assert!(!text.contains("For more information"), "{text}");
}

#[test]
fn what_only_services_are_asked_is_an_unknown_flag_of_the_command() {
    let output = Command::new(env!("CARGO_BIN_EXE_tessera")).arg("--check").output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("--check"), "{}", said(&output));
}

#[test]
fn json_is_an_object_a_line() {
    let mut commands = vec![vec!["operations", "--json"], vec!["config", "--json"]];
    commands.push(vec!["config", "--print", "--json"]);
    for arguments in commands {
        let output = Command::new(env!("CARGO_BIN_EXE_tessera")).args(&arguments).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(lines.len() > 10 && lines.iter().all(serde_json::Value::is_object), "{arguments:?}: {text}");
    }
}

#[test]
fn a_variable_that_nothing_reads_is_warned_of_and_no_problem() {
    let output = config(&["--check"], &[("TESSERA_KAFKA_BROKER", "a:1"), ("TESSERA_TEST_X", "1")]);
    assert!(output.status.success(), "{}", said(&output));
    let text = said(&output);
    assert!(text.contains("TESSERA_KAFKA_BROKER ") && text.contains("TESSERA_KAFKA_BROKERS may be meant"), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}
