//! A TCP proxy that a test can cut, so that "Kafka is down" needs no stopping of the broker.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use parking_lot::Mutex;

/// Passes connections on to a target while it is open.
#[derive(Debug)]
pub struct Proxy {
    pub address: SocketAddr,
    open: Arc<AtomicBool>,
    streams: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    pub fn start(target: &str) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let open = Arc::new(AtomicBool::new(true));
        let streams = Arc::new(Mutex::new(Vec::new()));
        let (target, is_open, all) = (target.to_owned(), Arc::clone(&open), Arc::clone(&streams));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if is_open.load(Ordering::SeqCst) {
                    let _ = join(client, &target, &all);
                }
            }
        });
        Ok(Self { address, open, streams })
    }

    /// Ends every connection and refuses new ones.
    pub fn cut(&self) {
        self.open.store(false, Ordering::SeqCst);
        let streams = std::mem::take(&mut *self.streams.lock());
        streams.iter().for_each(|stream| drop(stream.shutdown(Shutdown::Both)));
    }

    /// Passes connections on again.
    pub fn restore(&self) {
        self.open.store(true, Ordering::SeqCst);
    }
}

fn join(client: TcpStream, target: &str, all: &Mutex<Vec<TcpStream>>) -> Result<()> {
    let server = TcpStream::connect(target)?;
    all.lock().extend([client.try_clone()?, server.try_clone()?]);
    for (mut from, mut to) in [(client.try_clone()?, server.try_clone()?), (server, client)] {
        std::thread::spawn(move || {
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(count @ 1..) = from.read(&mut buffer) {
                if to.write_all(&buffer[..count]).is_err() {
                    break;
                }
            }
            let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
        });
    }
    Ok(())
}
