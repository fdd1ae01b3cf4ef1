//! Where the pixels of a tile are: with their record, or in the store.

use serde::{Deserialize, Serialize};

/// Where the pixels of a tile are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PayloadKind {
    /// They are the record's value.
    #[default]
    Inline,
    /// In a slot in the store: the record's value is empty.
    Shared,
}

impl PayloadKind {
    /// Whether they are the record's value.
    pub fn is_inline(&self) -> bool {
        *self == Self::Inline
    }

    /// The word for people and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inline => "inline",
            Self::Shared => "shared",
        }
    }
}
