//! Reading records, in order of offsets, acknowledged in order, with a bound on those in flight.
//!
//! Owns the polling thread: polling sits apart from the work, because a rebalance is served inside a
//! poll and must wait for no handler. Must never run a handler itself.

mod board;
mod client;
mod context;
pub(super) mod copy;
mod ledger;
mod pauses;
mod poller;
mod slots;
mod upkeep;
mod watchdog;

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use super::ack::{Ack, Signal};
use super::{BusError, Group, Headers, Topic, settings};
use crate::config::KafkaArgs;
use board::Board;
pub use board::ConsumerStatus;
use client::Settings;
use ledger::Ledger;
use poller::{Pace, Poller};
use slots::Slots;

const STOPPING: &str = "stopping a consumer";
/// How much longer than its limit a stop may take, for the last commit and for leaving the group.
const LEAVE_LIMIT: Duration = Duration::from_secs(10);

/// Attempts at a record after which it is set aside. They are counted under one assignment; what fails because
/// something is down is none.
pub const MAX_ATTEMPTS: u32 = 5;

/// How a consumer reads.
#[derive(Debug, Clone)]
pub struct ConsumerOptions {
    /// The group it is a member of.
    pub group: Group,
    /// What it reads.
    pub topic: Topic,
    /// A name that makes it the same member after a restart, with the same partitions.
    pub static_member: Option<String>,
    /// The most records handed out and undecided, released slots aside. At least one.
    pub max_in_flight: usize,
    /// The most bytes of their values; but one record is always read.
    pub max_in_flight_bytes: usize,
    /// Its name in the broker's logs.
    pub client_id: String,
}

impl ConsumerOptions {
    /// Bytes that such a consumer may hold: what is handed out, what was fetched ahead, and one fetch.
    pub fn memory_bytes(&self, args: &KafkaArgs) -> u64 {
        let queue = settings::consumer_queue_bytes(args, self.max_in_flight_bytes);
        (self.max_in_flight_bytes + queue + settings::fetch_bytes(args, queue)) as u64
    }
}

/// A record that was handed out.
#[derive(Debug)]
pub struct Delivery {
    /// Where from.
    pub topic: Topic,
    /// The partition.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
    /// Which attempt it is under this assignment, from 1; see [`Delivery::spent`].
    pub attempt: u32,
    /// Why the last attempt was in vain, as far as its handler said.
    pub cause: Option<String>,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its headers, as they came.
    pub headers: Headers,
    /// Its value; a missing one is empty.
    pub payload: Vec<u8>,
    /// How to say that it is finished, or not.
    pub ack: Ack,
}

impl Delivery {
    /// Why no further attempt is to be made at the record: it is for the dead letters, unread. `None` until
    /// [`MAX_ATTEMPTS`] were made.
    #[must_use]
    pub fn spent(&self) -> Option<String> {
        let cause = self.cause.as_deref().unwrap_or("its handling gave up without a reason");
        (self.attempt > MAX_ATTEMPTS).then(|| format!("{MAX_ATTEMPTS} attempts were in vain; at the last, {cause}"))
    }
}

/// A member of a group, reading on a thread of its own.
#[derive(Debug)]
pub struct Consumer {
    signals: Sender<Signal>,
    board: Arc<Board>,
    ended: oneshot::Receiver<Result<(), BusError>>,
}

impl Consumer {
    /// Starts reading. Kafka need not be there yet; the topic may be made later.
    ///
    /// # Errors
    /// [`BusError::Client`] when the settings make no client, [`BusError::Stopped`] without a thread.
    pub fn start(args: &KafkaArgs, options: ConsumerOptions) -> Result<(Self, mpsc::Receiver<Delivery>), BusError> {
        let (signals, inbox) = channel();
        let (deliveries, receiver) = mpsc::channel(options.max_in_flight.max(1));
        let (ending, ended) = oneshot::channel();
        let slots = Slots::new(options.max_in_flight, options.max_in_flight_bytes, args.max_record_bytes);
        let topic = options.topic;
        let name = format!("bus-{}", topic.base_name());
        let poller = Poller {
            settings: Settings { args: args.clone(), options },
            ledger: Arc::new(Mutex::new(Ledger::new(slots))),
            board: Arc::new(Board::new(topic)),
            signals: inbox,
            verdicts: signals.clone(),
            deliveries,
            pace: Pace::new(),
        };
        let board = Arc::clone(&poller.board);
        let client = poller.open()?;
        let thread = std::thread::Builder::new().name(name);
        let run = move || {
            // Nobody may be waiting for the end.
            let _ = ending.send(poller.run(client));
        };
        thread.spawn(run).map_err(|_| BusError::Stopped("starting a consumer's thread"))?;
        Ok((Self { signals, board, ended }, receiver))
    }

    /// The partitions owned now.
    #[must_use]
    pub fn assignment(&self) -> Vec<i32> {
        self.board.status().assignment
    }

    /// How it is doing.
    #[must_use]
    pub fn status(&self) -> ConsumerStatus {
        self.board.status()
    }

    /// Stops reading, waits up to `limit` for verdicts on what was handed out, commits, and leaves
    /// the group (a static member stays in it until its session ends). While the group is being divided anew
    /// Kafka takes no commit: then the records since the one before come to others again. Receive or drop what is still
    /// in the channel, or it counts as handed out.
    ///
    /// # Errors
    /// [`BusError::Unavailable`] when the last commit did not reach Kafka: the records since the one
    /// before come again.
    pub async fn stop(mut self, limit: Duration) -> Result<(), BusError> {
        // A thread that has ended has said why, and is heard below.
        let _ = self.signals.send(Signal::Stop(limit));
        match tokio::time::timeout(limit + LEAVE_LIMIT, &mut self.ended).await {
            Ok(ended) => ended.unwrap_or(Err(BusError::Stopped(STOPPING))),
            Err(_) => Err(BusError::Unavailable { doing: STOPPING, source: None }),
        }
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        // After a stop nobody listens any more; without one, the thread must still end.
        let _ = self.signals.send(Signal::Stop(Duration::ZERO));
    }
}
