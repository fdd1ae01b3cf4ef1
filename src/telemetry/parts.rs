//! The parts of a service that must never end: whichever does, by itself or by a panic, ends the service.
//!
//! Owns that a part which is gone is named. Restarts nothing: that is the keeper's, who starts the process again.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;

use super::Shutdown;

/// How often it is looked whether a part is still there.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Runs a part; gives its name when it has ended, by itself or by a panic.
///
/// # Cancel safety
/// That of `work`.
pub async fn part(name: &'static str, work: impl Future) -> &'static str {
    caught(name, work).await.map_or_else(|name| name, |_| name)
}

/// Runs a part that may end.
///
/// # Errors
/// Its name, if it panicked.
pub async fn caught<T>(name: &'static str, work: impl Future<Output = T>) -> Result<T, &'static str> {
    AssertUnwindSafe(work).catch_unwind().await.map_err(|panic| {
        tracing::error!(part = name, panic = text_of(panic.as_ref()), "a part of the service panicked");
        name
    })
}

/// Does work that ends when it is told to: at the stop, or once `trouble` has come. Gives what came of the work, and the
/// trouble: whatever a service ends for, its work is brought to an end as at a stop.
pub async fn until_trouble<T, E, F: Future<Output = T>>(
    shutdown: &Shutdown,
    work: impl FnOnce(Shutdown) -> F,
    trouble: impl Future<Output = E>,
) -> (T, Option<E>) {
    let (stop, stopping) = Shutdown::new();
    let mut work = std::pin::pin!(work(stopping));
    let trouble = tokio::select! {
        done = &mut work => return (done, None),
        () = shutdown.requested() => None,
        trouble = trouble => Some(trouble),
    };
    stop.request();
    (work.await, trouble)
}

/// Waits until a part that runs elsewhere (an actor, a thread) has gone; gives its name.
pub async fn until_gone(name: &'static str, is_there: impl Fn() -> bool) -> &'static str {
    while is_there() {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    name
}

/// Why a feed of records has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedEnd {
    /// It was asked to.
    Asked,
    /// Who is fed, or the consumer, has gone.
    Broken,
}

/// Reads what a record says; a panic is what the record did, not what this process did.
///
/// # Errors
/// What the panic said, in words for a dead letter.
pub fn read_record<T>(read: impl FnOnce() -> T) -> Result<T, String> {
    let read = std::panic::catch_unwind(AssertUnwindSafe(read));
    read.map_err(|panic| format!("reading the record panicked: {}", text_of(panic.as_ref())))
}

/// What a panic said, at most 200 characters of it.
pub fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    text.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    /// As in the services: whichever part ends first is named.
    async fn first(
        watcher: impl Future<Output = ()>,
        feed: impl Future<Output = ()>,
        is_there: impl Fn() -> bool,
    ) -> &'static str {
        tokio::select! {
            part = part("watcher", watcher) => part,
            part = part("feed", feed) => part,
            part = until_gone("actor", is_there) => part,
        }
    }

    async fn panics() {
        tokio::task::yield_now().await;
        panic!("a bug");
    }

    #[tokio::test]
    async fn work_is_told_to_end_at_the_stop_and_at_any_trouble() {
        let work = |stopping: Shutdown| async move {
            stopping.requested().await;
            "in hand no more"
        };
        let for_ever = std::future::pending::<&str>;
        let (stop, shutdown) = Shutdown::new();
        let trouble = async { "the name is another's" };
        let ended = until_trouble(&shutdown, work, trouble).await;
        assert_eq!(ended, ("in hand no more", Some("the name is another's")));
        stop.request();
        assert_eq!(until_trouble(&shutdown, work, for_ever()).await, ("in hand no more", None));
        assert_eq!(until_trouble(&shutdown, |_| async { "done" }, for_ever()).await.0, "done");
    }

    #[tokio::test]
    async fn a_part_that_panics_or_ends_is_named() {
        let for_ever = std::future::pending::<()>;
        assert_eq!(first(for_ever(), panics(), || true).await, "feed");
        assert_eq!(first(panics(), for_ever(), || true).await, "watcher");
        assert_eq!(first(for_ever(), async {}, || true).await, "feed");
        let is_there = AtomicBool::new(true);
        let looked = || is_there.swap(false, Ordering::Relaxed);
        assert_eq!(first(for_ever(), for_ever(), looked).await, "actor");
        assert_eq!(caught("feed", async { 7 }).await, Ok(7));
        assert_eq!(caught("feed", panics()).await, Err("feed"));
    }
}
