//! Which store this is: a random id in its root, made once.
//!
//! Owns that two who use a new store first agree on its id. Whether it is the right store, others decide.

use std::fmt;
use std::io;
use std::str::FromStr;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutMode, PutOptions};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use super::local::{blocking, generic};
use super::{Store, StoreError};
use crate::job::BadId;

/// The object that holds the id.
const NAME: &str = "store-id";
/// Bytes of it that are looked at: 32 digits and the end of the line.
const MOST_BYTES: usize = 64;

/// A store's identity: 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StoreId(Uuid);

impl StoreId {
    /// Makes a new id.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }
}

impl fmt::Display for StoreId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_simple().fmt(out)
    }
}

impl fmt::Debug for StoreId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl FromStr for StoreId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let is_id = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let id = is_id.then(|| Uuid::try_parse(text).ok()).flatten();
        id.map(Self).ok_or_else(|| BadId::new(text))
    }
}

impl Serialize for StoreId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StoreId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Store {
    /// This store's id; `None` if it has none yet, or its folder is not there.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the store does not answer, [`StoreError::Damaged`] if what is there is no id.
    pub async fn identity(&self) -> Result<Option<StoreId>, StoreError> {
        let folder = self.root.folder().to_owned();
        // On a file system that hangs this hangs, and must not hold up what else its thread does.
        let is_there = blocking(move || Ok(folder.is_dir())).await.unwrap_or(false);
        if !is_there {
            return Ok(None);
        }
        let read = async { self.plain()?.get(&Path::from(NAME)).await?.bytes().await };
        match read.await {
            Ok(bytes) => parse(&bytes).map(Some),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(StoreError::named("reading", NAME.to_owned(), error)),
        }
    }

    /// Gives a new store an id, and makes its folder; the id of another who was first is taken.
    ///
    /// # Errors
    /// [`StoreError::Full`] or [`StoreError::Unavailable`] if it cannot be written.
    pub async fn make_identity(&self) -> Result<StoreId, StoreError> {
        let root = self.root.clone();
        let failed = |error| StoreError::named("writing", NAME.to_owned(), error);
        blocking(move || root.make()).await.map_err(|error| failed(generic(error)))?;
        let id = StoreId::random();
        let text = Bytes::from(format!("{id}\n"));
        let only_new = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let put = async { self.backends()?.durable.put_opts(&Path::from(NAME), text.into(), only_new).await };
        match put.await {
            Ok(_) => Ok(id),
            Err(object_store::Error::AlreadyExists { .. }) => {
                self.identity().await?.ok_or_else(|| StoreError::Missing { name: NAME.to_owned() })
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Whether objects can be written, as far as can be said without writing one.
    ///
    /// # Errors
    /// What is in the way.
    pub async fn check_writable(&self) -> io::Result<()> {
        let root = self.root.clone();
        blocking(move || root.check_writable()).await
    }

    /// Where the store is, for people: its address and this machine's name.
    pub fn place(&self) -> String {
        format!("file://{} on {}", self.root.folder().display(), crate::config::ServiceArgs::host())
    }
}

fn parse(bytes: &[u8]) -> Result<StoreId, StoreError> {
    let text = std::str::from_utf8(&bytes[..bytes.len().min(MOST_BYTES)]).unwrap_or_default();
    text.trim().parse().map_err(|_| {
        let cause = "it does not hold the store's id; put back the file, or delete it to have a new one made";
        StoreError::Damaged { name: NAME.to_owned(), cause: cause.to_owned() }
    })
}
