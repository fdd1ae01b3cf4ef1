mod orders;

use super::*;

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
fn what_lies_above_the_commit_point_is_not_taken_for_a_log_that_begins_anew() {
    let mut acks = PartitionAcks::new();
    hand(&mut acks, 0..10);
    acks.retry(3);
    // The seek to 3 timed out, so it was not reported, and took effect later.
    assert_eq!(acks.deliver(3), Handing::Hand { attempt: 2 });
    assert_eq!(acks.deliver(4), Handing::Skip, "in hand");
    assert_eq!(acks.commit_point(), Some(0));
    for offset in 1..10 {
        acks.finish(offset);
    }
    assert_eq!(acks.commit_point(), Some(0), "0 is not stepped over");
    assert_eq!(acks.finish(0), Some(10));
    assert_eq!((acks.deliver(5), acks.deliver(9)), (Handing::Skip, Handing::Skip), "on the way");
    assert_eq!(acks.deliver(9), Handing::Rewound, "all below 10 is committed");
}

#[test]
fn records_fetched_before_a_seek_do_not_hide_those_after_it() {
    let mut acks = PartitionAcks::new();
    hand(&mut acks, 0..4);
    acks.retry(1);
    acks.sought(1);
    assert_eq!(acks.deliver(9), Handing::Hand { attempt: 1 }, "fetched before the seek");
    assert_eq!(acks.deliver(1), Handing::Hand { attempt: 2 });
    assert_eq!((acks.deliver(2), acks.deliver(3)), (Handing::Skip, Handing::Skip));
    assert_eq!(acks.deliver(4), Handing::Hand { attempt: 1 }, "never handed out before");
}

#[test]
fn a_record_that_came_in_between_is_not_given_up() {
    let mut acks = PartitionAcks::new();
    hand(&mut acks, 0..4);
    for round in 0..10 {
        acks.retry(1);
        acks.sought(1);
        assert_eq!(acks.deliver(4 + round), Handing::Hand { attempt: 1 }, "fetched before the seek");
        assert!(matches!(acks.deliver(1), Handing::Hand { .. }));
    }
    assert_eq!((acks.take_gone(), acks.commit_point()), (0, Some(0)));
}

#[test]
fn a_million_finished_records_behind_one_that_is_not_take_no_memory() {
    let mut acks = PartitionAcks::new();
    for offset in 0..1_000_000 {
        assert_eq!(acks.deliver(offset), Handing::Hand { attempt: 1 });
        if offset > 0 {
            assert_eq!(acks.finish(offset), None);
        }
    }
    assert_eq!((acks.finished.len(), acks.unfinished.len()), (1, 1));
    assert_eq!(acks.finish(0), Some(1_000_000));
    assert_eq!(acks.finished.len(), 0);
}

#[test]
fn unfinished_records_are_bounded_and_the_one_too_many_is_read_later() {
    let mut acks = PartitionAcks::new();
    let most = i64::try_from(MAX_UNFINISHED).unwrap();
    hand(&mut acks, 0..most);
    assert_eq!(acks.deliver(most), Handing::Full);
    assert_eq!(acks.deliver(most + 1), Handing::Skip);
    assert_eq!((acks.unread(), acks.has_room()), (Some(most), false));
    for offset in 0..most {
        acks.finish(offset);
    }
    assert_eq!((acks.commit_point(), acks.has_room()), (Some(most), true), "what was not handed out is not committed");
    acks.sought(most);
    hand(&mut acks, most..most + 2);
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
