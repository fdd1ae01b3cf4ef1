//! Plain models to hold kernels against: one sample at a time, on small pictures of every format.

pub(super) mod nine;

use super::{Kernel, StepError};
use crate::operation::engine::border::Border;
use crate::operation::engine::filter::Alpha;
pub(super) use crate::operation::engine::testing::areas;
use crate::picture::{Depth, Layout, Pixels, Samples};

/// A whole picture as a model sees it.
pub(super) struct Plain {
    samples: Vec<i64>,
    width: usize,
    height: usize,
    channels: usize,
    /// Channels without alpha.
    pub(super) colors: usize,
    /// The largest sample.
    pub(super) top: i64,
}

impl Plain {
    pub(super) fn new(pixels: &Pixels) -> Self {
        let (size, format) = (pixels.size(), pixels.format());
        Self {
            samples: samples(pixels),
            width: size.width as usize,
            height: size.height as usize,
            channels: format.layout.channels(),
            colors: format.layout.color_channels(),
            top: format.depth.top().into(),
        }
    }

    /// The sample of channel `c` at a place that may lie beyond the edge.
    pub(super) fn at(&self, x: i64, y: i64, c: usize, border: Border) -> i64 {
        let (x, y) = (border.index(x, self.width), border.index(y, self.height));
        self.samples[(y * self.width + x) * self.channels + c]
    }

    /// What a model makes of the whole picture.
    fn modelled(&self, layout: Layout, alpha: Alpha, model: impl Fn(&Self, [i64; 2], usize) -> i64) -> Vec<i64> {
        let mut results = Vec::new();
        for (y, x) in (0..self.height).flat_map(|y| (0..self.width).map(move |x| (y, x))) {
            let place = [x as i64, y as i64];
            for channel in 0..layout.channels() {
                let keeps = alpha == Alpha::Kept && channel >= layout.color_channels();
                let kept = || self.at(place[0], place[1], self.channels - 1, Border::Replicate);
                results.push(if keeps { kept() } else { model(self, place, channel) });
            }
        }
        results
    }

    /// The samples of a square around a place, row by row.
    pub(super) fn square(&self, [x, y]: [i64; 2], c: usize, radius: i64, border: Border) -> Vec<i64> {
        let offsets = (-radius..=radius).flat_map(|down| (-radius..=radius).map(move |right| (right, down)));
        offsets.map(|(right, down)| self.at(x + right, y + down, c, border)).collect()
    }

    /// A colour weighed by alpha: `(N + S / 2) / S` over the samples of a channel that `of` gives, with these weights;
    /// `None` of alpha, and where there is none.
    pub(super) fn weighed(&self, channel: usize, weights: &[i64], of: impl Fn(usize) -> Vec<i64>) -> Option<i64> {
        if channel >= self.colors || self.colors == self.channels {
            return None;
        }
        let (colors, alphas) = (of(channel), of(self.colors));
        let parts =
            || weights.iter().zip(colors.iter().zip(&alphas)).map(|(w, (c, a))| (i128::from(w * a), i128::from(*c)));
        let (n, s) = (parts().map(|(w, c)| w * c).sum::<i128>(), parts().map(|(w, _)| w).sum::<i128>());
        (s > 0).then(|| ((n + s / 2) / s) as i64)
    }

    /// The places of a square that lie in the picture.
    pub(super) fn inside(&self, x: i64, y: i64, radius: i64) -> impl Iterator<Item = (i64, i64)> {
        let rows = (y - radius).max(0)..=(y + radius).min(self.height as i64 - 1);
        let columns = (x - radius).max(0)..=(x + radius).min(self.width as i64 - 1);
        rows.flat_map(move |y| columns.clone().map(move |x| (x, y)))
    }

    /// The place in the picture that is nearest.
    pub(super) fn nearest(&self, [x, y]: [i64; 2]) -> [i64; 2] {
        [x.clamp(0, self.width as i64 - 1), y.clamp(0, self.height as i64 - 1)]
    }

    /// The colours of a pixel; all three are the same for gray.
    pub(super) fn rgb(&self, [x, y]: [i64; 2]) -> [i64; 3] {
        [0, 1, 2].map(|c| self.at(x, y, if self.colors == 3 { c } else { 0 }, Border::Replicate))
    }
}

pub(super) fn samples(pixels: &Pixels) -> Vec<i64> {
    match pixels.samples() {
        Samples::Eight(samples) => samples.iter().copied().map(i64::from).collect(),
        Samples::Sixteen(samples) => samples.iter().copied().map(i64::from).collect(),
    }
}

/// Checks a kernel on every area it does not refuse for its depth. `seen` is the picture the kernel works
/// on, `model` gives the sample at x, y of a channel.
pub(super) fn follows(
    kernel: &dyn Kernel,
    alpha: Alpha,
    seen: impl Fn(Pixels) -> Pixels,
    model: impl Fn(&Plain, [i64; 2], usize) -> i64,
) {
    let mut checked = 0;
    let mut whole: Option<(Pixels, Vec<i64>)> = None;
    for area in areas() {
        let (keep, pixels) = (area.keep(), area.pixels().clone());
        let format = kernel.output(pixels.format());
        let what = format!("{kernel:?} on {keep:?} of {:?}", pixels.info());
        let result = match kernel.run(area) {
            Err(StepError::Picture(_)) if pixels.format().depth == Depth::Sixteen => continue,
            result => result.unwrap(),
        };
        if whole.as_ref().is_none_or(|(known, _)| *known != pixels) {
            let plain = Plain::new(&seen(pixels.clone()));
            whole = Some((pixels.clone(), plain.modelled(format.layout, alpha, &model)));
        }
        let expected = &whole.as_ref().unwrap().1;
        let line = pixels.size().width as usize * format.layout.channels();
        let columns = keep.x as usize * format.layout.channels()..keep.right() as usize * format.layout.channels();
        let rows = expected.chunks_exact(line).skip(keep.y as usize).take(keep.height as usize);
        let expected: Vec<i64> = rows.flat_map(|row| &row[columns.clone()]).copied().collect();
        assert_eq!((result.format(), samples(&result)), (format, expected), "{what}");
        checked += 1;
    }
    assert!(checked > 100);
}

/// As [`follows`] for a kernel that works on the picture as it is and keeps alpha.
pub(super) fn follows_plainly(kernel: &dyn Kernel, model: impl Fn(&Plain, [i64; 2], usize) -> i64) {
    follows(kernel, Alpha::Kept, |pixels| pixels, model);
}
