//! `tessera run`: the whole job in this process, without Kafka, Redis or a running system.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use tessera::operation::{Chain, StepError};
use tessera::picture::PictureInfo;
use tessera::picture::png::{PngRows, PngWriter};
use tessera::picture::rows::{ReadError, RowReader};
use tessera::pipeline::{self, BAND_ROWS, RunError};

use crate::CtlError;
use crate::output_file::OutputFile;
use crate::progress::{Progress, percent};

/// Run operations on a picture in this one process.
///
/// Needs no Kafka, no Redis and no running Tessera. The result is byte for byte what the running
/// system makes of the same picture. Reads and writes by rows: a picture of any size takes little memory.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  tessera run photo.png gray.png --op grayscale
  tessera run photo.png soft.png --op invert --op gaussian_blur:ksize=51,sigma=8")]
pub struct Args {
    /// The picture.
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// Where to write the result, as PNG; it appears only when it is complete.
    #[arg(value_name = "OUT")]
    output: PathBuf,
    /// An operation, `name` or `name:key=value,…`; repeat it for a chain, in order (see `tessera operations`).
    #[arg(long = "op", value_name = "STEP", required = true)]
    operations: Vec<String>,
}

/// More steps than any service takes.
const MOST_STEPS: usize = 1000;
const READ_BUFFER_BYTES: usize = 256 << 10;

pub fn run(args: &Args) -> Result<(), CtlError> {
    let chain = parse_chain(&args.operations)?;
    process(&args.input, &args.output, &chain)
}

/// Reads a chain; a mistake is told in the grammar's words.
pub fn parse_chain(steps: &[String]) -> Result<Chain, CtlError> {
    Chain::parse(steps, MOST_STEPS).map_err(|error| CtlError::Usage(error.to_string()))
}

fn process(input: &Path, target: &Path, chain: &Chain) -> Result<(), CtlError> {
    let file = File::open(input).map_err(CtlError::file("opening", input))?;
    let file = BufReader::with_capacity(READ_BUFFER_BYTES, file);
    let rows = PngRows::open(file).map_err(|error| damaged(input, &error))?;
    let output = pipeline::output_info(chain, rows.info()).map_err(|error| refused(&error))?;
    let (part, file) = OutputFile::create(target)?;
    let writer = PngWriter::new(file, output).map_err(|error| failed(input, &RunError::Write(error)))?;
    let mut rows = Watched { rows, done: 0, progress: Progress::new() };
    pipeline::run_rows(&mut rows, chain, Box::new(writer), BAND_ROWS).map_err(|error| failed(input, &error))?;
    rows.progress.clear();
    part.finish()
}

fn damaged(input: &Path, error: &ReadError) -> CtlError {
    CtlError::Failed(format!("{}: {error}", input.display()))
}

fn refused(error: &StepError) -> CtlError {
    CtlError::Usage(error.to_string())
}

fn failed(input: &Path, error: &RunError) -> CtlError {
    match error {
        RunError::Read(error) => damaged(input, error),
        RunError::Step(error) => refused(error),
        RunError::Write(error) => {
            let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
            CtlError::Failed(format!("{error}{cause}"))
        }
    }
}

/// Rows on their way, counted for whoever watches.
struct Watched<R> {
    rows: R,
    done: u64,
    progress: Progress,
}

impl<R: RowReader> RowReader for Watched<R> {
    fn info(&self) -> PictureInfo {
        self.rows.info()
    }

    fn read_row(&mut self, row: &mut [u8]) -> Result<(), ReadError> {
        self.rows.read_row(row)?;
        self.done += 1;
        let (done, all) = (self.done, u64::from(self.rows.info().size.height));
        self.progress.show(|| format!("row {done} of {all} ({} %)", percent(done, all)));
        Ok(())
    }

    fn finish(&mut self) -> Result<(), ReadError> {
        self.rows.finish()
    }
}
