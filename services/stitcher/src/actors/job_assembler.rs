//! `JobAssembler`: the mailbox of the [`Assembler`].
//!
//! Owns that one message is handled at a time, to its end, and the two clocks: notes of
//! progress and sweeps. Decides nothing.

use std::time::Duration;

use actix::prelude::*;
use tessera::bus::Delivery;
use tokio::sync::oneshot;

use crate::assembler::{Assembler, Report};

/// How often it is noted which jobs were encoded on, and paused encodings are looked at.
const NOTE_EVERY: Duration = Duration::from_secs(2);

/// Put these records' tiles together. Answered when they are in the spool and marked, or to come again.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct AssembleBatch {
    /// Records in the order of their partitions.
    pub deliveries: Vec<Delivery>,
    /// What this process owns now.
    pub assignment: Vec<i32>,
}

/// The partitions that this process owns have changed.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct AssignmentChanged(pub Vec<i32>);

/// Something beside the assembler has got further.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct StepReported(pub Report);

/// Begin nothing new; the answer is told when nothing is under way.
#[derive(Debug, Message)]
#[rtype(result = "Option<oneshot::Receiver<()>>")]
pub struct Drain;

/// Let go of all stages.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct LetGo;

#[derive(Debug, Message)]
#[rtype(result = "()")]
struct SweepSpool;

/// The actor.
pub struct JobAssembler {
    /// Taken out while a message is being handled.
    assembler: Option<Assembler>,
    sweep_every: Duration,
}

impl JobAssembler {
    /// An actor around `assembler`.
    pub fn new(assembler: Assembler, sweep_every: Duration) -> Self {
        Self { assembler: Some(assembler), sweep_every }
    }

    /// Handles a message with the assembler alone: no other message is looked at before it is done.
    fn alone<F>(&mut self, work: impl FnOnce(Assembler) -> F) -> AtomicResponse<Self, ()>
    where
        F: Future<Output = Assembler> + 'static,
    {
        let Some(assembler) = self.assembler.take() else {
            // Only after a panic, which ends the process.
            return AtomicResponse::new(Box::pin(async {}.into_actor(self)));
        };
        let work = work(assembler).into_actor(self);
        AtomicResponse::new(Box::pin(work.map(|assembler, actor, _| actor.assembler = Some(assembler))))
    }
}

impl Actor for JobAssembler {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.run_interval(NOTE_EVERY, |actor, _| {
            let Some(assembler) = &mut actor.assembler else { return };
            assembler.note();
            assembler.look_at_encoders();
            assembler.schedule();
        });
        context.notify(SweepSpool);
        context.run_interval(self.sweep_every, |_, context| context.notify(SweepSpool));
    }
}

impl Handler<AssembleBatch> for JobAssembler {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, batch: AssembleBatch, _: &mut Self::Context) -> Self::Result {
        self.alone(|mut assembler| async move {
            assembler.take(batch.deliveries, &batch.assignment).await;
            assembler
        })
    }
}

impl Handler<StepReported> for JobAssembler {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, step: StepReported, _: &mut Self::Context) -> Self::Result {
        self.alone(|mut assembler| async move {
            assembler.report(step.0).await;
            assembler
        })
    }
}

impl Handler<SweepSpool> for JobAssembler {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, _: SweepSpool, _: &mut Self::Context) -> Self::Result {
        self.alone(|mut assembler| async move {
            assembler.sweep().await;
            assembler
        })
    }
}

impl Handler<AssignmentChanged> for JobAssembler {
    type Result = ();

    fn handle(&mut self, changed: AssignmentChanged, _: &mut Self::Context) {
        if let Some(assembler) = &mut self.assembler {
            assembler.keep_partitions(&changed.0);
        }
    }
}

impl Handler<Drain> for JobAssembler {
    type Result = Option<oneshot::Receiver<()>>;

    fn handle(&mut self, _: Drain, _: &mut Self::Context) -> Self::Result {
        self.assembler.as_mut().map(Assembler::drain)
    }
}

impl Handler<LetGo> for JobAssembler {
    type Result = ();

    fn handle(&mut self, _: LetGo, _: &mut Self::Context) {
        if let Some(assembler) = &mut self.assembler {
            assembler.let_go();
        }
    }
}
