//! The page that says what went wrong and what to do.

use askama::Template;

use crate::http::problem::{Details, Problem};

/// A problem as a page.
#[derive(Debug, Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    heading: &'static str,
    details: Details,
    retry_after: Option<u32>,
}

impl ErrorPage {
    /// The page of a problem.
    pub fn new(problem: &Problem) -> Self {
        Self { heading: problem.heading(), details: problem.details(), retry_after: problem.retry_after() }
    }
}
