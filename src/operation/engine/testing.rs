//! Pixels to try kernels on.

use super::area::Area;
use crate::picture::{Depth, Layout, PictureInfo, PixelFormat, Pixels, Rect, Size};

/// Noise with many extremes, in every layout and depth and for every part of small arrays.
pub(crate) fn areas() -> Vec<Area> {
    let mut areas = Vec::new();
    for (width, height) in [(1, 1), (1, 4), (5, 1), (2, 2), (3, 4), (67, 5)] {
        for layout in [Layout::Gray, Layout::GrayAlpha, Layout::Rgb, Layout::Rgba] {
            for depth in [Depth::Eight, Depth::Sixteen] {
                let info = PictureInfo { size: Size { width, height }, format: PixelFormat { layout, depth } };
                let bytes = (0..info.bytes()).map(|at| noise(at + u64::from(width))).collect();
                let pixels = Pixels::from_bytes(info, bytes).unwrap();
                areas.extend(parts(info.size).into_iter().map(|keep| Area::new(pixels.clone(), keep).unwrap()));
            }
        }
    }
    areas
}

fn noise(at: u64) -> u8 {
    let mixed = (at + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    [0, 255, (mixed >> 8) as u8, (mixed >> 16) as u8][mixed as usize % 4]
}

fn parts(size: Size) -> Vec<Rect> {
    let spans = |length: u32| match length {
        ..6 => (0..length).flat_map(|start| (1..=length - start).map(move |count| (start, count))).collect(),
        _ => vec![(0, length), (1, length - 2), (0, 33), (length - 40, 40)],
    };
    let rows: Vec<(u32, u32)> = spans(size.height);
    let rows = rows.into_iter().flat_map(|row| spans(size.width).into_iter().map(move |column| (column, row)));
    rows.map(|((x, width), (y, height))| Rect { x, y, width, height }).collect()
}
