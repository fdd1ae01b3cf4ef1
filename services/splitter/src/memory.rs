//! How a splitter divides its memory budget.
//!
//! Owns the division: client queues, a part that is kept for small pictures, and the rest for all others.
//! Small pictures wait for each other only, so no giant that waits for another giant holds them up.

use tessera::budget::{Budget, Share, TooSmall};
use tessera::bus::{ConsumerOptions, Producer};
use tessera::config::{KafkaArgs, PreviewArgs};
use tessera::job::Manifest;
use tessera::plan::Stage;

use crate::Config;
use crate::pyramid::held_bytes;

/// Pictures of at most so many pixels may have what is kept for small ones.
const SMALL_PIXELS: u64 = 4 << 20;
/// Tiles of a pass that are cut and not yet at the sender: two wait, one is being cut, the last is held.
const TILES_CUT: u64 = 4;
/// What a decoder and the file's buffer hold beside rows.
const DECODER_BYTES: u64 = 1 << 20;
/// Rows that a decoder holds: the present ones, and those of a block of JPEG.
const DECODER_ROWS: u64 = 24;
/// Bytes of a pass that wait for their acknowledgement at most; more would only be a queue.
const MOST_SENDING_BYTES: usize = 16 << 20;

/// A splitter's memory, divided.
#[derive(Debug)]
pub struct SplitterMemory {
    /// For passes over small pictures.
    pub small: Budget,
    /// For passes over all others.
    pub large: Budget,
    /// For pictures that must be decoded whole: the one exception to the budget, bounded apart.
    pub decodes: Budget,
    previews: PreviewArgs,
    memory_budget: u64,
    /// What the commands in hand and their consumer may take.
    _commands: Share,
}

/// What a pass takes of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// Whether it may have what is kept for small pictures.
    pub is_small: bool,
    /// Memory.
    pub bytes: u64,
}

impl SplitterMemory {
    /// Divides the budget of `config`; gives the producer's share apart.
    ///
    /// # Errors
    /// [`TooSmall`], which names what there is no room for.
    pub fn divide(config: &Config, commands: &ConsumerOptions) -> Result<(Self, Share), TooSmall> {
        let whole = Budget::new(config.limits.memory_budget);
        let commands = whole.set_aside(commands.memory_bytes(&config.kafka), "the consumer of jobs")?;
        let queue = (whole.total() / 4).max(Producer::least_bytes(&config.kafka));
        let producer = whole.set_aside(queue, "the producer of tasks")?;
        let small = whole.part(whole.total() / 8, "small pictures")?;
        let least = tile_bytes(&config.kafka) * TILES_CUT + DECODER_BYTES;
        let large = whole.part(whole.free().max(least), "pictures")?;
        let decodes = Budget::new(config.limits.max_decode_bytes);
        let (previews, memory_budget) = (config.previews.clone(), config.limits.memory_budget);
        Ok((Self { small, large, decodes, previews, memory_budget, _commands: commands }, producer))
    }

    /// What a pass over the picture of `manifest` needs.
    pub fn needs(&self, manifest: &Manifest, kafka: &KafkaArgs) -> Needs {
        let pass = |stage: &Stage| {
            let rows = u64::from(stage.tile_height) + 2 * u64::from(stage.halo);
            let rows = rows.min(stage.input.size.height.into()).saturating_add(DECODER_ROWS);
            rows.saturating_mul(stage.input.row_bytes() as u64)
        };
        let rows = manifest.plan.stages.iter().map(pass).max().unwrap_or(0);
        let tiles = (tile_bytes(kafka) * TILES_CUT).min(manifest.plan.input.bytes().saturating_mul(2));
        let pyramid = held_bytes(&self.previews, self.memory_budget, manifest);
        let bytes = rows.saturating_add(tiles).saturating_add(DECODER_BYTES).saturating_add(pyramid);
        let is_small = manifest.plan.input.size.pixels() <= SMALL_PIXELS && bytes <= self.small.total();
        Needs { is_small, bytes }
    }

    /// Where such a pass draws its memory from.
    pub fn budget(&self, needs: Needs) -> &Budget {
        if needs.is_small { &self.small } else { &self.large }
    }
}

fn tile_bytes(kafka: &KafkaArgs) -> u64 {
    kafka.max_record_bytes as u64
}

/// Bytes that each of `passes` may have on their way, so that all of them wait inside the producer's window.
pub fn sending_bytes(producer: &Producer, passes: usize) -> usize {
    (producer.window_bytes() / passes.max(1)).min(MOST_SENDING_BYTES)
}

#[cfg(test)]
mod tests {
    use tessera::config::{LimitArgs, RedisArgs, ServiceArgs, StoreArgs, Sync};

    use super::*;
    use crate::PassArgs;
    use crate::service::consumer_options;

    fn config(memory_budget: u64) -> Config {
        Config {
            service: ServiceArgs::new("x", 1, "run"),
            kafka: KafkaArgs::new("a:1", ""),
            redis: RedisArgs::new("redis://h/0", ""),
            store: StoreArgs { store: "file:///x".into(), scratch_dir: "x".into(), sync: Sync::None },
            limits: LimitArgs { memory_budget, ..LimitArgs::default() },
            passes: PassArgs::default(),
            previews: PreviewArgs::default(),
        }
    }

    #[test]
    fn the_largest_band_of_a_plan_fits_beside_everything_else() {
        let config = config(192 << 20);
        let (memory, producer) = SplitterMemory::divide(&config, &consumer_options("x")).unwrap();
        let band = config.limits.plan_limits(config.kafka.max_record_bytes).band_bytes;
        assert!(memory.large.total() > band + (8 << 20), "{memory:?}");
        let commands = consumer_options("x").memory_bytes(&config.kafka);
        let all = memory.small.total() + memory.large.total() + producer.bytes() + commands;
        assert!(all <= 192 << 20, "{all}");
    }

    #[test]
    fn a_budget_without_room_is_refused_by_name() {
        let error = SplitterMemory::divide(&config(4 << 20), &consumer_options("x")).unwrap_err().to_string();
        assert!(error.contains("the consumer of jobs") && error.contains("TESSERA_MEMORY_BUDGET"), "{error}");
        assert!(SplitterMemory::divide(&config(32 << 20), &consumer_options("x")).is_ok());
    }
}
