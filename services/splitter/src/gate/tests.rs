use super::*;

fn view(again: bool, tiles: std::ops::Range<u32>) -> WindowView {
    WindowView::of(JobStatus::Processing, (0, 1), again, tiles)
}

/// A gate that is full, its eight tiles at Kafka, and when it was.
fn full() -> (Gate, Instant) {
    let (gate, now) = (Gate::new(0, 1, view(false, 0..0), Ceiling::new(u64::MAX)), Instant::now());
    for index in 0..8 {
        assert_eq!(gate.try_admit(index, 1, now), Some(Clearance::Send));
        gate.delivered();
    }
    assert_eq!(gate.try_admit(8, 1, now), None);
    (gate, now)
}

#[test]
fn time_alone_ends_no_pass() {
    let (gate, now) = full();
    gate.observe_at(view(false, 0..0), 2, now);
    gate.observe_at(view(false, 0..0), 2, now + Duration::from_secs(36_000));
    assert_eq!(gate.stopped(), None);
    gate.observe_at(view(false, 0..1), 2, now + Duration::from_secs(36_001));
    assert_eq!(gate.try_admit(8, 1, now), Some(Clearance::Send));
}

#[test]
fn a_full_pass_ends_when_another_is_asked_for_and_one_that_moves_goes_on() {
    let (gate, now) = full();
    let at = |seconds| now + Duration::from_secs(seconds);
    gate.observe_at(view(true, 0..1), 2, at(10));
    assert_eq!(gate.stopped(), None, "a tile has just come back");
    assert_eq!(gate.try_admit(8, 1, at(10)), Some(Clearance::Send));
    gate.observe_at(view(true, 0..1), 2, at(20));
    assert_eq!(gate.stopped(), None, "kafka has not taken the tile yet");
    gate.delivered();
    assert_eq!(gate.try_admit(9, 1, at(20)), None);
    gate.observe_at(view(true, 0..1), 2, at(21));
    assert_eq!(gate.stopped(), None, "it is not full for long");
    gate.observe_at(view(true, 0..1), 2, at(23));
    assert_eq!(gate.stopped(), Some(Stop::Again));
    assert_eq!(gate.try_admit(9, 1, at(23)), Some(Clearance::Stop(Stop::Again)));
}

#[test]
fn a_pass_whose_tiles_find_no_room_ends_when_another_is_asked_for() {
    let gate = Gate::new(0, 1, view(false, 0..0), Ceiling::new(u64::MAX));
    let now = Instant::now();
    let at = |seconds| now + Duration::from_secs(seconds);
    for tile in 0..4 {
        assert_eq!(gate.try_admit(tile, 1, now), Some(Clearance::Send));
    }
    gate.delivered();
    let waits = gate.without_room();
    assert!(gate.is_in_line());
    let sends = gate.sending();
    gate.observe_at(view(true, 0..0), 2, at(60));
    assert_eq!(gate.stopped(), None, "another tile is on its way");
    drop(sends);
    gate.observe_at(view(true, 0..0), 2, at(61));
    assert_eq!(gate.stopped(), None, "it does not wait for long");
    gate.observe_at(view(true, 0..0), 2, at(63));
    assert_eq!(gate.stopped(), Some(Stop::Again));
    drop(waits);
    assert!(!gate.is_in_line());
}

#[test]
fn rows_that_were_read_are_told_once() {
    let (gate, _) = full();
    assert!(!gate.take_read());
    gate.has_read();
    assert!(gate.take_read() && !gate.take_read());
}
