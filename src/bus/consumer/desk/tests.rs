use super::*;

fn desk() -> Desk {
    let mut desk = Desk::new(Slots::new(4, 10_000, 1000));
    desk.assign([0, 1]);
    desk
}

fn verdict(place: Place, generation: u64, decision: Decision) -> Verdict {
    Verdict { partition: place.0, generation, offset: place.1, slot_bytes: Some(10), decision, cause: None }
}

fn deliver(desk: &mut Desk, place: Place) -> u64 {
    desk.deliver(place, 10).unwrap().0
}

#[test]
fn the_lowest_unfinished_offset_is_committed_once() {
    let (mut desk, now) = (desk(), Instant::now());
    let generation = deliver(&mut desk, (0, 7));
    deliver(&mut desk, (0, 8));
    assert!(desk.take_commits().is_empty(), "nothing advanced");
    desk.decide(&verdict((0, 8), generation, Decision::Done), now);
    assert!(!desk.has_progress());
    desk.decide(&verdict((0, 7), generation, Decision::Done), now);
    assert!(desk.has_progress());
    assert_eq!(desk.take_commits(), [(0, 9)]);
    assert!(desk.take_commits().is_empty());
    desk.commit_failed();
    assert_eq!(desk.take_commits(), [(0, 9)], "a failed commit is sent again");
}

#[test]
fn verdicts_of_an_earlier_assignment_only_give_back_their_slot() {
    let (mut desk, now) = (desk(), Instant::now());
    let before = deliver(&mut desk, (0, 7));
    desk.revoke([0]);
    desk.assign([0]);
    deliver(&mut desk, (0, 7));
    desk.decide(&verdict((0, 7), before, Decision::Done), now);
    assert!(desk.take_commits().is_empty());
    assert_eq!((desk.slots.records(), desk.undecided()), (1, 1));
}

#[test]
fn a_given_back_record_waits_ever_longer_until_something_is_finished() {
    let (mut desk, mut now) = (desk(), Instant::now());
    let generation = deliver(&mut desk, (1, 5));
    for wait in [200, 400, 800, 1600, 3200, 5000, 5000] {
        desk.decide(&verdict((1, 5), generation, Decision::Retry), now);
        let wait = Duration::from_millis(wait);
        assert_eq!(desk.next_seek(), Some(now + wait));
        assert!(desk.seeks(now + wait - Duration::from_millis(1)).is_empty());
        now += wait;
        assert_eq!(desk.seeks(now), [(1, 5)]);
        desk.sought((1, 5));
        assert!(desk.deliver((1, 5), 10).is_some());
    }
    desk.decide(&verdict((1, 5), generation, Decision::Done), now);
    deliver(&mut desk, (1, 6));
    desk.decide(&verdict((1, 6), generation, Decision::Retry), now);
    assert_eq!(desk.next_seek(), Some(now + FIRST_BACKOFF));
}

#[test]
fn a_released_slot_is_free_while_the_record_holds_the_commit() {
    let (mut desk, now) = (desk(), Instant::now());
    let generation = deliver(&mut desk, (0, 0));
    desk.decide(&verdict((0, 0), generation, Decision::Released), now);
    assert_eq!((desk.slots.records(), desk.undecided()), (0, 1));
    deliver(&mut desk, (0, 1));
    desk.decide(&verdict((0, 1), generation, Decision::Done), now);
    assert!(desk.take_commits().is_empty());
    let late = Verdict { slot_bytes: None, ..verdict((0, 0), generation, Decision::Done) };
    desk.decide(&late, now);
    assert_eq!((desk.take_commits(), desk.undecided()), (vec![(0, 2)], 0));
}

#[test]
fn a_declined_record_is_read_again() {
    let (mut desk, now) = (desk(), Instant::now());
    desk.decline((0, 3), now);
    assert_eq!(desk.slots.records(), 0);
    assert_eq!(desk.seeks(now + FIRST_BACKOFF), [(0, 3)]);
    assert_eq!(desk.commit_points(&[0, 1]), [(0, 3)]);
}

#[test]
fn a_declined_or_put_off_record_is_at_its_first_attempt_still() {
    let (mut desk, mut now) = (desk(), Instant::now());
    desk.decline((0, 3), now);
    for _ in 0..20 {
        now += LONGEST_BACKOFF;
        assert_eq!(desk.seeks(now), [(0, 3)]);
        desk.sought((0, 3));
        let (generation, attempt) = desk.deliver((0, 3), 10).unwrap();
        assert_eq!(attempt, 1);
        desk.decide(&verdict((0, 3), generation, Decision::PutOff), now);
    }
}

#[test]
fn the_cause_of_the_last_attempt_comes_with_the_next() {
    let (mut desk, now) = (desk(), Instant::now());
    let generation = deliver(&mut desk, (0, 3));
    assert_eq!(desk.cause((0, 3)), None);
    let failed =
        Verdict { cause: Some("a key of another kind".to_owned()), ..verdict((0, 3), generation, Decision::Retry) };
    desk.decide(&failed, now);
    desk.sought((0, 3));
    assert_eq!(desk.deliver((0, 3), 10), Some((generation, 2)));
    assert_eq!(desk.cause((0, 3)).as_deref(), Some("a key of another kind"));
    desk.decide(&verdict((0, 3), generation, Decision::Done), now);
    assert_eq!(desk.cause((0, 3)), None);
}

#[test]
fn a_backoff_begins_anew_although_the_record_came_without_a_seek() {
    let (mut desk, now) = (desk(), Instant::now());
    let generation = deliver(&mut desk, (0, 3));
    desk.decide(&verdict((0, 3), generation, Decision::Retry), now);
    // A seek that had timed out takes effect after all.
    assert_eq!(deliver(&mut desk, (0, 3)), generation);
    let later = now + LONGEST_BACKOFF;
    desk.decide(&verdict((0, 3), generation, Decision::Retry), later);
    assert!(desk.seeks(later).is_empty(), "it waits");
    assert_eq!(desk.seeks(later + FIRST_BACKOFF * 2), [(0, 3)]);
}

#[test]
fn a_seek_that_brought_a_later_record_is_made_again_and_the_lost_record_given_up() {
    let (mut desk, now) = (desk(), Instant::now());
    let generation = deliver(&mut desk, (0, 3));
    desk.decide(&verdict((0, 3), generation, Decision::Retry), now);
    let mut at = now + FIRST_BACKOFF;
    for miss in 0..3 {
        assert_eq!(desk.seeks(at), [(0, 3)], "miss {miss}");
        desk.sought((0, 3));
        desk.deliver((0, 9), 10);
        at += Duration::from_millis(1);
    }
    assert!(desk.seeks(at).is_empty());
    assert_eq!(desk.commit_points(&[0]), [(0, 9)]);
}

#[test]
fn a_partition_with_too_many_unfinished_records_is_closed_until_half_are_finished() {
    let (mut desk, now) = (desk(), Instant::now());
    let most = i64::try_from(crate::bus::ack::MAX_UNFINISHED).unwrap();
    let generation = deliver(&mut desk, (0, 0));
    (1..most).for_each(|offset| assert_eq!(deliver(&mut desk, (0, offset)), generation));
    assert!(desk.closed().is_empty());
    assert_eq!(desk.deliver((0, most), 10), None);
    assert_eq!(desk.deliver((0, most + 1), 10), None, "fetched before it was closed");
    assert_eq!((desk.closed(), desk.seeks(now)), (vec![0], vec![]));
    (0..most / 2).rev().for_each(|offset| desk.decide(&verdict((0, offset), generation, Decision::Done), now));
    assert_eq!(desk.seeks(now), [(0, most)]);
    desk.sought((0, most));
    assert!(desk.closed().is_empty());
    assert!(desk.deliver((0, most), 10).is_some() && desk.deliver((0, most + 1), 10).is_some());
}

#[test]
fn a_failed_seek_is_tried_again_later() {
    let (mut desk, now) = (desk(), Instant::now());
    desk.decline((0, 3), now);
    let due = now + FIRST_BACKOFF;
    desk.seek_failed((0, 3), due);
    assert!(desk.seeks(due).is_empty());
    assert_eq!(desk.seeks(due + FIRST_BACKOFF * 2), [(0, 3)]);
}

#[test]
fn a_log_that_begins_anew_is_read_under_a_new_generation() {
    let (mut desk, now) = (desk(), Instant::now());
    let before = deliver(&mut desk, (0, 500));
    let after = deliver(&mut desk, (0, 0));
    assert_ne!(before, after);
    desk.decide(&verdict((0, 500), before, Decision::Done), now);
    assert_eq!(desk.commit_points(&[0]), [(0, 0)]);
    // What was fetched before does not count until all in between is read.
    assert_eq!(desk.deliver((0, 700), 10), None);
    desk.decide(&verdict((0, 0), after, Decision::Done), now);
    assert_eq!((desk.seeks(now), desk.commit_points(&[0])), (vec![(0, 1)], vec![(0, 1)]));
    desk.sought((0, 1));
    assert!(desk.deliver((0, 1), 10).is_some());
}

#[test]
fn a_replaced_client_has_no_say() {
    let mut desk = desk();
    let first = desk.begin_client();
    let second = desk.begin_client();
    assert!(!desk.is_client(first) && desk.is_client(second));
    assert!(desk.assignment().is_empty());
}
