//! One trace from upload to result: the same id in the answer, the state, every record and every service's log.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Headers;
use serde_json::Value;
use tessera::bus::Topic;

use crate::support::http::Form;
use crate::support::system::{Options, System};
use crate::support::{LONG, pictures, wait_for};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

fn with_json_logs() -> Result<System> {
    let settings = [("TESSERA_LOG_FORMAT", "json"), ("RUST_LOG", "info,tessera_worker=debug")];
    let environment = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    System::start(&Options { environment, ..Options::default() })
}

/// The lines of a process's log that are about a job, as they must be: JSON, with the trace's id.
fn lines_about(system: &mut System, name: &str, job: &str) -> Result<Vec<Value>> {
    let log = system.process(name)?.log_tail(usize::MAX);
    let lines = log.lines().filter(|line| line.contains(job));
    let lines: Result<Vec<Value>, _> = lines.map(serde_json::from_str).collect();
    lines.with_context(|| format!("{name}: a line is no JSON"))
}

/// The traces that the records of a topic name.
fn traces(system: &System, topic: Topic) -> Result<Vec<Option<String>>> {
    let consumer: BaseConsumer = rdkafka::ClientConfig::new()
        .set("bootstrap.servers", &system.kafka.kafka_brokers)
        .set("group.id", format!("{}traces", system.prefix))
        .set("auto.offset.reset", "earliest")
        .create()?;
    let (name, partitions) = (topic.name(&system.kafka), topic.settings(&system.kafka).partitions);
    let mut expected = 0;
    for partition in 0..partitions {
        let (low, high) = consumer.fetch_watermarks(&name, partition, Duration::from_secs(5))?;
        expected += usize::try_from(high - low)?;
    }
    consumer.subscribe(&[&name])?;
    let mut found = Vec::new();
    while found.len() < expected {
        let polled = wait_for("a record to look at", LONG, || Ok(consumer.poll(Duration::from_millis(100))))?;
        let message = polled?;
        let header = message.headers().into_iter().flat_map(Headers::iter).find(|header| header.key == "traceparent");
        let text = header.and_then(|header| header.value).map(|value| String::from_utf8_lossy(value).into_owned());
        found.push(text);
    }
    Ok(found)
}

#[test]
fn one_trace_leads_from_the_upload_through_every_service_to_the_result() -> Result<()> {
    let mut system = with_json_logs()?;
    let picture = pictures::rgb_png(1100, 900, 71)?;
    let sent = format!("00-{TRACE}-b7ad6b7169203331-01");
    let form = Form::picture("traced.png", &picture, &["invert"]);
    // It would remove the records that are to be looked at.
    system.process("monitor")?.signal(libc::SIGSTOP)?;
    let answer = system.client.post("/api/v1/jobs", &form, &[("traceparent", sent.as_str())])?;
    ensure!(answer.status == 202, "{}: {}", answer.status, answer.text());
    assert_eq!(answer.header("traceparent"), Some(sent.as_str()));
    let job = answer.json()?["id"].as_str().context("no id")?.to_owned();
    system.compare(&job, &picture, &["invert"])?;
    assert_eq!(system.job(&job)?["trace_id"], TRACE);
    assert_eq!(system.field(&job, "traceparent")?, Some(sent.clone()));
    for (name, span) in [
        ("web", "upload.accept"),
        ("splitter", "picture.cut"),
        ("worker-1", "tile.execute"),
        ("worker-2", "tile.execute"),
        ("stitcher-1", "stage.stitch"),
    ] {
        let lines = wait_for(&format!("{name} to log the job"), LONG, || {
            let lines = lines_about(&mut system, name, &job)?;
            Ok(lines.iter().any(|line| line["span"]["name"] == span).then_some(lines))
        })?;
        for line in lines {
            assert_eq!(line["span"]["trace_id"], TRACE, "{name}: {line}");
            assert_eq!(line["span"]["job"], job.as_str(), "{name}: {line}");
        }
    }
    for topic in [Topic::Jobs, Topic::Tasks, Topic::Results] {
        let traces = traces(&system, topic)?;
        assert!(!traces.is_empty(), "no record on {topic:?}");
        for trace in traces {
            let trace = trace.with_context(|| format!("a record on {topic:?} names no trace"))?;
            assert!(trace.starts_with(&format!("00-{TRACE}-")), "{topic:?}: {trace}");
            assert_ne!(trace, sent, "{topic:?}: a record is its own step");
        }
    }
    Ok(())
}

#[test]
fn an_upload_without_a_trace_or_with_a_damaged_one_begins_its_own() -> Result<()> {
    let system = System::start(&Options::default())?;
    let form = Form::picture("p.png", &pictures::rgb_png(20, 20, 72)?, &["invert"]);
    let mut traces = Vec::new();
    for headers in [&[][..], &[("traceparent", "00-zz-1-1")], &[("traceparent", "")]] {
        let answer = system.client.post("/api/v1/jobs", &form, headers)?;
        ensure!(answer.status == 202, "{}: {}", answer.status, answer.text());
        let trace = answer.header("traceparent").context("no traceparent")?.to_owned();
        trace.parse::<tessera::job::TraceContext>()?;
        traces.push(trace);
    }
    traces.dedup();
    assert_eq!(traces.len(), 3, "{traces:?}");
    Ok(())
}
