//! What runs: a kernel with its values bound, and the statistic that it may need of the whole picture.
//!
//! A statistic is measured on tiles without halo, the partial results are merged in any order, and the
//! total is resolved to a few numbers, with which the operation becomes a local one. Owns the two
//! contracts; the arithmetic is in each operation's file under `kernels/`.

use std::fmt;

use super::engine::area::Area;
use super::error::StepError;
use crate::picture::{PixelFormat, Pixels, Turn};

/// An operation with its parameters bound, ready to run.
pub trait Kernel: fmt::Debug + Send + Sync {
    /// The format of the result; the depth was checked before.
    fn output(&self, input: PixelFormat) -> PixelFormat {
        input
    }

    /// Refuses formats for which its values do not do; the depth alone was checked before.
    ///
    /// # Errors
    /// [`StepError::Picture`], with what the sender is told.
    fn check(&self, _input: PixelFormat) -> Result<(), StepError> {
        Ok(())
    }

    /// How the result lies: [`Kernel::run`] gives the part asked for turned in this way.
    fn turn(&self) -> Turn {
        Turn::None
    }

    /// What has to be measured of the whole picture first; `None` where nothing has.
    fn statistic(&self) -> Option<&dyn Statistic> {
        None
    }

    /// Computes the part of the area that is asked for. A kernel with a [`Kernel::statistic`] refuses: the one
    /// that the statistic binds runs (see [`StepError::unmeasured`]).
    ///
    /// # Errors
    /// If it cannot run on such pixels.
    fn run(&self, area: Area) -> Result<Pixels, StepError>;
}

/// The global part of an operation of [`Kind::GlobalStatistic`](super::Kind::GlobalStatistic).
///
/// # Invariants
/// `merge` is associative and commutative, so that tiles may come in any order, and each partial result
/// has `length` words. Nothing here may panic for words or numbers that a peer made up.
pub trait Statistic: fmt::Debug + Sync {
    /// Words of a partial result for pixels of `format`; depends on nothing else.
    fn length(&self, format: PixelFormat) -> usize;

    /// The partial result of a tile without halo.
    ///
    /// # Errors
    /// If it does not take such pixels.
    fn measure(&self, pixels: &Pixels) -> Result<Vec<u64>, StepError>;

    /// Adds a partial result to a total of the same length. The first total is a copy of a partial result.
    fn merge(&self, total: &mut [u64], partial: &[u64]);

    /// The numbers of the whole picture, at most [`MAX_NUMBERS`](super::statistic::MAX_NUMBERS), each within ±10⁶ or so: they travel as text.
    fn resolve(&self, format: PixelFormat, total: &[u64]) -> Vec<i64>;

    /// The local kernel with these numbers.
    ///
    /// # Errors
    /// If they are not such numbers.
    fn bind(&self, numbers: &[i64]) -> Result<Box<dyn Kernel>, StepError>;
}

/// A kernel with its values, or why they do not fit together.
pub(crate) type Bound = Result<Box<dyn Kernel>, StepError>;
