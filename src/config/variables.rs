//! The names of all variables, so that a mistaken one is not silently without effect.
//!
//! Owns the list. Reads the names of the environment's variables, never their values.

use std::fmt;

/// What all programs and commands of this version read.
pub const KNOWN: &[&str] = &[
    "TESSERA_ALLOWED_HOSTS",
    "TESSERA_ALLOWED_ORIGINS",
    "TESSERA_DRAIN_SECONDS",
    "TESSERA_ENCODERS",
    "TESSERA_ENV_FILE",
    "TESSERA_EVENT_HEARTBEAT_SECONDS",
    "TESSERA_GRAIN",
    "TESSERA_HEALTH_ADDR",
    "TESSERA_HTTP_ADDR",
    "TESSERA_INSTANCE",
    "TESSERA_JANITOR_SECONDS",
    "TESSERA_JOBS_PARTITIONS",
    "TESSERA_JOB_DEADLINE_SECONDS",
    "TESSERA_KAFKA_BROKERS",
    "TESSERA_KAFKA_LOG_BYTES",
    "TESSERA_KEEP_RESULTS_HOURS",
    "TESSERA_KEY_PREFIX",
    "TESSERA_LOG_FORMAT",
    "TESSERA_MAX_DECODE_BYTES",
    "TESSERA_MAX_OPERATIONS",
    "TESSERA_MAX_OUTSTANDING_BYTES",
    "TESSERA_MAX_PIXELS",
    "TESSERA_MAX_QUEUED_JOBS",
    "TESSERA_MAX_RECORD_BYTES",
    "TESSERA_MAX_SIDE_PX",
    "TESSERA_MAX_UPLOADS",
    "TESSERA_MAX_UPLOAD_BYTES",
    "TESSERA_MAX_WATCHERS",
    "TESSERA_MEMORY_BUDGET",
    "TESSERA_MIN_DOWNLOAD_RATE",
    "TESSERA_MIN_UPLOAD_RATE",
    "TESSERA_NAME",
    "TESSERA_ORPHAN_SECONDS",
    "TESSERA_PAYLOAD",
    "TESSERA_PREVIEW",
    "TESSERA_REDIS_URL",
    "TESSERA_RESULTS_PARTITIONS",
    "TESSERA_RUN_DIR",
    "TESSERA_SCRATCH_DIR",
    "TESSERA_SCRUB_PAUSE_MINUTES",
    "TESSERA_SCRUB_RATE",
    "TESSERA_SLOTS",
    "TESSERA_SPLITTER_PASSES",
    "TESSERA_SPOOL_SWEEP_SECONDS",
    "TESSERA_STALL_MS",
    "TESSERA_STORE",
    "TESSERA_SWEEP_MS",
    "TESSERA_SYNC",
    "TESSERA_TASKS_PARTITIONS",
    "TESSERA_TILE_DELAY_MS",
    "TESSERA_TILE_SIZE",
    "TESSERA_TOPIC_PREFIX",
    "TESSERA_TRUSTED_PROXIES",
    "TESSERA_UPLOAD_IDLE_SECONDS",
    "TESSERA_URL",
    "TESSERA_WITHOUT_WORKERS",
    "TESSERA_WORKER_ID",
    "TESSERA_WORKER_TTL_SECONDS",
];

/// What the commands under ops/ and the tests read begins so.
const OF_OTHERS: [&str; 2] = ["TESSERA_KEEPER_", "TESSERA_TEST_"];

/// A variable that nothing reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// Its name.
    pub name: String,
    /// What was perhaps meant.
    pub meant: Option<&'static str>,
}

impl fmt::Display for Unknown {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "the variable {} is not one of Tessera's and has no effect", self.name)?;
        match self.meant {
            Some(meant) => write!(out, "; {meant} may be meant"),
            None => write!(out, "; remove it, or see `tessera config --print` for those that there are"),
        }
    }
}

/// The variables of this process that look like Tessera's and are not.
pub fn unknown() -> Vec<Unknown> {
    let mut names: Vec<String> =
        std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).filter(|name| is_unknown(name)).collect();
    names.sort();
    names.into_iter().map(|name| Unknown { meant: meant(&name), name }).collect()
}

fn is_unknown(name: &str) -> bool {
    let is_others = || OF_OTHERS.iter().any(|begin| name.starts_with(begin));
    name.starts_with("TESSERA_") && !KNOWN.contains(&name) && !is_others()
}

/// The known name that is nearest, if it is near.
fn meant(name: &str) -> Option<&'static str> {
    let nearest = KNOWN.iter().map(|known| (distance(name, known), *known)).min()?;
    (nearest.0 <= 3).then_some(nearest.1)
}

/// Letters to add, remove or change to make one text of the other.
fn distance(one: &str, other: &str) -> usize {
    let other = other.as_bytes();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.bytes().enumerate() {
        let mut above_left = row[0];
        row[0] = at + 1;
        for column in 1..row.len() {
            let change = above_left + usize::from(letter != other[column - 1]);
            above_left = row[column];
            row[column] = change.min(above_left + 1).min(row[column - 1] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// All names that stand as `env = "…"` in the sources below a folder.
    fn names_in(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
                names_in(&path, found);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let names = text.split("env = \"TESSERA_").skip(1).filter_map(|rest| rest.split('"').next());
                found.extend(names.map(|name| format!("TESSERA_{name}")).filter(|name| name != "TESSERA_"));
            }
        }
    }

    #[test]
    fn every_variable_of_every_program_is_known() {
        let (root, mut found) = (Path::new(env!("CARGO_MANIFEST_DIR")), Vec::new());
        ["src", "services"].iter().for_each(|folder| names_in(&root.join(folder), &mut found));
        assert!(found.len() > 40, "{found:?}");
        let missing: Vec<&String> = found.iter().filter(|name| is_unknown(name)).collect();
        assert!(missing.is_empty(), "add them to KNOWN: {missing:?}");
    }

    #[test]
    fn a_slip_of_the_pen_is_understood() {
        assert_eq!(meant("TESSERA_KAFKA_BROKER"), Some("TESSERA_KAFKA_BROKERS"));
        assert_eq!(meant("TESSERA_TILESIZE"), Some("TESSERA_TILE_SIZE"));
        assert_eq!(meant("TESSERA_SOMETHING_ELSE"), None);
        assert!(is_unknown("TESSERA_TILESIZE") && !is_unknown("TESSERA_TEST_X") && !is_unknown("OTHER"));
    }
}
