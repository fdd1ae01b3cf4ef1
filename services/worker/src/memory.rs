//! How a worker divides its memory budget.
//!
//! Owns the division: client queues, pictures that are run whole, and the rest for tiles. Warns where more slots are set
//! than can be used at once.

use tessera::budget::{Budget, Share, TooSmall};
use tessera::bus::{ConsumerOptions, Producer};
use tessera::pipeline::WholeBudget;

use crate::WorkerConfig;

/// What running a tile takes, in records: the task, the result, and as much again for kernels between.
const RECORDS_PER_TILE: u64 = 4;

/// A worker's memory, divided.
#[derive(Debug)]
pub struct WorkerMemory {
    /// For tiles that are run.
    pub tiles: Budget,
    /// For pictures that are run whole.
    pub wholes: Budget,
    tile_bytes: u64,
    _tasks: Share,
}

/// The shares of a worker's producers.
#[derive(Debug)]
pub struct Queues {
    /// Results.
    pub results: Share,
    /// Heartbeats.
    pub beats: Share,
}

impl WorkerMemory {
    /// Divides the budget of `config`; gives the producers' shares apart.
    ///
    /// # Errors
    /// [`TooSmall`], which names what there is no room for.
    pub fn divide(config: &WorkerConfig, tasks: &ConsumerOptions) -> Result<(Self, Queues), TooSmall> {
        let whole = Budget::new(config.memory_budget);
        let tasks = whole.set_aside(tasks.memory_bytes(&config.kafka), "the consumer of tasks")?;
        let least = Producer::least_bytes(&config.kafka);
        let beats = whole.set_aside(least, "the producer of heartbeats")?;
        let results = whole.set_aside((whole.total() / 6).max(least), "the producer of results")?;
        let tile_bytes = config.kafka.max_record_bytes as u64 * RECORDS_PER_TILE;
        let for_tiles = whole.free().saturating_sub(WholeBudget::of(whole.total()).bytes());
        let tiles = whole.part(for_tiles.max(tile_bytes), "tiles that are run")?;
        // A small budget has none for whole pictures, which are then cut into tiles.
        let wholes = whole.part(whole.free(), "whole pictures").unwrap_or_else(|_| Budget::new(0));
        Ok((Self { tiles, wholes, tile_bytes, _tasks: tasks }, Queues { results, beats }))
    }

    /// Waits for what running a tile takes.
    pub async fn tile(&self) -> Share {
        self.tiles.reserve(self.tile_bytes).await
    }

    /// The most of `slots` that run at once.
    pub fn usable(&self, slots: u32) -> u32 {
        u32::try_from(self.tiles.total() / self.tile_bytes.max(1)).unwrap_or(u32::MAX).min(slots)
    }
}

/// Bytes of tasks in hand at once.
pub fn in_flight_bytes(memory_budget: u64) -> usize {
    usize::try_from(memory_budget / 6).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::service::consumer_options;

    fn divide(flags: &[&str]) -> Result<(WorkerMemory, Queues), TooSmall> {
        let config = WorkerConfig::try_parse_from(["x"].iter().chain(flags)).unwrap();
        WorkerMemory::divide(&config, &consumer_options(&config, "x"))
    }

    #[test]
    fn the_default_budget_has_room_for_the_slots_of_a_large_machine_s_share() {
        let (memory, queues) = divide(&[]).unwrap();
        assert!(memory.usable(16) == 16 && memory.usable(256) < 256, "{memory:?}");
        let tasks = consumer_options(&WorkerConfig::try_parse_from(["x"]).unwrap(), "x");
        let kafka = tessera::config::KafkaArgs::new("", "");
        let all = memory.tiles.total() + queues.results.bytes() + queues.beats.bytes() + tasks.memory_bytes(&kafka);
        assert!(all <= 192 << 20, "{all}");
    }

    #[test]
    fn small_budgets_are_divided_and_too_small_ones_are_refused_by_name() {
        assert!(divide(&["--memory-budget", "33554432"]).is_ok());
        let error = divide(&["--memory-budget", "4194304"]).unwrap_err().to_string();
        assert!(error.contains("the producer of heartbeats"), "{error}");
    }
}
