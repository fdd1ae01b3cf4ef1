//! EXIF: how a picture is to be turned before it is looked at, and what goes with a result whose sender wants it.
//!
//! Owns the way to the few entries that are looked at or changed; a damaged block is no orientation and is not kept.
//! Source: CIPA DC-008 (EXIF), tag 274 and the thumbnail's directory; the block has the form of a TIFF file.

use super::Turn;

const ORIENTATION: u16 = 274;
const STRIP_OFFSETS: u16 = 273;
const STRIP_BYTES: u16 = 279;
const THUMBNAIL_OFFSET: u16 = 513;
const THUMBNAIL_BYTES: u16 = 514;
const SHORT: u16 = 3;
const LONG: u16 = 4;
const ENTRY_BYTES: usize = 12;

/// The block without the word before it that JPEG has, and some writers elsewhere.
pub(super) fn without_name(block: &[u8]) -> &[u8] {
    block.strip_prefix(b"Exif\0\0").unwrap_or(block)
}

/// The turn that makes the picture of an EXIF block upright; the block may begin with the word `Exif`.
pub fn orientation(block: &[u8]) -> Option<Turn> {
    let block = Block::new(without_name(block))?;
    let at = block.entries(block.long(4)?)?.find(|at| block.short(*at) == Some(ORIENTATION))?;
    if block.short(at + 2)? == SHORT { Turn::from_exif(block.short(at + 8)?) } else { None }
}

/// The block, without its name, as it is true of a result: upright, and without the thumbnail, which shows the original.
pub(super) fn for_result(bytes: &[u8]) -> Option<Vec<u8>> {
    let block = Block::new(bytes)?;
    let first = block.long(4)?;
    let entries: Vec<usize> = block.entries(first)?.collect();
    let link = first + 2 + entries.len() * ENTRY_BYTES;
    let mut changed = bytes.to_owned();
    // Some writers end the block where the link to the thumbnail would be.
    let thumbnail = block.long(link).filter(|at| *at != 0).and_then(|at| block.entries(at));
    if let Some(thumbnail) = thumbnail {
        block.pieces(&thumbnail.collect::<Vec<_>>()).into_iter().for_each(|(at, length)| {
            let end = at.saturating_add(length).min(changed.len());
            changed.get_mut(at..end).into_iter().for_each(|piece| piece.fill(0));
        });
    }
    changed.get_mut(link..link + 4).into_iter().for_each(|link| link.fill(0));
    let upright: [u16; 5] = if block.big_endian { [SHORT, 0, 1, 1, 0] } else { [SHORT, 1, 0, 1, 0] };
    let upright = upright.map(|number| if block.big_endian { number.to_be_bytes() } else { number.to_le_bytes() });
    for at in entries.into_iter().filter(|at| block.short(*at) == Some(ORIENTATION)) {
        changed.get_mut(at + 2..at + ENTRY_BYTES)?.copy_from_slice(upright.as_flattened());
    }
    Some(changed)
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

    /// Where the entries of a directory begin, all of which lie in the block.
    fn entries(&self, directory: usize) -> Option<impl Iterator<Item = usize> + use<>> {
        let count = usize::from(self.short(directory)?);
        let first = directory + 2;
        (first + count * ENTRY_BYTES <= self.bytes.len()).then(|| (0..count).map(move |at| first + at * ENTRY_BYTES))
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
mod tests {
    use super::*;

    fn block(big_endian: bool, number: u16) -> Vec<u8> {
        let fields: [u16; 13] = [0x2a, 0, 8, 2, 256, 3, 0, 1, 0, 0, 274, 3, 0];
        let mut block = if big_endian { b"MM".to_vec() } else { b"II".to_vec() };
        let mut put = |value: u16| block.extend(if big_endian { value.to_be_bytes() } else { value.to_le_bytes() });
        match big_endian {
            true => fields.into_iter().chain([1, number, 0]).for_each(&mut put),
            false => {
                [0x2a, 8, 0, 2, 256, 3, 1, 0, 9, 0, 274, 3, 1, 0, number, 0].into_iter().for_each(&mut put);
            }
        }
        block
    }

    #[test]
    fn all_eight_are_read_in_both_byte_orders() {
        for number in 1..=8 {
            let expected = Turn::from_exif(number).unwrap();
            for big_endian in [true, false] {
                let block = block(big_endian, number);
                assert_eq!(orientation(&block), Some(expected), "{number} {big_endian}");
                assert_eq!(orientation(&[b"Exif\0\0", &block[..]].concat()), Some(expected));
            }
        }
        assert_eq!(orientation(&block(true, 9)), None);
        assert_eq!(orientation(&block(false, 0)), None);
    }

    #[test]
    fn a_damaged_block_is_no_orientation() {
        let whole = block(true, 6);
        for at in 0..whole.len() - 4 {
            assert_eq!(orientation(&whole[..at]), None, "cut at {at}");
        }
        assert_eq!(for_result(&whole[..30]), None);
        let mut far = whole.clone();
        far[4..8].fill(0xff);
        assert_eq!(orientation(&far), None);
    }

    /// A block with an orientation, and a thumbnail of four bytes.
    fn with_thumbnail() -> Vec<u8> {
        let mut block = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\x1a\0\0\0".to_vec();
        block.extend_from_slice(b"\x02\0\x01\x02\x04\0\x01\0\0\0\x38\0\0\0\x02\x02\x04\0\x01\0\0\0\x04\0\0\0");
        block.extend_from_slice(b"\0\0\0\0face and more");
        block
    }

    #[test]
    fn what_goes_with_a_result_is_upright_and_shows_nothing() {
        for number in 1..=8 {
            for big_endian in [true, false] {
                let kept = for_result(&block(big_endian, number)).unwrap();
                assert_eq!((orientation(&kept), kept.len()), (Some(Turn::None), block(big_endian, number).len()));
            }
        }
        let kept = for_result(&with_thumbnail()).unwrap();
        assert_eq!(kept.len(), with_thumbnail().len());
        assert!(!kept.windows(4).any(|window| window == b"face"), "the thumbnail is still there");
        assert!(kept.ends_with(b" and more") && kept[22..26] == [0; 4] && kept[18] == 1);
    }

    #[test]
    fn changed_bytes_never_panic() {
        for (at, value) in (0..with_thumbnail().len()).flat_map(|at| [0, 1, 0x7f, 0xff].map(|value| (at, value))) {
            let mut changed = with_thumbnail();
            changed[at] = value;
            let _ = (orientation(&changed), for_result(&changed));
        }
    }
}
