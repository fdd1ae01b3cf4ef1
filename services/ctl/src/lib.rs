//! The operator's command `tessera`: each subcommand is one file under [`commands`].
//!
//! Owns what is typed and printed. Speaks to a running system by its HTTP API, and to Kafka and Redis
//! through the library; keeps no state of its own. Results go to standard output, progress and errors
//! to standard error, so that output can be piped.

mod api;
mod bench;
mod commands;
mod error;
mod events;
mod fetching;
mod http;
mod job_wait;
mod multipart;
mod output;
mod pasted;
mod pictures;
mod places;
mod post;
mod progress;
mod result_name;
mod runtime;
mod sending;
mod source;
mod target;
mod watching;

use clap::{Parser, Subcommand};

use api::{Api, UrlArgs};
use commands::ending::{self, Deed};

pub use error::CtlError;

/// Applies operations to pictures of any size, on this machine or by a running Tessera.
#[derive(Parser, Debug)]
#[command(name = "tessera", version, propagate_version = true, max_term_width = 110, after_help = AFTER_HELP)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    url: UrlArgs,
}

const AFTER_HELP: &str = "\
Exit codes: 0 success; 1 it failed; 2 wrong use, or refused as wrong; 3 a service cannot be reached.
Every --json prints one JSON object a line: a list is as many lines as it has entries, an empty one none.

Examples:
  tessera run photo.png gray.png --op grayscale
  tessera submit photo.png --op gaussian_blur:ksize=51 --wait --output soft.png
  tessera jobs --status failed
  tessera workers --json | jq -r .id
  tessera doctor";

#[derive(Subcommand, Debug)]
enum Command {
    Run(commands::run::Args),
    Submit(commands::submit::Args),
    Jobs(commands::jobs::Args),
    Get(commands::get::Args),
    /// End jobs that have not ended.
    Cancel(ending::Args),
    /// Run jobs again that failed or were cancelled, from their pictures.
    Retry(ending::Args),
    /// Remove ended jobs and their files.
    Delete(ending::Args),
    Purge(commands::purge::Args),
    Workers(commands::workers::Args),
    Topics(commands::topics::Args),
    Dlq(commands::dlq::Args),
    Operations(commands::operations::Args),
    Doctor(commands::doctor::Args),
    Config(commands::config::Args),
    Bench(bench::Args),
    Completions(commands::completions::Args),
}

/// Runs what was asked for.
///
/// # Errors
/// [`CtlError`], whose exit code says of what kind.
pub fn run(cli: Cli) -> Result<(), CtlError> {
    let api = &Api::new(&cli.url);
    match cli.command {
        Command::Run(args) => commands::run::run(&args),
        Command::Submit(args) => commands::submit::run(&args, api),
        Command::Jobs(args) => commands::jobs::run(&args, api),
        Command::Get(args) => commands::get::run(&args, api),
        Command::Cancel(args) => ending::run(&args, Deed::Cancel, api),
        Command::Retry(args) => ending::run(&args, Deed::Retry, api),
        Command::Delete(args) => ending::run(&args, Deed::Delete, api),
        Command::Purge(args) => commands::purge::run(&args, api),
        Command::Workers(args) => commands::workers::run(&args, api),
        Command::Topics(args) => commands::topics::run(&args),
        Command::Dlq(args) => commands::dlq::run(&args),
        Command::Doctor(args) => commands::doctor::run(&args, api),
        Command::Operations(args) => commands::operations::run(&args),
        Command::Config(args) => commands::config::run(&args),
        Command::Bench(args) => bench::run(&args, api),
        Command::Completions(args) => commands::completions::run(&args),
    }
}
