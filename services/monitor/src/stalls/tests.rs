use super::*;

const T: i64 = 20_000;

fn look() -> Look {
    Look {
        job: JobId::random(),
        status: JobStatus::Processing,
        run: 1,
        stage: 0,
        received: 3,
        total: 9,
        passes: 1,
        idle_ms: T,
        hope: Hope::None,
    }
}

fn stalls() -> Stalls {
    Stalls::new(T as u64)
}

/// Looks once a second from `from` on, and gives when it was checked and when given up. `at` says what is seen.
fn watch(stalls: &mut Stalls, seconds: std::ops::Range<i64>, at: impl Fn(i64) -> Look) -> (Vec<i64>, Option<i64>) {
    let mut checks = Vec::new();
    for second in seconds {
        let look = at(second);
        match stalls.look(&look, second * 1000) {
            Advice::Fine => {}
            Advice::Check { again } => {
                assert_eq!(again, !checks.is_empty());
                checks.push(second);
                stalls.checked(&look, second * 1000);
            }
            Advice::GiveUp { checks: five } => {
                assert_eq!(five, MAX_CHECKS);
                return (checks, Some(second));
            }
        }
    }
    (checks, None)
}

#[test]
fn waits_double_while_a_worker_has_a_tile_and_the_sixth_time_the_job_is_given_up() {
    let job = look();
    let at = |second| Look { idle_ms: second * 1000, hope: Hope::InHand, passes: second as u32, ..job };
    assert_eq!(watch(&mut stalls(), 0..3000, at), (vec![20, 60, 140, 300, 620], Some(1220)));
}

#[test]
fn a_job_that_nothing_could_move_is_checked_twice_a_minute_and_given_up_no_sooner() {
    let job = look();
    let at = |second| Look { idle_ms: second * 1000, passes: second as u32, ..job };
    let (checks, given_up) = watch(&mut stalls(), 0..3000, at);
    assert_eq!((checks[0], given_up), (20, Some(1220)));
    assert!(checks.windows(2).all(|two| two[1] - two[0] <= 40), "{checks:?}");
}

#[test]
fn a_job_whose_tiles_were_not_sent_again_is_not_given_up() {
    let job = look();
    let at = |second| Look { idle_ms: second * 1000, ..job };
    let (checks, given_up) = watch(&mut stalls(), 0..36_000, at);
    assert!(given_up.is_none() && checks.len() > 800, "{given_up:?} {}", checks.len());
    let complete = |second| Look { received: 9, ..at(second) };
    assert_eq!(watch(&mut stalls(), 0..36_000, complete).1, Some(1220), "it needs none");
}

#[test]
fn only_a_job_that_does_not_move_is_checked() {
    let mut stalls = stalls();
    let stuck = look();
    let check = Advice::Check { again: false };
    assert_eq!(stalls.look(&stuck, T), check);
    assert_eq!(stalls.look(&Look { idle_ms: T - 1, ..stuck }, T), Advice::Fine);
    assert_eq!(stalls.look(&Look { hope: Hope::InHand, ..stuck }, T), check);
    for hope in [Hope::InLine, Hope::Away] {
        assert_eq!(stalls.look(&Look { hope, ..stuck }, T), Advice::Fine);
    }
    assert_eq!(stalls.look(&Look { status: JobStatus::Finishing, ..stuck }, T), check);
    for status in [JobStatus::Queued, JobStatus::Done, JobStatus::Failed] {
        assert_eq!(stalls.look(&Look { status, ..stuck }, T), Advice::Fine);
    }
}

#[test]
fn time_in_which_something_was_away_does_not_count_and_back_again_it_is_checked_at_once() {
    let job = look();
    for hope in [Hope::Away, Hope::InLine] {
        let at = |second: i64| {
            let is_away = (100..10_000).contains(&second);
            Look { idle_ms: second * 1000, passes: second as u32, hope: if is_away { hope } else { Hope::None }, ..job }
        };
        let (checks, given_up) = watch(&mut stalls(), 0..20_000, at);
        assert_eq!(checks[..3], [20, 60, 10_000]);
        assert_eq!(given_up, Some(1220 + 9_900), "{hope:?}");
    }
}

#[test]
fn a_check_that_is_not_read_is_repeated_and_never_counts() {
    let job = look();
    let at = |second: i64| {
        let hope = if second > 20 { Hope::Unheard } else { Hope::None };
        Look { idle_ms: second * 1000, passes: second as u32, hope, ..job }
    };
    let (checks, given_up) = watch(&mut stalls(), 0..36_000, at);
    assert!(given_up.is_none() && checks.windows(2).all(|two| two[1] - two[0] == 40), "{given_up:?} {checks:?}");
}

#[test]
fn a_monitor_or_redis_that_was_away_counts_for_one_wait_at_most() {
    let (mut stalls, job) = (stalls(), look());
    let at = |second: i64| Look { idle_ms: second * 1000, passes: second as u32, ..job };
    watch(&mut stalls, 0..70, at);
    let (checks, given_up) = {
        let look = at(10_000);
        assert_eq!(stalls.look(&look, 10_000_000), Advice::Check { again: true });
        stalls.checked(&look, 10_000_000);
        (stalls.watches[&job.job].checks, stalls.look(&at(10_001), 10_001_000))
    };
    assert_eq!((checks, given_up), (2, Advice::Fine));
}

#[test]
fn a_new_tile_stage_or_run_begins_the_count_anew_and_a_lost_tile_does_not() {
    for (change, is_new) in [
        (Look { received: 4, ..look() }, true),
        (Look { stage: 1, ..look() }, true),
        (Look { run: 2, ..look() }, true),
        (Look { received: 2, ..look() }, false),
    ] {
        let mut stalls = stalls();
        let before = Look { job: change.job, ..look() };
        stalls.checked(&before, 0);
        assert_eq!(stalls.look(&change, 10_000_000), Advice::Check { again: !is_new }, "{change:?}");
    }
    let mut stalls = stalls();
    let lost = look();
    stalls.checked(&lost, 0);
    stalls.look(&Look { received: 0, ..lost }, 0);
    stalls.look(&Look { received: 1, idle_ms: 0, ..lost }, 0);
    assert!(stalls.watches.is_empty(), "a tile that came again is progress");
}

#[test]
fn jobs_that_went_are_forgotten() {
    let (mut stalls, look) = (stalls(), look());
    stalls.checked(&look, 0);
    stalls.keep(&HashSet::new());
    assert!(stalls.watches.is_empty());
}
