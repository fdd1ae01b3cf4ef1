//! How much of a picture one task is: a tile, or all of it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::BadId;

/// What a job's tasks are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Grain {
    /// Tiles, spread over the workers: one picture is done early.
    #[default]
    Tiles,
    /// The whole picture, run by one worker: many pictures cost least.
    Whole,
}

impl Grain {
    /// The word in Redis and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tiles => "tiles",
            Self::Whole => "whole",
        }
    }
}

impl fmt::Display for Grain {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl FromStr for Grain {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        match text {
            "tiles" => Ok(Self::Tiles),
            "whole" => Ok(Self::Whole),
            other => Err(BadId::new(other)),
        }
    }
}

/// What is asked for: by a setting, or for one job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum GrainWish {
    /// Whole pictures while at least as many jobs are unfinished as the workers have slots, else tiles.
    #[default]
    Auto,
    /// Tiles.
    Tiles,
    /// Whole pictures, where a worker can run them.
    Whole,
}

impl FromStr for GrainWish {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        match text {
            "auto" => Ok(Self::Auto),
            other => other.parse().map(|grain| match grain {
                Grain::Tiles => Self::Tiles,
                Grain::Whole => Self::Whole,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back_and_no_other() {
        for grain in [Grain::Tiles, Grain::Whole] {
            assert_eq!(grain.to_string().parse::<Grain>().unwrap(), grain);
            assert_eq!(serde_json::to_string(&grain).unwrap(), format!("\"{grain}\""));
            assert!(grain.as_str().parse::<GrainWish>().is_ok());
        }
        assert_eq!("auto".parse::<GrainWish>().unwrap(), GrainWish::Auto);
        assert!("auto".parse::<Grain>().is_err() && "Whole".parse::<GrainWish>().is_err());
    }
}
