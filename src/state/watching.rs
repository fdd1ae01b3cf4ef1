//! What people who watch jobs are shown, of many jobs at once: hash, new state changes, tiles.
//!
//! One pipeline for all jobs that are watched, however many look at each. Reads only.

use std::collections::HashMap;

use redis::Value;
use redis::streams::StreamRangeReply;

use super::activity::{JobEvent, job_events};
use super::client::State;
use super::error::StateError;
use super::tiles::{TileBy, tiles_made};
use super::view::JobView;
use crate::job::JobId;
use crate::time::now;

/// Jobs in one pipeline: the answers of more would hold up the other calls of the process.
const JOBS_AT_ONCE: usize = 64;
/// State changes of a job that are kept, about; see the scripts' `note`.
const MAX_CHANGES: usize = 1000;

/// A job that is watched, and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// The job.
    pub job: JobId,
    /// The last state change that is known, as [`JobEvent::id`].
    pub after: Option<String>,
    /// The stage whose tiles are wanted.
    pub tiles_of: Option<u32>,
}

/// A look at a watched job.
#[derive(Clone, Debug, PartialEq)]
pub struct Glimpse {
    /// The job; whether it is leased is not looked at.
    pub view: JobView,
    /// State changes after the last that was known, oldest first.
    pub changes: Vec<JobEvent>,
    /// Who made each tile; `None` unless they were asked for and the job is at that stage.
    pub tiles: Option<Vec<Option<TileBy>>>,
}

impl State {
    /// Looks at jobs; answers are in their order, `None`: there is no such job.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer, or has lost its data.
    pub async fn glimpses(&self, watched: &[Watched]) -> Result<Vec<Option<Glimpse>>, StateError> {
        let mut glimpses = Vec::with_capacity(watched.len());
        for some in watched.chunks(JOBS_AT_ONCE) {
            let mut pipeline = redis::pipe();
            some.iter().for_each(|one| self.ask(&mut pipeline, one));
            let values = self.pipeline_lenient(&mut pipeline).await?;
            let mut values = values.into_iter();
            for one in some {
                glimpses.push(glimpse(one, &mut values)?);
            }
        }
        if glimpses.iter().any(Option::is_none) {
            self.believe_unknown().await?;
        }
        Ok(glimpses)
    }

    /// The hash comes before its changes: a status that is seen has its change.
    fn ask(&self, pipeline: &mut redis::Pipeline, one: &Watched) {
        let from = one.after.as_ref().map_or_else(|| "-".to_owned(), |id| format!("({id}"));
        pipeline.cmd("HGETALL").arg(self.keys.job(one.job));
        pipeline.cmd("XRANGE").arg(self.keys.events(one.job)).arg(from).arg("+").arg("COUNT").arg(MAX_CHANGES);
        if let Some(stage) = one.tiles_of {
            pipeline.cmd("GET").arg(self.keys.tiles(one.job, stage)).cmd("GET").arg(self.keys.by(one.job, stage));
        }
    }
}

fn glimpse(one: &Watched, values: &mut impl Iterator<Item = Value>) -> Result<Option<Glimpse>, StateError> {
    let hash: HashMap<String, String> = read(values.next())?;
    let changes: StreamRangeReply = read(values.next())?;
    let made = match one.tiles_of {
        None => None,
        Some(stage) => {
            let bitmap: Option<Vec<u8>> = read(values.next())?;
            let by: Option<Vec<u8>> = read(values.next())?;
            Some((stage, bitmap.unwrap_or_default(), by.unwrap_or_default()))
        }
    };
    // Whether the lease is live is not asked here.
    let Some(view) = JobView::read(one.job, hash, i64::MAX) else { return Ok(None) };
    let made = made.filter(|(stage, ..)| *stage == view.stage);
    let tiles = made.map(|(_, bitmap, by)| tiles_made(view.total_tiles, bitmap, &by));
    Ok(Some(Glimpse { view, changes: job_events(changes), tiles }))
}

fn read<T: redis::FromRedisValue>(value: Option<Value>) -> Result<T, StateError> {
    let wrong = |text: String| StateError::Data(format!("a watched job at {}: {text}", now()));
    let value = value.ok_or_else(|| wrong("too few answers".to_owned()))?;
    redis::from_redis_value(value).map_err(|error| wrong(error.to_string()))
}
