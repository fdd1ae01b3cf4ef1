//! Waiting for a dependency that is down: with a backoff, until it answers or the process stops.
//!
//! Such a wait is nobody's attempt, so nothing is counted here and nothing is ever given up.

use std::fmt::Display;
use std::time::Duration;

use crate::bus::BusError;
use crate::state::StateError;
use crate::store::StoreError;
use crate::telemetry::Shutdown;
use crate::telemetry::outages::Waiting;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The pauses between attempts to reach a dependency. When it is dropped, the dependency has answered.
#[derive(Debug)]
pub struct Patience {
    next: Duration,
    outage: Option<Waiting>,
}

impl Default for Patience {
    /// Begins with the shortest pause.
    fn default() -> Self {
        Self { next: FIRST_PAUSE, outage: None }
    }
}

impl Patience {
    /// As [`Patience::pause`], and lets the log know that `what` is away because of `problem`: once for all who wait.
    pub async fn wait_for(&mut self, what: &'static str, problem: &dyn Display, shutdown: &Shutdown) -> bool {
        if self.outage.is_none() {
            self.outage = Some(Waiting::begin(what, problem));
        }
        tracing::debug!(what, %problem, "waiting");
        self.pause(shutdown).await
    }

    /// Waits, each time longer; says whether to try again, which is not so once a stop is requested.
    pub async fn pause(&mut self, shutdown: &Shutdown) -> bool {
        let stops = shutdown.requested_within(self.next).await;
        self.next = (self.next * 2).min(LONGEST_PAUSE);
        if let Some(outage) = self.outage.as_mut().filter(|_| stops) {
            outage.give_up();
        }
        !stops
    }
}

/// Asks Redis until it answers; `None` if a stop is requested before it does.
///
/// # Errors
/// [`StateError::Data`] only.
pub async fn answered<T>(
    shutdown: &Shutdown,
    mut ask: impl AsyncFnMut() -> Result<T, StateError>,
) -> Option<Result<T, StateError>> {
    let mut patience = Patience::default();
    loop {
        match ask().await {
            Err(error @ StateError::Unavailable(_)) => {
                if !patience.wait_for(error.dependency(), &error, shutdown).await {
                    return None;
                }
            }
            answer => return Some(answer),
        }
    }
}

/// Errors that can pass by themselves.
pub trait Passing {
    /// Whether waiting may help.
    fn may_pass(&self) -> bool;

    /// What is waited for then, as the log names it.
    fn dependency(&self) -> &'static str;
}

impl Passing for StateError {
    fn may_pass(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    fn dependency(&self) -> &'static str {
        "redis"
    }
}

impl Passing for StoreError {
    fn may_pass(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    fn dependency(&self) -> &'static str {
        "the store"
    }
}

impl Passing for BusError {
    fn may_pass(&self) -> bool {
        self.is_unavailable()
    }

    fn dependency(&self) -> &'static str {
        "kafka"
    }
}

/// Why an answer did not come.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer<E> {
    /// The process was asked to stop while the dependency was down.
    #[error("stopping")]
    Stopping,
    /// It answered with an error that does not pass.
    #[error(transparent)]
    Failed(E),
}

/// Asks until there is an answer, or the process is to stop.
///
/// # Errors
/// [`NoAnswer`]; while the process stops, one more question is asked and no more.
pub async fn insist<T, E, F>(
    shutdown: &Shutdown,
    doing: &'static str,
    mut ask: impl FnMut() -> F,
) -> Result<T, NoAnswer<E>>
where
    E: Passing + Display,
    F: Future<Output = Result<T, E>>,
{
    let mut patience = Patience::default();
    loop {
        match ask().await {
            Ok(answer) => return Ok(answer),
            Err(error) if !error.may_pass() => return Err(NoAnswer::Failed(error)),
            Err(error) => {
                tracing::debug!(doing, "has to wait");
                if !patience.wait_for(error.dependency(), &error, shutdown).await {
                    return Err(NoAnswer::Stopping);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[actix_web::test]
    async fn it_asks_until_there_is_an_answer_or_a_stop() {
        let (handle, shutdown) = Shutdown::new();
        let mut asked = 0;
        let answer = answered(&shutdown, async || {
            asked += 1;
            if asked < 3 { Err(StateError::Unavailable("down".to_owned())) } else { Ok(asked) }
        });
        assert_eq!(answer.await, Some(Ok(3)));
        handle.request();
        let never = answered(&shutdown, async || Err::<(), _>(StateError::Unavailable("down".to_owned())));
        assert_eq!(never.await, None);
    }

    #[tokio::test]
    async fn it_asks_until_there_is_an_answer() {
        let (_handle, shutdown) = Shutdown::new();
        let asked = Cell::new(0);
        let answer = insist(&shutdown, "testing", || {
            asked.set(asked.get() + 1);
            let up = asked.get() > 2;
            async move { if up { Ok(7) } else { Err(StateError::Unavailable("down".into())) } }
        });
        assert_eq!(answer.await.unwrap(), 7);
        let failed = insist(&shutdown, "testing", || async { Err::<(), _>(StateError::Data("odd".into())) });
        assert!(matches!(failed.await, Err(NoAnswer::Failed(_))));
    }

    #[tokio::test]
    async fn a_stop_ends_the_waiting_but_not_the_first_question() {
        let (handle, shutdown) = Shutdown::new();
        handle.request();
        assert_eq!(insist(&shutdown, "testing", || async { Ok::<_, StateError>(1) }).await.unwrap(), 1);
        let down = insist(&shutdown, "testing", || async { Err::<(), _>(StateError::Unavailable("down".into())) });
        assert!(matches!(down.await, Err(NoAnswer::Stopping)));
    }
}
