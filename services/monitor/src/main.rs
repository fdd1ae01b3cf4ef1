//! The program `tessera-monitor`: reads its settings and runs until it is told to stop.

use anyhow::Context;
use tessera::config::arguments::settings_or_exit;
use tessera::telemetry::{Shutdown, logs};
use tessera_monitor::Config;

fn main() -> anyhow::Result<()> {
    let (config, settings) = settings_or_exit::<Config>();
    tessera::store::keep_files_private();
    logs::init(config.service.log_format);
    tracing::info!("starting with {settings}");
    actix::System::new().block_on(async {
        let shutdown = Shutdown::on_signals().context("installing signal handlers")?;
        tessera_monitor::run(config, shutdown).await.context("running the monitor")
    })
}
