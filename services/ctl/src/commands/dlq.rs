//! `tessera dlq`: records that were set aside, and why. Only looks; nothing is taken or sent.

use clap::Subcommand;
use serde_json::{Value, json};
use tessera::bus::Topic;
use tessera::bus::admin::{self, Peeked};
use tessera::config::KafkaArgs;

use crate::CtlError;
use crate::output::{self, Table};
use crate::runtime::{block_on, bus_error};

/// Look at dead letters: records that could not be understood or run.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: tessera dlq list --topic tasks --limit 5")]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// List the latest of each topic; they stay where they are.
    List(ListArgs),
}

#[derive(clap::Args, Debug)]
struct ListArgs {
    /// Only those that came from this topic.
    #[arg(long, value_parser = ["jobs", "tasks", "results"])]
    topic: Option<String>,
    /// The most to list of each topic.
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    kafka: KafkaArgs,
}

pub fn run(args: &Args) -> Result<(), CtlError> {
    let Action::List(args) = &args.action;
    let is_wanted = |topic: &Topic| args.topic.as_deref().is_none_or(|name| name == topic.base_name());
    let sources = Topic::ALL.into_iter().filter(is_wanted);
    let mut letters = Vec::new();
    for topic in sources.filter_map(Topic::dead_letters) {
        let limit = usize::from(args.limit);
        let task = async { admin::peek(&args.kafka, topic, limit).await.map_err(|error| bus_error(&error)) };
        letters.extend(block_on(task)?.into_iter().map(|letter| (topic, letter)));
    }
    if args.json {
        let values: Vec<Value> = letters.iter().map(|(topic, letter)| to_json(*topic, letter)).collect();
        return output::print_json(&json!(values));
    }
    let mut table = Table::new(&["topic", "offset", "failed at", "class", "from", "attempts", "bytes", "why"]);
    for (topic, letter) in &letters {
        let header = |name| letter.headers.get(name).map_or_else(|| "-".to_owned(), output::clean);
        let from = format!("{}/{}@{}", header("origin-topic"), header("origin-partition"), header("origin-offset"));
        table.row([
            topic.base_name().to_owned(),
            letter.offset.to_string(),
            header("failed-at"),
            header("error-class"),
            from,
            header("attempts"),
            letter.payload_bytes.to_string(),
            header("error-message"),
        ]);
    }
    if table.is_empty() { output::print("no dead letters\n") } else { output::print(&table.render()) }
}

fn to_json(topic: Topic, letter: &Peeked) -> Value {
    let headers: serde_json::Map<String, Value> = letter
        .headers
        .iter()
        .map(|(name, value)| (name.to_owned(), String::from_utf8_lossy(value).into_owned().into()))
        .collect();
    json!({
        "topic": topic.base_name(),
        "partition": letter.partition,
        "offset": letter.offset,
        "key": letter.key.as_deref().map(String::from_utf8_lossy),
        "payload_bytes": letter.payload_bytes,
        "headers": headers,
    })
}
