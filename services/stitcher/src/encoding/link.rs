//! Joining the maps of a stage's tiles over their seams: all strips once to join, all strips again to settle.
//!
//! Owns which of the two passes it is. Its notes are in a file without a name beside the slots.

use tessera::linking::{Linker, Settler};
use tessera::pipeline::Aside;
use tessera::plan::Stage;

use super::EncodeError;
use crate::spool::Slots;

/// Where a stage's linking is.
pub(super) enum Link {
    /// Not begun.
    Waiting,
    /// The first pass.
    Joining(Linker<Box<dyn Aside>>),
    /// The second.
    Settling(Settler<Box<dyn Aside>>),
}

impl Link {
    /// Makes the file for the notes if this is the beginning.
    pub(super) fn begin(&mut self, stage: &Stage, slots: &Slots) -> Result<(), EncodeError> {
        if matches!(self, Self::Waiting) {
            let (width, channels) = (stage.output.size.width, stage.output.format.layout.channels());
            *self = Self::Joining(Linker::new(width, channels, slots.aside().map_err(EncodeError::Spool)?));
        }
        Ok(())
    }

    pub(super) fn is_settling(&self) -> bool {
        matches!(self, Self::Settling(_))
    }

    /// Takes whole rows of maps; says whether they are rows of the result now.
    pub(super) fn take(&mut self, rows: &mut [u8]) -> Result<bool, EncodeError> {
        match self {
            Self::Waiting => Err(EncodeError::Unsupported("its maps come before linking has begun".to_owned())),
            Self::Joining(linker) => linker.add(rows).map(|()| false).map_err(EncodeError::from),
            Self::Settling(settler) => settler.settle(rows).map(|()| true).map_err(EncodeError::from),
        }
    }

    /// Ends the first pass, after the last strip.
    pub(super) fn turn_back(&mut self) -> Result<(), EncodeError> {
        if let Self::Joining(linker) = std::mem::replace(self, Self::Waiting) {
            *self = Self::Settling(linker.finish()?);
        }
        Ok(())
    }
}
