//! Has each task that arrives run, and waits for those under way at the end.
//!
//! How many are in hand is bounded by the consumer, which does not poll while none may be added.

use std::rc::Rc;
use std::time::Duration;

use tessera::bus::Delivery;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};

use super::task_runner::TaskRunner;

/// How long handing back may take, after the limit for finishing.
pub const HAND_BACK_LIMIT: Duration = Duration::from_secs(2);

/// The tasks under way.
#[derive(Debug)]
pub struct TaskFeed {
    deliveries: mpsc::Receiver<Delivery>,
    runner: Rc<TaskRunner>,
    running: JoinSet<()>,
}

impl TaskFeed {
    /// Feeds the runner from `deliveries`.
    pub fn new(deliveries: mpsc::Receiver<Delivery>, runner: Rc<TaskRunner>) -> Self {
        Self { deliveries, runner, running: JoinSet::new() }
    }

    /// Hands out tasks until the consumer ends.
    ///
    /// # Cancel safety
    /// Dropped between two records it loses none.
    pub async fn run(&mut self) {
        loop {
            tokio::select! {
                delivery = self.deliveries.recv() => match delivery {
                    Some(delivery) => self.hand_out(delivery),
                    None => return,
                },
                Some(ended) = self.running.join_next() => report(ended),
            }
        }
    }

    fn hand_out(&mut self, delivery: Delivery) {
        let runner = self.runner.clone();
        self.running.spawn_local(async move { runner.run(delivery).await });
    }

    /// Gives back what waits, and waits for the tasks under way, at most `limit`; what is not done by
    /// then stays uncommitted, and is handed back before others get it.
    pub async fn drain(&mut self, limit: Duration) {
        self.deliveries.close();
        while self.deliveries.recv().await.is_some() {}
        let all = async {
            while let Some(ended) = self.running.join_next().await {
                report(ended);
            }
        };
        if tokio::time::timeout(limit, all).await.is_err() {
            tracing::warn!(unfinished = self.running.len(), "tiles in hand were not finished in time");
        }
        if tokio::time::timeout(HAND_BACK_LIMIT, self.runner.hand_back()).await.is_err() {
            tracing::warn!("redis was too slow for handing back the tiles that were cut off");
        }
        self.running.abort_all();
    }
}

fn report(ended: Result<(), JoinError>) {
    // Its record was dropped undecided, so it comes again.
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a task ended in a panic");
    }
}
