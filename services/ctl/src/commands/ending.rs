//! `tessera cancel`, `retry` and `delete`: what an owner does with jobs, several at once.

use serde_json::json;
use tessera::job::JobId;

use super::submit::summary;
use crate::api::Api;
use crate::{CtlError, output};

/// Jobs to do something with.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The jobs.
    #[arg(value_name = "ID", required = true)]
    ids: Vec<JobId>,
    /// Print JSON: one object a job, on a line of its own.
    #[arg(long)]
    json: bool,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// End what has not ended.
    Cancel,
    /// Run what failed or was cancelled again.
    Retry,
    /// Remove what has ended, with its files.
    Delete,
}

impl Deed {
    fn word(self) -> &'static str {
        match self {
            Self::Cancel => "cancelled",
            Self::Retry => "queued again",
            Self::Delete => "deleted",
        }
    }

    /// Does it to one job.
    ///
    /// # Errors
    /// What the system said.
    pub fn on(self, api: &Api, id: &str) -> Result<(), CtlError> {
        match self {
            Self::Cancel => api.post(&format!("/jobs/{id}/cancel")),
            Self::Retry => api.post(&format!("/jobs/{id}/retry")),
            Self::Delete => api.delete(&format!("/jobs/{id}")),
        }
    }
}

pub fn run(args: &Args, deed: Deed, api: &Api) -> Result<(), CtlError> {
    let mut errors = Vec::new();
    for id in args.ids.iter().map(ToString::to_string) {
        let outcome = deed.on(api, &id);
        if args.json {
            let error = outcome.as_ref().err().map(CtlError::full_text);
            let done = outcome.is_ok().then(|| deed.word());
            output::print_json(&json!({ "id": id, "outcome": done, "error": error }))?;
        } else if outcome.is_ok() {
            output::print(&format!("{id}  {}\n", deed.word()))?;
        }
        errors.extend(outcome.err().map(|error| error.of(id)));
    }
    summary(args.ids.len(), errors, deed.word())
}
