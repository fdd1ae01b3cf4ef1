//! A lease that was granted, with what a pass under it has to know.

use std::sync::Arc;

use tessera::job::{Manifest, Token};

/// A granted lease.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The job's description.
    pub manifest: Arc<Manifest>,
    /// The lease.
    pub lease: Token,
    /// The stage to read for.
    pub stage: u32,
    /// The job's run.
    pub run: u32,
    /// How often this splitter has sent this stage or knows that it was sent, this time included.
    pub attempt: u32,
}
