//! Taking records in: each is placed, and what goes wrong with one is its own trouble, never its neighbours'.
//!
//! Owns that a record which failed before is handled alone: a panic or an error then has one cause. A record is
//! acknowledged when its tile is marked, when it is not needed, or when its dead letter is there.

use std::sync::Arc;

use tessera::bus::Delivery;
use tessera::bus::records::{Check, TileHeader};
use tessera::job::{Grain, JobId};
use tessera::patience::insist;
use tessera::telemetry::logs::trace_id;
use tessera::telemetry::parts;
use tracing::{Instrument, Span};

use super::{Assembler, Place, Placed, STILL_MS};
use crate::backends::Trouble;
use crate::intake::{self, Record, Rubbish};
use crate::manifests::KnownJob;

impl Assembler {
    /// Takes records in. `assignment` is what this process owns now; the records of other partitions
    /// are another stitcher's.
    pub async fn take(&mut self, deliveries: Vec<Delivery>, assignment: &[i32]) {
        let (owned, others): (Vec<_>, Vec<_>) =
            deliveries.into_iter().partition(|delivery| assignment.contains(&delivery.partition));
        others.into_iter().for_each(|delivery| delivery.ack.put_off());
        let (first, again): (Vec<_>, Vec<_>) = owned.into_iter().partition(|delivery| delivery.attempt == 1);
        self.take_together(first).await;
        for delivery in again {
            match delivery.spent() {
                Some(cause) => self.set_aside(delivery, cause).await,
                None => self.take_together(vec![delivery]).await,
            }
        }
        self.schedule();
    }

    /// Takes records in; after a panic their jobs are started over from what is in their spools.
    async fn take_together(&mut self, deliveries: Vec<Delivery>) {
        if deliveries.is_empty() {
            return;
        }
        let jobs: Vec<JobId> = deliveries.iter().filter_map(job_of).collect();
        match parts::caught("taking of tiles", self.take_owned(deliveries)).await {
            Ok(Ok(()) | Err(Trouble::Stopping)) => {}
            Ok(Err(error)) => tracing::error!(%error, "could not take tiles in; they are read again"),
            Err(_) => jobs.into_iter().for_each(|job| drop(self.drop_assembly(job))),
        }
    }

    async fn take_owned(&mut self, deliveries: Vec<Delivery>) -> Result<(), Trouble> {
        let records = tokio::task::spawn_blocking(move || intake::read_all(deliveries)).await;
        let mut tiles = Vec::new();
        let mut checks = Vec::new();
        for record in records.map_err(|error| Trouble::of_thread(&error))? {
            match record {
                Record::Tile(tile, delivery) => {
                    let span = tile_span(&tile, &delivery);
                    match self.place(&tile, delivery.partition).instrument(span.clone()).await {
                        Ok(place) => span.in_scope(|| self.settle(place, tile, delivery, &mut tiles)),
                        Err(trouble) => self.troubled(tile.job, delivery.ack, trouble).instrument(span).await?,
                    }
                }
                Record::Check(check, delivery) => checks.push((check, delivery)),
                Record::Rubbish(rubbish) => self.backends.bury(rubbish),
            }
        }
        self.put_tiles(tiles).await?;
        for (check, delivery) in checks {
            let trace = delivery.headers.trace();
            let trace_id = trace_id(trace.as_ref());
            let span = tracing::info_span!("job.check", trace_id, job = %check.job, stage = check.stage);
            self.check(check, delivery).instrument(span).await?;
        }
        Ok(())
    }

    /// A record at which all attempts were in vain goes to the dead letters, and its job fails.
    async fn set_aside(&mut self, delivery: Delivery, cause: String) {
        let of = intake::whose(&delivery);
        self.backends.bury(Rubbish::new(delivery, "spent", cause.as_str()));
        let Some((job, what)) = of else { return };
        if let Err(error) = self.condemn(job, &format!("{what}: {cause}")).await {
            tracing::error!(%job, %error, "could not fail a job");
        }
    }

    fn settle(&self, place: Place, tile: Box<TileHeader>, delivery: Delivery, tiles: &mut Vec<Placed>) {
        match place {
            Place::Here => tiles.push(Placed { tile, pixels: delivery.payload, ack: delivery.ack }),
            Place::Drop(why) => {
                self.backends.counts.dropped();
                tracing::debug!(job = %tile.job, stage = tile.stage, index = tile.index, why, "tile dropped");
                if let (Some(result), Some(known)) = (&tile.result, self.manifests.peek(tile.job)) {
                    self.backends.remove_unless_published(known.result_object(result));
                }
                delivery.ack.done();
            }
            Place::Refuse(class, message) => self.backends.bury(Rubbish::new(delivery, class, message)),
        }
    }

    /// Finds out where a tile belongs, and claims its stage if it is the first.
    async fn place(&mut self, tile: &TileHeader, partition: i32) -> Result<Place, Trouble> {
        let Some(mut known) = self.known(tile.job).await? else { return Ok(Place::Drop("there is no such job")) };
        if tile.plan != known.plan && known.manifest.tiled.is_some() {
            // It may have been started over in tiles since.
            self.manifests.forget(tile.job);
            let Some(now) = self.known(tile.job).await? else { return Ok(Place::Drop("there is no such job")) };
            known = now;
            if tile.result.is_some() && known.manifest.grain() == Grain::Tiles {
                return Ok(Place::Drop("its job was started over in tiles"));
            }
        }
        if let Err(message) = intake::check_plan(tile, &known) {
            return Ok(Place::Refuse("plan", message));
        }
        match self.assemblies.get(&tile.job).map(|assembly| (assembly.number, assembly.run)) {
            Some((number, run)) if number == tile.stage && run == tile.run => Ok(Place::Here),
            // Redis knows at which stage of which run the job is: it may be at an earlier one than this process believes.
            _ => self.claim(&known, (tile.stage, Some(tile.run)), partition).await,
        }
    }

    /// Looks at the spool of a job that seems stuck: encodes it, or asks for what is missing.
    async fn check(&mut self, check: Check, delivery: Delivery) -> Result<(), Trouble> {
        let Check { job, stage } = check;
        let heard = || self.backends.state.heard(job, stage);
        if let Err(error) = insist(&self.backends.shutdown, "saying that a check was read", heard).await {
            return self.troubled(job, delivery.ack, error.into()).await;
        }
        if self.manifests.peek(job).is_some_and(|known| known.manifest.tiled.is_some()) {
            // It may have been started over in tiles since.
            self.manifests.forget(job);
        }
        let known = match self.known(job).await {
            Ok(Some(known)) => known,
            Ok(None) => {
                delivery.ack.done();
                return Ok(());
            }
            Err(trouble) => return self.troubled(job, delivery.ack, trouble).await,
        };
        if known.manifest.plan.stage(stage).is_none() {
            self.backends.bury(Rubbish::new(delivery, "plan", "a check of a stage that the job has not"));
            return Ok(());
        }
        if self.assemblies.get(&job).is_some_and(|assembly| assembly.number != stage) {
            self.drop_assembly(job);
        }
        if let Err(trouble) = self.look_at(&known, stage, delivery.partition).await {
            return self.troubled(job, delivery.ack, trouble).await;
        }
        let Some(assembly) = self.assemblies.get(&job) else {
            delivery.ack.done();
            return Ok(());
        };
        // Acknowledged in any case: whatever may still go wrong, the monitor asks again.
        let (is_complete, count, of) = (assembly.is_complete, assembly.strips.count(), assembly.strips.grid().tiles());
        match if is_complete { Ok(false) } else { self.is_still(job).await } {
            Ok(false) => {}
            Ok(true) => self.backends.resend(&known, stage, format!("checked: {count} of {of} tiles are here")),
            Err(trouble) => return self.troubled(job, delivery.ack, trouble).await,
        }
        delivery.ack.done();
        Ok(())
    }

    /// Whether a job has not moved for a while: a check may have waited behind the very tiles that it asks for.
    async fn is_still(&self, job: JobId) -> Result<bool, Trouble> {
        let ask = || self.backends.state.job(job);
        let view = insist(&self.backends.shutdown, "reading a job", ask).await?;
        Ok(view.is_some_and(|view| view.moments.idle_ms() >= STILL_MS))
    }

    /// Claims a stage if it is not here, and compares it with the marks in Redis.
    async fn look_at(&mut self, known: &Arc<KnownJob>, stage: u32, partition: i32) -> Result<(), Trouble> {
        let job = known.manifest.job;
        let is_here = self.assemblies.contains_key(&job)
            || matches!(self.claim(known, (stage, None), partition).await?, Place::Here);
        if is_here { self.compare_with_redis(job).await } else { Ok(()) }
    }
}

/// The job that a record is about, by its key.
fn job_of(delivery: &Delivery) -> Option<JobId> {
    std::str::from_utf8(delivery.key.as_deref()?).ok()?.parse().ok()
}

/// The span of one result.
fn tile_span(tile: &TileHeader, delivery: &Delivery) -> Span {
    tracing::info_span!(
        "tile.stitch",
        trace_id = trace_id(delivery.headers.trace().as_ref()),
        job = %tile.job,
        stage = tile.stage,
        tile = tile.index,
        attempt = tile.attempt,
        partition = delivery.partition,
        offset = delivery.offset,
    )
}
