//! `tessera dlq`: records that were set aside and why; looked at, sent once more, or dropped.

mod shown;

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;
use serde_json::json;
use tessera::bus::admin::{self, Letter, Peeked};
use tessera::bus::{Producer, Topic};
use tessera::config::KafkaArgs;

use crate::CtlError;
use crate::output::{self, Table};
use crate::runtime::{block_on, bus_error};
use crate::target::Target;
use shown::{letter_json, peeked_json, shown};

/// Look at dead letters, records that could not be understood or run; send them once more, or drop them.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  tessera dlq list --topic tasks --limit 5
  tessera dlq show tasks 12
  tessera dlq redrive tasks 12
  tessera dlq drop tasks --through 12 --yes")]
pub struct Args {
    #[command(subcommand)]
    action: Action,
    /// Print JSON: one object a dead letter, on a line of its own; of what was done, one in all.
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    kafka: KafkaArgs,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// List the latest of each topic; they stay where they are.
    List(ListArgs),
    /// Show one, with all its headers and its value.
    Show(ShowArgs),
    /// Send one, or all of a topic, once more to where it came from. It also stays where it is: drop it afterwards.
    Redrive(RedriveArgs),
    /// Drop all of a topic, or those up to one. Without --yes it only says what would be dropped.
    Drop(DropArgs),
}

#[derive(clap::Args, Debug)]
struct ListArgs {
    /// Only those that came from this topic.
    #[arg(long, value_parser = source)]
    topic: Option<String>,
    /// The most to list of each topic.
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
}

#[derive(clap::Args, Debug)]
struct ShowArgs {
    /// The topic that it came from.
    #[arg(value_parser = source)]
    topic: String,
    /// Its offset among the dead letters, as `list` shows it.
    offset: i64,
    /// Write its value to this file instead of showing it.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(clap::Args, Debug)]
struct RedriveArgs {
    /// The topic that it came from.
    #[arg(value_parser = source)]
    topic: String,
    /// Its offset among the dead letters, as `list` shows it.
    #[arg(required_unless_present = "all")]
    offset: Option<i64>,
    /// All of the topic, the latest thousand at most.
    #[arg(long, conflicts_with = "offset")]
    all: bool,
}

#[derive(clap::Args, Debug)]
struct DropArgs {
    /// The topic that they came from.
    #[arg(value_parser = source)]
    topic: String,
    /// Those up to and with this offset; else all.
    #[arg(long, value_name = "OFFSET")]
    through: Option<i64>,
    /// Drop them.
    #[arg(long)]
    yes: bool,
}

const SOURCES: [&str; 3] = ["jobs", "tasks", "results"];

/// A topic that has dead letters, by its own name or by theirs, as `list` shows it.
fn source(text: &str) -> Result<String, String> {
    let name = text.strip_suffix(".dlq").unwrap_or(text);
    let known = SOURCES.contains(&name).then(|| name.to_owned());
    known.ok_or_else(|| format!("it is one of {}", SOURCES.join(", ")))
}
const MOST_REDRIVEN: usize = 1000;
const FLUSH_LIMIT: Duration = Duration::from_secs(10);

pub fn run(args: &Args) -> Result<(), CtlError> {
    match &args.action {
        Action::List(list) => self::list(args, list),
        Action::Show(show) => self::show(args, show),
        Action::Redrive(redrive) => self::redrive(args, redrive),
        Action::Drop(drop) => self::drop(args, drop),
    }
}

/// The dead letters of the topic called `source`.
fn letters_of(source: &str) -> Result<Topic, CtlError> {
    let topic = Topic::ALL.into_iter().find(|topic| topic.base_name() == source);
    topic.and_then(Topic::dead_letters).ok_or_else(|| CtlError::Usage(format!("{source} has no dead letters")))
}

fn peek(args: &Args, topic: Topic, limit: usize) -> Result<Vec<Peeked>, CtlError> {
    block_on(async { admin::peek(&args.kafka, topic, limit).await.map_err(|error| bus_error(&error)) })
}

fn list(args: &Args, wanted: &ListArgs) -> Result<(), CtlError> {
    let sources = SOURCES.into_iter().filter(|source| wanted.topic.as_deref().is_none_or(|name| name == *source));
    let mut letters = Vec::new();
    for source in sources {
        let topic = letters_of(source)?;
        letters.extend(peek(args, topic, usize::from(wanted.limit))?.into_iter().map(|letter| (topic, letter)));
    }
    if args.json {
        return output::print_json_lines(letters.iter().map(|(topic, letter)| peeked_json(*topic, letter)));
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

fn show(args: &Args, wanted: &ShowArgs) -> Result<(), CtlError> {
    let letter = read(args, letters_of(&wanted.topic)?, wanted.offset)?;
    if let Some(path) = &wanted.output {
        let mut target = Target::at(path)?;
        target.open()?.write_all(&letter.payload).map_err(CtlError::file("writing", path))?;
        return target.finish();
    }
    if args.json {
        return output::print_json(&letter_json(&letter));
    }
    let mut text = String::new();
    for (name, value) in letter.headers.iter() {
        text += &format!("{:<18} {}\n", output::clean(name), output::clean(&String::from_utf8_lossy(value)));
    }
    let key = letter.key.as_deref().map_or_else(|| "-".into(), String::from_utf8_lossy);
    text += &format!("{:<18} {}\n{:<18} {} bytes\n", "key", output::clean(&key), "value", letter.payload.len());
    output::print(&(text + &shown(&letter.payload)))
}

fn redrive(args: &Args, wanted: &RedriveArgs) -> Result<(), CtlError> {
    let topic = letters_of(&wanted.topic)?;
    let offsets: Vec<i64> = match wanted.offset {
        Some(offset) => vec![offset],
        None => peek(args, topic, MOST_REDRIVEN)?.iter().map(|letter| letter.offset).collect(),
    };
    let mut sent = Vec::new();
    for offset in offsets {
        let letter = read(args, topic, offset)?;
        let Some(record) = letter.record() else { continue };
        block_on(async {
            let producer = Producer::connect(&args.kafka, "tessera-redrive").map_err(|error| bus_error(&error))?;
            producer.send(record).await.map_err(|error| bus_error(&error))?;
            producer.flush(FLUSH_LIMIT).await.map_err(|error| bus_error(&error))
        })?;
        sent.push(offset);
    }
    if args.json {
        return output::print_json(&json!({ "topic": wanted.topic, "redriven": sent }));
    }
    output::print(&format!("{} sent once more to {}\n", sent.len(), wanted.topic))?;
    if let Some(last) = sent.last() {
        eprintln!(
            "tessera: they also stay where they are; to drop them: tessera dlq drop {} --through {last} --yes\n\
             tessera: a job that has failed takes nothing more in: tessera retry ID",
            wanted.topic
        );
    }
    Ok(())
}

fn drop(args: &Args, wanted: &DropArgs) -> Result<(), CtlError> {
    let topic = letters_of(&wanted.topic)?;
    let letters = peek(args, topic, MOST_REDRIVEN)?;
    let through = wanted.through.unwrap_or(i64::MAX);
    let count = letters.iter().filter(|letter| letter.offset <= through).count();
    let more = if letters.len() == MOST_REDRIVEN { " or more" } else { "" };
    if !wanted.yes {
        if args.json {
            return output::print_json(&json!({ "topic": wanted.topic, "would_drop": count, "dropped": 0 }));
        }
        eprintln!("tessera: {count}{more} dead letters of {} would be dropped: say --yes to do it", wanted.topic);
        return Ok(());
    }
    if let Some(last) = letters.last().filter(|last| through != i64::MAX && through > last.offset) {
        return Err(CtlError::Usage(format!("the last dead letter of {} is {}", wanted.topic, last.offset)));
    }
    if count > 0 {
        block_on(async {
            admin::drop_letters(&args.kafka, topic, wanted.through).await.map_err(|error| bus_error(&error))
        })?;
    }
    if args.json {
        return output::print_json(&json!({ "topic": wanted.topic, "dropped": count }));
    }
    output::print(&format!("{count}{more} dropped\n"))
}

fn read(args: &Args, topic: Topic, offset: i64) -> Result<Letter, CtlError> {
    let letter =
        block_on(async { admin::read_letter(&args.kafka, topic, offset).await.map_err(|error| bus_error(&error)) })?;
    let name = topic.base_name();
    letter.ok_or_else(|| CtlError::Failed(format!("{name} has no record at {offset}: see tessera dlq list")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_known_by_its_name_and_by_that_of_its_dead_letters() {
        assert_eq!((source("jobs"), source("jobs.dlq")), (Ok("jobs".to_owned()), Ok("jobs".to_owned())));
        assert!(source("heartbeats").is_err() && source("jobs.dlq.dlq").is_err());
    }
}
