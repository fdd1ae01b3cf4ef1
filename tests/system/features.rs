//! What users of such systems expect, each shown on the whole system: see docs/features.md.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use redis::Commands;

use crate::metrics::sum;
use crate::support::system::{Options, System};
use crate::support::{LONG, pictures, wait_for};

fn with(name: &str, value: &str) -> Options {
    Options { environment: vec![(name.to_owned(), value.to_owned())], ..Options::default() }
}

#[test]
fn pictures_of_every_shape_are_exact_for_any_tile_size() -> Result<()> {
    let sizes = [(1, 1), (1, 150), (150, 1), (160, 80), (161, 81), (159, 79), (80, 80), (3, 2)];
    for tile_size in ["16", "80"] {
        let system = System::start(&with("TESSERA_TILE_SIZE", tile_size))?;
        for (seed, (width, height)) in (70..).zip(sizes) {
            let picture = pictures::rgb_png(width, height, seed)?;
            let job = system.submit_and_compare(&picture, &["gaussian_blur:ksize=7", "grayscale"])?;
            let tiles: u32 = system.field(&job, "total_tiles")?.context("no total_tiles")?.parse()?;
            let side: u32 = system.field(&job, "tile_width")?.context("no tile_width")?.parse()?;
            ensure!(side <= tile_size.parse()?, "{width} x {height}: tiles of {side}");
            ensure!(tiles > 1 || width.max(height) <= 80, "{width} x {height}: one tile is no test");
        }
    }
    Ok(())
}

fn wait_for_partitions(system: &System, wanted: &[(&str, f64)]) -> Result<()> {
    wait_for("the partitions to be divided", LONG, || {
        let has = |(name, count): &(&str, f64)| {
            Ok(sum(system, &[name], "tessera_kafka_assigned_partitions{topic=\"tasks\"}")? == *count)
        };
        let all = wanted.iter().map(has).collect::<Result<Vec<bool>>>()?;
        Ok(all.into_iter().all(|has| has).then_some(()))
    })
}

/// The delay stands for work of the processor: on a small machine Kafka takes what a second worker would use. Other work
/// on the machine makes a run longer, never shorter: of as many runs each, one after the other, the shortest counts.
#[test]
fn two_workers_take_little_more_than_half_the_time_of_one() -> Result<()> {
    let slow = Options { workers: 2, tile_delay_ms: 200, ..with("TESSERA_TILE_SIZE", "64") };
    let mut system = System::start(&slow)?;
    let picture = pictures::rgb_png(512, 512, 80)?;
    let time = |system: &System| {
        let started = Instant::now();
        let job = system.submit(&picture, &["invert"])?;
        system.wait_for_end(&job, LONG)?;
        let took = started.elapsed().as_secs_f64();
        system.compare(&job, &picture, &["invert"])?;
        Ok::<_, anyhow::Error>(took)
    };
    let (mut alone, mut together) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..4 {
        wait_for_partitions(&system, &[("worker-1", 8.0), ("worker-2", 8.0)])?;
        together = time(&system)?.min(together);
        system.process("worker-2")?.terminate(LONG)?;
        wait_for_partitions(&system, &[("worker-1", 16.0)])?;
        alone = time(&system)?.min(alone);
        if alone / together >= 1.6 {
            break;
        }
        system.restart("worker-2")?;
        system.wait_until_ready()?;
    }
    eprintln!("one worker {alone:.2} s, two workers {together:.2} s");
    ensure!(alone / together >= 1.6, "one worker took {alone:.2} s, two took {together:.2} s");
    Ok(())
}

#[test]
fn results_are_the_same_after_everything_was_restarted() -> Result<()> {
    let mut system = System::start(&Options::default())?;
    let picture = pictures::rgb_png(700, 600, 81)?;
    let job = system.submit_and_compare(&picture, &["grayscale"])?;
    let (before, view) = (system.result(&job)?, system.job(&job)?);
    let names = system.names();
    names.iter().try_for_each(|name| system.kill(name))?;
    names.iter().try_for_each(|name| system.restart(name))?;
    system.wait_until_ready()?;
    ensure!(system.result(&job)? == before, "other bytes after a restart");
    ensure!(system.job(&job)? == view, "the job is described otherwise: {view}");
    system.submit_and_compare(&picture, &["invert"])?;
    Ok(())
}

/// Keys that stay, without the prefix, and why: docs/features.md.
fn may_stay(key: &str) -> bool {
    let indexes = ["jobs", "jobs:ready", "workers", "workers:numbers", "activity", "tessera:alive", "tessera:store"];
    indexes.contains(&key) || key.starts_with("jobs:status:")
}

#[test]
fn every_key_of_ended_jobs_and_silent_workers_expires_or_has_a_reason_to_stay() -> Result<()> {
    let system = System::start(&Options::default())?;
    let picture = pictures::rgb_png(600, 600, 82)?;
    system.submit_and_compare(&picture, &["invert"])?;
    let failed = system.submit(&picture[..picture.len() / 2], &["invert"])?;
    ensure!(system.wait_for_end(&failed, LONG)?["status"] == "failed");
    let mut redis = system.connection()?;
    wait_for("every key to expire some day", LONG, || {
        let keys: Vec<String> = redis.keys(format!("{}*", system.prefix))?;
        ensure!(keys.len() > 8, "too few keys to say anything: {keys:?}");
        let mut staying = Vec::new();
        for key in keys {
            let name = key.strip_prefix(&system.prefix).context("a key of another system")?.to_owned();
            let seconds: i64 = redis.ttl(&key)?;
            // -2: it has gone meanwhile.
            if seconds == -1 && !may_stay(&name) {
                staying.push(name);
            }
        }
        if !staying.is_empty() {
            eprintln!("without a time to live: {staying:?}");
        }
        Ok(staying.is_empty().then_some(()))
    })
}

#[test]
fn without_workers_uploads_are_refused_where_the_setting_says_so() -> Result<()> {
    let mut system = System::start(&Options { workers: 0, ..with("TESSERA_WITHOUT_WORKERS", "refuse") })?;
    let picture = pictures::rgb_png(100, 100, 83)?;
    wait_for("web to see that no worker lives", LONG, || {
        let answer = system.post("p.png", &picture, &["invert"])?;
        Ok((answer.status == 503 && answer.text().contains("without_workers")).then_some(()))
    })?;
    system.start_worker(1)?;
    system.wait_for_live_workers(1)?;
    wait_for("web to see the worker", LONG, || {
        let answer = system.post("p.png", &picture, &["invert"])?;
        Ok((answer.status == 202).then_some(()))
    })
}

/// A table that names a test which is not there is worse than none.
#[test]
fn every_test_that_the_table_of_features_names_is_there() -> Result<()> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = std::fs::read_to_string(root.join("docs/features.md"))?;
    let (mut file, mut named) = (String::new(), 0);
    // Every other piece stands between backquotes; `::name` is in the file that was named last.
    for (path, name) in table.split('`').skip(1).step_by(2).filter_map(|text| text.split_once("::")) {
        if path.ends_with(".rs") {
            file = path.strip_prefix("system/").map_or_else(|| path.to_owned(), |rest| format!("tests/system/{rest}"));
        }
        if name == "name" || file.is_empty() {
            continue;
        }
        let text = std::fs::read_to_string(root.join(&file)).with_context(|| file.clone())?;
        ensure!(text.contains(&format!("fn {name}(")), "{file} has no test {name}");
        named += 1;
    }
    ensure!(named > 40, "only {named} tests were found in the table");
    Ok(())
}

/// The text of every file in a folder and below it.
fn texts(folder: &std::path::Path, into: &mut String) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            texts(&path, into)?;
        } else if path.extension().is_none_or(|end| end == "rs" || end == "sh") {
            into.push_str(&String::from_utf8_lossy(&std::fs::read(&path)?));
        }
    }
    Ok(())
}

#[test]
fn every_test_that_the_table_of_faults_names_is_there() -> Result<()> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut code = String::new();
    ["src", "services", "tests", "ops/tests"].iter().try_for_each(|folder| texts(&root.join(folder), &mut code))?;
    let words: std::collections::HashSet<&str> =
        code.split(|letter: char| !letter.is_alphanumeric() && letter != '_').collect();
    let table = std::fs::read_to_string(root.join("docs/faults.md"))?;
    let mut named = 0;
    for row in table.lines().filter(|line| line.starts_with("| ")) {
        let tests = row.trim_end_matches([' ', '|']).rsplit(" | ").next().unwrap_or_default();
        let names = tests.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        for name in names.filter(|name| name.matches('_').count() >= 3) {
            // Those of the scripts are functions with another beginning.
            let is_there = words.contains(name) || words.contains(format!("test_{name}").as_str());
            ensure!(is_there, "there is no test {name}");
            named += 1;
        }
    }
    ensure!(named > 80, "only {named} tests were found in the table");
    Ok(())
}
