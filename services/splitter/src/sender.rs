//! Sending the tiles of a pass: pipelined, until Kafka has acknowledged each.
//!
//! Waits while Kafka is down, as long as the pass goes on.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tessera::bus::partition::task_partition;
use tessera::bus::records::{PayloadKind, Task};
use tessera::bus::{BusError, Outgoing, Topic};
use tessera::job::TraceContext;
use tessera::patience::{Patience, answered};
use tokio::sync::mpsc;

use crate::cutter::CutTile;
use crate::gate::{Gate, Stop};
use crate::runs::OpenRun;
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

/// What happens next while tiles are sent.
enum Event {
    Tile(Option<CutTile>),
    RunIsLate,
    Fate(Fate),
}

/// Sends the tiles that come over `tiles`, of a stage of `of_stage`, run by run; takes the next while fewer than
/// `most_bytes` wait for their acknowledgement.
pub async fn send_all(
    splitter: &Splitter,
    (most_bytes, of_stage): (usize, u32),
    mut tiles: mpsc::Receiver<CutTile>,
    gate: &Gate,
    trace: Option<TraceContext>,
) -> Sent {
    let (mut on_their_way, mut run) = (FuturesUnordered::new(), OpenRun::default());
    let (mut bytes, mut sent, mut more) = (0, 0, true);
    while more || !run.is_empty() || !on_their_way.is_empty() {
        let event = tokio::select! {
            biased;
            Some(fate) = on_their_way.next() => Event::Fate(fate),
            tile = tiles.recv(), if more && bytes < most_bytes => Event::Tile(tile),
            () = run.is_late() => Event::RunIsLate,
        };
        match event {
            Event::Tile(Some(tile)) => {
                if !note(splitter, &tile).await {
                    return Sent::Stopped;
                }
                bytes += tile.pixels.len();
                let together = match &tile.task {
                    Task::Slot(task) if splitter.are_quick.load(Ordering::Relaxed) => {
                        Some((of_stage.saturating_sub(task.index), splitter.live_slots()))
                    }
                    Task::Slot(_) | Task::Inline(_) => None,
                };
                run.add(tile, together);
            }
            Event::Tile(None) => more = false,
            Event::RunIsLate => run.close(),
            Event::Fate(Fate::Delivered(weight)) => {
                bytes -= weight.record;
                sent += 1;
                splitter.counts.sent(weight.payload, weight.pixels);
                gate.delivered();
            }
            Event::Fate(Fate::Stopped) => {
                // The cutting thread must not take the closed channel for a tile that cannot be sent.
                gate.stop(Stop::Drained);
                return Sent::Stopped;
            }
            Event::Fate(Fate::Never(reason)) => {
                gate.stop(Stop::Unsendable);
                return Sent::Never(reason);
            }
        }
        if !more {
            run.close();
        }
        on_their_way.extend(run.take_closed().map(|(number, tile)| {
            let weight = Weight { record: tile.pixels.len(), pixels: tile.bytes, payload: tile.task.payload() };
            deliver(splitter, record(tile, number, splitter.logs.partitions()).traced(trace.as_ref()), weight, gate)
        }));
    }
    Sent::All { tiles: sent }
}

/// Sends one task that has no pixels, once Kafka has it.
pub async fn send_one(splitter: &Splitter, record: Outgoing, gate: &Gate) -> Sent {
    let weight = Weight { record: 0, pixels: 0, payload: PayloadKind::Shared };
    match deliver(splitter, record, weight, gate).await {
        Fate::Delivered(weight) => {
            splitter.counts.sent(weight.payload, weight.pixels);
            gate.delivered();
            Sent::All { tiles: 1 }
        }
        Fate::Stopped => Sent::Stopped,
        Fate::Never(reason) => Sent::Never(reason),
    }
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

fn record(tile: CutTile, run: u32, partitions: i32) -> Outgoing {
    let partition = task_partition(tile.task.job(), run, partitions);
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
