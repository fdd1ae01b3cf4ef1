//! Waiting for dependencies that are down: it is nobody's attempt, and never an error.

use std::fmt::Display;
use std::time::Duration;

use tessera::bus::BusError;
use tessera::state::StateError;
use tessera::store::StoreError;
use tessera::telemetry::Shutdown;

const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Errors that can pass by themselves.
pub trait Passing {
    /// Whether waiting may help.
    fn may_pass(&self) -> bool;
}

impl Passing for StateError {
    fn may_pass(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl Passing for StoreError {
    fn may_pass(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

impl Passing for BusError {
    fn may_pass(&self) -> bool {
        self.is_unavailable()
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
    let mut wait = FIRST_WAIT;
    loop {
        match ask().await {
            Ok(answer) => return Ok(answer),
            Err(error) if !error.may_pass() => return Err(NoAnswer::Failed(error)),
            Err(error) => {
                tracing::warn!(doing, %error, wait_ms = wait.as_millis() as u64, "waiting for a dependency");
                if shutdown.requested_within(wait).await {
                    return Err(NoAnswer::Stopping);
                }
            }
        }
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

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
