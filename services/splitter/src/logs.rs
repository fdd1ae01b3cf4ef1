//! Kafka's logs as the splitter sees them: asks how far the others are, and lets tiles wait for room.
//!
//! Owns the two clients that ask. What fits is the [`Backlog`]'s to say.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tessera::bus::admin::LagClient;
use tessera::bus::{BusError, Delivered, Group};
use tessera::config::KafkaArgs;
use tokio::sync::Notify;

use crate::backlog::Backlog;
use crate::gate::Gate;

/// Between two looks while pictures are read.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Between two looks while nothing is.
const LOOK_IDLE: Duration = Duration::from_secs(10);
/// Between two looks, however many tiles wait.
const LEAST_PAUSE: Duration = Duration::from_millis(100);
/// How often a tile that waits for room looks whether its pass goes on.
const WAIT: Duration = Duration::from_millis(250);

/// Who reads what of `tasks`.
#[derive(Debug, Default)]
struct Readers {
    members: Vec<Vec<i32>>,
    are_wanted: bool,
}

/// What is known of the logs.
#[derive(Debug)]
pub struct Logs {
    tasks: LagClient,
    results: LagClient,
    backlog: Mutex<Backlog>,
    /// The partitions of `tasks` that each worker reads, as last seen, and whether anyone has asked since.
    readers: Mutex<Readers>,
    changed: Notify,
    /// Rung when a tile waits for room.
    wanted: Notify,
}

impl Logs {
    /// Kafka need not be there yet.
    ///
    /// # Errors
    /// [`BusError::Client`] when the settings make no client.
    pub fn connect(kafka: &KafkaArgs) -> Result<Self, BusError> {
        Ok(Self {
            tasks: LagClient::connect(kafka, Group::Workers)?,
            results: LagClient::connect(kafka, Group::Stitchers)?,
            backlog: Mutex::new(Backlog::new(kafka, Instant::now())),
            readers: Mutex::default(),
            changed: Notify::new(),
            wanted: Notify::new(),
        })
    }

    /// How many partitions `tasks` has: those of the broker, once it was asked.
    pub fn partitions(&self) -> i32 {
        self.backlog.lock().partitions()
    }

    /// The partitions of `tasks` that each worker reads, as last seen; none if that is not known. Has it looked at with the
    /// next look, and at once if it never was.
    pub fn readers(&self) -> Vec<Vec<i32>> {
        let mut readers = self.readers.lock();
        readers.are_wanted = true;
        if readers.members.is_empty() {
            self.wanted.notify_one();
        }
        readers.members.clone()
    }

    /// Asks Kafka who reads what, if anyone wants to know: only whole pictures do.
    async fn look_at_readers(&self) {
        if std::mem::take(&mut self.readers.lock().are_wanted) {
            let members = self.tasks.members().await.unwrap_or_default();
            self.readers.lock().members = members;
        }
    }

    /// Whether another picture may be begun.
    pub fn may_begin(&self) -> bool {
        self.backlog.lock().may_begin(Instant::now())
    }

    /// Waits until a tile of `bytes` fits its partition, which counts as on its way then; `None` once the pass is
    /// stopped.
    pub async fn wait_for_room(&self, partition: i32, bytes: usize, gate: &Gate) -> Option<Room<'_>> {
        // A job that waits for workers to read is in a line, and not stuck.
        let mut waits = None;
        loop {
            let changed = self.changed.notified();
            if self.backlog.lock().admit(partition, bytes as u64) {
                return Some(Room { logs: self, partition, bytes: bytes as u64 });
            }
            if gate.stopped().is_some() {
                return None;
            }
            waits.get_or_insert_with(|| gate.without_room());
            self.wanted.notify_one();
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep(WAIT) => {}
            }
        }
    }

    async fn look(&self) -> Result<(), BusError> {
        self.look_at_readers().await;
        let asked = self.backlog.lock().ask();
        let (tasks, results) = tokio::try_join!(self.tasks.ask(), self.results.ask())?;
        let mut backlog = self.backlog.lock();
        let before = backlog.partitions();
        backlog.see_tasks(&tasks, asked);
        backlog.see_results(&results, Instant::now());
        let now = backlog.partitions();
        drop(backlog);
        if before != now {
            tracing::info!(before, now, "tasks has another number of partitions");
        }
        self.changed.notify_waiters();
        Ok(())
    }

    /// Looks at the logs again and again, more often while pictures are read; never returns.
    pub async fn watch(&self, is_reading: impl Fn() -> bool) {
        loop {
            if let Err(error) = self.look().await {
                tracing::debug!(%error, "looking at Kafka's logs");
            }
            tokio::time::sleep(LEAST_PAUSE).await;
            let pause = if is_reading() { LOOK_EVERY } else { LOOK_IDLE };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.wanted.notified() => {}
            }
        }
    }
}

/// Room in a partition's log for a tile. Dropped, it is free again: the tile did not arrive, or was no longer waited for.
pub struct Room<'a> {
    logs: &'a Logs,
    partition: i32,
    bytes: u64,
}

impl Room<'_> {
    /// The tile lies in Kafka now.
    pub fn taken(mut self, delivered: &Delivered) {
        let bytes = std::mem::take(&mut self.bytes);
        self.logs.backlog.lock().settle(self.partition, bytes, Some(delivered.offset));
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.logs.backlog.lock().settle(self.partition, self.bytes, None);
        }
    }
}
