//! What a stage's strips become, and what there is of it at the end.

use tessera::picture::PictureInfo;
use tessera::picture::codec::ResultFormat;
use tessera::store::{Object, Written};

/// What a stage's strips become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    /// The job's result, a file.
    Result {
        /// Its format.
        format: ResultFormat,
    },
    /// The next stage's input.
    Rows,
}

impl Product {
    /// Where the memory of its encoding comes from.
    pub fn pool(&self, info: PictureInfo) -> Pool {
        if self.whole_bytes(info).is_some() { Pool::Wholes } else { Pool::Rows }
    }

    /// Bytes that an encoding of a picture of `info` holds, if it holds the whole picture.
    pub fn whole_bytes(&self, info: PictureInfo) -> Option<u64> {
        match self {
            Self::Result { format } => format.whole_bytes(info),
            Self::Rows => None,
        }
    }
}

/// A part of the memory budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pool {
    /// For encodings that hold rows.
    Rows,
    /// For those that hold whole pictures.
    Wholes,
}

/// A product that is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Made {
    /// It is visible in the store.
    Stored(Written),
    /// These are the numbers.
    Numbers(Vec<i64>),
}

/// What became of a stage's tiles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StageProduct {
    /// An object in the store.
    Stored {
        /// Its name.
        object: Object,
        /// Its length and digest.
        written: Written,
    },
    /// What was measured.
    Numbers(Vec<i64>),
}
