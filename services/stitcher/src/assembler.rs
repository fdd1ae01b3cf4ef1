//! The assembler: what a stitcher does with tiles, from their records to the ended stage.
//!
//! Owns the stages that this process has claimed. One call runs at a time, so that nothing here is
//! shared; what takes long (encoding, making an end known) runs beside it and reports back. Never
//! acknowledges a record that completes a stage before the stage has ended.

mod claiming;
mod encoding;
mod ending;
mod marking;
mod sweeping;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tessera::bus::records::{Check, TileHeader};
use tessera::bus::{Ack, Delivery};
use tessera::job::{JobId, Token};
use tessera::telemetry::logs::trace_id;
use tokio::sync::oneshot;
use tracing::{Instrument, Span};

use crate::actors::encoder::{EncoderPool, StripsEncoded};
use crate::assembly::Assembly;
use crate::edges::{Edges, Trouble};
use crate::intake::{self, Record, Rubbish};
use crate::manifests::{KnownJob, Manifests};
use crate::memory::Memory;
use crate::spool::Spool;

pub use ending::StageEnded;

const MANIFESTS_KEPT: usize = 256;
/// A job that moved within this needs no tiles to be sent again.
const STILL_MS: i64 = 2_000;

/// What runs beside the assembler and reports to it.
#[derive(Debug)]
pub enum Report {
    /// An encoder has taken a turn.
    Encoded(StripsEncoded),
    /// The end of a stage is known to all, or not.
    Ended(StageEnded),
}

/// Where reports go.
pub type Reports = Arc<dyn Fn(Report) + Send + Sync>;

/// Puts stages together.
pub struct Assembler {
    edges: Edges,
    name: String,
    spool: Spool,
    memory: Memory,
    /// The spool of stages of one tile, which are kept in memory: it is new with each process.
    memory_spool: Token,
    encoders: EncoderPool,
    reports: Reports,
    manifests: Manifests,
    assemblies: HashMap<JobId, Assembly>,
    next_id: u64,
    busy: usize,
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

/// The span of one result.
fn tile_span(tile: &TileHeader, delivery: &Delivery) -> Span {
    tracing::info_span!(
        "tile.stitch",
        trace_id = trace_id(delivery.headers.trace().as_ref()),
        job = %tile.job,
        stage = tile.stage,
        tile = tile.index,
        attempt = tile.attempt,
        partition = delivery.partition,
        offset = delivery.offset,
    )
}

impl Assembler {
    /// An assembler called `name` that has no stages yet.
    pub fn new(
        edges: Edges,
        name: String,
        spool: Spool,
        memory: Memory,
        encoders: EncoderPool,
        reports: Reports,
    ) -> Self {
        Self {
            edges,
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
            draining: None,
        }
    }

    /// Takes records in. `assignment` is what this process owns now; the records of other partitions
    /// are another stitcher's.
    pub async fn take(&mut self, deliveries: Vec<Delivery>, assignment: &[i32]) {
        let mut deliveries = deliveries;
        deliveries.retain(|delivery| assignment.contains(&delivery.partition));
        match self.take_owned(deliveries).await {
            Ok(()) | Err(Trouble::Stopping) => {}
            // What was not decided comes again, after the bus's backoff.
            Err(error) => tracing::error!(%error, "could not take tiles in; they are read again"),
        }
        self.schedule();
    }

    async fn take_owned(&mut self, deliveries: Vec<Delivery>) -> Result<(), Trouble> {
        let records = match tokio::task::spawn_blocking(move || intake::read_all(deliveries)).await {
            Ok(records) => records,
            Err(_) => return Err(Trouble::Stopping),
        };
        let mut tiles = Vec::with_capacity(records.len());
        let mut checks = Vec::new();
        for record in records {
            match record {
                Record::Tile(tile, delivery) => {
                    let span = tile_span(&tile, &delivery);
                    let place = self.place(&tile, delivery.partition).instrument(span.clone()).await?;
                    span.in_scope(|| self.settle(place, tile, delivery, &mut tiles));
                }
                Record::Check(check, delivery) => checks.push((check, delivery)),
                Record::Rubbish(rubbish) => self.edges.bury(rubbish),
            }
        }
        self.put_tiles(tiles).await?;
        for (check, delivery) in checks {
            let trace = delivery.headers.trace();
            let trace_id = trace_id(trace.as_ref());
            let span = tracing::info_span!("job.check", trace_id, job = %check.job, stage = check.stage);
            self.check(check, delivery).instrument(span).await?;
        }
        Ok(())
    }

    fn settle(&self, place: Place, tile: Box<TileHeader>, delivery: Delivery, tiles: &mut Vec<Placed>) {
        match place {
            Place::Here => tiles.push(Placed { tile, pixels: delivery.payload, ack: delivery.ack }),
            Place::Drop(why) => {
                self.edges.counts.dropped();
                tracing::debug!(job = %tile.job, stage = tile.stage, index = tile.index, why, "tile dropped");
                delivery.ack.done();
            }
            Place::Refuse(class, message) => self.edges.bury(Rubbish::new(delivery, class, message)),
        }
    }

    /// Finds out where a tile belongs, and claims its stage if it is the first.
    async fn place(&mut self, tile: &TileHeader, partition: i32) -> Result<Place, Trouble> {
        let Some(known) = self.known(tile.job).await? else { return Ok(Place::Drop("there is no such job")) };
        if let Err(message) = intake::check_plan(tile, &known) {
            return Ok(Place::Refuse("plan", message));
        }
        match self.assemblies.get(&tile.job).map(|assembly| assembly.number) {
            Some(number) if number == tile.stage => Ok(Place::Here),
            Some(number) if tile.stage < number => Ok(Place::Drop("its stage has ended")),
            Some(_) => {
                self.drop_assembly(tile.job);
                self.claim(&known, tile.stage, partition).await
            }
            None => self.claim(&known, tile.stage, partition).await,
        }
    }

    /// Looks at the spool of a job that seems stuck: encodes it, or asks for what is missing.
    async fn check(&mut self, check: Check, delivery: Delivery) -> Result<(), Trouble> {
        let Check { job, stage } = check;
        let heard = || self.edges.state.heard(job, stage);
        tessera::patience::insist(&self.edges.shutdown, "saying that a check was read", heard).await?;
        let Some(known) = self.known(job).await? else {
            delivery.ack.done();
            return Ok(());
        };
        if known.manifest.plan.stage(stage).is_none() {
            self.edges.bury(Rubbish::new(delivery, "plan", "a check of a stage that the job has not"));
            return Ok(());
        }
        if self.assemblies.get(&job).is_some_and(|assembly| assembly.number != stage) {
            self.drop_assembly(job);
        }
        let is_here = self.assemblies.contains_key(&job)
            || matches!(self.claim(&known, stage, delivery.partition).await?, Place::Here);
        if is_here {
            self.compare_with_redis(job).await?;
        }
        let Some(assembly) = self.assemblies.get(&job) else {
            delivery.ack.done();
            return Ok(());
        };
        // Acknowledged in any case: whatever may still go wrong, the monitor asks again.
        let (is_complete, count, of) = (assembly.is_complete, assembly.strips.count(), assembly.strips.grid().tiles());
        if !is_complete && self.is_still(job).await? {
            self.edges.resend(&known, stage, format!("checked: {count} of {of} tiles are here"));
        }
        delivery.ack.done();
        Ok(())
    }

    /// Whether a job has not moved for a while: a check may have waited behind the very tiles that it asks for.
    async fn is_still(&self, job: JobId) -> Result<bool, Trouble> {
        let ask = || self.edges.state.job(job);
        let view = tessera::patience::insist(&self.edges.shutdown, "reading a job", ask).await?;
        Ok(view.is_some_and(|view| view.moments.idle_ms() >= STILL_MS))
    }

    /// The manifest of a job; `None` if the store has none.
    async fn known(&mut self, job: JobId) -> Result<Option<Arc<KnownJob>>, Trouble> {
        if let Some(known) = self.manifests.get(job) {
            return Ok(Some(known));
        }
        let store = &self.edges.store;
        let manifest =
            tessera::patience::insist(&self.edges.shutdown, "reading a manifest", || store.manifest(job)).await;
        match manifest {
            Ok(manifest) => Ok(manifest.map(|manifest| self.manifests.insert(manifest))),
            Err(tessera::patience::NoAnswer::Failed(error)) => {
                // The monitor fails the job when nothing comes of it.
                tracing::error!(%job, %error, "a manifest cannot be read; its tiles are dropped");
                Ok(None)
            }
            Err(tessera::patience::NoAnswer::Stopping) => Err(Trouble::Stopping),
        }
    }

    /// Takes a report from what runs beside.
    pub async fn report(&mut self, report: Report) {
        let outcome = match report {
            Report::Encoded(encoded) => {
                let span = self.span_of(encoded.job);
                self.encoded(encoded).instrument(span).await
            }
            Report::Ended(ended) => {
                let span = self.span_of(ended.job());
                self.ended(ended).instrument(span).await
            }
        };
        if let Err(error) = outcome {
            tracing::warn!(%error, "could not complete a step; its records come again");
        }
        self.schedule();
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

    /// Removes the spool of a stage, beside. What cannot be removed now, the sweep will.
    fn remove_spool(&self, job: JobId, stage: u32) {
        let spool = self.spool.clone();
        tokio::task::spawn_blocking(move || {
            if let Err(error) = spool.remove(job, stage) {
                tracing::warn!(%job, stage, %error, "could not remove a spool");
            }
        });
    }

    /// Ends a job as failed and lets go of what it has here.
    async fn fail(&mut self, job: JobId, reason: &str) -> Result<(), Trouble> {
        let Some(assembly) = self.drop_assembly(job) else { return Ok(()) };
        self.edges.fail(job, assembly.run, reason).await?;
        self.remove_spool(job, assembly.number);
        assembly.held.into_iter().for_each(Ack::done);
        Ok(())
    }
}
