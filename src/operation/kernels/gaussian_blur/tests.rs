use proptest::prelude::*;

use super::strips::Plane;
use super::*;
use crate::operation::engine::border::reflect101;
use crate::picture::{Rect, Size};

/// The definition, word for word, in 64-bit integers.
fn model<T: Copy + Into<u64>>(plane: Plane<'_, T>, taps: &Taps, bits: u32) -> Vec<u64> {
    let (width, height) = (plane.size.width as usize, plane.size.height as usize);
    let (keep, radius) = (plane.keep, taps.radius() as i64);
    let mut out = Vec::new();
    for y in keep.y..keep.bottom() {
        for x in keep.x..keep.right() {
            for channel in 0..plane.channels {
                let mut sum = 0;
                for (j, vertical) in taps.all().iter().enumerate() {
                    let row = reflect101(i64::from(y) + j as i64 - radius, height);
                    for (i, horizontal) in taps.all().iter().enumerate() {
                        let column = reflect101(i64::from(x) + i as i64 - radius, width);
                        let sample: u64 = plane.samples[(row * width + column) * plane.channels + channel].into();
                        sum += u64::from(*vertical) * u64::from(*horizontal) * sample;
                    }
                }
                out.push((sum + (1 << (2 * bits - 1))) >> (2 * bits));
            }
        }
    }
    out
}

fn noise(seed: u64, len: usize, extreme: bool) -> Vec<u16> {
    let mut state = seed | 1;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u16
    };
    let sample = |value: u16| if extreme { [0, u16::MAX][usize::from(value & 1)] } else { value };
    (0..len).map(|_| sample(next())).collect()
}

/// A part of a picture that is not empty, by two numbers below 1 for each side.
fn part(length: u32, (start, rest): (f64, f64)) -> (u32, u32) {
    let first = (f64::from(length) * start) as u32;
    (first, 1 + (f64::from(length - first - 1) * rest) as u32)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn every_processor_follows_the_definition(
        (width, height, channels) in (1u32..60, 1u32..40, 1usize..5),
        (columns, rows) in ((0.0..1.0, 0.0..=1.0), (0.0..1.0, 0.0..=1.0)),
        ksize in prop_oneof![0usize..6, 0usize..64],
        sigma in prop_oneof![Just(0.0), 0.1f64..20.0],
        seed: u64, extreme: bool,
    ) {
        let samples = noise(seed, (width * height) as usize * channels, extreme);
        let bytes: Vec<u8> = samples.iter().map(|sample| (sample >> 8) as u8).collect();
        let ((x, columns), (y, rows)) = (part(width, columns), part(height, rows));
        let keep = Rect { x, y, width: columns, height: rows };
        let size = Size { width, height };
        let eight = Taps::new(2 * ksize + 1, sigma, Depth::Eight);
        let sixteen = Taps::new(2 * ksize + 1, sigma, Depth::Sixteen);
        let bytes = Plane { samples: &bytes, size, channels, keep };
        let words = Plane { samples: &samples, size, channels, keep };
        let (expected8, expected16) = (model(bytes, &eight, 8), model(words, &sixteen, 16));
        for cpu in Cpu::all() {
            let blurred: Vec<u64> = blur8(cpu, bytes, &eight).into_iter().map(u64::from).collect();
            prop_assert_eq!(&blurred, &expected8, "8 bit, {:?}", cpu);
            let blurred: Vec<u64> = blur16(cpu, words, &sixteen).into_iter().map(u64::from).collect();
            prop_assert_eq!(&blurred, &expected16, "16 bit, {:?}", cpu);
        }
    }
}

#[test]
fn every_kernel_size_is_the_same_on_every_processor() {
    let size = Size { width: 333, height: 65 };
    let samples: Vec<u8> = noise(9, 333 * 65 * 3, false).iter().map(|sample| (sample >> 8) as u8).collect();
    let keep = Rect { x: 3, y: 2, width: 300, height: 33 };
    let plane = Plane { samples: &samples, size, channels: 3, keep };
    for ksize in (1..=255).step_by(2) {
        let taps = Taps::new(ksize, 0.0, Depth::Eight);
        let expected = portable::blur(plane, &taps);
        for cpu in Cpu::all() {
            assert_eq!(blur8(cpu, plane, &taps), expected, "ksize {ksize}, {cpu:?}");
        }
    }
}

#[test]
fn a_strip_of_a_wide_area_joins_the_next() {
    let size = Size { width: 5000, height: 5 };
    let samples: Vec<u8> = noise(4, 5000 * 5, false).iter().map(|sample| (sample >> 8) as u8).collect();
    let keep = Rect { x: 0, y: 1, width: 5000, height: 3 };
    let plane = Plane { samples: &samples, size, channels: 1, keep };
    for ksize in [3, 51] {
        let taps = Taps::new(ksize, 0.0, Depth::Eight);
        let expected: Vec<u8> = model(plane, &taps, 8).into_iter().map(|sample| sample as u8).collect();
        for cpu in Cpu::all() {
            assert_eq!(blur8(cpu, plane, &taps), expected, "ksize {ksize}, {cpu:?}");
        }
    }
}

#[test]
fn colours_are_weighed_by_alpha() {
    use crate::operation::engine::border::Border;
    use crate::operation::engine::filter::Alpha;
    use crate::operation::kernels::models::follows;
    let taps = [1, 4, 6, 4, 1];
    let weights: Vec<i64> = (0..25).map(|at| taps[at / 5] * taps[at % 5]).collect();
    for cpu in Cpu::all() {
        let blur = GaussianBlur { cpu, ..GaussianBlur::new(5, 0.0) };
        let kernel = WeighedBlur { blur, weighing: Weighing::Weighted };
        follows(
            &kernel,
            Alpha::Same,
            |pixels| pixels,
            |plain, place, channel| {
                let square = |channel| plain.square(place, channel, 2, Border::Reflect101);
                let sum: i64 = square(channel).iter().zip(&weights).map(|(sample, weight)| sample * weight).sum();
                plain.weighed(channel, &weights, square).unwrap_or((sum + 128) >> 8)
            },
        );
    }
}

#[test]
fn a_picture_without_alpha_or_of_one_alpha_is_not_weighed() {
    use crate::picture::{Layout, PixelFormat};
    let area = |layout: Layout, alpha: &[u8]| {
        let channels = layout.channels();
        let info =
            PictureInfo { size: Size { width: 2, height: 1 }, format: PixelFormat { layout, depth: Depth::Eight } };
        let pixel = |alpha: &u8| [vec![7; channels - 1], vec![*alpha]].concat();
        let pixels = Pixels::from_bytes(info, alpha.iter().flat_map(pixel).collect()).unwrap();
        Area::new(pixels, Rect { x: 0, y: 0, width: 2, height: 1 }).unwrap()
    };
    for layout in [Layout::Gray, Layout::Rgb] {
        assert!(!Weighing::Weighted.changes(&area(layout, &[1, 9])));
    }
    for layout in [Layout::GrayAlpha, Layout::Rgba] {
        assert!(!Weighing::Weighted.changes(&area(layout, &[9, 9])));
        assert!(Weighing::Weighted.changes(&area(layout, &[1, 9])));
        assert!(!Weighing::Separate.changes(&area(layout, &[1, 9])));
    }
}
