//! Waiting for a dependency that is down: with a backoff, until it answers or the process stops.
//!
//! Such a wait is no attempt at anything, so nothing is counted here and nothing is ever given up. Knows no dependency:
//! each says of its errors itself which of them are outages ([`Outage`]).

use std::fmt::Display;
use std::time::Duration;

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

    /// Waits, each time longer; says whether to try again, which it does not once a stop is requested.
    pub async fn pause(&mut self, shutdown: &Shutdown) -> bool {
        let stops = shutdown.requested_within(self.next).await;
        self.next = (self.next * 2).min(LONGEST_PAUSE);
        if let Some(outage) = self.outage.as_mut().filter(|_| stops) {
            outage.give_up();
        }
        !stops
    }
}

/// Errors by which a dependency may say that it is away.
pub trait Outage: Display {
    /// Whether the dependency is away, so that the same question may be answered later.
    fn is_outage(&self) -> bool;

    /// Which dependency it is, as the log names it.
    fn dependency(&self) -> &'static str;
}

/// Asks until there is an answer; `None` if a stop is requested before there is one. The first question is always asked.
///
/// # Errors
/// Those that are no outage.
pub async fn answered<T, E: Outage>(
    shutdown: &Shutdown,
    mut ask: impl AsyncFnMut() -> Result<T, E>,
) -> Option<Result<T, E>> {
    let mut patience = Patience::default();
    loop {
        match ask().await {
            Err(error) if error.is_outage() => {
                if !patience.wait_for(error.dependency(), &error, shutdown).await {
                    return None;
                }
            }
            answer => return Some(answer),
        }
    }
}

/// Why an answer did not come.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer<E> {
    /// The process was asked to stop while the dependency was away.
    #[error("stopping")]
    Stopping,
    /// It answered with an error that is no outage.
    #[error(transparent)]
    Failed(E),
}

/// As [`answered`], for those who go on with `?`; `doing` is for the log.
///
/// # Errors
/// [`NoAnswer`].
pub async fn insist<T, E, F>(
    shutdown: &Shutdown,
    doing: &'static str,
    mut ask: impl FnMut() -> F,
) -> Result<T, NoAnswer<E>>
where
    E: Outage,
    F: Future<Output = Result<T, E>>,
{
    let ask = async || {
        let answer = ask().await;
        if answer.as_ref().err().is_some_and(Outage::is_outage) {
            tracing::debug!(doing, "has to wait");
        }
        answer
    };
    match answered(shutdown, ask).await {
        None => Err(NoAnswer::Stopping),
        Some(answer) => answer.map_err(NoAnswer::Failed),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// What a dependency says that knows one outage and one answer that is wrong.
    #[derive(Debug, PartialEq, thiserror::Error)]
    enum Said {
        #[error("down")]
        Down,
        #[error("odd")]
        Odd,
    }

    impl Outage for Said {
        fn is_outage(&self) -> bool {
            *self == Self::Down
        }

        fn dependency(&self) -> &'static str {
            "a dependency"
        }
    }

    #[actix_web::test]
    async fn it_asks_until_there_is_an_answer_or_a_stop() {
        let (handle, shutdown) = Shutdown::new();
        let mut asked = 0;
        let answer = answered(&shutdown, async || {
            asked += 1;
            if asked < 3 { Err(Said::Down) } else { Ok(asked) }
        });
        assert_eq!(answer.await, Some(Ok(3)));
        handle.request();
        let never = answered(&shutdown, async || Err::<(), _>(Said::Down));
        assert_eq!(never.await, None);
    }

    #[tokio::test]
    async fn it_asks_until_there_is_an_answer() {
        let (_handle, shutdown) = Shutdown::new();
        let asked = Cell::new(0);
        let answer = insist(&shutdown, "testing", || {
            asked.set(asked.get() + 1);
            let up = asked.get() > 2;
            async move { if up { Ok(7) } else { Err(Said::Down) } }
        });
        assert_eq!(answer.await.unwrap(), 7);
        let failed = insist(&shutdown, "testing", || async { Err::<(), _>(Said::Odd) });
        assert!(matches!(failed.await, Err(NoAnswer::Failed(_))));
    }

    #[tokio::test]
    async fn a_stop_ends_the_waiting_but_not_the_first_question() {
        let (handle, shutdown) = Shutdown::new();
        handle.request();
        assert_eq!(insist(&shutdown, "testing", || async { Ok::<_, Said>(1) }).await.unwrap(), 1);
        let down = insist(&shutdown, "testing", || async { Err::<(), _>(Said::Down) });
        assert!(matches!(down.await, Err(NoAnswer::Stopping)));
    }
}
