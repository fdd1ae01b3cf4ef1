//! The plan of a job: its stages, each one trip of all tiles through Kafka.
//!
//! Made once, when the picture is accepted, stored in the manifest and never recomputed, so that a
//! tile's output depends only on the stage's input, the plan and the tile's index.

mod disk;
mod makes;
mod planner;
mod whole;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use disk::DiskNeed;
pub use makes::{Makes, Numbers};
pub use planner::{PlanError, PlanLimits};

use crate::operation::Chain;
use crate::operation::statistic::WORD_BYTES;
use crate::picture::{PictureInfo, Size, Turn};
use crate::tiling::{Grid, TurnedGrid};

/// How a picture is cut and what is done to its tiles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The picture as it was sent.
    pub input: PictureInfo,
    /// The result.
    pub output: PictureInfo,
    /// The trips, in order; at least one.
    pub stages: Vec<Stage>,
}

/// One trip of all tiles through the workers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// What a worker does to a tile; numbers of the whole picture are filled in when they are known.
    pub steps: Chain,
    /// Pixels that a tile needs on each side.
    pub halo: u32,
    /// The picture before it.
    pub input: PictureInfo,
    /// The picture after it; of a stage that measures, the picture that is measured.
    pub output: PictureInfo,
    /// Columns of a tile that no edge cuts off.
    pub tile_width: u32,
    /// Rows of a tile that no edge cuts off.
    pub tile_height: u32,
    /// What comes back of its tiles.
    #[serde(default)]
    pub makes: Makes,
}

impl Plan {
    /// Makes the plan of `chain` on a picture.
    ///
    /// # Errors
    /// If a step does not take the picture, or a tile of the smallest size does not fit the limits.
    pub fn make(input: PictureInfo, chain: &Chain, limits: &PlanLimits) -> Result<Self, PlanError> {
        planner::make(input, chain, limits)
    }

    /// The plan's hash. Taken once, when the job is accepted, and kept in the manifest: ask
    /// [`Manifest::plan_hash`](crate::job::Manifest::plan_hash).
    pub fn hash(&self) -> PlanHash {
        // Serializing plain structs of numbers and texts cannot fail; the empty text would only change the hash.
        let text = serde_json::to_vec(self).unwrap_or_default();
        let digest = Sha256::digest(&text);
        let first: [u8; 8] = std::array::from_fn(|i| digest[i]);
        PlanHash(u64::from_be_bytes(first))
    }

    /// Stage `number`, from 0.
    pub fn stage(&self, number: u32) -> Option<&Stage> {
        self.stages.get(number as usize)
    }

    /// Whether stage `number` makes the result.
    pub fn is_last(&self, number: u32) -> bool {
        number as usize + 1 == self.stages.len()
    }

    /// Tiles of all stages.
    pub fn total_tiles(&self) -> u64 {
        self.stages.iter().map(|stage| u64::from(stage.grid().tiles())).sum()
    }
}

impl Stage {
    /// Its tiles.
    pub fn grid(&self) -> Grid {
        Grid::new(self.input.size, Size { width: self.tile_width, height: self.tile_height })
    }

    /// How its result lies.
    pub fn turn(&self) -> Turn {
        self.steps.turn()
    }

    /// Its tiles as its result lies.
    pub fn turned_grid(&self) -> TurnedGrid {
        TurnedGrid::new(self.grid(), self.turn())
    }

    /// Bytes of the result of tile `index`; `None` if there is no such tile.
    pub fn result_bytes(&self, index: u32) -> Option<usize> {
        let rect = self.grid().rect(index)?;
        if self.makes == Makes::Statistic {
            return self.statistic_words().map(|words| words * WORD_BYTES);
        }
        usize::try_from(rect.size().pixels()).ok()?.checked_mul(self.output.format.bytes_per_pixel())
    }

    /// Bytes of the largest tile with its halo: the length of a slot's bytes on the way to a worker.
    pub fn largest_input_bytes(&self) -> usize {
        let side = |tile: u32, whole: u32| tile.saturating_add(self.halo.saturating_mul(2)).min(whole) as usize;
        let size = self.input.size;
        let pixels = side(self.tile_width, size.width).saturating_mul(side(self.tile_height, size.height));
        pixels.saturating_mul(self.input.format.bytes_per_pixel())
    }

    /// Bytes of the largest result of a tile: the length of a slot's bytes.
    pub fn largest_result_bytes(&self) -> usize {
        self.result_bytes(0).unwrap_or(0)
    }
}

/// The first 8 bytes of a plan's SHA-256, written as 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PlanHash(u64);

impl PlanHash {
    /// The hash as a number.
    pub fn as_u64(self) -> u64 {
        self.0
    }
}

impl fmt::Display for PlanHash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:016x}", self.0)
    }
}

impl fmt::Debug for PlanHash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl FromStr for PlanHash {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u64::from_str_radix(text, 16).ok().filter(|_| digits);
        number.map(Self).ok_or_else(|| "reading a plan hash: not 16 hexadecimal digits".to_owned())
    }
}

impl Serialize for PlanHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PlanHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
