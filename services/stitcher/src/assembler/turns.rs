//! Giving turns to encoders, and what comes of them.

use std::io;
use std::time::{Duration, Instant};

use tessera::job::JobId;
use tessera::telemetry::parts;

use super::asking::spool_failure;
use super::ending::{self, StageEnd};
use super::{Assembler, Report, StageEnded};
use crate::assembly::{Assembly, Work};
use crate::backends::Trouble;
use crate::encoding::EncodeError;
use crate::encoding::product::{Pool, StageProduct};
use crate::encoding::turn::{EncodeStrips, StripsEncoded, TurnEnd};
use tracing::Instrument;

/// Stages that are encoded while tiles still come, at most: each holds an open file and its buffers.
const EARLY_ENCODINGS: usize = 8;

/// What a stage was given.
enum Given {
    /// A turn.
    Turn,
    /// A place in the line for that memory: it is complete, and there is not enough now.
    Place(Pool),
    /// Nothing: it has nothing to do, or others are before it.
    Nothing,
}

impl Assembler {
    /// Gives turns to free encoders: complete stages first, the one that was claimed first before others.
    pub fn schedule(&mut self) {
        while self.busy < self.encoders.threads() && self.give_turn() {}
        self.backends.counts.open(self.assemblies.len());
        if self.draining.is_some()
            && self.is_at_rest()
            && let Some(at_rest) = self.draining.take()
        {
            // There may be no one waiting any more.
            let _ = at_rest.send(());
        }
    }

    fn give_turn(&mut self) -> bool {
        let now = Instant::now();
        let open = self.assemblies.values().filter(|assembly| assembly.has_encoding()).count();
        let may_begin = open < EARLY_ENCODINGS;
        let is_draining = self.draining.is_some();
        let fits = |assembly: &&Assembly| {
            let early = !is_draining && (may_begin || assembly.has_encoding());
            assembly.is_ready(now) && (assembly.is_complete || early)
        };
        let key = |assembly: &Assembly| (!assembly.is_complete, assembly.served, assembly.id, assembly.job());
        let mut ready: Vec<_> = self.assemblies.values().filter(fits).map(key).collect();
        ready.sort_unstable_by_key(|(is_early, served, id, _)| (*is_early, *served, *id));
        let mut awaited = Vec::new();
        for (_, _, _, job) in ready {
            match self.give_turn_to(job, now, &awaited) {
                Given::Turn => return true,
                Given::Nothing => {}
                Given::Place(pool) => awaited.push(pool),
            }
        }
        false
    }

    /// Gives a stage's next turn to an encoder. A stage does not begin in memory that one before it waits for:
    /// small ones would pass a large one again and again.
    fn give_turn_to(&mut self, job: JobId, now: Instant, awaited: &[Pool]) -> Given {
        let Some(assembly) = self.assemblies.get_mut(&job) else { return Given::Nothing };
        let Some(stage) = assembly.stage().cloned() else { return Given::Nothing };
        let begins = !assembly.has_encoding();
        let product = assembly.product();
        let made = product.as_ref().map(|(product, _)| product);
        let pool = made.map_or(Pool::Rows, |made| made.pool(stage.output));
        if begins && awaited.contains(&pool) {
            return Given::Nothing;
        }
        let memory = begins.then(|| self.memory.encoding(&stage, made, assembly.is_complete)).flatten();
        if begins && memory.is_none() {
            tracing::debug!(%job, ?pool, "not begun: its memory or its tiles are awaited");
            return if assembly.is_complete { Given::Place(pool) } else { Given::Nothing };
        }
        let Some(turn) = assembly.next_turn(now) else { return Given::Nothing };
        assembly.served = assembly.served.saturating_add(1);
        let slots = std::sync::Arc::clone(&assembly.slots);
        let turn = EncodeStrips { id: assembly.id, job, stage, slots, product, turn, memory };
        match self.encoders.give(turn) {
            Ok(()) => self.busy += 1,
            Err(turn) => {
                // Not reached while `busy` is right; the stage then keeps its encoding for the next time.
                assembly.put_back(turn.turn.encoding);
                return Given::Nothing;
            }
        }
        Given::Turn
    }

    /// Whether nothing is under way that a drain should wait for.
    fn is_at_rest(&self) -> bool {
        let waits = |assembly: &Assembly| assembly.is_complete || !matches!(assembly.work, Work::Idle(_));
        !self.assemblies.values().any(waits)
    }

    pub(super) async fn encoded(&mut self, encoded: StripsEncoded) -> Result<(), Trouble> {
        self.busy = self.busy.saturating_sub(1);
        self.backends.counts.encoded(Duration::from_millis(encoded.ms));
        let StripsEncoded { id, job, encoding, outcome, ms } = encoded;
        let Some(assembly) = self.assemblies.get_mut(&job).filter(|assembly| assembly.id == id) else {
            drop(encoding);
            if let TurnEnd::Finished(StageProduct::Stored { object, .. }) = outcome {
                // The claim was lost meanwhile: only this attempt's own file is removed.
                if let Err(error) = self.backends.store.delete(&object).await {
                    tracing::warn!(%job, %error, "could not remove a file that is not needed; the job's end removes it");
                }
            }
            return Ok(());
        };
        assembly.encode_ms += ms;
        match outcome {
            TurnEnd::Encoded => {
                assembly.has_moved = true;
                assembly.put_back(encoding);
            }
            TurnEnd::Finished(product) => {
                self.begin_ending(job, product);
            }
            TurnEnd::BadSlots(tiles) => {
                assembly.put_back(encoding);
                let bad: Vec<u32> = tiles.into_iter().filter(|index| assembly.strips.contains(*index)).collect();
                let reason =
                    format!("{} slots were damaged, that of tile {} first", bad.len(), bad.first().unwrap_or(&0));
                tracing::warn!(%job, reason, "a spool is damaged");
                self.ask_again(job, &bad, reason).await?;
            }
            TurnEnd::Failed(error) => self.encoding_failed(job, error).await?,
            TurnEnd::Panicked => self.fail(job, "the encoder failed on this picture").await?,
        }
        Ok(())
    }

    /// Has the end of a stage made known whose product is there, beside.
    pub(super) fn begin_ending(&mut self, job: JobId, product: StageProduct) {
        let Some(assembly) = self.assemblies.get_mut(&job) else { return };
        assembly.work = Work::Ending;
        if let StageProduct::Stored { written, .. } = &product {
            self.backends.counts.produced(written.bytes);
        }
        let (id, end) = (assembly.id, StageEnd::of(assembly, product));
        let (backends, reports) = (self.backends.clone(), self.reports.clone());
        let ending = async move {
            let ended = parts::caught("making of an end known", ending::end(&backends, end)).await;
            reports(Report::Ended(ended.unwrap_or_else(|_| StageEnded::panicked(id, job))));
        };
        tokio::task::spawn_local(ending.in_current_span());
    }

    async fn encoding_failed(&mut self, job: JobId, error: EncodeError) -> Result<(), Trouble> {
        let reason = match &error {
            EncodeError::Spool(error) if error.kind() == io::ErrorKind::NotFound => {
                // Dropping what is held brings the records back, and with them a new claim.
                tracing::warn!(%job, "the spool has gone");
                self.drop_assembly(job);
                return Ok(());
            }
            EncodeError::Spool(error) => {
                let slots = self.assemblies.get(&job).map(|assembly| &assembly.slots);
                spool_failure(error, slots.is_some_and(|slots| slots.are_shared()))
            }
            EncodeError::Output(error) if is_full(error) => "the store is full".to_owned(),
            EncodeError::Output(error) => {
                tracing::warn!(%job, %error, "writing a result failed; it is started over");
                let restarts = |assembly: &mut Assembly| assembly.restart_later(Instant::now());
                if self.assemblies.get_mut(&job).is_none_or(restarts) {
                    return Ok(());
                }
                format!("the result could not be written: {error}")
            }
            EncodeError::Linking(error) => {
                tracing::warn!(%job, %error, "joining maps failed; it is started over");
                let restarts = |assembly: &mut Assembly| assembly.restart_later(Instant::now());
                if self.assemblies.get_mut(&job).is_none_or(restarts) {
                    return Ok(());
                }
                format!("the tiles' maps could not be joined: {error}")
            }
            EncodeError::Unsupported(what) => format!("the result could not be encoded: {what}"),
            EncodeError::BadSlot { index } => format!("tile {index} was lost"),
        };
        self.fail(job, &reason).await
    }

    /// Notes which stages were encoded on, and which wait in line for an encoder or its memory while others have it.
    /// A stage that lies here idle is neither. Beside, and only once: the next note comes soon.
    pub fn note(&mut self) {
        let encoding = self.assemblies.values().filter(|assembly| assembly.has_encoding()).count();
        let (mut moved, mut in_line) = (Vec::new(), Vec::new());
        for assembly in self.assemblies.values_mut() {
            let stage = (assembly.job(), assembly.number);
            if std::mem::take(&mut assembly.has_moved) {
                moved.push(stage);
            } else if assembly.is_complete && is_in_line(&assembly.work, encoding) {
                in_line.push(stage);
            }
        }
        if moved.is_empty() && in_line.is_empty() {
            return;
        }
        let state = self.backends.state.clone();
        tokio::task::spawn_local(async move {
            let noted = async {
                state.moved(&moved).await?;
                state.waits_in_line(&in_line).await
            };
            if let Err(error) = noted.await {
                tracing::debug!(%error, "could not note progress");
            }
        });
    }
}

/// Whether a complete stage has its turn, or waits while `encoding` stages hold what it waits for.
fn is_in_line(work: &Work, encoding: usize) -> bool {
    match work {
        Work::Encoding { .. } => true,
        Work::Idle(own) => encoding > usize::from(own.is_some()),
        Work::Ending => false,
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
