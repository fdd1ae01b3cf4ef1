//! Where calls to Kafka, Redis and the store run: a small runtime made for one command.

use std::time::Duration;

use tessera::bus::BusError;

use crate::CtlError;

/// Runs a task to its end.
///
/// # Errors
/// The task's own, or that no runtime could be made.
pub fn block_on<T>(task: impl Future<Output = Result<T, CtlError>>) -> Result<T, CtlError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| CtlError::Failed(format!("starting a runtime: {error}")))?;
    let outcome = runtime.block_on(task);
    // A call that hangs in a client's library must not hold the exit back.
    runtime.shutdown_timeout(Duration::from_millis(200));
    outcome
}

/// What an error of the bus means here: Kafka away is another exit code than Kafka refusing.
pub fn bus_error(error: &BusError) -> CtlError {
    let mut text = error.to_string();
    if let Some(cause) = std::error::Error::source(error) {
        text += &format!(" ({cause})");
    }
    if error.is_unavailable() { CtlError::Unreachable(text) } else { CtlError::Failed(text) }
}
