//! Claiming a stage: on its first record in this process.

use std::io;
use std::sync::Arc;

use tessera::job::{JobStatus, Token};
use tessera::plan::Stage;
use tessera::state::{Claim, WindowView};
use tessera::store::{SlotKind, SlotsOf};

use super::{Assembler, Place};
use crate::assembly::Assembly;
use crate::backends::Trouble;
use crate::encoding::strips::Strips;
use crate::manifests::KnownJob;
use crate::spool::{SlotOwner, Slots};
use tessera::patience::insist;

impl Assembler {
    /// Claims a stage, for a tile of a run if one is named. Tiles that another spool had are asked for again.
    pub(super) async fn claim(
        &mut self,
        known: &Arc<KnownJob>,
        (number, run): (u32, Option<u32>),
        partition: i32,
    ) -> Result<Place, Trouble> {
        let job = known.manifest.job;
        let view = self.window(known, number).await?;
        if let Some(why) = refusal(&view, number) {
            return Ok(Place::Drop(why));
        }
        // A job is started over when what its run has read was damaged: tiles of that run are not to be used.
        if run.is_some_and(|run| run < view.run) {
            return Ok(Place::Drop("it is of an earlier run"));
        }
        let (spool_id, slots) = match self.make_spool(known, number, view.run).await {
            Ok(made) => made,
            Err(error) => {
                self.backends.fail(job, view.run, &format!("the stitcher has no room for its tiles: {error}")).await?;
                return Ok(Place::Drop("there is no room for its spool"));
            }
        };
        let (state, proposed) = (&self.backends.state, Token::random());
        let ask = || state.claim(job, number, &spool_id, &proposed, &self.name);
        let claim = insist(&self.backends.shutdown, "claiming a stage", ask).await?;
        let Some(stage) = known.manifest.plan.stage(number) else { return Ok(Place::Drop("there is no such stage")) };
        let (token, strips, had) = match claim {
            Claim::Held { token } => (token, Strips::of(stage.turned_grid(), |index| view.has(index)), 0),
            Claim::Cleared { token, had } => (token, Strips::new(stage.turned_grid()), had),
            Claim::Ended => return Ok(Place::Drop("its job has ended")),
            Claim::OtherStage { .. } => return Ok(Place::Drop("its job is at another stage")),
            Claim::Unknown => return Ok(Place::Drop("there is no such job")),
        };
        tracing::debug!(%job, stage = number, tiles = strips.count(), had, "claimed a stage");
        if had > 0 && stage.grid().tiles() > 1 {
            self.backends.resend(known, number, format!("{had} tiles were in another spool"));
        }
        self.next_id += 1;
        let mut assembly = Assembly::new(self.next_id, Arc::clone(known), number, view.run, token, strips, slots);
        assembly.partition = partition;
        self.assemblies.insert(job, assembly);
        Ok(Place::Here)
    }

    /// Compares what this process knows of a stage with the marks in Redis, which decide.
    pub(super) async fn compare_with_redis(&mut self, job: tessera::job::JobId) -> Result<(), Trouble> {
        let of = self.assemblies.get(&job).map(|assembly| (Arc::clone(&assembly.known), assembly.number, assembly.run));
        let Some((known, number, run)) = of else { return Ok(()) };
        let view = self.window(&known, number).await?;
        if refusal(&view, number).is_some() || view.run != run {
            self.drop_assembly(job);
            return Ok(());
        }
        let Some(assembly) = self.assemblies.get_mut(&job) else { return Ok(()) };
        let grid = assembly.strips.grid();
        let unmarked = (0..grid.tiles()).filter(|index| assembly.strips.contains(*index) && !view.has(*index));
        for index in unmarked.collect::<Vec<u32>>() {
            assembly.take_out(index);
        }
        (0..grid.tiles()).filter(|index| view.has(*index)).for_each(|index| {
            assembly.strips.insert(index);
        });
        if assembly.strips.is_full() && !assembly.is_complete {
            self.completed(job).await?;
        }
        Ok(())
    }

    async fn window(&self, known: &KnownJob, number: u32) -> Result<WindowView, Trouble> {
        let asked = [(known.manifest.job, number)];
        let ask = || self.backends.state.windows(&asked);
        let mut views = insist(&self.backends.shutdown, "reading a job's tiles", ask).await?;
        let view = views.pop().ok_or(Trouble::Stopping)?;
        view.damage.clone().map_or(Ok(view), |damage| Err(Trouble::State(damage)))
    }

    /// Where the tiles of a stage are put together: in its slots in the store, if the splitter has made them, else in
    /// memory if it is one, or in this stitcher's spool.
    async fn make_spool(&self, known: &KnownJob, number: u32, run: u32) -> io::Result<(Token, Slots)> {
        let job = known.manifest.job;
        let owner = SlotOwner { job, stage: number, plan: known.plan };
        let stage = known.manifest.plan.stage(number);
        let (tiles, largest) = stage.map_or((0, 0), |stage| (stage.grid().tiles(), stage.largest_result_bytes()));
        if stage.is_some_and(Stage::is_whole) {
            return Ok((self.memory_spool.clone(), Slots::in_memory(owner)));
        }
        let (store, out) = (self.backends.store.clone(), SlotsOf { job, run, stage: number, kind: SlotKind::Out });
        let path = store.slots_path(out);
        if tokio::task::spawn_blocking(move || store.open_slots(out).is_ok()).await.map_err(io::Error::other)? {
            return Ok((owner.claim_id(run), self.spool.shared(owner, path, largest)));
        }
        let in_memory: usize = self.assemblies.values().map(|assembly| assembly.slots.memory_bytes()).sum();
        if tiles == 1 && (in_memory + largest) as u64 <= self.memory.tiles.bytes() {
            return Ok((self.memory_spool.clone(), Slots::in_memory(owner)));
        }
        let spool = self.spool.clone();
        let id = tokio::task::spawn_blocking(move || spool.claim(job, number)).await.map_err(io::Error::other)??;
        Ok((id, self.spool.slots(owner, largest)))
    }
}

/// Why a stage is not to be claimed, by what Redis says of its job.
fn refusal(view: &WindowView, number: u32) -> Option<&'static str> {
    match view.status {
        None | Some(JobStatus::Accepting) => Some("there is no such job"),
        Some(status) if status.is_terminal() => Some("its job has ended"),
        Some(_) if view.stage != number => Some("its job is at another stage"),
        Some(_) => None,
    }
}
