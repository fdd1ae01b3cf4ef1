//! The operations: their grammar, parameters, halos and exact kernels.
//!
//! Owns what is done to pixels. One file an operation, one registry line each. Knows nothing of tiles'
//! whereabouts beyond the position a kernel is told, and nothing of files or services.

mod area;
mod border;
mod chain;
mod cpu;
mod flip;
mod gaussian_blur;
mod grayscale;
mod invert;
mod neighbours;
mod parameter;
mod registry;
mod rotate;
mod sharpen;
mod sobel;
pub mod statistic;
mod step;

pub use crate::picture::Margins;
pub use area::Area;
pub use chain::{Chain, TileInput};
pub use cpu::Cpu;
pub use parameter::{Parameter, ParameterKind, Value};
pub use registry::{Definition, Halo, Kernel, Kind, find, registry};
pub use statistic::Statistic;
pub use step::{Step, StepError};
