//! The pyramids of a job, and previews made of them.
//!
//! Owns which pyramid a request means, and the words where it is not there yet or not at all. Decodes no picture of a sender:
//! only tiles that our own services made, of which it holds the checksums.

use std::fs::File;
use std::str::FromStr;

use actix_web::web;
use tessera::job::{JobId, JobStatus};
use tessera::pyramid::{Preview, PyramidError, PyramidReader};
use tessera::state::JobView;
use tessera::store::{Object, StoreError};
use tokio::sync::Semaphore;

use super::json::result_object;
use crate::http::problem::Problem;
use crate::http::services::Services;

/// The longest side of a preview.
pub const MOST_SIDE: u32 = 2048;
/// Previews that are put together at once: each holds the pixels of one.
static PLACES: Semaphore = Semaphore::const_new(2);

/// Of which picture of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// As it was sent, upright.
    Original,
    /// What came of it.
    Result,
}

impl Of {
    /// The word in addresses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::Result => "result",
        }
    }

    /// What a viewer of that job would show.
    pub fn shown(view: &JobView) -> Self {
        if view.status == JobStatus::Done { Self::Result } else { Self::Original }
    }
}

impl FromStr for Of {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let found = [Self::Original, Self::Result].into_iter().find(|of| of.as_str() == text);
        found.ok_or_else(|| Problem::NotFound("there are pyramids of the original and of the result".to_owned()))
    }
}

/// A job's pyramid, opened.
#[derive(Debug)]
pub struct Opened {
    /// Of what.
    pub of: Of,
    /// Changes when the picture does.
    pub version: String,
    /// The file.
    pub reader: PyramidReader<File>,
    job: JobId,
}

/// Opens a pyramid.
///
/// # Errors
/// [`Problem::Gone`] if the job has expired, [`Problem::Absent`] if it is not there.
pub async fn open(services: &Services, view: &JobView, of: Of) -> Result<Opened, Problem> {
    if view.status == JobStatus::Expired {
        return Err(Problem::Gone("the job has expired, its pictures are no longer kept".to_owned()));
    }
    services.admission.check_store()?;
    let object = match of {
        Of::Original => Some(Object::Original(view.job)),
        Of::Result => result_object(view).filter(|_| view.status == JobStatus::Done),
    };
    let absent = || Problem::Absent(why_absent(view, of));
    let pyramid = object.as_ref().and_then(Object::pyramid).ok_or_else(absent)?;
    let file = match services.store.open_local(&pyramid).await {
        Ok(local) => local.into_file(),
        Err(StoreError::Missing { .. }) => return Err(absent()),
        Err(error) => return Err(error.into()),
    };
    let job = view.job;
    let reader = blocking(job, move || PyramidReader::open(file)).await?;
    let version = match pyramid {
        Object::ResultPyramid { token, .. } => token.to_string(),
        _ => format!("{job}-original"),
    };
    Ok(Opened { of, version, reader, job })
}

/// As [`open`]; `None` where there is nothing to be shown, for pages, which are right without.
pub async fn find(services: &Services, view: &JobView, of: Of) -> Option<Opened> {
    open(services, view, of).await.ok()
}

impl Opened {
    /// The file of a tile and its checksum; `None` if there is no such tile.
    ///
    /// # Errors
    /// [`Problem::Absent`] if it is damaged.
    pub async fn tile(self, level: u8, column: u32, row: u32) -> Result<Option<(Vec<u8>, u32)>, Problem> {
        let Self { job, mut reader, .. } = self;
        blocking(job, move || reader.tile(level, column, row)).await
    }

    /// The largest level within `side`, as one picture.
    ///
    /// # Errors
    /// [`Problem::Absent`] if it is damaged.
    pub async fn preview(self, side: u32) -> Result<Preview, Problem> {
        let Self { job, mut reader, .. } = self;
        // The semaphore is never closed.
        let _place = PLACES.acquire().await.ok();
        blocking(job, move || reader.preview(side)).await
    }
}

async fn blocking<T: Send + 'static>(
    job: JobId,
    work: impl FnOnce() -> Result<T, PyramidError> + Send + 'static,
) -> Result<T, Problem> {
    let done = web::block(work).await.map_err(|error| Problem::internal("reading a pyramid", error))?;
    done.map_err(|error| {
        tracing::error!(%job, %error, "a preview is damaged in the store");
        Problem::Absent("the preview is damaged in the store; the picture itself is not touched by that".to_owned())
    })
}

fn why_absent(view: &JobView, of: Of) -> String {
    match (of, view.status) {
        (Of::Result, JobStatus::Failed) => "the job failed and has no result".to_owned(),
        (Of::Result, JobStatus::Cancelled) => "the job was cancelled and has no result".to_owned(),
        (_, JobStatus::Done) | (Of::Original, JobStatus::Finishing) => {
            "it was not made while the job ran: TESSERA_PREVIEW was off, or writing it failed".to_owned()
        }
        (Of::Original, JobStatus::Failed | JobStatus::Cancelled) => {
            "the job ended before its picture was read to the end".to_owned()
        }
        (Of::Original, status) => format!("the job is {status}, its picture has not been read to the end yet"),
        (Of::Result, status) => format!("the job is {status}, there is no result yet"),
    }
}
