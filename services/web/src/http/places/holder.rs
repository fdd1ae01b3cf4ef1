//! Who has a place: how fast it moves its bytes, and whether it has been told to give way.

use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::future::poll_fn;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;

use crate::http::client::Client;
use crate::http::credit::Credit;

/// Who moves its bytes at this rate keeps its place however many wait, in bytes a second: a megabit.
const FAIR_RATE: u64 = 128 << 10;
/// How long it may pause.
const FAIR_PAUSE: Duration = Duration::from_millis(1500);

/// The holder of a place.
#[derive(Debug)]
pub struct Holder {
    client: Client,
    credit: Mutex<Credit>,
    told: AtomicBool,
    wake: AtomicWaker,
}

impl Holder {
    /// One who has just come in.
    pub(super) fn new(client: Client) -> Self {
        let credit = Mutex::new(Credit::new(FAIR_RATE, FAIR_PAUSE));
        Self { client, credit, told: AtomicBool::new(false), wake: AtomicWaker::new() }
    }

    pub(super) fn client(&self) -> Client {
        self.client
    }

    /// It is waited for.
    pub fn wait(&self, now: Instant) {
        self.credit.lock().wait(now);
    }

    /// It has moved `bytes`.
    pub fn moved(&self, now: Instant, bytes: usize) {
        self.credit.lock().moved(now, bytes as u64);
    }

    pub(super) fn left_us(&self, now: Instant) -> i64 {
        self.credit.lock().left_us(now)
    }

    pub(super) fn tell(&self) {
        self.told.store(true, Ordering::Release);
        self.wake.wake();
    }

    /// Whether it has been told to give way.
    pub fn is_told(&self) -> bool {
        self.told.load(Ordering::Acquire)
    }

    /// Ready when it has been told to give way; one task can wait for that.
    pub fn poll_told(&self, context: &Context<'_>) -> Poll<()> {
        self.wake.register(context.waker());
        if self.is_told() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Waits until it has been told to give way.
    pub async fn told(&self) {
        poll_fn(|context| self.poll_told(context)).await;
    }
}
