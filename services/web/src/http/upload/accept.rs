//! Makes a job of an upload that is in the store: manifest, hash, announcement, queue, in this order.
//!
//! The acknowledgement of the announcement is the point of no return. Before it a failure removes all that
//! was written; after it the job will run whatever happens here, because the reader of the announcement
//! completes what is missing.

use std::time::Duration;

use tessera::bus::records::JobCommand;
use tessera::bus::{BusError, Outgoing, Topic};
use tessera::job::{GrainWish, JobId, JobStatus, KeptText, Manifest, TraceContext};
use tessera::picture::codec::Delivery;
use tessera::plan::{DiskNeed, Plan};
use tessera::state::Transition;
use tessera::store::{Shortage, Store};
use tessera::time::now;

use super::form::JobRequest;
use super::inspect::inspect;
use super::receive::Received;
use crate::http::grain::{self, Picture};
use crate::http::problem::Problem;
use crate::http::services::Services;

/// How long a hash is kept whose announcement never came.
const ACCEPTING_TTL: Duration = Duration::from_secs(15 * 60);

/// What a sender reads whose wish no worker can fulfil.
const NOT_WHOLE: &str = "it was cut into tiles although it was to be run whole: not every worker reached the store, or it takes more memory than a worker has for whole pictures";

/// A job that is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The job.
    pub job: JobId,
    /// Where it is.
    pub status: JobStatus,
    /// Tiles of its first stage.
    pub total_tiles: u32,
    /// The trace it belongs to.
    pub trace: Option<TraceContext>,
}

impl Accepted {
    /// The header that tells the sender the trace, if there is one.
    pub fn trace_header(&self) -> impl Iterator<Item = (&'static str, String)> + use<> {
        self.trace.map(|trace| (TraceContext::HEADER, trace.to_string())).into_iter()
    }
}

/// Makes the job's manifest: header, limits and plan.
///
/// # Errors
/// A [`Problem`] that names what does not fit; the original is left to the caller.
pub async fn describe(
    services: &Services,
    received: &Received,
    request: &JobRequest,
    trace: TraceContext,
) -> Result<Manifest, Problem> {
    let config = &services.config;
    let header = inspect(&services.store, received.job, received.format, &config.limits).await?;
    let limits = config.limits.plan_limits(config.kafka.max_record_bytes);
    let chain = request.chain.after(header.orientation);
    let plan = Plan::make(header.info, &chain, &limits)?;
    let most = config.limits.max_decode_bytes;
    let delivery = Delivery::of(&header, request.wanted, plan.output, most);
    let Delivery { format, kept, mut notices } = delivery.map_err(Problem::Unprocessable)?;
    let picture = Picture { info: header.info, held: header.whole_bytes.unwrap_or(0), chain: &chain, format };
    let wish = request.grain.unwrap_or(config.http.grain);
    // Counted now: what was seen half a second ago says nothing of jobs that take less.
    let unfinished = services.state.queued().await.unwrap_or_else(|_| services.admission.unfinished_jobs());
    let whole = grain::whole(wish, services.admission.crowd(unfinished), picture, config.limits.memory_budget);
    if request.grain == Some(GrainWish::Whole) && whole.is_none() {
        notices.push(NOT_WHOLE.to_owned());
    }
    let (plan, tiled) = whole.map_or((plan.clone(), None), |whole| (whole, Some(plan)));
    check_room(&services.store, plan.disk_need())?;
    Ok(Manifest {
        job: received.job,
        run: 1,
        filename: received.filename.clone(),
        owner: "anonymous".to_owned(),
        operations: request.chain.steps().to_vec(),
        format: format.extension().to_owned(),
        quality: format.jpeg().map(|jpeg| jpeg.quality),
        chroma: format.jpeg().map(|jpeg| jpeg.chroma),
        kept: KeptText::from(&kept),
        notices,
        priority: request.priority,
        bytes_in: received.bytes,
        digest: received.digest,
        request: None,
        original_format: received.format.extension().to_owned(),
        plan_hash: Some(plan.hash()),
        plan,
        tiled,
        created_at: now(),
        trace: Some(trace),
    })
}

/// Refuses a job whose tiles and files do not fit: for good, or until the disk has room again. A turned
/// picture, or one that is measured, waits on the disk as a whole before its result is begun.
fn check_room(store: &Store, need: DiskNeed) -> Result<(), Problem> {
    let shortage = match store.shortage(need) {
        Ok(shortage) => shortage,
        // A dependency that cannot be asked says so when it is written to.
        Err(error) => {
            tracing::warn!(%error, "asking a disk for its room");
            return Ok(());
        }
    };
    let Some(shortage) = shortage else { return Ok(()) };
    let Shortage { needed, free, total } = shortage;
    if shortage.is_forever() {
        let text = format!("the job needs {needed} bytes of disk for its tiles and its result, the disk has {total}");
        return Err(Problem::Unprocessable(text));
    }
    let text = format!("the job needs {needed} bytes of disk for its tiles and its result, {free} are free now");
    Err(Problem::Unavailable(text))
}

/// Announces a job whose original is in the store.
///
/// # Errors
/// [`Problem::Unavailable`]; then nothing of the job is left but, while Redis is down, a hash that ends itself.
pub async fn announce(services: &Services, manifest: &Manifest) -> Result<Accepted, Problem> {
    let job = manifest.job;
    let tiles = manifest.plan.stage(0).map_or(0, |stage| stage.grid().tiles());
    let accepted = Accepted { job, status: JobStatus::Queued, total_tiles: tiles, trace: manifest.trace };
    services.store.put_manifest(manifest).await?;
    services.state.accept(manifest, ACCEPTING_TTL).await?;
    if let Err(error) = send(services, manifest).await {
        // It may have arrived although its acknowledgement did not: then the job may have been begun.
        return match services.state.withdraw(job).await {
            Ok(Transition::Refused { status: Some(status) }) => Ok(Accepted { status, ..accepted }),
            _ => Err(error.into()),
        };
    }
    match services.state.queue(job).await {
        Ok(_) => Ok(accepted),
        Err(error) => {
            tracing::warn!(%job, %error, "announced but not queued: the splitter completes it");
            Ok(Accepted { status: JobStatus::Accepting, ..accepted })
        }
    }
}

async fn send(services: &Services, manifest: &Manifest) -> Result<(), BusError> {
    let job = manifest.job;
    let (headers, payload) = JobCommand::Accepted { job }.encode();
    let key = Some(job.to_string());
    let record = Outgoing { topic: Topic::Jobs, key, partition: None, headers, payload: payload.into() };
    services.producer.send(record.traced(manifest.trace.as_ref())).await.map(|_| ())
}
