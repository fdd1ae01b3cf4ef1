//! `Sweeper`: looks over the jobs in hand, round after round.

use std::time::Duration;

use actix::prelude::*;
use tessera::patience::Outage;

use super::Round;
use crate::duty::Duty;
use crate::sweep::Sweep;

/// The actor.
pub struct Sweeper {
    /// Taken out while a round is made.
    sweep: Option<Sweep>,
    duty: Duty,
    every: Duration,
}

impl Sweeper {
    /// A sweeper that makes a round `every` so often, while this monitor is on duty.
    pub fn new(sweep: Sweep, duty: Duty, every: Duration) -> Self {
        Self { sweep: Some(sweep), duty, every }
    }
}

impl Actor for Sweeper {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.run_interval(self.every, |_, context| context.notify(Round));
    }
}

impl Handler<Round> for Sweeper {
    type Result = ();

    fn handle(&mut self, _: Round, context: &mut Self::Context) {
        // Without it, a round is still under way: this one is left out.
        let Some(mut sweep) = self.sweep.take_if(|_| self.duty.is_on()) else { return };
        let round = async move {
            match sweep.round().await {
                Ok(()) => {}
                // The health page's line says what is away, once.
                Err(error) if error.is_outage() => tracing::debug!(%error, "a sweep could not be completed"),
                Err(error) => tracing::warn!(%error, "a sweep could not be completed"),
            }
            sweep
        };
        context.spawn(round.into_actor(self).map(|sweep, sweeper, _| sweeper.sweep = Some(sweep)));
    }
}
