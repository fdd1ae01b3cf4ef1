//! The command `tessera` against a running system: what it prints, writes and ends with.

use std::process::Output;

use anyhow::{Context, Result, ensure};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::Value;
use tessera::bus::Topic;

use crate::support::system::{Options, System};
use crate::support::{LONG, pictures, wait_for};

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn json(output: &Output) -> Result<Value> {
    ensure!(output.status.success(), "{}", said(output));
    Ok(serde_json::from_slice(&output.stdout)?)
}

#[test]
fn submit_brings_back_the_reference_s_bytes_and_jobs_shows_it() -> Result<()> {
    let system = System::start(&Options::default())?;
    let folder = system.folder.path();
    let pictures = [pictures::rgb_png(700, 600, 41)?, pictures::rgb_png(600, 700, 42)?];
    let files = ["one.png", "two.png"].map(|name| folder.join(name).display().to_string());
    for (file, picture) in files.iter().zip(&pictures) {
        std::fs::write(file, picture)?;
    }
    let results = folder.join("results").display().to_string();
    let steps = ["--op", "gaussian_blur:ksize=7", "--op", "invert"];
    let sent = [&["submit", &files[0], &files[1], "--output", &results][..], &steps].concat();
    let output = system.command(&sent)?;
    ensure!(output.status.success(), "{}", said(&output));
    for (name, picture) in ["one.png", "two.png"].iter().zip(&pictures) {
        let expected = system.reference(picture, &["gaussian_blur:ksize=7", "invert"])?;
        ensure!(std::fs::read(folder.join("results").join(name))? == expected, "{name} has other bytes");
    }
    let jobs = json(&system.command(&["jobs", "--status", "done", "--json"])?)?;
    let jobs = jobs.as_array().context("no list")?;
    assert_eq!(jobs.len(), 2);
    let id = jobs[0]["id"].as_str().context("no id")?;
    assert_eq!(json(&system.command(&["jobs", id, "--json"])?)?["status"], "done");
    assert_eq!(json(&system.command(&["jobs", "--limit", "1", "--json"])?)?.as_array().map(Vec::len), Some(1));
    let copy = folder.join("copy.png").display().to_string();
    let output = system.command(&["get", id, "-o", &copy])?;
    ensure!(output.status.success(), "{}", said(&output));
    assert_eq!(std::fs::read(&copy)?, system.result(id)?);
    Ok(())
}

#[test]
fn exit_codes_tell_refused_from_failed() -> Result<()> {
    let system = System::start(&Options::default())?;
    let folder = system.folder.path();
    let file = folder.join("p.png").display().to_string();
    std::fs::write(&file, b"no picture at all, but long enough to be sniffed")?;
    let output = system.command(&["submit", &file, "--op", "invert", "--wait"])?;
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("PNG"), "{}", said(&output));
    let picture = pictures::rgb_png(500, 400, 43)?;
    std::fs::write(&file, &picture[..picture.len() / 2])?;
    let target = folder.join("never.png");
    let output = system.command(&["submit", &file, "--op", "invert", "-o", &target.display().to_string()])?;
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("row") && said(&output).contains("of 400"), "{}", said(&output));
    assert!(!target.exists());
    Ok(())
}

#[test]
fn doctor_workers_topics_and_dlq_tell_how_it_is() -> Result<()> {
    let mut system = System::start(&Options::default())?;
    let findings = json(&system.command(&["doctor", "--json"])?)?;
    ensure!(findings.as_array().context("no list")?.iter().all(|finding| finding["ok"] == true), "{findings}");
    let workers = json(&system.command(&["workers", "--json"])?)?;
    let alive =
        workers["workers"].as_array().map(|workers| workers.iter().filter(|worker| worker["alive"] == true).count());
    assert_eq!(alive, Some(2), "{workers}");
    assert!(system.command(&["topics", "check"])?.status.success());
    let made = json(&system.command(&["topics", "create", "--json"])?)?;
    ensure!(made.as_array().context("no list")?.iter().all(|topic| topic["outcome"] == "exists"), "{made}");

    let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", &system.kafka.kafka_brokers).create()?;
    let name = Topic::Jobs.name(&system.kafka);
    let rubbish = BaseRecord::to(&name).key("x\u{1b}[2J").payload("rubbish");
    producer.send(rubbish).map_err(|(error, _)| error)?;
    producer.flush(LONG)?;
    let letters = wait_for("the dead letter", LONG, || {
        let letters = json(&system.command(&["dlq", "list", "--json"])?)?;
        Ok(letters.as_array().filter(|letters| !letters.is_empty()).cloned())
    })?;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0]["topic"], "jobs.dlq");
    assert_eq!(letters[0]["headers"]["origin-topic"], name.as_str());
    let listed = system.command(&["dlq", "list", "--topic", "jobs"])?;
    assert!(listed.status.success() && !said(&listed).contains('\u{1b}'), "{}", said(&listed));

    system.kill("web")?;
    let output = system.command(&["doctor"])?;
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("FAIL  web") && said(&output).contains("ops/up"), "{}", said(&output));
    Ok(())
}
