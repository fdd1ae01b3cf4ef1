//! `tessera workers`: who works, who died lately, and on what.

use std::io::IsTerminal;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::CtlError;
use crate::api::Api;
use crate::output::{self, Table};

/// List the workers, live and recently dead.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: tessera workers --watch")]
pub struct Args {
    /// Show them again every two seconds, until interrupted.
    #[arg(long)]
    watch: bool,
    /// Print JSON: one object a worker, on a line of its own.
    #[arg(long)]
    json: bool,
}

const PAUSE: Duration = Duration::from_secs(2);

pub fn run(args: &Args, api: &Api) -> Result<(), CtlError> {
    loop {
        let answer = api.get("/workers")?;
        let workers = answer["workers"].as_array().map(Vec::as_slice).unwrap_or_default();
        if args.json {
            output::print_json_lines(workers.iter().cloned())?;
        } else {
            let clear = if args.watch && std::io::stdout().is_terminal() { "\u{1b}[H\u{1b}[2J" } else { "" };
            output::print(&(clear.to_owned() + &table(workers)))?;
        }
        if !args.watch {
            return Ok(());
        }
        thread::sleep(PAUSE);
    }
}

fn table(workers: &[Value]) -> String {
    let columns = ["id", "status", "host", "pid", "busy", "slots", "tiles_done", "tiles_failed", "mean_ms"];
    let mut heads = columns.to_vec();
    heads.extend(["payload", "last_heartbeat", "current"]);
    let mut table = Table::new(&heads);
    for worker in workers {
        let is_dead = worker["alive"] == false;
        let cell = |name: &&str| match *name {
            "status" if is_dead => "dead".to_owned(),
            "mean_ms" => worker["mean_ms"].as_f64().map_or_else(|| "-".to_owned(), |ms| format!("{ms:.1}")),
            "current" => current(worker),
            name => output::field(worker, name),
        };
        table.row(heads.iter().map(cell));
    }
    if table.is_empty() { "no workers: jobs wait until one starts\n".to_owned() } else { table.render() }
}

/// The tile that it has had in hand longest.
fn current(worker: &Value) -> String {
    let tiles = worker["current"].as_array().map(Vec::as_slice).unwrap_or_default();
    let longest = tiles.iter().max_by_key(|tile| tile["for_ms"].as_u64());
    longest.filter(|_| worker["alive"] != false).map_or_else(
        || "-".to_owned(),
        |tile| {
            let (index, job) = (output::field(tile, "index"), output::field(tile, "job"));
            let (steps, ms) = (output::field(tile, "operations"), output::field(tile, "for_ms"));
            format!("tile {index} of {job}: {steps} for {ms} ms")
        },
    )
}
