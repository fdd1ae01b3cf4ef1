//! `tessera run`: the whole job in this process, without Kafka, Redis or a running system.

use std::io::{BufReader, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tessera::operation::{Chain, StepError};
use tessera::picture::PictureInfo;
use tessera::picture::codec::{self, Delivery, Wanted, WantedFormat};
use tessera::picture::jpeg::Chroma;
use tessera::picture::metadata::MetadataPolicy;
use tessera::picture::rows::{ReadError, RowReader};
use tessera::picture::sniff::{Format, SNIFF_BYTES, sniff};
use tessera::pipeline::{self, Aside, Resources, RunError};

use crate::progress::{Progress, percent};
use crate::source::{Source, SourceReader};
use crate::target::Target;
use crate::{CtlError, result_name};

/// Run operations on a picture in this one process.
///
/// Needs no Kafka, no Redis and no running Tessera. The result is byte for byte what the running
/// system makes of the same picture. Reads and writes by rows: a picture of any size takes little memory.
/// What cannot be written before the whole picture is read (rotate, flip:axis=v) waits in a temporary file
/// beside OUT, as large as the result's samples.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  tessera run photo.png gray.png --op grayscale
  tessera run photo.png soft.png --op invert --op gaussian_blur:ksize=51,sigma=8
  tessera run photo.jpg photo.jpg --in-place --op sharpen
  tessera run - - --op grayscale <photo.png >gray.png")]
pub struct Args {
    /// The picture; - reads standard input.
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// Where to write the result, in the format that its end names (.png, .jpg, .webp, .tif), as PNG if it has
    /// no end. A file appears, or replaces another, only when it is complete; - and devices are written into, in
    /// the picture's own format.
    #[arg(value_name = "OUT")]
    output: PathBuf,
    /// Let OUT be the same file as IN, which the result then replaces.
    #[arg(long)]
    in_place: bool,
    /// An operation, `name` or `name:key=value,…`; repeat it for a chain, in order (see `tessera operations`).
    #[arg(long = "op", value_name = "STEP", required = true)]
    operations: Vec<String>,
    /// The result's format where its name does not say it: same, png, jpeg, webp or tiff.
    #[arg(long, value_name = "FORMAT")]
    format: Option<WantedFormat>,
    /// Quality of a JPEG result, 1 to 100 [default: 90].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=100))]
    quality: Option<u8>,
    /// How finely a JPEG result keeps colours: 420, at half the width and height, which is usual, or 444, at full size.
    #[arg(long, value_name = "420|444")]
    chroma: Option<Chroma>,
    /// Whether EXIF, XMP and texts go with the result as far as its format has a place for them: drop or keep.
    #[arg(long, default_value_t, value_name = "drop|keep")]
    metadata: MetadataPolicy,
    /// Threads that read, compute and write at once [default: one for each core]. The result does not depend on it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Memory for pictures that must be decoded whole, as progressive JPEG must, in bytes.
    #[arg(long, default_value_t = codec::MAX_DECODE_BYTES, value_name = "BYTES")]
    max_decode_bytes: u64,
}

/// More steps than any service takes.
const MOST_STEPS: usize = 1000;

pub fn run(args: &Args) -> Result<(), CtlError> {
    let chain = parse_chain(&args.operations)?;
    process(args, &chain)
}

/// Reads a chain; a mistake is told in the grammar's words.
pub fn parse_chain(steps: &[String]) -> Result<Chain, CtlError> {
    Chain::parse(steps, MOST_STEPS).map_err(|error| CtlError::Usage(error.to_string()))
}

fn process(args: &Args, chain: &Chain) -> Result<(), CtlError> {
    let mut target = Target::at(&args.output)?;
    let is_named = !target.is_stream();
    let wanted = Wanted {
        format: result_name::wanted_format(&args.output, is_named, args.format)?,
        quality: args.quality,
        chroma: args.chroma,
        metadata: args.metadata,
    };
    let source = Source::open(&args.input)?;
    refuse_same_file(args, &source)?;
    let mut input = source.reader();
    let format = format_of(&source, &mut input)?;
    let header = codec::read_header(format, input, args.max_decode_bytes).map_err(|error| damaged(&source, &error))?;
    let chain = &chain.after(header.orientation);
    let output = pipeline::output_info(chain, header.info).map_err(|error| refused(&error))?;
    let delivery = Delivery::of(&header, wanted, output, args.max_decode_bytes);
    let Delivery { format: result, kept, notices } = delivery.map_err(CtlError::Usage)?;
    result_name::check(&args.output, is_named, result)?;
    notices.iter().for_each(|notice| eprintln!("tessera: {}: {notice}", source.name()));
    let file = target.open()?;
    let writer = result.writer_with(file, output, &kept);
    let writer = writer.map_err(|error| failed(&source, &RunError::Write(error)))?;
    // The picture may be read more than once; what it shows is told once.
    let told = Arc::new(AtomicBool::new(false));
    let mut open = || {
        let rows = codec::open(format, source.reader(), args.max_decode_bytes)?;
        let (name, told) = (source.name().to_owned(), told.clone());
        Ok(Box::new(Watched { rows, done: 0, progress: Progress::new(), name, told }) as Box<dyn RowReader>)
    };
    let folder = target.folder();
    let mut make_aside = || Ok(Box::new(tempfile::tempfile_in(&folder)?) as Box<dyn Aside>);
    let resources = args.threads.map_or_else(Resources::default, |threads| Resources::threads(threads.into()));
    let outcome = pipeline::run(&mut open, chain, writer, &mut make_aside, resources);
    outcome.map_err(|error| failed(&source, &error))?;
    target.finish()
}

/// The picture itself is replaced only on request.
fn refuse_same_file(args: &Args, source: &Source) -> Result<(), CtlError> {
    let is_same = std::fs::metadata(&args.output).is_ok_and(|facts| source.is(&facts));
    match (is_same, args.in_place) {
        (true, false) => Err(CtlError::Usage(format!(
            "{} is the picture itself: name another file, or say --in-place to replace it",
            args.output.display()
        ))),
        (false, true) => {
            Err(CtlError::Usage("--in-place is for the case that IN and OUT are the same file".to_owned()))
        }
        _ => Ok(()),
    }
}

/// The picture's format by its content.
fn format_of(source: &Source, input: &mut BufReader<SourceReader>) -> Result<Format, CtlError> {
    let mut start = Vec::with_capacity(SNIFF_BYTES);
    let read = input.by_ref().take(SNIFF_BYTES as u64).read_to_end(&mut start).and_then(|_| input.rewind());
    read.map_err(CtlError::file("reading", Path::new(source.name())))?;
    sniff(&start).ok_or_else(|| CtlError::Failed(format!("{}: {}", source.name(), codec::refusal(&start))))
}

fn damaged(source: &Source, error: &ReadError) -> CtlError {
    CtlError::Failed(format!("{}: {error}", source.name()))
}

fn refused(error: &StepError) -> CtlError {
    CtlError::Usage(error.to_string())
}

fn failed(source: &Source, error: &RunError) -> CtlError {
    match error {
        RunError::Read(error) => damaged(source, error),
        RunError::Step(error) => refused(error),
        RunError::Write(error) => with_cause(error),
        RunError::Aside(_) | RunError::Link(_) => with_cause(error),
    }
}

fn with_cause(error: &dyn std::error::Error) -> CtlError {
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    CtlError::Failed(format!("{error}{cause}"))
}

/// Rows on their way, counted for the progress line.
struct Watched<R> {
    rows: R,
    done: u64,
    progress: Progress,
    /// Of the picture, for people.
    name: String,
    /// What only reading to the end shows has been told.
    told: Arc<AtomicBool>,
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
        self.rows.finish()?;
        if !self.told.swap(true, Ordering::Relaxed) {
            self.rows.remarks().iter().for_each(|remark| eprintln!("tessera: {}: {remark}", self.name));
        }
        Ok(())
    }
}
