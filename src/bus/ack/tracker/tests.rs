use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn hand(acks: &mut PartitionAcks, offsets: impl IntoIterator<Item = i64>) {
    for offset in offsets {
        assert_eq!(acks.deliver(offset), Handing::Hand { attempt: 1 });
    }
}

#[test]
fn only_the_contiguous_prefix_is_committed() {
    let mut acks = PartitionAcks::new();
    hand(&mut acks, 10..14);
    assert_eq!(acks.commit_point(), Some(10));
    assert_eq!(acks.finish(12), None);
    assert_eq!(acks.finish(11), None);
    assert_eq!(acks.finish(10), Some(13));
    assert_eq!(acks.finish(13), Some(14));
}

#[test]
fn a_retried_record_holds_the_commit_and_only_it_is_handed_out_again() {
    let mut acks = PartitionAcks::new();
    hand(&mut acks, 0..4);
    acks.finish(0);
    acks.finish(2);
    acks.retry(1);
    assert_eq!((acks.commit_point(), acks.waiting()), (Some(1), Some(1)));
    acks.sought(1);
    assert_eq!(acks.deliver(1), Handing::Hand { attempt: 2 });
    assert_eq!(acks.deliver(2), Handing::Skip, "finished");
    assert_eq!(acks.deliver(3), Handing::Skip, "in hand");
    assert_eq!(acks.deliver(4), Handing::Hand { attempt: 1 });
    assert_eq!(acks.finish(1), Some(3));
}

#[test]
fn offsets_missing_from_the_log_do_not_hold_the_commit() {
    let mut acks = PartitionAcks::new();
    hand(&mut acks, [5, 9, 20]);
    acks.finish(5);
    assert_eq!(acks.commit_point(), Some(9));
    acks.finish(9);
    assert_eq!(acks.finish(20), Some(21));
}

#[test]
fn a_waiting_record_that_left_the_log_is_given_up_after_three_seeks() {
    let mut acks = PartitionAcks::new();
    hand(&mut acks, 0..3);
    acks.finish(1);
    acks.finish(2);
    acks.retry(0);
    for seek in 1..=3 {
        assert_eq!((acks.take_gone(), acks.commit_point()), (0, Some(0)), "before seek {seek}");
        acks.sought(0);
        acks.deliver(2 + seek);
    }
    assert_eq!(acks.take_gone(), 1);
    assert_eq!(acks.commit_point(), Some(3), "records 3, 4 and 5 are in hand");
}

#[test]
fn a_log_that_begins_anew_is_noticed() {
    let mut acks = PartitionAcks::new();
    hand(&mut acks, 100..103);
    assert_eq!(acks.deliver(0), Handing::Rewound);
}

#[test]
fn unknown_offsets_change_nothing() {
    let mut acks = PartitionAcks::new();
    assert_eq!((acks.finish(3), acks.commit_point(), acks.waiting()), (None, None, None));
    hand(&mut acks, 7..8);
    acks.retry(3);
    assert_eq!(acks.finish(9), None);
    assert_eq!(acks.finish(7), Some(8));
    assert_eq!(acks.finish(7), None);
    assert_eq!((acks.commit_point(), acks.in_hand()), (Some(8), 0));
}

/// One thing that happens to a partition; numbers choose among what is possible then.
#[derive(Debug, Clone)]
enum Step {
    Read { gap: i64 },
    Finish(usize),
    Retry(usize),
    Seek,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3_i64).prop_map(|gap| Step::Read { gap }),
        4 => any::<usize>().prop_map(Step::Finish),
        2 => any::<usize>().prop_map(Step::Retry),
        1 => Just(Step::Seek),
    ]
}

/// A log with gaps, read by a tracker, beside a plain account of what must be true.
struct World {
    acks: PartitionAcks,
    log: Vec<i64>,
    at: usize,
    in_hand: BTreeSet<i64>,
    unfinished: BTreeSet<i64>,
    finished: BTreeSet<i64>,
    committed: Option<i64>,
}

impl World {
    fn new() -> Self {
        let (acks, log, at) = (PartitionAcks::new(), Vec::new(), 0);
        let (in_hand, unfinished, finished) = Default::default();
        Self { acks, log, at, in_hand, unfinished, finished, committed: None }
    }

    fn read(&mut self, gap: i64) {
        if self.at == self.log.len() {
            self.log.push(self.log.last().map_or(50, |last| last + 1 + gap));
        }
        let offset = self.log[self.at];
        self.at += 1;
        let expected = !self.in_hand.contains(&offset) && !self.finished.contains(&offset);
        let handed = matches!(self.acks.deliver(offset), Handing::Hand { .. });
        assert_eq!(handed, expected, "offset {offset}");
        if handed {
            self.in_hand.insert(offset);
            self.unfinished.insert(offset);
        }
    }

    fn pick(&self, choice: usize) -> Option<i64> {
        self.in_hand.iter().nth(choice % self.in_hand.len().max(1)).copied()
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
            Step::Retry(choice) => {
                let Some(offset) = self.pick(*choice) else { return };
                self.acks.retry(offset);
                self.in_hand.remove(&offset);
            }
            Step::Seek => {
                let Some(offset) = self.acks.waiting() else { return };
                self.acks.sought(offset);
                self.at = self.log.iter().position(|other| *other == offset).unwrap();
            }
        }
    }

    fn check(&mut self) {
        let point = self.acks.commit_point();
        if let (Some(point), Some(lowest)) = (point, self.unfinished.first()) {
            assert_eq!(point, *lowest, "the commit stands at the lowest unfinished");
        }
        assert!(point >= self.committed, "the commit never goes back");
        self.committed = point;
        assert_eq!(self.acks.in_hand(), self.in_hand.len());
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
            if world.unfinished.is_empty() && world.at == world.log.len() {
                break;
            }
            world.apply(&Step::Finish(0));
            if world.in_hand.is_empty() && world.acks.waiting().is_some() {
                world.apply(&Step::Seek);
            }
            if world.at < world.log.len() {
                world.read(0);
            }
            world.check();
        }
        prop_assert!(world.unfinished.is_empty());
        prop_assert_eq!(world.acks.commit_point(), world.log.last().map(|last| last + 1));
    }
}
