//! What records say: tasks, tiles, commands and heartbeats, with their schemas.
//!
//! A record's header is JSON and its value raw pixels, or the value is JSON. `schema` is
//! `name/major.minor`: another major is refused, unknown fields of a newer minor are ignored. Nothing
//! here trusts a size or a checksum that it has not compared with the bytes.

mod beat;
mod checks;
mod command;
mod payload;
mod slot_task;
mod task;
mod tile;

pub use checks::RecordError;
pub use command::{Check, JobCommand};
pub use payload::PayloadKind;
pub use slot_task::{SlotTask, Task};
pub use task::{Encoding, TaskHeader};
pub use tile::{StepTimes, TileHeader, WholeResult};

#[cfg(test)]
mod tests;
