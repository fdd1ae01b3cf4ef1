//! Where a product goes: something that takes bytes and makes them visible at the end.

use std::io::{self, Write};
use std::sync::Arc;

use parking_lot::Mutex;
use tessera::store::{BlockingWriter, StoreError, Written};

use super::watch::waiting_for_store;

/// Takes a product's bytes. Dropped before it is published, nothing is left.
pub trait Output: Write + Send {
    /// Makes the product visible; gives its length and digest. Blocks.
    ///
    /// # Errors
    /// What went wrong; a full disk is [`io::ErrorKind::StorageFull`].
    fn publish(self: Box<Self>) -> io::Result<Written>;
}

/// An object in the store.
#[derive(Debug)]
pub(super) struct StoreOutput(pub(super) BlockingWriter);

impl Write for StoreOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        waiting_for_store(|| self.0.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        waiting_for_store(|| self.0.flush())
    }
}

impl Output for StoreOutput {
    fn publish(self: Box<Self>) -> io::Result<Written> {
        waiting_for_store(|| self.0.finish()).map_err(|error| match error {
            full @ StoreError::Full { .. } => io::Error::new(io::ErrorKind::StorageFull, full),
            other => io::Error::other(other),
        })
    }
}

/// An output that its writer of rows and its encoding share: the one writes, the other publishes.
#[derive(Clone)]
pub(super) struct Tap(Arc<Mutex<Option<Box<dyn Output>>>>);

impl Tap {
    pub(super) fn new(output: Box<dyn Output>) -> Self {
        Self(Arc::new(Mutex::new(Some(output))))
    }

    pub(super) fn publish(self) -> io::Result<Written> {
        let output = self.0.lock().take();
        output.ok_or_else(|| io::Error::from(io::ErrorKind::BrokenPipe))?.publish()
    }
}

impl Write for Tap {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().as_mut().map_or_else(|| Err(io::ErrorKind::BrokenPipe.into()), |output| output.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().as_mut().map_or(Ok(()), |output| output.flush())
    }
}
