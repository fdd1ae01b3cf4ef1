//! `tessera doctor`: what each dependency says, and the remedy where one is missing.

mod store;

use std::time::Duration;

use serde_json::{Value, json};
use tessera::bus::admin::{self, TopicState};
use tessera::bus::{Producer, Topic};
use tessera::config::{KafkaArgs, RedisArgs, StoreArgs};
use tessera::state::{State, StateOptions};

use super::topics::{gigabytes, log_bytes};
use crate::api::Api;
use crate::commands::scrub;
use crate::error::with_causes;
use crate::output;
use crate::runtime::block_on;
use crate::{CtlError, pasted};

/// Check that everything Tessera needs is there, and say what to do where it is not.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: . var/env && tessera doctor")]
pub struct Args {
    /// Print JSON: one object a check, on a line of its own; with --scrub, one in all.
    #[arg(long)]
    json: bool,
    /// Make the store that is set here the system's, in place of the one the services agreed on. Stop them first.
    #[arg(long)]
    adopt_store: bool,
    /// Read every picture and result in the store, and say which are damaged. Mends nothing.
    #[arg(long, conflicts_with = "adopt_store")]
    scrub: bool,
    #[command(flatten)]
    kafka: KafkaArgs,
    #[command(flatten)]
    redis: RedisArgs,
    #[command(flatten)]
    store: StoreArgs,
}

/// One thing that was looked at.
struct Finding {
    what: &'static str,
    /// What it said, or what is wrong.
    said: Result<String, String>,
    remedy: String,
}

const LIMIT: Duration = Duration::from_secs(12);

pub fn run(args: &Args, api: &Api) -> Result<(), CtlError> {
    let mut partitions = args.kafka.tasks_partitions;
    if args.adopt_store {
        return block_on(store::adopt(args));
    }
    if args.scrub {
        return block_on(scrub::run(&args.store, args.json));
    }
    let mut findings = block_on(async {
        let (kafka, topics, found) = kafka(&args.kafka).await;
        partitions = found.unwrap_or(partitions);
        let (redis, sentinel) = redis(&args.redis).await;
        Ok(vec![kafka, topics, redis, sentinel, store::look(args).await])
    })?;
    let (web, workers) = web(api, partitions, &args.kafka);
    findings.extend([web, workers]);
    if args.json {
        output::print_json_lines(findings.iter().map(to_json))?;
    } else {
        output::print(&findings.iter().map(describe).collect::<String>())?;
    }
    let bad = findings.iter().filter(|finding| finding.said.is_err()).count();
    if bad == 0 { Ok(()) } else { Err(CtlError::Failed(format!("{bad} of {} checks failed", findings.len()))) }
}

fn describe(finding: &Finding) -> String {
    match &finding.said {
        Ok(text) => format!("ok    {:<9} {text}\n", finding.what),
        Err(text) => format!("FAIL  {:<9} {text}\n                do: {}\n", finding.what, finding.remedy),
    }
}

fn to_json(finding: &Finding) -> Value {
    let (is_ok, text) = match &finding.said {
        Ok(text) => (true, text),
        Err(text) => (false, text),
    };
    json!({ "check": finding.what, "ok": is_ok, "said": text, "remedy": if is_ok { None } else { Some(&finding.remedy) } })
}

/// The task's answer; a task that hangs is an answer too.
async fn bounded<T, E: std::error::Error>(task: impl Future<Output = Result<T, E>>) -> Result<T, String> {
    match tokio::time::timeout(LIMIT, task).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(output::clean(&with_causes(&error))),
        Err(_) => Err(format!("no answer within {} s", LIMIT.as_secs())),
    }
}

/// Kafka and its topics, and how many partitions `tasks` really has.
async fn kafka(args: &KafkaArgs) -> (Finding, Finding, Option<i32>) {
    let answers = bounded(async { Producer::connect(args, "tessera-doctor")?.is_up().await }).await;
    let is_up = answers.is_ok();
    let kafka = Finding {
        what: "kafka",
        said: answers.map(|()| format!("answers at {}", args.kafka_brokers)),
        remedy: "start Kafka (ops/up), or say where it is: TESSERA_KAFKA_BROKERS=HOST:PORT".to_owned(),
    };
    let states = if is_up {
        bounded(admin::look_at_topics(args)).await
    } else {
        Err("not looked at: Kafka does not answer".to_owned())
    };
    let tasks = states.as_ref().ok().and_then(|states| states.iter().find(|state| state.topic == Topic::Tasks));
    let partitions = tasks.filter(|tasks| tasks.exists()).and_then(|tasks| i32::try_from(tasks.partitions).ok());
    (kafka, topics(states, args), partitions)
}

fn topics(states: Result<Vec<TopicState>, String>, args: &KafkaArgs) -> Finding {
    let mut action = "create";
    let said = states.and_then(|states| {
        let problems: Vec<_> = states.iter().flat_map(TopicState::problems).collect();
        let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
        if !problems.iter().any(|of| of.problem.remedy() == "create") {
            action = "raise";
        }
        let disk =
            log_bytes(&states).map_or_else(|| "without bound".to_owned(), |bytes| format!("to {}", gigabytes(bytes)));
        let meant = gigabytes(args.kafka_log_bytes);
        let raise = pasted::command("topics raise", args);
        match (texts.is_empty(), states.iter().any(TopicState::is_too_roomy)) {
            (false, _) => Err(texts.join("; ")),
            (true, false) => Ok(format!("as they should be; their logs may grow {disk}")),
            (true, true) => Ok(format!("their logs may grow {disk}, {meant} is meant; to change that: {raise}")),
        }
    });
    Finding { what: "topics", said, remedy: pasted::command(&format!("topics {action}"), args) }
}

async fn redis(args: &RedisArgs) -> (Finding, Finding) {
    let alive = match State::lazy(args, StateOptions::default()) {
        Ok(state) => bounded(state.is_alive()).await,
        Err(error) => Err(error.to_string()),
    };
    let sentinel = match &alive {
        Ok(true) => Ok("holds the state of the jobs".to_owned()),
        Ok(false) => Err("has lost its data, or is new: tessera:alive is missing".to_owned()),
        Err(_) => Err("not looked at: Redis does not answer".to_owned()),
    };
    let redis = Finding {
        what: "redis",
        said: alive.map(|_| format!("answers at {}", args.redacted_url())),
        remedy: "start Redis (ops/up), or say where it is: TESSERA_REDIS_URL=redis://HOST:PORT/0".to_owned(),
    };
    let remedy = "start the monitor: it rebuilds the state from the store within seconds".to_owned();
    (redis, Finding { what: "state", said: sentinel, remedy })
}

fn web(api: &Api, partitions: i32, kafka: &KafkaArgs) -> (Finding, Finding) {
    let said = match api.probe("/readyz") {
        Ok((true, _)) => Ok(format!("ready at {}", api.base())),
        Ok((false, text)) => Err(format!("not ready: {}", output::clean(text.trim()))),
        Err(error) => Err(error.to_string()),
    };
    let is_up = said.is_ok();
    let remedy = "start it (ops/up), or say where it is: TESSERA_URL=http://HOST:PORT".to_owned();
    let web = Finding { what: "web", said, remedy };
    let live = |answer: Value| {
        let workers = answer["workers"].as_array().map(Vec::as_slice).unwrap_or_default();
        let alive = workers.iter().filter(|worker| worker["alive"] == true);
        let inline: Vec<String> = alive
            .clone()
            .filter(|worker| worker["payload"] == "inline")
            .map(|worker| output::field(worker, "id"))
            .collect();
        (alive.count(), inline)
    };
    let counted = api.get("/workers").map(live);
    let alive = counted.as_ref().map_or(0, |(count, _)| *count);
    let said = match counted {
        Ok((count, inline)) => match (count, spare(count, partitions)) {
            (0, _) => Err("none is alive: jobs wait".to_owned()),
            (_, 0) => Ok(format!("{count} alive; {}", ways(&inline))),
            (_, spare) => Err(format!("{count} alive, but tasks has {partitions} partitions: {spare} have no work")),
        },
        Err(_) if !is_up => Err("not looked at: web is not ready".to_owned()),
        Err(error) => Err(error.to_string()),
    };
    (web, Finding { what: "workers", said, remedy: workers_remedy(alive, kafka) })
}

fn workers_remedy(alive: usize, kafka: &KafkaArgs) -> String {
    match i32::try_from(alive) {
        Ok(wanted) if wanted > 0 => {
            let raise = pasted::command("topics raise", &KafkaArgs { tasks_partitions: wanted, ..kafka.clone() });
            format!("{raise}   # or run fewer workers")
        }
        _ => "start some, as with ops/scale workers 2".to_owned(),
    }
}

/// Whether tiles can travel by the store, by the workers that do not reach it.
fn ways(inline: &[String]) -> String {
    match inline {
        [] => "all reach the store, so tiles can go by its slots (TESSERA_PAYLOAD)".to_owned(),
        some => format!(
            "tiles go in records unless TESSERA_PAYLOAD=shared, as the store (TESSERA_STORE) is not reached by {}",
            some.join(", ")
        ),
    }
}

/// Workers for which there is no partition of `tasks`.
fn spare(workers: usize, partitions: i32) -> usize {
    workers.saturating_sub(usize::try_from(partitions).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_beyond_the_partitions_have_no_work() {
        assert_eq!((spare(64, 64), spare(2, 64), spare(70, 64)), (0, 0, 6));
    }
}
