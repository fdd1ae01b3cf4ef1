//! Reading records, in order of offsets, acknowledged in order, with a bound on those in flight.
//!
//! Owns the polling thread: polling sits apart from the work, because a rebalance is served inside a
//! poll and must wait for no handler. Must never run a handler itself.

mod board;
mod client;
mod context;
pub(super) mod copy;
mod delivery;
mod ledger;
mod pauses;
mod poller;
mod rounds;
mod slots;
mod upkeep;
mod watchdog;

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use super::BusError;
use super::ack::Signal;
use super::settings::{self, ConsumerOptions};
use crate::config::KafkaArgs;
use board::Board;
pub use board::ConsumerStatus;
use client::Settings;
pub use delivery::{Delivery, MAX_ATTEMPTS};
use ledger::Ledger;
use poller::Poller;
use rounds::Rounds;
use slots::Slots;

const STOPPING: &str = "stopping a consumer";
/// How much longer than its limit a stop may take, for the last commit and for leaving the group.
const LEAVE_LIMIT: Duration = Duration::from_secs(10);

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
        let session = settings::session(&options);
        Self::start_with(args, options, session)
    }

    /// As [`Consumer::start`], with sessions that last so long unless the broker takes none.
    pub(super) fn start_with(
        args: &KafkaArgs,
        options: ConsumerOptions,
        session: Duration,
    ) -> Result<(Self, mpsc::Receiver<Delivery>), BusError> {
        let (signals, inbox) = channel();
        let (deliveries, receiver) = mpsc::channel(options.max_in_flight.max(1));
        let (ending, ended) = oneshot::channel();
        let slots = Slots::new(options.max_in_flight, options.max_in_flight_bytes, args.max_record_bytes);
        let topic = options.topic;
        let name = format!("bus-{}", topic.base_name());
        let poller = Poller {
            settings: Settings { args: args.clone(), options, session },
            ledger: Arc::new(Mutex::new(Ledger::new(slots))),
            board: Arc::new(Board::new(topic)),
            signals: inbox,
            verdicts: signals.clone(),
            deliveries,
            rounds: Rounds::new(),
        };
        let board = Arc::clone(&poller.board);
        let client = poller.open()?;
        let thread = std::thread::Builder::new().name(name);
        let run = move || {
            // There may be no one left who waits for the end.
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
    /// the group (a static member stays in it until its session ends). While the group is being divided again
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
        // After a stop nothing listens any more; without one, the thread must still end.
        let _ = self.signals.send(Signal::Stop(Duration::ZERO));
    }
}
