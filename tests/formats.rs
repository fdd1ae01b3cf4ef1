//! Pictures of other programs, decoded to the same samples as theirs.
//!
//! `tests/fixtures/pictures.py` writes the files and what they decode to.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};
use tessera::picture::codec::{self, MAX_DECODE_BYTES};
use tessera::picture::sniff::{SNIFF_BYTES, sniff};
use tessera::picture::{Depth, Layout, PictureInfo};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pictures")
}

fn decode(name: &str) -> Result<(PictureInfo, Vec<u8>)> {
    let mut file = BufReader::new(File::open(folder().join(name))?);
    let mut start = Vec::new();
    file.by_ref().take(SNIFF_BYTES as u64).read_to_end(&mut start)?;
    let format = sniff(&start).context("no picture")?;
    file.rewind()?;
    let header = codec::read_header(format, file, MAX_DECODE_BYTES)?;
    let file = BufReader::new(File::open(folder().join(name))?);
    let mut rows = codec::open(format, file, MAX_DECODE_BYTES)?;
    let info = rows.info();
    ensure!(header.info == info, "the header says {:?}, the rows are {info:?}", header.info);
    let mut bytes = vec![0; info.bytes() as usize];
    bytes.chunks_exact_mut(info.row_bytes()).try_for_each(|row| rows.read_row(row))?;
    rows.finish()?;
    Ok((info, bytes))
}

fn check(line: &str) -> Result<()> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [name, width, height, channels, depth, expected] = fields[..] else { anyhow::bail!("six fields") };
    let (info, bytes) = decode(name)?;
    ensure!((info.size.width, info.size.height) == (width.parse()?, height.parse()?), "{:?}", info.size);
    ensure!(info.format.layout == Layout::from_channels(channels.parse()?).context("a layout")?, "{:?}", info.format);
    ensure!(info.format.depth == if depth == "8" { Depth::Eight } else { Depth::Sixteen }, "{:?}", info.format);
    let found: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    ensure!(found == expected, "other samples");
    Ok(())
}

#[test]
fn pictures_of_other_programs_have_the_same_samples() {
    let lines: Vec<&str> = include_str!("fixtures/pictures.tsv").lines().collect();
    assert_eq!(lines.len(), 58);
    let failed: Vec<String> =
        lines.iter().filter_map(|line| check(line).err().map(|error| format!("{line}: {error:#}"))).collect();
    assert!(failed.is_empty(), "{} of {}:\n{}", failed.len(), lines.len(), failed.join("\n"));
}

#[test]
fn f20_animations_and_pages_say_that_the_first_is_read() {
    let notices = |name: &str| {
        let file = BufReader::new(File::open(folder().join(name)).unwrap());
        let format = sniff(&std::fs::read(folder().join(name)).unwrap()).unwrap();
        codec::read_header(format, file, MAX_DECODE_BYTES).unwrap().notices(Layout::Rgba)
    };
    assert_eq!(notices("animated.gif"), ["animated: the result is the first of 4 frames"]);
    assert_eq!(notices("animated.webp"), ["animated: the result is the first of 3 frames"]);
    assert_eq!(notices("pages.tif"), ["pages: the result is the first of 3 pages"]);
    assert!(notices("palette.gif").is_empty() && notices("rgb420.jpg").is_empty());
}
