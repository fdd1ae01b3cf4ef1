//! The integer weights of a Gaussian, as OpenCV rounds them.

use crate::picture::Depth;

/// Weights of one line, outer zeros left out; their number is odd, their sum `2^b`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Taps(Vec<u32>);

impl Taps {
    /// The taps for `ksize` (odd, at least 1) and `sigma` (0: from ksize). Sum 256 for 8 bit, 65536 for 16.
    pub(super) fn new(ksize: usize, sigma: f64, depth: Depth) -> Self {
        let radius = ksize / 2;
        let one = f64::from(depth.top() + 1);
        let mut half = Vec::with_capacity(radius);
        let mut error = 0.0;
        for tap in &real_taps(ksize, sigma)[..radius] {
            let wanted = tap * one + error;
            let rounded = wanted.round_ties_even();
            error = wanted - rounded;
            half.push(rounded as u32);
        }
        let center = (depth.top() + 1).saturating_sub(2 * half.iter().sum::<u32>());
        let inner = half.iter().position(|tap| *tap > 0).unwrap_or(radius);
        let half = &half[inner..];
        Self(half.iter().copied().chain([center]).chain(half.iter().rev().copied()).collect())
    }

    /// All weights.
    pub(super) fn all(&self) -> &[u32] {
        &self.0
    }

    /// Weights on each side of the centre.
    pub(super) fn radius(&self) -> usize {
        self.0.len() / 2
    }
}

/// The taps up to the centre, before rounding.
fn real_taps(ksize: usize, sigma: f64) -> Vec<f64> {
    let radius = ksize / 2;
    let fixed: Option<&[f64]> = match ksize {
        1 => Some(&[1.0]),
        3 => Some(&[0.25, 0.5]),
        5 => Some(&[0.0625, 0.25, 0.375]),
        7 => Some(&[0.03125, 0.109375, 0.21875, 0.28125]),
        9 => Some(&[4.0 / 256.0, 13.0 / 256.0, 30.0 / 256.0, 51.0 / 256.0, 60.0 / 256.0]),
        _ => None,
    };
    if let (Some(taps), true) = (fixed, sigma == 0.0) {
        return taps.to_vec();
    }
    let sigma = if sigma == 0.0 { 0.3 * ((ksize as f64 - 1.0) * 0.5 - 1.0) + 0.8 } else { sigma };
    let factor = -0.125 / (sigma * sigma);
    let raw: Vec<f64> = (0..radius)
        .map(|index| {
            let x = (2 * index + 1) as f64 - ksize as f64;
            (x * x * factor).exp()
        })
        .collect();
    let scale = 1.0 / (2.0 * raw.iter().sum::<f64>() + 1.0);
    raw.iter().map(|tap| tap * scale).chain([scale]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_taps_of_51_are_those_of_the_definition() {
        let taps = Taps::new(51, 0.0, Depth::Eight);
        let half = [1, 0, 1, 0, 1, 2, 2, 2, 3, 3, 4, 5, 6, 7, 7, 9, 10, 10, 12, 12, 12, 13, 12];
        assert_eq!(taps.all()[..23], half);
        assert_eq!(taps.radius(), 22);
        assert_eq!(Taps::new(5, 0.0, Depth::Eight).all(), [16, 64, 96, 64, 16]);
        assert_eq!(Taps::new(7, 0.0, Depth::Eight).all(), [8, 28, 56, 72, 56, 28, 8]);
    }

    #[test]
    fn taps_are_symmetric_and_sum_to_one() {
        for ksize in (1..=255).step_by(2) {
            for sigma in [0.0, 0.1, 0.5, 1.0, 8.0, 33.3, 100.0] {
                for (depth, one) in [(Depth::Eight, 256), (Depth::Sixteen, 65536)] {
                    let taps = Taps::new(ksize, sigma, depth);
                    assert_eq!(taps.all().iter().sum::<u32>(), one, "{ksize} {sigma}");
                    assert!(taps.all().iter().eq(taps.all().iter().rev()));
                    assert!(taps.all().len() <= ksize && taps.all()[0] > 0);
                }
            }
        }
    }
}
