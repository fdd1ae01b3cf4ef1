//! What the web service is told by flags and the environment. Reads no file and opens no connection.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, Parser, ValueEnum};
use tessera::config::{KafkaArgs, LimitArgs, RedisArgs, ServiceArgs, StoreArgs};
use tessera::job::GrainWish;

use crate::proxies::Proxies;

/// Tessera's pages and API.
#[derive(Parser, Clone, Debug)]
#[command(name = "tessera-web", version, about)]
pub struct Config {
    /// The listener for pages and API, and how uploads must come.
    #[command(flatten)]
    pub http: HttpArgs,
    /// Name, files and log.
    #[command(flatten)]
    pub service: ServiceArgs,
    /// Kafka.
    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// Redis.
    #[command(flatten)]
    pub redis: RedisArgs,
    /// Originals and results.
    #[command(flatten)]
    pub store: StoreArgs,
    /// What is accepted.
    #[command(flatten)]
    pub limits: LimitArgs,
}

/// What happens to an upload while no worker is alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WithoutWorkers {
    /// Its job waits for the first worker, and says so.
    Queue,
    /// It is answered 503 before its body is read.
    Refuse,
}

/// The listener for pages and API, and how uploads must come.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(next_help_heading = "HTTP")]
pub struct HttpArgs {
    /// Where pages and API listen.
    #[arg(long, env = "TESSERA_HTTP_ADDR", default_value = "127.0.0.1:5001", value_name = "ADDR")]
    pub http_addr: SocketAddr,
    /// How long an upload may send nothing, in seconds.
    #[arg(long, env = "TESSERA_UPLOAD_IDLE_SECONDS", default_value_t = 20, value_name = "SECONDS")]
    pub upload_idle_seconds: u64,
    /// The slowest an upload may be on average after its first seconds, in bytes a second.
    #[arg(long, env = "TESSERA_MIN_UPLOAD_RATE", default_value_t = 4096, value_name = "BYTES")]
    pub min_upload_rate: u64,
    /// The slowest that an answer may be read while something waits to be sent, in bytes a second; 0: any.
    #[arg(long, env = "TESSERA_MIN_DOWNLOAD_RATE", default_value_t = 4096, value_name = "BYTES")]
    pub min_download_rate: u64,
    /// Proxies, as addresses or networks (10.0.0.0/8), whose X-Forwarded-For says whom they forward; that of others is
    /// ignored.
    #[arg(long, env = "TESSERA_TRUSTED_PROXIES", value_delimiter = ',', value_name = "LIST")]
    pub trusted_proxies: Vec<String>,
    /// What happens to an upload while no worker is alive.
    #[arg(long, env = "TESSERA_WITHOUT_WORKERS", default_value = "queue", value_enum, value_name = "WHAT")]
    pub without_workers: WithoutWorkers,
    /// What a job's tasks are unless its sender says so: tiles, spread over the workers, or the whole picture, which costs
    /// less where many wait; auto decides by the number of jobs.
    #[arg(long, env = "TESSERA_GRAIN", default_value = "auto", value_enum, value_name = "WHAT")]
    pub grain: GrainWish,
    /// Other origins whose pages may post here, as a browser names them: https://pictures.example.
    #[arg(long, env = "TESSERA_ALLOWED_ORIGINS", value_delimiter = ',', value_name = "LIST")]
    pub allowed_origins: Vec<String>,
    /// The most who may watch jobs at once; above it they are answered 503.
    #[arg(long, env = "TESSERA_MAX_WATCHERS", default_value_t = 10_000, value_name = "N")]
    pub max_watchers: usize,
    /// How long a stream of events may be silent before a comment shows that it lives, in seconds.
    #[arg(long, env = "TESSERA_EVENT_HEARTBEAT_SECONDS", default_value_t = 15, value_name = "SECONDS")]
    pub event_heartbeat_seconds: u64,
}

impl Default for HttpArgs {
    fn default() -> Self {
        Self {
            http_addr: SocketAddr::from(([127, 0, 0, 1], 5001)),
            upload_idle_seconds: 20,
            min_upload_rate: 4096,
            min_download_rate: 4096,
            trusted_proxies: Vec::new(),
            without_workers: WithoutWorkers::Queue,
            grain: GrainWish::Auto,
            allowed_origins: Vec::new(),
            max_watchers: 10_000,
            event_heartbeat_seconds: 15,
        }
    }
}

impl HttpArgs {
    /// How long an upload may send nothing.
    pub fn upload_idle(&self) -> Duration {
        Duration::from_secs(self.upload_idle_seconds)
    }
}

impl Config {
    /// Looks for settings that cannot work, alone or together; gives all problems at once.
    ///
    /// # Errors
    /// One line for each problem.
    pub fn validate(&self) -> Result<(), Vec<String>> {
        let mut problems = self.limits.problems();
        let mut at_least = |name: &str, value: u64, least: u64| {
            if value < least {
                problems.push(format!("{name} is {value}, it must be at least {least}"));
            }
        };
        at_least("upload_idle_seconds", self.http.upload_idle_seconds, 1);
        at_least("max_watchers", self.http.max_watchers as u64, 1);
        at_least("event_heartbeat_seconds", self.http.event_heartbeat_seconds, 1);
        for origin in self.http.allowed_origins.iter().filter(|origin| !is_origin(origin)) {
            problems.push(format!("allowed_origins has {origin:?}, an origin is SCHEME://HOST[:PORT] without a path"));
        }
        let proxies = self.http.trusted_proxies.iter().filter(|text| !text.trim().is_empty());
        for text in proxies.filter(|text| !Proxies::is_one(text)) {
            problems.push(format!("trusted_proxies has {text:?}, it must be an address or a network like 10.0.0.0/8"));
        }
        problems.extend(self.service.host_problems());
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}

fn is_origin(text: &str) -> bool {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(['/', '?', '#', '@', ' ']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_work_and_all_problems_are_said_at_once() {
        let defaults = Config::try_parse_from(["tessera-web"]).unwrap();
        assert_eq!(defaults.http, HttpArgs::default());
        assert_eq!(defaults.limits, LimitArgs::default());
        defaults.validate().unwrap();
        let flags = ["tessera-web", "--tile-size=100", "--max-uploads=0", "--allowed-origins=https://a.example/x"];
        let flags = [&flags[..], &["--allowed-hosts=a.example,http://b.example", "--trusted-proxies=x"]].concat();
        let problems = Config::try_parse_from(flags).unwrap().validate().unwrap_err();
        assert_eq!(problems.len(), 5, "{problems:?}");
        assert!(problems[0].contains("max_uploads") && problems[1].contains("tile_size"), "{problems:?}");
    }
}
