//! Which partition of `tasks` a tile goes to.
//!
//! A worker is given a contiguous range of partitions, so tiles that follow each other must not follow each other among
//! the partitions. They go through them in the order of van der Corput's sequence (0, half, a quarter, three quarters …),
//! which divides any few of them evenly among ranges of the same size.

use crate::job::JobId;

/// The partition of a job's run of tiles number `run`: (random start of the job + place `run` of the order) mod
/// `partitions`.
///
/// Over any `partitions` runs from a multiple of it on, each partition is hit once.
pub fn task_partition(job: JobId, run: u32, partitions: i32) -> i32 {
    let count = partitions.max(1).unsigned_abs();
    let at = (job.spread() % u64::from(count) + u64::from(place(run % count, count))) % u64::from(count);
    i32::try_from(at).unwrap_or(0)
}

/// Number `at` of the numbers below `count`, in the order of their bits reversed.
fn place(at: u32, count: u32) -> u32 {
    let bits = u32::BITS - (count - 1).leading_zeros();
    let reversed = |number: u32| if bits == 0 { 0 } else { number.reverse_bits() >> (u32::BITS - bits) };
    (0..=u32::MAX).map(reversed).filter(|place| *place < count).nth(at as usize).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_halves_the_rest_again_and_again() {
        let order: Vec<u32> = (0..8).map(|at| place(at, 64)).collect();
        assert_eq!(order, [0, 32, 16, 48, 8, 40, 24, 56]);
        assert_eq!((0..5).map(|at| place(at, 5)).collect::<Vec<_>>(), [0, 4, 2, 1, 3]);
        assert_eq!(place(0, 1), 0);
    }

    #[test]
    fn neighbours_go_to_both_halves() {
        for start in (0..64).step_by(2) {
            let job = JobId::random();
            let halves = [start, start + 1].map(|run| task_partition(job, run, 64) / 32);
            assert_ne!(halves[0], halves[1], "runs {start} and {}", start + 1);
        }
    }

    #[test]
    fn tiles_of_a_job_spread_evenly_whatever_the_partitions() {
        for partitions in 1..130 {
            let job = JobId::random();
            let mut hits = vec![0; partitions as usize];
            for index in 0..(partitions * 3 + 1) as u32 {
                hits[task_partition(job, index, partitions) as usize] += 1;
            }
            let (least, most) = (hits.iter().min().unwrap(), hits.iter().max().unwrap());
            assert!(most - least <= 1, "{partitions} partitions: {hits:?}");
        }
    }
}
