//! Ids of events: which state changes and how much progress a watcher has, so that it resumes without loss and
//! without repeats, also at another process.
//!
//! A watcher sends them back: they are read as data, and rubbish counts as no id.

use std::fmt;
use std::str::FromStr;

/// Where a watcher is: `CURSOR.RUN.STAGE.TILES.DIGEST`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventId {
    /// The last state change in Redis, `MS-N`.
    pub cursor: (u64, u64),
    /// The run of the job.
    pub run: u32,
    /// Its stage.
    pub stage: u32,
    /// Its tiles that are made.
    pub received_tiles: u32,
    /// Of all that is told of the job.
    pub digest: u32,
}

impl fmt::Display for EventId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ((ms, number), digest) = (self.cursor, self.digest);
        write!(out, "{ms}-{number}.{}.{}.{}.{digest:08x}", self.run, self.stage, self.received_tiles)
    }
}

/// A text that is no event's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoEventId;

impl FromStr for EventId {
    type Err = NoEventId;

    fn from_str(text: &str) -> Result<Self, NoEventId> {
        let mut parts = text.split('.');
        let mut next = || parts.next().ok_or(NoEventId);
        let cursor = cursor(next()?).ok_or(NoEventId)?;
        let mut number = || next()?.parse().map_err(|_| NoEventId);
        let (run, stage, received_tiles) = (number()?, number()?, number()?);
        let digest = u32::from_str_radix(next()?, 16).map_err(|_| NoEventId)?;
        if parts.next().is_some() {
            return Err(NoEventId);
        }
        Ok(Self { cursor, run, stage, received_tiles, digest })
    }
}

/// A place in a stream of Redis, `MS-N`.
pub fn cursor(text: &str) -> Option<(u64, u64)> {
    let (ms, number) = text.split_once('-')?;
    Some((ms.parse().ok()?, number.parse().ok()?))
}
