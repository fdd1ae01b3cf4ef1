//! Who a worker is: its name, and which start of it this is.

use std::net::SocketAddr;

use tessera::config::ServiceArgs;
use tessera::job::{Token, WorkerId};
use tessera::naming::{Name, Wanted};

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
    /// Who the start of a worker is that has `name`.
    ///
    /// # Errors
    /// [`WorkerError::BadName`] if that is no worker's.
    pub fn new(name: &Name, health_addr: SocketAddr) -> Result<Self, WorkerError> {
        let (worker, incarnation) = (parse(name.text())?, name.incarnation().clone());
        Ok(Self { worker, incarnation, host: ServiceArgs::host(), started_at: tessera::time::now(), health_addr })
    }
}

/// The name that `config` asks for: `TESSERA_WORKER_ID`, `WORKER_ID`, or HOST-N or the next free one.
///
/// # Errors
/// [`WorkerError::BadName`] if the name cannot be used.
pub fn wanted(config: &WorkerConfig) -> Result<Wanted, WorkerError> {
    let given = config.worker_id.clone().or_else(|| std::env::var("WORKER_ID").ok());
    match given.filter(|name| !name.is_empty()) {
        Some(name) => parse(&name).map(|_| Wanted::Given(name)),
        None => Ok(Wanted::Numbered(ServiceArgs::host(), config.service.instance)),
    }
}

fn parse(name: &str) -> Result<WorkerId, WorkerError> {
    name.parse().map_err(|_| WorkerError::BadName { name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tessera::config::{KafkaArgs, RedisArgs};

    #[test]
    fn the_name_is_the_given_one_or_of_host_and_number_and_never_another_text() {
        let service = ServiceArgs::new("worker-3", 3, "unused");
        let mut config = WorkerConfig::new(service, KafkaArgs::new("", ""), RedisArgs::new("", ""));
        assert_eq!(wanted(&config).unwrap(), Wanted::Numbered(ServiceArgs::host(), 3));
        config.worker_id = Some("blue".to_owned());
        assert_eq!(wanted(&config).unwrap(), Wanted::Given("blue".to_owned()));
        config.worker_id = Some("a:b".to_owned());
        assert!(matches!(wanted(&config), Err(WorkerError::BadName { .. })));
    }
}
