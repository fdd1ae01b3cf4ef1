use std::io::Cursor;

use proptest::prelude::*;

use super::*;

/// The definition, on the whole map.
fn whole(map: &[u8], width: usize) -> Vec<u8> {
    let mut map = map.to_vec();
    let mut plane = Plane::new(&mut map, width, 1);
    plane.begin_at_all(STRONG);
    plane.spread(WEAK, STRONG);
    map.iter().map(|value| if *value == STRONG { 255 } else { 0 }).collect()
}

/// By both passes over strips of so many rows.
fn linked(map: &[u8], width: usize, rows: usize) -> Vec<u8> {
    let mut linker = Linker::new(width as u32, 1, Cursor::new(Vec::new()));
    map.chunks(rows * width).for_each(|strip| linker.add(strip).unwrap());
    let mut settler = linker.finish().unwrap();
    let mut result = map.to_vec();
    result.chunks_mut(rows * width).for_each(|strip| settler.settle(strip).unwrap());
    result
}

/// Weak pixels with few strong ones, in patterns with long detours.
fn map() -> impl Strategy<Value = (Vec<u8>, usize)> {
    (1usize..24, 1usize..40, 1u32..100).prop_flat_map(|(width, height, dense)| {
        let pixel = (0u32..100, 0u32..60).prop_map(move |(edge, strong)| match (edge < dense, strong) {
            (false, _) => NONE,
            (true, 0) => STRONG,
            (true, _) => WEAK,
        });
        (proptest::collection::vec(pixel, width * height), Just(width))
    })
}

proptest! {
    #[test]
    fn strips_of_any_height_give_what_the_whole_gives((map, width) in map(), rows in 1usize..45) {
        prop_assert_eq!(linked(&map, width, rows), whole(&map, width));
    }
}

/// A path of single pixels that winds through all rows and comes back between its own turns.
fn spiral(side: usize) -> Vec<u8> {
    let mut map = vec![NONE; side * side];
    let (mut x, mut y, mut length) = (0i64, 0i64, side as i64 - 1);
    map[0] = WEAK;
    for turn in 0.. {
        let (dx, dy) = [(1, 0), (0, 1), (-1, 0), (0, -1)][turn % 4];
        for _ in 0..length {
            (x, y) = (x + dx, y + dy);
            map[y as usize * side + x as usize] = WEAK;
        }
        if turn > 0 && turn % 2 == 0 {
            length -= 2;
        }
        if length < 2 {
            map[y as usize * side + x as usize] = STRONG;
            return map;
        }
    }
    map
}

#[test]
fn a_spiral_is_white_by_one_strong_pixel_in_its_middle() {
    for side in [5, 32, 63] {
        let mut map = spiral(side);
        assert_eq!(map.iter().filter(|value| **value == STRONG).count(), 1);
        let white: Vec<u8> = map.iter().map(|value| if *value == NONE { 0 } else { 255 }).collect();
        assert_eq!(linked(&map, side, 7), white);
        map.iter_mut().for_each(|value| *value = (*value).min(WEAK));
        assert_eq!(linked(&map, side, 7), vec![0; side * side]);
    }
}

#[test]
fn alpha_stays_and_strips_wider_than_a_part_are_cut() {
    let width = PART_PIXELS / 2 + 7;
    let mut map: Vec<u8> = [WEAK, 9].repeat(3 * width);
    map[2 * width + 10] = STRONG;
    let mut linker = Linker::new(width as u32, 2, Cursor::new(Vec::new()));
    linker.add(&map).unwrap();
    linker.finish().unwrap().settle(&mut map).unwrap();
    assert!(map.as_chunks::<2>().0.iter().all(|pixel| *pixel == [255, 9]));
}

#[test]
fn other_strips_than_before_are_refused() {
    let mut linker = Linker::new(3, 1, Cursor::new(Vec::new()));
    assert!(matches!(linker.add(&[0; 4]), Err(LinkError::Rows { row_bytes: 3, actual: 4 })));
    assert!(matches!(linker.add(&[]), Err(LinkError::Rows { .. })));
    linker.add(&[WEAK; 6]).unwrap();
    let mut settler = linker.finish().unwrap();
    assert!(matches!(settler.settle(&mut [WEAK; 3]), Err(LinkError::Strips)));
    assert!(matches!(settler.settle(&mut [NONE; 6]), Err(LinkError::Strips)));
    settler.settle(&mut [WEAK; 6]).unwrap();
    assert!(matches!(settler.settle(&mut [WEAK; 6]), Err(LinkError::Strips)));
}
