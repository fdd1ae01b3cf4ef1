//! Objects as they are written: visible when finished, gone when not.
//!
//! A bounded number of bytes is held, whatever the object's size.

use std::io::{self, Write};

use bytes::{Bytes, BytesMut};
use object_store::{MultipartUpload, ObjectStoreExt, PutPayloadMut};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use super::local::Root;
use super::{Object, Store, StoreError};
use crate::job::{Digest, Digester};

/// Bytes of one part: a disk takes parts of any size (S3 would want 5 MiB).
const PART: usize = 256 << 10;
/// Parts that wait between an encoder's thread and the store.
const PARTS_WAITING: usize = 4;

/// An object that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its length.
    pub bytes: u64,
    /// Its digest: of results and originals, which are held against it when they are read.
    pub digest: Option<Digest>,
}

/// Writes an object in pieces. Dropped before [`ObjectWriter::finish`], nothing is left of it.
#[derive(Debug)]
pub struct ObjectWriter {
    /// `None` once it is finished or has failed.
    upload: Option<Box<dyn MultipartUpload>>,
    part: PutPayloadMut,
    object: Object,
    root: Root,
    bytes: u64,
    digest: Option<Digester>,
}

impl Store {
    /// Begins to write an object; it is visible when finished.
    ///
    /// # Errors
    /// [`StoreError::Full`] or [`StoreError::Unavailable`].
    pub async fn writer(&self, object: &Object) -> Result<ObjectWriter, StoreError> {
        let upload = async {
            self.root.make_job(object.job()).await?;
            self.backend(object)?.put_multipart(&self.root.object_path(object)).await
        };
        let upload = upload.await.map_err(|error| StoreError::of("writing", object, error))?;
        let (object, root) = (object.clone(), self.root.clone());
        let digest = matches!(object, Object::Result { .. } | Object::Original(_)).then(Digester::default);
        Ok(ObjectWriter { upload: Some(upload), part: PutPayloadMut::new(), object, root, bytes: 0, digest })
    }

    /// Removes what a crash left of writing an object, and the object. For those who alone write it.
    pub async fn clear(&self, object: &Object) {
        self.root.remove_object(object).await;
    }

    /// A writer for code on a blocking thread; the writing itself is done on `handle`'s runtime.
    pub fn blocking_writer(&self, object: &Object, handle: &Handle) -> BlockingWriter {
        let (parts, waiting) = mpsc::channel(PARTS_WAITING);
        let (outcome, result) = oneshot::channel();
        let (store, object) = (self.clone(), object.clone());
        handle.spawn(async move {
            let _ = outcome.send(write_all(&store, &object, waiting).await);
        });
        BlockingWriter { parts: Some(parts), result: Some(result), buffer: BytesMut::with_capacity(PART) }
    }
}

impl ObjectWriter {
    /// Appends bytes.
    ///
    /// # Errors
    /// [`StoreError::Full`] or [`StoreError::Unavailable`]; nothing is left of the object then.
    ///
    /// # Cancel safety
    /// Dropped while it waits, the bytes may be lost: drop the writer, too.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        self.bytes += bytes.len() as u64;
        if let Some(digest) = &mut self.digest {
            digest.add(&bytes);
        }
        self.part.push(bytes);
        if self.part.content_length() < PART { Ok(()) } else { self.send().await }
    }

    async fn send(&mut self) -> Result<(), StoreError> {
        let part = std::mem::take(&mut self.part).freeze();
        let Some(upload) = &mut self.upload else { return Err(self.gone()) };
        let sent = upload.put_part(part).await;
        if let Err(error) = sent {
            self.remove().await;
            return Err(StoreError::of("writing", &self.object, error));
        }
        Ok(())
    }

    /// Bytes taken so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Makes the object visible, synced as the settings ask; gives its length and digest.
    ///
    /// # Errors
    /// [`StoreError::Full`] or [`StoreError::Unavailable`]; nothing is left then.
    pub async fn finish(mut self) -> Result<Written, StoreError> {
        self.send().await?;
        let Some(mut upload) = self.upload.take() else { return Err(self.gone()) };
        if let Err(error) = upload.complete().await {
            self.root.remove_object(&self.object).await;
            return Err(StoreError::of("writing", &self.object, error));
        }
        Ok(Written { bytes: self.bytes, digest: self.digest.take().map(Digester::finish) })
    }

    /// Gives the object up; nothing is left of it when this returns.
    pub async fn abort(mut self) {
        self.remove().await;
    }

    async fn remove(&mut self) {
        if let Some(upload) = self.upload.take() {
            remove(upload, &self.root, &self.object).await;
        }
    }

    fn gone(&self) -> StoreError {
        StoreError::Missing { name: self.object.to_string() }
    }
}

impl Drop for ObjectWriter {
    fn drop(&mut self) {
        let (Some(upload), Ok(runtime)) = (self.upload.take(), Handle::try_current()) else { return };
        let (root, object) = (self.root.clone(), self.object.clone());
        runtime.spawn(async move { remove(upload, &root, &object).await });
    }
}

/// What cannot be removed now, the sweep will find.
async fn remove(mut upload: Box<dyn MultipartUpload>, root: &Root, object: &Object) {
    if let Err(error) = upload.abort().await {
        tracing::debug!(object = %object, %error, "could not remove an unfinished object");
    }
    root.remove_if_empty(object.job()).await;
}

/// An [`io::Write`] into the store. Dropped before [`BlockingWriter::finish`], nothing is left.
#[derive(Debug)]
pub struct BlockingWriter {
    /// `None` as the last thing sent says that all is there.
    parts: Option<mpsc::Sender<Option<Bytes>>>,
    result: Option<oneshot::Receiver<Result<Written, StoreError>>>,
    buffer: BytesMut,
}

impl BlockingWriter {
    /// Makes the object visible; gives its length and digest. Blocks: not for async code.
    ///
    /// # Errors
    /// [`StoreError::Full`] or [`StoreError::Unavailable`]; nothing is left then.
    pub fn finish(mut self) -> Result<Written, StoreError> {
        let rest = self.buffer.split().freeze();
        let parts = self.parts.take();
        if let Some(parts) = parts {
            // A closed channel means that writing failed: the result says why.
            let _ = parts.blocking_send(Some(rest)).and_then(|()| parts.blocking_send(None));
        }
        self.outcome()
    }

    fn outcome(&mut self) -> Result<Written, StoreError> {
        let stopped = || StoreError::Missing { name: "the result of a write, which was stopped".to_owned() };
        self.result.take().and_then(|result| result.blocking_recv().ok()).unwrap_or_else(|| Err(stopped()))
    }

    fn send(&mut self) -> io::Result<()> {
        let part = self.buffer.split().freeze();
        self.buffer.reserve(PART);
        let sent = self.parts.as_ref().is_some_and(|parts| parts.blocking_send(Some(part)).is_ok());
        if sent {
            return Ok(());
        }
        self.parts = None;
        match self.outcome() {
            Err(StoreError::Full { name }) => {
                Err(io::Error::new(io::ErrorKind::StorageFull, StoreError::Full { name }))
            }
            Err(error) => Err(io::Error::other(error)),
            Ok(_) => Err(io::Error::from(io::ErrorKind::BrokenPipe)),
        }
    }
}

impl Write for BlockingWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = PART - self.buffer.len().min(PART);
        let taken = bytes.len().min(room);
        self.buffer.extend_from_slice(&bytes[..taken]);
        if self.buffer.len() >= PART {
            self.send()?;
        }
        Ok(taken)
    }

    /// Does nothing: only [`BlockingWriter::finish`] makes bytes count.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn write_all(
    store: &Store,
    object: &Object,
    mut parts: mpsc::Receiver<Option<Bytes>>,
) -> Result<Written, StoreError> {
    let mut writer = store.writer(object).await?;
    while let Some(part) = parts.recv().await {
        match part {
            Some(bytes) => writer.write(bytes).await?,
            None => return writer.finish().await,
        }
    }
    writer.abort().await;
    Err(StoreError::Missing { name: object.to_string() })
}
