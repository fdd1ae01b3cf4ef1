//! EXIF: how a picture is to be turned before it is looked at, and what goes with a result whose sender wants it.
//!
//! Owns the way to the few entries that are looked at or changed, and that nothing is changed that was not understood.
//! Source: CIPA DC-008 (EXIF), tag 274 and the thumbnail's directory; the block has the form of a TIFF file.

use super::Turn;
use super::orientation::Orientation;

const ORIENTATION: u16 = 274;
const STRIP_OFFSETS: u16 = 273;
const STRIP_BYTES: u16 = 279;
const THUMBNAIL_OFFSET: u16 = 513;
const THUMBNAIL_BYTES: u16 = 514;
const BYTE: u16 = 1;
const SHORT: u16 = 3;
const LONG: u16 = 4;
const SIGNED_BYTE: u16 = 6;
const SIGNED_SHORT: u16 = 8;
const SIGNED_LONG: u16 = 9;
const ENTRY_BYTES: usize = 12;
const DAMAGED: &str = "its EXIF is damaged: an orientation in it is not applied";
const NOT_UNDERSTOOD: &str = "its EXIF has an orientation that is not understood: it is not applied";

/// The block without the word before it that JPEG has, and some writers elsewhere.
pub(super) fn without_name(block: &[u8]) -> &[u8] {
    block.strip_prefix(b"Exif\0\0").unwrap_or(block)
}

/// Whether a block begins, rather than goes on with, EXIF.
pub(super) fn begins(block: &[u8]) -> bool {
    Block::new(block).is_some()
}

/// What an EXIF block says of the picture's orientation; the block may begin with the word `Exif`.
///
/// Every type of whole numbers is understood, of several numbers the first, as other programs do, and of a directory that
/// says it has more entries than the block has room for those that are there.
pub fn orientation(block: &[u8]) -> Orientation {
    let bytes = without_name(block);
    if bytes.is_empty() {
        return Orientation::Unsaid;
    }
    let Some(block) = Block::new(bytes) else { return Orientation::Unclear(DAMAGED) };
    let Some(directory) = block.long(4).and_then(|first| block.directory(first)) else {
        return Orientation::Unclear(DAMAGED);
    };
    let found = directory.entries().find(|at| block.short(*at) == Some(ORIENTATION));
    match found.map(|at| block.whole_number(at)) {
        Some(Some(number)) => Turn::from_exif(number).map_or(Orientation::Unclear(NOT_UNDERSTOOD), Orientation::Is),
        Some(None) => Orientation::Unclear(NOT_UNDERSTOOD),
        None if directory.is_cut => Orientation::Unclear(DAMAGED),
        None => Orientation::Unsaid,
    }
}

/// The block, without its name, as it is true of a result: without the thumbnail, which shows the original, and, if the
/// orientation was applied, upright. An orientation that was not understood stays: nothing was turned by it.
pub(super) fn for_result(bytes: &[u8]) -> Option<Vec<u8>> {
    let block = Block::new(bytes)?;
    let first = block.long(4)?;
    let directory = block.directory(first)?;
    let mut changed = bytes.to_owned();
    if !directory.is_cut {
        block.blank_thumbnail(directory.end(), &mut changed);
    }
    if !matches!(orientation(bytes), Orientation::Is(_)) {
        return Some(changed);
    }
    let upright: [u16; 5] = if block.big_endian { [SHORT, 0, 1, 1, 0] } else { [SHORT, 1, 0, 1, 0] };
    let upright = upright.map(|number| if block.big_endian { number.to_be_bytes() } else { number.to_le_bytes() });
    for at in directory.entries().filter(|at| block.short(*at) == Some(ORIENTATION)) {
        changed.get_mut(at + 2..at + ENTRY_BYTES)?.copy_from_slice(upright.as_flattened());
    }
    Some(changed)
}

/// Where the entries of a directory are.
struct Directory {
    first: usize,
    entries: usize,
    /// It says that it has more entries than there are.
    is_cut: bool,
}

impl Directory {
    fn entries(&self) -> impl Iterator<Item = usize> + use<> {
        (self.first..self.end()).step_by(ENTRY_BYTES)
    }

    fn end(&self) -> usize {
        self.first + self.entries * ENTRY_BYTES
    }
}

/// A block with numbers in one byte order.
struct Block<'a> {
    bytes: &'a [u8],
    big_endian: bool,
}

impl<'a> Block<'a> {
    fn new(bytes: &'a [u8]) -> Option<Self> {
        match bytes.get(..4)? {
            b"II*\0" => Some(Self { bytes, big_endian: false }),
            b"MM\0*" => Some(Self { bytes, big_endian: true }),
            _ => None,
        }
    }

    fn short(&self, at: usize) -> Option<u16> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn long(&self, at: usize) -> Option<usize> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        usize::try_from(if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }).ok()
    }

    /// The directory at a place, with those of its entries that lie in the block; `None` if not even one does.
    fn directory(&self, at: usize) -> Option<Directory> {
        let count = usize::from(self.short(at)?);
        let first = at + 2;
        let room = (self.bytes.len() - first) / ENTRY_BYTES;
        let entries = count.min(room);
        (entries > 0 || count == 0).then_some(Directory { first, entries, is_cut: count > room })
    }

    /// The first value of an entry of whole numbers of any type, if it is not too large for an orientation.
    fn whole_number(&self, entry: usize) -> Option<u16> {
        let width: usize = match self.short(entry + 2)? {
            BYTE | SIGNED_BYTE => 1,
            SHORT | SIGNED_SHORT => 2,
            LONG | SIGNED_LONG => 4,
            _ => return None,
        };
        let inside = entry + 8;
        let value = match self.long(entry + 4)? {
            0 => return None,
            count if count.saturating_mul(width) <= 4 => inside,
            _ => self.long(inside)?,
        };
        let number = match width {
            1 => usize::from(*self.bytes.get(value)?),
            2 => usize::from(self.short(value)?),
            _ => self.long(value)?,
        };
        u16::try_from(number).ok()
    }

    /// Overwrites the thumbnail behind the link at a place, and the link.
    fn blank_thumbnail(&self, link: usize, changed: &mut [u8]) {
        // Some writers end the block where the link to the thumbnail would be.
        let thumbnail = self.long(link).filter(|at| *at != 0).and_then(|at| self.directory(at));
        if let Some(thumbnail) = thumbnail {
            for (at, length) in self.pieces(&thumbnail.entries().collect::<Vec<_>>()) {
                let end = at.saturating_add(length).min(changed.len());
                changed.get_mut(at..end).into_iter().for_each(|piece| piece.fill(0));
            }
        }
        changed.get_mut(link..link + 4).into_iter().for_each(|link| link.fill(0));
    }

    /// Where the thumbnail's bytes are that the directory of these entries describes: place and length.
    fn pieces(&self, entries: &[usize]) -> Vec<(usize, usize)> {
        let numbers = |tag: u16| {
            let entry = entries.iter().copied().find(|at| self.short(*at) == Some(tag));
            entry.map(|at| self.numbers(at)).unwrap_or_default()
        };
        let places = [THUMBNAIL_OFFSET, STRIP_OFFSETS].map(numbers).concat();
        places.into_iter().zip([THUMBNAIL_BYTES, STRIP_BYTES].map(numbers).concat()).collect()
    }

    /// The numbers of an entry.
    fn numbers(&self, entry: usize) -> Vec<usize> {
        let (kind, count) = (self.short(entry + 2), self.long(entry + 4).unwrap_or(0));
        let width = if kind == Some(LONG) { 4 } else { 2 };
        let inside = entry + 8;
        let at = if count.saturating_mul(width) <= 4 { inside } else { self.long(inside).unwrap_or(usize::MAX) };
        let number = |at| if width == 4 { self.long(at) } else { self.short(at).map(usize::from) };
        (0..count).map_while(|index| number(at.checked_add(index * width)?)).collect()
    }
}

#[cfg(test)]
mod tests;
