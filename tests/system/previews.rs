//! Pyramids of pictures and results: right whatever dies meanwhile, gone with the job, and never in the way.

use std::io::Cursor;

use anyhow::{Context, Result, ensure};
use tessera::picture::sniff::Format;
use tessera::picture::{Size, codec};

use crate::support::http::Answer;
use crate::support::system::{Options, System};
use crate::support::{LONG, pictures, wait_for};
use crate::wholes;

const SIZE: (u32, u32) = (3000, 2500);
/// Half of it, in tiles of 256.
const HALF: (u32, u32) = (1500, 1250);

fn tile(system: &System, job: &str, of: &str, name: &str) -> Result<Answer> {
    system.client.get(&format!("/api/v1/jobs/{job}/pyramid/{of}/{name}"))
}

/// Two by two samples of each channel, averaged.
fn halved(pixels: &[u8], width: usize, channels: usize) -> Vec<u8> {
    let row = width * channels;
    let mut out = Vec::new();
    for pair in pixels.chunks_exact(2 * row) {
        for x in 0..width / 2 {
            for channel in 0..channels {
                let at = |y: usize, x: usize| u32::from(pair[y * row + x * channels + channel]);
                let sum = at(0, 2 * x) + at(0, 2 * x + 1) + at(1, 2 * x) + at(1, 2 * x + 1);
                out.push(((sum + 2) / 4) as u8);
            }
        }
    }
    out
}

fn jpeg(file: &[u8]) -> Result<(Size, Vec<u8>)> {
    let mut rows = codec::open(Format::Jpeg, Cursor::new(file.to_vec()), 0)?;
    let info = rows.info();
    let mut samples = vec![0; info.bytes() as usize];
    samples.chunks_exact_mut(info.row_bytes()).try_for_each(|row| rows.read_row(row))?;
    rows.finish()?;
    Ok((info.size, samples))
}

/// Holds all tiles of half the size against `pixels`, of the full size: exact but for what JPEG makes of it.
fn compare(system: &System, job: &str, of: &str, pixels: &[u8], channels: usize) -> Result<()> {
    let half = halved(pixels, SIZE.0 as usize, channels);
    for (row, column) in
        (0..HALF.1.div_ceil(256)).flat_map(|row| (0..HALF.0.div_ceil(256)).map(move |column| (row, column)))
    {
        let answer = tile(system, job, of, &format!("11/{column}_{row}.jpg"))?;
        ensure!(answer.status == 200, "{of} {column}_{row}: {} {}", answer.status, answer.text());
        let (size, samples) = jpeg(&answer.body)?;
        let (width, height) = (size.width as usize, size.height as usize);
        ensure!(samples.len() == width * height * channels, "another layout");
        let mut off = 0;
        for y in 0..height {
            let from = ((row as usize * 256 + y) * HALF.0 as usize + column as usize * 256) * channels;
            let line = width * channels;
            let pairs = samples[y * line..][..line].iter().zip(&half[from..from + line]);
            off += pairs.map(|(one, other)| u64::from(one.abs_diff(*other))).sum::<u64>();
        }
        let mean = off as f64 / samples.len() as f64;
        ensure!(mean < 4.0, "{of} {column}_{row} of job {job} is off by {mean} in the mean");
    }
    Ok(())
}

fn pixels_of(png: &[u8]) -> Result<Vec<u8>> {
    pictures::decode(png).map(|(_, _, _, pixels)| pixels)
}

/// A picture of few details, which JPEG keeps well.
fn picture() -> Result<Vec<u8>> {
    let (width, height) = SIZE;
    let sample = |x: u32, y: u32, channel: u32| ((x / 11 + y / 7 + channel * 31) % 512).abs_diff(256).min(255) as u8;
    let pixels: Vec<u8> = (0..height)
        .flat_map(|y| (0..width).flat_map(move |x| (0..3).map(move |channel| sample(x, y, channel))))
        .collect();
    pictures::png(width, height, png::ColorType::Rgb, png::BitDepth::Eight, &pixels)
}

fn is_whole(system: &System, job: &str, picture: &[u8]) -> Result<()> {
    let found = compare(system, job, "original", &pixels_of(picture)?, 3);
    found.and_then(|()| compare(system, job, "result", &pixels_of(&system.result(job)?)?, 1))
}

#[test]
fn pyramids_are_those_of_picture_and_result_and_end_with_the_job() -> Result<()> {
    let system = System::start(&Options::default())?;
    let picture = picture()?;
    let job = system.submit_and_compare(&picture, &["grayscale"])?;
    is_whole(&system, &job, &picture)?;
    let size = |of: &str| -> Result<(u32, u32)> {
        let answer = system.client.get(&format!("/api/v1/jobs/{job}/preview?max=512&of={of}"))?;
        ensure!(answer.status == 200, "{}", answer.text());
        let (size, _) = jpeg(&answer.body)?;
        Ok((size.width, size.height))
    };
    assert_eq!((size("original")?, size("result")?), ((375, 313), (375, 313)));
    system.leaves_nothing(&[&job])?;
    let deleted = system.command(&["delete", &job])?;
    ensure!(deleted.status.success(), "{deleted:?}");
    assert_eq!(tile(&system, &job, "result", "0/0_0.jpg")?.status, 410);
    assert_eq!(system.files("store").len(), 0, "a deleted job leaves files");
    Ok(())
}

/// One worker reads the picture and writes the result: it makes both.
#[test]
fn a_picture_that_is_run_whole_has_its_pyramids() -> Result<()> {
    let system = wholes::system(Options::default())?;
    let picture = picture()?;
    let job = system.submit_and_compare(&picture, &["grayscale"])?;
    assert_eq!(system.job(&job)?["grain"], "whole");
    is_whole(&system, &job, &picture)
}

/// The splitter dies before the picture is read, the stitcher while strips are encoded.
#[test]
fn what_is_killed_in_the_middle_leaves_right_pyramids() -> Result<()> {
    for name in ["splitter", "stitcher-1"] {
        let mut system = System::start(&Options { tile_delay_ms: 150, ..Options::default() })?;
        let picture = picture()?;
        let job = system.submit(&picture, &["grayscale"])?;
        system.wait_for_middle(&job)?;
        system.kill(name)?;
        system.restart(name)?;
        system.compare(&job, &picture, &["grayscale"])?;
        is_whole(&system, &job, &picture).with_context(|| format!("{name} was killed"))?;
    }
    Ok(())
}

#[test]
fn without_previews_there_are_none_and_all_else_is_as_ever() -> Result<()> {
    let environment = vec![("TESSERA_PREVIEW".to_owned(), "off".to_owned())];
    let system = System::start(&Options { environment, ..Options::default() })?;
    let picture = pictures::rgb_png(700, 500, 41)?;
    let job = system.submit_and_compare(&picture, &["invert"])?;
    for of in ["original", "result"] {
        let answer = tile(&system, &job, of, "0/0_0.jpg")?;
        ensure!(answer.status == 404 && answer.text().contains("TESSERA_PREVIEW"), "{}", answer.text());
    }
    wait_for("four files", LONG, || Ok((system.files("store").len() == 4).then_some(())))
}
