//! The program `tessera-web`: reads its settings and runs until it is told to stop.

use std::process::ExitCode;

use tessera::config::arguments::settings_or_exit;
use tessera::telemetry::{Shutdown, logs};
use tessera_web::{Config, ServiceError, http};

fn main() -> ExitCode {
    let (config, settings) = settings_or_exit::<Config>();
    tessera::store::keep_files_private();
    logs::init(config.service.log_format);
    tracing::info!("starting with {settings}");
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
