//! Who a worker is: its name, and which start of it this is.

use std::net::SocketAddr;

use tessera::config::ServiceArgs;
use tessera::job::{Token, WorkerId};

use crate::{WorkerConfig, WorkerError};

/// A worker's name and this start of it.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The name; it survives restarts.
    pub worker: WorkerId,
    /// This start.
    pub incarnation: Token,
    /// The machine.
    pub host: String,
    /// When it started, RFC 3339 UTC.
    pub started_at: String,
    /// Where its health page listens.
    pub health_addr: SocketAddr,
}

impl Identity {
    /// A new incarnation of the worker that `config` names: `TESSERA_WORKER_ID`, `WORKER_ID` or HOST-N.
    ///
    /// # Errors
    /// [`WorkerError::Name`] if the name is none.
    pub fn new(config: &WorkerConfig, health_addr: SocketAddr) -> Result<Self, WorkerError> {
        let host = ServiceArgs::host();
        let given = config.worker_id.clone().or_else(|| std::env::var("WORKER_ID").ok());
        let given = given.filter(|name| !name.is_empty());
        let name = given.unwrap_or_else(|| format!("{host}-{}", config.service.instance));
        let worker = name.parse().map_err(|_| WorkerError::Name { name })?;
        Ok(Self { worker, incarnation: Token::random(), host, started_at: tessera::time::now(), health_addr })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tessera::config::{KafkaArgs, RedisArgs};

    #[test]
    fn the_name_is_the_given_one_or_of_host_and_number_and_never_another_text() {
        let service = ServiceArgs::new("worker-3", 3, "unused");
        let mut config = WorkerConfig::new(service, KafkaArgs::new("", ""), RedisArgs::new("", ""));
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        config.worker_id = Some("blue".to_owned());
        assert_eq!(Identity::new(&config, address).unwrap().worker.as_str(), "blue");
        config.worker_id = Some("a:b".to_owned());
        assert!(matches!(Identity::new(&config, address), Err(WorkerError::Name { .. })));
    }
}
