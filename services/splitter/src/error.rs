//! Why a splitter ends without having been asked to. A dependency that is down is no such reason.

use tessera::budget::TooSmall;
use tessera::bus::BusError;
use tessera::naming::NameError;
use tessera::state::StateError;
use tessera::store::StoreError;

/// Why a splitter cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// Settings that cannot work.
    #[error("reading the settings: {0}")]
    Config(String),
    /// The health page cannot be served.
    #[error("opening the health page: check --health-addr and --run-dir")]
    Health(#[source] std::io::Error),
    /// The Kafka client cannot be made.
    #[error("connecting to kafka")]
    Bus(#[from] BusError),
    /// The Redis client cannot be made.
    #[error("connecting to redis")]
    State(#[from] StateError),
    /// The store cannot be opened.
    #[error("opening the store")]
    Store(#[from] StoreError),
    /// Its name is another's.
    #[error("taking the name (--name, or TESSERA_NAME)")]
    Name(#[from] NameError),
    /// The memory budget has no room for something.
    #[error(transparent)]
    Memory(#[from] TooSmall),
    /// A part that must never end has ended.
    #[error("the splitter's {part} has ended; the process must be started again")]
    Ended {
        /// Which part.
        part: &'static str,
    },
}
