//! The connections that requests come by: their sockets, how slowly a reader may take its answer, and what may follow it.
//!
//! The HTTP library has deadlines for a head and for an idle connection alone. Here is the rest: who takes too little
//! of an answer, or sends on after it without asking anything, is cut. Knows no job.

mod answer;
mod link;
mod stream;

use std::net::TcpListener;
use std::rc::Rc;
use std::time::Duration;

use actix_http::HttpService;
use actix_server::{Server, ServerBuilder};
use actix_service::{IntoServiceFactory, ServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{AppConfig, ServiceResponse};
use tokio::net::TcpStream;

pub use answer::{Readers, attend};
use link::Link;
use stream::{HEAD_LIMIT, PacedStream};

/// How long an idle connection is kept.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// How long the rest of a body is taken and thrown away after an early answer, so that its sender sees the answer.
const LINGER: Duration = Duration::from_secs(10);

/// How connections are served.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Threads.
    pub threads: usize,
    /// The slowest that a reader may be, in bytes a second.
    pub min_rate: u64,
    /// How long requests in hand may take when the service is stopped, in seconds.
    pub stop_seconds: u64,
}

/// Serves `app` at a listener.
///
/// # Errors
/// If the listener cannot be used.
pub fn serve<F, I, S>(listener: TcpListener, terms: Terms, app: F) -> std::io::Result<Server>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, actix_http::Request>,
    S: ServiceFactory<actix_http::Request, Config = AppConfig, Response = ServiceResponse<BoxBody>, Error = Error>
        + 'static,
    S::InitError: std::fmt::Debug,
    S::Service: 'static,
{
    let server = ServerBuilder::default();
    let stopping = server.graceful_shutdown_signal();
    let address = listener.local_addr()?;
    let connections = move || {
        let stopping = stopping.clone();
        let service = HttpService::build()
            .keep_alive(KEEP_ALIVE)
            .client_request_timeout(HEAD_LIMIT)
            .client_disconnect_timeout(LINGER)
            .h1_write_buffer_size(answer::SLICE_BYTES)
            .local_addr(address)
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .on_connect_ext(|stream: &PacedStream, data: &mut actix_http::Extensions| {
                data.insert::<Rc<Link>>(stream.link());
            })
            .h1(map_config(app().into_factory(), |()| AppConfig::default()));
        let min_rate = terms.min_rate;
        fn_service(move |socket: TcpStream| {
            let peer = socket.peer_addr().ok();
            std::future::ready(Ok((PacedStream::new(socket, min_rate), peer)))
        })
        .and_then(service)
    };
    let server = server.workers(terms.threads).disable_signals().shutdown_timeout(terms.stop_seconds);
    Ok(server.listen("http", listener, connections)?.run())
}
