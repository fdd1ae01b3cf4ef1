//! The operations: their grammar, parameters, halos and exact kernels.
//!
//! Owns what is done to pixels. One file an operation, one registry line each. Knows nothing of tiles'
//! whereabouts beyond the position a kernel is told, and nothing of files or services.

mod chain;
mod step;

pub use chain::{Chain, Margins, TileInput};
pub use step::{Step, StepError};
