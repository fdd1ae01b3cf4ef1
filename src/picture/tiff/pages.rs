//! Which page of a TIFF is its picture: the first that is not a reduced copy, and none of a camera's raw file.
//!
//! Owns that a reduced copy is never taken for the picture without a word. Sources: TIFF 6.0 (NewSubfileType,
//! SubfileType), Adobe's TIFF technical note 1 (SubIFDs), the DNG specification.

use std::io::{BufRead, Seek};

use super::fields::tag;
use super::ifd::{Directory, Source};

/// Pages that are looked at in search of the picture, and pictures behind a page.
const MAX_PAGES: usize = 32;
/// Samples as a sensor gives them, before colours are made of them.
const PHOTOMETRIC_OF_SENSORS: [u64; 2] = [32_803, 34_892];
/// Sony's, Epson's, Nikon's, Kodak's and Pentax's own compressions.
const COMPRESSIONS_OF_CAMERAS: [u64; 5] = [32_767, 32_769, 34_713, 65_000, 65_535];
/// How makers begin their names, and what their raw files are called.
const MAKERS: [(&str, &str); 14] = [
    ("NIKON", "NEF"),
    ("CANON", "CR2"),
    ("SONY", "ARW"),
    ("PENTAX", "PEF"),
    ("RICOH", "PEF"),
    ("OLYMPUS", "ORF"),
    ("PANASONIC", "RW2"),
    ("SAMSUNG", "SRW"),
    ("SEIKO EPSON", "ERF"),
    ("KODAK", "DCR"),
    ("EASTMAN KODAK", "DCR"),
    ("HASSELBLAD", "3FR"),
    ("MAMIYA", "MEF"),
    ("LEAF", "MOS"),
];

/// The page that is read, and what the sender should know about the choice.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) directory: Directory,
    /// From 0.
    pub(super) number: usize,
    pub(super) remark: Option<String>,
}

/// A page that has been looked at.
struct Seen {
    directory: Directory,
    is_reduced: bool,
    pixels: u64,
    is_of_sensor: bool,
}

/// Finds the page.
///
/// # Errors
/// If it cannot be read, lies behind a reduced copy, or is a camera's raw data.
pub(super) fn choose<R: BufRead + Seek>(source: &mut Source<R>) -> Result<Page, String> {
    let first = source.directory()?;
    let offsets = source.directories(MAX_PAGES);
    let first = see(source, first);
    let mut pages = vec![first];
    for at in offsets.into_iter().skip(1) {
        let Ok(directory) = source.directory_at(at) else { break };
        pages.push(see(source, directory));
    }
    let behind = behind(source, &pages);
    if let Some(name) = raw_name(source, &pages, &behind) {
        return Err(format!("a camera's raw file ({name}) is not read here; develop it and save it as TIFF or JPEG"));
    }
    let found = pages.iter().position(|page| !page.is_reduced);
    let has_picture_behind = behind.iter().any(|page| !page.is_reduced);
    let (number, remark) = match found {
        Some(0) => (0, larger_behind(&pages[0], &behind)),
        Some(at) => {
            (at, Some(format!("its first page is a reduced copy of its picture: the result is page {}", at + 1)))
        }
        None if has_picture_behind => {
            return Err("the first page of the TIFF is a reduced copy, and its picture lies where it is not read; \
                        save it again"
                .to_owned());
        }
        None => (0, Some("its first page says that it is a reduced copy, and there is no other".to_owned())),
    };
    let page = pages.swap_remove(number);
    Ok(Page { directory: page.directory, number, remark })
}

/// The pictures to which pages point.
fn behind<R: BufRead + Seek>(source: &mut Source<R>, pages: &[Seen]) -> Vec<Seen> {
    let mut offsets = Vec::new();
    for entry in pages.iter().filter_map(|page| page.directory.entries.get(&tag::SUB_DIRECTORIES).copied()) {
        let mut values = vec![0; entry.count.min(MAX_PAGES as u64) as usize];
        if source.numbers(entry, 0, &mut values).is_ok() {
            offsets.append(&mut values);
        }
    }
    offsets.truncate(MAX_PAGES);
    let mut seen = Vec::new();
    for at in offsets {
        if let Ok(directory) = source.directory_at(at) {
            seen.push(see(source, directory));
        }
    }
    seen
}

fn see<R: BufRead + Seek>(source: &mut Source<R>, directory: Directory) -> Seen {
    let mut number = |tag: u16| {
        let mut value = [0];
        let entry = directory.entries.get(&tag).copied().filter(|entry| entry.count > 0)?;
        source.numbers(entry, 0, &mut value).is_ok().then_some(value[0])
    };
    // Bit 0: a reduced copy; bit 2: a mask. The older tag has 2 for a copy.
    let is_reduced = number(tag::NEW_SUBFILE).is_some_and(|kind| kind & 5 != 0) || number(tag::SUBFILE) == Some(2);
    let pixels = number(tag::WIDTH).unwrap_or(0).saturating_mul(number(tag::HEIGHT).unwrap_or(0));
    let is_of_sensor = number(tag::PHOTOMETRIC).is_some_and(|kind| PHOTOMETRIC_OF_SENSORS.contains(&kind))
        || number(tag::COMPRESSION).is_some_and(|kind| COMPRESSIONS_OF_CAMERAS.contains(&kind));
    Seen { directory, is_reduced, pixels, is_of_sensor }
}

/// What kind of a camera's raw file this is, if it is one.
fn raw_name<R: BufRead + Seek>(source: &mut Source<R>, pages: &[Seen], behind: &[Seen]) -> Option<&'static str> {
    let all = || pages.iter().chain(behind);
    if all().any(|page| page.directory.entries.contains_key(&tag::DNG_VERSION)) {
        return Some("DNG");
    }
    if source.is_cr2() {
        return Some("CR2");
    }
    if !all().any(|page| page.is_of_sensor) {
        return None;
    }
    let maker = pages.iter().find_map(|page| {
        let entry = page.directory.entries.get(&tag::MAKE)?;
        let mut letters = vec![0; entry.count.min(32) as usize];
        source.numbers(*entry, 0, &mut letters).ok()?;
        Some(letters.into_iter().map(|letter| char::from(letter as u8).to_ascii_uppercase()).collect::<String>())
    });
    let maker = maker.unwrap_or_default();
    let known = MAKERS.iter().find(|(name, _)| maker.trim_start().starts_with(name));
    Some(known.map_or("the data of a sensor", |(_, name)| name))
}

fn larger_behind(page: &Seen, behind: &[Seen]) -> Option<String> {
    let is_larger = behind.iter().any(|other| other.pixels > page.pixels);
    is_larger.then(|| "behind its first page lies a larger picture, which is not read".to_owned())
}
