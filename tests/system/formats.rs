//! Formats other than PNG, through everything: the same bytes as the reference's.

use std::io::Cursor;

use anyhow::{Context, Result, ensure};
use tessera::picture::codec::{ResultFormat, read_info};
use tessera::picture::sniff::Format;
use tessera::picture::{Depth, Layout, PictureInfo, PixelFormat, Size};

use crate::support::http::Form;
use crate::support::pictures::Paper;
use crate::support::system::{Options, System};
use crate::support::{LONG, pictures};

/// A JPEG of the test picture.
fn jpeg(width: u32, height: u32, seed: u32) -> Result<Vec<u8>> {
    let format = PixelFormat { layout: Layout::Rgb, depth: Depth::Eight };
    let info = PictureInfo { size: Size { width, height }, format };
    let paper = Paper::default();
    let mut writer = ResultFormat::Jpeg { quality: 92 }.writer(paper.clone(), info)?;
    pictures::rgb(width, height, seed).chunks_exact(info.row_bytes()).try_for_each(|row| writer.write_row(row))?;
    writer.finish()?;
    paper.take()
}

/// Sends `picture` with a wanted format, and compares the result with `tessera run`.
fn compare(system: &System, picture: &[u8], wanted: &str, ends: (&str, &str), operations: &[&str]) -> Result<String> {
    let mut form = Form::picture("picture", picture, operations);
    form.field("format", wanted);
    let answer = system.client.post("/api/v1/jobs", &form, &[])?;
    ensure!(answer.status == 202, "{}: {}", answer.status, answer.text());
    let job = answer.json()?["id"].as_str().context("no id")?.to_owned();
    let view = system.wait_for_end(&job, LONG)?;
    ensure!(view["status"] == "done", "{view}");
    let reference = system.reference_as(picture, operations, ends)?;
    ensure!(system.result(&job)? == reference, "{wanted} {ends:?}: other bytes than `tessera run`");
    Ok(job)
}

#[test]
fn jpeg_goes_in_and_comes_out() -> Result<()> {
    let system = System::start(&Options::default())?;
    let picture = jpeg(1301, 1100, 41)?;
    let same = compare(&system, &picture, "same", ("jpg", "jpg"), &["gaussian_blur:ksize=9"])?;
    compare(&system, &picture, "png", ("jpg", "png"), &["grayscale", "invert"])?;
    compare(&system, &picture, "jpeg", ("jpg", "jpg"), &["grayscale"])?;
    compare(&system, &pictures::rgb_png(700, 600, 42)?, "jpeg", ("png", "jpg"), &["invert"])?;
    let result = system.client.get(&format!("/api/v1/jobs/{same}/result"))?;
    assert_eq!(result.header("content-type"), Some("image/jpeg"));
    assert!(result.header("content-disposition").context("no name")?.contains(".jpg"));
    let original = system.client.get(&format!("/api/v1/jobs/{same}/original"))?;
    assert_eq!((original.header("content-type"), original.body == picture), (Some("image/jpeg"), true));
    let info = read_info(Format::Jpeg, Cursor::new(&result.body), 0)?;
    assert_eq!((info.size.width, info.size.height), (1301, 1100));
    Ok(())
}

#[test]
fn what_jpeg_has_not_is_refused_before_it_is_accepted() -> Result<()> {
    let system = System::start(&Options { workers: 0, ..Options::default() })?;
    let samples = pictures::rgb(40, 30, 1);
    let picture = pictures::png(30, 30, png::ColorType::Rgba, png::BitDepth::Eight, &samples[..3600])?;
    let mut form = Form::picture("p.png", &picture, &["invert"]);
    form.field("format", "jpeg");
    let answer = system.client.post("/api/v1/jobs", &form, &[])?;
    assert_eq!(answer.status, 422);
    assert!(answer.text().contains("alpha") && answer.text().contains("PNG"), "{}", answer.text());
    assert_eq!(system.files("store").len(), 0, "a refused upload stays in the store");
    Ok(())
}

#[test]
fn a_cut_jpeg_fails_and_says_where() -> Result<()> {
    let system = System::start(&Options::default())?;
    let whole = jpeg(900, 800, 43)?;
    for percent in [50, 99] {
        let job = system.submit(&whole[..whole.len() * percent / 100], &["invert"])?;
        let view = system.wait_for_end(&job, LONG)?;
        assert_eq!(view["status"], "failed", "{view}");
        let reason = view["reason"].as_str().context("no reason")?;
        assert!(reason.contains("row") && reason.contains("800"), "{reason}");
    }
    let cut_in_header = system.post("p.jpg", &whole[..100], &["invert"])?;
    assert_eq!(cut_in_header.status, 422, "{}", cut_in_header.text());
    Ok(())
}
