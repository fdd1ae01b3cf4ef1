//! The state of one stage that is being put together: which tiles are in, how far it is encoded.
//!
//! Owns what to encode next and when. Knows no Kafka, Redis or store; whether the stage is complete is
//! told by Redis's answers.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tessera::bus::Ack;
use tessera::job::{JobId, Token};
use tessera::plan::{Makes, Stage};
use tessera::store::Object;

use crate::encoding::Encoding;
use crate::encoding::product::{Product, StageProduct};
use crate::encoding::strips::Strips;
use crate::encoding::turn::{Then, Turn};
use crate::manifests::KnownJob;
use crate::spool::Slots;

/// Rows that one turn of an encoder takes at most, in bytes: turns are short, so that jobs share encoders.
const TURN_BYTES: usize = 24 << 20;
/// How often an output may fail for reasons that can pass.
const MAX_RESTARTS: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// One stage of one job, claimed by this process.
#[derive(Debug)]
pub struct Assembly {
    /// Tells this claim from earlier and later ones of the same job.
    pub id: u64,
    /// The job's manifest.
    pub known: Arc<KnownJob>,
    /// The stage's number.
    pub number: u32,
    /// The run of the job.
    pub run: u32,
    /// The claim's token.
    pub token: Token,
    /// The partition that the job's records come from.
    pub partition: i32,
    /// The tiles in the spool.
    pub strips: Strips,
    /// Where they are.
    pub slots: Arc<Slots>,
    /// Records that are acknowledged when the stage has ended.
    pub held: Vec<Ack>,
    /// The result, if a worker has made it whole.
    pub whole: Option<StageProduct>,
    /// Others that came after it.
    pub losers: Vec<Object>,
    /// What is being done.
    pub work: Work,
    /// Whether Redis said that all tiles are marked.
    pub is_complete: bool,
    /// Strips were encoded since it was noted last.
    pub has_moved: bool,
    /// Turns that encoders took: the fewest come first.
    pub served: u64,
    /// How long putting tiles into their slots took, all together.
    pub stitching: Duration,
    /// Milliseconds that encoders spent on it.
    pub encode_ms: u64,
    mismatched: HashSet<u32>,
    must_restart: bool,
    restarts: u32,
    has_hung: bool,
    not_before: Option<Instant>,
}

/// What is being done with a stage.
#[derive(Debug)]
pub enum Work {
    /// Nothing now; what is encoded so far is kept.
    Idle(Option<Encoding>),
    /// An encoder has it.
    Encoding {
        /// The strip after the last that it has seen or will see in its turn.
        through: u32,
    },
    /// The product is written, the end is being made known.
    Ending,
}

/// What a tile with other bytes than its slot means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// Ask for it again.
    First,
    /// The job cannot be trusted.
    Again,
}

impl Assembly {
    /// A stage that was claimed just now.
    pub fn new(
        id: u64,
        known: Arc<KnownJob>,
        number: u32,
        run: u32,
        token: Token,
        strips: Strips,
        slots: Slots,
    ) -> Self {
        Self {
            id,
            known,
            number,
            run,
            token,
            partition: -1,
            strips,
            slots: Arc::new(slots),
            held: Vec::new(),
            whole: None,
            losers: Vec::new(),
            work: Work::Idle(None),
            is_complete: false,
            has_moved: false,
            served: 0,
            stitching: Duration::ZERO,
            encode_ms: 0,
            mismatched: HashSet::new(),
            must_restart: false,
            restarts: 0,
            has_hung: false,
            not_before: None,
        }
    }

    /// The span of what is done for it.
    pub fn span(&self) -> tracing::Span {
        self.known.span(self.number)
    }

    /// The job.
    pub fn job(&self) -> JobId {
        self.known.manifest.job
    }

    /// The stage.
    pub fn stage(&self) -> Option<&Stage> {
        self.known.manifest.plan.stage(self.number)
    }

    /// Whether a worker makes the whole result.
    pub fn is_whole(&self) -> bool {
        self.stage().is_some_and(Stage::is_whole)
    }

    /// Whether the stage makes the result.
    pub fn is_last(&self) -> bool {
        self.known.manifest.plan.is_last(self.number)
    }

    /// What the stage's strips become, and its name in the store; `None` if it is only measured.
    pub fn product(&self) -> Option<(Product, Object)> {
        if self.stage().is_some_and(|stage| stage.makes == Makes::Statistic) {
            return None;
        }
        let (job, token, manifest) = (self.job(), self.token.clone(), &self.known.manifest);
        if self.is_last() {
            let product = Product::Result { format: manifest.result_format() };
            Some((product, Object::Result { job, token, ext: manifest.format.clone() }))
        } else {
            Some((Product::Rows, Object::Rows { job, stage: self.number + 1, token }))
        }
    }

    /// Takes note that Redis has all tiles marked.
    pub fn complete(&mut self) {
        self.is_complete = true;
        self.strips.fill();
    }

    /// Takes a tile out whose slot is bad. If it is encoded already, the encoding starts over.
    pub fn take_out(&mut self, index: u32) {
        self.is_complete = false;
        self.strips.remove(index);
        let strip = self.strips.grid().strip_of(index);
        match &mut self.work {
            Work::Idle(encoding) if encoding.as_ref().is_some_and(|encoding| encoding.has_used(strip)) => {
                *encoding = None;
            }
            Work::Encoding { through } if *through > strip => self.must_restart = true,
            Work::Idle(_) | Work::Encoding { .. } | Work::Ending => {}
        }
    }

    /// Takes note of a tile with other bytes than those in its slot.
    pub fn mismatch(&mut self, index: u32) -> Mismatch {
        if self.mismatched.insert(index) { Mismatch::First } else { Mismatch::Again }
    }

    /// Takes an encoding back from its encoder.
    pub fn put_back(&mut self, encoding: Option<Encoding>) {
        let keep = !std::mem::take(&mut self.must_restart);
        self.work = Work::Idle(encoding.filter(|_| keep));
    }

    /// Starts the encoding over after a pause; `false` if that was tried often enough.
    pub fn restart_later(&mut self, now: Instant) -> bool {
        self.put_back(None);
        self.restarts += 1;
        self.not_before = Some(now + FIRST_PAUSE * 2_u32.pow(self.restarts.min(MAX_RESTARTS)));
        self.restarts <= MAX_RESTARTS
    }

    /// Begins the encoding anew after its encoder stood still; `false` the second time.
    pub fn restart_after_hanging(&mut self, now: Instant) -> bool {
        let is_first = !std::mem::replace(&mut self.has_hung, true);
        self.restart_later(now) && is_first
    }

    /// Whether there is an encoding, here or at an encoder.
    pub fn has_encoding(&self) -> bool {
        matches!(self.work, Work::Idle(Some(_)) | Work::Encoding { .. })
    }

    /// Whether an encoder could take a turn now.
    pub fn is_ready(&self, now: Instant) -> bool {
        let Work::Idle(encoding) = &self.work else { return false };
        if self.is_whole() {
            return false;
        }
        if self.not_before.is_some_and(|not_before| now < not_before) {
            return false;
        }
        let next = encoding.as_ref().map_or(0, Encoding::next_strip);
        self.is_complete || !self.strips.ready_from(next).is_empty()
    }

    /// Hands the next turn out; `None` if there is none. Until it is put back, there is no other.
    pub fn next_turn(&mut self, now: Instant) -> Option<Turn> {
        if !self.is_ready(now) {
            return None;
        }
        let columns = self.strips.grid().columns() as usize;
        let strip_bytes = self.stage().map_or(1, |stage| stage.largest_result_bytes().saturating_mul(columns));
        let at_once = u32::try_from(TURN_BYTES / strip_bytes.max(1)).unwrap_or(u32::MAX).max(1);
        let Work::Idle(encoding) = &mut self.work else { return None };
        let encoding = encoding.take();
        let ready = self.strips.ready_from(encoding.as_ref().map_or(0, Encoding::next_strip));
        let strips = ready.start..ready.end.min(ready.start.saturating_add(at_once));
        let is_rest = strips.end == self.strips.grid().rows();
        let then = if self.is_complete && is_rest { Then::Finish } else { Then::Wait };
        let has_seen_all = encoding.as_ref().is_some_and(Encoding::has_seen_all);
        let through = if has_seen_all { self.strips.grid().rows() } else { strips.end };
        self.work = Work::Encoding { through };
        Some(Turn { encoding, strips, complete_through: ready.end, then })
    }
}
