//! What the polling thread does between records: commits, seeks, watching, and the end.
//!
//! Owns when each is due. Must never wait longer than a call of the client takes.

use std::time::{Duration, Instant};

use rdkafka::consumer::CommitMode;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::client::Client;
use super::poller::{COMMIT_EVERY, Poller};
use crate::bus::{BusError, counters, settings};

/// How often a Kafka that does not answer is asked again.
const PROBE_EVERY: Duration = Duration::from_secs(1);
/// How often it is made sure that the client knows a broker.
const REMIND_EVERY: Duration = Duration::from_secs(1);
/// How often the lag is shown.
const LAG_EVERY: Duration = Duration::from_secs(2);

impl Poller {
    pub(super) fn commit_if_due(&mut self, client: &Client, now: Instant) {
        if now.duration_since(self.rounds.committed_at) < COMMIT_EVERY || !self.ledger.lock().has_progress() {
            return;
        }
        self.rounds.committed_at = now;
        let places = self.ledger.lock().take_commits();
        if !places.is_empty()
            && let Err(error) = client.commit(&places, CommitMode::Async)
        {
            tracing::debug!(%error, "queueing a commit");
            self.ledger.lock().commit_failed();
        }
    }

    pub(super) fn remind_if_due(&mut self, client: &Client, now: Instant) {
        if now.duration_since(self.rounds.reminded_at) >= REMIND_EVERY {
            self.rounds.reminded_at = now;
            client.remind();
        }
    }

    pub(super) fn show_lag_if_due(&mut self, client: &Client, now: Instant) {
        if now.duration_since(self.rounds.lag_shown_at) >= LAG_EVERY {
            self.rounds.lag_shown_at = now;
            let positions = self.ledger.lock().positions();
            counters::lagging(self.settings.options.topic, client.known_lag(&positions));
        }
    }

    pub(super) fn seek_if_due(&mut self, client: &Client, now: Instant) {
        if self.rounds.stop_at.is_some() {
            return;
        }
        let places = self.ledger.lock().seeks(now);
        for place in places {
            let is_closed = self.rounds.closed.has(place.0);
            if is_closed {
                client.resume(&[place.0]);
            }
            match client.seek(place) {
                Ok(()) => self.ledger.lock().sought(place),
                Err(error) => {
                    if is_closed {
                        client.pause(&[place.0]);
                    }
                    tracing::debug!(%error, partition = place.0, "reading again from {}", place.1);
                    self.ledger.lock().seek_failed(place, now);
                }
            }
        }
    }

    /// Lets the client bring nothing of partitions that have too many unfinished records.
    pub(super) fn close_and_open(&mut self, client: &Client) {
        let (close, open) = self.rounds.closed.change(self.ledger.lock().closed());
        if !close.is_empty() {
            client.pause(&close);
        }
        if !open.is_empty() {
            client.resume(&open);
        }
    }

    /// `Some` when only a new client helps.
    pub(super) fn take_error(&mut self, error: &KafkaError) -> Option<String> {
        match error {
            KafkaError::MessageConsumptionFatal(_) => Some(error.to_string()),
            KafkaError::MessageConsumption(RDKafkaErrorCode::InvalidSessionTimeout) => self.lengthen_session(),
            _ => {
                self.board.disconnected(error);
                None
            }
        }
    }

    /// A broker that others run may allow no session as short as ours: then a dead member is replaced later.
    fn lengthen_session(&mut self) -> Option<String> {
        let (session, common) = (self.settings.session, settings::COMMON_SESSION);
        if session >= common {
            return None;
        }
        self.settings.session = common;
        let lower =
            format!("set its group.min.session.timeout.ms to {} or less for a shorter one", session.as_millis());
        Some(format!("the broker takes no session of {session:?}; it is {common:?} now, {lower}"))
    }

    /// `Some` when there are records that the client does not bring.
    pub(super) fn take_silence(&mut self, client: &Client, waited: Duration) -> Option<String> {
        if !self.board.is_connected() && self.rounds.probed_at.elapsed() >= PROBE_EVERY {
            self.rounds.probed_at = Instant::now();
            match client.probe() {
                Ok(()) => self.board.connected(),
                Err(error) => self.board.failed(&error),
            }
        }
        if !self.rounds.watchdog.asked_in_vain(waited) {
            return None;
        }
        let positions = self.ledger.lock().positions();
        match client.lag(&positions) {
            Ok(0) => None,
            Ok(lag) => Some(format!("the consumer stands still {lag} records before the end")),
            // It may have lost its way for good; while Kafka is really away a new client costs little.
            Err(error) => Some(format!("the consumer has no answer from Kafka: {error}")),
        }
    }

    /// Commits what is done and leaves the group.
    pub(super) fn finish(mut self, client: Client) -> Result<(), BusError> {
        const STOPPING: &str = "committing before the end";
        self.take_signals();
        let places = {
            let ledger = self.ledger.lock();
            ledger.commit_points(&ledger.assignment())
        };
        let committed = if places.is_empty() { Ok(()) } else { client.commit(&places, CommitMode::Sync) };
        let committed = match committed {
            Err(KafkaError::ConsumerCommit(code)) if is_overtaken(code) => {
                tracing::info!(%code, "others have taken over: what was not committed comes to them again");
                Ok(())
            }
            other => other,
        };
        let topic = client.topic().to_owned();
        if committed.is_ok() {
            drop(client)
        } else {
            client.abandon()
        }
        committed.map_err(|error| BusError::of(STOPPING, &topic, error))
    }
}

/// Whether the group has divided its partitions again, without this member or before it could take part.
fn is_overtaken(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode::{IllegalGeneration, RebalanceInProgress, UnknownMemberId};
    matches!(code, RebalanceInProgress | IllegalGeneration | UnknownMemberId)
}
