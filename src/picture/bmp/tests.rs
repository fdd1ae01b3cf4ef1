use super::*;
use crate::picture::Layout;
use crate::picture::testing::read;

/// A bitmap of `bits` with a 40-byte header, the palette or masks behind it, and stored rows.
fn bitmap(size: (i32, i32), bits: u16, compression: u32, behind: &[u8], stored: &[u8]) -> Vec<u8> {
    let mut file = b"BM\0\0\0\0\0\0\0\0".to_vec();
    file.extend_from_slice(&(54 + behind.len() as u32).to_le_bytes());
    file.extend_from_slice(&40u32.to_le_bytes());
    file.extend_from_slice(&size.0.to_le_bytes());
    file.extend_from_slice(&size.1.to_le_bytes());
    file.extend_from_slice(&1u16.to_le_bytes());
    file.extend_from_slice(&bits.to_le_bytes());
    file.extend_from_slice(&compression.to_le_bytes());
    let colors = if bits <= 8 { behind.len() as u32 / 4 } else { 0 };
    [0, 0, 0, colors, 0].iter().for_each(|number: &u32| file.extend_from_slice(&number.to_le_bytes()));
    [&file, behind, stored].concat()
}

fn decode(file: &[u8]) -> Result<(Layout, Vec<u8>), ReadError> {
    read(Format::Bmp, file).map(|(info, bytes)| (info.format.layout, bytes))
}

const COLORS: [u8; 12] = [1, 2, 3, 0, 10, 20, 30, 0, 100, 101, 102, 0];

#[test]
fn rows_come_from_below_and_from_above() {
    let rows = [0, 1, 2, 9, 2, 1, 0, 9];
    let below = decode(&bitmap((3, 2), 8, 0, &COLORS, &rows)).unwrap();
    let above = decode(&bitmap((3, -2), 8, 0, &COLORS, &rows)).unwrap();
    let (first, second) = ([3, 2, 1, 30, 20, 10, 102, 101, 100], [102, 101, 100, 30, 20, 10, 3, 2, 1]);
    assert_eq!(below, (Layout::Rgb, [second, first].concat()));
    assert_eq!(above, (Layout::Rgb, [first, second].concat()));
}

#[test]
fn many_rows_are_read_in_blocks_in_both_directions() {
    let stored: Vec<u8> = (0..4000u32).flat_map(|row| [(row % 251) as u8; 400]).collect();
    let gray: Vec<u8> = (0..=255).flat_map(|value| [value, value, value, 0]).collect();
    for height in [4000, -4000] {
        let (layout, bytes) = decode(&bitmap((400, height), 8, 0, &gray, &stored)).unwrap();
        assert_eq!(layout, Layout::Gray);
        let row = |y: u32| if height > 0 { 3999 - y } else { y };
        assert!(bytes.chunks_exact(400).zip(0..).all(|(pixels, y)| pixels == [(row(y) % 251) as u8; 400]));
    }
}

#[test]
fn runs_are_decoded() {
    // Three of colour 1; a jump of one up and right; literals 0, 1, 2 with padding; a run beyond the edge.
    let runs = [3, 1, 0, 2, 0, 1, 0, 0, 0, 3, 0, 1, 2, 0, 9, 2, 0, 1];
    let (_, bytes) = decode(&bitmap((4, 3), 8, 1, &COLORS, &runs)).unwrap();
    let red: Vec<u8> = bytes.chunks_exact(3).map(|pixel| pixel[0]).collect();
    assert_eq!(red, [3, 30, 102, 102, 3, 3, 3, 3, 30, 30, 30, 3]);
    let runs4 = [5, 0x12, 0, 0, 0, 3, 0x20, 0x10, 0, 1];
    let (_, bytes) = decode(&bitmap((5, 2), 4, 2, &COLORS, &runs4)).unwrap();
    let red: Vec<u8> = bytes.chunks_exact(3).map(|pixel| pixel[0]).collect();
    assert_eq!(red, [102, 3, 30, 3, 3, 30, 102, 30, 102, 30]);
    assert!(decode(&bitmap((4, 3), 8, 1, &COLORS, &runs[..16])).is_err(), "there is no end");
    assert!(decode(&bitmap((4, -3), 8, 1, &COLORS, &runs)).is_err());
}

#[test]
fn masks_and_low_depths_are_expanded() {
    let (layout, bytes) = decode(&bitmap((2, 1), 16, 0, &[], &[0xff, 0x7f, 0x08, 0x21])).unwrap();
    assert_eq!((layout, bytes), (Layout::Rgb, vec![255, 255, 255, 66, 66, 66]));
    let masks = [0xff, 0, 0, 0, 0, 0xff, 0, 0, 0, 0, 0xff, 0, 0, 0, 0, 0xff];
    let (layout, bytes) = decode(&bitmap((1, 1), 32, 6, &masks, &[1, 2, 3, 4])).unwrap();
    assert_eq!((layout, bytes), (Layout::Rgba, vec![1, 2, 3, 4]));
    let (_, bytes) = decode(&bitmap((9, 1), 1, 0, &COLORS[..8], &[0b0101_0101, 0x80, 0, 0])).unwrap();
    assert_eq!(bytes.chunks_exact(3).map(|pixel| pixel[0]).collect::<Vec<_>>(), [3, 30, 3, 30, 3, 30, 3, 30, 30]);
}

#[test]
fn what_is_not_read_is_named_and_nothing_is_allocated_by_claim() {
    let said = |file: &[u8]| decode(file).unwrap_err().to_string();
    assert!(said(&bitmap((3, 2), 8, 4, &COLORS, &[])).contains("compression 4"));
    assert!(said(&bitmap((i32::MAX, i32::MAX), 8, 1, &COLORS, &[0, 1])).contains("max_decode_bytes"));
    assert!(said(&bitmap((3, 2), 8, 0, &COLORS, &[3; 8])).contains("colour 3"));
    assert!(said(&bitmap((3, 2), 8, 0, &COLORS, &[0; 7])).contains("ends early"));
    assert!(said(&bitmap((0, 2), 8, 0, &COLORS, &[])).contains("0x2"));
    assert!(said(&bitmap((3, i32::MIN), 8, 0, &COLORS, &[])).contains("reading row 0 of 2147483648"));
}
