//! Why cutting ends: every tile was handed over, it was told to stop, or its input is not what was sent.

use std::any::Any;
use std::io;

use tessera::input::{Fault, Proof};
use tessera::picture::ReadError;
use tessera::telemetry::parts::text_of;

use crate::gate::{Gate, Stop};

/// How cutting ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Cut {
    /// Every tile that was missing has been handed over.
    Complete,
    /// It was told to stop.
    Stopped(Stop),
    /// The picture cannot be read; says why.
    Damaged(String),
    /// What was read is not what was written, and there is a way to have that: the job is started over. Says why.
    Misread(String),
}

/// Why cutting cannot go on.
pub(super) enum Halt {
    Stopped(Stop),
    Read(ReadError),
    Misfit(String),
    /// The digest of what was read is not that of what was sent.
    Unproved,
    /// The file cannot be read; what the store said is kept.
    Fault,
}

impl From<ReadError> for Halt {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

/// Whether the pass goes on; proving that a large picture is whole is progress, as reading it is.
pub(super) fn still_reads(gate: &Gate) -> bool {
    gate.has_read();
    gate.stopped().is_none()
}

/// Asks the proof of a picture, where there is one.
pub(super) fn prove(
    proof: Option<&Proof>,
    fault: &Fault,
    gate: &Gate,
    ask: impl FnOnce(&Proof, &dyn Fn() -> bool) -> io::Result<Option<bool>>,
) -> Result<(), Halt> {
    let Some(proof) = proof else { return Ok(()) };
    match ask(proof, &|| still_reads(gate)) {
        Ok(Some(true)) => Ok(()),
        Ok(Some(false)) => Err(Halt::Unproved),
        Ok(None) => Err(Halt::Stopped(gate.stopped().unwrap_or(Stop::Drained))),
        Err(error) => {
            fault.note(&error);
            Err(Halt::Fault)
        }
    }
}

/// What the sender of a picture reads whose decoder panicked.
pub(super) fn panicked(panic: &(dyn Any + Send)) -> String {
    let said = text_of(panic);
    format!("reading the picture: its decoder panicked ({said}); the picture is probably damaged, please report it")
}
