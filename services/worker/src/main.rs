//! The worker's process: settings from flags and environment, signals, exit status.

use std::process::ExitCode;

use tessera::config::arguments::settings_or_exit;
use tessera::telemetry::{Shutdown, logs};
use tessera_worker::WorkerConfig;

fn main() -> ExitCode {
    let (config, settings) = settings_or_exit::<WorkerConfig>();
    logs::init(config.service.log_format);
    tracing::info!("starting with {settings}");
    let outcome = actix::System::new().block_on(async move {
        let shutdown = Shutdown::on_signals()?;
        tessera_worker::run(config, shutdown).await.map_err(anyhow::Error::from)
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "the worker ends");
            ExitCode::FAILURE
        }
    }
}
