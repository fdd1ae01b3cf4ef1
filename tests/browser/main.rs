//! The pages in a real browser: upload to result, an error, and all of it without scripts.
//!
//! Run with `./ops/test`, which gives Kafka, Redis and a driver of a browser.

#[path = "../support/mod.rs"]
mod support;

mod driver;
mod views;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use driver::{Browser, Scripts};
use support::pictures;
use support::system::{Options, System};

/// Puts a picture where the browser can take it from.
fn picture(system: &System, name: &str, bytes: &[u8]) -> Result<PathBuf> {
    let path = system.folder.path().join(name);
    std::fs::write(&path, bytes)?;
    Ok(path)
}

/// Fills in the form of the first page and sends it; once more while the page says that the system is not ready.
fn upload(browser: &Browser, system: &System, file: &Path, chain: &str) -> Result<()> {
    let base = &system.client.base;
    support::wait_for("an upload to be taken", support::LONG, || {
        browser.open(&format!("{base}/"))?;
        browser.write("input[type=file]", file.to_str().context("no text")?)?;
        browser.write("input[name=chain]", chain)?;
        let form = browser.find("form")?;
        browser.click("button[type=submit]")?;
        // The driver may be back before the answer is.
        support::wait_for("an answer to the form", support::LONG, || Ok((!browser.has(&form)).then_some(())))?;
        Ok((!browser.text("main")?.contains("Not possible right now")).then_some(()))
    })
}

/// Sends a picture, waits for its result on the page, and compares what the page offers with the reference.
fn upload_to_result(scripts: Scripts) -> Result<()> {
    let system = System::start(&Options::default())?;
    let bytes = pictures::rgb_png(1300, 900, 31)?;
    let file = picture(&system, "<b>holiday & co.png", &bytes)?;
    let browser = Browser::start(scripts)?;
    upload(&browser, &system, &file, "gaussian_blur:ksize=15")?;
    browser.wait_for_text("done")?;
    let address = browser.url()?;
    let job = address.rsplit('/').next().context("no job in the address")?.to_owned();
    ensure!(address.starts_with(&format!("{}/jobs/", system.client.base)), "the form led to {address}");
    assert_eq!(browser.text("h1")?, "<b>holiday & co.png");
    // The form's first operation is chosen beforehand.
    system.compare(&job, &bytes, &["grayscale", "gaussian_blur:ksize=15"])?;
    let link = browser.property("a[download]", "href")?;
    let link = link.as_str().and_then(|link| link.strip_prefix(&system.client.base)).context("no link")?.to_owned();
    assert_eq!(system.client.get(&link)?.body, system.result(&job)?);
    browser.open(&format!("{}/jobs", system.client.base))?;
    browser.wait_for_text("<b>holiday & co.png")?;
    browser.click(&format!("a[href='/jobs/{job}']"))?;
    browser.wait_for_text("done")
}

#[test]
fn a_picture_goes_from_the_form_to_its_result() -> Result<()> {
    upload_to_result(Scripts::Allowed)
}

#[test]
fn all_of_it_works_without_scripts() -> Result<()> {
    upload_to_result(Scripts::Blocked)
}

#[test]
fn the_result_is_shown_on_the_page() -> Result<()> {
    let system = System::start(&Options::default())?;
    let job = system.submit_and_compare(&pictures::rgb_png(640, 480, 32)?, &["invert"])?;
    let browser = Browser::start(Scripts::Allowed)?;
    browser.open(&format!("{}/jobs/{job}", system.client.base))?;
    let shown = format!("img[src='/api/v1/jobs/{job}/result']");
    support::wait_for("the picture to be decoded", support::LONG, || {
        Ok((browser.property(&shown, "naturalWidth")? == 640).then_some(()))
    })
}

/// A system of two slow workers, and a job of 12 tiles in it.
fn slow_job(tile_delay_ms: u32) -> Result<(System, String)> {
    let system = System::start(&Options { tile_delay_ms, ..Options::default() })?;
    let job = system.submit(&pictures::rgb_png(1537, 1100, 35)?, &["invert"])?;
    Ok((system, job))
}

/// Waits for a progress strictly between the ends, and gives it.
fn progress_under_way(browser: &Browser, after: f64) -> Result<f64> {
    support::wait_for("progress to be seen", support::LONG, || {
        let value = browser.property("progress", "value").ok().and_then(|value| value.as_f64());
        Ok(value.filter(|value| *value > after && *value < 100.0))
    })
}

#[test]
fn progress_moves_and_the_result_appears_without_reload() -> Result<()> {
    let browser = Browser::start(Scripts::Allowed)?;
    let (system, job) = slow_job(1000)?;
    browser.open(&format!("{}/jobs/{job}", system.client.base))?;
    // A mark on the heading is gone after a reload.
    browser.run("document.querySelector('h1').dataset.mark = 'kept'; return null;")?;
    let first = progress_under_way(&browser, 0.0)?;
    let second = progress_under_way(&browser, first)?;
    ensure!(second > first);
    browser.wait_for_text("of 12 tiles")?;
    let drawn = || browser.run("return document.querySelectorAll('svg.mosaic path:not(.missing)').length;");
    ensure!(drawn()?.as_u64() > Some(0), "tiles are drawn while they come");
    browser.find("a[download]")?;
    browser.wait_for_text("done")?;
    let shown = format!("img[src='/api/v1/jobs/{job}/result']");
    support::wait_for("the result to be shown", support::LONG, || {
        Ok((browser.property(&shown, "naturalWidth")? == 1537).then_some(()))
    })?;
    browser.wait_for_text("Where the time went")?;
    assert_eq!(browser.run("return document.querySelector('h1').dataset.mark;")?, "kept", "the page was reloaded");
    Ok(())
}

#[test]
fn a_page_outlives_a_restart_of_the_web_service() -> Result<()> {
    let browser = Browser::start(Scripts::Allowed)?;
    let (mut system, job) = slow_job(2500)?;
    browser.open(&format!("{}/jobs/{job}", system.client.base))?;
    let first = progress_under_way(&browser, 0.0)?;
    let port = system.client.base.rsplit(':').next().context("no port")?.to_owned();
    system.process("web")?.terminate(support::LONG)?;
    browser.wait_for_text("The connection is lost")?;
    system.restart_at("web", &format!("127.0.0.1:{port}"))?;
    progress_under_way(&browser, first)?;
    browser.find("a[download]").map(drop)
}

#[test]
fn progress_is_right_without_scripts_too() -> Result<()> {
    let browser = Browser::start(Scripts::Blocked)?;
    let (system, job) = slow_job(1000)?;
    browser.open(&format!("{}/jobs/{job}", system.client.base))?;
    let first = progress_under_way(&browser, 0.0)?;
    progress_under_way(&browser, first)?;
    browser.find("a[download]").map(drop)
}

#[test]
fn the_workers_page_shows_what_is_in_hand_and_who_is_dead() -> Result<()> {
    let mut system = System::start(&Options { tile_delay_ms: 30_000, ..Options::default() })?;
    let job = system.submit(&pictures::rgb_png(1100, 600, 36)?, &["invert"])?;
    let browser = Browser::start(Scripts::Allowed)?;
    browser.open(&format!("{}/workers", system.client.base))?;
    browser.run("document.querySelector('h1').dataset.mark = 'kept'; return null;")?;
    // Once a heartbeat has told of it.
    browser.find(&format!(".hand a[href='/jobs/{job}']"))?;
    browser.wait_for_text("invert for ")?;
    let id = format!("{}worker-1", system.prefix);
    system.kill("worker-1")?;
    let row = format!("//tr[.//a[@href='/workers/{id}']]");
    // The page itself notes when it asks for itself, and when it shows the worker as dead: a look from here comes late.
    let told = browser.run(&format!(
        "const shows = (word) => document.evaluate({row:?}, document, null, 9, null).singleNodeValue\
           .querySelector('.status').textContent.includes(word);
         window.asked = [];
         const ask = window.fetch;
         window.fetch = (...of) => {{ window.asked.push(Date.now()); return ask(...of); }};
         new MutationObserver(() => {{ if (!window.dead && shows('dead')) window.dead = Date.now(); }})
           .observe(document.body, {{ subtree: true, childList: true, characterData: true }});
         return shows('running');"
    ))?;
    ensure!(told == true, "it is not dead before its time");
    let dead = support::wait_for("the page to say that it is dead", support::LONG, || {
        Ok(browser.run("return window.dead || null;")?.as_f64())
    })?;
    let last: f64 = redis::Commands::zscore(&mut system.connection()?, format!("{}workers", system.prefix), &id)?;
    let since_ms = dead - last;
    ensure!(since_ms >= 14_500.0, "{id} is dead {since_ms} ms after its last heartbeat");
    // Of what the page asked for once the time was over, the first answer said so: it asks again every 800 ms.
    let asked = browser.run("return window.asked;")?;
    let late = asked.as_array().into_iter().flatten().filter_map(serde_json::Value::as_f64);
    let late: Vec<f64> = late.filter(|at| (last + 15_500.0..dead).contains(at)).collect();
    ensure!(late.len() <= 1, "{id} is dead {since_ms} ms after its last heartbeat, though the page asked at {late:?}");
    assert_eq!(browser.run("return document.querySelector('h1').dataset.mark;")?, "kept", "the page was reloaded");
    Ok(())
}

#[test]
fn mistakes_are_answered_by_a_page_that_says_what_to_do() -> Result<()> {
    let system = System::start(&Options { workers: 0, ..Options::default() })?;
    let browser = Browser::start(Scripts::Allowed)?;
    let text = picture(&system, "text.png", b"no picture at all, whatever its name says")?;
    upload(&browser, &system, &text, "invert")?;
    browser.wait_for_text("PNG")?;
    browser.find("[role=alert]")?;
    let good = picture(&system, "good.png", &pictures::rgb_png(20, 20, 33)?)?;
    upload(&browser, &system, &good, "gaussian_blur:ksize=4")?;
    browser.wait_for_text("ksize must be an odd integer from 1 to 255")?;
    browser.open(&format!("{}/jobs/00000000000000000000000000000000", system.client.base))?;
    browser.wait_for_text("404")?;
    browser.open(&format!("{}/no/such/page", system.client.base))?;
    browser.wait_for_text("404")?;
    assert!(system.files("store").is_empty(), "a refused upload left files");
    Ok(())
}

#[test]
fn a_job_without_workers_says_that_it_waits() -> Result<()> {
    let mut system = System::start(&Options { workers: 0, ..Options::default() })?;
    let browser = Browser::start(Scripts::Blocked)?;
    let bytes = pictures::rgb_png(300, 200, 34)?;
    let file = picture(&system, "waiting.png", &bytes)?;
    upload(&browser, &system, &file, "invert")?;
    browser.wait_for_text("worker")?;
    ensure!(!browser.text("main")?.contains("done"), "a job ended without a worker");
    system.start_worker(1)?;
    // The page refreshes by itself, without scripts.
    browser.wait_for_text("done")
}
