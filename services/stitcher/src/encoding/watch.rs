//! Watching encoders' threads: which of them stand still in a turn.
//!
//! Owns what *standing still* is: look after look in the same turn, and no time of a processor used. Counts looks and no
//! time, so that a process that was frozen itself blames none. Nor is a thread blamed that waits for the store to take
//! what it gave it, however slow the disk is. A turn that computes for ever is not told from a long one.

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use parking_lot::Mutex;
use tessera::job::JobId;

/// Looks at a thread in vain, one after the other, after which it is left: with one every two seconds, some 20 s.
const MOST_SILENT: u32 = 10;
/// What a look in vain may use of a processor, in nanoseconds: a waiting thread may be woken for nothing.
const NOTHING_NS: u64 = 1_000_000;

/// A turn that an encoder has in hand: which claim it is for, and of which job.
pub type TurnInHand = (u64, JobId);

thread_local! {
    /// The desk of this thread, if it is an encoder's.
    static OWN: RefCell<Option<Arc<Desk>>> = const { RefCell::new(None) };
}

/// What a thread shows of itself.
#[derive(Debug, Default)]
pub struct Desk {
    shown: Mutex<Shown>,
    /// It waits for the store.
    waits: AtomicBool,
}

/// Runs `work`, in which an encoder's thread may wait for the store: that is no standing still.
pub fn waiting_for_store<T>(work: impl FnOnce() -> T) -> T {
    let show = |waits| {
        OWN.with_borrow(|desk| desk.iter().for_each(|desk| desk.waits.store(waits, Ordering::Relaxed)));
    };
    show(true);
    let done = work();
    show(false);
    done
}

#[derive(Debug, Default)]
struct Shown {
    turn: Option<TurnInHand>,
    turns: u64,
    /// Where the system tells the thread's time.
    clock: Option<PathBuf>,
    is_left: bool,
}

impl Desk {
    /// Makes it this thread's.
    pub fn sit_down(self: &Arc<Self>) {
        OWN.set(Some(Arc::clone(self)));
    }

    /// The thread takes a turn. Called on it.
    pub fn begin(&self, turn: TurnInHand) {
        // A panic may have ended the last one in the middle of a write.
        self.waits.store(false, Ordering::Relaxed);
        let mut shown = self.shown.lock();
        if shown.clock.is_none() {
            let task = std::fs::read_link("/proc/thread-self").ok();
            shown.clock = task.map(|task| PathBuf::from("/proc").join(task).join("schedstat"));
        }
        (shown.turn, shown.turns) = (Some(turn), shown.turns + 1);
    }

    /// The thread has ended its turn; `false` if it was left meanwhile: then what came of it is not waited for.
    #[must_use]
    pub fn end(&self) -> bool {
        let mut shown = self.shown.lock();
        shown.turn = None;
        !shown.is_left
    }
}

impl Shown {
    /// Nanoseconds that a processor has worked for the thread.
    fn worked_ns(&self) -> Option<u64> {
        let text = std::fs::read_to_string(self.clock.as_ref()?).ok()?;
        text.split_whitespace().next()?.parse().ok()
    }
}

/// A thread that is watched.
#[derive(Debug)]
pub struct Member {
    desk: Arc<Desk>,
    thread: JoinHandle<()>,
    turns: u64,
    worked_ns: u64,
    silent: u32,
}

impl Member {
    /// A thread and what it shows.
    pub fn new(desk: Arc<Desk>, thread: JoinHandle<()>) -> Self {
        Self { desk, thread, turns: 0, worked_ns: 0, silent: 0 }
    }

    /// Whether the thread is there.
    pub fn is_there(&self) -> bool {
        !self.thread.is_finished()
    }

    /// Looks at it; gives its turn if it stands still, which leaves it: what it may still make of the turn is dropped.
    pub fn look(&mut self) -> Option<TurnInHand> {
        let mut shown = self.desk.shown.lock();
        let (turn, turns, worked) = (shown.turn, shown.turns, shown.worked_ns());
        let stands_still = turn.is_some()
            && !self.desk.waits.load(Ordering::Relaxed)
            && turns == self.turns
            && worked.is_some_and(|worked| worked.saturating_sub(self.worked_ns) < NOTHING_NS);
        self.silent = if stands_still { self.silent + 1 } else { 0 };
        (self.turns, self.worked_ns) = (turns, worked.unwrap_or(0));
        if self.silent < MOST_SILENT {
            return None;
        }
        shown.is_left = true;
        turn
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_thread_that_stands_still_is_left_and_one_that_works_or_rests_or_waits_for_the_store_is_not() {
        let job = JobId::random();
        let desks = [(); 4].map(|()| Arc::new(Desk::default()));
        let [hanging, working, resting, waiting] = desks.clone();
        let (written, write) = channel::<()>();
        let (end, ended) = channel::<()>();
        let (left, was_left) = channel();
        let (begun, begins) = channel();
        let waits = begun.clone();
        let waits = std::thread::spawn(move || {
            waiting.sit_down();
            waiting.begin((6, job));
            waiting_for_store(|| {
                waits.send(()).unwrap();
                let _ = write.recv();
            });
            assert!(waiting.end(), "it was left though the store was slow");
        });
        let hangs = begun.clone();
        let hangs = std::thread::spawn(move || {
            hanging.begin((7, job));
            hangs.send(()).unwrap();
            let _ = ended.recv();
            left.send(hanging.end()).unwrap();
        });
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let works = std::thread::spawn(move || {
            working.begin((8, job));
            begun.send(()).unwrap();
            while !stopped.load(Ordering::Relaxed) {
                std::hint::black_box(job);
            }
        });
        let rests = std::thread::spawn(|| {});
        resting.begin((9, job));
        assert!(resting.end());
        (0..3).for_each(|_| begins.recv().unwrap());
        let [one, two, three, four] = desks;
        let of_store = Member::new(four, waits);
        let mut members = [Member::new(one, hangs), Member::new(two, works), Member::new(three, rests), of_store];
        let mut looks = 0;
        let found = loop {
            looks += 1;
            assert!(looks < 1000, "it stands still for ever");
            // Between two looks the one that works gets time of a processor, however busy the machine is.
            let before = members[1].desk.shown.lock().worked_ns().unwrap();
            while members[1].desk.shown.lock().worked_ns().unwrap() < before + 2 * NOTHING_NS {
                std::thread::yield_now();
            }
            let found: Vec<_> = members.iter_mut().filter_map(Member::look).collect();
            if !found.is_empty() {
                break found;
            }
        };
        assert_eq!(found, [(7, job)]);
        assert!(looks > MOST_SILENT);
        end.send(()).unwrap();
        assert!(!was_left.recv().unwrap(), "what it made of its turn is dropped");
        stop.store(true, Ordering::Relaxed);
        written.send(()).unwrap();
        let [.., of_store] = members;
        of_store.thread.join().unwrap();
    }
}
