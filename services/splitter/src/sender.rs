//! Sending the tiles of a pass: pipelined, until Kafka has acknowledged each.
//!
//! Waits while Kafka is down, as long as the pass goes on.

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tessera::bus::partition::task_partition;
use tessera::bus::records::PayloadKind;
use tessera::bus::{BusError, Outgoing, Topic};
use tessera::job::TraceContext;
use tessera::patience::{Patience, answered};
use tokio::sync::mpsc;

use crate::cutter::CutTile;
use crate::gate::{Gate, Stop};
use crate::splitter::Splitter;

/// How sending ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Sent {
    /// Kafka has every tile that was cut.
    All {
        /// How many.
        tiles: u32,
    },
    /// The pass was stopped first; what was on its way may have arrived or not.
    Stopped,
    /// A tile can never be sent; says why.
    Never(String),
}

/// What a tile weighs on its way.
#[derive(Clone, Copy)]
struct Weight {
    /// Bytes of its record's value.
    record: usize,
    /// Bytes of its pixels, wherever they are.
    pixels: u64,
    payload: PayloadKind,
}

/// What one tile on its way came to.
enum Fate {
    Delivered(Weight),
    Stopped,
    Never(String),
}

/// Sends the tiles that come over `tiles`; takes the next while fewer than `most_bytes` wait for their acknowledgement.
pub async fn send_all(
    splitter: &Splitter,
    most_bytes: usize,
    mut tiles: mpsc::Receiver<CutTile>,
    gate: &Gate,
    trace: Option<TraceContext>,
) -> Sent {
    let mut on_their_way = FuturesUnordered::new();
    let (mut bytes, mut sent) = (0, 0);
    let mut more = true;
    while more || !on_their_way.is_empty() {
        let fate = tokio::select! {
            biased;
            Some(fate) = on_their_way.next() => fate,
            tile = tiles.recv(), if more && bytes < most_bytes => {
                match tile {
                    Some(tile) => {
                        if !note(splitter, &tile).await {
                            return Sent::Stopped;
                        }
                        let weight =
                            Weight { record: tile.pixels.len(), pixels: tile.bytes, payload: tile.task.payload() };
                        bytes += weight.record;
                        let record = record(tile, splitter.logs.partitions()).traced(trace.as_ref());
                        on_their_way.push(deliver(splitter, record, weight, gate));
                    }
                    None => more = false,
                }
                continue;
            }
        };
        match fate {
            Fate::Delivered(weight) => {
                bytes -= weight.record;
                sent += 1;
                splitter.counts.sent(weight.payload, weight.pixels);
                gate.delivered();
            }
            Fate::Stopped => {
                // The cutting thread must not take the closed channel for a tile that cannot be sent.
                gate.stop(Stop::Drained);
                return Sent::Stopped;
            }
            Fate::Never(reason) => {
                gate.stop(Stop::Unsendable);
                return Sent::Never(reason);
            }
        }
    }
    Sent::All { tiles: sent }
}

/// Adds what a tile brings for the sender to the job, before the tile can end it; `false` if the splitter stops first.
async fn note(splitter: &Splitter, tile: &CutTile) -> bool {
    let job = tile.task.job();
    if tile.remarks.is_empty() {
        return true;
    }
    match answered(&splitter.shutdown, async || splitter.state.add_notices(job, &tile.remarks).await).await {
        None => false,
        Some(Ok(())) => true,
        Some(Err(error)) => {
            tracing::warn!(%job, %error, "noting what the sender should know");
            true
        }
    }
}

fn record(tile: CutTile, partitions: i32) -> Outgoing {
    let partition = task_partition(tile.task.job(), tile.task.index(), partitions);
    let (headers, payload): (_, Bytes) = (tile.task.encode(), tile.pixels);
    Outgoing { topic: Topic::Tasks, key: None, partition: Some(partition), headers, payload }
}

async fn deliver(splitter: &Splitter, record: Outgoing, weight: Weight, gate: &Gate) -> Fate {
    // A record without pixels is its headers.
    let headers: usize = record.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    let size = record.payload.len() + headers;
    let partition = record.partition.unwrap_or(0);
    let mut patience = Patience::default();
    loop {
        let Some(room) = splitter.logs.wait_for_room(partition, size, gate).await else { return Fate::Stopped };
        let sending = gate.sending();
        let problem = match splitter.producer.send(record.clone()).await {
            Ok(delivered) => {
                room.taken(&delivered);
                return Fate::Delivered(weight);
            }
            Err(error @ BusError::TooLarge { .. }) => return Fate::Never(error.to_string()),
            Err(error) => error,
        };
        drop(room);
        if gate.stopped().is_some() || !patience.wait_for(problem.awaited(), &problem, &splitter.shutdown).await {
            return Fate::Stopped;
        }
        drop(sending);
    }
}
