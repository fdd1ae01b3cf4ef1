//! Jobs that are watched: by the command, by their events, and where their time went.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::support::proxy::Proxy;
use crate::support::system::{Options, System, programs};
use crate::support::{LONG, pictures, wait_for};

fn slow() -> Options {
    Options { tile_delay_ms: 150, ..Options::default() }
}

fn picture(system: &System, seed: u32) -> Result<String> {
    let path = system.folder.path().join("watched.png");
    std::fs::write(&path, pictures::rgb_png(1537, 1100, seed)?)?;
    Ok(path.display().to_string())
}

#[test]
fn submit_watch_tells_how_it_goes_and_ends_with_the_outcome() -> Result<()> {
    let system = System::start(&slow())?;
    let file = picture(&system, 81)?;
    let output = system.command(&["submit", &file, "--op", "gaussian_blur:ksize=7", "--watch"])?;
    let text = String::from_utf8(output.stdout)?;
    ensure!(output.status.success(), "{text}");
    ensure!(text.lines().count() > 4 && text.contains("processing") && text.contains("of 12 tiles"), "{text}");
    ensure!(text.lines().last().is_some_and(|line| line.ends_with("done")), "{text}");

    let output = system.command(&["submit", &file, "--op", "invert", "--watch", "--json"])?;
    let lines: Vec<Value> =
        String::from_utf8(output.stdout)?.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    ensure!(output.status.success() && lines.len() > 4, "{lines:?}");
    assert_eq!(lines[0]["event"], "snapshot");
    let last = lines.last().context("nothing")?;
    assert_eq!((&last["file"], &last["job"]["status"]), (&Value::from(file.as_str()), &Value::from("done")));

    // A job that has ended is followed to its end at once; so is one that failed.
    let id = last["job"]["id"].as_str().context("no id")?;
    ensure!(system.command(&["jobs", id, "--watch"])?.status.success());
    let broken = system.folder.path().join("broken.png");
    let bytes = std::fs::read(&file)?;
    std::fs::write(&broken, &bytes[..bytes.len() / 2])?;
    let output = system.command(&["submit", &broken.display().to_string(), "--op", "invert", "--watch"])?;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.code() == Some(1) && errors.contains("is failed: reading row"), "{errors}");
    Ok(())
}

#[test]
fn watching_goes_on_after_a_break() -> Result<()> {
    let system = System::start(&slow())?;
    let file = picture(&system, 82)?;
    let proxy = Proxy::start(system.client.base.trim_start_matches("http://"))?;
    let mut child = Command::new(programs()?.join("tessera"))
        .args(["submit", &file, "--op", "invert", "--watch", "--json"])
        .env("TESSERA_URL", format!("http://{}", proxy.address))
        .stdout(Stdio::piped())
        .spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("no output")?).lines();
    let mut kinds = Vec::new();
    for line in &mut lines {
        let line: Value = serde_json::from_str(&line?)?;
        kinds.push(line["event"].as_str().unwrap_or("-").to_owned());
        if line["data"]["received_tiles"].as_u64() > Some(0) {
            break;
        }
    }
    proxy.cut();
    proxy.restore();
    let rest: Vec<Value> = lines.map(|line| Ok(serde_json::from_str(&line?)?)).collect::<Result<_>>()?;
    ensure!(child.wait()?.success(), "{rest:?}");
    kinds.extend(rest.iter().filter_map(|line| line["event"].as_str().map(str::to_owned)));
    assert_eq!(
        kinds.iter().filter(|kind| *kind == "snapshot").count(),
        1,
        "it resumes, it does not start over: {kinds:?}"
    );
    assert_eq!(rest.last().context("nothing")?["job"]["status"], "done");
    Ok(())
}

#[test]
fn a_refusal_in_the_middle_of_an_upload_is_told() -> Result<()> {
    let environment = vec![("TESSERA_MAX_UPLOAD_BYTES".to_owned(), "1000000".to_owned())];
    let system = System::start(&Options { workers: 0, environment, ..Options::default() })?;
    let file = system.folder.path().join("large.png");
    // Text that never ends is refused by its first bytes, while most of it is still to be sent.
    std::fs::File::create(&file)?.set_len(900_000)?;
    let output = system.command(&["submit", &file.display().to_string(), "--op", "invert"])?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.code() == Some(2) && said.contains("not a picture"), "{said}");
    std::fs::File::create(&file)?.set_len(3_000_000_000)?;
    let output = system.command(&["submit", &file.display().to_string(), "--op", "invert"])?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.code() == Some(2) && said.contains("max_upload_bytes"), "{said}");
    // No service at all is another thing.
    let absent = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let output = system.command(&[
        "submit",
        &file.display().to_string(),
        "--op",
        "invert",
        "--url",
        &format!("http://{absent}"),
    ])?;
    assert_eq!(output.status.code(), Some(3));
    Ok(())
}

#[test]
fn the_times_of_a_job_are_kept_by_step_and_stage() -> Result<()> {
    let system = System::start(&Options { tile_delay_ms: 20, ..Options::default() })?;
    // Halos that do not fit into one stage.
    let steps = vec!["gaussian_blur:ksize=255"; 4];
    let job = system.submit_and_compare(&pictures::rgb_png(900, 700, 83)?, &steps)?;
    let view = system.job(&job)?;
    let stages = view["stages"].as_array().context("no stages")?;
    ensure!(stages.len() > 1, "{view}");
    for name in ["ms_upload", "ms_queue", "ms_split", "ms_kernels", "ms_stitch", "ms_encode", "ms_total"] {
        ensure!(view[name].is_u64(), "{name} is missing: {view}");
    }
    let sum = |step: &str| stages.iter().filter_map(|stage| stage["ms"][step].as_u64()).sum::<u64>();
    for stage in stages {
        for step in ["split", "kernels", "stitch", "encode", "total"] {
            ensure!(stage["ms"][step].is_u64(), "{step} is missing: {stage}");
        }
        // Every tile waits for so long.
        ensure!(stage["ms"]["kernels"].as_u64() >= Some(20), "{stage}");
    }
    let close = |whole: &Value, parts: u64| whole.as_u64().is_some_and(|whole| whole.abs_diff(parts) <= 3);
    ensure!(close(&view["ms_kernels"], sum("kernels")) && close(&view["ms_split"], sum("split")), "{view}");
    ensure!(view["ms_total"].as_u64() >= Some(sum("total")), "{view}");
    assert!(system.field(&job, "ms_kernels:1")?.is_some(), "redis-cli shows them");
    let shown = system.command(&["jobs", &job])?;
    ensure!(String::from_utf8(shown.stdout)?.contains("kernels"));
    ensure!(system.client.get(&format!("/jobs/{job}"))?.text().contains("Where the time went"));
    Ok(())
}

#[test]
fn a_worker_s_page_has_its_last_tiles() -> Result<()> {
    let mut system = System::start(&Options { workers: 1, ..Options::default() })?;
    let job = system.submit_and_compare(&pictures::rgb_png(1100, 600, 84)?, &["invert"])?;
    let id = format!("{}worker-1", system.prefix);
    let page = |system: &System| system.client.get(&format!("/workers/{id}"));
    // The last heartbeat of a worker that stops tells the rest.
    system.process("worker-1")?.terminate(LONG)?;
    let history = wait_for("the history", LONG, || {
        let view = system.client.get(&format!("/api/v1/workers/{id}"))?.json()?;
        Ok(view["history"].as_array().filter(|history| history.len() == 6).cloned())
    })?;
    let mut tiles: Vec<u64> = history.iter().filter_map(|tile| tile["index"].as_u64()).collect();
    tiles.sort_unstable();
    assert_eq!(tiles, [0, 1, 2, 3, 4, 5]);
    ensure!(history.iter().all(|tile| tile["job"] == job.as_str() && tile["outcome"] == "done"), "{history:?}");
    ensure!(page(&system)?.text().contains("Tiles finished last"));
    // It survives a restart of the worker.
    system.restart("worker-1")?;
    system.submit_and_compare(&pictures::rgb_png(100, 60, 85)?, &["invert"])?;
    ensure!(page(&system)?.text().contains(&job));
    assert_eq!(system.client.get("/workers/nobody")?.status, 404);
    Ok(())
}
