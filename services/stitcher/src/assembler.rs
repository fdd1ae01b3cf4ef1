//! The assembler: what a stitcher does with tiles, from their records to the ended stage.
//!
//! Owns the stages that this process has claimed. One call runs at a time, so that nothing here is
//! shared; what takes long (encoding, making an end known) runs beside it and reports back. Never
//! acknowledges a record that completes a stage before the stage has ended.

mod asking;
mod claiming;
mod ending;
mod hanging;
mod marking;
mod putting;
mod sweeping;
mod taking;
mod troubles;
mod turns;
mod wholes;

use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::Arc;

use tessera::bus::Ack;
use tessera::bus::records::TileHeader;
use tessera::job::{JobId, Token};
use tokio::sync::oneshot;
use tracing::Span;

use crate::assembly::Assembly;
use crate::backends::StitcherBackends;
use crate::encoding::encoder::EncoderPool;
use crate::encoding::turn::StripsEncoded;
use crate::manifests::Manifests;
use crate::memory::StitcherMemory;
use crate::spool::Spool;

pub use ending::StageEnded;
use hanging::StoreSight;

const MANIFESTS_KEPT: NonZeroUsize = NonZeroUsize::new(256).unwrap();
/// A job that moved within this needs no tiles to be sent again.
const STILL_MS: i64 = 2_000;

/// What runs beside the assembler and reports to it.
#[derive(Debug)]
pub enum Report {
    /// An encoder has taken a turn.
    Encoded(StripsEncoded),
    /// The end of a stage is known to all, or not.
    Ended(StageEnded),
    /// An encoder stood still in a turn and was left: which claim it was for, and of which job.
    Hung(u64, JobId),
}

/// Where reports go.
pub type Reports = Arc<dyn Fn(Report) + Send + Sync>;

/// Puts stages together.
pub struct Assembler {
    backends: StitcherBackends,
    name: String,
    spool: Spool,
    memory: StitcherMemory,
    /// The spool of stages of one tile, which are kept in memory: it is new with each process.
    memory_spool: Token,
    encoders: EncoderPool,
    reports: Reports,
    manifests: Manifests,
    assemblies: HashMap<JobId, Assembly>,
    next_id: u64,
    busy: usize,
    store_sight: StoreSight,
    draining: Option<oneshot::Sender<()>>,
}

/// What becomes of a record that was read.
enum Place {
    /// It belongs to the assembly of its job.
    Here,
    /// It is late, early or of no job: acknowledged and dropped.
    Drop(&'static str),
    /// It is not what it says: for the dead letters.
    Refuse(&'static str, String),
}

/// A tile with its record, for its job's assembly.
struct Placed {
    tile: Box<TileHeader>,
    pixels: Vec<u8>,
    ack: Ack,
}

impl Assembler {
    /// An assembler called `name` that has no stages yet.
    pub fn new(
        backends: StitcherBackends,
        name: String,
        spool: Spool,
        memory: StitcherMemory,
        encoders: EncoderPool,
        reports: Reports,
    ) -> Self {
        Self {
            backends,
            name,
            spool,
            memory,
            memory_spool: Token::random(),
            encoders,
            reports,
            manifests: Manifests::new(MANIFESTS_KEPT),
            assemblies: HashMap::new(),
            next_id: 0,
            busy: 0,
            store_sight: StoreSight::default(),
            draining: None,
        }
    }

    /// Drops the stages whose partition is another's now. Their spools stay until the jobs have ended.
    pub fn keep_partitions(&mut self, assignment: &[i32]) {
        let owned: HashSet<i32> = assignment.iter().copied().collect();
        self.assemblies.retain(|_, assembly| owned.contains(&assembly.partition));
    }

    /// The span of what is done for a job's stage; none if it is not here.
    fn span_of(&self, job: JobId) -> Span {
        self.assemblies.get(&job).map_or_else(Span::none, Assembly::span)
    }

    fn drop_assembly(&mut self, job: JobId) -> Option<Assembly> {
        self.assemblies.remove(&job)
    }

    /// Removes the tiles of a stage that is over, in the spool and in the store, beside.
    fn remove_tiles(&self, assembly: &Assembly) {
        let (job, run, stage) = (assembly.job(), assembly.run, assembly.number);
        self.remove_spool(job, stage);
        let store = self.backends.store.clone();
        tokio::task::spawn_local(async move {
            if let Err(error) = store.remove_slots(job, run, stage).await {
                tracing::warn!(%job, stage, %error, "could not remove a stage's slots; the job's end removes them");
            }
        });
    }

    /// Removes the spool of a stage, beside. What cannot be removed now, the sweep will.
    fn remove_spool(&self, job: JobId, stage: u32) {
        let spool = self.spool.clone();
        tokio::task::spawn_blocking(move || {
            if let Err(error) = spool.remove(job, stage) {
                tracing::warn!(%job, stage, %error, "could not remove a spool");
            }
        });
    }
}
