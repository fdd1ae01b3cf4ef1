//! The operations: their grammar, parameters, halos and exact kernels.
//!
//! Owns what is done to pixels. One file an operation, one registry line each. Knows nothing of tiles'
//! whereabouts beyond the position a kernel is told, and nothing of files or services.

mod area;
mod autocontrast;
mod bilateral;
mod blend;
mod border;
mod box_blur;
mod brightness;
mod canny;
mod cartoon;
mod chain;
mod contrast;
mod cpu;
mod emboss;
mod equalize;
mod filter;
mod filter2d;
mod flip;
mod frame;
mod gamma;
mod gaussian_blur;
mod grayscale;
mod histogram;
mod invert;
mod lanes;
mod laplacian;
mod median_blur;
mod mirror;
#[cfg(test)]
mod models;
mod morphology;
mod neighbours;
mod otsu;
mod parameter;
mod pixelate;
mod point;
mod posterize;
mod registry;
mod rotate;
mod sample;
mod saturation;
mod sepia;
mod sharpen;
mod sketch;
mod sobel;
pub mod statistic;
mod step;
mod threshold;
mod unsharp;
mod weights;

pub use crate::picture::Margins;
pub use area::Area;
pub use chain::{Chain, TileInput};
pub use cpu::Cpu;
use cpu::Work;
pub use parameter::{Parameter, ParameterKind, Value};
pub use registry::{Definition, Halo, Kernel, Kind, find, registry};
pub use statistic::Statistic;
pub use step::{Step, StepError};
pub use weights::Weights;
