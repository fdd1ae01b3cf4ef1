//! `tessera get`: the result of a job, to a file.

use std::path::PathBuf;

use tessera::job::JobId;

use crate::CtlError;
use crate::api::Api;
use crate::fetching::fetch;
use crate::output;
use crate::target::Target;

/// Fetch the result of a job.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: tessera get 0190f3c2a7d87e1fb2c3d4e5f6a7b8c9 -o result.png")]
pub struct Args {
    /// The job.
    id: JobId,
    /// Where to write it; a file appears only when it is complete, - is standard output.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

pub fn run(args: &Args, api: &Api) -> Result<(), CtlError> {
    let target = Target::at(&args.output)?;
    let is_piped = target.is_standard_output();
    let count = fetch(api, &args.id.to_string(), target)?;
    if is_piped {
        return Ok(());
    }
    output::print(&format!("{}: {}\n", args.output.display(), output::bytes(count)))
}
