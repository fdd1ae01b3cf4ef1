//! The model of a kernel that looks at the eight pixels around one.

use crate::operation::engine::border::reflect101;
use crate::operation::engine::testing::areas;
use crate::operation::kernel::Kernel;
use crate::picture::{Layout, Pixels, Samples};

/// The samples of the nine pixels around one, mirrored at the array's edge; channel by channel, row by row.
pub(in crate::operation::kernels) fn around(pixels: &Pixels, x: u32, y: u32, channel: usize) -> [[i64; 3]; 3] {
    let (size, channels) = (pixels.size(), pixels.format().layout.channels());
    [-1, 0, 1].map(|down| {
        [-1, 0, 1].map(|right| {
            let row = reflect101(i64::from(y) + down, size.height as usize);
            let column = reflect101(i64::from(x) + right, size.width as usize);
            let at = (row * size.width as usize + column) * channels + channel;
            match pixels.samples() {
                Samples::Eight(samples) => i64::from(samples[at]),
                Samples::Sixteen(samples) => i64::from(samples[at]),
            }
        })
    })
}

/// Checks a kernel on every area: `model` gives a colour from the samples around it and the top; alpha
/// stays. `seen` is what the kernel sees of the array.
pub(in crate::operation::kernels) fn follows(
    kernel: &dyn Kernel,
    seen: impl Fn(Pixels) -> Pixels,
    model: impl Fn([[i64; 3]; 3], i64) -> i64,
) {
    for area in areas() {
        let (keep, seen) = (area.keep(), seen(area.pixels().clone()));
        let layout = seen.format().layout;
        let colours = if matches!(layout, Layout::Gray | Layout::GrayAlpha) { 1 } else { 3 };
        let top = (1i64 << seen.format().depth.bits()) - 1;
        let mut expected = Vec::new();
        for (y, x) in (keep.y..keep.bottom()).flat_map(|y| (keep.x..keep.right()).map(move |x| (y, x))) {
            for channel in 0..layout.channels() {
                let samples = around(&seen, x, y, channel);
                expected.push(if channel < colours { model(samples, top) } else { samples[1][1] });
            }
        }
        let what = format!("{:?}, {keep:?}", area.pixels().info());
        let result = kernel.run(area).unwrap();
        assert_eq!(result.format(), seen.format(), "{what}");
        let result: Vec<i64> = match result.samples() {
            Samples::Eight(samples) => samples.iter().copied().map(i64::from).collect(),
            Samples::Sixteen(samples) => samples.iter().copied().map(i64::from).collect(),
        };
        assert_eq!(result, expected, "{what}");
    }
}
