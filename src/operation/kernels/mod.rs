//! The arithmetic of each operation: one file or folder for each, named as it is.
//!
//! Owns each operation's `DEFINITION`, which a line of the registry lists, and its kernel. A kernel may begin with
//! another's function; none looks operations up by name.

pub(super) mod autocontrast;
pub(super) mod bilateral;
pub(super) mod box_blur;
pub(super) mod brightness;
pub(super) mod canny;
pub(super) mod cartoon;
pub(super) mod contrast;
pub(super) mod emboss;
pub(super) mod equalize;
pub(super) mod filter2d;
pub(super) mod flip;
pub(super) mod gamma;
pub(super) mod gaussian_blur;
pub(super) mod grayscale;
pub(super) mod invert;
pub(super) mod laplacian;
pub(super) mod median_blur;
#[cfg(test)]
mod models;
pub(super) mod morphology;
pub(super) mod otsu;
pub(super) mod pixelate;
pub(super) mod posterize;
pub(super) mod rotate;
pub(super) mod saturation;
pub(super) mod sepia;
pub(super) mod sharpen;
pub(super) mod sketch;
pub(super) mod sobel;
pub(super) mod threshold;
pub(super) mod unsharp;

// What each of these files begins with.
use super::definition::{Definition, Halo, Kind};
use super::engine::area::Area;
use super::engine::cpu::{Cpu, Work};
use super::error::StepError;
use super::kernel::{Bound, Kernel, Statistic};
use super::parameter::{Parameter, Value, Weights};
