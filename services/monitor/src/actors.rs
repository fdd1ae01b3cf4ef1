//! The actors of a monitor: thin shells around plain types.

pub mod heartbeat_feed;
pub mod janitor;
pub mod sweeper;
pub mod worker_registry;

use actix::prelude::*;

/// Time for another round.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Round;
