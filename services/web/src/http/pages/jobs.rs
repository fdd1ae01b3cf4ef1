//! The list of jobs, in pages.

use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use askama::Template;
use futures_util::future::join_all;
use tessera::job::JobStatus;
use tessera::state::{JobView, Order};

use super::answer::page;
use super::shown::{Image, thumb};
use super::words;
use crate::http::jobs::find::{ListQuery, find};
use crate::http::problem::Problem;
use crate::http::services::Services;

#[derive(Template)]
#[template(path = "jobs.html")]
struct JobsPage {
    filters: Vec<Filter>,
    rows: Vec<Row>,
    next: Option<String>,
    /// The word for what comes on the next page.
    further: &'static str,
    /// The words for the other order, and its address.
    other: (&'static str, String),
}

/// A link that shows one status.
struct Filter {
    word: &'static str,
    address: String,
    count: u64,
    is_current: bool,
}

/// A job in the list.
struct Row {
    id: String,
    name: String,
    status: &'static str,
    sign: &'static str,
    percent: u32,
    is_running: bool,
    size: String,
    operations: String,
    created: String,
    thumb: Option<Image>,
}

impl Row {
    async fn of(services: &Services, view: &JobView) -> Self {
        Self {
            id: view.job.to_string(),
            name: words::name(&view.filename).to_owned(),
            status: view.status.as_str(),
            sign: words::sign(view.status),
            percent: percent(view),
            is_running: matches!(view.status, JobStatus::Processing | JobStatus::Finishing),
            size: format!("{} \u{d7} {}", view.original_width, view.original_height),
            operations: view.operations.join(", "),
            created: words::time(&view.created_at),
            thumb: thumb(services, view).await,
        }
    }
}

/// Whole percents; 100 only when it is done.
pub fn percent(view: &JobView) -> u32 {
    let percent = (view.progress() * 100.0).floor() as u32;
    if view.status == JobStatus::Done { 100 } else { percent.min(99) }
}

/// `GET /jobs`.
pub async fn show(services: Data<Services>, query: Query<ListQuery>) -> Result<HttpResponse, Problem> {
    let listed = find(&services, &query).await?;
    let counts = services.state.counts().await?;
    let shown = counts.iter().filter(|(status, _)| *status != JobStatus::Accepting);
    let all = shown.clone().map(|(_, count)| count).sum();
    let order = listed.order;
    let mut filters = vec![Filter {
        word: "all",
        address: format!("/jobs?order={order}"),
        count: all,
        is_current: listed.status.is_none(),
    }];
    filters.extend(shown.map(|(status, count)| Filter {
        word: status.as_str(),
        address: format!("/jobs?status={status}&order={order}"),
        count: *count,
        is_current: listed.status == Some(*status),
    }));
    let status = listed.status.map(|status| format!("status={status}&")).unwrap_or_default();
    let (further, words, other) = match listed.order {
        Order::Newest => ("Older", "Oldest first", Order::Oldest),
        Order::Oldest => ("Newer", "Newest first", Order::Newest),
    };
    page(&JobsPage {
        filters,
        rows: join_all(listed.jobs.iter().map(|view| Row::of(&services, view))).await,
        next: listed.next.map(|cursor| format!("/jobs?{status}order={order}&cursor={cursor}")),
        further,
        other: (words, format!("/jobs?{status}order={other}")),
    })
}
