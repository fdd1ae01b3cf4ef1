//! Services whose store is another folder than the system's: they take no work, say so, and no job waits for them.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tessera::bus::Topic;

use crate::records::records_of;
use crate::support::http::{Client, Form};
use crate::support::system::{Options, System};
use crate::support::{LONG, pictures, wait_for};

/// One service of each kind that needs the system's store.
const STRANGERS: [(&str, &str); 4] = [
    ("splitter-8", "tessera-splitter"),
    ("stitcher-8", "tessera-stitcher"),
    ("monitor-8", "tessera-monitor"),
    ("web-8", "tessera-web"),
];

/// The names of the files in a folder and below it.
fn files(folder: &std::path::Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.extend(files(&entry.path())?);
        } else {
            found.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(found)
}

#[test]
fn services_of_another_store_say_so_and_hold_no_job_up() -> Result<()> {
    let mut system = System::start(&Options { workers: 1, ..Options::default() })?;
    let ours = fs::read_to_string(system.folder.path().join("store/store-id"))?.trim().to_owned();
    for (name, program) in STRANGERS {
        system.start_elsewhere(name, program)?;
    }
    for (name, _) in STRANGERS {
        wait_for(&format!("{name} to say that its store is another"), LONG, || {
            let Ok(address) = system.address(name) else { return Ok(None) };
            let Ok(answer) = Client::new(address).get("/readyz") else { return Ok(None) };
            let text = answer.text();
            Ok((answer.status == 503 && text.contains(&ours) && text.contains("TESSERA_STORE")).then_some(()))
        })?;
    }
    // There are more pictures than partitions of any topic: one that a stranger held would keep its jobs.
    let picture = pictures::rgb_png(700, 600, 47)?;
    let jobs = (0..20).map(|_| system.submit(&picture, &["invert"])).collect::<Result<Vec<_>>>()?;
    for job in &jobs {
        system.compare(job, &picture, &["invert"])?;
    }
    let sent = Form::picture("picture.png", &picture, &["invert"]);
    let refused = Client::new(system.address("web-8")?).post("/api/v1/jobs", &sent, &[])?;
    ensure!(refused.status == 503, "{}: {}", refused.status, refused.text());
    let told = system.command(&["doctor"])?;
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    for (name, _) in STRANGERS {
        ensure!(told.contains(name), "doctor does not name {name}: {told}");
        let ended = system.process(name)?.has_ended()?;
        ensure!(ended.is_none(), "{name} ended with {ended:?} instead of waiting for its store");
    }
    let elsewhere = system.folder.path().join("elsewhere");
    let left = if elsewhere.exists() { files(&elsewhere)? } else { Vec::new() };
    ensure!(left.is_empty(), "a stranger has written {left:?}");
    Ok(())
}

#[test]
fn a_service_whose_store_comes_back_takes_work_again() -> Result<()> {
    let mut system = System::start(&Options { workers: 1, ..Options::default() })?;
    let store = system.folder.path().join("store");
    let away = system.folder.path().join("away");
    let picture = pictures::rgb_png(700, 600, 48)?;
    system.submit_and_compare(&picture, &["invert"])?;
    fs::rename(&store, &away)?;
    wait_for("web to miss the store", LONG, || Ok((system.client.get("/readyz")?.status == 503).then_some(())))?;
    for name in ["splitter", "stitcher-1", "monitor"] {
        wait_for(&format!("{name} to end"), LONG, || Ok(system.process(name)?.has_ended()?.map(drop)))?;
        // As a keeper does; it waits for its store.
        system.restart(name)?;
    }
    fs::rename(&away, &store)?;
    system.wait_until_ready()?;
    system.submit_and_compare(&picture, &["invert"])?;
    Ok(())
}

/// The store is away for 20 s in mid-job: whoever needs it waits, or ends and is started again as by its keeper; nothing
/// fails and nothing is lost.
fn is_away_in_mid_job(payload: &str, seed: u32) -> Result<()> {
    let mut system = System::start(&Options { tile_delay_ms: 150, ..Options::default().by(payload) })?;
    let picture = pictures::rgb_png(3000, 2500, seed)?;
    let steps = ["gaussian_blur:ksize=15"];
    let job = system.submit(&picture, &steps)?;
    system.wait_for_middle(&job)?;
    let (store, away) = (system.folder.path().join("store"), system.folder.path().join("away"));
    fs::rename(&store, &away)?;
    let until = Instant::now() + Duration::from_secs(20);
    while Instant::now() < until {
        for name in system.names() {
            if system.process(&name)?.has_ended()?.is_some() {
                system.restart(&name)?;
            }
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    ensure!(!store.exists(), "somebody has made another store: {:?}", files(&store)?);
    let view = system.client.get(&format!("/api/v1/jobs/{job}"))?.text();
    ensure!(!view.contains("\"failed\""), "{view}");
    fs::rename(&away, &store)?;
    system.wait_until_ready()?;
    system.compare(&job, &picture, &steps)?;
    for letters in [Topic::TasksDlq, Topic::ResultsDlq, Topic::JobsDlq] {
        ensure!(records_of(&system, letters)? == 0, "{letters:?} has letters");
    }
    system.leaves_nothing(&[&job])
}

#[test]
fn a_store_that_is_away_for_twenty_seconds_is_waited_for_by_slots() -> Result<()> {
    is_away_in_mid_job("shared", 49)
}

#[test]
fn a_store_that_is_away_for_twenty_seconds_is_waited_for_in_records() -> Result<()> {
    is_away_in_mid_job("inline", 50)
}
