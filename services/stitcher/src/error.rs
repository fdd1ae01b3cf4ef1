//! Why a stitcher ends other than by being asked to.

use std::io;

use tessera::budget::TooSmall;
use tessera::bus::BusError;
use tessera::naming::NameError;
use tessera::state::StateError;
use tessera::store::StoreError;

/// What ends the process; its keeper starts it again.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The settings do not fit.
    #[error("reading the configuration: {0}")]
    Config(String),
    /// The health page cannot listen or write its address.
    #[error("starting the health page")]
    Health(#[source] io::Error),
    /// The spool's folder cannot be used.
    #[error("opening the spool; check --scratch-dir and its permissions")]
    Spool(#[source] io::Error),
    /// Threads cannot be started.
    #[error("starting threads")]
    Threads(#[source] io::Error),
    /// The store's address is wrong.
    #[error("opening the store")]
    Store(#[from] StoreError),
    /// The address of Redis is wrong.
    #[error("connecting to redis")]
    State(#[from] StateError),
    /// The settings of Kafka are wrong, or its client ended.
    #[error("connecting to kafka")]
    Bus(#[from] BusError),
    /// Its name is another's.
    #[error("taking the name (--name, or TESSERA_NAME)")]
    Name(#[from] NameError),
    /// The memory budget has no room for something.
    #[error(transparent)]
    Memory(#[from] TooSmall),
    /// A part of the process ended that must not.
    #[error("the {0} ended unexpectedly")]
    Ended(&'static str),
}
