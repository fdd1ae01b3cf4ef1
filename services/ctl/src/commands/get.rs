//! `tessera get`: the result of a job, to a file.

use std::io;
use std::path::{Path, PathBuf};

use tessera::job::JobId;

use crate::CtlError;
use crate::api::{Api, UrlArgs};
use crate::output;
use crate::output_file::OutputFile;

/// Fetch the result of a job.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: tessera get 0190f3c2a7d87e1fb2c3d4e5f6a7b8c9 -o result.png")]
pub struct Args {
    /// The job.
    id: JobId,
    /// Where to write it; it appears only when it is complete.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    url: UrlArgs,
}

pub fn run(args: &Args) -> Result<(), CtlError> {
    let count = fetch(&Api::new(&args.url), &args.id.to_string(), &args.output)?;
    output::print(&format!("{}: {}\n", args.output.display(), output::bytes(count)))
}

/// Streams the result of job `id` to `target`; gives its bytes.
///
/// # Errors
/// If there is no result, the system is away, or the file cannot be written.
pub fn fetch(api: &Api, id: &str, target: &Path) -> Result<u64, CtlError> {
    let mut answer = api.open(&format!("/jobs/{id}/result"))?;
    let expected = answer.body().content_length();
    let (part, mut file) = OutputFile::create(target)?;
    let mut body = answer.body_mut().as_reader();
    let count = io::copy(&mut body, &mut file).map_err(CtlError::file("fetching the result to", target))?;
    if expected.is_some_and(|expected| expected != count) {
        return Err(CtlError::Failed(format!("fetching the result: it broke off after {}", output::bytes(count))));
    }
    part.finish()?;
    Ok(count)
}
