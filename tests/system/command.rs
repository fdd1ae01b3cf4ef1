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

/// The objects of a command's `--json`, one a line, whether it succeeded or not.
fn lines(output: &Output) -> Result<Vec<Value>> {
    let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let lines: Vec<Value> = lines.map(serde_json::from_slice).collect::<Result<_, _>>().context(said(output))?;
    ensure!(lines.iter().all(Value::is_object), "{}", said(output));
    Ok(lines)
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
    let jobs = lines(&system.command(&["jobs", "--status", "done", "--json"])?)?;
    assert_eq!(jobs.len(), 2);
    let id = jobs[0]["id"].as_str().context("no id")?;
    assert_eq!(json(&system.command(&["jobs", id, "--json"])?)?["status"], "done");
    assert_eq!(lines(&system.command(&["jobs", "--limit", "1", "--json"])?)?.len(), 1);
    let copy = folder.join("copy.png").display().to_string();
    let output = system.command(&["get", id, "-o", &copy])?;
    ensure!(output.status.success(), "{}", said(&output));
    assert_eq!(std::fs::read(&copy)?, system.result(id)?);
    Ok(())
}

#[test]
fn a_picture_that_is_refused_stops_no_other_and_is_named() -> Result<()> {
    let system = System::start(&Options::default())?;
    let folder = system.folder.path().join("pictures");
    std::fs::create_dir_all(folder.join("deep"))?;
    std::fs::write(folder.join("a.png"), pictures::rgb_png(300, 200, 51)?)?;
    std::fs::write(folder.join("deep/b.png"), pictures::rgb_png(200, 300, 52)?)?;
    std::fs::write(folder.join("note.txt"), "no picture")?;
    let wrong = system.folder.path().join("wrong.png").display().to_string();
    std::fs::write(&wrong, "no picture at all, but long enough to be sniffed")?;
    let (folder, results) = (folder.display().to_string(), system.folder.path().join("results"));
    let out = results.display().to_string();
    let sent = ["submit", &wrong, &folder, "missing.png", "-j", "3", "--op", "invert", "-o", &out, "--json"];
    let output = system.command(&sent)?;
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let told = lines(&output)?;
    assert_eq!(told.len(), 3, "{}", said(&output));
    for line in &told {
        let is_wrong = line["file"] == wrong.as_str();
        assert_eq!((line["error"].is_string(), line["job"]["status"] == "done"), (is_wrong, !is_wrong), "{line}");
    }
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("missing.png") && told.contains("wrong.png") && told.contains("2 of 4 done"), "{told}");
    for (name, seed, size) in [("a.png", 51, (300, 200)), ("deep/b.png", 52, (200, 300))] {
        let expected = system.reference(&pictures::rgb_png(size.0, size.1, seed)?, &["invert"])?;
        ensure!(std::fs::read(results.join(name))? == expected, "{name} has other bytes");
    }
    // Nothing is sent if the results could not be written.
    let before = lines(&system.command(&["jobs", "--json"])?)?.len();
    let output = system.command(&["submit", &folder, "--op", "invert", "-o", "/dev/null/results/"])?;
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let output = system.command(&["submit", &folder, "--op", "invert", "-o", &folder])?;
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert_eq!(lines(&system.command(&["jobs", "--json"])?)?.len(), before);
    Ok(())
}

#[test]
fn jobs_are_cancelled_run_again_deleted_and_purged() -> Result<()> {
    let mut system = System::start(&Options { tile_delay_ms: 300, ..Options::default() })?;
    let picture = system.folder.path().join("p.png").display().to_string();
    std::fs::write(&picture, pictures::rgb_png(1500, 1500, 53)?)?;
    let submit = ["submit", &picture, "--op", "invert", "--json"];
    let id = json(&system.command(&submit)?)?["job"]["id"].as_str().context("no id")?.to_owned();
    ensure!(system.command(&["cancel", &id])?.status.success(), "cancel");
    let unknown = "0190f3c2a7d87e1fb2c3d4e5f6a7b8c9";
    let output = system.command(&["retry", unknown, &id])?;
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(
        said(&output).contains(unknown) && said(&output).contains(&format!("{id}  queued again")),
        "{}",
        said(&output)
    );
    ensure!(system.command(&["jobs", "--watch", &id])?.status.success(), "the second run");
    let piped = system.command(&["get", &id, "-o", "-"])?;
    ensure!(piped.status.success() && piped.stdout == system.result(&id)?, "other bytes on standard output");

    let dry = system.command(&["purge"])?;
    assert!(dry.status.success() && said(&dry).contains(&id) && said(&dry).contains("--yes"), "{}", said(&dry));
    assert_eq!(json(&system.command(&["jobs", &id, "--json"])?)?["status"], "done");
    assert!(said(&system.command(&["purge", "--older-than", "1h"])?).contains("nothing to delete"));
    ensure!(system.command(&["purge", "--status", "done", "--yes"])?.status.success(), "purge");
    assert_eq!(json(&system.command(&["jobs", &id, "--json"])?)?["status"], "expired");
    let id = json(&system.command(&submit)?)?["job"]["id"].as_str().context("no id")?.to_owned();
    assert_eq!(system.command(&["delete", &id])?.status.code(), Some(1), "it has not ended");
    ensure!(system.command(&["cancel", &id])?.status.success() && system.command(&["delete", &id])?.status.success());

    dead_letters_are_shown_sent_once_more_and_dropped(&mut system)
}

fn dead_letters_are_shown_sent_once_more_and_dropped(system: &mut System) -> Result<()> {
    let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", &system.kafka.kafka_brokers).create()?;
    let name = Topic::Jobs.name(&system.kafka);
    producer.send(BaseRecord::to(&name).key("k").payload("rubbish")).map_err(|(error, _)| error)?;
    producer.flush(LONG)?;
    let letters = |count: usize| {
        wait_for("the dead letters", LONG, || {
            let letters = lines(&system.command(&["dlq", "list", "--topic", "jobs", "--json"])?)?;
            Ok((letters.len() == count).then_some(letters))
        })
    };
    let offset = letters(1)?[0]["offset"].to_string();
    let shown = said(&system.command(&["dlq", "show", "jobs.dlq", &offset])?);
    assert!(shown.contains("rubbish") && shown.contains("error-class"), "{shown}");
    assert_eq!(system.command(&["dlq", "show", "jobs", "99"])?.status.code(), Some(1));
    ensure!(system.command(&["dlq", "redrive", "jobs", &offset])?.status.success(), "redrive");
    // What was not a command before still is not: it comes back as a letter of its own.
    let again = letters(2)?;
    assert_eq!(again[1]["headers"]["error-class"], again[0]["headers"]["error-class"]);
    assert!(said(&system.command(&["dlq", "drop", "jobs"])?).contains("--yes"));
    letters(2)?;
    ensure!(system.command(&["dlq", "drop", "jobs", "--through", &offset, "--yes"])?.status.success(), "drop one");
    letters(1)?;
    ensure!(system.command(&["dlq", "drop", "jobs", "--yes"])?.status.success(), "drop all");
    letters(0).map(drop)
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
    let findings = lines(&system.command(&["doctor", "--json"])?)?;
    ensure!(findings.len() == 7 && findings.iter().all(|finding| finding["ok"] == true), "{findings:?}");
    let workers = lines(&system.command(&["workers", "--json"])?)?;
    assert_eq!(workers.iter().filter(|worker| worker["alive"] == true).count(), 2, "{workers:?}");
    assert!(lines(&system.command(&["topics", "list", "--json"])?)?.len() == 4, "a topic that is read is a line");
    assert_eq!(lines(&system.command(&["topics", "check", "--json"])?)?.len(), 1);
    assert!(system.command(&["topics", "check"])?.status.success());
    let made = lines(&system.command(&["topics", "create", "--json"])?)?;
    ensure!(made.len() == 7 && made.iter().all(|topic| topic["outcome"] == "exists"), "{made:?}");

    let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", &system.kafka.kafka_brokers).create()?;
    let name = Topic::Jobs.name(&system.kafka);
    let rubbish = BaseRecord::to(&name).key("x\u{1b}[2J").payload("rubbish");
    producer.send(rubbish).map_err(|(error, _)| error)?;
    producer.flush(LONG)?;
    let letters = wait_for("the dead letter", LONG, || {
        let letters = lines(&system.command(&["dlq", "list", "--json"])?)?;
        Ok((!letters.is_empty()).then_some(letters))
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

#[test]
fn config_check_tells_what_is_wrong_with_the_settings_of_each_service_at_once() -> Result<()> {
    let system = System::start(&Options { workers: 0, ..Options::default() })?;
    ensure!(system.command(&["config", "--check"])?.status.success(), "nothing is wrong yet");
    let wrong = [
        ("TESSERA_PAYLOAD", "foo", "it is one of auto, inline, shared"),
        ("TESSERA_SLOTS", "0", "it must be"),
        ("TESSERA_ENCODERS", "many", "it must be a whole number"),
        ("TESSERA_STALL_MS", "-1", "it must be"),
        ("TESSERA_TILE_SIZE", "x", "it must be a whole number"),
    ];
    let program = crate::support::system::programs()?.join("tessera");
    let mut command = std::process::Command::new(program);
    let output = command.args(["config", "--check"]).envs(wrong.map(|(name, value, _)| (name, value))).output()?;
    let text = said(&output);
    for (name, value, why) in wrong {
        let lines: Vec<&str> = text.lines().filter(|line| line.contains(name)).collect();
        ensure!(lines.len() == 1, "{name} is told {} times: {text}", lines.len());
        ensure!(lines[0].contains(value) && lines[0].contains(why), "{}", lines[0]);
    }
    ensure!(output.status.code() == Some(2), "{:?}", output.status);
    Ok(())
}
