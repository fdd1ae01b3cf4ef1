//! What each service says of its settings when it starts, and when it does not.

use std::fs::File;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::support::system::programs;
use crate::support::wait_for;

/// A service says its settings before it asks for anything.
const LIMIT: Duration = Duration::from_secs(20);
const SERVICES: [&str; 5] =
    ["tessera-web", "tessera-splitter", "tessera-worker", "tessera-stitcher", "tessera-monitor"];

#[test]
fn a_service_names_its_wrong_variables_and_flags_at_once() -> Result<()> {
    for service in SERVICES {
        let mut command = Command::new(programs()?.join(service));
        command.env("TESSERA_TASKS_PARTITIONS", "x").env("TESSERA_INSTANCE", "-1");
        let output = command.args(["--drain-seconds", "soon", "--jobs-partitions=0", "--bogus"]).output()?;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        for wrong in [
            "TESSERA_TASKS_PARTITIONS is \"x\": it must be a whole number",
            "TESSERA_INSTANCE is \"-1\": it must be",
            "--drain-seconds is \"soon\": it must be a whole number",
            "--jobs-partitions is \"0\": it must be from 1 to 4096",
            "unexpected argument '--bogus' found",
        ] {
            ensure!(text.matches(wrong).count() == 1, "{service} does not say {wrong} once: {text}");
        }
        ensure!(output.status.code() == Some(2), "{service}: {:?}", output.status);
    }
    Ok(())
}

#[test]
fn a_service_begins_with_its_settings_by_name_and_without_passwords() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for service in SERVICES {
        let mut command = Command::new(programs()?.join(service));
        let log = folder.path().join(service);
        command.env_clear().current_dir(folder.path()).stderr(File::create(&log)?);
        command.env("TESSERA_REDIS_URL", "redis://user:secret@127.0.0.1:9/0").env("TESSERA_HTTP_ADDR", "127.0.0.1:0");
        let mut process = command.args(["--kafka-brokers=127.0.0.1:9", "--drain-seconds=7"]).spawn()?;
        let line = wait_for(&format!("the settings of {service}"), LIMIT, || {
            let text = std::fs::read_to_string(&log)?;
            let mut whole = text.lines().take(text.matches('\n').count());
            Ok(whole.find(|line| line.contains("starting with ")).map(str::to_owned))
        });
        process.kill()?;
        process.wait()?;
        let line = line?;
        for setting in ["redis_url=redis://***@127.0.0.1:9/0", "kafka_brokers=127.0.0.1:9", "drain_seconds=7"] {
            ensure!(line.contains(setting), "{service} does not say {setting}: {line}");
        }
        ensure!(!line.contains("secret") && !line.contains(['{', '}']) && !line.contains("Some("), "{service}: {line}");
    }
    Ok(())
}
