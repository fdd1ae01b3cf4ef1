//! `gaussian_blur`: a Gaussian in integers, with one rounding.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod portable;
mod small;
mod taps;

use small::Small;
use taps::Taps;

use super::{Area, Cpu, Definition, Halo, Kernel, Kind, Parameter, StepError, Value};
use crate::operation::engine::strips::{self, Plane};
use crate::operation::engine::weighed::{self, Weighing, Weights};
use crate::picture::{Depth, PictureInfo, Pixels, Samples};

/// Separable, border reflect101, integer taps of sum `2^b` with b = 8 or 16:
/// `(Σ Σ k[j] k[i] v + 2^(2b-1)) >> 2b` on every channel, alpha too. With `alpha=weighted` colours are weighed by alpha
/// instead: `(N + S / 2) / S` with `N = Σ Σ k[j] k[i] a c` and `S = Σ Σ k[j] k[i] a`, where `S` is not 0.
///
/// # Source
/// OpenCV's `GaussianBlur` on 8 and 16 bit, bit for bit; weighed by alpha its own definition.
pub(crate) const DEFINITION: Definition = Definition {
    name: "gaussian_blur",
    help: "a soft blur",
    kind: Kind::Local,
    halo: Halo::Half("ksize"),
    depths: &[Depth::Eight, Depth::Sixteen],
    parameters: &[
        Parameter::odd("ksize", 5, 255, "width of the kernel in pixels"),
        Parameter::decimal("sigma", 0.0, 0.0, 100.0, "its standard deviation in pixels; 0: from ksize"),
        Parameter::word("alpha", &weighed::WORDS, weighed::HELP),
    ],
    bind,
};

fn bind(values: &[Value]) -> Result<Box<dyn Kernel>, StepError> {
    match values {
        [Value::Integer(ksize), Value::Decimal(sigma), Value::Word(alpha)] => {
            let blur = GaussianBlur::new(*ksize, *sigma);
            Ok(Box::new(WeighedBlur { blur, weighing: Weighing::of(alpha) }))
        }
        _ => Err(StepError::Grammar("gaussian_blur: needs ksize, sigma and alpha".to_owned())),
    }
}

/// The blur with its weights.
#[derive(Debug)]
pub(super) struct GaussianBlur {
    eight: Taps,
    sixteen: Taps,
    cpu: Cpu,
}

impl GaussianBlur {
    /// For a kernel of `ksize` (odd) and `sigma` (0: from ksize).
    pub(super) fn new(ksize: i64, sigma: f64) -> Self {
        let taps = |depth| Taps::new(usize::try_from(ksize).unwrap_or(1), sigma, depth);
        Self { eight: taps(Depth::Eight), sixteen: taps(Depth::Sixteen), cpu: Cpu::detect() }
    }

    /// The part of the area that is asked for, blurred, its colours as alpha has it.
    pub(super) fn blur_weighed(&self, area: &Area, weighing: Weighing) -> Result<Pixels, StepError> {
        let mut blurred = self.blur(area)?;
        if weighing.changes(area) {
            let [eight, sixteen] = [&self.eight, &self.sixteen].map(|taps| Weights::Taps(taps.all()));
            weighed::weigh(self.cpu, area, eight, sixteen, &mut blurred)?;
        }
        Ok(blurred)
    }

    /// The part of the area that is asked for, blurred, each channel by itself.
    pub(super) fn blur(&self, area: &Area) -> Result<Pixels, StepError> {
        let info = PictureInfo { size: area.output_size(), format: area.pixels().format() };
        let samples = match area.pixels().samples() {
            Samples::Eight(_) if self.eight.radius() == 0 => return Ok(area.clone().cropped()),
            Samples::Sixteen(_) if self.sixteen.radius() == 0 => return Ok(area.clone().cropped()),
            Samples::Eight(samples) => Samples::Eight(blur8(self.cpu, Plane::new(area, samples), &self.eight)),
            Samples::Sixteen(samples) => Samples::Sixteen(blur16(self.cpu, Plane::new(area, samples), &self.sixteen)),
        };
        Pixels::new(info, samples).map_err(|error| StepError::Tile(error.to_string()))
    }
}

/// The blur with what alpha has to do with it.
#[derive(Debug)]
struct WeighedBlur {
    blur: GaussianBlur,
    weighing: Weighing,
}

impl Kernel for WeighedBlur {
    fn run(&self, area: Area) -> Result<Pixels, StepError> {
        self.blur.blur_weighed(&area, self.weighing)
    }
}

fn blur8(cpu: Cpu, plane: Plane<'_, u8>, taps: &Taps) -> Vec<u8> {
    if let Some(small) = Small::new(plane, taps) {
        return cpu.run(small);
    }
    match cpu {
        #[cfg(target_arch = "x86_64")]
        Cpu::Avx2 if Cpu::detect() == Cpu::Avx2 => {
            // SAFETY: this processor has AVX2, as just asked.
            unsafe { avx2::blur8(plane, taps) }
        }
        _ => portable::blur(plane, taps),
    }
}

fn blur16(cpu: Cpu, plane: Plane<'_, u16>, taps: &Taps) -> Vec<u16> {
    match cpu {
        #[cfg(target_arch = "x86_64")]
        Cpu::Avx2 if Cpu::detect() == Cpu::Avx2 => {
            // SAFETY: this processor has AVX2, as just asked.
            unsafe { avx2::blur(plane, taps) }
        }
        _ => portable::blur(plane, taps),
    }
}

#[cfg(test)]
mod tests;
