//! `tessera submit`: pictures to a running system, and, if asked, back again.

use std::path::PathBuf;

use tessera::picture::codec::WantedFormat;
use tessera::picture::jpeg::Chroma;
use tessera::picture::metadata::MetadataPolicy;

use super::run::parse_chain;
use crate::api::Api;
use crate::pictures::{self, Found};
use crate::places::Places;
use crate::sending::{Order, Sending};
use crate::{CtlError, output};

/// Send pictures to the running system.
///
/// Prints a line for each picture: its job and the page that shows it. A picture that is refused is named and the
/// others go on. With --wait, --watch or --output the exit code says whether all are done. A chain that cannot
/// be right is refused before anything is sent.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  tessera submit photo.png --op gaussian_blur:ksize=51 --watch --output soft.png
  tessera submit holiday/ *.png -j 4 --op grayscale --priority low --output gray/

With --json each picture gives one line when it has ended, or was sent if nothing is waited for:
  {\"file\":…,\"job\":{…},\"output\":…,\"error\":…}")]
pub struct Args {
    /// The pictures; of a folder, every picture in it.
    #[arg(value_name = "FILE|FOLDER", required = true)]
    files: Vec<PathBuf>,
    /// An operation, `name` or `name:key=value,…`; repeat it for a chain, in order (see `tessera operations`).
    #[arg(long = "op", value_name = "STEP", required = true)]
    operations: Vec<String>,
    /// Place in the queue.
    #[arg(long, value_parser = ["low", "normal", "high"], default_value = "normal")]
    priority: String,
    /// What the job's tasks are: tiles over all workers, the whole picture for one, or as the service is set (auto).
    #[arg(long, value_name = "WHAT", value_parser = ["auto", "tiles", "whole"])]
    grain: Option<String>,
    /// Format of the results: same, png, jpeg, webp or tiff [default: that of OUTPUT's name, else same].
    #[arg(long, value_name = "FORMAT")]
    format: Option<WantedFormat>,
    /// Quality of JPEG results, 1 to 100.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=100))]
    quality: Option<u8>,
    /// How finely JPEG results keep colours: 420, at half the width and height, which is usual, or 444, at full size.
    #[arg(long, value_name = "420|444")]
    chroma: Option<Chroma>,
    /// Whether EXIF, XMP and texts go with the results as far as their format has a place for them: drop or keep.
    #[arg(long, default_value_t, value_name = "drop|keep")]
    metadata: MetadataPolicy,
    /// Pictures that are sent, and waited for, at once.
    #[arg(short, long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    jobs: u8,
    /// Wait until the jobs have ended.
    #[arg(long)]
    wait: bool,
    /// Wait, and show how the jobs get on: a line for each new status, stage and tenth; with --json, every event.
    #[arg(long)]
    watch: bool,
    /// Where to put the results: a file for one picture (- is standard output), a folder for several. Waits.
    #[arg(short, long, value_name = "OUTPUT")]
    output: Option<PathBuf>,
    /// Print JSON: one object a picture, on a line of its own.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, api: &Api) -> Result<(), CtlError> {
    parse_chain(&args.operations)?;
    let Found { pictures, skipped, refused } = pictures::find(&args.files);
    let are_files = pictures.len() == args.files.len() && args.files.iter().all(|file| !file.is_dir());
    let (places, format) = Places::prepare(args.output.as_deref(), &pictures, are_files, args.format)?;
    if skipped > 0 {
        eprintln!("tessera: {skipped} files in these folders are no pictures and are left out");
    }
    let order = Order {
        fields: fields(args, format),
        at_once: usize::from(args.jobs),
        waits: args.wait || args.watch || args.output.is_some(),
        watches: args.watch,
        json: args.json,
    };
    let count = pictures.len() + refused.len();
    let mut errors = refused;
    errors.extend(Sending { api, order, places }.run(&pictures));
    match count {
        0 => Err(CtlError::Usage("there are no pictures in these folders".to_owned())),
        _ => summary(count, errors, if args.output.is_some() || args.wait || args.watch { "done" } else { "sent" }),
    }
}

fn fields(args: &Args, format: WantedFormat) -> Vec<(&'static str, String)> {
    let steps = args.operations.iter().map(|step| ("op", step.clone()));
    let quality = args.quality.map(|quality| ("quality", quality.to_string()));
    let chroma = args.chroma.map(|chroma| ("chroma", chroma.to_string()));
    let metadata = args.metadata.to_string();
    let always = [("priority", args.priority.clone()), ("format", format.to_string()), ("metadata", metadata)];
    let grain = args.grain.clone().map(|grain| ("grain", grain));
    steps.chain(always).chain(quality).chain(chroma).chain(grain).collect()
}

/// Tells of every error; the first decides the exit code.
pub fn summary(count: usize, mut errors: Vec<CtlError>, word: &str) -> Result<(), CtlError> {
    if errors.len() <= 1 && count <= 1 {
        return errors.pop().map_or(Ok(()), Err);
    }
    let Some(first) = errors.first() else { return Ok(()) };
    let code = first.exit_code();
    errors.iter().for_each(|error| eprintln!("tessera: {}", output::clean(&error.full_text())));
    let text = format!("{} of {count} {word}, {} not: see above", count - errors.len(), errors.len());
    Err(CtlError::Several { text, code })
}
