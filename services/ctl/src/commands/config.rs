//! `tessera config`: what the services' shared settings are here and now, and whether they agree.

use clap::{Args as _, FromArgMatches, parser::ValueSource};
use serde_json::{Value, json};
use tessera::bus::Topic;
use tessera::config::arguments::{CHECK, in_words, wrong_values};
use tessera::config::{KafkaArgs, LimitArgs, RedisArgs, ServiceArgs, StoreArgs, variables};

use crate::CtlError;
use crate::output::{self, Table};

/// Show or check the settings that all services share.
///
/// Reads the same variables as the services do. Passwords are not shown.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  tessera config --print
  TESSERA_TILE_SIZE=500 tessera config --check")]
pub struct Args {
    /// Print every setting, its value and where it comes from (the default).
    #[arg(long)]
    print: bool,
    /// Check that these settings agree with each other; all problems are told at once.
    #[arg(long)]
    check: bool,
    /// Print JSON: one object a setting, on a line of its own.
    #[arg(long)]
    json: bool,
}

const AGREE: &str = "the settings of all services agree\n";
const AGREE_IN_PART: &str = "the settings that all services share agree; each service checks its own when it starts\n";
/// The programs that have settings of their own, and stand beside this one.
const PROGRAMS: [&str; 5] =
    ["tessera-web", "tessera-splitter", "tessera-worker", "tessera-stitcher", "tessera-monitor"];
/// The smallest budget that every service can divide.
const SMALLEST_BUDGET_BYTES: u64 = 32 << 20;

pub fn run(args: &Args) -> Result<(), CtlError> {
    let command = [KafkaArgs::augment_args, RedisArgs::augment_args, StoreArgs::augment_args]
        .into_iter()
        .chain([LimitArgs::augment_args, ServiceArgs::augment_args])
        .fold(clap::Command::new("settings").disable_help_flag(true), |command, augment| augment(command));
    let wrong = wrong_values(&command);
    // What is wrong alone is left out where the rest is held against each other.
    let command = wrong.iter().fold(command, |command, (id, _)| command.mut_arg(id, |arg| arg.env(None::<&str>)));
    let matches = command.clone().try_get_matches_from(["settings"]).map_err(usage)?;
    if args.print || !args.check {
        if !wrong.is_empty() {
            return Err(CtlError::Usage(texts(wrong).join("\n")));
        }
        let settings = settings(&command, &matches);
        if args.json { output::print_json_lines(settings)? } else { output::print(&table(&settings))? }
    }
    for unknown in variables::unknown() {
        eprintln!("warning: {unknown}");
    }
    if !args.check {
        return Ok(());
    }
    let mut problems = problems(
        &KafkaArgs::from_arg_matches(&matches).map_err(usage)?,
        &RedisArgs::from_arg_matches(&matches).map_err(usage)?,
        &StoreArgs::from_arg_matches(&matches).map_err(usage)?,
        &LimitArgs::from_arg_matches(&matches).map_err(usage)?,
        &ServiceArgs::from_arg_matches(&matches).map_err(usage)?,
    );
    problems.splice(0..0, texts(wrong));
    let (of_services, are_all_here) = problems_of_services();
    let agree = if are_all_here { AGREE } else { AGREE_IN_PART };
    for problem in of_services {
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }
    if problems.is_empty() { output::print(agree) } else { Err(CtlError::Usage(problems.join("\n"))) }
}

/// What the services say of their own settings, and whether the programs of all of them are here.
fn problems_of_services() -> (Vec<String>, bool) {
    let this = std::env::current_exe().unwrap_or_default();
    let ask = |program: &&str| std::process::Command::new(this.with_file_name(program)).arg(CHECK).output().ok();
    let said: Vec<_> = PROGRAMS.iter().filter_map(ask).collect();
    let lines = |said: &std::process::Output| String::from_utf8_lossy(&said.stdout).into_owned();
    let problems = said.iter().map(lines).flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>());
    (problems.collect(), said.len() == PROGRAMS.len())
}

fn texts(wrong: Vec<(String, String)>) -> Vec<String> {
    wrong.into_iter().map(|(_, text)| text).collect()
}

fn usage(error: clap::Error) -> CtlError {
    CtlError::Usage(in_words(&error.to_string()).trim().trim_start_matches("error: ").to_owned())
}

fn settings(command: &clap::Command, matches: &clap::ArgMatches) -> Vec<Value> {
    let one = |arg: &clap::Arg| {
        let variable = arg.get_env()?.to_string_lossy().into_owned();
        let id = arg.get_id().as_str();
        let raw = matches.get_raw(id).into_iter().flatten().next();
        let mut value = raw.map(|raw| raw.to_string_lossy().into_owned()).unwrap_or_default();
        if variable == "TESSERA_REDIS_URL" {
            value = RedisArgs::new(value, "").redacted_url();
        }
        let is_default = matches.value_source(id) != Some(ValueSource::EnvVariable);
        let from = if is_default { "default" } else { "environment" };
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        Some(json!({ "variable": variable, "value": value, "from": from, "help": help }))
    };
    command.get_arguments().filter_map(one).collect()
}

fn table(settings: &[Value]) -> String {
    let mut table = Table::new(&["variable", "value", "from", "meaning"]);
    for setting in settings {
        table.row(["variable", "value", "from", "help"].map(|name| output::field(setting, name)));
    }
    table.render()
}

fn problems(
    kafka: &KafkaArgs,
    redis: &RedisArgs,
    store: &StoreArgs,
    limits: &LimitArgs,
    service: &ServiceArgs,
) -> Vec<String> {
    let is_broker = |text: &str| text.trim().rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let checks = [
        (
            kafka.kafka_brokers.split(',').all(is_broker),
            format!("TESSERA_KAFKA_BROKERS is {:?}: write HOST:PORT, several with commas", kafka.kafka_brokers),
        ),
        (
            ["redis://", "rediss://", "unix://"].iter().any(|scheme| redis.redis_url.starts_with(scheme)),
            format!("TESSERA_REDIS_URL is {:?}: it begins with redis://", redis.redacted_url()),
        ),
        (
            store.store.starts_with("file://"),
            format!("TESSERA_STORE is {:?}: it begins with file:// in this version", store.store),
        ),
        (
            limits.tile_size.is_multiple_of(16),
            format!("TESSERA_TILE_SIZE is {}: it is a multiple of 16", limits.tile_size),
        ),
        (
            limits.memory_budget >= SMALLEST_BUDGET_BYTES,
            format!("TESSERA_MEMORY_BUDGET is {}: at least {SMALLEST_BUDGET_BYTES}", limits.memory_budget),
        ),
        (
            u64::from(limits.max_side_px) <= limits.max_pixels,
            format!("TESSERA_MAX_SIDE_PX is {}: above TESSERA_MAX_PIXELS it means nothing", limits.max_side_px),
        ),
        (
            Topic::all_bytes(kafka) <= kafka.kafka_log_bytes,
            format!(
                "TESSERA_KAFKA_LOG_BYTES is {}: so many partitions and such records need {}",
                kafka.kafka_log_bytes,
                Topic::all_bytes(kafka)
            ),
        ),
        (
            service.drain_seconds < 40,
            format!(
                "TESSERA_DRAIN_SECONDS is {}: below 40, Kafka gives up on a member after 45",
                service.drain_seconds
            ),
        ),
    ];
    let problems = checks.into_iter().filter(|(is_fine, _)| !is_fine).map(|(_, problem)| problem);
    problems.chain(service.host_problems()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_problems_are_told_at_once() {
        let kafka = KafkaArgs { kafka_log_bytes: 64 << 20, ..KafkaArgs::new("nowhere", "") };
        let redis = RedisArgs::new("http://user:secret@host", "");
        let store = StoreArgs { store: "ftp://x".into(), scratch_dir: "x".into(), sync: tessera::config::Sync::None };
        let limits = LimitArgs { tile_size: 500, memory_budget: 1, ..LimitArgs::default() };
        let service = ServiceArgs { drain_seconds: 60, ..ServiceArgs::new("x", 1, "run") };
        let found = problems(&kafka, &redis, &store, &limits, &service);
        assert_eq!(found.len(), 7, "{found:?}");
        assert!(found.iter().all(|problem| !problem.contains("secret")));
        let store = StoreArgs { store: "file:///x".into(), ..store };
        let service = ServiceArgs::new("x", 1, "run");
        let fine = KafkaArgs::new("a:1,b:2", "");
        assert!(
            problems(&fine, &RedisArgs::new("redis://h/0", ""), &store, &LimitArgs::default(), &service).is_empty()
        );
    }
}
