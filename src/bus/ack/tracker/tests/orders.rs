//! Any order of reads, verdicts and seeks, beside a plain account of what must be true.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// One thing that happens to a partition; numbers choose among what is possible then.
#[derive(Debug, Clone)]
enum Step {
    Read {
        gap: i64,
    },
    Finish(usize),
    Retry(usize),
    PutOff(usize),
    Seek,
    /// A seek that times out: it is not reported that it takes effect later, if no other seek comes before.
    LateSeek,
    TakeEffect,
    /// A seek before which the client had fetched this many records that arrive after it.
    StaleSeek(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3_i64).prop_map(|gap| Step::Read { gap }),
        4 => any::<usize>().prop_map(Step::Finish),
        2 => any::<usize>().prop_map(Step::Retry),
        1 => any::<usize>().prop_map(Step::PutOff),
        1 => Just(Step::Seek),
        1 => Just(Step::LateSeek),
        1 => Just(Step::TakeEffect),
        1 => (1..4_usize).prop_map(Step::StaleSeek),
    ]
}

/// A log with gaps, read by a tracker as the ledger does it, beside a plain account of what must be true.
struct World {
    acks: PartitionAcks,
    log: Vec<i64>,
    at: usize,
    /// Fetched before a seek, to arrive after it.
    stale: Vec<i64>,
    /// Where a seek goes that timed out.
    late: Option<i64>,
    in_hand: BTreeSet<i64>,
    unfinished: BTreeSet<i64>,
    finished: BTreeSet<i64>,
    committed: Option<i64>,
}

impl World {
    fn new() -> Self {
        let (acks, log, at, stale) = (PartitionAcks::new(), Vec::new(), 0, Vec::new());
        let (late, in_hand, unfinished, finished) = Default::default();
        Self { acks, log, at, stale, late, in_hand, unfinished, finished, committed: None }
    }

    fn next(&mut self, gap: i64) -> i64 {
        if self.at == self.log.len() {
            self.log.push(self.log.last().map_or(50, |last| last + 1 + gap));
        }
        self.at += 1;
        self.log[self.at - 1]
    }

    fn read(&mut self, gap: i64) {
        let offset = if self.stale.is_empty() { self.next(gap) } else { self.stale.remove(0) };
        self.unfinished.insert(offset);
        if self.finished.contains(&offset) {
            self.unfinished.remove(&offset);
        }
        let mut handing = self.acks.deliver(offset);
        if handing == Handing::Rewound {
            assert!(Some(offset) < self.acks.commit_point(), "offset {offset} is above what was committed");
            // The ledger begins a new generation: verdicts of the one before are void.
            self.acks = PartitionAcks::beginning_at(offset);
            (self.in_hand, self.committed) = (BTreeSet::new(), None);
            self.unfinished.extend(self.finished.split_off(&offset));
            handing = Handing::Hand { attempt: 1 };
        } else if self.acks.unread.is_some_and(|unread| offset >= unread.from) {
            assert_eq!(handing, Handing::Skip, "offset {offset} is read again later");
            return;
        } else {
            let expected = !self.in_hand.contains(&offset) && !self.finished.contains(&offset);
            assert_eq!(matches!(handing, Handing::Hand { .. }), expected, "offset {offset}: {handing:?}");
        }
        if matches!(handing, Handing::Hand { .. }) {
            self.in_hand.insert(offset);
        }
    }

    fn pick(&self, choice: usize) -> Option<i64> {
        self.in_hand.iter().nth(choice % self.in_hand.len().max(1)).copied()
    }

    /// Moves the client to `offset`, or where the log goes on after it.
    fn go_to(&mut self, offset: i64) {
        (self.stale, self.late) = (Vec::new(), None);
        self.at = self.log.iter().position(|other| *other >= offset).unwrap_or(self.log.len());
    }

    fn wanted(&self) -> Option<i64> {
        self.acks.waiting().into_iter().chain(self.acks.unread()).min()
    }

    fn apply(&mut self, step: &Step) {
        match step {
            Step::Read { gap } => self.read(*gap),
            Step::Finish(choice) => {
                let Some(offset) = self.pick(*choice) else { return };
                self.acks.finish(offset);
                self.in_hand.remove(&offset);
                self.unfinished.remove(&offset);
                self.finished.insert(offset);
            }
            Step::Retry(choice) | Step::PutOff(choice) => {
                let Some(offset) = self.pick(*choice) else { return };
                match step {
                    Step::PutOff(_) => self.acks.put_off(offset),
                    _ => self.acks.retry(offset),
                }
                self.in_hand.remove(&offset);
            }
            Step::Seek => {
                let Some(offset) = self.wanted() else { return };
                self.acks.sought(offset);
                self.go_to(offset);
            }
            Step::LateSeek => {
                self.late = self.wanted().or(self.late);
            }
            Step::TakeEffect => {
                let Some(offset) = self.late else { return };
                self.go_to(offset);
            }
            Step::StaleSeek(fetched) => {
                let Some(offset) = self.wanted() else { return };
                // With what is fetched already no seek brings anything else first. One after a rewind is let be: that
                // it misses three times in a row would be taken for a gap.
                if self.stale.is_empty() && self.acks.unread.is_none() {
                    let fetched = (0..*fetched).map(|_| self.next(0)).collect();
                    self.acks.sought(offset);
                    self.go_to(offset);
                    self.stale = fetched;
                }
            }
        }
    }

    fn check(&mut self) {
        let point = self.acks.commit_point();
        if let (Some(point), Some(lowest)) = (point, self.unfinished.first()) {
            assert!(point <= *lowest, "{point} steps over {lowest}");
        }
        assert!(point >= self.committed, "the commit never goes back");
        self.committed = point;
        assert_eq!(self.acks.in_hand(), self.in_hand.len());
        assert_eq!(self.acks.take_gone(), 0, "nothing is gone from the log");
    }
}

proptest! {
    #[test]
    fn under_any_order_nothing_is_stepped_over_and_all_is_committed_at_the_end(
        steps in prop::collection::vec(step(), 1..300),
    ) {
        let mut world = World::new();
        for step in &steps {
            world.apply(step);
            world.check();
        }
        // Whatever happened, finishing what is left must commit the end of what was read.
        for _ in 0..10_000 {
            if world.unfinished.is_empty() && world.at == world.log.len() && world.wanted().is_none() {
                break;
            }
            world.apply(&Step::Finish(0));
            if world.in_hand.is_empty() && world.wanted().is_some() {
                world.apply(&Step::Seek);
            }
            if world.at < world.log.len() || !world.stale.is_empty() {
                world.read(0);
            }
            world.check();
        }
        prop_assert!(world.unfinished.is_empty());
        prop_assert_eq!(world.acks.commit_point(), world.log.last().map(|last| last + 1));
    }
}
