//! Results that wait for each other, so that they travel to Kafka together: its work is by request.
//!
//! Owns how long and for what a result waits: only while this worker has other tiles in hand, and only a moment.

use std::cell::Cell;
use std::time::Duration;

use tokio::sync::Notify;

/// The most results that travel together.
const MOST: u32 = 4;
/// The longest that a result waits for another.
const PATIENCE: Duration = Duration::from_millis(4);

/// The tiles in hand and the results that wait.
#[derive(Debug)]
pub struct Gather {
    patience: Duration,
    in_hand: Cell<u32>,
    waiting: Cell<u32>,
    go: Notify,
}

/// A tile whose result is to be expected until this is dropped.
#[derive(Debug)]
pub struct Expected<'a>(&'a Gather);

impl Default for Gather {
    fn default() -> Self {
        Self { patience: PATIENCE, in_hand: Cell::default(), waiting: Cell::default(), go: Notify::new() }
    }
}

impl Gather {
    /// A tile is in hand from now on, and others may wait for its result.
    pub fn begin(&self) -> Expected<'_> {
        self.in_hand.set(self.in_hand.get() + 1);
        Expected(self)
    }

    /// Waits for other results, if any is to be expected soon. Its own tile is in hand no longer.
    pub async fn with_others(&self, tile: Expected<'_>) {
        drop(tile);
        if self.in_hand.get() == 0 || self.waiting.get() + 1 >= MOST {
            return self.go.notify_waiters();
        }
        let go = self.go.notified();
        let _waiting = Waiting::begin(&self.waiting);
        // Late or not, it goes.
        let _ = tokio::time::timeout(self.patience, go).await;
    }
}

impl Drop for Expected<'_> {
    fn drop(&mut self) {
        self.0.in_hand.set(self.0.in_hand.get().saturating_sub(1));
        if self.0.in_hand.get() == 0 {
            self.0.go.notify_waiters();
        }
    }
}

/// A result that waits.
struct Waiting<'a>(&'a Cell<u32>);

impl<'a> Waiting<'a> {
    fn begin(count: &'a Cell<u32>) -> Self {
        count.set(count.get() + 1);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    /// Results that are ready one after the other, by a gather that waits so long: which have gone after each.
    async fn gone(patience: Duration, in_hand: usize, ready: usize) -> Vec<usize> {
        let gather = Rc::new(Gather { patience, ..Gather::default() });
        let gone = Rc::new(RefCell::new(0));
        let tiles = tokio::task::LocalSet::new();
        let (release, seen) = (Rc::new(tokio::sync::Semaphore::new(0)), Rc::new(RefCell::new(Vec::new())));
        for _ in 0..in_hand {
            let (gather, gone, release) = (Rc::clone(&gather), Rc::clone(&gone), Rc::clone(&release));
            tiles.spawn_local(async move {
                let tile = gather.begin();
                release.acquire().await.unwrap().forget();
                gather.with_others(tile).await;
                *gone.borrow_mut() += 1;
            });
        }
        let counted = Rc::clone(&seen);
        tiles
            .run_until(async move {
                let others = async || {
                    for _ in 0..50 {
                        tokio::task::yield_now().await;
                    }
                };
                others().await;
                for _ in 0..ready {
                    release.add_permits(1);
                    others().await;
                    counted.borrow_mut().push(*gone.borrow());
                }
            })
            .await;
        seen.take()
    }

    const FOR_EVER: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn results_wait_for_others_and_the_last_for_none() {
        assert_eq!(gone(FOR_EVER, 1, 1).await, [1]);
        assert_eq!(gone(FOR_EVER, 2, 2).await, [0, 2]);
        assert_eq!(gone(FOR_EVER, 6, 6).await, [0, 0, 0, 4, 4, 6], "four go together");
    }

    #[tokio::test]
    async fn a_result_waits_only_a_moment() {
        let gather = Gather::default();
        let (one, _other) = (gather.begin(), gather.begin());
        gather.with_others(one).await;
    }

    #[tokio::test]
    async fn a_tile_that_ends_without_a_result_is_waited_for_no_longer() {
        let gather = Gather { patience: FOR_EVER, ..Gather::default() };
        let (one, other) = (gather.begin(), gather.begin());
        tokio::join!(gather.with_others(one), async { drop(other) });
    }
}
