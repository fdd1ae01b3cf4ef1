//! `tessera topics`: the topics as they should be, as they are, and how far the services have read.

use clap::Subcommand;
use serde_json::{Value, json};
use tessera::bus::admin::{self, Creation, PartitionLag};
use tessera::bus::{Group, Topic};
use tessera::config::KafkaArgs;

use crate::output::{self, Table};
use crate::runtime::{block_on, bus_error};
use crate::{CtlError, progress};

/// Create, check or list the Kafka topics.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  tessera topics create
  tessera topics check --kafka-brokers kafka-1:9092,kafka-2:9092")]
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
    /// List them with their records, and how many of these the services have still to read.
    List(Options),
}

#[derive(clap::Args, Debug)]
struct Options {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    kafka: KafkaArgs,
}

pub fn run(args: &Args) -> Result<(), CtlError> {
    match &args.action {
        Action::Create(options) => create(options),
        Action::Check(options) => check(options),
        Action::List(options) => list(options),
    }
}

fn create(options: &Options) -> Result<(), CtlError> {
    let kafka = &options.kafka;
    let made = block_on(async { admin::create_topics(kafka).await.map_err(|error| bus_error(&error)) })?;
    let word = |creation| if creation == Creation::Created { "created" } else { "exists" };
    if options.json {
        let topics: Vec<Value> = made
            .iter()
            .map(|(topic, creation)| json!({"topic": topic.name(kafka), "outcome": word(*creation)}))
            .collect();
        return output::print_json(&json!(topics));
    }
    let mut table = Table::new(&["topic", "partitions", "outcome"]);
    for (topic, creation) in made {
        let partitions = topic.settings(kafka).partitions.to_string();
        table.row([topic.name(kafka), partitions, word(creation).to_owned()]);
    }
    output::print(&table.render())
}

fn check(options: &Options) -> Result<(), CtlError> {
    let kafka = &options.kafka;
    let problems = block_on(async { admin::check_topics(kafka).await.map_err(|error| bus_error(&error)) })?;
    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    if options.json {
        output::print_json(&json!({ "problems": texts }))?;
    }
    match texts.len() {
        0 if options.json => Ok(()),
        0 => output::print("the topics are as they should be\n"),
        count => Err(CtlError::Failed(format!("{count} problems with topics:\n{}", texts.join("\n")))),
    }
}

/// The groups whose lag tells how far behind the services are; dead letters have no readers.
const GROUPS: [Group; 4] = [Group::Jobs, Group::Workers, Group::Stitchers, Group::Monitor];

fn list(options: &Options) -> Result<(), CtlError> {
    let mut progress = progress::Progress::new();
    let mut rows = Vec::new();
    for group in GROUPS {
        progress.show(|| format!("asking for {}", group.topic().base_name()));
        let lag = block_on(async { admin::lag(&options.kafka, group).await.map_err(|error| bus_error(&error)) })?;
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
        return output::print_json(&json!(rows.iter().map(value).collect::<Vec<_>>()));
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
