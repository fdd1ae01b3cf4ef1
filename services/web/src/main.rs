//! The program `tessera-web`: reads its settings and runs until it is told to stop.

use std::process::ExitCode;

use tessera::config::arguments::parse_service_or_exit;
use tessera::telemetry::{Shutdown, logs};
use tessera_web::{Config, ServiceError, http};

fn main() -> ExitCode {
    let config: Config = parse_service_or_exit();
    tessera::store::keep_files_private();
    logs::init(config.service.log_format);
    match actix_web::rt::System::new().block_on(run(config)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = %logs::chain(&error), "the web service ended");
            ExitCode::FAILURE
        }
    }
}

async fn run(config: Config) -> Result<(), ServiceError> {
    let signals = Shutdown::on_signals();
    let shutdown = signals.map_err(|source| ServiceError::File { what: "signal handlers".to_owned(), source })?;
    http::run(config, shutdown, |_| ()).await
}
