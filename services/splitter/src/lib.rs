//! The splitter: cuts accepted pictures into tasks for the workers.
//!
//! Owns the reading of pictures: a decoder that crashes takes this process, never the pages. Three
//! parts: [`command_feed`] applies the commands of `jobs` to Redis, [`leaser`] takes the lease of a
//! ready job and starts a pass, [`watcher`] looks at all jobs under way for all passes. A pass cuts on
//! a thread ([`cutter`]) that waits at its [`gate`], and sends what was cut ([`sender`]); a picture that one worker runs
//! whole is one task ([`whole`]). Keeps nothing
//! that a restart would lose: the queue, leases and bits are Redis's.

mod backlog;
mod command_feed;
mod config;
mod counters;
mod cutter;
mod error;
pub mod gate;
mod gauges;
mod grant;
mod known;
mod leaser;
mod logs;
mod memory;
mod pace;
mod pass;
mod pass_outcome;
mod places;
mod pyramid;
mod runs;
mod sender;
mod service;
mod slots;
mod splitter;
mod verdict;
mod watcher;
mod whole;
mod whole_places;
pub mod window;

pub use config::{Config, PassArgs};
pub use error::ServiceError;
pub use service::run;
