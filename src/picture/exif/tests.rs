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
        let expected = Orientation::Is(Turn::from_exif(number).unwrap());
        for big_endian in [true, false] {
            let block = block(big_endian, number);
            assert_eq!(orientation(&block), expected, "{number} {big_endian}");
            assert_eq!(orientation(&[b"Exif\0\0", &block[..]].concat()), expected);
        }
    }
}

/// A block with nothing but an orientation, of `count` values, the first four bytes of which are given.
fn of_type(big_endian: bool, kind: u16, count: u32, value: [u8; 4]) -> Vec<u8> {
    let short = |number: u16| if big_endian { number.to_be_bytes() } else { number.to_le_bytes() };
    let long = |number: u32| if big_endian { number.to_be_bytes() } else { number.to_le_bytes() };
    let mut block = if big_endian { b"MM".to_vec() } else { b"II".to_vec() };
    block.extend([&short(42)[..], &long(8), &short(1), &short(274), &short(kind), &long(count), &value].concat());
    block.extend([0; 4]);
    block
}

fn value(big_endian: bool, kind: u16, number: u32) -> [u8; 4] {
    let low = number.to_le_bytes();
    match (kind, big_endian) {
        (1 | 6 | 7, _) | (_, false) => low,
        (3 | 8, true) => [low[1], low[0], 0, 0],
        _ => number.to_be_bytes(),
    }
}

#[test]
fn every_type_of_whole_numbers_is_an_orientation_and_becomes_upright() {
    for (kind, big_endian) in [1, 3, 4, 6, 8, 9].into_iter().flat_map(|kind| [(kind, false), (kind, true)]) {
        for number in 1..=8 {
            let block = of_type(big_endian, kind, 1, value(big_endian, kind, number));
            let expected = Turn::from_exif(number as u16).unwrap();
            assert_eq!(orientation(&block), Orientation::Is(expected), "type {kind} {big_endian} {number}");
            assert_eq!(orientation(&for_result(&block).unwrap()), Orientation::Is(Turn::None));
        }
    }
}

#[test]
fn of_several_numbers_the_first_is_the_orientation() {
    for big_endian in [true, false] {
        for (kind, count) in [(3, 2), (8, 2), (1, 2), (1, 4)] {
            let block = of_type(big_endian, kind, count, value(big_endian, kind, 6));
            assert_eq!(orientation(&block), Orientation::Is(Turn::from_exif(6).unwrap()), "{kind} {count}");
        }
        let mut far = of_type(big_endian, 3, 3, [0; 4]);
        let at = u32::try_from(far.len()).unwrap();
        let at = if big_endian { at.to_be_bytes() } else { at.to_le_bytes() };
        far[18..22].copy_from_slice(&at);
        far.extend(if big_endian { [0, 8, 0, 1, 0, 1] } else { [8, 0, 1, 0, 1, 0] });
        assert_eq!(orientation(&far), Orientation::Is(Turn::from_exif(8).unwrap()));
    }
}

#[test]
fn what_is_not_understood_is_neither_applied_nor_overwritten() {
    for big_endian in [true, false] {
        for (kind, count, number) in [
            (2, 1, 6),
            (5, 1, 6),
            (11, 1, 6),
            (99, 1, 6),
            (3, 0, 6),
            (7, 1, 6),
            (13, 1, 6),
            (4, 7, 6),
            (3, 1, 0),
            (3, 1, 9),
            (9, 1, u32::MAX),
        ] {
            let block = of_type(big_endian, kind, count, value(big_endian, kind, number));
            assert_eq!(orientation(&block), Orientation::Unclear(NOT_UNDERSTOOD), "{kind} {count} {number}");
            assert_eq!(for_result(&block).unwrap(), block, "{kind} {count} {number}");
        }
    }
}

#[test]
fn of_a_directory_that_claims_too_much_the_entries_that_are_there_count() {
    for big_endian in [true, false] {
        let mut block = of_type(big_endian, 3, 1, value(big_endian, 3, 6));
        block[8..10].copy_from_slice(&[200, 200]);
        assert_eq!(orientation(&block), Orientation::Is(Turn::Rotate90));
        let kept = for_result(&block).unwrap();
        assert_eq!(orientation(&kept), Orientation::Is(Turn::None));
        block[10..12].fill(9);
        assert_eq!(orientation(&block), Orientation::Unclear(DAMAGED), "it may be among those that are not there");
        assert_eq!(for_result(&block).unwrap(), block);
    }
}

#[test]
fn an_orientation_of_the_thumbnail_is_not_the_pictures() {
    let mut block = with_thumbnail();
    block[10] = 0;
    block[28..30].copy_from_slice(&[0x12, 0x01]);
    assert_eq!(orientation(&block), Orientation::Unsaid);
}

#[test]
fn a_damaged_block_is_no_orientation_and_says_so() {
    let whole = block(true, 6);
    for at in 1..whole.len() - 4 {
        assert_eq!(orientation(&whole[..at]), Orientation::Unclear(DAMAGED), "cut at {at}");
    }
    assert_eq!(for_result(&whole[..20]), None);
    let mut far = whole.clone();
    far[4..8].fill(0xff);
    assert_eq!(orientation(&far), Orientation::Unclear(DAMAGED));
    assert_eq!(for_result(&far), None);
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
            assert_eq!(
                (orientation(&kept), kept.len()),
                (Orientation::Is(Turn::None), block(big_endian, number).len())
            );
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
