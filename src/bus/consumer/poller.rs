//! The loop of the polling thread.
//!
//! Owns the order of things: verdicts, commits, seeks, then a record if a slot is free. Must never
//! run a handler, nor read a record for which there is no slot.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::message::{BorrowedMessage, Message};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::board::Board;
use super::client::{Client, Settings};
use super::context::Context;
use super::copy;
use super::delivery::Delivery;
use super::ledger::Ledger;
use super::pauses::{Closed, Pauses};
use super::rounds::Rounds;
use crate::bus::BusError;
use crate::bus::ack::{Ack, Signal};

/// Progress is committed at most this often.
pub(super) const COMMIT_EVERY: Duration = Duration::from_millis(200);
/// The longest wait inside a poll. Records wake it at once; a stop is noticed after it.
const IDLE_POLL: Duration = Duration::from_millis(100);
/// Without a free slot for this long, partitions are paused and polled, to stay in the group.
const PAUSE_AFTER: Duration = Duration::from_secs(10);
/// How often a paused client is polled.
const PAUSED_POLL: Duration = Duration::from_millis(50);
/// The pause before a broken client is replaced.
const REPLACE_PAUSE: Duration = Duration::from_secs(1);

/// Why a client is no longer polled.
enum End {
    Stopped,
    Broken(String),
}

pub(super) struct Poller {
    pub(super) settings: Settings,
    pub(super) ledger: Arc<Mutex<Ledger>>,
    pub(super) board: Arc<Board>,
    pub(super) signals: Receiver<Signal>,
    pub(super) verdicts: Sender<Signal>,
    pub(super) deliveries: mpsc::Sender<Delivery>,
    pub(super) rounds: Rounds,
}

impl Poller {
    pub(super) fn open(&self) -> Result<Client, BusError> {
        let context = Context {
            topic: self.settings.options.topic.name(&self.settings.args),
            client: self.ledger.lock().begin_client(),
            ledger: Arc::clone(&self.ledger),
            board: Arc::clone(&self.board),
        };
        Client::open(&self.settings, context)
    }

    /// Polls until stopped, replacing a client that is broken. The last commit and the leaving of
    /// the group are done when it returns.
    pub(super) fn run(mut self, mut client: Client) -> Result<(), BusError> {
        loop {
            match self.serve(&client) {
                End::Stopped => return self.finish(client),
                End::Broken(reason) => {
                    tracing::warn!(reason, topic = %client.topic(), "replacing the Kafka consumer");
                    self.board.failed(&reason);
                    self.board.restarted();
                    client.abandon();
                    client = self.reopen()?;
                }
            }
        }
    }

    fn reopen(&mut self) -> Result<Client, BusError> {
        self.rounds.watchdog.rebuilt();
        (self.rounds.pauses, self.rounds.closed) = (Pauses::default(), Closed::default());
        self.wait_for_signal(REPLACE_PAUSE);
        let client = self.open();
        self.board.set_assignment(Vec::new());
        client
    }

    fn serve(&mut self, client: &Client) -> End {
        loop {
            self.take_signals();
            let now = Instant::now();
            if self.rounds.stop_at.is_some_and(|at| at <= now || self.ledger.lock().undecided() == 0) {
                return End::Stopped;
            }
            self.remind_if_due(client, now);
            self.show_lag_if_due(client, now);
            self.commit_if_due(client, now);
            self.seek_if_due(client, now);
            self.close_and_open(client);
            let broken = if self.rounds.stop_at.is_some() || self.rounds.is_deserted {
                self.hold(client)
            } else if self.ledger.lock().slots.is_free() {
                self.ask(client)
            } else {
                self.wait_for_slot(client, now)
            };
            if let Some(reason) = broken {
                return End::Broken(reason);
            }
        }
    }

    /// Reads one record and hands it out.
    fn ask(&mut self, client: &Client) -> Option<String> {
        self.rounds.full_since = None;
        self.resume(client);
        let patience = self.patience();
        let asked_at = Instant::now();
        match client.poll(patience) {
            Some(Ok(message)) => self.hand_out(&message),
            Some(Err(error)) => return self.take_error(&error),
            None => return self.take_silence(client, asked_at.elapsed()),
        }
        None
    }

    /// The longest wait for a record that lets the next commit or seek be in time.
    fn patience(&self) -> Duration {
        let ledger = self.ledger.lock();
        let commit = ledger.has_progress().then(|| self.rounds.committed_at + COMMIT_EVERY);
        let due = ledger.next_seek().into_iter().chain(commit).min();
        let wait = due.map_or(IDLE_POLL, |due| due.saturating_duration_since(Instant::now()));
        // Not zero, or a seek that must wait would make the thread spin.
        wait.clamp(Duration::from_millis(1), IDLE_POLL)
    }

    fn hand_out(&mut self, message: &BorrowedMessage<'_>) {
        self.rounds.watchdog.received();
        let (partition, offset) = (message.partition(), message.offset());
        let bytes = message.payload_len();
        let (generation, attempt, cause) = {
            let mut ledger = self.ledger.lock();
            let Some((generation, attempt)) = ledger.deliver((partition, offset), bytes) else { return };
            (generation, attempt, ledger.cause((partition, offset)))
        };
        self.board.handed_out(bytes, attempt);
        let delivery = Delivery {
            topic: self.settings.options.topic,
            partition,
            offset,
            attempt,
            cause,
            key: message.key().map(<[u8]>::to_vec),
            headers: copy::headers(message),
            payload: message.payload().map_or_else(Vec::new, <[u8]>::to_vec),
            ack: Ack::new(self.verdicts.clone(), partition, generation, offset, bytes),
        };
        match self.deliveries.try_send(delivery) {
            Ok(()) => {}
            Err(TrySendError::Closed(_)) => self.rounds.is_deserted = true,
            // The channel has a place for each slot, so this cannot be; the record comes again.
            Err(TrySendError::Full(_)) => tracing::error!(partition, offset, "no place for a record in the channel"),
        }
    }

    fn wait_for_slot(&mut self, client: &Client, now: Instant) -> Option<String> {
        let full_since = *self.rounds.full_since.get_or_insert(now);
        if now.duration_since(full_since) >= PAUSE_AFTER {
            return self.hold(client);
        }
        self.wait_for_signal(self.patience());
        None
    }

    /// Serves the group without reading records.
    fn hold(&mut self, client: &Client) -> Option<String> {
        let (changes, assignment) = {
            let ledger = self.ledger.lock();
            (ledger.changes(), ledger.assignment())
        };
        if self.rounds.pauses.begin(changes, &assignment) {
            client.pause(&assignment);
        }
        match client.poll(Duration::ZERO) {
            Some(Ok(message)) => self.ledger.lock().decline((message.partition(), message.offset()), Instant::now()),
            Some(Err(error)) => return self.take_error(&error),
            None => {}
        }
        self.wait_for_signal(PAUSED_POLL);
        None
    }

    fn resume(&mut self, client: &Client) {
        let paused = self.rounds.pauses.end();
        if !paused.is_empty() {
            client.resume(&paused);
            // Those that are closed are paused again at the next look.
            self.rounds.closed = Closed::default();
        }
    }

    pub(super) fn take_signals(&mut self) {
        while let Ok(signal) = self.signals.try_recv() {
            self.take_signal(&signal);
        }
    }

    fn wait_for_signal(&mut self, limit: Duration) {
        if let Ok(signal) = self.signals.recv_timeout(limit) {
            self.take_signal(&signal);
        }
    }

    fn take_signal(&mut self, signal: &Signal) {
        match signal {
            Signal::Verdict(verdict) => self.ledger.lock().decide(verdict, Instant::now()),
            Signal::Stop(limit) => self.rounds.stop_at = Some(Instant::now() + *limit),
        }
    }
}
