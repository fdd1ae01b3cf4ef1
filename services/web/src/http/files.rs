//! Sends objects of the store: streamed, in ranges, never executed by a browser.
//!
//! Owns the headers of files. Which object a request may have, the routes decide.

pub mod attachment;
pub mod range;

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody, SizedStream};
use actix_web::http::{Method, StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use bytes::Bytes;
use tessera::store::{Object, Store, StoreError};

use self::range::{Part, has_etag, part};
use super::problem::Problem;

/// A browser that opens a file as a page runs nothing of it.
const FILE_POLICY: &str = "default-src 'none'; sandbox";

/// A file to be sent.
#[derive(Clone, Debug)]
pub struct Served {
    /// Where it is.
    pub object: Object,
    /// Its type, from our encoder or from its content: never from its sender.
    pub media_type: &'static str,
    /// Its `Content-Disposition`.
    pub disposition: String,
    /// What changes when its bytes do.
    pub version: String,
}

/// A body that is not sent but whose length is said: the answer to `HEAD`.
struct NoBody(u64);

impl MessageBody for NoBody {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.0)
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Poll::Ready(None)
    }
}

/// Answers a request for a file.
///
/// # Errors
/// [`Problem::Gone`] if the store does not have it, [`Problem::Range`] if the range lies outside.
pub async fn send(store: &Store, request: &HttpRequest, file: Served) -> Result<HttpResponse, Problem> {
    let length = store.size(&file.object).await?.ok_or_else(gone)?;
    let etag = format!("\"{}\"", file.version);
    let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    if text(header::IF_NONE_MATCH).is_some_and(|list| has_etag(list, &etag)) {
        return Ok(with_headers(HttpResponse::NotModified(), &file, &etag).finish());
    }
    // A range of a file that has changed meanwhile would not fit what the sender has.
    let range = text(header::RANGE).filter(|_| text(header::IF_RANGE).is_none_or(|known| known == etag));
    let (status, first, count) = match part(range, length) {
        Part::Whole => (StatusCode::OK, 0, length),
        Part::Range { first, last } => (StatusCode::PARTIAL_CONTENT, first, last - first + 1),
        Part::Unsatisfiable => return Err(Problem::Range(length)),
    };
    let mut response = with_headers(HttpResponse::build(status), &file, &etag);
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {first}-{}/{length}", first + count - 1);
        response.insert_header((header::CONTENT_RANGE, range));
    }
    if request.method() == Method::HEAD {
        return Ok(response.body(NoBody(count)));
    }
    let stream = store.read(&file.object, Some(first..first + count)).await.map_err(|error| match error {
        StoreError::Missing { .. } => gone(),
        error => error.into(),
    })?;
    Ok(response.body(SizedStream::new(count, stream)))
}

fn with_headers(mut response: HttpResponseBuilder, file: &Served, etag: &str) -> HttpResponseBuilder {
    response
        .content_type(file.media_type)
        .insert_header((header::CONTENT_DISPOSITION, file.disposition.as_str()))
        .insert_header((header::ETAG, etag))
        .insert_header((header::ACCEPT_RANGES, "bytes"))
        .insert_header((header::CACHE_CONTROL, "private, no-cache"))
        .insert_header((header::CONTENT_SECURITY_POLICY, FILE_POLICY));
    response
}

fn gone() -> Problem {
    Problem::Gone("the file is no longer kept".to_owned())
}
