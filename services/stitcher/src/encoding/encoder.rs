//! `Encoder`: a thread that takes turns at encoding stages.
//!
//! Owns no stage: it takes a turn, and gives the encoding back with what came of it. A panic in a turn
//! is caught and reported; the thread goes on.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Instant;

use parking_lot::Mutex;
use tessera::job::JobId;
use tessera::picture::metadata::Kept;
use tessera::plan::Stage;
use tessera::store::{Object, Store};
use tokio::runtime::Handle;

use super::output::StoreOutput;
use super::product::{Made, Product, StageProduct};
use super::turn::{EncodeStrips, StripsEncoded, Then, TurnEnd};
use super::watch::{Desk, Member, TurnInHand};
use super::{EncodeError, Encoding};
use crate::spool::{SlotError, Slots};

/// Hands reports on.
pub type EncodedReport = Arc<dyn Fn(StripsEncoded) + Send + Sync>;

/// The threads. Dropped, they end after their turns.
pub struct EncoderPool {
    turns: SyncSender<EncodeStrips>,
    threads: Threads,
    encoder: Encoder,
    size: usize,
}

/// The pool's threads, to be watched. Clones share them.
#[derive(Clone, Debug)]
pub struct Threads(Arc<Mutex<Vec<Member>>>);

impl Threads {
    /// Whether all are there: each ends only with the pool.
    pub fn are_there(&self) -> bool {
        self.0.lock().iter().all(Member::is_there)
    }
}

impl EncoderPool {
    /// Starts `threads` encoders that write to `store` on the current runtime, each with `strip_bytes` for strips; results
    /// get pyramids that hold `pyramid_bytes` at most while they are made, or none.
    ///
    /// # Errors
    /// If a thread cannot be started.
    pub fn start(
        threads: usize,
        (strip_bytes, pyramid_bytes): (usize, Option<u64>),
        store: &Store,
        report: &EncodedReport,
    ) -> io::Result<Self> {
        let (turns, waiting) = sync_channel(threads);
        let encoder = Encoder {
            turns: Arc::new(Mutex::new(waiting)),
            strip_bytes,
            pyramid_bytes,
            store: store.clone(),
            runtime: Handle::current(),
            report: Arc::clone(report),
        };
        let members = (0..threads).map(|_| encoder.spawn()).collect::<io::Result<_>>()?;
        Ok(Self { turns, threads: Threads(Arc::new(Mutex::new(members))), encoder, size: threads })
    }

    /// Looks at the threads; those that stand still in a turn are left, and others take their places. Gives the turns.
    pub fn look(&self) -> Vec<TurnInHand> {
        let mut members = self.threads.0.lock();
        let mut lost = Vec::new();
        for member in members.iter_mut() {
            let Some(turn) = member.look() else { continue };
            match self.encoder.spawn() {
                Ok(other) => {
                    *member = other;
                    lost.push(turn);
                }
                // The next look finds it again.
                Err(error) => tracing::error!(%error, "starting another encoder in the place of one that stands still"),
            }
        }
        lost
    }

    /// How many turns can be taken at once.
    pub fn threads(&self) -> usize {
        self.size
    }

    /// The threads, to be watched.
    pub fn watch(&self) -> Threads {
        self.threads.clone()
    }

    /// Gives a turn to an encoder; gives it back if all are busy.
    ///
    /// # Errors
    /// The turn, boxed.
    pub fn give(&self, turn: EncodeStrips) -> Result<(), Box<EncodeStrips>> {
        self.turns.try_send(turn).map_err(|error| match error {
            TrySendError::Full(turn) | TrySendError::Disconnected(turn) => Box::new(turn),
        })
    }
}

#[derive(Clone)]
struct Encoder {
    turns: Arc<Mutex<Receiver<EncodeStrips>>>,
    strip_bytes: usize,
    pyramid_bytes: Option<u64>,
    store: Store,
    runtime: Handle,
    report: EncodedReport,
}

impl Encoder {
    fn spawn(&self) -> io::Result<Member> {
        let (encoder, desk) = (self.clone(), Arc::new(Desk::default()));
        let shown = Arc::clone(&desk);
        let thread = std::thread::Builder::new().name("encoder".to_owned()).spawn(move || encoder.run(&shown))?;
        Ok(Member::new(desk, thread))
    }

    fn run(self, desk: &Arc<Desk>) {
        desk.sit_down();
        loop {
            let turn = self.turns.lock().recv();
            let Ok(turn) = turn else { return };
            desk.begin((turn.id, turn.job));
            let encoded = self.take_turn(turn);
            if !desk.end() {
                return;
            }
            (self.report)(encoded);
        }
    }

    fn take_turn(&self, work: EncodeStrips) -> StripsEncoded {
        let (id, job) = (work.id, work.job);
        let begun = Instant::now();
        let (encoding, outcome) =
            catch_unwind(AssertUnwindSafe(|| self.encode(work))).unwrap_or((None, TurnEnd::Panicked));
        let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        StripsEncoded { id, job, encoding, outcome, ms }
    }

    fn begin(&self, job: JobId, stage: &Stage, product: Option<(Product, Object)>) -> Result<Encoding, EncodeError> {
        let Some((product, object)) = product else { return Ok(Encoding::measuring(stage)) };
        let kept = if product == Product::Rows { Kept::NONE } else { self.kept(job)? };
        let output = |object| Box::new(StoreOutput(self.store.blocking_writer(object, &self.runtime)));
        let encoding = Encoding::begin(stage, product, &kept, output(&object))?;
        match (self.pyramid_bytes, object.pyramid()) {
            (Some(most_bytes), Some(pyramid)) => Ok(encoding.with_pyramid(most_bytes, output(&pyramid))),
            _ => Ok(encoding),
        }
    }

    /// What the job's description keeps for its result.
    fn kept(&self, job: JobId) -> Result<Kept, EncodeError> {
        let manifest = self.runtime.block_on(self.store.manifest(job)).map_err(io::Error::other);
        let missing = || io::Error::new(io::ErrorKind::NotFound, "the job's description is missing from the store");
        let manifest = manifest.and_then(|manifest| manifest.ok_or_else(missing)).map_err(EncodeError::Output)?;
        Ok(manifest.kept.decode())
    }

    fn encode(&self, work: EncodeStrips) -> (Option<Encoding>, TurnEnd) {
        let EncodeStrips { job, stage, slots, product, turn, memory, .. } = work;
        let object = product.as_ref().map(|(_, object)| object.clone());
        let mut encoding = match turn.encoding {
            Some(encoding) => encoding,
            None => match self.begin(job, &stage, product) {
                Ok(encoding) => encoding.holding(memory),
                Err(error) => return (None, TurnEnd::Failed(error)),
            },
        };
        match encoding.advance(&slots, turn.strips.clone(), self.strip_bytes) {
            Ok(()) => {}
            Err(EncodeError::BadSlot { index }) => {
                let grid = stage.turned_grid();
                let tiles = (encoding.next_strip()..turn.complete_through).flat_map(|strip| grid.strip(strip));
                return (Some(encoding), bad_slots(&slots, index, tiles));
            }
            Err(error) => return (None, TurnEnd::Failed(error)),
        }
        match turn.then {
            Then::Finish if !encoding.is_through() => (Some(encoding), TurnEnd::Encoded),
            Then::Wait => (Some(encoding), TurnEnd::Encoded),
            Then::Finish => match encoding.finish() {
                Ok(made) => (None, finished(made, object)),
                Err(error) => (None, TurnEnd::Failed(error)),
            },
        }
    }
}

fn finished(made: Made, object: Option<Object>) -> TurnEnd {
    match (made, object) {
        (Made::Stored(written), Some(object)) => TurnEnd::Finished(StageProduct::Stored { object, written }),
        (Made::Numbers(numbers), None) => TurnEnd::Finished(StageProduct::Numbers(numbers)),
        _ => TurnEnd::Failed(EncodeError::Unsupported("the stage has another product than planned".to_owned())),
    }
}

/// Tile `first`, whose slot is bad, and those of `tiles` whose slots do not say either that they hold their
/// tile: where one is bad, as after a power cut, more may be, and they are asked for together.
fn bad_slots(slots: &Slots, first: u32, tiles: impl Iterator<Item = u32>) -> TurnEnd {
    let mut bad = vec![first];
    if let Ok(open) = slots.open() {
        let is_bad = |index: &u32| matches!(open.stored_crc32c(*index), Err(SlotError::Bad { .. }));
        bad.extend(tiles.filter(|index| *index != first).filter(is_bad));
    }
    TurnEnd::BadSlots(bad)
}
