//! Finding jobs: one by its id, or a page of them.

use serde::Deserialize;
use tessera::job::{JobId, JobStatus};
use tessera::state::{JobView, Order};

use crate::http::problem::Problem;
use crate::http::services::Services;

/// Jobs on a page unless asked otherwise.
pub const PAGE: usize = 50;
/// Jobs on a page at most.
const MAX_PAGE: usize = 500;

/// Which jobs to list.
#[derive(Debug, Deserialize)]
pub struct ListQuery {
    status: Option<String>,
    order: Option<String>,
    limit: Option<String>,
    cursor: Option<String>,
}

/// A page of jobs.
#[derive(Debug)]
pub struct Listed {
    /// Of which status; `None`: of all.
    pub status: Option<JobStatus>,
    /// Which come first.
    pub order: Order,
    /// In that order.
    pub jobs: Vec<JobView>,
    /// Where the next page begins.
    pub next: Option<String>,
}

/// Jobs that a query asks for.
///
/// # Errors
/// [`Problem::BadRequest`] that names the parameter.
pub async fn find(services: &Services, query: &ListQuery) -> Result<Listed, Problem> {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let status =
        given(&query.status).map(|text| text.parse::<JobStatus>().map_err(|_| bad_status(&text))).transpose()?;
    let order = given(&query.order).map(|text| text.parse().map_err(bad)).transpose()?.unwrap_or_default();
    let limit = match given(&query.limit) {
        None => PAGE,
        Some(text) => {
            let limit = text.parse().ok().filter(|limit| (1..=MAX_PAGE).contains(limit));
            limit.ok_or_else(|| bad(format!("limit must be an integer from 1 to {MAX_PAGE}, got {text:?}")))?
        }
    };
    let cursor = given(&query.cursor);
    if let Some(text) = cursor.as_ref().filter(|text| text.parse::<JobId>().is_err()) {
        return Err(bad(format!("cursor must be the next of another answer, got {text:?}")));
    }
    let (jobs, next) = services.state.list(status, order, limit, cursor.as_deref()).await?;
    Ok(Listed { status, order, jobs, next })
}

fn bad_status(text: &str) -> Problem {
    let words: Vec<&str> = JobStatus::ALL.into_iter().map(JobStatus::as_str).collect();
    bad(format!("status must be one of {}, got {text:?}", words.join(", ")))
}

fn bad(text: String) -> Problem {
    Problem::BadRequest(text.chars().take(300).collect())
}

/// The job of that id.
///
/// # Errors
/// [`Problem::NotFound`] if there is none.
pub async fn job(services: &Services, id: &str) -> Result<JobView, Problem> {
    let unknown = || Problem::NotFound("there is no such job".to_owned());
    let job: JobId = id.parse().map_err(|_| unknown())?;
    services.state.job(job).await?.ok_or_else(unknown)
}
