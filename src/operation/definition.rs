//! What an operation is, besides its arithmetic: its name, parameters, halo and kind.
//!
//! What `GET /operations`, the forms, the help of the command line and the grammar know of an
//! operation comes from its [`Definition`].

use std::fmt;

use serde::{Serialize, Serializer};

use super::kernel::Bound;
use super::parameter::{Parameter, Value};
use crate::picture::Depth;

/// What an operation needs to know of the picture beyond a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The tile and its halo only.
    Local,
    /// Numbers of the whole picture first, measured tile by tile; then it is local.
    GlobalStatistic,
    /// The tile and its halo for a map, whose parts are then joined over the whole picture.
    GlobalLinking,
}

/// Pixels that an operation needs around those it gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halo {
    /// Always so many.
    Fixed(u32),
    /// Half of this parameter, rounded down.
    Half(&'static str),
    /// Twice the half of this parameter.
    TwiceHalf(&'static str),
    /// One less than this parameter.
    LessOne(&'static str),
}

impl Halo {
    fn of(self, parameters: &[Parameter], values: &[Value]) -> u32 {
        let named = |name| {
            let found = parameters.iter().zip(values).find(|(parameter, _)| parameter.name == name);
            match found.map(|(_, value)| value) {
                Some(Value::Integer(value)) => u32::try_from(*value).unwrap_or(0),
                Some(Value::Weights(weights)) => weights.side() as u32,
                _ => 0,
            }
        };
        match self {
            Self::Fixed(pixels) => pixels,
            Self::Half(name) => named(name) / 2,
            Self::TwiceHalf(name) => named(name) / 2 * 2,
            Self::LessOne(name) => named(name).saturating_sub(1),
        }
    }
}

impl fmt::Display for Halo {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(pixels) => pixels.fmt(out),
            Self::Half(name) => write!(out, "{name} / 2"),
            Self::TwiceHalf(name) => write!(out, "2 * ({name} / 2)"),
            Self::LessOne(name) => write!(out, "{name} - 1"),
        }
    }
}

impl Serialize for Halo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What an operation is: everything but its kernel's arithmetic.
#[derive(Clone, Debug, Serialize)]
pub struct Definition {
    /// Its name in a step.
    pub name: &'static str,
    /// One line for people: what it does.
    pub help: &'static str,
    /// What it needs to know of the picture.
    pub kind: Kind,
    /// Pixels needed on each side.
    pub halo: Halo,
    /// The depths it takes.
    pub depths: &'static [Depth],
    /// Its parameters, in their canonical order.
    pub parameters: &'static [Parameter],
    /// Binds the parameters' values, one for each, already in range.
    #[serde(skip)]
    pub(crate) bind: fn(&[Value]) -> Bound,
}

impl Definition {
    /// Pixels needed on each side with these values, one for each parameter.
    pub fn halo(&self, values: &[Value]) -> u32 {
        self.halo.of(self.parameters, values)
    }
}
