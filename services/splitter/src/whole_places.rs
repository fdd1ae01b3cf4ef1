//! Whole pictures that are out: how many may be, and which worker gets the next.
//!
//! Tiles spread by their number; whole pictures are few and unequal, so each goes to the worker with the least in hand. Pure:
//! who reads which partition is told, and may be old: then a picture waits longer, and nothing else.

use std::collections::HashMap;

use tessera::bus::partition::task_partition;
use tessera::job::JobId;

/// Whole pictures out for each slot: one is run, the next waits at its worker.
const PICTURES_PER_SLOT: usize = 2;
/// So many more of small ones, while all together have no more pixels than this for each slot.
const SMALL_PER_SLOT: usize = 32;
const PIXELS_PER_SLOT: u64 = 4 << 20;
/// What a picture counts beside its pixels: opening it, and making its end known.
const PIXELS_PER_PICTURE: u64 = 1 << 16;

/// The whole pictures that are out.
#[derive(Debug, Default)]
pub struct WholePlaces {
    /// Of each the partition and the pixels.
    out: HashMap<JobId, (i32, u64)>,
    sent: u32,
}

impl WholePlaces {
    /// Whether a picture of `pixels` may go out while workers with `slots` live.
    pub fn has_room(&self, pixels: u64, slots: u32) -> bool {
        let slots = slots.max(1);
        let (count, all): (usize, u64) = (self.out.len(), self.out.values().map(|(_, pixels)| pixels).sum());
        count < PICTURES_PER_SLOT * slots as usize
            || (count < SMALL_PER_SLOT * slots as usize && all + pixels <= PIXELS_PER_SLOT * u64::from(slots))
    }

    /// The partition that a job's picture goes to, of `partitions`: one of the member of `members` that has the least. The
    /// picture is out from now on.
    pub fn send(&mut self, job: JobId, pixels: u64, members: &[Vec<i32>], partitions: i32) -> i32 {
        self.sent = self.sent.wrapping_add(1);
        self.out.remove(&job);
        let load = |member: &&Vec<i32>| -> u64 {
            let has = self.out.values().filter(|(partition, _)| member.contains(partition));
            has.map(|(_, pixels)| pixels + PIXELS_PER_PICTURE).sum()
        };
        let member = members.iter().filter(|member| !member.is_empty()).min_by_key(load);
        let turn = self.sent as usize;
        let own = member.and_then(|member| member.get(turn % member.len().max(1)));
        let own = own.filter(|partition| (0..partitions).contains(*partition));
        let partition = own.copied().unwrap_or_else(|| task_partition(job, self.sent, partitions));
        self.out.insert(job, (partition, pixels));
        partition
    }

    /// A picture is out no longer.
    pub fn back(&mut self, job: JobId) {
        self.out.remove(&job);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_picture_goes_to_the_worker_with_the_least_pixels_in_hand() {
        let (mut places, members) = (WholePlaces::default(), [vec![0, 2], vec![1, 3], Vec::new()]);
        let jobs: Vec<JobId> = (0..5).map(|_| JobId::random()).collect();
        let owner = |places: &mut WholePlaces, job: usize, pixels| places.send(jobs[job], pixels, &members, 4) % 2;
        let first = owner(&mut places, 0, 100_000_000);
        for small in 1..4 {
            assert_ne!(owner(&mut places, small, 1_000_000), first, "the large one is still out");
        }
        places.back(jobs[0]);
        assert_eq!(owner(&mut places, 4, 1_000_000), first);
    }

    #[test]
    fn without_knowing_the_members_all_partitions_are_used() {
        let mut places = WholePlaces::default();
        for members in [&[][..], &[vec![99]]] {
            let job = JobId::random();
            let used: std::collections::HashSet<i32> = (0..64).map(|_| places.send(job, 1, members, 64)).collect();
            assert_eq!(used.len(), 64);
        }
    }

    #[test]
    fn two_for_each_slot_are_out_and_more_only_of_small_ones() {
        let mut places = WholePlaces::default();
        let mut fill = |pixels: u64, slots: u32| {
            let mut count = 0;
            while places.has_room(pixels, slots) {
                places.send(JobId::random(), pixels, &[], 64);
                count += 1;
            }
            places = WholePlaces::default();
            count
        };
        assert_eq!(fill(16 << 20, 2), 4);
        assert_eq!(fill(1 << 20, 2), 8);
        assert_eq!(fill(10_000, 2), 64);
        assert_eq!(fill(10_000, 0), 32, "no worker is counted: as for one slot");
    }
}
