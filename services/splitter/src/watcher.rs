//! One look for all: reads status and bits of the jobs under way, keeps their leases, and notes which of them move.
//!
//! Looks only while passes run, so that an idle splitter asks nothing.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tessera::job::{JobId, Token};
use tessera::state::{LeaseState, StateError};

use crate::gate::{Gate, Stop};
use crate::pace::LookPace;
use crate::splitter::{Pass, Splitter};

/// Between two looks while Redis does not answer.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// Between two renewals; a lease lasts 10 s.
const RENEW_EVERY: Duration = Duration::from_secs(3);
/// Between two notes of who has read rows, or waits in a line.
const NOTE_EVERY: Duration = Duration::from_secs(2);

/// Watches the passes of `splitter`; never returns.
pub async fn watch(splitter: &Splitter) {
    let (mut renewed, mut noted) = (Instant::now(), Instant::now());
    let (mut live_slots, mut pace) = (0, LookPace::new(Instant::now()));
    loop {
        let passes = splitter.passes();
        if passes.is_empty() {
            splitter.are_quick.store(false, Ordering::Relaxed);
            splitter.watch.notified().await;
            renewed = Instant::now();
            pace = LookPace::new(renewed);
            continue;
        }
        match splitter.crew().await {
            Ok(crew) => live_slots = crew.slots,
            Err(error) => tracing::debug!(%error, "counting the workers"),
        }
        if renewed.elapsed() > RENEW_EVERY && renew(splitter, &passes).await.is_ok() {
            renewed = Instant::now();
        }
        if noted.elapsed() > NOTE_EVERY {
            noted = Instant::now();
            // What could not be noted was not seen to move: the next note makes up for it.
            note(splitter, &passes).await.unwrap_or_else(|error| tracing::debug!(%error, "noting progress"));
        }
        let is_quick = pace.is_quick(live_slots);
        splitter.are_quick.store(is_quick, Ordering::Relaxed);
        // Twice as many are out then.
        let places = if is_quick { live_slots.saturating_mul(2) } else { live_slots };
        let looked = look(splitter, &passes, places).await;
        let pause = looked.map_or(LOOK_AGAIN, |settled| pace.after(settled, Instant::now()));
        tokio::time::sleep(pause).await;
    }
}

/// Looks once; says how many tiles have come back.
async fn look(splitter: &Splitter, passes: &[(JobId, Pass)], live_slots: u32) -> Result<usize, StateError> {
    let jobs: Vec<(JobId, u32)> = passes.iter().map(|(job, pass)| (*job, pass.stage)).collect();
    match splitter.state.windows(&jobs).await {
        Ok(views) => Ok(passes.iter().zip(views).map(|((_, pass), view)| pass.gate.observe(view, live_slots)).sum()),
        Err(error) => {
            tracing::debug!(%error, "looking at the jobs under way");
            Err(error)
        }
    }
}

async fn renew(splitter: &Splitter, passes: &[(JobId, Pass)]) -> Result<(), StateError> {
    let held: Vec<&(JobId, Pass)> = passes.iter().filter(|(_, pass)| pass.lease.is_some()).collect();
    let leases: Vec<(JobId, Token)> = held.iter().filter_map(|(job, pass)| Some((*job, pass.lease.clone()?))).collect();
    if leases.is_empty() {
        return Ok(());
    }
    let states = splitter.state.renew(&leases).await?;
    for ((job, pass), state) in held.into_iter().zip(states) {
        if state == LeaseState::Lost {
            tracing::info!(%job, "the lease is lost, or the job has ended");
            pass.gate.stop(Stop::Lost);
        }
    }
    Ok(())
}

/// Notes which jobs were read on, and which wait in a line for memory. That a pass is there is neither.
async fn note(splitter: &Splitter, passes: &[(JobId, Pass)]) -> Result<(), StateError> {
    let of = |which: fn(&Gate) -> bool| -> Vec<(JobId, u32)> {
        passes.iter().filter(|(_, pass)| which(&pass.gate)).map(|(job, pass)| (*job, pass.stage)).collect()
    };
    let (read, in_line) = (of(Gate::take_read), of(Gate::is_in_line));
    if !read.is_empty() {
        splitter.state.moved(&read).await?;
    }
    if in_line.is_empty() { Ok(()) } else { splitter.state.waits_in_line(&in_line).await }
}
