//! Pictures that one worker runs whole: the same bytes and the same promise as in tiles, whatever befalls them.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tessera::bus::Topic;
use tessera::picture::codec::ResultFormat;
use tessera::picture::jpeg::JpegSettings;

use crate::records::records_of;
use crate::support::http::Form;
use crate::support::pictures::Painter;
use crate::support::system::topics::written;
use crate::support::system::{Options, System};
use crate::support::{LONG, pictures, wait_for};

pub const OPERATIONS: [&str; 1] = ["gaussian_blur:ksize=15"];

/// A system that runs pictures whole, once web has seen that all its workers reach the store.
pub fn system(options: Options) -> Result<System> {
    let grain = ("TESSERA_GRAIN".to_owned(), "whole".to_owned());
    let system = System::start(&Options { environment: vec![grain], ..options.by("auto") })?;
    until_shared(&system)?;
    Ok(system)
}

pub fn until_shared(system: &System) -> Result<()> {
    let small = pictures::rgb_png(16, 16, 1)?;
    wait_for("pictures to go whole", LONG, || {
        let job = system.submit(&small, &["invert"])?;
        let view = system.wait_for_end(&job, LONG)?;
        ensure!(view["status"] == "done", "{view}");
        Ok((view["grain"] == "whole").then_some(()))
    })
}

/// A picture that a worker has in hand, read to some rows of its 2,500.
pub fn in_the_middle(options: Options, seed: u32) -> Result<(System, Vec<u8>, String)> {
    let system = system(Options { tile_delay_ms: 100, ..options })?;
    let picture = pictures::rgb_png(1500, 2500, seed)?;
    let job = system.submit(&picture, &OPERATIONS)?;
    until_in_hand(&system, &job, 1)?;
    Ok((system, picture, job))
}

/// Sends a picture with one more field.
fn submit_with(system: &System, picture: &[u8], (field, value): (&str, &str)) -> Result<String> {
    let mut form = Form::picture("p.png", picture, &OPERATIONS);
    form.field(field, value);
    let answer = system.client.post("/api/v1/jobs", &form, &[])?;
    ensure!(answer.status == 202, "{}: {}", answer.status, answer.text());
    Ok(answer.json()?["id"].as_str().context("no id")?.to_owned())
}

/// Waits until a worker has read at least `permille` of a job's rows, and gives its process.
pub fn until_in_hand(system: &System, job: &str, permille: u32) -> Result<String> {
    wait_for("a worker to have the picture", LONG, || {
        let rows: u32 = system.field(job, "rows_permille")?.unwrap_or_default().parse().unwrap_or(0);
        ensure!(system.field(job, "received_tiles")?.as_deref() == Some("0"), "it is done before the test could act");
        Ok((rows >= permille).then_some(()))
    })?;
    let worker = system.field(job, "worker")?.context("no worker")?;
    Ok(worker.trim_start_matches(&system.prefix).to_owned())
}

pub fn is_whole(system: &System, job: &str) -> Result<()> {
    let view = system.job(job)?;
    ensure!(view["grain"] == "whole" && view["total_tiles"] == 1, "{view}");
    Ok(())
}

/// The results that lie in the store.
pub fn results(system: &System) -> Vec<PathBuf> {
    let is_result = |file: &PathBuf| {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.ends_with(".png") && !name.contains('#')
    };
    system.files("store").into_iter().filter(is_result).collect()
}

pub fn no_dead_letters(system: &System) -> Result<()> {
    for letters in [Topic::TasksDlq, Topic::ResultsDlq, Topic::JobsDlq] {
        ensure!(records_of(system, letters)? == 0, "{letters:?} has letters");
    }
    Ok(())
}

#[test]
fn whole_pictures_have_the_bytes_of_one_process_in_every_kind_of_chain() -> Result<()> {
    let system = system(Options::default())?;
    let picture = pictures::rgb_png(1300, 900, 301)?;
    let chains: [&[&str]; 6] = [
        &["grayscale"],
        &["gaussian_blur:ksize=51"],
        &["contrast:factor=1.4", "rotate:degrees=90"],
        &["equalize", "otsu"],
        &["canny", "gaussian_blur:ksize=99"],
        &["flip:axis=v", "sharpen", "flip:axis=h"],
    ];
    let before = written(&system.kafka, Topic::Tasks)?;
    for chain in chains {
        let job = system.submit_and_compare(&picture, chain).with_context(|| format!("{chain:?}"))?;
        is_whole(&system, &job)?;
        ensure!(system.job(&job)?["worker"].is_string(), "nobody had it");
    }
    ensure!(written(&system.kafka, Topic::Tasks)? == before + 6, "a picture is one task");
    for (end, field) in [("jpg", "jpeg"), ("webp", "webp"), ("tif", "tiff")] {
        let job = submit_with(&system, &picture, ("format", field))?;
        ensure!(system.wait_for_end(&job, LONG)?["status"] == "done");
        is_whole(&system, &job)?;
        ensure!(system.result(&job)? == system.reference_as(&picture, &OPERATIONS, ("png", end))?, "{end}");
    }
    no_dead_letters(&system)
}

#[test]
fn of_many_at_once_those_that_wait_go_whole_and_all_are_right() -> Result<()> {
    let system = System::start(&Options::default().by("auto"))?;
    wait_for("the workers to say that they reach the store", LONG, || {
        let workers = system.client.get("/api/v1/workers")?.text();
        Ok((workers.matches("\"payload\":\"shared\"").count() == 2).then_some(()))
    })?;
    let picture = pictures::rgb_png(1500, 1200, 302)?;
    let reference = system.reference(&picture, &OPERATIONS)?;
    let has_whole = wait_for("a crowd in which some go whole", LONG, || {
        let jobs: Vec<String> = (0..12).map(|_| system.submit(&picture, &OPERATIONS)).collect::<Result<_>>()?;
        let mut wholes = 0;
        for job in &jobs {
            let view = system.wait_for_end(job, LONG)?;
            ensure!(view["status"] == "done", "{view}");
            ensure!(system.result(job)? == reference, "{job}: other bytes");
            wholes += usize::from(view["grain"] == "whole");
        }
        Ok((wholes > 0).then_some(wholes))
    })?;
    ensure!(has_whole < 12, "the first has all workers for itself");
    no_dead_letters(&system)
}

#[test]
fn a_sender_can_say_which() -> Result<()> {
    let system = system(Options::default())?;
    let picture = pictures::rgb_png(1500, 1200, 303)?;
    for grain in ["tiles", "whole"] {
        let job = submit_with(&system, &picture, ("grain", grain))?;
        system.compare(&job, &picture, &OPERATIONS)?;
        ensure!(system.job(&job)?["grain"] == grain);
    }
    Ok(())
}

#[test]
fn a_picture_that_is_cut_off_fails_as_in_tiles() -> Result<()> {
    let system = system(Options::default())?;
    let before = results(&system).len();
    let picture = pictures::rgb_png(1500, 1200, 322)?;
    let mut reasons = Vec::new();
    for grain in ["tiles", "whole"] {
        let job = submit_with(&system, &picture[..picture.len() / 2], ("grain", grain))?;
        let view = system.wait_for_end(&job, LONG)?;
        ensure!(view["status"] == "failed" && view["grain"] == grain, "{view}");
        reasons.push(view["reason"].as_str().unwrap_or_default().to_owned());
    }
    ensure!(reasons[0] == reasons[1] && reasons[0].contains("truncated or damaged"), "{reasons:?}");
    ensure!(results(&system).len() == before, "a part of a result is visible");
    no_dead_letters(&system)
}

#[test]
fn an_original_that_was_damaged_in_the_store_fails_with_what_to_do() -> Result<()> {
    let mut system = system(Options::default())?;
    system.process("splitter")?.signal(libc::SIGSTOP)?;
    let picture = pictures::rgb_png(1500, 1200, 323)?;
    let job = system.submit(&picture, &OPERATIONS)?;
    let original = system.files("store").into_iter().find(|file| {
        let path = file.to_string_lossy().into_owned();
        path.contains(&job) && path.ends_with("original")
    });
    let path = system.folder.path().join("store").join(original.context("no original")?);
    let mut bytes = std::fs::read(&path)?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes)?;
    system.process("splitter")?.signal(libc::SIGCONT)?;
    let view = system.wait_for_end(&job, LONG)?;
    ensure!(view["status"] == "failed", "{view}");
    ensure!(view["reason"].as_str().is_some_and(|reason| reason.contains("damaged in the store")), "{view}");
    Ok(())
}

#[test]
fn a_result_that_is_gone_before_it_is_published_is_made_again() -> Result<()> {
    let mut system = system(Options::default())?;
    let before = results(&system);
    system.process("stitcher-1")?.signal(libc::SIGSTOP)?;
    let picture = pictures::rgb_png(700, 500, 324)?;
    let job = system.submit(&picture, &OPERATIONS)?;
    let made = wait_for("the result to be there", LONG, || {
        Ok(results(&system).into_iter().find(|file| !before.contains(file)))
    })?;
    std::fs::remove_file(system.folder.path().join("store").join(made))?;
    system.process("stitcher-1")?.signal(libc::SIGCONT)?;
    system.compare(&job, &picture, &OPERATIONS)?;
    is_whole(&system, &job)
}

/// The setting sends it to a worker that reaches no store; and the splitter sees by itself that none does.
/// As wide as a picture of 268 megapixels: what is held grows with a picture's width, or it is not bounded.
#[test]
fn no_worker_grows_beyond_its_budget_with_whole_pictures() -> Result<()> {
    let mut system = system(Options::default())?;
    let painter = Painter { width: 16_384, height: 1_024, seed: 334 };
    let giants = [
        (painter.paint(ResultFormat::Png)?, "png", "gaussian_blur:ksize=51"),
        (painter.paint(ResultFormat::Jpeg(JpegSettings::default()))?, "jpg", "gaussian_blur:ksize=51"),
        (painter.paint(ResultFormat::Png)?, "png", "median_blur:ksize=5"),
    ];
    let jobs = giants.iter().map(|(giant, _, step)| system.submit(giant, &[step])).collect::<Result<Vec<String>>>()?;
    for (job, (giant, end, step)) in jobs.iter().zip(&giants) {
        let view = system.wait_for_end(job, Duration::from_secs(150))?;
        ensure!(view["status"] == "done" && view["grain"] == "whole", "{view}");
        ensure!(system.result(job)? == system.reference_as(giant, &[step], (end, end))?, "{end}: other bytes");
    }
    for name in ["worker-1", "worker-2"] {
        let peak = system.process(name)?.peak_memory_bytes()?;
        eprintln!("{name}: {} MiB", peak >> 20);
        ensure!(peak <= 192 << 20, "{name} had {} MiB", peak >> 20);
    }
    Ok(())
}

#[test]
fn a_wish_that_no_worker_can_fulfil_is_told_of() -> Result<()> {
    let mut system = System::start(&Options { workers: 0, ..Options::default().by("auto") })?;
    system.start_worker_without_store(1)?;
    system.wait_for_live_workers(1)?;
    let picture = pictures::rgb_png(700, 500, 335)?;
    let job = submit_with(&system, &picture, ("grain", "whole"))?;
    system.compare(&job, &picture, &OPERATIONS)?;
    let view = system.job(&job)?;
    ensure!(view["grain"] == "tiles" && view["notices"].to_string().contains("was to be run whole"), "{view}");
    Ok(())
}
