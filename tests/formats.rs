//! Pictures of other programs, decoded to the same samples as theirs.
//!
//! `tests/fixtures/pictures.py` writes the files and what they decode to.

use std::fs::File;
use std::io::{BufReader, Cursor};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};
use tessera::picture::codec::{self, MAX_DECODE_BYTES};
use tessera::picture::sniff::sniff;
use tessera::picture::{Depth, Layout, PictureInfo};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pictures")
}

fn decode(name: &str) -> Result<(PictureInfo, Vec<u8>)> {
    decode_bytes(&std::fs::read(folder().join(name))?)
}

fn decode_bytes(file: &[u8]) -> Result<(PictureInfo, Vec<u8>)> {
    let format = sniff(file).context("no picture")?;
    let header = codec::read_header(format, Cursor::new(file), MAX_DECODE_BYTES)?;
    let mut rows = codec::open(format, Cursor::new(file.to_vec()), MAX_DECODE_BYTES)?;
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
fn bytes_after_the_end_change_nothing() {
    for line in include_str!("fixtures/pictures.tsv").lines() {
        let name = line.split('\t').next().unwrap();
        let whole = std::fs::read(folder().join(name)).unwrap();
        for extra in [&b"\0"[..], b"\xff\xd9\xff\xd8\xff", &[0x5a; 5000]] {
            let longer = [&whole[..], extra].concat();
            let found = decode_bytes(&longer).unwrap_or_else(|error| panic!("{name}: {error:#}"));
            assert!(found == decode_bytes(&whole).unwrap(), "{name}: other samples");
        }
    }
}

#[test]
fn animations_and_pages_say_that_the_first_is_read() {
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
