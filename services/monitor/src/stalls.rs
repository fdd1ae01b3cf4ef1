//! Which jobs are stuck, and for how long one is patient with them.
//!
//! Owns the waits between two checks of a job. Pure: knows no clock, no Redis and no Kafka.

use std::collections::{HashMap, HashSet};

use tessera::job::{JobId, JobStatus};

/// The longest wait between two checks.
const LONGEST_WAIT_MS: i64 = 600_000;
/// Checks without a new tile, after which a job is given up.
const MAX_CHECKS: u32 = 5;

/// What is known of a job in hand.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Which job.
    pub job: JobId,
    /// Where it is.
    pub status: JobStatus,
    /// Its run.
    pub run: u32,
    /// Its stage.
    pub stage: u32,
    /// Tiles of the stage in the spool.
    pub received: u32,
    /// Tiles of the stage.
    pub total: u32,
    /// Whether a splitter reads it now.
    pub is_leased: bool,
    /// When somebody last worked on it, in milliseconds since 1970.
    pub updated_ms: i64,
}

/// What to do about a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Fine,
    /// Ask its stitcher to look at its spool.
    Check,
    /// Fail it.
    GiveUp {
        /// How often it was checked.
        checks: u32,
    },
}

/// The jobs that were found stuck.
#[derive(Debug)]
pub struct Stalls {
    after_ms: i64,
    watches: HashMap<JobId, Watch>,
}

#[derive(Debug)]
struct Watch {
    run: u32,
    stage: u32,
    received: u32,
    checks: u32,
    next_ms: i64,
}

impl Stalls {
    /// None yet; a job is stuck when nobody worked on it for `after_ms`.
    pub fn new(after_ms: u64) -> Self {
        Self { after_ms: i64::try_from(after_ms).unwrap_or(LONGEST_WAIT_MS), watches: HashMap::new() }
    }

    /// Looks at a job at `now_ms`.
    pub fn look(&mut self, look: &Look, has_workers: bool, now_ms: i64) -> Verdict {
        let is_in_hand = matches!(look.status, JobStatus::Processing | JobStatus::Finishing);
        if !is_in_hand || self.has_moved(look) {
            self.watches.remove(&look.job);
        }
        // A job that waits for tiles waits for workers first; one that has them all does not.
        let can_move = has_workers || look.received >= look.total;
        if !is_in_hand || look.is_leased || !can_move || now_ms - look.updated_ms < self.after_ms {
            return Verdict::Fine;
        }
        match self.watches.get(&look.job) {
            Some(watch) if now_ms < watch.next_ms => Verdict::Fine,
            Some(watch) if watch.checks >= MAX_CHECKS => Verdict::GiveUp { checks: watch.checks },
            _ => Verdict::Check,
        }
    }

    /// Takes note that a job's stitcher was asked at `now_ms`. What was not sent does not count.
    pub fn checked(&mut self, look: &Look, now_ms: i64) {
        let (run, stage, received) = (look.run, look.stage, look.received);
        let watch = self.watches.entry(look.job).or_insert(Watch { run, stage, received, checks: 0, next_ms: now_ms });
        watch.checks += 1;
        watch.next_ms = now_ms + (self.after_ms << watch.checks.min(16)).min(LONGEST_WAIT_MS.max(self.after_ms));
    }

    /// Forgets all jobs but these.
    pub fn keep(&mut self, jobs: &HashSet<JobId>) {
        self.watches.retain(|job, _| jobs.contains(job));
    }

    /// Whether there is a new tile since the job was checked first.
    fn has_moved(&mut self, look: &Look) -> bool {
        let Some(watch) = self.watches.get_mut(&look.job) else { return false };
        let has_moved = (look.run, look.stage) != (watch.run, watch.stage) || look.received > watch.received;
        // Tiles that were lost and come again are progress, too.
        watch.received = watch.received.min(look.received);
        has_moved
    }
}

/// Writes tile numbers for people: `3, 7-9 and 12 more`.
pub fn list_tiles(tiles: &[u32], total: usize) -> String {
    const SHOWN: usize = 8;
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for tile in tiles {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == *tile => *last = *tile,
            _ => runs.push((*tile, *tile)),
        }
    }
    let shown = runs.iter().take(SHOWN);
    let count: usize = shown.clone().map(|(first, last)| (last - first) as usize + 1).sum();
    let texts = shown.map(|(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") });
    let mut text = texts.collect::<Vec<_>>().join(", ");
    if total > count {
        text.push_str(&format!(" and {} more", total - count));
    }
    text
}

#[cfg(test)]
mod tests {
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
            is_leased: false,
            updated_ms: 0,
        }
    }

    fn stalls() -> Stalls {
        Stalls::new(T as u64)
    }

    #[test]
    fn waits_double_and_the_sixth_time_the_job_is_given_up() {
        let (mut stalls, look) = (stalls(), look());
        let (mut checks, mut given_up) = (Vec::new(), None);
        for second in 0..3000 {
            match stalls.look(&look, true, second * 1000) {
                Verdict::Fine => {}
                Verdict::Check => {
                    checks.push(second);
                    stalls.checked(&look, second * 1000);
                }
                Verdict::GiveUp { checks } => {
                    given_up = Some((second, checks));
                    break;
                }
            }
        }
        assert_eq!(checks, [20, 60, 140, 300, 620]);
        assert_eq!(given_up, Some((1220, 5)), "the last wait is ten minutes");
    }

    #[test]
    fn only_a_stuck_job_is_checked() {
        let mut stalls = stalls();
        let stuck = look();
        assert_eq!(stalls.look(&stuck, true, T), Verdict::Check);
        assert_eq!(stalls.look(&stuck, true, T - 1), Verdict::Fine);
        assert_eq!(stalls.look(&stuck, false, T), Verdict::Fine, "no worker lives");
        assert_eq!(stalls.look(&Look { received: 9, ..stuck }, false, T), Verdict::Check, "it needs no worker");
        assert_eq!(stalls.look(&Look { is_leased: true, ..stuck }, true, T), Verdict::Fine);
        for status in [JobStatus::Queued, JobStatus::Done, JobStatus::Failed] {
            assert_eq!(stalls.look(&Look { status, ..stuck }, true, T), Verdict::Fine);
        }
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
            for _ in 0..MAX_CHECKS {
                stalls.checked(&before, 0);
            }
            let verdict = stalls.look(&change, true, 10_000_000);
            assert_eq!(verdict == Verdict::Check, is_new, "{change:?}: {verdict:?}");
        }
        let mut stalls = stalls();
        let lost = look();
        stalls.checked(&lost, 0);
        stalls.look(&Look { received: 0, ..lost }, true, 0);
        stalls.look(&Look { received: 1, ..lost }, true, 0);
        assert!(stalls.watches.is_empty(), "a tile that came again is progress");
    }

    #[test]
    fn jobs_that_went_are_forgotten() {
        let (mut stalls, look) = (stalls(), look());
        stalls.checked(&look, 0);
        stalls.keep(&HashSet::new());
        assert!(stalls.watches.is_empty());
    }

    #[test]
    fn tiles_are_listed_for_people() {
        assert_eq!(list_tiles(&[3], 1), "3");
        assert_eq!(list_tiles(&[1, 2, 3, 7, 9, 10], 6), "1-3, 7, 9-10");
        let many: Vec<u32> = (0..40).map(|tile| tile * 2).collect();
        assert_eq!(list_tiles(&many, 100), "0, 2, 4, 6, 8, 10, 12, 14 and 92 more");
    }
}
