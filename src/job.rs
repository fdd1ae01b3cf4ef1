//! The names of a job and of the parts of its life: ids, status words, its trace and the manifest.
//!
//! Owns what travels in records, keys and addresses and is the same for all services.

mod bad_id;
mod digest;
mod grain;
mod id;
mod kept;
mod manifest;
mod status;
mod trace;

pub use bad_id::BadId;
pub use digest::{Digest, Digester};
pub use grain::{Grain, GrainWish};
pub use id::{JobId, Token, WorkerId};
pub use kept::KeptText;
pub use manifest::{EndMarker, Manifest, RequestKey};
pub use status::{JobStatus, Priority};
pub use trace::TraceContext;
