//! What becomes of a record or a stage when something goes wrong with it.
//!
//! Owns the three ways: wait (something is down), try again (it counts as an attempt), or fail the job (what Redis
//! or the store has of it is damaged). Never lets the trouble of one job be another's.

use std::sync::Arc;

use tessera::bus::Ack;
use tessera::job::JobId;
use tessera::patience::insist;
use tessera::telemetry::parts;
use tracing::Instrument;

use super::{Assembler, Report};
use crate::backends::Trouble;
use crate::manifests::KnownJob;

impl Assembler {
    /// The manifest of a job; `None` if the store has none.
    pub(super) async fn known(&mut self, job: JobId) -> Result<Option<Arc<KnownJob>>, Trouble> {
        if let Some(known) = self.manifests.get(job) {
            return Ok(Some(known));
        }
        let store = &self.backends.store;
        let ask = || async {
            match store.manifest(job).await {
                // The store answers otherwise: it is this manifest that cannot be read, and no other job waits for it.
                Err(error) if error.is_temporary() && store.answers().await => Ok(Err(error)),
                Err(error) => Err(error),
                Ok(manifest) => Ok(Ok(manifest)),
            }
        };
        let manifest = insist(&self.backends.shutdown, "reading a manifest", ask).await?.map_err(Trouble::Store)?;
        Ok(manifest.map(|manifest| self.manifests.insert(manifest)))
    }

    /// Takes a report from what runs beside.
    pub async fn report(&mut self, report: Report) {
        let job = match &report {
            Report::Encoded(encoded) => encoded.job,
            Report::Ended(ended) => ended.job(),
            Report::Hung(_, job) => *job,
        };
        let span = self.span_of(job);
        let taken = parts::caught("taking of a report", self.take_report(report)).instrument(span).await;
        let trouble = taken.unwrap_or(Err(Trouble::Panicked("completing a step"))).err();
        if let Some(trouble) = trouble
            && let Err(error) = self.spoiled(job, trouble).await
        {
            tracing::warn!(%job, %error, "could not complete a step; its records come again");
        }
        self.schedule();
    }

    async fn take_report(&mut self, report: Report) -> Result<(), Trouble> {
        match report {
            Report::Encoded(encoded) => self.encoded(encoded).await,
            Report::Ended(ended) => self.ended(ended).await,
            Report::Hung(id, job) => self.hung(id, job).await,
        }
    }

    /// A record could not be taken in.
    pub(super) async fn troubled(&mut self, job: JobId, ack: Ack, trouble: Trouble) -> Result<(), Trouble> {
        if matches!(trouble, Trouble::Stopping) {
            ack.put_off();
            return Err(trouble);
        }
        let Some(reason) = trouble.damage() else {
            tracing::warn!(%job, error = %trouble, "a record could not be taken in; it is tried again");
            ack.fail(trouble.to_string());
            return Ok(());
        };
        match self.condemn(job, &reason).await {
            Ok(()) => ack.done(),
            Err(Trouble::Stopping) => {
                ack.put_off();
                return Err(Trouble::Stopping);
            }
            Err(other) => ack.fail(other.to_string()),
        }
        Ok(())
    }

    /// A stage could not be taken further: its records come again, or its job fails.
    pub(super) async fn spoiled(&mut self, job: JobId, trouble: Trouble) -> Result<(), Trouble> {
        if matches!(trouble, Trouble::Stopping) {
            return Err(trouble);
        }
        if let Some(reason) = trouble.damage() {
            return self.condemn(job, &reason).await;
        }
        tracing::warn!(%job, error = %trouble, "a stage could not be taken further; its records come again");
        if let Some(assembly) = self.drop_assembly(job) {
            assembly.held.into_iter().for_each(|ack| ack.fail(trouble.to_string()));
        }
        Ok(())
    }

    /// Ends a job as failed that has a stage here.
    pub(super) async fn fail(&mut self, job: JobId, reason: &str) -> Result<(), Trouble> {
        if self.assemblies.contains_key(&job) { self.condemn(job, reason).await } else { Ok(()) }
    }

    /// Ends a job as failed and lets go of what it has here, if it has anything.
    pub(super) async fn condemn(&mut self, job: JobId, reason: &str) -> Result<(), Trouble> {
        let assembly = self.drop_assembly(job);
        let run = assembly.as_ref().map(|assembly| assembly.run);
        let run = run.or_else(|| self.manifests.get(job).map(|known| known.manifest.run)).unwrap_or(1);
        self.backends.fail(job, run, reason).await?;
        if let Some(assembly) = assembly {
            self.remove_tiles(&assembly);
            assembly.held.into_iter().for_each(Ack::done);
        }
        Ok(())
    }
}
