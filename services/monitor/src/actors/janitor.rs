//! `Janitor`: removes what has expired or was left, round after round.

use std::time::Duration;

use actix::prelude::*;

use super::Round;
use crate::cleaning::Cleaning;
use crate::duty::Duty;

/// The actor.
pub struct Janitor {
    /// Taken out while a round is made.
    cleaning: Option<Cleaning>,
    duty: Duty,
    every: Duration,
}

impl Janitor {
    /// A janitor that makes a round `every` so often, while this monitor is on duty.
    pub fn new(cleaning: Cleaning, duty: Duty, every: Duration) -> Self {
        Self { cleaning: Some(cleaning), duty, every }
    }
}

impl Actor for Janitor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.run_interval(self.every, |_, context| context.notify(Round));
    }
}

impl Handler<Round> for Janitor {
    type Result = ();

    fn handle(&mut self, _: Round, context: &mut Self::Context) {
        // Without it, a round is still under way: this one is left out.
        let Some(mut cleaning) = self.cleaning.take_if(|_| self.duty.is_on()) else { return };
        let round = async move {
            if let Err(error) = cleaning.round().await {
                tracing::warn!(%error, "a round of the janitor could not be completed");
            }
            cleaning
        };
        context.spawn(round.into_actor(self).map(|cleaning, janitor, _| janitor.cleaning = Some(cleaning)));
    }
}
