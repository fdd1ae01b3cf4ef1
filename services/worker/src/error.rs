//! Why a worker ends without having been asked to. A dependency that is down is no such reason.

use tessera::budget::TooSmall;
use tessera::bus::BusError;
use tessera::naming::NameError;
use tessera::state::StateError;

/// Why a worker cannot run.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The worker's name cannot be used.
    #[error("reading the worker's name {name:?}: use letters, digits, '.', '_' and '-', at most 64")]
    BadName {
        /// What was given.
        name: String,
    },
    /// The worker's name is another's.
    #[error("taking the worker's name (WORKER_ID, or HOST-N if there is none)")]
    Name(#[from] NameError),
    /// The health page cannot be served.
    #[error("opening the health page: check --health-addr and --run-dir")]
    Health(#[source] std::io::Error),
    /// No thread can be started.
    #[error("starting a thread: check the limits on this process")]
    Thread(#[source] std::io::Error),
    /// The Kafka client cannot be made, or has ended.
    #[error("connecting to kafka")]
    Bus(#[from] BusError),
    /// The Redis client cannot be made.
    #[error("connecting to redis")]
    State(#[from] StateError),
    /// The memory budget has no room for something.
    #[error(transparent)]
    Memory(#[from] TooSmall),
    /// A part that must never end has ended.
    #[error("the worker's {part} has ended; the process must be started again")]
    Ended {
        /// Which part.
        part: &'static str,
    },
}
