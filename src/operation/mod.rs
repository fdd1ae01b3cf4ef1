//! The operations: their grammar, parameters, halos and exact kernels.
//!
//! Owns what is done to pixels. From the ground up: `engine/` is what kernels are made of, [`Definition`] and
//! [`Kernel`] say what an operation is, `kernels/` has one file or folder for each, [`registry`](registry()) lists
//! them, a [`Step`] names one with its values, a [`Chain`] runs several. Knows nothing of tiles' whereabouts beyond
//! the position a kernel is told, and nothing of files or services.

mod chain;
mod definition;
mod engine;
mod error;
mod kernel;
mod kernels;
mod parameter;
mod registry;
pub mod statistic;
mod step;

pub use crate::picture::Margins;
pub use chain::{Chain, TileInput};
pub use definition::{Definition, Halo, Kind};
pub use engine::area::Area;
pub use engine::cpu::Cpu;
pub use error::StepError;
pub use kernel::{Kernel, Statistic};
pub use parameter::{Parameter, ParameterKind, Value, Weights};
pub use registry::{find, registry};
pub use step::Step;
