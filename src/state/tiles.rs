//! Tiles on their way out: what the splitter sees of a job, and which workers hold a tile.
//!
//! Owns the reading of bitmaps and the tries; tiles that come back are in [`super::stages`].

use super::client::State;
use super::error::StateError;
use super::script;
use crate::job::{JobId, JobStatus, Token};
use crate::time::now;

/// What a splitter sees of a job it reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowView {
    /// Where the job is; `None`: there is no such job.
    pub status: Option<JobStatus>,
    /// The job's stage; the bitmap is of the stage that was asked for.
    pub stage: u32,
    /// Which run of the job.
    pub run: u32,
    /// Why Redis's answer cannot be used, if a key of the job holds what does not belong there: the job is to fail.
    pub damage: Option<StateError>,
    /// Whether another pass was asked for while one is under way.
    pub again: bool,
    bitmap: Vec<u8>,
}

impl WindowView {
    /// A stage of a job whose tiles `is_in` are in their slots, as [`State::windows`] sees it; for models of it.
    pub fn of(status: JobStatus, (stage, run): (u32, u32), again: bool, is_in: impl IntoIterator<Item = u32>) -> Self {
        let mut bitmap = Vec::new();
        for index in is_in {
            let at = index as usize / 8;
            bitmap.resize(bitmap.len().max(at + 1), 0);
            bitmap[at] |= 0x80 >> (index % 8);
        }
        Self { status: Some(status), stage, run, again, damage: None, bitmap }
    }

    /// Whether tile `index` is in its slot.
    pub fn has(&self, index: u32) -> bool {
        let byte = usize::try_from(index / 8).ok().and_then(|at| self.bitmap.get(at));
        byte.is_some_and(|byte| byte & (0x80 >> (index % 8)) != 0)
    }

    /// Tiles in their slots.
    pub fn received(&self) -> u32 {
        self.bitmap.iter().map(|byte| byte.count_ones()).sum()
    }
}

/// Whether a worker is to run a tile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Take {
    /// The job ended or is at another stage, or the tile is in its slot already.
    Skip,
    /// Run it.
    Run {
        /// Other starts of workers that took it before and neither finished nor gave it back.
        others: Vec<Token>,
    },
}

/// Who made a tile that is in its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TileBy {
    /// The worker's small number, 0 if it has none.
    pub worker_number: u16,
    /// Which attempt it was.
    pub attempt: u16,
    /// Microseconds that its operations took; 71 minutes and more count as that.
    pub run_us: u32,
}

impl State {
    /// Status and bitmap of several jobs, in one pipeline; answers are in the order of the jobs.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer, or has lost a job.
    pub async fn windows(&self, jobs: &[(JobId, u32)]) -> Result<Vec<WindowView>, StateError> {
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipeline = redis::pipe();
        for (job, stage) in jobs {
            pipeline.cmd("HMGET").arg(self.keys.job(*job)).arg(&["status", "stage", "run", "again"]);
            pipeline.cmd("GET").arg(self.keys.tiles(*job, *stage));
        }
        let values = self.pipeline_each(&mut pipeline).await?;
        let views: Vec<WindowView> = values.chunks(2).map(|of_job| window(of_job).unwrap_or_else(damaged)).collect();
        if views.iter().any(|view| view.status.is_none() && view.damage.is_none()) {
            self.believe_unknown().await?;
        }
        Ok(views)
    }

    /// Says whether a tile is to be run, and notes the worker's incarnation against it.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn take(&self, job: JobId, stage: u32, index: u32, incarnation: &Token) -> Result<Take, StateError> {
        self.take_and_give_back(job, stage, index, incarnation, &[]).await
    }

    /// As [`State::take`], and [`State::give_back`] of tiles of the same stage, in one call.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn take_and_give_back(
        &self,
        job: JobId,
        stage: u32,
        index: u32,
        incarnation: &Token,
        finished: &[u32],
    ) -> Result<Take, StateError> {
        let call = script::TAKE.call().key(self.keys.job(job));
        let call = call.key(self.keys.tiles(job, stage)).key(self.keys.tries(job, stage));
        let answer = self.script(call.arg(stage).arg(index).arg(incarnation).args(finished)).await?;
        match answer.word() {
            "skip" => Ok(Take::Skip),
            "run" => {
                let others = answer.text(1).split(',').filter_map(|token| token.parse().ok()).collect();
                Ok(Take::Run { others })
            }
            "unknown" => self.believe_unknown().await.map(|()| Take::Skip),
            _ => Err(answer.unexpected()),
        }
    }

    /// A tile is finished (or condemned): it is no longer held.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn give_back(&self, job: JobId, stage: u32, index: u32) -> Result<(), StateError> {
        self.query(redis::cmd("HDEL").arg(self.keys.tries(job, stage)).arg(index)).await
    }

    /// A worker stops before it has run a tile: it no longer holds it, others may.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn hand_back(&self, job: JobId, stage: u32, index: u32, incarnation: &Token) -> Result<(), StateError> {
        let call = script::HAND_BACK.call().key(self.keys.tries(job, stage)).arg(index).arg(incarnation);
        self.script(call).await.map(|_| ())
    }

    /// Who made each tile of a stage; `None` for those that are missing. Empty if there is no such job.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn tiles_by(&self, job: JobId, stage: u32) -> Result<Vec<Option<TileBy>>, StateError> {
        let mut pipeline = redis::pipe();
        pipeline.cmd("HGET").arg(self.keys.job(job)).arg(format!("grid:{stage}"));
        pipeline.cmd("GET").arg(self.keys.tiles(job, stage)).cmd("GET").arg(self.keys.by(job, stage));
        type Answer = (Option<String>, Option<Vec<u8>>, Option<Vec<u8>>);
        let values = self.pipeline_lenient(&mut pipeline).await?;
        let wrong = |error| StateError::Data(format!("a job's tiles: {error}"));
        let (grid, bitmap, by): Answer = redis::from_redis_value(redis::Value::Array(values)).map_err(wrong)?;
        let total: u32 = grid.and_then(|grid| grid.split(' ').next()?.parse().ok()).unwrap_or(0);
        Ok(tiles_made(total, bitmap.unwrap_or_default(), &by.unwrap_or_default()))
    }

    /// The tiles of a stage that are not in their slots, at most `limit`: for the reason of a failure.
    ///
    /// # Errors
    /// [`StateError`] if Redis gives no answer.
    pub async fn missing_tiles(&self, job: JobId, stage: u32, limit: usize) -> Result<Vec<u32>, StateError> {
        let tiles = self.tiles_by(job, stage).await?;
        let missing = (0..).zip(&tiles).filter(|(_, tile)| tile.is_none()).map(|(index, _)| index);
        Ok(missing.take(limit).collect())
    }
}

/// Who made each of `total` tiles, from the stage's bitmap and the eight bytes that are kept of each.
pub(super) fn tiles_made(total: u32, bitmap: Vec<u8>, by: &[u8]) -> Vec<Option<TileBy>> {
    let view = WindowView { status: None, stage: 0, run: 0, again: false, damage: None, bitmap };
    let (by, _) = by.as_chunks::<8>();
    let tile = |index: u32| {
        let [w0, w1, a0, a1, time @ ..] = by.get(index as usize).copied().unwrap_or_default();
        let made = TileBy {
            worker_number: u16::from_be_bytes([w0, w1]),
            attempt: u16::from_be_bytes([a0, a1]),
            run_us: u32::from_be_bytes(time),
        };
        view.has(index).then_some(made)
    };
    (0..total).map(tile).collect()
}

fn damaged(error: StateError) -> WindowView {
    WindowView { status: None, stage: 0, run: 1, again: false, damage: Some(error), bitmap: Vec::new() }
}

fn window(values: &[Result<redis::Value, StateError>]) -> Result<WindowView, StateError> {
    let wrong = |error| StateError::Data(format!("a job's window at {}: {error}", now()));
    let [fields, bitmap] = values else { return Err(StateError::Data("half of a job's window".to_owned())) };
    let fields: Vec<Option<String>> = redis::from_redis_value(fields.clone()?).map_err(wrong)?;
    let bitmap: Option<Vec<u8>> = redis::from_redis_value(bitmap.clone()?).map_err(wrong)?;
    let text = |at: usize| fields.get(at).cloned().flatten().unwrap_or_default();
    Ok(WindowView {
        status: text(0).parse().ok(),
        stage: text(1).parse().unwrap_or(0),
        run: text(2).parse().unwrap_or(1),
        damage: None,
        again: !text(3).is_empty(),
        bitmap: bitmap.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_counted_from_the_high_end_as_redis_does() {
        let view = WindowView {
            status: None,
            stage: 0,
            run: 1,
            again: false,
            damage: None,
            bitmap: vec![0b1000_0001, 0b0100_0000],
        };
        let set: Vec<u32> = (0..64).filter(|index| view.has(*index)).collect();
        assert_eq!(set, [0, 7, 9]);
        assert_eq!(view.received(), 3);
        assert!(!view.has(u32::MAX));
    }
}
