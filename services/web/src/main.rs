//! Starts the role that the settings name.

use std::process::ExitCode;

use clap::Parser;
use tessera::telemetry::{Shutdown, logs};
use tessera_web::{Config, Role, ServiceError, http, splitter};

fn main() -> ExitCode {
    let config = Config::parse();
    logs::init(config.service.log_format);
    match actix_web::rt::System::new().block_on(run(config)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = %tessera_web::error::chain(&error), "the web service ended");
            ExitCode::FAILURE
        }
    }
}

async fn run(config: Config) -> Result<(), ServiceError> {
    let signals = Shutdown::on_signals();
    let shutdown = signals.map_err(|source| ServiceError::File { what: "signal handlers".to_owned(), source })?;
    match config.role {
        Role::Http => http::run(config, shutdown, |_| ()).await,
        Role::Splitter => Ok(splitter::run(config.into_splitter(), shutdown).await?),
    }
}
