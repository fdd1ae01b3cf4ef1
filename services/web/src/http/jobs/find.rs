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
/// [`Problem::BadRequest`] that names every wrong parameter.
pub async fn find(services: &Services, query: &ListQuery) -> Result<Listed, Problem> {
    let Asked { status, order, limit, cursor } = read(query)?;
    let (jobs, next) = services.state.list(status, order, limit, cursor.as_deref()).await?;
    Ok(Listed { status, order, jobs, next })
}

/// What a query asks for.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    status: Option<JobStatus>,
    order: Order,
    limit: usize,
    cursor: Option<String>,
}

fn read(query: &ListQuery) -> Result<Asked, Problem> {
    let mut wrong = Vec::new();
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let status = given(&query.status).and_then(|text| told(text.parse().map_err(|_| bad_status(&text)), &mut wrong));
    let order = given(&query.order).and_then(|text| told(text.parse(), &mut wrong));
    let limit = given(&query.limit).and_then(|text| {
        let limit = text.parse().ok().filter(|limit| (1..=MAX_PAGE).contains(limit));
        told(limit.ok_or_else(|| format!("limit must be an integer from 1 to {MAX_PAGE}, got {text:?}")), &mut wrong)
    });
    let cursor = given(&query.cursor);
    if let Some(text) = cursor.as_ref().filter(|text| text.parse::<JobId>().is_err()) {
        wrong.push(format!("cursor must be the next of another answer, got {text:?}"));
    }
    if wrong.is_empty() {
        return Ok(Asked { status, order: order.unwrap_or_default(), limit: limit.unwrap_or(PAGE), cursor });
    }
    // Each is cut, so that a long one hides no other.
    let texts: Vec<String> = wrong.iter().map(|text| text.chars().take(300).collect()).collect();
    Err(Problem::BadRequest(texts.join("; ")))
}

/// The value, or nothing and one more text of what is wrong.
fn told<T>(read: Result<T, String>, wrong: &mut Vec<String>) -> Option<T> {
    read.map_err(|text| wrong.push(text)).ok()
}

fn bad_status(text: &str) -> String {
    let words: Vec<&str> = JobStatus::ALL.into_iter().map(JobStatus::as_str).collect();
    format!("status must be one of {}, got {text:?}", words.join(", "))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn query(values: [&str; 4]) -> ListQuery {
        let [status, order, limit, cursor] = values.map(|value| Some(value.to_owned()));
        ListQuery { status, order, limit, cursor }
    }

    #[test]
    fn every_wrong_parameter_of_a_list_is_named_at_once() {
        let error = read(&query(["nope", "up", "0", "x"])).unwrap_err().to_string();
        for name in ["status must be", "order", "limit must be", "cursor must be"] {
            assert!(error.contains(name), "{error}");
        }
        let expected = Asked { status: Some(JobStatus::Done), order: Order::Newest, limit: 7, cursor: None };
        assert_eq!(read(&query(["done", "", "7", ""])).unwrap(), expected);
    }
}
