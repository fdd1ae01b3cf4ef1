//! A turn at encoding a stage: what an encoder is asked to do, and what it answers.

use std::ops::Range;
use std::sync::Arc;

use tessera::budget::Share;
use tessera::job::JobId;
use tessera::plan::Stage;
use tessera::store::Object;

use super::product::{Product, StageProduct};
use super::{EncodeError, Encoding};
use crate::spool::Slots;

/// A turn for an encoder.
#[derive(Debug)]
pub struct EncodeStrips {
    /// Which claim it is for.
    pub id: u64,
    /// The job.
    pub job: JobId,
    /// The stage.
    pub stage: Stage,
    /// Where its tiles are.
    pub slots: Arc<Slots>,
    /// What they become, and its name in the store; numbers where nothing is stored.
    pub product: Option<(Product, Object)>,
    /// What to do.
    pub turn: Turn,
    /// Memory for an encoding that begins with this turn.
    pub memory: Option<Share>,
}

/// What came of a turn.
#[derive(Debug)]
pub struct StripsEncoded {
    /// Which claim it was for.
    pub id: u64,
    /// The job.
    pub job: JobId,
    /// What is encoded so far, if it can go on.
    pub encoding: Option<Encoding>,
    /// What came of it.
    pub outcome: TurnEnd,
    /// How long it took.
    pub ms: u64,
}

/// How a turn ended.
#[derive(Debug)]
pub enum TurnEnd {
    /// The strips are encoded.
    Encoded,
    /// The product is complete.
    Finished(StageProduct),
    /// Slots that do not hold their tiles, among them the one that stopped the turn.
    BadSlots(Vec<u32>),
    /// It failed.
    Failed(EncodeError),
    /// The code panicked.
    Panicked,
}

/// What an encoder is to do in one turn.
#[derive(Debug)]
pub struct Turn {
    /// What is encoded so far.
    pub encoding: Option<Encoding>,
    /// The strips to encode.
    pub strips: Range<u32>,
    /// The strip before which all are complete: in those, every slot has to hold its tile.
    pub complete_through: u32,
    /// What to do after them.
    pub then: Then,
}

/// What follows the strips of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Wait for more.
    Wait,
    /// Finish the product.
    Finish,
}
