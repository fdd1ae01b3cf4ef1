//! Runs of tiles: such as follow each other, go to one partition and are taken by one worker.
//!
//! Kafka's work is by request, however little is in it: four tiles that travel together cost it little more than one.
//! Tiles go alone until it is known that they are quick; runs begin and end short, so that workers do so at once. Sends
//! nothing.

use std::time::Duration;

use tokio::time::Instant;

/// The most tiles of a run.
const LONGEST: u32 = 4;
/// The longest that a tile waits for the next of its run.
const PATIENCE: Duration = Duration::from_millis(3);
/// So many runs each slot has at least of what is left.
const RUNS_PER_SLOT: u32 = 3;

/// The runs of one pass.
#[derive(Clone, Copy, Debug, Default)]
pub struct Runs {
    /// Runs that have begun.
    begun: u32,
    /// Tiles that the last of them still takes.
    left: u32,
}

impl Runs {
    /// The number of the run that the next tile is in, when `remaining` tiles are not sent yet, this one among them, for
    /// workers with `slots` slots.
    pub fn next(&mut self, remaining: u32, slots: u32) -> u32 {
        if self.left == 0 {
            let fair = remaining / slots.max(1).saturating_mul(RUNS_PER_SLOT);
            self.left = fair.clamp(1, LONGEST).min(self.begun.saturating_add(1));
            self.begun = self.begun.wrapping_add(1);
        }
        self.left -= 1;
        self.begun.wrapping_sub(1)
    }

    /// A run by itself: for a tile whose pixels are in its record, which is no less work together, or one that takes long.
    pub fn single(&mut self) -> u32 {
        self.left = 0;
        self.next(1, 1)
    }
}

/// The run that is being gathered.
#[derive(Debug)]
pub struct OpenRun<T> {
    runs: Runs,
    tiles: Vec<(u32, T)>,
    is_closed: bool,
    /// When the first of `tiles` has waited long enough.
    until: Instant,
}

impl<T> Default for OpenRun<T> {
    fn default() -> Self {
        Self { runs: Runs::default(), tiles: Vec::new(), is_closed: false, until: Instant::now() }
    }
}

impl<T> OpenRun<T> {
    /// Adds the next tile. It may go `together` with others when so many tiles remain with it, for so many slots.
    pub fn add(&mut self, tile: T, together: Option<(u32, u32)>) {
        let number = match together {
            Some((remaining, slots)) => self.runs.next(remaining, slots),
            None => self.runs.single(),
        };
        if self.tiles.is_empty() {
            self.until = Instant::now() + PATIENCE;
        }
        self.tiles.push((number, tile));
        self.is_closed = self.runs.left == 0;
    }

    /// Whether no tile waits.
    pub fn is_empty(&self) -> bool {
        self.tiles.is_empty()
    }

    /// Waits until a tile has waited for the next one long enough; for ever if none waits.
    pub async fn is_late(&self) {
        if self.tiles.is_empty() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep_until(self.until).await;
    }

    /// Lets those that wait go; those that come later are of the same run.
    pub fn close(&mut self) {
        self.is_closed = true;
    }

    /// Takes out the tiles that go now, each with the number of its run.
    pub fn take_closed(&mut self) -> std::vec::Drain<'_, (u32, T)> {
        let go = if self.is_closed { self.tiles.len() } else { 0 };
        self.is_closed = false;
        self.tiles.drain(..go)
    }
}

#[cfg(test)]
mod tests {
    use tessera::bus::partition::task_partition;
    use tessera::job::JobId;

    use super::*;

    /// How many tiles of a stage each of `workers` gets, of 64 partitions in as many ranges, and the number of runs.
    fn shares(job: JobId, tiles: u32, workers: u32) -> (Vec<u32>, u32) {
        let (mut runs, mut shares, mut last) = (Runs::default(), vec![0; workers as usize], 0);
        for sent in 0..tiles {
            last = runs.next(tiles - sent, workers);
            let partition = task_partition(job, last, 64) as u32;
            shares[(partition * workers / 64) as usize] += 1;
        }
        (shares, last + 1)
    }

    #[test]
    fn tiles_travel_together_and_workers_differ_by_three_runs_at_most() {
        for (tiles, workers, most_runs) in
            [(64, 2, 28), (256, 2, 76), (1024, 8, 310), (36, 2, 20), (4, 2, 4), (1, 1, 1)]
        {
            for _ in 0..50 {
                let (shares, runs) = shares(JobId::random(), tiles, workers);
                let (least, most) = (shares.iter().min().unwrap(), shares.iter().max().unwrap());
                assert!(runs <= most_runs, "{tiles} tiles in {runs} runs");
                assert!(most - least <= 3 * LONGEST, "{tiles} tiles on {workers} workers: {shares:?}");
            }
        }
    }

    #[test]
    fn the_first_and_the_last_runs_are_of_one_tile() {
        let mut runs = Runs::default();
        let of: Vec<u32> = (0..64).map(|sent| runs.next(64 - sent, 2)).collect();
        assert_eq!(of[..4], [0, 1, 1, 2]);
        assert_ne!(of[62], of[63]);
        assert!(of.windows(2).all(|pair| pair[1] - pair[0] <= 1), "runs follow each other");
        let longest = (0..=of[63]).map(|run| of.iter().filter(|of| **of == run).count()).max();
        assert_eq!(longest, Some(LONGEST as usize));
    }

    #[test]
    fn tiles_with_their_pixels_go_alone() {
        let mut runs = Runs::default();
        for _ in 0..8 {
            runs.next(1000, 1);
        }
        let (one, other) = (runs.single(), runs.single());
        assert_eq!(other, one + 1);
    }

    #[tokio::test]
    async fn a_tile_goes_with_its_run_or_when_the_next_is_late() {
        let mut run = OpenRun::default();
        // Alone at first, then in twos and threes.
        let gone: Vec<usize> = (0..6)
            .map(|tile| {
                run.add(tile, Some((1000, 2)));
                run.take_closed().count()
            })
            .collect();
        assert_eq!(gone, [1, 0, 2, 0, 0, 3]);
        run.add(6, Some((900, 2)));
        assert_eq!(run.take_closed().count(), 0);
        run.is_late().await;
        run.close();
        assert_eq!(run.take_closed().map(|(_, tile)| tile).collect::<Vec<_>>(), [6]);
        assert!(run.is_empty());
        run.add(7, None);
        assert_eq!(run.take_closed().count(), 1, "one with its pixels goes alone");
    }
}
