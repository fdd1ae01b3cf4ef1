//! Why the store gave no answer.

use std::io;

use super::Object;
use crate::patience::Outage;

/// Why the store gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk (or a quota on it) is full.
    #[error("writing {name}: the store is full")]
    Full {
        /// The object.
        name: String,
    },
    /// The store does not answer, or refuses.
    #[error("{doing} {name}")]
    Unavailable {
        /// What was being done.
        doing: &'static str,
        /// The object.
        name: String,
        /// What the store said.
        #[source]
        source: object_store::Error,
    },
    /// The object is not there.
    #[error("{name} is not in the store")]
    Missing {
        /// The object.
        name: String,
    },
    /// The object is not what belongs there.
    #[error("reading {name}: {cause}")]
    Damaged {
        /// The object.
        name: String,
        /// What is wrong with it.
        cause: String,
    },
    /// The address names a store that this program does not have.
    #[error("opening the store {url}: {cause}")]
    Address {
        /// The address.
        url: String,
        /// What is wrong with it.
        cause: String,
    },
}

impl StoreError {
    /// Tells a full disk from everything else.
    pub(super) fn of(doing: &'static str, object: &Object, error: object_store::Error) -> Self {
        Self::named(doing, object.to_string(), error)
    }

    pub(super) fn named(doing: &'static str, name: String, error: object_store::Error) -> Self {
        if is_full(&error) { Self::Full { name } } else { Self::Unavailable { doing, name, source: error } }
    }

    /// Whether waiting may help: the store is away, which is an [`Outage`], or full, which an operator has to end.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Full { .. } | Self::Unavailable { .. })
    }
}

impl Outage for StoreError {
    fn is_outage(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    fn dependency(&self) -> &'static str {
        "the store"
    }
}

/// Whether a disk or a quota is full, wherever in the chain of causes that is said.
pub(super) fn is_full(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            if matches!(io.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
                return true;
            }
            if io.get_ref().is_some_and(|inner| is_full(inner)) {
                return true;
            }
        }
        cause = error.source();
    }
    false
}
