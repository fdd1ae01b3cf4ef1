//! One step of a chain: an operation with its parameters resolved.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::picture::PixelFormat;

/// Why a step cannot be run; its text is what the sender is told.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum StepError {
    /// The text is no step, whatever the picture (HTTP 400, exit code 2).
    #[error("{0}")]
    Grammar(String),
    /// The step does not fit the picture's depth (HTTP 422, exit code 2).
    #[error("{0}")]
    Picture(String),
}

/// An operation with its parameters, as `name` or `name:key=value,key=value`.
#[derive(Clone, Debug, PartialEq)]
pub struct Step(String);

impl Step {
    /// The operation's name.
    pub fn name(&self) -> &str {
        self.0.split(':').next().unwrap_or_default()
    }

    /// Pixels needed on each side of a tile.
    pub fn halo(&self) -> u32 {
        0
    }

    /// The format of the result for a picture of format `input`.
    ///
    /// # Errors
    /// [`StepError::Picture`] if the operation does not take that depth.
    pub fn output(&self, input: PixelFormat) -> Result<PixelFormat, StepError> {
        Ok(input)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl FromStr for Step {
    type Err = StepError;

    fn from_str(text: &str) -> Result<Self, StepError> {
        Ok(Self(text.to_owned()))
    }
}

impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
