//! Encoders that stand still: their stages are encoded anew by others, once.
//!
//! Owns that none is blamed while the store does not answer: then all encoders wait for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use tessera::job::JobId;
use tessera::store::{Object, Store};

use super::{Assembler, Report};
use crate::backends::Trouble;

/// Whether the store has answered since it was last asked.
#[derive(Debug, Default)]
pub struct StoreSight {
    has_answered: Arc<AtomicBool>,
    is_asked: Arc<AtomicBool>,
}

impl StoreSight {
    /// Says whether the store has answered, and asks it again.
    fn take(&self, store: &Store) -> bool {
        let answered = self.has_answered.swap(false, Ordering::Relaxed);
        if !self.is_asked.swap(true, Ordering::Relaxed) {
            let (store, has_answered, is_asked) =
                (store.clone(), Arc::clone(&self.has_answered), Arc::clone(&self.is_asked));
            tokio::task::spawn_local(async move {
                let answers = store.size(&Object::Manifest(JobId::random())).await.is_ok();
                has_answered.store(answers, Ordering::Relaxed);
                is_asked.store(false, Ordering::Relaxed);
            });
        }
        answered
    }
}

impl Assembler {
    /// Looks at the encoders that have a turn; one that stands still is reported.
    pub fn look_at_encoders(&self) {
        if self.busy > 0 && self.store_sight.take(&self.backends.store) {
            self.encoders.look().into_iter().for_each(|(id, job)| (self.reports)(Report::Hung(id, job)));
        }
    }

    /// An encoder was left that stood still with a stage's turn.
    pub(super) async fn hung(&mut self, id: u64, job: JobId) -> Result<(), Trouble> {
        self.busy = self.busy.saturating_sub(1);
        let Some(assembly) = self.assemblies.get_mut(&job).filter(|assembly| assembly.id == id) else { return Ok(()) };
        tracing::error!(%job, stage = assembly.number, "an encoder stands still; another begins anew");
        if assembly.restart_after_hanging(Instant::now()) {
            return Ok(());
        }
        self.fail(job, "the encoder stood still at this picture, twice; please report it").await
    }
}
