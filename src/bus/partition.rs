//! Which partition of `tasks` a tile goes to.
//!
//! A worker is given a contiguous range of partitions, or every second or third of them, so tiles that follow each other
//! must not follow each other among the partitions, nor step by an even number: they step by a stride coprime to their
//! number, near 0.6 of it.

use crate::job::JobId;

/// The partition of a job's run of tiles number `run`: (random start of the job + stride × run) mod `partitions`.
///
/// Over any `partitions` consecutive runs each partition is hit once, so that the numbers of a job's runs per partition
/// differ by at most one.
pub fn task_partition(job: JobId, run: u32, partitions: i32) -> i32 {
    let count = u64::from(partitions.max(1).unsigned_abs());
    let at = (job.spread() % count + stride(count) * u64::from(run)) % count;
    i32::try_from(at).unwrap_or(0)
}

/// The number coprime to `count` that is nearest to 0.61 of it (39 of 64).
fn stride(count: u64) -> u64 {
    let wanted = count * 61 / 100;
    let fits = |stride: u64| (1..count.max(2)).contains(&stride) && greatest_common_divisor(stride, count) == 1;
    (0..=count).flat_map(|away| [wanted.saturating_sub(away), wanted + away]).find(|stride| fits(*stride)).unwrap_or(1)
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stride_is_39_of_64() {
        assert_eq!(stride(64), 39);
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

    #[test]
    fn neighbours_go_to_odd_and_even_partitions() {
        let job = JobId::random();
        let odd: i32 = (0..64).map(|run| task_partition(job, run, 64) % 2).take(10).sum();
        assert_eq!(odd, 5, "of workers that have every second partition each has its share");
    }

    #[test]
    fn neighbours_go_to_both_halves() {
        let job = JobId::random();
        let in_first: usize = (0..16).filter(|index| task_partition(job, *index, 64) < 32).count();
        assert!((6..=10).contains(&in_first), "{in_first} of 16 in the first half");
    }
}
