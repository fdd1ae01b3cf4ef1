use std::io::Cursor;

use super::*;
use crate::linking::{Linker, NONE, STRONG, WEAK};
use crate::operation::Step;
use crate::operation::engine::filter::Alpha;
use crate::operation::kernels::models::{Plain, follows};
use crate::picture::{Rect, Size};

/// The slopes at a place; `None` outside the picture.
fn slopes(plain: &Plain, [x, y]: [i64; 2]) -> Option<[i64; 2]> {
    plain.inside(x, y, 0).next()?;
    let v = |right, down| plain.at(x + right, y + down, 0, Border::Replicate);
    let gx = v(1, -1) + 2 * v(1, 0) + v(1, 1) - v(-1, -1) - 2 * v(-1, 0) - v(-1, 1);
    let gy = v(-1, 1) + 2 * v(0, 1) + v(1, 1) - v(-1, -1) - 2 * v(0, -1) - v(1, -1);
    Some([gx, gy])
}

/// The map before it is settled, by the definition.
fn mapped(plain: &Plain, place: [i64; 2], [low, high]: [i64; 2], size: SizeOf) -> u8 {
    let m = |right: i64, down: i64| {
        slopes(plain, [place[0] + right, place[1] + down]).map_or(0, |[gx, gy]| match size {
            SizeOf::Sum => gx.abs() + gy.abs(),
            SizeOf::Squares => gx * gx + gy * gy,
        })
    };
    let Some([gx, gy]) = slopes(plain, place) else { return NONE };
    let (ax, ay, here) = (gx.abs(), gy.abs() << 15, m(0, 0));
    let t = 13573 * ax;
    let s = if gx ^ gy < 0 { -1 } else { 1 };
    let peak = if ay < t {
        here > m(-1, 0) && here >= m(1, 0)
    } else if ay > t + (ax << 16) {
        here > m(0, -1) && here >= m(0, 1)
    } else {
        here > m(-s, -1) && here > m(s, 1)
    };
    match peak {
        true if here > high => STRONG,
        true if here > low => WEAK,
        _ => NONE,
    }
}

#[test]
fn a_whole_picture_follows_the_definition_on_every_processor() {
    for (cpu, size) in Cpu::all().into_iter().flat_map(|cpu| [(cpu, SizeOf::Sum), (cpu, SizeOf::Squares)]) {
        for thresholds in [[0, 0], [100, 200], [300, 1500], [32767, 32767]] {
            let limits = thresholds.map(|value| if matches!(size, SizeOf::Squares) { value * value } else { value });
            let kernel = Canny { low: thresholds[0] as i32, high: thresholds[1] as i32, size, cpu };
            for (width, height) in [(1, 1), (7, 1), (1, 9), (33, 21), (70, 40)] {
                let pixels = drawn(width, height);
                let plain = Plain::new(&pixels);
                let places = (0..height).flat_map(|y| (0..width).map(move |x| [i64::from(x), i64::from(y)]));
                let mut expected: Vec<u8> = places.map(|place| mapped(&plain, place, limits, size)).collect();
                settle::settle(
                    &mut expected,
                    width as usize,
                    Seams { left: false, top: false, right: false, bottom: false },
                );
                let area = Area::new(pixels, Rect { x: 0, y: 0, width, height }).unwrap();
                assert_eq!(
                    kernel.run(area).unwrap().into_bytes(),
                    expected,
                    "{width}x{height}, {thresholds:?}, {cpu:?}"
                );
            }
        }
    }
}

/// Gray slopes with noise and edges.
fn drawn(width: u32, height: u32) -> Pixels {
    let noise = |at: u32| (at.wrapping_mul(0x9e37_79b1) >> 13) % 90;
    let sample = |x: u32, y: u32| (40 * ((x / 5 + y / 7) % 4) + noise(x * 131 + y * 7 + 1)) as u8;
    let samples = (0..height).flat_map(|y| (0..width).map(move |x| sample(x, y))).collect();
    let format = PixelFormat { layout: Layout::Gray, depth: Depth::Eight };
    Pixels::from_bytes(PictureInfo { size: Size { width, height }, format }, samples).unwrap()
}

#[test]
fn tiles_joined_over_their_seams_give_the_whole() {
    let (width, height, tile) = (70u32, 40u32, 16u32);
    let kernel = Canny { low: 100, high: 500, size: SizeOf::Sum, cpu: Cpu::detect() };
    let pixels = drawn(width, height);
    let whole = Area::new(pixels.clone(), Rect { x: 0, y: 0, width, height }).unwrap();
    let whole: Vec<u8> = kernel.run(whole).unwrap().into_bytes().iter().map(|value| 255 * (value / 2)).collect();
    let mut map = vec![NONE; (width * height) as usize];
    for (x, y) in (0..height).step_by(16).flat_map(|y| (0..width).step_by(16).map(move |x| (x, y))) {
        let rect = Rect { x, y, width: tile.min(width - x), height: tile.min(height - y) };
        let tile = kernel.run(Area::new(pixels.clone(), rect).unwrap()).unwrap().into_bytes();
        for (row, y) in tile.chunks_exact(rect.width as usize).zip(y..) {
            map[(y * width + x) as usize..][..row.len()].copy_from_slice(row);
        }
    }
    assert!(map.contains(&WEAK));
    let mut linker = Linker::new(width, 1, Cursor::new(Vec::new()));
    map.chunks((16 * width) as usize).for_each(|strip| linker.add(strip).unwrap());
    let mut settler = linker.finish().unwrap();
    map.chunks_mut((16 * width) as usize).for_each(|strip| settler.settle(strip).unwrap());
    assert_eq!(map, whole);
}

#[test]
fn alpha_stays_and_colours_become_gray() {
    let kernel = Canny { low: 0, high: 0, size: SizeOf::Sum, cpu: Cpu::detect() };
    let gray = |pixels| grayscale::gray(kernel.cpu, pixels).unwrap();
    // All that is above 0 is strong: nothing is left to be joined.
    follows(&kernel, Alpha::Kept, gray, |plain, place, _| i64::from(mapped(plain, place, [0, 0], SizeOf::Sum)));
}

#[test]
fn low_must_not_exceed_high() {
    let refusal = "canny:low=300".parse::<Step>().unwrap_err();
    assert_eq!(refusal.to_string(), "canny: low must not exceed high, got 300 and 200");
    let step: Step = "canny".parse().unwrap();
    assert_eq!((step.to_string().as_str(), step.halo()), ("canny:low=100,high=200,l2=0", 2));
}
