//! The stitcher's own sweep: spools and stages of jobs that have ended without a record that says so.

use std::time::Duration;

use tessera::bus::Ack;
use tessera::job::JobId;
use tessera::state::JobView;
use tokio::sync::oneshot;

use super::Assembler;
use crate::spool::SpoolFolder;

/// How long a spool is kept whose job Redis does not know.
const KEEP_UNKNOWN: Duration = Duration::from_secs(600);

impl Assembler {
    /// Removes spools that are not needed. While Redis is down, none.
    pub async fn sweep(&mut self) {
        let spool = self.spool.clone();
        let folders = match tokio::task::spawn_blocking(move || spool.folders()).await {
            Ok(Ok(folders)) => folders,
            Ok(Err(error)) => return tracing::warn!(%error, "could not read the spool"),
            Err(_) => return,
        };
        let mut jobs: Vec<JobId> = folders.iter().map(|folder| folder.job).collect();
        jobs.extend(self.assemblies.keys());
        jobs.sort_unstable();
        jobs.dedup();
        if self.backends.state.ping().await.is_err() {
            return;
        }
        let Ok(views) = self.backends.state.views(&jobs).await else { return };
        let view = |job: JobId| views.iter().find(|view| view.job == job);
        let over: Vec<JobId> = self
            .assemblies
            .keys()
            .copied()
            .filter(|job| view(*job).is_some_and(|view| view.status.is_terminal()))
            .collect();
        for job in over {
            if let Some(assembly) = self.drop_assembly(job) {
                self.remove_tiles(&assembly);
                assembly.held.into_iter().for_each(Ack::done);
            }
        }
        for folder in folders {
            let is_used = self.assemblies.get(&folder.job).is_some_and(|assembly| assembly.number == folder.stage);
            if !is_used && may_go(&folder, view(folder.job)) {
                tracing::info!(job = %folder.job, stage = folder.stage, "removing a spool that is no longer needed");
                self.remove_spool(folder.job, folder.stage);
            }
        }
    }

    /// Begins no more stages than those that are complete; tells when nothing is under way any more.
    pub fn drain(&mut self) -> oneshot::Receiver<()> {
        let (at_rest, rest) = oneshot::channel();
        self.draining = Some(at_rest);
        self.schedule();
        rest
    }

    /// Lets go of all stages. Records that are still held are read again by the next reader.
    pub fn let_go(&mut self) {
        self.assemblies.clear();
    }
}

/// Whether a spool will not be asked for any more.
fn may_go(folder: &SpoolFolder, view: Option<&JobView>) -> bool {
    match view {
        None => folder.age > KEEP_UNKNOWN,
        Some(view) => view.status.is_terminal() || view.stage > folder.stage,
    }
}
