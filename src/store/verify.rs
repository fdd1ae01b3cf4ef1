//! Whether an object is still what was written: its length at every opening, its digest when it is read.

use std::fmt;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{Object, ObjectStream, Store, StoreError};
use crate::job::{Digest, Digester};

/// What is wrong with an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Damage {
    /// It is not there.
    Missing,
    /// It has another length.
    Length {
        /// Bytes that it has.
        has: u64,
        /// Bytes that were written.
        had: u64,
    },
    /// It has other bytes.
    Digest,
    /// It does not read.
    Unreadable(String),
}

/// Which of the files that lay under a name one after the other it is: as long as it is the same, nothing has been
/// written to it by the usual ways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(pub(super) [i128; 4]);

impl fmt::Display for Damage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => out.write_str("the file is missing"),
            Self::Length { has, had } => write!(out, "it has {has} bytes, {had} were written"),
            Self::Digest => out.write_str("its bytes are not those that were written: the SHA-256 differs"),
            Self::Unreadable(cause) => write!(out, "it does not read: {cause}"),
        }
    }
}

impl Store {
    /// Whether an object has the length it was written with.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the store gives no answer.
    pub async fn check_length(&self, object: &Object, bytes: u64) -> Result<Option<Damage>, StoreError> {
        Ok(match self.size(object).await? {
            None => Some(Damage::Missing),
            Some(has) if has != bytes => Some(Damage::Length { has, had: bytes }),
            Some(_) => None,
        })
    }

    /// The version of an object; `None` if it is not there.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the store gives no answer.
    pub async fn version(&self, object: &Object) -> Result<Option<Version>, StoreError> {
        match self.open_local(object).await {
            Ok(local) => Ok(Some(local.version())),
            Err(StoreError::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads an object and says what is wrong with it. Without a digest only its length is known. `rate` bounds how
    /// many bytes a second are read.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the store gives no answer.
    pub async fn verify(
        &self,
        object: &Object,
        bytes: u64,
        digest: Option<&Digest>,
        rate: Option<u64>,
    ) -> Result<Option<Damage>, StoreError> {
        let damage = self.check_length(object, bytes).await?;
        let Some(digest) = digest.filter(|_| damage.is_none()) else { return Ok(damage) };
        let (mut made, mut read, began) = (Digester::default(), 0, Instant::now());
        let mut pieces = match self.read(object, None).await {
            Err(StoreError::Missing { .. }) => return Ok(Some(Damage::Missing)),
            pieces => pieces?,
        };
        while let Some(piece) = pieces.next().await {
            let piece = match piece {
                Err(StoreError::Damaged { cause, .. }) => return Ok(Some(Damage::Unreadable(cause))),
                Err(StoreError::Unavailable { source, .. }) => return Ok(Some(Damage::Unreadable(source.to_string()))),
                piece => piece?,
            };
            made.add(&piece);
            read += piece.len() as u64;
            if let Some(rate) = rate {
                let due = Duration::from_secs_f64(read as f64 / rate.max(1) as f64);
                tokio::time::sleep(due.saturating_sub(began.elapsed())).await;
            }
        }
        Ok((made.finish() != *digest).then_some(Damage::Digest))
    }

    /// Streams a whole object; its last piece is given only if all of it is what was written.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if it is not there; the stream ends with [`StoreError::Damaged`] if it is not what
    /// was written.
    pub async fn read_verified(&self, object: &Object, digest: Digest) -> Result<ObjectStream, StoreError> {
        let pieces = self.read(object, None).await?;
        let name = object.to_string();
        let held = stream::try_unfold((pieces, Some(Digester::default()), None, name), move |state| async move {
            let (mut pieces, made, mut held, name) = state;
            let Some(mut made) = made else { return Ok(None) };
            loop {
                match pieces.try_next().await? {
                    Some(piece) => {
                        made.add(&piece);
                        if let Some(before) = held.replace(piece) {
                            return Ok(Some((before, (pieces, Some(made), held, name))));
                        }
                    }
                    None if made.finish() == digest => return Ok(held.map(|last| (last, (pieces, None, None, name)))),
                    None => return Err(StoreError::Damaged { name, cause: Damage::Digest.to_string() }),
                }
            }
        });
        Ok(Box::pin(held))
    }
}
