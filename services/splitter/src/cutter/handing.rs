//! A tile that has been cut, and its way off the cutting thread.

use std::time::Instant;

use bytes::Bytes;
use tessera::bus::records::Task;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::halt::Halt;
use crate::gate::{Gate, Stop};

/// A tile that has been cut.
#[derive(Debug)]
pub struct CutTile {
    /// What it says of itself.
    pub task: Task,
    /// Tile and halo, unless they are in a slot.
    pub pixels: Bytes,
    /// Bytes of tile and halo, wherever they are.
    pub bytes: u64,
    /// What the sender of the picture should know; with the last tile, when the picture was read to its end.
    pub remarks: Vec<String>,
}

/// Hands a tile over, and waits while those before it are not taken.
pub(super) fn hand_over(tiles: &mpsc::Sender<CutTile>, tile: CutTile, gate: &Gate) -> Result<(), Halt> {
    // The channel is closed: the closing side has said why, or is gone itself.
    let stopped = || Halt::Stopped(gate.stopped().unwrap_or(Stop::Drained));
    match tiles.try_send(tile) {
        Ok(()) => Ok(()),
        Err(TrySendError::Closed(_)) => Err(stopped()),
        Err(TrySendError::Full(tile)) => {
            let begun = Instant::now();
            let sent = tiles.blocking_send(tile);
            gate.add_wait(begun.elapsed());
            sent.map_err(|_| stopped())
        }
    }
}
