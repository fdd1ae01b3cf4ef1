//! Looking at pictures: the viewer with mouse, keys and a link, the pages without scripts, the thumbnails.
//!
//! With `TESSERA_TEST_SCREENSHOTS=FOLDER` what is seen is written there.

use anyhow::{Context, Result, ensure};

use crate::driver::{Browser, Scripts};
use crate::support::system::{Options, System};
use crate::support::{self, pictures};

/// A done job of a soft picture that is too large to be shown as it is.
fn done_job(chain: &[&str]) -> Result<(System, String)> {
    let system = System::start(&Options::default())?;
    let painter = pictures::Painter { width: 3000, height: 2000, seed: 7 };
    let picture = painter.paint(tessera::picture::codec::ResultFormat::Png)?;
    let job = system.submit_and_compare(&picture, chain)?;
    Ok((system, job))
}

fn open(browser: &Browser, system: &System, path: &str) -> Result<()> {
    browser.open(&format!("{}{path}", system.client.base))
}

/// Waits until a script gives `true`.
fn until(browser: &Browser, what: &str, script: &str) -> Result<()> {
    support::wait_for(what, support::LONG, || Ok((browser.run(script)? == true).then_some(())))
}

/// How many pixels of the canvas, of a hundred spread over it, are not empty.
const PAINTED: &str = "const canvas = document.querySelector('.viewer canvas');
    const context = canvas.getContext('2d'); let painted = 0;
    for (let at = 0; at < 100; at += 1) {
      const x = canvas.width * (0.3 + 0.4 * (at % 10) / 9), y = canvas.height * (0.2 + 0.6 * Math.floor(at / 10) / 9);
      if (context.getImageData(x, y, 1, 1).data[3] === 255) painted += 1;
    }";

#[test]
fn a_large_result_is_seen_and_moved_with_keys_and_wheel() -> Result<()> {
    let (system, job) = done_job(&["invert"])?;
    let browser = Browser::start(Scripts::Allowed)?;
    open(&browser, &system, &format!("/jobs/{job}"))?;
    until(&browser, "the picture to be painted", &format!("{PAINTED} return painted === 100;"))?;
    browser.shoot("job-done")?;
    browser.wait_for_text("The whole picture")?;
    let keys = |selector: &str, keys: &str| -> Result<()> {
        browser.run(&format!("document.querySelector({selector:?}).focus(); return null;"))?;
        browser.press(keys)
    };
    keys(".stage", "++")?;
    browser.wait_for_text("A part at")?;
    until(&browser, "its place in the address", "return /at=0.5/.test(location.hash);")?;
    keys(".stage", "\u{e014}")?; // Arrow right
    until(&browser, "its new place in the address", "return /at=0.(5[1-9]|6)/.test(location.hash);")?;
    let tiles = "performance.getEntriesByType('resource').filter((entry) => entry.name.includes('/pyramid/')).length";
    ensure!(browser.run(&format!("return {tiles};"))?.as_u64() < Some(150), "far more is loaded than is in sight");
    browser.run("document.querySelector('.stage').dispatchEvent(new WheelEvent('wheel', { deltaY: 2000, clientX: 500, clientY: 400, cancelable: true })); return null;")?;
    browser.wait_for_text("The whole picture")?;
    // The handle is a slider for keys.
    let now = "return document.querySelector('[role=slider]').getAttribute('aria-valuenow');";
    keys("[role=slider]", "\u{e011}")?; // Home
    until(&browser, "the handle at its start", &now.replace("return ", "return '0' === "))?;
    keys("[role=slider]", "\u{e014}")?;
    until(&browser, "the handle to move", &now.replace("return ", "return '2' === "))?;
    keys(".stage", "3")?;
    browser.wait_for_text("black where original and result are equal")?;
    until(&browser, "the way of showing in the address", "return /show=difference/.test(location.hash);")?;
    keys(".stage", "2")?;
    browser.wait_for_text("the original on the left, the result on the right")?;
    browser.shoot("job-side")?;
    Ok(())
}

#[test]
fn a_link_opens_the_same_part_and_a_result_of_another_size_lies_beside() -> Result<()> {
    let (system, job) = done_job(&["rotate:degrees=90"])?;
    let browser = Browser::start(Scripts::Allowed)?;
    open(&browser, &system, &format!("/jobs/{job}#at=0.25000,0.40000,0.5000"))?;
    browser.wait_for_text("A part at 50 %, 2000 × 3000 pixels: the original on the left, the result on the right")?;
    ensure!(browser.all(".modes button")?.is_empty(), "nothing can be put under a handle");
    until(&browser, "the picture to be painted", &format!("{PAINTED} return painted > 80;"))?;
    browser.shoot("job-rotated")?;
    browser.click("button[aria-label^='Whole']")?;
    browser.wait_for_text("The whole picture at")?;
    until(&browser, "no place in the address", "return location.hash === '';")
}

#[test]
fn pictures_are_there_without_scripts_and_in_the_list_and_nothing_jumps() -> Result<()> {
    let (system, job) = done_job(&["grayscale"])?;
    let plain = Browser::start(Scripts::Blocked)?;
    open(&plain, &system, &format!("/jobs/{job}"))?;
    for (of, alt) in [("original", "The picture as it was sent"), ("result", "The result")] {
        let shown = format!("img[src='/api/v1/jobs/{job}/preview?max=1024&of={of}'][alt='{alt}']");
        support::wait_for("the picture to be decoded", support::LONG, || {
            Ok((plain.property(&shown, "naturalWidth")? == 750).then_some(()))
        })?;
        ensure!(plain.property(&shown, "offsetWidth")?.as_u64() > Some(200), "{of} is in sight");
    }
    plain.shoot("job-without-scripts")?;
    let browser = Browser::start(Scripts::Allowed)?;
    open(&browser, &system, "/jobs")?;
    let thumb = ".thumb img[loading=lazy][width='96'][height='64']";
    support::wait_for("the thumbnail", support::LONG, || {
        Ok((browser.property(thumb, "naturalWidth")? == 188).then_some(()))
    })?;
    browser.shoot("jobs")?;
    let shift = "let all = 0; new PerformanceObserver((list) => { for (const entry of list.getEntries()) all += entry.value; })
        .observe({ type: 'layout-shift', buffered: true }); return new Promise((done) => setTimeout(() => done(all), 500));";
    open(&browser, &system, &format!("/jobs/{job}"))?;
    until(&browser, "the picture to be painted", &format!("{PAINTED} return painted === 100;"))?;
    let all = browser.run(shift)?.as_f64().context("no number")?;
    ensure!(all <= 0.1, "the page jumps by {all}");
    Ok(())
}
