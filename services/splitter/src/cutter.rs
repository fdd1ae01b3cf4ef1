//! Cutting a picture into tasks, on a thread of its own.
//!
//! Owns which tiles are sent and in what order, and that the last tile of a pass is sent only after its whole input
//! was verified: neither a truncated picture nor one that was damaged in the store can become a result. Knows no Kafka.

mod halt;
mod handing;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tessera::bus::records::{PayloadKind, SlotTask, Task, TaskHeader};
use tessera::input::{Fault, Input, Proof, damaged};
use tessera::job::{JobId, Manifest};
use tessera::operation::{Chain, StepError};
use tessera::picture::Rect;
use tessera::plan::{Numbers, PlanHash, Stage};
use tessera::store::Damage;
use tessera::tiling::{Band, BandReader, Grid};
use tokio::sync::mpsc;

use crate::gate::{Clearance, Gate, Stop};
use crate::pyramid::OriginalPyramid;
use crate::slots::{PassSlots, StageOf};

pub use halt::Cut;
use halt::{Halt, panicked, prove, still_reads};
pub use handing::CutTile;
use handing::hand_over;

/// What one pass reads and sends.
#[derive(Debug)]
pub struct Cutting {
    job: JobId,
    run: u32,
    number: u32,
    attempt: u32,
    plan: PlanHash,
    stage: Stage,
    /// The stage's steps with the numbers that earlier stages gave.
    operations: Chain,
    grid: Grid,
    /// Where tiles lie that are not in their records.
    slots: Option<PassSlots>,
    /// For those who look at the picture.
    pyramid: Option<OriginalPyramid>,
    /// Used again for each tile that goes to a slot.
    buffer: Vec<u8>,
}

impl Cutting {
    /// A pass over stage `number` of the plan, with the `numbers` that earlier stages gave.
    ///
    /// # Errors
    /// If there is no such stage, or its numbers are not known.
    pub fn new(manifest: &Manifest, run: u32, number: u32, attempt: u32, numbers: &Numbers) -> Result<Self, StepError> {
        let operations = manifest.plan.chain(number, numbers)?;
        let stage = manifest.plan.stage(number).cloned();
        let stage = stage.ok_or_else(|| StepError::Tile("the plan has no such stage; retry the job".to_owned()))?;
        let (grid, plan) = (stage.grid(), manifest.plan_hash());
        let (slots, pyramid, buffer) = (None, None, Vec::new());
        Ok(Self { job: manifest.job, run, number, attempt, plan, stage, operations, grid, slots, pyramid, buffer })
    }

    /// The job.
    pub fn job(&self) -> JobId {
        self.job
    }

    /// The stage's number.
    pub fn stage(&self) -> u32 {
        self.number
    }

    /// How many tiles the stage has.
    pub fn tiles(&self) -> u32 {
        self.grid.tiles()
    }

    /// The stage that is cut.
    pub fn of(&self) -> StageOf<'_> {
        StageOf { job: self.job, run: self.run, number: self.number, plan: self.plan, stage: &self.stage }
    }

    /// Sends tiles by these slots, as far as they take them.
    pub fn with_slots(self, slots: Option<PassSlots>) -> Self {
        Self { slots, ..self }
    }

    /// Makes the picture's pyramid on the way.
    pub fn with_pyramid(self, pyramid: Option<OriginalPyramid>) -> Self {
        Self { pyramid, ..self }
    }

    /// Reads `input` and hands over the tiles that `gate` lets out, in order; blocks its thread.
    pub fn run(&mut self, input: Input, gate: &Gate, tiles: &mpsc::Sender<CutTile>) -> Cut {
        let (proof, fault, is_rows) = (input.proof(), input.fault(), input.is_rows());
        let cut = catch_unwind(AssertUnwindSafe(|| self.cut(input, proof.as_ref(), &fault, gate, tiles)));
        let is_unproved = matches!(cut, Ok(Err(Halt::Unproved)));
        let reason = match cut {
            Ok(Ok(())) => return Cut::Complete,
            Ok(Err(Halt::Stopped(stop))) => return Cut::Stopped(stop),
            Ok(Err(Halt::Read(error))) if is_rows => {
                return Cut::Misread(format!("reading stage {}: {error}", self.number));
            }
            Ok(Err(Halt::Read(error))) => format!("{error}; the picture is truncated or damaged"),
            Ok(Err(Halt::Misfit(reason))) => reason,
            Ok(Err(Halt::Unproved)) => "reading the picture gave other bytes than were sent".to_owned(),
            Ok(Err(Halt::Fault)) => "reading the picture: the store cannot be read".to_owned(),
            Err(panic) => panicked(panic.as_ref()),
        };
        // The sender of a whole picture must not read that it was damaged.
        match proof.map(|proof| proof.is_whole(|| still_reads(gate))) {
            Some(Ok(Some(false))) => Cut::Damaged(damaged(&Damage::Digest)),
            Some(Ok(None)) => Cut::Stopped(gate.stopped().unwrap_or(Stop::Drained)),
            Some(Err(error)) => {
                fault.note(&error);
                Cut::Damaged(reason)
            }
            Some(Ok(Some(true))) if is_unproved => Cut::Misread(reason),
            Some(Ok(Some(true))) | None => Cut::Damaged(reason),
        }
    }

    fn cut(
        &mut self,
        input: Input,
        proof: Option<&Proof>,
        fault: &Fault,
        gate: &Gate,
        tiles: &mpsc::Sender<CutTile>,
    ) -> Result<(), Halt> {
        let Some(last) = (0..self.grid.tiles()).rev().find(|index| !gate.has(*index)) else { return Ok(()) };
        // Tiles of the pass before are still on their way, so that holding one back holds up nothing.
        if self.attempt > 1 {
            prove(proof, fault, gate, |proof, go_on| proof.is_whole(go_on))?;
        }
        let rows = input.into_rows()?;
        if rows.info() != self.stage.input {
            return Err(Halt::Misfit(
                "reading the picture: it is not the one that was planned for; retry the job".into(),
            ));
        }
        let rows = match &self.pyramid {
            Some(pyramid) => pyramid.hang_onto(rows),
            None => rows,
        };
        let mut bands = BandReader::new(rows, self.stage.tile_height, self.stage.halo);
        let mut held = None;
        for strip in 0..self.grid.rows() {
            let indices = self.grid.strip(strip);
            if indices.start > last && !self.pyramid.as_ref().is_some_and(OriginalPyramid::wants_rows) {
                break;
            }
            let Some((_, band)) = bands.next_band()? else {
                return Err(Halt::Misfit("reading the picture: it has too few rows; retry the job".into()));
            };
            gate.has_read();
            if let Some(stop) = gate.stopped() {
                return Err(Halt::Stopped(stop));
            }
            for index in indices.filter(|index| !gate.has(*index)) {
                if index == last {
                    held = Some(self.tile(gate, band, index)?);
                } else if let Some(tile) = self.admitted(gate, band, index)? {
                    hand_over(tiles, tile, gate)?;
                }
            }
        }
        let pyramid = self.pyramid.take().filter(|pyramid| !pyramid.wants_rows());
        let is_read = last + 1 == self.grid.tiles();
        if is_read || pyramid.is_some() {
            bands.finish()?;
        }
        prove(proof, fault, gate, |proof, go_on| proof.agrees(go_on))?;
        if let Some(pyramid) = pyramid {
            pyramid.publish();
        }
        match held {
            Some(tile) => {
                let remarks = if is_read { bands.remarks().to_vec() } else { Vec::new() };
                self.hand_over_last(gate, CutTile { remarks, ..tile }, tiles)
            }
            None => Ok(()),
        }
    }

    fn hand_over_last(&self, gate: &Gate, tile: CutTile, tiles: &mpsc::Sender<CutTile>) -> Result<(), Halt> {
        match gate.admit(tile.task.index(), tile.bytes) {
            Clearance::Send => hand_over(tiles, tile, gate),
            Clearance::Known => Ok(()),
            Clearance::Stop(stop) => Err(Halt::Stopped(stop)),
        }
    }

    /// Waits until the tile may go out and cuts it; `None` if it is no longer needed.
    fn admitted(&mut self, gate: &Gate, band: &Band, index: u32) -> Result<Option<CutTile>, Halt> {
        let bytes = self.grid.rect(index).map_or(0, |rect| self.input_bytes(rect));
        match gate.admit(index, bytes) {
            Clearance::Send => self.tile(gate, band, index).map(Some),
            Clearance::Known => Ok(None),
            Clearance::Stop(stop) => Err(Halt::Stopped(stop)),
        }
    }

    fn input_bytes(&self, rect: Rect) -> u64 {
        let whole = Grid::with_margins(rect, self.grid.margins(rect, self.stage.halo));
        whole.size().pixels() * self.stage.input.format.bytes_per_pixel() as u64
    }

    fn tile(&mut self, gate: &Gate, band: &Band, index: u32) -> Result<CutTile, Halt> {
        let misfit = || Halt::Misfit(format!("cutting tile {index}: the plan does not fit the picture; retry the job"));
        let header = self.header(index).ok_or_else(misfit)?;
        let whole = Grid::with_margins(header.rect, header.margins);
        let by_reference = self.slots.as_ref().is_some_and(|slots| slots.takes(index));
        let mut pixels = if by_reference { std::mem::take(&mut self.buffer) } else { Vec::new() };
        band.cut_into(whole, &mut pixels).ok_or_else(misfit)?;
        let (bytes, crc32c) = (pixels.len() as u64, crc32c::crc32c(&pixels));
        if let Some(slots) = self.slots.as_mut().filter(|_| by_reference)
            && let Some(slot) = slots.put(index, &pixels, crc32c, gate)
        {
            self.buffer = pixels;
            let task = Task::Slot(self.slot_task(index, slot, crc32c));
            return Ok(CutTile { task, pixels: Bytes::new(), bytes, remarks: Vec::new() });
        }
        let results = if by_reference { PayloadKind::Shared } else { PayloadKind::Inline };
        let header = TaskHeader { crc32c, results, ..header };
        Ok(CutTile { task: Task::Inline(Box::new(header)), pixels: Bytes::from(pixels), bytes, remarks: Vec::new() })
    }

    /// What the record of a tile says, but for its checksum; `None` if the plan has no such tile.
    fn header(&self, index: u32) -> Option<TaskHeader> {
        let of = (self.job, self.run, self.number);
        let header = TaskHeader::of(of, index, self.plan, &self.stage, &self.operations)?;
        Some(TaskHeader { attempt: self.attempt, ..header })
    }

    fn slot_task(&self, index: u32, slot: u32, crc32c: u32) -> SlotTask {
        SlotTask {
            job: self.job,
            run: self.run,
            stage: self.number,
            index,
            plan: self.plan,
            attempt: self.attempt,
            payload: PayloadKind::Shared,
            slot,
            crc32c,
        }
    }
}

/// What the thread of a pass takes with it.
#[derive(Debug)]
pub struct CuttingWork {
    /// What is cut.
    pub cutting: Cutting,
    /// Where from.
    pub input: Input,
    /// Who lets tiles out.
    pub gate: Arc<Gate>,
    /// Where to.
    pub tiles: mpsc::Sender<CutTile>,
}

impl CuttingWork {
    /// Cuts; blocks its thread. Also gives how long it read and cut, waits not counted.
    pub fn run(mut self) -> (Cut, Duration) {
        let begun = Instant::now();
        let cut = self.cutting.run(self.input, &self.gate, &self.tiles);
        (cut, begun.elapsed().saturating_sub(self.gate.waited()))
    }
}
