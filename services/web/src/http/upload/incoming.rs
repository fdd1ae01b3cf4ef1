//! The body of an upload as it comes: no slower than is allowed, and only as long as its sender keeps its place.

use std::sync::Arc;
use std::time::Instant;

use actix_web::web::Payload;
use bytes::Bytes;
use futures_util::StreamExt;

use super::pace::{TooSlow, UploadPace};
use crate::http::places::Holder;
use crate::http::problem::Problem;

/// A body that comes.
pub struct Incoming<'a> {
    body: &'a mut Payload,
    pace: UploadPace,
    sender: Option<Arc<Holder>>,
    came: u64,
}

impl<'a> Incoming<'a> {
    /// The body of a request; `sender` may be told to give way.
    pub fn new(body: &'a mut Payload, pace: UploadPace, sender: Option<Arc<Holder>>) -> Self {
        Self { body, pace, sender, came: 0 }
    }

    /// Bytes that have come, whatever they were.
    pub fn came(&self) -> u64 {
        self.came
    }

    /// The next of it; `None` at its end.
    ///
    /// # Errors
    /// A [`Problem`] if it comes too slowly, breaks off, or has to give its place away.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>, Problem> {
        let asked = Instant::now();
        if let Some(sender) = &self.sender {
            sender.wait(asked);
        }
        let patience = self.pace.patience(asked);
        let chunk = tokio::select! {
            chunk = tokio::time::timeout(patience, self.body.next()) => chunk,
            () = gives_way(self.sender.as_deref()) => return Err(gave_way()),
        };
        let now = Instant::now();
        let Some(chunk) = chunk.map_err(|_| self.pace.idled(now))? else { return Ok(None) };
        let chunk = chunk.map_err(|error| Problem::BadRequest(format!("the upload ended early: {error}")))?;
        if let Some(sender) = &self.sender {
            sender.moved(now, chunk.len());
        }
        self.pace.arrived(asked, now, chunk.len())?;
        self.came += chunk.len() as u64;
        Ok(Some(chunk))
    }
}

async fn gives_way(sender: Option<&Holder>) {
    match sender {
        Some(sender) => sender.told().await,
        None => std::future::pending().await,
    }
}

fn gave_way() -> Problem {
    Problem::Unavailable(
        "others wait to send, and this upload came most slowly: it had to give its place away".to_owned(),
    )
}

impl From<TooSlow> for Problem {
    fn from(error: TooSlow) -> Self {
        Self::TooSlow(error.to_string())
    }
}
