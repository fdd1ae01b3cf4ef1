use std::time::Duration;

use super::partition::{FIRST_BACKOFF, LONGEST_BACKOFF};
use super::*;

fn ledger() -> Ledger {
    let mut ledger = Ledger::new(Slots::new(4, 10_000, 1000));
    ledger.assign([0, 1]);
    ledger
}

fn verdict(place: Place, generation: u64, decision: Decision) -> Verdict {
    Verdict { partition: place.0, generation, offset: place.1, slot_bytes: Some(10), decision, cause: None }
}

fn deliver(ledger: &mut Ledger, place: Place) -> u64 {
    ledger.deliver(place, 10).unwrap().0
}

#[test]
fn the_lowest_unfinished_offset_is_committed_once() {
    let (mut ledger, now) = (ledger(), Instant::now());
    let generation = deliver(&mut ledger, (0, 7));
    deliver(&mut ledger, (0, 8));
    assert!(ledger.take_commits().is_empty(), "nothing advanced");
    ledger.decide(&verdict((0, 8), generation, Decision::Done), now);
    assert!(!ledger.has_progress());
    ledger.decide(&verdict((0, 7), generation, Decision::Done), now);
    assert!(ledger.has_progress());
    assert_eq!(ledger.take_commits(), [(0, 9)]);
    assert!(ledger.take_commits().is_empty());
    ledger.commit_failed();
    assert_eq!(ledger.take_commits(), [(0, 9)], "a failed commit is sent again");
}

#[test]
fn verdicts_of_an_earlier_assignment_only_give_back_their_slot() {
    let (mut ledger, now) = (ledger(), Instant::now());
    let before = deliver(&mut ledger, (0, 7));
    ledger.revoke([0]);
    ledger.assign([0]);
    deliver(&mut ledger, (0, 7));
    ledger.decide(&verdict((0, 7), before, Decision::Done), now);
    assert!(ledger.take_commits().is_empty());
    assert_eq!((ledger.slots.records(), ledger.undecided()), (1, 1));
}

#[test]
fn a_given_back_record_waits_ever_longer_until_something_is_finished() {
    let (mut ledger, mut now) = (ledger(), Instant::now());
    let generation = deliver(&mut ledger, (1, 5));
    for wait in [200, 400, 800, 1600, 3200, 5000, 5000] {
        ledger.decide(&verdict((1, 5), generation, Decision::Retry), now);
        let wait = Duration::from_millis(wait);
        assert_eq!(ledger.next_seek(), Some(now + wait));
        assert!(ledger.seeks(now + wait - Duration::from_millis(1)).is_empty());
        now += wait;
        assert_eq!(ledger.seeks(now), [(1, 5)]);
        ledger.sought((1, 5));
        assert!(ledger.deliver((1, 5), 10).is_some());
    }
    ledger.decide(&verdict((1, 5), generation, Decision::Done), now);
    deliver(&mut ledger, (1, 6));
    ledger.decide(&verdict((1, 6), generation, Decision::Retry), now);
    assert_eq!(ledger.next_seek(), Some(now + FIRST_BACKOFF));
}

#[test]
fn a_released_slot_is_free_while_the_record_holds_the_commit() {
    let (mut ledger, now) = (ledger(), Instant::now());
    let generation = deliver(&mut ledger, (0, 0));
    ledger.decide(&verdict((0, 0), generation, Decision::Released), now);
    assert_eq!((ledger.slots.records(), ledger.undecided()), (0, 1));
    deliver(&mut ledger, (0, 1));
    ledger.decide(&verdict((0, 1), generation, Decision::Done), now);
    assert!(ledger.take_commits().is_empty());
    let late = Verdict { slot_bytes: None, ..verdict((0, 0), generation, Decision::Done) };
    ledger.decide(&late, now);
    assert_eq!((ledger.take_commits(), ledger.undecided()), (vec![(0, 2)], 0));
}

#[test]
fn a_declined_record_is_read_again() {
    let (mut ledger, now) = (ledger(), Instant::now());
    ledger.decline((0, 3), now);
    assert_eq!(ledger.slots.records(), 0);
    assert_eq!(ledger.seeks(now + FIRST_BACKOFF), [(0, 3)]);
    assert_eq!(ledger.commit_points(&[0, 1]), [(0, 3)]);
}

#[test]
fn a_declined_or_put_off_record_is_at_its_first_attempt_still() {
    let (mut ledger, mut now) = (ledger(), Instant::now());
    ledger.decline((0, 3), now);
    for _ in 0..20 {
        now += LONGEST_BACKOFF;
        assert_eq!(ledger.seeks(now), [(0, 3)]);
        ledger.sought((0, 3));
        let (generation, attempt) = ledger.deliver((0, 3), 10).unwrap();
        assert_eq!(attempt, 1);
        ledger.decide(&verdict((0, 3), generation, Decision::PutOff), now);
    }
}

#[test]
fn the_cause_of_the_last_attempt_comes_with_the_next() {
    let (mut ledger, now) = (ledger(), Instant::now());
    let generation = deliver(&mut ledger, (0, 3));
    assert_eq!(ledger.cause((0, 3)), None);
    let failed =
        Verdict { cause: Some("a key of another kind".to_owned()), ..verdict((0, 3), generation, Decision::Retry) };
    ledger.decide(&failed, now);
    ledger.sought((0, 3));
    assert_eq!(ledger.deliver((0, 3), 10), Some((generation, 2)));
    assert_eq!(ledger.cause((0, 3)).as_deref(), Some("a key of another kind"));
    ledger.decide(&verdict((0, 3), generation, Decision::Done), now);
    assert_eq!(ledger.cause((0, 3)), None);
}

#[test]
fn a_backoff_begins_anew_although_the_record_came_without_a_seek() {
    let (mut ledger, now) = (ledger(), Instant::now());
    let generation = deliver(&mut ledger, (0, 3));
    ledger.decide(&verdict((0, 3), generation, Decision::Retry), now);
    // A seek that had timed out takes effect after all.
    assert_eq!(deliver(&mut ledger, (0, 3)), generation);
    let later = now + LONGEST_BACKOFF;
    ledger.decide(&verdict((0, 3), generation, Decision::Retry), later);
    assert!(ledger.seeks(later).is_empty(), "it waits");
    assert_eq!(ledger.seeks(later + FIRST_BACKOFF * 2), [(0, 3)]);
}

#[test]
fn a_seek_that_brought_a_later_record_is_made_again_and_the_lost_record_given_up() {
    let (mut ledger, now) = (ledger(), Instant::now());
    let generation = deliver(&mut ledger, (0, 3));
    ledger.decide(&verdict((0, 3), generation, Decision::Retry), now);
    let mut at = now + FIRST_BACKOFF;
    for miss in 0..3 {
        assert_eq!(ledger.seeks(at), [(0, 3)], "miss {miss}");
        ledger.sought((0, 3));
        ledger.deliver((0, 9), 10);
        at += Duration::from_millis(1);
    }
    assert!(ledger.seeks(at).is_empty());
    assert_eq!(ledger.commit_points(&[0]), [(0, 9)]);
}

#[test]
fn a_partition_with_too_many_unfinished_records_is_closed_until_half_are_finished() {
    let (mut ledger, now) = (ledger(), Instant::now());
    let most = i64::try_from(crate::bus::ack::MAX_UNFINISHED).unwrap();
    let generation = deliver(&mut ledger, (0, 0));
    (1..most).for_each(|offset| assert_eq!(deliver(&mut ledger, (0, offset)), generation));
    assert!(ledger.closed().is_empty());
    assert_eq!(ledger.deliver((0, most), 10), None);
    assert_eq!(ledger.deliver((0, most + 1), 10), None, "fetched before it was closed");
    assert_eq!((ledger.closed(), ledger.seeks(now)), (vec![0], vec![]));
    (0..most / 2).rev().for_each(|offset| ledger.decide(&verdict((0, offset), generation, Decision::Done), now));
    assert_eq!(ledger.seeks(now), [(0, most)]);
    ledger.sought((0, most));
    assert!(ledger.closed().is_empty());
    assert!(ledger.deliver((0, most), 10).is_some() && ledger.deliver((0, most + 1), 10).is_some());
}

#[test]
fn a_failed_seek_is_tried_again_later() {
    let (mut ledger, now) = (ledger(), Instant::now());
    ledger.decline((0, 3), now);
    let due = now + FIRST_BACKOFF;
    ledger.seek_failed((0, 3), due);
    assert!(ledger.seeks(due).is_empty());
    assert_eq!(ledger.seeks(due + FIRST_BACKOFF * 2), [(0, 3)]);
}

#[test]
fn a_log_that_begins_anew_is_read_under_a_new_generation() {
    let (mut ledger, now) = (ledger(), Instant::now());
    let before = deliver(&mut ledger, (0, 500));
    let after = deliver(&mut ledger, (0, 0));
    assert_ne!(before, after);
    ledger.decide(&verdict((0, 500), before, Decision::Done), now);
    assert_eq!(ledger.commit_points(&[0]), [(0, 0)]);
    // What was fetched before does not count until all in between is read.
    assert_eq!(ledger.deliver((0, 700), 10), None);
    ledger.decide(&verdict((0, 0), after, Decision::Done), now);
    assert_eq!((ledger.seeks(now), ledger.commit_points(&[0])), (vec![(0, 1)], vec![(0, 1)]));
    ledger.sought((0, 1));
    assert!(ledger.deliver((0, 1), 10).is_some());
}

#[test]
fn a_replaced_client_has_no_say() {
    let mut ledger = ledger();
    let first = ledger.begin_client();
    let second = ledger.begin_client();
    assert!(!ledger.is_client(first) && ledger.is_client(second));
    assert!(ledger.assignment().is_empty());
}
