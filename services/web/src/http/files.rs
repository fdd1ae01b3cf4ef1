//! Sends objects of the store: streamed, in ranges, never executed by a browser.
//!
//! Owns the headers of files. Which object a request may have, the routes decide.

pub mod attachment;
pub mod checked;
pub mod condition;
pub mod range;

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody, SizedStream};
use actix_web::http::header::{self, ETag, EntityTag};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use bytes::Bytes;
use futures_util::TryStreamExt;
use tessera::job::Digest;
use tessera::store::{Damage, Object, Store, StoreError};

use self::checked::Checked;
use self::condition::{fits_range, is_known};
use self::range::{Part, part};
use super::problem::Problem;

/// A browser that opens a file as a page runs nothing of it.
pub const FILE_POLICY: &str = "default-src 'none'; sandbox";

/// Files up to this length are checked as a whole before any of it is sent. A longer one is checked while it is sent,
/// or once before parts of it are: hundreds of readers that ask again and again must not have it read each time.
const CHECKED_BYTES: u64 = 4 << 20;

/// A file to be sent.
#[derive(Clone, Debug)]
pub struct Served {
    /// Where it is.
    pub object: Object,
    /// The bytes it was written with.
    pub bytes: u64,
    /// Its digest, where one was kept: nothing else is sent as the whole file then.
    pub digest: Option<Digest>,
    /// Its type, from our encoder or from its content: never from its sender.
    pub media_type: &'static str,
    /// Its `Content-Disposition`.
    pub disposition: String,
    /// What changes when its bytes do, where there is no digest.
    pub version: String,
}

/// Why a file is not sent.
#[derive(Debug)]
pub enum NotSent {
    /// It is not what was written.
    Damaged(Damage),
    /// All else.
    Problem(Problem),
}

impl<E: Into<Problem>> From<E> for NotSent {
    fn from(error: E) -> Self {
        Self::Problem(error.into())
    }
}

/// What is told of damage that is found while a file is sent.
pub type Report = Box<dyn Fn(Damage)>;

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

/// Answers a request for a file. Up to [`CHECKED_BYTES`] it is read and checked before the first byte is sent, and so
/// is a larger one of which a part is wanted, if it was not `checked` before; sent as a whole, a larger one breaks off
/// before its end if it is damaged, and `report` is told.
///
/// # Errors
/// [`NotSent::Damaged`] if it is not what was written, [`Problem::Range`] if the range lies outside.
pub async fn send(
    (store, checked): (&Store, &Checked),
    request: &HttpRequest,
    file: Served,
    report: Report,
) -> Result<HttpResponse, NotSent> {
    let length = file.bytes;
    let is_read = request.method() != Method::HEAD && length <= CHECKED_BYTES;
    let damage = store.verify(&file.object, length, file.digest.as_ref().filter(|_| is_read), None).await?;
    if let Some(damage) = damage {
        return Err(NotSent::Damaged(damage));
    }
    let etag = EntityTag::new_strong(file.digest.map_or_else(|| file.version.clone(), |digest| digest.to_string()));
    if is_known(request, &etag) {
        return Ok(with_headers(HttpResponse::NotModified(), &file, &etag).finish());
    }
    let range = request.headers().get(header::RANGE).filter(|_| fits_range(request, &etag));
    let range = range.and_then(|range| range.to_str().ok());
    let (status, first, count) = match part(range, length) {
        Part::Whole => (StatusCode::OK, 0, length),
        Part::Range { first, last } => (StatusCode::PARTIAL_CONTENT, first, last - first + 1),
        Part::Unsatisfiable => return Err(NotSent::Problem(Problem::Range(length))),
    };
    let is_part = status == StatusCode::PARTIAL_CONTENT;
    if let Some(digest) = file.digest.filter(|_| is_part && !is_read && request.method() != Method::HEAD) {
        let damage = checked.check(store, &file.object, length, digest).await.map_err(NotSent::Problem)?;
        if let Some(damage) = damage {
            return Err(NotSent::Damaged(damage));
        }
    }
    let mut response = with_headers(HttpResponse::build(status), &file, &etag);
    if is_part {
        let range = format!("bytes {first}-{}/{length}", first + count - 1);
        response.insert_header((header::CONTENT_RANGE, range));
    }
    if request.method() == Method::HEAD {
        return Ok(response.body(NoBody(count)));
    }
    let stream = match file.digest.filter(|_| !is_part) {
        Some(digest) => store.read_verified(&file.object, digest).await,
        None => store.read(&file.object, Some(first..first + count)).await,
    };
    let stream = stream.map_err(|error| match error {
        StoreError::Missing { .. } => NotSent::Damaged(Damage::Missing),
        error => error.into(),
    })?;
    let stream = stream.inspect_err(move |error| {
        if let StoreError::Damaged { cause, .. } = error {
            report(Damage::Unreadable(cause.clone()));
        }
    });
    Ok(response.body(SizedStream::new(count, stream)))
}

fn with_headers(mut response: HttpResponseBuilder, file: &Served, etag: &EntityTag) -> HttpResponseBuilder {
    response
        .content_type(file.media_type)
        .insert_header((header::CONTENT_DISPOSITION, file.disposition.as_str()))
        .insert_header(ETag(etag.clone()))
        .insert_header((header::ACCEPT_RANGES, "bytes"))
        .insert_header((header::CACHE_CONTROL, "private, no-cache"))
        .insert_header((header::CONTENT_SECURITY_POLICY, FILE_POLICY));
    if let Some(digest) = file.digest {
        // Of the whole file, also where a part of it is sent (RFC 9530).
        response.insert_header(("Repr-Digest", digest.header()));
    }
    response
}
