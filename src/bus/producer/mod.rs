//! Sending records, each until its delivery report.
//!
//! Owns the producing client, the bound on what waits in it, and its replacement when it is broken
//! beyond repair. Must never report a record as delivered before the broker has.

mod context;
mod delivered;
mod enqueue;
mod native;
mod silence;

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use rdkafka::error::KafkaError;
use rdkafka::producer::Producer as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::outgoing::RawRecord;
use super::settings::{self, MAX_DEAD_LETTER_BYTES};
use super::{BusError, Topic, counters};
use crate::budget::Share;
use crate::config::KafkaArgs;
use context::Pending;
pub use delivered::Delivered;
use enqueue::{Envelope, enqueue};
use native::Native;
use silence::Silence;

const SENDING: &str = "sending a record";
/// How long a question about the broker's health may take.
const PROBE_LIMIT: Duration = Duration::from_millis(1500);

/// Sends records. Clones share one client.
#[derive(Clone)]
pub struct Producer {
    shared: Arc<Shared>,
}

struct Shared {
    args: KafkaArgs,
    client_id: String,
    client: RwLock<Arc<Native>>,
    silence: Silence,
    window: Arc<Semaphore>,
    window_bytes: usize,
    queue_bytes: usize,
    /// What a budget promises for the queue.
    _memory: Option<Share>,
}

impl Producer {
    /// Sets up a producer with room for 64 MiB. Kafka need not be there yet.
    ///
    /// # Errors
    /// [`BusError::Client`] when the settings make no client.
    pub fn connect(args: &KafkaArgs, client_id: &str) -> Result<Self, BusError> {
        Self::open(args, client_id, None)
    }

    /// Sets up a producer whose queue is as large as `memory`, which it keeps; at least
    /// [`Producer::least_bytes`].
    ///
    /// # Errors
    /// [`BusError::Client`] when the settings make no client.
    pub fn connect_within(args: &KafkaArgs, client_id: &str, memory: Share) -> Result<Self, BusError> {
        Self::open(args, client_id, Some(memory))
    }

    /// The bytes of the smallest queue that a producer works with.
    pub fn least_bytes(args: &KafkaArgs) -> u64 {
        settings::least_queue_bytes(args) as u64
    }

    fn open(args: &KafkaArgs, client_id: &str, memory: Option<Share>) -> Result<Self, BusError> {
        let queue_bytes = settings::producer_queue_bytes(args, memory.as_ref().map(Share::bytes));
        let window_bytes = settings::producer_window_bytes(queue_bytes);
        let shared = Shared {
            client: RwLock::new(Arc::new(Native::open(args, client_id, queue_bytes)?)),
            args: args.clone(),
            silence: Silence::default(),
            client_id: client_id.to_owned(),
            window: Arc::new(Semaphore::new(window_bytes)),
            window_bytes,
            queue_bytes,
            _memory: memory,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Sends one record and waits for its delivery report; first for room, when much is on its way.
    /// The value is not copied.
    ///
    /// # Errors
    /// [`BusError::Unavailable`] when no report came within 10 s (the record may still have arrived:
    /// sending it again may double it), [`BusError::TooLarge`] before anything is sent.
    ///
    /// # Cancel safety
    /// Dropping the future while it waits for room sends nothing; later the record goes out anyway.
    pub async fn send(&self, record: impl Into<RawRecord>) -> Result<Delivered, BusError> {
        let record = record.into();
        let topic = record.topic.name(&self.shared.args);
        let bytes = self.check_size(&record, &topic)?;
        let room = self.room_for(bytes).await?;
        let client = self.shared.client.read().clone();
        let (reply, report) = oneshot::channel();
        let RawRecord { topic: kind, partition, key, headers, payload } = record;
        let value_bytes = payload.len();
        let envelope = Envelope { topic: &topic, partition, key: key.as_deref(), headers: &headers };
        let outcome = match enqueue(client.client(), &envelope, Pending::new(payload, room, reply)) {
            Ok(()) => report.await.unwrap_or(Err(KafkaError::Canceled)),
            Err(error) => Err(error),
        };
        match outcome {
            Ok(delivered) => {
                counters::delivered(kind, value_bytes);
                self.shared.silence.ended();
                Ok(delivered)
            }
            Err(error) => {
                counters::undelivered(kind);
                self.replace_if_broken(&client);
                let error = BusError::of(SENDING, &topic, error);
                self.replace_if_silent(&client, &error);
                Err(error)
            }
        }
    }

    /// Bytes that can be on their way at once; who sends more waits for room.
    pub fn window_bytes(&self) -> usize {
        self.shared.window_bytes
    }

    /// Waits until all that was sent has been reported on.
    ///
    /// # Errors
    /// [`BusError::Unavailable`] when something is still on its way after `limit`.
    pub async fn flush(&self, limit: Duration) -> Result<(), BusError> {
        const FLUSHING: &str = "waiting for the records on their way";
        let client = self.shared.client.read().clone();
        blocking(FLUSHING, "", move || client.client().flush(limit)).await
    }

    /// Asks whether Kafka answers, for at most 1.5 s.
    ///
    /// # Errors
    /// [`BusError::Unavailable`] when it does not.
    pub async fn is_up(&self) -> Result<(), BusError> {
        const ASKING: &str = "asking Kafka for its topics";
        let client = self.shared.client.read().clone();
        let topic = Topic::Jobs.name(&self.shared.args);
        // One topic, missing or not: the answer is what counts, and it stays small on a shared broker.
        let asked = Arc::clone(&client);
        let ask = move || asked.client().client().fetch_metadata(Some(&topic), PROBE_LIMIT).map(drop);
        let answer = blocking(ASKING, "", ask).await;
        match &answer {
            Ok(()) => self.shared.silence.ended(),
            Err(error) => self.replace_if_silent(&client, error),
        }
        answer
    }

    fn check_size(&self, record: &RawRecord, topic: &str) -> Result<usize, BusError> {
        let is_dead_letter = matches!(record.topic, Topic::JobsDlq | Topic::TasksDlq | Topic::ResultsDlq);
        let limit = if is_dead_letter { MAX_DEAD_LETTER_BYTES } else { self.shared.args.max_record_bytes };
        let bytes = record.wire_bytes();
        if bytes <= limit { Ok(bytes) } else { Err(BusError::TooLarge { topic: topic.to_owned(), bytes, limit }) }
    }

    async fn room_for(&self, bytes: usize) -> Result<OwnedSemaphorePermit, BusError> {
        // The client counts about a kilobyte for a small record.
        let bytes = bytes.max(1024).min(self.shared.window_bytes);
        let permits = u32::try_from(bytes).unwrap_or(u32::MAX);
        let room = self.shared.window.clone().acquire_many_owned(permits).await;
        room.map_err(|_| BusError::Stopped(SENDING))
    }

    /// An idempotent client that lost its place in a log refuses everything from then on; only a new
    /// one helps. The broker's memory loss is such a case.
    fn replace_if_broken(&self, broken: &Arc<Native>) {
        let Some((code, reason)) = broken.client().client().fatal_error() else { return };
        tracing::warn!(%code, reason, "the Kafka producer is broken");
        self.replace(broken);
    }

    /// A client that has not reached Kafka for long may never do so again, though Kafka is back.
    fn replace_if_silent(&self, silent: &Arc<Native>, error: &BusError) {
        if error.is_unavailable() && self.shared.silence.lasts_too_long(Instant::now()) {
            self.replace(silent);
        }
    }

    fn replace(&self, broken: &Arc<Native>) {
        let mut current = self.shared.client.write();
        if !Arc::ptr_eq(&current, broken) {
            return;
        }
        match Native::open(&self.shared.args, &self.shared.client_id, self.shared.queue_bytes) {
            Ok(client) => *current = Arc::new(client),
            Err(error) => return tracing::error!(%error, "replacing a broken Kafka producer"),
        }
        tracing::info!("the Kafka producer has been replaced");
    }
}

impl std::fmt::Debug for Producer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let free_bytes = self.shared.window.available_permits();
        out.debug_struct("Producer")
            .field("client_id", &self.shared.client_id)
            .field("free_bytes", &free_bytes)
            .finish()
    }
}

/// Runs a blocking call of a client beside the runtime.
pub(super) async fn blocking<T: Send + 'static>(
    doing: &'static str,
    topic: &str,
    call: impl FnOnce() -> Result<T, KafkaError> + Send + 'static,
) -> Result<T, BusError> {
    let done = tokio::task::spawn_blocking(call).await.map_err(|_| BusError::Stopped(doing))?;
    done.map_err(|error| BusError::of(doing, topic, error))
}
