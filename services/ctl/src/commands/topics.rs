//! `tessera topics`: the topics as they should be, as they are, and how far the services have read.

use clap::Subcommand;
use serde_json::{Value, json};
use tessera::bus::admin::{self, Change, Creation, PartitionLag, TopicState};
use tessera::bus::{BusError, Group, Topic};
use tessera::config::KafkaArgs;

use crate::output::{self, Table};
use crate::runtime::{block_on, bus_error};
use crate::{CtlError, pasted, progress};

/// Create, check, raise or list the Kafka topics.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  tessera topics create
  tessera topics check --kafka-brokers kafka-1:9092,kafka-2:9092
  tessera topics raise --tasks-partitions 128")]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// Create those that are missing; those that exist are left as they are.
    Create(Options),
    /// Compare partitions, sizes and retention with what is needed; exit code 1 tells of a problem.
    Check(Options),
    /// Bring those that exist to what is asked for: more partitions, never fewer; what their logs may take of the disk
    /// (TESSERA_KAFKA_LOG_BYTES). Nothing unread is removed, and settings that Tessera does not use are left.
    Raise(Options),
    /// List them with their records, and how many of these the services have still to read.
    List(Options),
}

#[derive(clap::Args, Debug)]
struct Options {
    /// Print JSON: one object a topic, on a line of its own; of a check, one in all.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    kafka: KafkaArgs,
}

pub fn run(args: &Args) -> Result<(), CtlError> {
    match &args.action {
        Action::Create(options) => create(options),
        Action::Check(options) => check(options),
        Action::Raise(options) => raise(options),
        Action::List(options) => list(options),
    }
}

/// Runs what asks Kafka.
fn ask<T>(asking: impl Future<Output = Result<T, BusError>>) -> Result<T, CtlError> {
    block_on(async { asking.await.map_err(|error| bus_error(&error)) })
}

fn create(options: &Options) -> Result<(), CtlError> {
    let kafka = &options.kafka;
    let made = ask(admin::create_topics(kafka))?;
    let states = ask(admin::look_at_topics(kafka))?;
    let word = |topic| {
        let created = made.iter().any(|(made, creation)| *made == topic && *creation == Creation::Created);
        if created { "created" } else { "exists" }
    };
    if options.json {
        let row = |state: &TopicState| json!({"topic": state.name, "partitions": state.partitions, "outcome": word(state.topic)});
        output::print_json_lines(states.iter().map(row))?;
    } else {
        let mut table = Table::new(&["topic", "partitions", "outcome"]);
        for state in &states {
            table.row([state.name.clone(), state.partitions.to_string(), word(state.topic).to_owned()]);
        }
        output::print(&table.render())?;
    }
    // They were left as they are; that is not always what is wanted.
    let differences = differences(&states);
    if !differences.is_empty() {
        let raise = pasted::command("topics raise", kafka);
        eprintln!("{}\nto change what exists, run: {raise}", differences.join("\n"));
    }
    Ok(())
}

/// What differs from what is asked for, be it a problem or not.
fn differences(states: &[TopicState]) -> Vec<String> {
    let problems = states.iter().flat_map(TopicState::problems).map(|problem| problem.to_string());
    problems.chain(states.iter().filter_map(too_roomy)).collect()
}

/// Says of a topic that may take more of the disk than is meant.
fn too_roomy(state: &TopicState) -> Option<String> {
    let may = state.most_bytes().map_or_else(|| "without bound".to_owned(), |bytes| format!("to {}", gigabytes(bytes)));
    let meant = gigabytes(state.wanted.most_bytes());
    let name = &state.name;
    state.is_too_roomy().then(|| format!("topic {name} may grow {may} on the disk, {meant} is meant"))
}

/// Bytes as people read them.
pub fn gigabytes(bytes: u64) -> String {
    let mega = bytes as f64 / 1e6;
    if mega < 1000.0 { format!("{mega:.0} MB") } else { format!("{:.1} GB", mega / 1000.0) }
}

fn check(options: &Options) -> Result<(), CtlError> {
    let kafka = &options.kafka;
    let states = ask(admin::look_at_topics(kafka))?;
    let problems: Vec<_> = states.iter().flat_map(TopicState::problems).collect();
    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let notices: Vec<String> = states.iter().filter_map(too_roomy).collect();
    let mut remedies: Vec<String> = Vec::new();
    for action in ["create", "raise"] {
        let is_needed = problems.iter().any(|of| of.problem.remedy() == action);
        if is_needed || (action == "raise" && !notices.is_empty()) {
            remedies.push(pasted::command(&format!("topics {action}"), kafka));
        }
    }
    let bytes = log_bytes(&states);
    if options.json {
        output::print_json(
            &json!({ "problems": texts, "notices": notices, "remedies": remedies, "log_bytes": bytes }),
        )?;
    }
    let lines =
        |texts: &[String], before: &str| texts.iter().map(|text| format!("{before}{text}\n")).collect::<String>();
    if texts.is_empty() {
        if options.json {
            return Ok(());
        }
        let disk = bytes.map_or_else(|| "without bound".to_owned(), |bytes| format!("to {}", gigabytes(bytes)));
        output::print(&format!("the topics are as they should be; their logs may grow {disk}\n"))?;
        return output::print(&(lines(&notices, "note: ") + &lines(&remedies, "do: ")));
    }
    let text = lines(&texts, "") + &lines(&notices, "note: ") + &lines(&remedies, "do: ");
    let found = if texts.len() == 1 { "a problem".to_owned() } else { format!("{} problems", texts.len()) };
    Err(CtlError::Failed(format!("{found} with the topics:\n{}", text.trim_end())))
}

/// What the logs of all topics may come to; `None` where nothing bounds one.
pub fn log_bytes(states: &[TopicState]) -> Option<u64> {
    let existing = states.iter().filter(|state| state.exists());
    existing.map(TopicState::most_bytes).try_fold(0u64, |sum, bytes| Some(sum.saturating_add(bytes?)))
}

fn raise(options: &Options) -> Result<(), CtlError> {
    let kafka = &options.kafka;
    let changed = ask(admin::raise_topics(kafka))?;
    let changed: Vec<(String, Vec<Change>)> =
        changed.into_iter().map(|(topic, changes)| (topic.name(kafka), changes)).collect();
    if options.json {
        let row = |(name, changes): &(String, Vec<Change>)| json!({"topic": name, "changes": changes.iter().map(ToString::to_string).collect::<Vec<_>>()});
        return output::print_json_lines(changed.iter().map(row));
    }
    let lines: String = changed
        .iter()
        .flat_map(|(name, changes)| changes.iter().map(move |change| format!("{name}: {change}\n")))
        .collect();
    output::print(if lines.is_empty() { "nothing to change: the topics are as they should be\n" } else { &lines })
}

/// The groups whose lag tells how far behind the services are; dead letters have no readers.
const GROUPS: [Group; 4] = [Group::Jobs, Group::Workers, Group::Stitchers, Group::Monitor];

fn list(options: &Options) -> Result<(), CtlError> {
    let mut progress = progress::Progress::new();
    let mut rows = Vec::new();
    for group in GROUPS {
        progress.show(|| format!("asking for {}", group.topic().base_name()));
        let lag = ask(admin::lag(&options.kafka, group))?;
        rows.push((group, lag));
    }
    progress.clear();
    if options.json {
        let value = |(group, lag): &(Group, Vec<PartitionLag>)| {
            json!({
                "topic": group.topic().name(&options.kafka),
                "group": group.name(&options.kafka),
                "partitions": lag.iter().map(partition_json).collect::<Vec<_>>(),
            })
        };
        return output::print_json_lines(rows.iter().map(value));
    }
    let mut table = Table::new(&["topic", "partitions", "records", "group", "unread"]);
    for (group, lag) in &rows {
        let records: i64 = lag.iter().map(|partition| partition.end - partition.begin).sum();
        let unread: i64 = lag.iter().map(PartitionLag::records).sum();
        let name = group.topic().name(&options.kafka);
        table.row([name, lag.len().to_string(), records.to_string(), group.name(&options.kafka), unread.to_string()]);
    }
    for topic in Topic::ALL.into_iter().filter_map(Topic::dead_letters) {
        table.row([topic.name(&options.kafka), "1".to_owned(), "see `tessera dlq list`".to_owned()]);
    }
    output::print(&table.render())
}

fn partition_json(lag: &PartitionLag) -> Value {
    json!({
        "partition": lag.partition,
        "begin": lag.begin,
        "end": lag.end,
        "committed": lag.committed,
        "unread": lag.records(),
    })
}
