//! Answers as they are sent: in small slices, and large ones only to readers who have a place.
//!
//! What a slow reader holds of our memory is a slice or two, and the number of those who hold more than that is bounded.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::{HttpResponse, web};
use bytes::Bytes;
use tessera::budget::{Budget, Share};

use super::link::{Link, RequestInHand};
use crate::http::client::Client;
use crate::http::places::{Place, Places};
use crate::http::problem::Problem;
use crate::http::services::Services;

/// Bytes that are handed on at once.
pub const SLICE_BYTES: usize = 32 << 10;
/// Answers up to this size fit into what the system holds for a socket.
const SMALL_BYTES: u64 = 64 << 10;
/// What a reader of a large answer holds: a piece of the file twice, two slices, the connection.
const READER_BYTES: u64 = 224 << 10;
/// The part of the memory budget that readers have.
const READERS_PART: u64 = 3;
/// The most readers of large answers.
const MOST_READERS: u64 = 512;
/// Readers that wait for a place, for each place.
const WAITING_PER_PLACE: usize = 4;
/// How long a reader waits for a place before it is refused.
const WAIT: Duration = Duration::from_secs(4);

/// Places for readers of large answers; clones share them.
#[derive(Clone, Debug)]
pub struct Readers {
    places: Places,
    _memory: std::sync::Arc<Option<Share>>,
}

impl Readers {
    /// As many as a part of the memory budget allows.
    pub fn new(memory: &Budget) -> Self {
        let most = (memory.total() / READERS_PART / READER_BYTES).clamp(4, MOST_READERS);
        let places = usize::try_from(most).unwrap_or(1);
        let share = memory.try_reserve(most * READER_BYTES);
        Self { places: Places::new(places, places * WAITING_PER_PLACE), _memory: std::sync::Arc::new(share) }
    }

    async fn place(&self, client: Client) -> Result<Place, Problem> {
        let busy = || Problem::Unavailable("too many read large answers now".to_owned());
        self.places.enter(client, WAIT).await.ok_or_else(busy)
    }
}

/// Watches over a request and its answer for the connection's sake.
///
/// # Errors
/// Those of the handler.
pub async fn attend(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let link = request.conn_data::<Rc<Link>>().cloned();
    let services = request.app_data::<web::Data<Services>>().cloned();
    let readers = request.app_data::<web::Data<Readers>>().cloned();
    let (Some(link), Some(services), Some(readers)) = (link, services, readers) else {
        return next.call(request).await;
    };
    let in_hand = RequestInHand::new(link);
    let response = next.call(request).await?;
    let mut place = None;
    if is_large(&response) {
        match readers.place(services.client(response.request())).await {
            Ok(given) => place = Some(given),
            Err(problem) => {
                let (request, _) = response.into_parts();
                return Ok(ServiceResponse::new(request, HttpResponse::from_error(problem)));
            }
        }
    }
    in_hand.answer(place.as_ref().map(|place| place.holder().clone()));
    Ok(response.map_body(|_, body| BoxBody::new(Answer { body, rest: Bytes::new(), _place: place, _in_hand: in_hand })))
}

fn is_large(response: &ServiceResponse<BoxBody>) -> bool {
    let is_sent = response.request().method() != Method::HEAD;
    is_sent && matches!(response.response().body().size(), BodySize::Sized(bytes) if bytes > SMALL_BYTES)
}

/// A body in slices.
struct Answer {
    body: BoxBody,
    rest: Bytes,
    _place: Option<Place>,
    _in_hand: RequestInHand,
}

impl MessageBody for Answer {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.get_mut();
        if this.rest.is_empty() {
            match Pin::new(&mut this.body).poll_next(context) {
                Poll::Ready(Some(Ok(bytes))) => this.rest = bytes,
                other => return other,
            }
        }
        let slice = this.rest.len().min(SLICE_BYTES);
        Poll::Ready(Some(Ok(this.rest.split_to(slice))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn a_body_is_sent_whole_in_slices() {
        let bytes: Vec<u8> = (0..100_000_u32).map(|i| (i % 251) as u8).collect();
        let in_hand = RequestInHand::new(Rc::new(Link::new()));
        let body = BoxBody::new(Bytes::from(bytes.clone()));
        let mut answer = Answer { body, rest: Bytes::new(), _place: None, _in_hand: in_hand };
        let mut sent = Vec::new();
        while let Some(slice) = std::future::poll_fn(|context| Pin::new(&mut answer).poll_next(context)).await {
            let slice = slice.unwrap();
            assert!((1..=SLICE_BYTES).contains(&slice.len()));
            sent.extend_from_slice(&slice);
        }
        assert_eq!(sent, bytes);
    }
}
