//! Says every five seconds that the worker lives, from a thread and with a producer of its own, so
//! that neither a kernel nor a full queue keeps it from beating.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use bytes::Bytes;
use tessera::bus::{Outgoing, Producer, Topic};
use tessera::heartbeat::Heartbeat;

use crate::Identity;
use crate::exchange::Exchange;
use crate::progress::Progress;

/// Between two beats; a worker counts as dead after three.
const INTERVAL: Duration = Duration::from_secs(5);

/// The worker's heart.
#[derive(Debug)]
pub struct Heart {
    producer: Producer,
    identity: Identity,
    slots: u32,
    progress: Arc<Progress>,
    exchange: Exchange,
    status: &'static str,
}

/// The worker stops: beat once more, as `draining`, and answer when Kafka has it.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Farewell;

impl Heart {
    /// A heart that beats for `identity` once it is started.
    pub fn new(
        producer: Producer,
        identity: Identity,
        slots: u32,
        progress: Arc<Progress>,
        exchange: Exchange,
    ) -> Self {
        Self { producer, identity, slots, progress, exchange, status: "running" }
    }

    fn beat(&self) -> impl Future<Output = ()> + 'static {
        let mut beat = self.heartbeat();
        let told = beat.finished.last().map_or(0, |tile| tile.number);
        let key = Some(self.identity.worker.to_string());
        let (producer, progress, exchange) = (self.producer.clone(), self.progress.clone(), self.exchange.clone());
        async move {
            beat.store = exchange.identity().await;
            let (headers, value) = beat.encode();
            let payload = Bytes::from(value);
            let record = Outgoing { topic: Topic::Heartbeats, key, partition: None, headers, payload };
            match producer.send(record).await {
                Ok(_) => progress.told(told),
                // The next beat says more than a repetition of this one would.
                Err(error) => tracing::debug!(%error, "a heartbeat was not delivered"),
            }
        }
    }

    fn heartbeat(&self) -> Heartbeat {
        let identity = self.identity.clone();
        let mut beat = Heartbeat {
            worker: identity.worker,
            incarnation: identity.incarnation,
            status: self.status.to_owned(),
            host: identity.host,
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            slots: self.slots,
            busy: 0,
            tiles_done: 0,
            tiles_failed: 0,
            mean_ms: 0.0,
            stuck_ms: None,
            current: Vec::new(),
            finished: Vec::new(),
            started_at: identity.started_at,
            health_addr: identity.health_addr.to_string(),
            store: None,
        };
        self.progress.fill(&mut beat);
        beat
    }
}

impl Actor for Heart {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.spawn(self.beat().into_actor(self));
        context.run_interval(INTERVAL, |heart, context| {
            context.spawn(heart.beat().into_actor(heart));
        });
    }
}

impl Handler<Farewell> for Heart {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Farewell, _: &mut Self::Context) -> Self::Result {
        self.status = "draining";
        Box::pin(self.beat())
    }
}
