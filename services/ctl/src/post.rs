//! Sending a large body and hearing the answer, also when it comes before the body has gone out.
//!
//! A service refuses as soon as it knows that it will; a client that only writes would see a broken connection
//! instead of the reason. Plain HTTP/1.0, so that an answer is as long as its connection. Behind TLS, uploads go through
//! `http` like all else: there a proxy takes the rest of a body after an early answer.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use crate::multipart::Upload;

const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How long the other side may take nothing, or say nothing once it has all.
const SILENCE_LIMIT: Duration = Duration::from_secs(60);
const CHUNK_BYTES: usize = 64 << 10;
const LONGEST_ANSWER_BYTES: u64 = 1 << 20;

/// What was answered.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The header `Retry-After`.
    pub retry_after: Option<String>,
    /// The body.
    pub text: String,
}

/// Posts `body` to `path` under `base`.
///
/// # Errors
/// If there is no answer.
pub fn post(base: &str, path: &str, body: &mut Upload) -> io::Result<Answer> {
    let (host, prefix) = parse(base)?;
    let mut socket = connect(&host)?;
    socket.set_write_timeout(Some(SILENCE_LIMIT))?;
    socket.set_read_timeout(Some(SILENCE_LIMIT))?;
    let head = format!(
        "POST {prefix}{path} HTTP/1.0\r\nHost: {host}\r\nUser-Agent: tessera/{}\r\nAccept: application/json\r\n\
         Content-Type: {}\r\nContent-Length: {}\r\n\r\n",
        env!("CARGO_PKG_VERSION"),
        body.content_type(),
        body.length()
    );
    let sent = socket.write_all(head.as_bytes()).map_err(Broken::Connection).and_then(|()| send(&mut socket, body));
    match sent {
        Ok(()) => read(&mut socket),
        // The picture could not be read: nothing that the other side says is of interest.
        Err(Broken::Picture(error)) => Err(error),
        // A server that stops listening may have said why.
        Err(Broken::Connection(error)) => read(&mut socket).map_err(|_| error),
    }
}

enum Broken {
    Picture(io::Error),
    Connection(io::Error),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Connection(error)
    }
}

/// Sends the body, or as much of it as is wanted: an early answer ends it.
fn send(socket: &mut TcpStream, body: &mut Upload) -> Result<(), Broken> {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let count = body.read(&mut chunk).map_err(Broken::Picture)?;
        if count == 0 || is_answered(socket)? {
            return Ok(());
        }
        socket.write_all(&chunk[..count])?;
    }
}

/// Whether something waits to be read; does not wait for it.
fn is_answered(socket: &TcpStream) -> io::Result<bool> {
    socket.set_nonblocking(true)?;
    let peeked = socket.peek(&mut [0]);
    socket.set_nonblocking(false)?;
    match peeked {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
    }
}

/// Host with port, and the path before ours.
fn parse(base: &str) -> io::Result<(String, String)> {
    let wrong = || io::Error::new(io::ErrorKind::InvalidInput, "the address must be http://HOST[:PORT]");
    let rest = base.strip_prefix("http://").ok_or_else(wrong)?;
    let (host, prefix) = rest.split_once('/').map_or((rest, String::new()), |(host, path)| (host, format!("/{path}")));
    if host.is_empty() || rest.contains(|letter: char| letter.is_control() || letter == ' ') {
        return Err(wrong());
    }
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    Ok((if has_port { host.to_owned() } else { format!("{host}:80") }, prefix))
}

fn connect(host: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in host.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_LIMIT) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn read(socket: &mut TcpStream) -> io::Result<Answer> {
    let mut bytes = Vec::new();
    let outcome = socket.take(LONGEST_ANSWER_BYTES).read_to_end(&mut bytes);
    // What came before a connection was cut is the answer, if it is one.
    match (answer(&bytes), outcome) {
        (Some(answer), _) => Ok(answer),
        (None, Err(error)) => Err(error),
        (None, Ok(_)) => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the connection ended without an answer")),
    }
}

/// Reads an answer; `None` if it is not one, or not whole.
fn answer(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(bytes.get(..end)?).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, &str)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
        .collect();
    let header = |wanted: &str| headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| *value);
    let body = bytes.get(end + 4..)?;
    let length = header("content-length").and_then(|length| length.parse().ok());
    if length.is_some_and(|length: usize| body.len() < length) {
        return None;
    }
    let retry_after = header("retry-after").map(str::to_owned);
    Some(Answer { status, retry_after, text: String::from_utf8_lossy(body).into_owned() })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn addresses_are_read() {
        assert_eq!(parse("http://a:5001").unwrap(), ("a:5001".to_owned(), String::new()));
        assert_eq!(parse("http://[::1]/x/y").unwrap(), ("[::1]:80".to_owned(), "/x/y".to_owned()));
        for wrong in ["https://a", "a:1", "http://", "http://a b", "http://a\r\nX: y"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_refusal_in_the_middle_of_the_body_is_heard() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large");
        std::fs::File::create(&path).unwrap().set_len(64 << 20).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let refuser = std::thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            socket.read_exact(&mut [0; 1000]).unwrap();
            socket.write_all(b"HTTP/1.1 413 Too Large\r\nRetry-After: 7\r\nContent-Length: 8\r\n\r\ntoo much").unwrap();
            // It closes with most of the body unread, which resets the connection.
        });
        let answer =
            post(&base, "/x", &mut Upload::open(&path, &[], crate::progress::Progress::silent()).unwrap()).unwrap();
        refuser.join().unwrap();
        assert_eq!(answer, Answer { status: 413, retry_after: Some("7".to_owned()), text: "too much".to_owned() });
    }
}
