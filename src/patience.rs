//! Waiting for a dependency that is down: with a backoff, until it answers or the process stops.
//!
//! Such a wait is nobody's attempt, so nothing is counted here and nothing is ever given up.

use std::time::Duration;

use crate::state::StateError;
use crate::telemetry::Shutdown;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The pauses between attempts to reach a dependency.
#[derive(Debug)]
pub struct Patience {
    next: Duration,
}

impl Default for Patience {
    /// Begins with the shortest pause.
    fn default() -> Self {
        Self { next: FIRST_PAUSE }
    }
}

impl Patience {
    /// Waits, each time longer; says whether to try again, which is not so once a stop is requested.
    pub async fn pause(&mut self, shutdown: &Shutdown) -> bool {
        let stops = shutdown.requested_within(self.next).await;
        self.next = (self.next * 2).min(LONGEST_PAUSE);
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
            Err(StateError::Unavailable(problem)) => {
                tracing::debug!(problem, "waiting for redis");
                if !patience.pause(shutdown).await {
                    return None;
                }
            }
            answer => return Some(answer),
        }
    }
}

#[cfg(test)]
mod tests {
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
}
