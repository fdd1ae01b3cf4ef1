//! EXIF, of which one thing is read: how the picture is to be turned before it is looked at.
//!
//! Owns the way to that tag; no other is read, and a damaged block is no orientation.
//! Source: CIPA DC-008 (EXIF), tag 274; the block has the form of a TIFF file.

use super::Turn;

/// Bytes of an EXIF block that are looked at: the first directory is near its start.
pub const MAX_EXIF_BYTES: usize = 64 << 10;
const ORIENTATION: u16 = 274;
const SHORT: u16 = 3;

/// The turn that makes the picture of an EXIF block upright; the block may begin with the word `Exif`.
pub fn orientation(block: &[u8]) -> Option<Turn> {
    let block = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
    let big_endian = match block.get(..4)? {
        b"II*\0" => false,
        b"MM\0*" => true,
        _ => return None,
    };
    let short = |at: usize| {
        let bytes: [u8; 2] = block.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    };
    let bytes: [u8; 4] = block.get(4..8)?.try_into().ok()?;
    let directory = if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
    let directory = usize::try_from(directory).ok()?;
    let entries = usize::from(short(directory)?);
    for entry in 0..entries {
        let at = directory.checked_add(2 + entry * 12)?;
        if short(at)? == ORIENTATION && short(at.checked_add(2)?)? == SHORT {
            return Turn::from_exif(short(at.checked_add(8)?)?);
        }
    }
    None
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
        let mut far = whole.clone();
        far[4..8].fill(0xff);
        assert_eq!(orientation(&far), None);
    }
}
