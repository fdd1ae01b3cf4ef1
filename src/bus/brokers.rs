//! Keeps a client from losing Kafka for good.
//!
//! Owns the noticing that a client has forgotten every broker, and the giving of the addresses again. Must never
//! open a connection of its own, nor wait.
//!
//! A broker that comes back from a long pause answers, for a moment, that the cluster has no brokers. librdkafka
//! (2.10 to 2.16 at least) then drops all that it knows, and its way back to `bootstrap.servers` may be cancelled
//! by the very answer that began it: the client never speaks to Kafka again and reports nothing
//! (confluentinc/librdkafka#5301). Adding the addresses once more is what its own way back does.

use std::ffi::CString;
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::bindings as native;
use rdkafka::client::Client;

use crate::config::KafkaArgs;

/// The first wait before the addresses are given once more; each further one is twice as long. A broker that is
/// being dropped still counts as known to the client, so the first time may be in vain.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest: each time costs the client the memory of the addresses.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// What one client knows of Kafka's brokers.
#[derive(Debug)]
pub(super) struct Brokers {
    addresses: CString,
    reminder: Reminder,
}

impl Brokers {
    /// For a client that was opened with the same settings.
    pub(super) fn new(args: &KafkaArgs) -> Self {
        // Addresses with a zero byte reach no broker, and the client was told so when it was opened.
        let addresses = CString::new(args.kafka_brokers.as_str()).unwrap_or_default();
        Self { addresses, reminder: Reminder::default() }
    }

    /// Looks whether the client has forgotten all brokers and, if so, tells it the addresses again.
    pub(super) fn remind<C: ClientContext>(&mut self, client: &Client<C>) {
        if !self.reminder.is_due(learned(client), Instant::now()) {
            return;
        }
        // SAFETY: the client lives, and the addresses end with a zero byte; they are copied.
        unsafe { native::rd_kafka_brokers_add(client.native_ptr(), self.addresses.as_ptr()) };
        if self.reminder.has_known {
            tracing::info!("the Kafka client has forgotten all brokers; it is told their addresses again");
        }
    }
}

/// How many brokers a client has heard of from Kafka itself.
fn learned<C: ClientContext>(client: &Client<C>) -> usize {
    let mut count = 0;
    // SAFETY: the client lives, the count goes to a variable of ours, and the list is freed by its own allocator.
    unsafe {
        let ids = native::rd_kafka_brokers_learned_ids(client.native_ptr(), &mut count);
        native::rd_kafka_mem_free(client.native_ptr(), ids.cast());
    }
    count
}

/// When to tell a client the addresses.
#[derive(Debug, Default)]
struct Reminder {
    has_known: bool,
    /// When it was told last, and how long it is given to find a broker.
    told: Option<(Instant, Duration)>,
}

impl Reminder {
    /// Whether the client, which knows `learned` brokers now, is to be told. One that has just been opened asks at
    /// the addresses by itself.
    fn is_due(&mut self, learned: usize, now: Instant) -> bool {
        if learned > 0 {
            *self = Self { has_known: true, told: None };
            return false;
        }
        match &mut self.told {
            None => {
                self.told = Some((now, FIRST_WAIT));
                self.has_known
            }
            Some((at, wait)) if now.duration_since(*at) >= *wait => {
                (*at, *wait) = (now, (*wait * 2).min(LONGEST_WAIT));
                true
            }
            Some(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_forgot_is_told_at_once_and_then_ever_more_rarely() {
        let (mut reminder, start) = (Reminder::default(), Instant::now());
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let told: Vec<u64> = (0..10).filter(|second| reminder.is_due(0, at(*second))).collect();
        assert_eq!(told, [1, 3, 7], "a new client looks for itself first");
        assert!(!reminder.is_due(1, at(10)));
        let told: Vec<u64> = (11..60).filter(|second| reminder.is_due(0, at(*second))).collect();
        assert_eq!(told, [11, 12, 14, 18, 26, 36, 46, 56]);
        assert!(!reminder.is_due(2, at(60)));
        assert!(reminder.is_due(0, at(61)), "a new loss starts over");
    }
}
