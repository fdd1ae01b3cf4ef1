//! The directories of a TIFF: numbers in either byte order, in 32 and 64 bit.
//!
//! Owns that a loop of directories ends, and that values are read where they lie, a few at a time, so that
//! a count that a file claims allocates nothing.

use std::collections::{BTreeMap, HashSet};
use std::io::{BufRead, ErrorKind, Seek};

use crate::picture::header::MAX_FRAMES;

/// Entries of a directory at most.
const MAX_ENTRIES: u64 = 4096;

/// A file whose numbers have a byte order and a width.
#[derive(Debug)]
pub(super) struct Source<R> {
    pub(super) input: R,
    pub(super) big_endian: bool,
    big: bool,
    first: u64,
    is_cr2: bool,
}

/// The values of a tag: their type, their number, and where they lie in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    kind: u16,
    pub(super) count: u64,
    at: u64,
}

/// A directory: entries by tag.
#[derive(Debug)]
pub(super) struct Directory {
    pub(super) entries: BTreeMap<u16, Entry>,
}

impl Entry {
    /// What it says of the orientation: a single whole number of any type.
    pub(super) fn is_single_number(self) -> bool {
        self.count == 1 && self.kind != 2 && self.width().is_some()
    }

    /// Bytes of one value; `None` for a type that has no number.
    fn width(self) -> Option<u64> {
        match self.kind {
            1 | 2 | 6 | 7 => Some(1),
            3 | 8 => Some(2),
            4 | 9 | 13 => Some(4),
            16..=18 => Some(8),
            _ => None,
        }
    }
}

impl<R: BufRead + Seek> Source<R> {
    /// Reads the file's first bytes.
    pub(super) fn open(input: R) -> Result<Self, String> {
        let mut source = Self { input, big_endian: false, big: false, first: 0, is_cr2: false };
        let start: [u8; 4] = source.bytes()?;
        (source.big_endian, source.big) = match &start {
            b"II*\0" => (false, false),
            b"MM\0*" => (true, false),
            b"II+\0" => (false, true),
            b"MM\0+" => (true, true),
            _ => return Err("no TIFF start".to_owned()),
        };
        if source.big && (source.number(2)? != 8 || source.number(2)? != 0) {
            return Err("a BigTIFF with offsets of another size than 8".to_owned());
        }
        source.first = source.offset()?;
        // Canon's mark stands where others begin with pixels or the directory.
        source.is_cr2 = !source.big && source.first != 8 && source.bytes() == Ok(*b"CR\x02\0");
        Ok(source)
    }

    /// Whether the file says that it is one of Canon's raw files.
    pub(super) fn is_cr2(&self) -> bool {
        self.is_cr2
    }

    /// The first directory.
    pub(super) fn directory(&mut self) -> Result<Directory, String> {
        self.directory_at(self.first)
    }

    /// The directory at a place.
    pub(super) fn directory_at(&mut self, at: u64) -> Result<Directory, String> {
        self.seek(at)?;
        let count = self.entry_count()?;
        let mut entries = BTreeMap::new();
        let (entry_bytes, inline) = if self.big { (20, 8) } else { (12, 4) };
        for index in 0..count {
            let entry_at = self.after_count(at) + index * entry_bytes;
            let (tag, kind) = (self.number(2)? as u16, self.number(2)? as u16);
            let count = self.offset()?;
            let value = self.offset()?;
            let mut entry = Entry { kind, count, at: value };
            let bytes = entry.width().and_then(|width| width.checked_mul(count));
            if bytes.is_some_and(|bytes| bytes <= inline) {
                entry.at = entry_at + entry_bytes - inline;
            }
            entries.entry(tag).or_insert(entry);
        }
        // The link to the next directory: a file without it was cut.
        self.offset()?;
        Ok(Directory { entries })
    }

    fn entry_count(&mut self) -> Result<u64, String> {
        let count = self.number(if self.big { 8 } else { 2 })?;
        if count > MAX_ENTRIES { Err(format!("a TIFF directory of {count} entries")) } else { Ok(count) }
    }

    fn after_count(&self, at: u64) -> u64 {
        at.saturating_add(if self.big { 8 } else { 2 })
    }

    /// How many directories there are, the first included, up to [`MAX_FRAMES`]; a loop or damage ends the count.
    pub(super) fn count_directories(&mut self) -> u32 {
        self.directories(MAX_FRAMES as usize).len().max(1) as u32
    }

    /// Where the first `most` directories are; a loop or damage ends the list.
    pub(super) fn directories(&mut self, most: usize) -> Vec<u64> {
        let (mut seen, mut found) = (HashSet::new(), Vec::new());
        let mut at = self.first;
        while at != 0 && found.len() < most && seen.insert(at) {
            // What cannot be read is no page.
            let Ok(next) = self.next_directory(at) else { break };
            found.push(at);
            at = next;
        }
        found
    }

    fn next_directory(&mut self, at: u64) -> Result<u64, String> {
        self.seek(at)?;
        let count = self.entry_count()?;
        let entry_bytes = if self.big { 20 } else { 12 };
        self.seek(self.after_count(at).saturating_add(count * entry_bytes))?;
        self.offset()
    }

    /// Values `start..start + values.len()` of an entry.
    pub(super) fn numbers(&mut self, entry: Entry, start: u64, values: &mut [u64]) -> Result<(), String> {
        let width = entry.width().ok_or_else(|| format!("a TIFF entry of type {} where numbers belong", entry.kind))?;
        if start.checked_add(values.len() as u64).is_none_or(|end| end > entry.count) {
            return Err("a TIFF entry with too few values".to_owned());
        }
        self.seek(entry.at.saturating_add(start * width))?;
        values.iter_mut().try_for_each(|value| self.number(width as usize).map(|number| *value = number))
    }

    /// Goes to `at`.
    pub(super) fn seek(&mut self, at: u64) -> Result<(), String> {
        // Beyond this the machine's file offsets end.
        let at = i64::try_from(at).map_err(|_| "a TIFF offset beyond any file".to_owned())?;
        // Keeps the input's buffer, which a seek to a place throws away: strips are small and mostly in order.
        let here = self.input.stream_position().map_err(|error| error.to_string())?;
        self.input.seek_relative(at - here as i64).map_err(|error| error.to_string())
    }

    /// A number of `width` bytes.
    fn number(&mut self, width: usize) -> Result<u64, String> {
        let mut bytes = [0; 8];
        self.read(&mut bytes[..width])?;
        let byte = |at: usize| u64::from(bytes[if self.big_endian { at } else { width - 1 - at }]);
        Ok((0..width).fold(0, |number, at| number << 8 | byte(at)))
    }

    /// A number as wide as offsets are in this file.
    fn offset(&mut self) -> Result<u64, String> {
        self.number(if self.big { 8 } else { 4 })
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut bytes = [0; N];
        self.read(&mut bytes)?;
        Ok(bytes)
    }

    /// Fills `bytes` from here on.
    pub(super) fn read(&mut self, bytes: &mut [u8]) -> Result<(), String> {
        self.input.read_exact(bytes).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => "the file ends early".to_owned(),
            _ => error.to_string(),
        })
    }
}
