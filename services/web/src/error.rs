//! Why the service cannot start or go on.

use tessera::budget::TooSmall;
use tessera::bus::BusError;
use tessera::state::StateError;
use tessera::store::StoreError;

/// What ends the process; the keeper starts it again.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// Settings that cannot work.
    #[error("reading the settings: {0}")]
    Config(String),
    /// The listener, its address file or a server thread.
    #[error("serving on {address}: {source}; free the address or choose another with TESSERA_HTTP_ADDR")]
    Listen {
        /// Where.
        address: std::net::SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// A file of this process cannot be written.
    #[error("writing {what}: {source}")]
    File {
        /// Which.
        what: String,
        /// Why not.
        source: std::io::Error,
    },
    /// A part that must never end has ended.
    #[error("the web service's {0} has ended; the process must be started again")]
    Ended(&'static str),
    /// This is not an address of Redis.
    #[error("setting up redis")]
    State(#[from] StateError),
    /// Kafka's client does not take these settings.
    #[error("setting up kafka")]
    Bus(#[from] BusError),
    /// The store cannot be opened.
    #[error("opening the store")]
    Store(#[from] StoreError),
    /// The memory budget has no room for something.
    #[error(transparent)]
    Memory(#[from] TooSmall),
}
