//! `WorkerRegistry`: writes heartbeats to Redis and says who came and who went.

use std::time::{Duration, Instant};

use actix::prelude::*;
use tessera::heartbeat::Heartbeat;

use super::Round;
use crate::edges::Edges;
use crate::registry::{News, Registry};
use tessera::patience::{NoAnswer, insist};

const LOOK_EVERY: Duration = Duration::from_secs(1);

/// These workers live. Answered when Redis knows.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct NoteBeats(pub Vec<Heartbeat>);

/// The actor.
pub struct WorkerRegistry {
    edges: Edges,
    registry: Registry,
    ttl: Duration,
}

impl WorkerRegistry {
    /// A registry in which who is silent for `ttl` counts as dead.
    pub fn new(edges: Edges, ttl: Duration) -> Self {
        Self { edges, registry: Registry::new(ttl), ttl }
    }

    fn count(&self) {
        if self.edges.duty.is_on() {
            let (alive, silent) = self.registry.known();
            self.edges.counts.workers(alive, silent);
        } else {
            self.edges.counts.stand_by();
        }
    }

    fn tell(&self, text: String) {
        tracing::info!("{text}");
        let state = self.edges.state.clone();
        actix::spawn(async move {
            if let Err(error) = state.activity(&text, None).await {
                tracing::debug!(%error, "could not note an activity");
            }
        });
    }

    /// Takes note of those who count; gives them.
    fn hear(&mut self, beats: Vec<Heartbeat>) -> Vec<Heartbeat> {
        let now = Instant::now();
        let hear = |beat: &Heartbeat| {
            let news = self.registry.hear(beat, now);
            match news {
                News::None => {}
                News::Arrived => self.tell(format!("worker {} arrived", beat.worker)),
                News::Restarted => self.tell(format!("worker {} was started anew", beat.worker)),
                News::TooMany => tracing::warn!(worker = %beat.worker, "too many workers; its heartbeat is dropped"),
            }
            news != News::TooMany
        };
        let mut beats = beats;
        beats.retain(hear);
        beats
    }
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
        self.edges.counts.heard(beats.len());
        let beats = self.hear(beats);
        let (edges, ttl) = (self.edges.clone(), self.ttl);
        let work = async move {
            for beat in beats {
                let noted = insist(&edges.shutdown, "noting a heartbeat", || edges.state.beat(&beat, ttl)).await;
                match noted {
                    Ok(()) => {}
                    Err(NoAnswer::Stopping) => return,
                    Err(error) => tracing::warn!(worker = %beat.worker, %error, "a heartbeat could not be noted"),
                }
            }
        };
        AtomicResponse::new(Box::pin(work.into_actor(self)))
    }
}

impl Handler<Round> for WorkerRegistry {
    type Result = ();

    fn handle(&mut self, _: Round, _: &mut Self::Context) {
        let silent = self.registry.silent(Instant::now());
        self.count();
        for silent in silent {
            if !self.edges.duty.is_on() {
                // Another monitor hears it now.
                continue;
            }
            if !silent.is_expected {
                self.edges.counts.died();
            }
            let what = if silent.is_expected { "has stopped" } else { "is dead: no heartbeat came from it" };
            self.tell(format!("worker {} {what}", silent.worker));
        }
    }
}
