use std::io::Cursor;

use super::*;

fn file(channels: u8, size: (u32, u32), codes: &[u8]) -> Vec<u8> {
    let sides = [size.0.to_be_bytes(), size.1.to_be_bytes()].concat();
    [b"qoif", &sides[..], &[channels, 0], codes, &END].concat()
}

fn decode(file: &[u8]) -> Result<Vec<u8>, ReadError> {
    let mut rows = QoiRows::open(Cursor::new(file))?;
    let mut bytes = vec![0; rows.info().bytes() as usize];
    let row_bytes = rows.info().row_bytes();
    bytes.chunks_exact_mut(row_bytes).try_for_each(|row| rows.read_row(row))?;
    rows.finish()?;
    Ok(bytes)
}

#[test]
fn every_code_is_understood() {
    // RGB, a run of two, a difference, a luma difference, RGBA, and the first pixel again by its index.
    let index = (10 * 3 + 20 * 5 + 30 * 7 + 255 * 11) % 64;
    let codes = [0xfe, 10, 20, 30, 0xc1, 0b0111_0110, 0b1010_0001, 0x97, 0xff, 1, 2, 3, 4, index as u8];
    let bytes = decode(&file(4, (7, 1), &codes)).unwrap();
    let expected = [
        [10, 20, 30, 255],
        [10, 20, 30, 255],
        [10, 20, 30, 255],
        [11, 19, 30, 255],
        [13, 20, 30, 255],
        [1, 2, 3, 4],
        [10, 20, 30, 255],
    ];
    assert_eq!(bytes, expected.concat());
}

#[test]
fn runs_cross_rows_and_cuts_are_found() {
    let whole = file(3, (3, 4), &[0xfe, 1, 2, 3, 0xc0 | 10]);
    assert_eq!(decode(&whole).unwrap(), [1, 2, 3].repeat(12));
    (0..whole.len()).for_each(|at| assert!(decode(&whole[..at]).is_err(), "cut at {at}"));
    assert!(decode(&file(3, (3, 4), &[0xfe, 1, 2, 3, 0xc0 | 11])).is_err(), "one pixel too many");
    assert!(read_header(&file(5, (3, 4), &[])[..]).is_err());
    assert!(read_header(&file(3, (0, 4), &[])[..]).is_err());
}
