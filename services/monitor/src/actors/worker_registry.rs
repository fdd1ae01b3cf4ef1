//! `WorkerRegistry`: writes heartbeats to Redis and says who came and who went.
//!
//! Redis decides first whose heartbeat counts: what may not be sent must not take a place here either.

use std::time::{Duration, Instant};

use actix::prelude::*;
use tessera::heartbeat::Heartbeat;
use tessera::state::{Heard, StateError};

use super::Round;
use crate::backends::MonitorBackends;
use crate::registry::{News, Registry};
use tessera::patience::{NoAnswer, insist};

const LOOK_EVERY: Duration = Duration::from_secs(1);

/// These workers live. Answered when Redis knows.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct NoteBeats(pub Vec<Heartbeat>);

/// The actor.
pub struct WorkerRegistry {
    backends: MonitorBackends,
    registry: Registry,
    ttl: Duration,
}

impl WorkerRegistry {
    /// A registry in which who is silent for `ttl` counts as dead.
    pub fn new(backends: MonitorBackends, ttl: Duration) -> Self {
        Self { backends, registry: Registry::new(ttl), ttl }
    }

    fn count(&self) {
        if self.backends.duty.is_on() {
            let (alive, silent) = self.registry.known();
            self.backends.counts.workers(alive, silent);
        } else {
            self.backends.counts.stand_by();
        }
    }

    fn tell(&self, text: String) {
        tracing::info!("{text}");
        let state = self.backends.state.clone();
        actix::spawn(async move {
            if let Err(error) = state.activity(&text, None).await {
                tracing::debug!(%error, "could not note an activity");
            }
        });
    }

    /// Takes note of those who count.
    fn hear(&mut self, heard: Vec<(Heartbeat, Heard)>) {
        let now = Instant::now();
        let mut refused = 0_u64;
        for (beat, heard) in heard {
            if heard != Heard::Noted {
                refused += 1;
                continue;
            }
            match self.registry.hear(&beat, now) {
                News::None => {}
                News::Arrived => self.tell(format!("worker {} arrived", beat.worker)),
                News::Restarted => self.tell(format!("worker {} was restarted", beat.worker)),
                News::TooMany => refused += 1,
            }
        }
        if refused > 0 {
            self.backends.counts.refused(refused);
            tracing::warn!(refused, "heartbeats were dropped: of names in use, or of too many that no worker took");
        }
    }
}

/// Tells Redis; gives what became of each that Redis answered for.
async fn note(backends: &MonitorBackends, beats: Vec<Heartbeat>, ttl: Duration) -> Vec<(Heartbeat, Heard)> {
    let all = || backends.state.beats(&beats, ttl);
    match insist::<_, StateError, _>(&backends.shutdown, "noting heartbeats", all).await {
        Ok(heard) => return beats.into_iter().zip(heard).collect(),
        Err(NoAnswer::Stopping) => return Vec::new(),
        Err(error) => tracing::debug!(%error, "noting heartbeats one by one"),
    }
    // A damaged key spoils only its own worker's heartbeat.
    let mut noted = Vec::new();
    for beat in beats {
        match insist::<_, StateError, _>(&backends.shutdown, "noting a heartbeat", || backends.state.beat(&beat, ttl))
            .await
        {
            Ok(heard) => noted.push((beat, heard)),
            Err(NoAnswer::Stopping) => break,
            Err(error) => tracing::warn!(worker = %beat.worker, %error, "a heartbeat could not be noted"),
        }
    }
    noted
}

impl Actor for WorkerRegistry {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.run_interval(LOOK_EVERY, |_, context| context.notify(Round));
    }
}

impl Handler<NoteBeats> for WorkerRegistry {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, NoteBeats(beats): NoteBeats, _: &mut Self::Context) -> Self::Result {
        self.backends.counts.heard(beats.len());
        let (backends, ttl) = (self.backends.clone(), self.ttl);
        let work = async move { note(&backends, beats, ttl).await };
        AtomicResponse::new(Box::pin(work.into_actor(self).map(|heard, registry, _| registry.hear(heard))))
    }
}

impl Handler<Round> for WorkerRegistry {
    type Result = ();

    fn handle(&mut self, _: Round, _: &mut Self::Context) {
        let silent = self.registry.silent(Instant::now());
        self.count();
        for silent in silent {
            if !self.backends.duty.is_on() {
                // Another monitor hears it now.
                continue;
            }
            if !silent.is_expected {
                self.backends.counts.died();
            }
            let what = if silent.is_expected { "has stopped" } else { "is dead: no heartbeat came from it" };
            self.tell(format!("worker {} {what}", silent.worker));
        }
    }
}
