use super::*;

fn desk() -> Desk {
    let mut desk = Desk::new(Slots::new(4, 10_000, 1000));
    desk.assign([0, 1]);
    desk
}

fn verdict(place: Place, generation: u64, decision: Decision) -> Verdict {
    Verdict { partition: place.0, generation, offset: place.1, slot_bytes: Some(10), decision }
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
}

#[test]
fn a_replaced_client_has_no_say() {
    let mut desk = desk();
    let first = desk.begin_client();
    let second = desk.begin_client();
    assert!(!desk.is_client(first) && desk.is_client(second));
    assert!(desk.assignment().is_empty());
}
