//! Results that a worker has made whole: nothing is put together, their end is made known as that of any other.
//!
//! Owns which of several results of a job counts: the first whose file is there. A file is removed only when its job has
//! ended with another, as two stitchers may be about to publish the same one.

use tessera::bus::records::WholeResult;
use tessera::job::JobId;
use tessera::patience::insist;
use tessera::state::Mark;
use tessera::store::{Object, Written};

use super::marking::Stored;
use super::{Assembler, Placed};
use crate::assembly::Work;
use crate::backends::{StitcherBackends, Trouble};
use crate::encoding::product::StageProduct;

impl Assembler {
    /// Takes a whole result of a claimed stage in.
    pub(super) async fn take_whole(&mut self, placed: Placed, result: WholeResult) -> Result<(), Trouble> {
        let Placed { tile, ack, .. } = placed;
        let Some(assembly) = self.assemblies.get_mut(&tile.job).filter(|found| found.number == tile.stage) else {
            ack.put_off();
            return Ok(());
        };
        let object = assembly.known.result_object(&result);
        if tile.run != assembly.run {
            self.backends.counts.dropped();
            self.backends.remove_unless_published(object);
            ack.done();
            return Ok(());
        }
        self.backends.counts.came(tile.payload);
        if let Some(StageProduct::Stored { object: first, .. }) = &assembly.whole {
            if *first == object {
                assembly.held.push(ack);
            } else {
                assembly.losers.push(object);
                ack.done();
            }
            return Ok(());
        }
        let (job, stage, token) = (tile.job, tile.stage, assembly.token.clone());
        if !is_there(&self.backends, &object, result.bytes).await? {
            self.backends.counts.absent();
            self.ask(job, &[tile.index], "its result is not in the store".to_owned(), &[]).await?;
            ack.done();
            return Ok(());
        }
        if let Some(assembly) = self.assemblies.get_mut(&job) {
            let written = Written { bytes: result.bytes, digest: result.digest };
            assembly.whole = Some(StageProduct::Stored { object, written });
        }
        let (worker_number, attempt, run_ms) = (tile.worker_number, tile.attempt, tile.ms.run);
        let mark = Mark { job, stage, token, index: tile.index, worker_number, attempt, run_ms };
        self.mark(vec![Stored { mark, ack }]).await
    }

    /// The stage of a whole result is complete: its end is made known; where the result is not known it is asked for again.
    pub(super) async fn whole_completed(&mut self, job: JobId) -> Result<(), Trouble> {
        let Some(assembly) = self.assemblies.get_mut(&job) else { return Ok(()) };
        if !matches!(assembly.work, Work::Idle(_)) {
            return Ok(());
        }
        match assembly.whole.clone() {
            Some(product) => {
                self.begin_ending(job, product);
                Ok(())
            }
            None => self.ask(job, &[0], "its result is not known any more".to_owned(), &[]).await,
        }
    }

    /// Removes the results that lost against the one that the job has now.
    pub(super) fn remove_losers(&self, losers: Vec<Object>) {
        losers.into_iter().for_each(|object| self.backends.remove_unless_published(object));
    }
}

async fn is_there(backends: &StitcherBackends, object: &Object, bytes: u64) -> Result<bool, Trouble> {
    let size = insist(&backends.shutdown, "looking at a result", || backends.store.size(object)).await?;
    Ok(size == Some(bytes))
}
