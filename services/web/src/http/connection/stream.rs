//! A socket that ends when its peer takes too little of what is sent, or sends what was not asked for.
//!
//! Counts only the time in which something waits to be sent. Knows no HTTP beyond what its [`Link`] says.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use actix_web::rt::net::{ActixStream, Ready};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use super::link::{Link, Phase};
use crate::http::credit::Credit;

/// How long a request's head may take, and whatever is sent between two requests.
pub(super) const HEAD_LIMIT: Duration = Duration::from_secs(10);
/// How long a reader may take nothing.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes that the system holds back for a reader beside those on their way. Without a bound it takes megabytes, and
/// says only once a third of them is gone that the reader has moved at all.
const UNSENT_BYTES: u32 = 128 << 10;
/// What is read while an answer is under way: the next request of those who do not wait.
const READ_AHEAD_BYTES: usize = 16 << 10;

/// A connection's socket.
#[derive(Debug)]
pub struct PacedStream {
    socket: TcpStream,
    link: Rc<Link>,
    credit: Credit,
    write_end: Option<Pin<Box<Sleep>>>,
    read_end: Option<Pin<Box<Sleep>>>,
}

impl PacedStream {
    /// A socket whose reader must take `min_rate` bytes a second while something waits for it.
    pub fn new(socket: TcpStream, min_rate: u64) -> Self {
        if let Err(error) = SockRef::from(&socket).set_tcp_notsent_lowat(UNSENT_BYTES) {
            tracing::debug!(%error, "bounding what a socket holds back");
        }
        let credit = Credit::new(min_rate, PATIENCE);
        Self { socket, link: Rc::new(Link::new()), credit, write_end: None, read_end: None }
    }

    pub(super) fn link(&self) -> Rc<Link> {
        self.link.clone()
    }

    /// Ends the connection at once: what the peer does not take is not kept for it.
    fn cut(&self, why: &'static str) -> io::Error {
        tracing::debug!(why, "a connection is cut");
        // If it cannot be set, the system keeps the rest for a while.
        let _ = SockRef::from(&self.socket).set_linger(Some(Duration::ZERO));
        io::Error::new(io::ErrorKind::TimedOut, why)
    }

    fn wrote(&mut self, bytes: usize) {
        let now = Instant::now();
        self.credit.moved(now, bytes as u64);
        self.write_end = None;
        if let Some(reader) = self.link.reader() {
            reader.moved(now, bytes);
        }
    }

    /// Nothing more goes out now: waits as long as the reader may take.
    fn blocked(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let now = Instant::now();
        self.credit.wait(now);
        if let Some(reader) = self.link.reader() {
            reader.wait(now);
            if reader.poll_told(context).is_ready() {
                return Poll::Ready(self.cut("its reader was the slowest while others waited"));
            }
        }
        let Some(end) = self.credit.ends() else { return Poll::Pending };
        ready!(poll_until(&mut self.write_end, end, context));
        Poll::Ready(self.cut("its reader takes too little"))
    }

    /// Whether what comes after an answer has taken too long to become a request.
    fn check_rest(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let Phase::Between(Some(since)) = self.link.phase() else {
            self.read_end = None;
            return Poll::Pending;
        };
        ready!(poll_until(&mut self.read_end, since + HEAD_LIMIT, context));
        Poll::Ready(self.cut("what follows an answer becomes no request"))
    }
}

/// Ready at `end`; sleeps until then, and keeps the sleep.
fn poll_until(sleep: &mut Option<Pin<Box<Sleep>>>, end: Instant, context: &mut Context<'_>) -> Poll<()> {
    let end = tokio::time::Instant::from_std(end);
    let sleep = sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(end)));
    if sleep.deadline() != end {
        sleep.as_mut().reset(end);
    }
    sleep.as_mut().poll(context)
}

impl AsyncRead for PacedStream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.link.served_by(context.waker());
        if this.link.phase() == Phase::Answering && this.link.has_read() >= READ_AHEAD_BYTES {
            return Poll::Pending;
        }
        if let Poll::Ready(error) = this.check_rest(context) {
            return Poll::Ready(Err(error));
        }
        let before = into.filled().len();
        let read = Pin::new(&mut this.socket).poll_read(context, into);
        this.link.add_read(into.filled().len() - before, Instant::now());
        read
    }
}

impl AsyncWrite for PacedStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match Pin::new(&mut this.socket).poll_write(context, bytes) {
            Poll::Ready(written) => {
                this.wrote(*written.as_ref().unwrap_or(&0));
                Poll::Ready(written)
            }
            Poll::Pending => this.blocked(context).map(Err),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(context)
    }
}

impl ActixStream for PacedStream {
    fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        ActixStream::poll_read_ready(&self.socket, context)
    }

    fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        ActixStream::poll_write_ready(&self.socket, context)
    }
}
