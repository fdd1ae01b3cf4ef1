//! The native producer and the thread that hears its delivery reports.
//!
//! Owns that thread. Must never make the one who drops a producer wait for it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::producer::{BaseProducer, Producer as _};

use super::context::Context;
use crate::bus::brokers::Brokers;
use crate::bus::{BusError, settings};
use crate::config::KafkaArgs;

/// The longest wait for a report, each of which wakes the thread at once. Every wait ends in a
/// millisecond of spinning inside rdkafka, so a short one costs CPU: rdkafka's own thread waits
/// 0.1 s, which is 0.8 % of a core without a record. A dropped producer's thread ends this much later.
const POLL: Duration = Duration::from_secs(2);

pub(super) struct Native {
    client: Arc<BaseProducer<Context>>,
    is_dropped: Arc<AtomicBool>,
}

impl Native {
    pub(super) fn open(args: &KafkaArgs, client_id: &str, queue_bytes: usize) -> Result<Self, BusError> {
        let config = settings::producer(args, client_id, queue_bytes);
        let client = BaseProducer::from_config_and_context(&config, Context).map_err(BusError::Client)?;
        let native = Self { client: Arc::new(client), is_dropped: Arc::default() };
        let (client, is_dropped) = (Arc::clone(&native.client), Arc::clone(&native.is_dropped));
        let mut brokers = Brokers::new(args);
        let listen = move || {
            while !is_dropped.load(Ordering::Relaxed) {
                // A panic is logged by the process's hook; without this thread no delivery would ever be reported.
                let once = AssertUnwindSafe(|| {
                    client.poll(POLL);
                    brokers.remind(client.client());
                });
                let _ = catch_unwind(once);
            }
        };
        let thread = std::thread::Builder::new().name("bus-reports".to_owned());
        thread.spawn(listen).map_err(|_| BusError::Stopped("starting a producer's thread"))?;
        Ok(native)
    }

    pub(super) fn client(&self) -> &BaseProducer<Context> {
        &self.client
    }
}

impl Drop for Native {
    fn drop(&mut self) {
        // The thread closes the client, which may take a while.
        self.is_dropped.store(true, Ordering::Relaxed);
    }
}
