//! Objects as streams of bytes.
//!
//! Reads in pieces of a fixed size, however large the object or the range.

use std::io::SeekFrom;
use std::ops::Range;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, stream};
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::local::generic;
use super::{Object, Store, StoreError};

/// Bytes of one piece.
const PIECE: u64 = 64 << 10;

/// An object's bytes, in order.
pub type ObjectStream = Pin<Box<dyn Stream<Item = Result<Bytes, StoreError>> + Send>>;

impl Store {
    /// Streams an object or a range of it; a range beyond the end is cut off.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if it is not there.
    pub async fn read(&self, object: &Object, range: Option<Range<u64>>) -> Result<ObjectStream, StoreError> {
        let local = self.open_local(object).await?;
        let range = range.unwrap_or(0..local.bytes());
        let (from, to) = (range.start.min(local.bytes()), range.end.min(local.bytes()));
        let mut file = tokio::fs::File::from_std(local.into_file());
        let name = object.to_string();
        let failed = |error, name: &str| StoreError::named("reading", name.to_owned(), generic(error));
        file.seek(SeekFrom::Start(from)).await.map_err(|error| failed(error, &name))?;
        // Tokio reads at most this much at a time, and would otherwise allocate 2 MiB for it.
        file.set_max_buf_size(PIECE as usize);
        let pieces =
            stream::try_unfold((file, to.saturating_sub(from), name), move |(mut file, left, name)| async move {
                if left == 0 {
                    return Ok(None);
                }
                let mut piece = BytesMut::with_capacity(left.min(PIECE) as usize);
                let read = (&mut file)
                    .take(left.min(PIECE))
                    .read_buf(&mut piece)
                    .await
                    .map_err(|error| failed(error, &name))?;
                if read == 0 {
                    return Err(StoreError::Damaged { name, cause: format!("it ended {left} bytes early") });
                }
                Ok(Some((piece.freeze(), (file, left - read as u64, name))))
            });
        Ok(Box::pin(pieces))
    }
}
