//! `/metrics` of every service after a job, compared with what Redis says of that job.

use anyhow::{Context, Result, ensure};

use crate::support::http::Client;
use crate::support::system::{Options, System};
use crate::support::{LONG, pictures, wait_for};

/// The page of one process.
fn page(system: &System, name: &str) -> Result<String> {
    let answer = Client::new(system.address(name)?).get("/metrics")?;
    ensure!(answer.status == 200, "{name}: {}", answer.status);
    let kind = answer.header("content-type").unwrap_or_default();
    ensure!(kind == "text/plain; version=0.0.4; charset=utf-8", "{name}: {kind}");
    Ok(answer.text())
}

/// The sum of a sample over some processes; what a process does not show counts as 0.
pub fn sum(system: &System, names: &[&str], sample: &str) -> Result<f64> {
    let mut sum = 0.0;
    for name in names {
        let page = page(system, name)?;
        let line = page.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
        sum += line.map_or(Ok(0.0), str::parse).with_context(|| format!("{name}: {sample}"))?;
    }
    Ok(sum)
}

/// Waits until a sample has a value: what is counted after Kafka's answer may come after the job's end.
fn is(system: &System, names: &[&str], sample: &str, value: u32) -> Result<()> {
    let mut last = 0.0;
    let asked = wait_for(&format!("{sample} of {names:?} to be {value}"), LONG, || {
        last = sum(system, names, sample)?;
        // A sum that is too large never comes down.
        ensure!(!sample.contains("_total") || last <= value.into(), "{sample} of {names:?} is {last}, not {value}");
        Ok((last == f64::from(value)).then_some(()))
    });
    asked.with_context(|| format!("it was {last}"))
}

#[test]
fn every_service_counts_and_the_counts_are_those_of_redis() -> Result<()> {
    let system = System::start(&Options::default())?;
    let job = system.submit_and_compare(&pictures::rgb_png(1537, 1100, 61)?, &["gaussian_blur:ksize=9", "invert"])?;
    let tiles: u32 = system.field(&job, "total_tiles")?.context("no total_tiles")?.parse()?;
    assert!(tiles > 1, "{tiles} tiles");
    let names = system.names();
    for name in &names {
        let service = name.split('-').next().unwrap_or_default();
        let build = format!("tessera_build_info{{service=\"{service}\"");
        let page = page(&system, name)?;
        assert!(page.contains(&build), "{name}: no {build} in {page}");
        assert!(!page.contains(&job), "{name}: a page names a job: {page}");
        is(&system, &[name.as_str()], "tessera_dependency_up{dependency=\"kafka\"}", 1)?;
        is(&system, &[name.as_str()], "tessera_dependency_up{dependency=\"redis\"}", 1)?;
        is(&system, &[name.as_str()], "tessera_ready", 1)?;
    }
    ensure!(!system.logs().contains('\u{1b}'), "a log in a file has colours: {}", system.logs());
    wait_for("the room of the store", LONG, || {
        let free = sum(&system, &["monitor"], "tessera_store_room_bytes{state=\"free\"}")?;
        Ok((free > 0.0).then_some(()))
    })?;
    is(&system, &["monitor"], "tessera_kafka_unread_records{topic=\"tasks\"}", 0)?;
    is(&system, &["monitor"], "tessera_dead_letters_waiting{topic=\"tasks.dlq\"}", 0)?;
    let (web, splitter, stitcher, workers) = (["web"], ["splitter"], ["stitcher-1"], ["worker-1", "worker-2"]);
    for (names, sample, value) in [
        (&web[..], "tessera_uploads_total{outcome=\"accepted\"}", 1),
        (&web, "tessera_upload_seconds_count", 1),
        (&web, "tessera_kafka_records_produced_total{topic=\"jobs\"}", 1),
        (&splitter, "tessera_tiles_sent_total", tiles),
        (&splitter, "tessera_kafka_records_produced_total{topic=\"tasks\"}", tiles),
        (&splitter, "tessera_passes_total{end=\"complete\"}", 1),
        (&splitter, "tessera_outstanding_tiles", 0),
        (&splitter, "tessera_outstanding_bytes", 0),
        (&workers, "tessera_kafka_records_consumed_total{topic=\"tasks\"}", tiles),
        (&workers, "tessera_worker_tiles_total{outcome=\"done\"}", tiles),
        (&workers, "tessera_tile_run_seconds_count{operation=\"gaussian_blur\"}", tiles),
        (&workers, "tessera_tile_run_seconds_count{operation=\"invert\"}", tiles),
        (&workers, "tessera_slots_busy", 0),
        (&workers, "tessera_kafka_assigned_partitions{topic=\"tasks\"}", 16),
        (&workers, "tessera_kafka_consumer_lag_records{topic=\"tasks\"}", 0),
        (&stitcher, "tessera_stitcher_tiles_total{kind=\"new\"}", tiles),
        (&stitcher, "tessera_stages_ended_total{outcome=\"ended\"}", 1),
        (&stitcher, "tessera_stages_open", 0),
        (&["monitor"], "tessera_jobs{status=\"done\"}", 1),
        (&["monitor"], "tessera_workers{state=\"live\"}", 2),
        (&["monitor"], "tessera_monitor_on_duty", 1),
    ] {
        is(&system, names, sample, value)?;
    }
    let bytes: u32 = system.field(&job, "bytes_out")?.context("no bytes_out")?.parse()?;
    is(&system, &stitcher, "tessera_products_bytes_total", bytes)
}
