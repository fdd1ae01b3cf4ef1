//! Why an encoding did not get further.

use std::io;

use tessera::linking::LinkError;
use tessera::picture::rows::WriteError;

use crate::spool::SlotError;

/// Why an encoding did not get further.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// A slot does not hold its tile: the strip waits until it was sent again. The encoding is intact.
    #[error("encoding a strip: tile {index} is not in its slot")]
    BadSlot {
        /// Which tile.
        index: u32,
    },
    /// What was noted of the maps does not fit them.
    #[error("joining the tiles' maps")]
    Linking(#[source] LinkError),
    /// The spool cannot be read.
    #[error("encoding a strip: reading the spool")]
    Spool(#[source] io::Error),
    /// The result cannot be written.
    #[error("writing the result")]
    Output(#[source] io::Error),
    /// The format does not take such a picture.
    #[error("encoding the result: {0}")]
    Unsupported(String),
}

impl From<SlotError> for EncodeError {
    fn from(error: SlotError) -> Self {
        match error {
            SlotError::Bad { index } => Self::BadSlot { index },
            SlotError::Spool { source, .. } => Self::Spool(source),
        }
    }
}

impl From<WriteError> for EncodeError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Unsupported(what) => Self::Unsupported(what),
            WriteError::Output(error) => Self::Output(error),
        }
    }
}

impl From<LinkError> for EncodeError {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Spill(error) => Self::Spool(error),
            other => Self::Linking(other),
        }
    }
}
