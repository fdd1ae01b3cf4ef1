//! Being told to stop: the first SIGTERM or SIGINT asks for a drain, a later one ends the process.
//!
//! One request may come as several signals at once: ctrl-C reaches a process and the parent that passes it on, and some
//! service managers signal every process of a group. Those are one.

use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Signals that come within this time of the first belong to the same request.
const ONE_REQUEST: Duration = Duration::from_secs(1);

/// A request to stop that any number of tasks can wait for.
#[derive(Clone, Debug)]
pub struct Shutdown {
    requested: watch::Receiver<bool>,
}

/// The other end of a [`Shutdown`]; dropping it requests the stop as well.
#[derive(Debug)]
pub struct ShutdownHandle {
    request: watch::Sender<bool>,
}

impl ShutdownHandle {
    /// Asks everything that waits to stop.
    pub fn request(&self) {
        self.request.send_replace(true);
    }
}

impl Shutdown {
    /// A pair for tests and for parts of a program.
    pub fn new() -> (ShutdownHandle, Self) {
        let (request, requested) = watch::channel(false);
        (ShutdownHandle { request }, Self { requested })
    }

    /// Listens for signals: the first requests the stop; one that comes a second later or more ends the process with
    /// status 130.
    ///
    /// # Errors
    /// If the handlers cannot be installed. Must be called inside a tokio runtime.
    pub fn on_signals() -> std::io::Result<Self> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let (handle, shutdown) = Self::new();
        tokio::spawn(async move {
            let mut first = None::<Instant>;
            loop {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                match first {
                    None => {
                        tracing::info!("asked to stop; finishing work in hand");
                        first = Some(Instant::now());
                        handle.request();
                    }
                    Some(first) if first.elapsed() < ONE_REQUEST => {}
                    Some(_) => {
                        tracing::warn!("ended by a second signal before work in hand was finished");
                        std::process::exit(130);
                    }
                }
            }
        });
        Ok(shutdown)
    }

    /// Whether the stop has been requested.
    pub fn is_requested(&self) -> bool {
        *self.requested.borrow() || self.requested.has_changed().is_err()
    }

    /// What a service's end comes to, said when it ends: parts that see the request themselves may end before anybody
    /// looks at it, which is no failure.
    ///
    /// # Errors
    /// Those of `ended`, unless the stop has been requested.
    pub fn excuse<E>(&self, ended: Result<(), E>) -> Result<(), E> {
        if self.is_requested() { Ok(()) } else { ended }
    }

    /// Waits for the request.
    ///
    /// # Cancel safety
    /// Nothing is lost when it is dropped.
    pub async fn requested(&self) {
        let mut requested = self.requested.clone();
        // An error means that the handle is gone, which is a request too.
        let _ = requested.wait_for(|requested| *requested).await;
    }

    /// Waits for the request at most `limit`; says whether it came.
    pub async fn requested_within(&self, limit: Duration) -> bool {
        tokio::time::timeout(limit, self.requested()).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_part_that_ends_after_the_request_is_no_failure_and_one_before_it_is() {
        let (handle, shutdown) = Shutdown::new();
        assert_eq!(shutdown.excuse(Err("a part ended")), Err("a part ended"));
        assert_eq!(shutdown.excuse(Ok::<(), &str>(())), Ok(()));
        handle.request();
        assert_eq!(shutdown.excuse(Err("a part ended")), Ok(()));
    }

    #[tokio::test]
    async fn a_request_reaches_every_clone_and_dropping_the_handle_is_one() {
        let (handle, shutdown) = Shutdown::new();
        let other = shutdown.clone();
        assert!(!other.is_requested());
        handle.request();
        other.requested().await;
        assert!(shutdown.is_requested());
        let (handle, shutdown) = Shutdown::new();
        drop(handle);
        shutdown.requested().await;
        assert!(shutdown.is_requested());
    }
}
