//! Formats other than PNG, through everything: the same bytes as the reference's.

use std::io::Cursor;

use anyhow::{Context, Result, ensure};
use tessera::picture::codec::{MAX_DECODE_BYTES, ResultFormat, read_header, read_info};
use tessera::picture::jpeg::JpegSettings;
use tessera::picture::metadata::Kept;
use tessera::picture::sniff::Format;
use tessera::picture::{Depth, Layout, PictureInfo, PixelFormat, Size, Turn};

use crate::support::http::Form;
use crate::support::pictures::Paper;
use crate::support::system::{Options, System};
use crate::support::{LONG, pictures};

/// A JPEG of the test picture.
fn jpeg(width: u32, height: u32, seed: u32) -> Result<Vec<u8>> {
    encoded(
        ResultFormat::Jpeg(JpegSettings { quality: 92, ..JpegSettings::default() }),
        &Kept::NONE,
        (width, height),
        seed,
    )
}

/// The test picture in a format, with what goes with it.
fn encoded(to: ResultFormat, kept: &Kept, (width, height): (u32, u32), seed: u32) -> Result<Vec<u8>> {
    let format = PixelFormat { layout: Layout::Rgb, depth: Depth::Eight };
    let info = PictureInfo { size: Size { width, height }, format };
    let paper = Paper::default();
    let mut writer = to.writer_with(paper.clone(), info, kept)?;
    pictures::rgb(width, height, seed).chunks_exact(info.row_bytes()).try_for_each(|row| writer.write_row(row))?;
    writer.finish()?;
    paper.take()
}

/// Sends `picture` with a wanted format, and compares the result with `tessera run`.
fn compare(system: &System, picture: &[u8], wanted: &str, ends: (&str, &str), operations: &[&str]) -> Result<String> {
    compare_with(system, picture, &[("format", wanted)], ends, operations)
}

/// The same with all that is asked of the result.
fn compare_with(
    system: &System,
    picture: &[u8],
    wanted: &[(&str, &str)],
    ends: (&str, &str),
    operations: &[&str],
) -> Result<String> {
    let mut form = Form::picture("picture", picture, operations);
    wanted.iter().for_each(|(field, value)| form.field(field, value));
    let answer = system.client.post("/api/v1/jobs", &form, &[])?;
    ensure!(answer.status == 202, "{}: {}", answer.status, answer.text());
    let job = answer.json()?["id"].as_str().context("no id")?.to_owned();
    let view = system.wait_for_end(&job, LONG)?;
    ensure!(view["status"] == "done", "{view}");
    let reference = system.reference_with(picture, operations, ends, wanted)?;
    ensure!(system.result(&job)? == reference, "{wanted:?} {ends:?}: other bytes than `tessera run`");
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
    let full = compare_with(&system, &picture, &[("format", "jpeg"), ("chroma", "444")], ("jpg", "jpg"), &["invert"])?;
    let sampling = jpeg_sampling(&system.result(&full)?).context("no frame header")?;
    assert_eq!(sampling, 0x11, "not 4:4:4");
    let result = system.client.get(&format!("/api/v1/jobs/{same}/result"))?;
    assert_eq!(result.header("content-type"), Some("image/jpeg"));
    assert!(result.header("content-disposition").context("no name")?.contains(".jpg"));
    let original = system.client.get(&format!("/api/v1/jobs/{same}/original"))?;
    assert_eq!((original.header("content-type"), original.body == picture), (Some("image/jpeg"), true));
    let info = read_info(Format::Jpeg, Cursor::new(&result.body), 0)?;
    assert_eq!((info.size.width, info.size.height), (1301, 1100));
    Ok(())
}

/// How often a JPEG has brightness for each colour, across and down: 0x22 or 0x11.
fn jpeg_sampling(file: &[u8]) -> Option<u8> {
    let sof = file.windows(2).position(|pair| pair == [0xff, 0xc0])?;
    file.get(sof + 11).copied()
}

#[test]
fn webp_and_tiff_go_in_and_come_out_with_their_profiles() -> Result<()> {
    let system = System::start(&Options::default())?;
    let mut icc = vec![0; 700];
    icc[..4].copy_from_slice(&700u32.to_be_bytes());
    icc[16..20].copy_from_slice(b"RGB ");
    icc[36..40].copy_from_slice(b"acsp");
    for (format, word, end) in [(ResultFormat::Webp, "webp", "webp"), (ResultFormat::Tiff, "tiff", "tif")] {
        let picture = encoded(format, &Kept::profile(icc.clone()), (1201, 700), 44)?;
        let job = compare(&system, &picture, "same", (end, end), &["gaussian_blur:ksize=5"])?;
        let header = read_header(format.format(), Cursor::new(system.result(&job)?), MAX_DECODE_BYTES)?;
        ensure!(header.profile.keep_for(Layout::Rgb) == Ok(Some(&icc[..])), "{end}: the profile is lost");
        let gray = compare(&system, &picture, "png", (end, "png"), &["grayscale"])?;
        let notices = system.client.get(&format!("/api/v1/jobs/{gray}"))?.json()?["notices"].to_string();
        ensure!(notices.contains("RGB colours"), "{notices}");
        compare(&system, &pictures::rgb_png(700, 600, 45)?, word, ("png", end), &["invert"])?;
    }
    Ok(())
}

#[test]
fn metadata_is_kept_where_it_is_asked_for_and_what_is_not_is_said() -> Result<()> {
    let system = System::start(&Options::default())?;
    let exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0".to_vec();
    let xmp = b"<a tiff:Orientation=\"6\" dc:creator=\"somebody\"/>".to_vec();
    let kept =
        Kept { icc: None, exif: Some(exif), xmp: Some(xmp), texts: vec![b"a comment".to_vec()], colors: Vec::new() };
    let from = ResultFormat::Jpeg(JpegSettings::default());
    let picture = encoded(from, &kept, (700, 600), 47)?;
    let has_name = |bytes: &[u8]| bytes.windows(8).any(|window| window == b"somebody");
    for (word, end) in [("jpeg", "jpg"), ("png", "png"), ("webp", "webp"), ("tiff", "tif")] {
        let wanted = [("format", word), ("metadata", "keep")];
        let job = compare_with(&system, &picture, &wanted, ("jpg", end), &["invert"])?;
        let result = system.result(&job)?;
        let format = Format::from_extension(end).context("no such format")?;
        let header = read_header(format, Cursor::new(&result), MAX_DECODE_BYTES)?;
        ensure!(header.orientation == Turn::None && header.info.size.width == 600, "{word}: turned twice");
        ensure!(has_name(&result), "{word}: the XMP is lost");
        let mut found = Kept::NONE;
        header.metadata.keep(format, format, &mut found);
        ensure!(found.exif.is_some() == (word != "tiff"), "{word}: {found:?}");
        let notices = system.client.get(&format!("/api/v1/jobs/{job}"))?.json()?["notices"].to_string();
        ensure!(notices.contains("EXIF is not kept in a TIFF") == (word == "tiff"), "{notices}");
        ensure!(notices.contains("texts of a JPEG") == (word != "jpeg"), "{notices}");
    }
    let dropped = compare(&system, &picture, "same", ("jpg", "jpg"), &["invert"])?;
    ensure!(!has_name(&system.result(&dropped)?), "a name travels with a result");
    Ok(())
}

#[test]
fn a_jpeg_that_was_held_askew_comes_out_upright() -> Result<()> {
    let system = System::start(&Options::default())?;
    let picture = jpeg(900, 650, 46)?;
    for number in [3, 6, 7] {
        let exif = [&b"\xff\xe1\0\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0"[..], &[number], &[0; 6]];
        let askew = [&picture[..2], &exif.concat(), &picture[2..]].concat();
        let job = compare(&system, &askew, "png", ("jpg", "png"), &["sharpen"])?;
        let info = read_info(Format::Png, Cursor::new(system.result(&job)?), 0)?;
        let expected = if number == 3 { (900, 650) } else { (650, 900) };
        ensure!((info.size.width, info.size.height) == expected, "orientation {number}: {:?}", info.size);
    }
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
    let mut form = Form::picture("p.png", &picture, &["invert"]);
    form.field("chroma", "444");
    let answer = system.client.post("/api/v1/jobs", &form, &[])?;
    assert_eq!(answer.status, 422);
    assert!(answer.text().contains("chroma is a setting of JPEG and the result is PNG"), "{}", answer.text());
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
