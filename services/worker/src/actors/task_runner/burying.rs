//! Records that are set aside, with their reason: what is no task, and tiles that cannot be run, whose job fails.

use tessera::bus::Delivery;
use tessera::bus::records::TaskHeader;
use tessera::patience::answered;
use tessera::state::StateError;

use super::TaskRunner;
use crate::actors::Published;
use crate::actors::in_hand::name;
use crate::counters::TaskOutcome;
use crate::tile::Poison;

/// Poisoned tiles that are remembered until their record comes again.
const MAX_POISONED: usize = 1024;

impl TaskRunner {
    /// The record's bytes went into the kernels: it is asked for once more, to be buried as it came.
    pub(super) fn remember(&self, delivery: Delivery, task: &TaskHeader, poison: Poison) {
        tracing::warn!(job = %task.job, stage = task.stage, tile = task.index, class = poison.class, poison.reason, "a tile cannot be run");
        let mut poisoned = self.poisoned.lock();
        if poisoned.len() >= MAX_POISONED {
            poisoned.clear();
        }
        poisoned.insert(name(task), poison);
        delivery.ack.retry();
    }

    /// Dead-letters a tile, fails its job, and lets the partition move on.
    pub(super) async fn condemn(&self, delivery: Delivery, task: &TaskHeader, poison: &Poison) {
        if let Published::Stopped = self.publisher.dead_letter(&delivery, poison).await {
            return;
        }
        let reason = poison.of_tile(task);
        let fail = async || self.state.fail(task.job, &reason, self.keep).await;
        match answered(&self.shutdown, fail).await {
            None => return,
            Some(Err(error @ StateError::Data(_))) => {
                tracing::error!(%error, job = %task.job, reason, "failing a job");
            }
            Some(_) => tracing::warn!(job = %task.job, reason, "the job has failed"),
        }
        self.hand.give_back(task).await;
        if let Published::Stopped = self.publisher.ended(task.job, delivery.headers.trace().as_ref()).await {
            return;
        }
        self.poisoned.lock().remove(&name(task));
        self.counts.ended(TaskOutcome::Buried);
        delivery.ack.done();
    }

    /// Dead-letters what is no task, and lets the partition move on.
    pub(super) async fn bury(&self, delivery: Delivery, poison: &Poison) {
        let (partition, offset) = (delivery.partition, delivery.offset);
        match self.publisher.dead_letter(&delivery, poison).await {
            Published::Stopped => return,
            Published::Yes => {
                tracing::warn!(partition, offset, class = poison.class, poison.reason, "a task was dead-lettered")
            }
            Published::Never(why) => tracing::error!(partition, offset, why, "a task is dropped"),
        }
        self.counts.ended(TaskOutcome::Buried);
        delivery.ack.done();
    }
}
