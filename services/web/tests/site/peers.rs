//! Peers that are slow, never end, or say that they want another site.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use super::{Answer, FORM, Site, form};
use crate::support::Picture;

/// A small picture.
pub fn png() -> Vec<u8> {
    Picture::rgb(40, 30, 64, &["grayscale"]).png()
}

/// A request whose address line and lines of its head are as given.
pub fn ask(site: &Site, method: &str, target: &str, lines: &[&str]) -> Answer {
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    site.raw(format!("{method} {target} HTTP/1.1\r\nConnection: close\r\n{lines}\r\n").as_bytes())
}

/// Sockets of peers that send slowly, each from an address of its own or all from one, until it is dropped.
pub struct Slow {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<usize>>,
}

impl Slow {
    /// `count` peers that begin with `head` and then send `piece` ten times a second; who is cut comes again.
    pub fn senders(site: &Site, count: usize, many: bool, head: Vec<u8>, piece: Vec<u8>) -> Self {
        let address = site.address;
        Self::run(move |stop| {
            let mut peers: Vec<Option<TcpStream>> = (0..count).map(|_| None).collect();
            let mut cut = 0;
            while !stop.load(Ordering::Relaxed) {
                for (number, peer) in peers.iter_mut().enumerate() {
                    let sent = peer.as_mut().is_some_and(|peer| peer.write_all(&piece).is_ok() && !has_answer(peer));
                    if !sent {
                        cut += usize::from(peer.is_some());
                        *peer = connect(address, if many { number } else { 0 }, None).and_then(|mut peer| {
                            peer.write_all(&head).ok()?;
                            Some(peer)
                        });
                    }
                }
                std::thread::sleep(Duration::from_millis(100));
            }
            cut
        })
    }

    /// `count` peers that ask and then read almost nothing; who is cut comes again.
    pub fn readers(site: &Site, count: usize, many: bool, path: String) -> Self {
        let address = site.address;
        Self::run(move |stop| {
            let mut peers: Vec<Option<TcpStream>> = (0..count).map(|_| None).collect();
            let mut cut = 0;
            while !stop.load(Ordering::Relaxed) {
                for (number, peer) in peers.iter_mut().enumerate() {
                    let mut some = [0; 512];
                    let goes_on = peer.as_mut().is_some_and(|peer| match peer.read(&mut some) {
                        Ok(count) => count > 0,
                        Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
                    });
                    if !goes_on {
                        cut += usize::from(peer.is_some());
                        *peer = connect(address, if many { number } else { 0 }, Some(4096)).and_then(|mut peer| {
                            write!(peer, "GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").ok()?;
                            peer.set_nonblocking(true).ok()?;
                            Some(peer)
                        });
                    }
                }
                std::thread::sleep(Duration::from_millis(100));
            }
            cut
        })
    }

    fn run(peers: impl FnOnce(&AtomicBool) -> usize + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = stop.clone();
        Self { stop, thread: Some(std::thread::spawn(move || peers(&told))) }
    }

    /// Ends them; says how often one of them was cut.
    pub fn end(mut self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap()
    }
}

fn has_answer(peer: &TcpStream) -> bool {
    peer.set_nonblocking(true).unwrap();
    let seen = peer.peek(&mut [0]);
    peer.set_nonblocking(false).unwrap();
    seen.is_ok()
}

/// A connection from 127.0.X.Y, with a small buffer if one is named.
pub fn connect(to: SocketAddr, number: usize, buffer: Option<usize>) -> Option<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).ok()?;
    if let Some(buffer) = buffer {
        socket.set_recv_buffer_size(buffer).ok()?;
    }
    let from = [127, 0, u8::try_from(number / 250).unwrap(), u8::try_from(number % 250 + 1).unwrap()];
    socket.bind(&SocketAddr::from((from, 0)).into()).ok()?;
    socket.connect(&to.into()).ok()?;
    let socket: TcpStream = socket.into();
    socket.set_write_timeout(Some(Duration::from_secs(5))).ok()?;
    Some(socket)
}

/// A slow sender's head and the beginning of its form.
pub fn slow_head(site: &Site, chunked: bool) -> Vec<u8> {
    let begin =
        [&b"--XX\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a.png\"\r\n\r\n"[..], &png()].concat();
    if chunked {
        let lines = "Content-Type: multipart/form-data; boundary=XX\r\nTransfer-Encoding: chunked\r\n";
        let head = format!("POST /api/v1/jobs HTTP/1.1\r\nHost: {}\r\n{lines}\r\n{:x}\r\n", site.address, begin.len());
        return [head.as_bytes(), &begin, b"\r\n"].concat();
    }
    [site.head("POST", "/api/v1/jobs", &[FORM], 1 << 30), begin].concat()
}

/// What a peer sends each tenth of a second to come at six kilobytes a second.
pub fn slow_piece(chunked: bool) -> Vec<u8> {
    if chunked { [&b"258\r\n"[..], &[b'x'; 600], b"\r\n"].concat() } else { vec![b'x'; 600] }
}

/// How long an honest client takes to send a picture, and again to read an answer of a megabyte.
pub fn honest(site: &Site, result: &str, bytes: usize) -> (Duration, Duration) {
    let begun = Instant::now();
    site.upload("/api/v1/jobs", &form(b"honest.png", &png(), &["invert"])).job();
    let (sent, begun) = (begun.elapsed(), Instant::now());
    let answer = site.get(result);
    assert_eq!((answer.status, answer.body.len()), (200, bytes));
    (sent, begun.elapsed())
}

/// The most memory that this process has had.
pub fn high_water_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap()
}

/// Sends a body in chunks until the connection ends: the status that was answered, the bytes and the time.
pub fn endless(site: &Site, path: &str, begin: &[u8], again: &[u8]) -> (String, u64, Duration) {
    let mut peer = connect(site.address, 0, None).unwrap();
    let head = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n");
    write!(peer, "{head}Content-Type: multipart/form-data; boundary=XX\r\n\r\n").unwrap();
    let mut chunk = |bytes: &[u8]| -> bool {
        let framed = [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
        bytes.is_empty() || peer.write_all(&framed).is_ok()
    };
    assert!(chunk(begin));
    let (begun, mut sent) = (Instant::now(), 0_u64);
    while chunk(again) {
        sent += again.len() as u64;
        assert!(begun.elapsed() < Duration::from_secs(40), "it takes bytes for ever, {sent} by now");
        if sent > 4 << 20 {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    let mut answer = Vec::new();
    peer.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // What came before the cut is the answer.
    let _ = peer.read_to_end(&mut answer);
    // It is cut, and does not stay as it is.
    assert!(!matches!(peer.read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock), "it is left open");
    let status = String::from_utf8_lossy(&answer).split(' ').nth(1).map(str::to_owned).unwrap_or_default();
    (status, sent, begun.elapsed())
}
