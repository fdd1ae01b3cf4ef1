//! `kill -9` of each service in mid-job: the job still ends `done`, with the same bytes.

use std::io::{Read, Write};
use std::net::TcpStream;

use anyhow::{Context, Result};

use crate::support::LONG;
use crate::support::brokers::Broker;
use crate::support::http::{Client, Form};
use crate::support::system::{Options, System};
use crate::support::{pictures, wait_for};

const OPERATIONS: [&str; 1] = ["gaussian_blur:ksize=15"];

/// A picture of 30 tiles in a system whose workers take their time.
fn in_the_middle(payload: &str) -> Result<(System, Vec<u8>, String)> {
    let system = System::start(&Options { tile_delay_ms: 150, ..Options::default().by(payload) })?;
    let picture = pictures::rgb_png(3000, 2500, 11)?;
    let job = system.submit(&picture, &OPERATIONS)?;
    system.wait_for_middle(&job)?;
    Ok((system, picture, job))
}

fn survives(name: &str, payload: &str) -> Result<()> {
    let (mut system, picture, job) = in_the_middle(payload)?;
    system.kill(name)?;
    system.restart(name)?;
    system.compare(&job, &picture, &OPERATIONS)?;
    system.leaves_nothing(&[&job])
}

#[test]
fn a_killed_worker_that_never_comes_back_is_survived() -> Result<()> {
    for payload in ["inline", "shared"] {
        let (mut system, picture, job) = in_the_middle(payload)?;
        system.kill("worker-1")?;
        system.compare(&job, &picture, &OPERATIONS)?;
    }
    Ok(())
}

#[test]
fn a_killed_worker_that_comes_back_is_survived() -> Result<()> {
    survives("worker-2", "inline")?;
    survives("worker-2", "shared")
}

#[test]
fn a_killed_stitcher_is_survived() -> Result<()> {
    survives("stitcher-1", "inline")?;
    survives("stitcher-1", "shared")
}

/// Redis has lost everything, and only the monitor fills it again: until it is back every job stands still.
#[test]
fn a_monitor_killed_while_it_is_needed_is_survived() -> Result<()> {
    let own = vec![Broker::Redis];
    let mut system = System::start(&Options { tile_delay_ms: 150, own, ..Options::default() })?;
    let picture = pictures::rgb_png(3000, 2500, 15)?;
    let job = system.submit(&picture, &OPERATIONS)?;
    system.wait_for_middle(&job)?;
    system.kill("monitor")?;
    redis::cmd("FLUSHALL").exec(&mut system.connection()?)?;
    wait_for("web to see that the jobs are gone", LONG, || {
        let answer = Client::new(system.address("web")?).get("/readyz")?;
        Ok((answer.status == 503).then_some(()))
    })?;
    assert!(system.field(&job, "status")?.is_none(), "another than the monitor filled Redis");
    system.restart("monitor")?;
    system.compare(&job, &picture, &OPERATIONS)?;
    system.wait_until_ready()?;
    system.leaves_nothing(&[&job])
}

/// A download stands in the middle when web dies; what is missing of it comes from the next one.
#[test]
fn a_web_killed_in_a_download_is_survived() -> Result<()> {
    let mut system = System::start(&Options::default())?;
    // More than the buffers of a connection hold.
    let picture = pictures::rgb_png(4000, 3000, 16)?;
    let job = system.submit_and_compare(&picture, &["invert"])?;
    let whole = system.result(&job)?;
    let path = format!("/api/v1/jobs/{job}/result");
    let mut stream = TcpStream::connect(system.address("web")?)?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut begun = vec![0; 64 * 1024];
    stream.read_exact(&mut begun)?;
    system.kill("web")?;
    stream.read_to_end(&mut begun).ok();
    let body = begun.windows(4).position(|end| end == b"\r\n\r\n").context("no head")? + 4;
    let first = &begun[body..];
    assert!(first.len() < whole.len(), "the whole result of {} bytes came before web was killed", whole.len());
    system.restart("web")?;
    system.wait_until_ready()?;
    let rest = system.client.get_with(&path, &[("Range", &format!("bytes={}-", first.len()))])?;
    assert_eq!(rest.status, 206, "{}", rest.text());
    assert!([first, &rest.body].concat() == whole, "the two parts are not the result");
    Ok(())
}

#[test]
fn a_splitter_killed_while_splitting_is_survived() -> Result<()> {
    // Two workers of one slot each allow 8 tiles out, so that most of the 30 are still to be cut.
    survives("splitter", "inline")?;
    survives("splitter", "shared")
}

#[test]
fn web_killed_in_an_upload_leaves_no_job() -> Result<()> {
    let mut system = System::start(&Options::default())?;
    let form = Form::picture("half.png", &pictures::rgb_png(2000, 2000, 12)?, &OPERATIONS);
    let body = form.body();
    let mut stream = TcpStream::connect(system.address("web")?)?;
    let (kind, length) = (form.content_type(), body.len());
    write!(
        stream,
        "POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
    )?;
    stream.write_all(&body[..length / 2])?;
    stream.flush()?;
    wait_for("the upload to arrive", LONG, || Ok((!system.files("store").is_empty()).then_some(())))?;
    system.kill("web")?;
    system.restart("web")?;
    system.wait_until_ready()?;
    let list = system.client.get("/api/v1/jobs")?;
    assert!(!list.text().contains("half.png"), "{}", list.text());
    system.submit_and_compare(&pictures::rgb_png(300, 300, 13)?, &OPERATIONS)?;
    Ok(())
}

#[test]
fn every_service_drains_on_sigterm_in_mid_job() -> Result<()> {
    drains("inline")?;
    drains("shared")
}

fn drains(payload: &str) -> Result<()> {
    let (mut system, picture, job) = in_the_middle(payload)?;
    for name in ["worker-1", "splitter", "stitcher-1", "monitor", "web"] {
        let status = system.process(name)?.terminate(std::time::Duration::from_secs(20))?;
        assert!(status.success(), "{name} ended with {status}\n{}", system.process(name)?.log_tail(30));
        system.restart(name)?;
    }
    system.compare(&job, &picture, &OPERATIONS)
}

#[test]
fn a_job_waits_for_the_first_worker_and_says_so() -> Result<()> {
    let mut system = System::start(&Options { workers: 0, ..Options::default() })?;
    let picture = pictures::rgb_png(700, 600, 14)?;
    let job = system.submit(&picture, &OPERATIONS)?;
    let view = system.job(&job)?;
    assert!(view["notice"].as_str().unwrap_or("").contains("worker"), "{view}");
    let page = system.client.get_with(&format!("/jobs/{job}"), &[("Accept", "text/html")])?;
    assert!(page.text().contains("worker"), "the page does not say that no worker is alive");
    system.start_worker(1)?;
    system.compare(&job, &picture, &OPERATIONS)?;
    Ok(())
}
