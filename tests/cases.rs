//! Files that other programs read, or refuse, one way: each stands for its kind, more of which the formats' own tests make.
//!
//! Beside `tests/fixtures/cases/NAME.EXT` lies `NAME.right.png` with the pixels that it decodes to.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Cursor;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use tessera::picture::codec::{self, Delivery, Header, MAX_DECODE_BYTES, Wanted, WantedFormat};
use tessera::picture::metadata::MetadataPolicy;
use tessera::picture::sniff::sniff;
use tessera::picture::{PictureInfo, Pixels, Rect, Turn};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cases")
}

fn file(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).unwrap()
}

fn header(file: &[u8]) -> Result<Header> {
    let format = sniff(file).with_context(|| codec::refusal(file))?;
    Ok(codec::read_header(format, Cursor::new(file), MAX_DECODE_BYTES)?)
}

/// The upright picture, and all that its sender is told.
fn decode(file: &[u8]) -> Result<(Pixels, Vec<String>)> {
    let header = header(file)?;
    let mut rows = codec::open(header.format, Cursor::new(file.to_vec()), MAX_DECODE_BYTES)?;
    let info = rows.info();
    ensure!(header.info == info, "the header says {:?}, the rows are {info:?}", header.info);
    let mut bytes = vec![0; info.bytes() as usize];
    bytes.chunks_exact_mut(info.row_bytes()).try_for_each(|row| rows.read_row(row))?;
    rows.finish()?;
    let whole = Rect { x: 0, y: 0, width: info.size.width, height: info.size.height };
    let pixels = header.orientation.pixels(Pixels::from_bytes(info, bytes)?, whole)?;
    let mut notices = header.notices(info.format.layout);
    notices.extend(rows.remarks().iter().cloned());
    Ok((pixels, notices))
}

fn refusal(file: &[u8]) -> String {
    match decode(file) {
        Ok(_) => panic!("it was read"),
        Err(error) => error.to_string(),
    }
}

fn delivery(header: &Header, output: PictureInfo, format: WantedFormat, metadata: MetadataPolicy) -> Delivery {
    let wanted = Wanted { format, metadata, ..Wanted::default() };
    Delivery::of(header, wanted, output, MAX_DECODE_BYTES).unwrap()
}

/// Whether a file has the pixels of its right picture, and whether its sender is told something.
fn check(name: &str, is_told: bool) {
    let (stem, _) = name.rsplit_once('.').unwrap();
    let (found, notices) = decode(&file(name)).unwrap_or_else(|error| panic!("{name}: {error:#}"));
    let (right, _) = decode(&file(&format!("{stem}.right.png"))).unwrap();
    assert_eq!(found.info(), right.info(), "{name}");
    assert!(found == right, "{name}: other pixels");
    assert_eq!(!notices.is_empty(), is_told, "{name}: {notices:?}");
}

#[test]
fn what_other_programs_read_has_their_pixels() {
    check("jpg-cmyk-no-adobe.jpg", false);
    check("jpg-exif-6-long.jpg", false);
    check("png-exif-6-long.png", false);
    check("webp-exif-flag-absent.webp", true);
    check("gif-frame-beyond-canvas.gif", false);
    check("gif-unknown-extension.gif", false);
    check("gif-stray-zeros.gif", true);
    check("gif-no-trailer.gif", true);
    check("jpg-garbage-between-segments.jpg", true);
    check("jpg-extra-scan-data-and-rst.jpg", true);
}

#[test]
fn an_orientation_that_was_applied_is_upright_in_what_is_kept() {
    for name in ["jpg-exif-6-long.jpg", "png-exif-6-long.png"] {
        let header = header(&file(name)).unwrap();
        assert_eq!(header.orientation, Turn::Rotate90);
        let kept = delivery(&header, header.info, WantedFormat::Same, MetadataPolicy::Keep).kept;
        let block = kept.exif.unwrap();
        let kind = tessera::picture::exif::orientation(&block);
        assert_eq!(kind, tessera::picture::orientation::Orientation::Is(Turn::None), "{name}");
    }
}

#[test]
fn what_a_png_says_of_its_colours_goes_with_it_or_is_said() {
    for (name, chunk) in [("png-gama-linear.png", b"gAMA"), ("png-cicp-p3.png", b"cICP")] {
        let header = header(&file(name)).unwrap();
        let same = delivery(&header, header.info, WantedFormat::Same, MetadataPolicy::Drop);
        assert!(same.kept.colors.iter().any(|kept| kept.starts_with(chunk)), "{name}");
        assert!(same.notices.is_empty(), "{name}: {:?}", same.notices);
        for format in [WantedFormat::Jpeg, WantedFormat::Webp, WantedFormat::Tiff] {
            let other = delivery(&header, header.info, format, MetadataPolicy::Drop);
            assert!(other.notices.iter().any(|notice| notice.contains("colour")), "{name}: {:?}", other.notices);
        }
    }
}

#[test]
fn what_is_not_read_is_called_what_it_is() {
    let said = |name: &str, words: &str| {
        let text = refusal(&file(name));
        assert!(text.contains(words), "{name}: {text}");
        assert!(!text.contains(['{', '}', '[', ']']), "{name}: {text}");
    };
    said("png-trns-bad-crc.png", "transparency (tRNS)");
    said("tif-dng-like.dng", "camera's raw file");
    said("tif-no-photometric.tif", "does not say what its samples mean");
    said("other-avif.avif", "AVIF");
    said("other-jxl.jxl", "JPEG XL");
    said("other-j2k.jp2", "JPEG 2000");
    assert!(refusal(b"").contains("empty"));
    assert!(refusal(b"some words").contains("PNG, JPEG, WebP, TIFF, GIF, BMP and QOI"));
}
