//! `tessera submit`: pictures to a running system, and, if asked, back again.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tessera::picture::jpeg::Chroma;
use tessera::picture::metadata::MetadataPolicy;

use super::get::fetch;
use super::run::parse_chain;
use crate::CtlError;
use crate::api::{Api, UrlArgs};
use crate::watching::{Teller, Telling};
use crate::{job_wait, output};

/// Send pictures to the running system.
///
/// Prints a line for each picture: its job and the page that shows it. With --wait or --watch the exit
/// code says whether all are done. A chain that cannot be right is refused before anything is sent.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  tessera submit photo.png --op gaussian_blur:ksize=51 --watch --output soft.png
  tessera submit *.png --op grayscale --priority low --output gray/")]
pub struct Args {
    /// The pictures.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// An operation, `name` or `name:key=value,…`; repeat it for a chain, in order (see `tessera operations`).
    #[arg(long = "op", value_name = "STEP", required = true)]
    operations: Vec<String>,
    /// Place in the queue.
    #[arg(long, value_parser = ["low", "normal", "high"], default_value = "normal")]
    priority: String,
    /// Format of the results: that of each picture, or one for all.
    #[arg(long, value_parser = ["same", "png", "jpeg", "webp", "tiff"], default_value = "same")]
    format: String,
    /// Quality of JPEG results, 1 to 100.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=100))]
    quality: Option<u8>,
    /// How finely JPEG results keep colours: 420, at half the width and height, which is usual, or 444, at full size.
    #[arg(long, value_name = "420|444")]
    chroma: Option<Chroma>,
    /// Whether EXIF, XMP and texts go with the results as far as their format has a place for them: drop or keep.
    #[arg(long, default_value_t, value_name = "drop|keep")]
    metadata: MetadataPolicy,
    /// Wait until the jobs have ended.
    #[arg(long)]
    wait: bool,
    /// Wait, and show how the jobs get on: a line for each new status, stage and tenth; with --json, every event.
    #[arg(long)]
    watch: bool,
    /// Where to put the results: a file for one picture, a folder for several. Waits.
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Print JSON: one object a picture.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    url: UrlArgs,
}

pub fn run(args: &Args) -> Result<(), CtlError> {
    parse_chain(&args.operations)?;
    let targets = targets(&args.files, args.output.as_deref(), &args.format)?;
    let api = Api::new(&args.url);
    let mut jobs = Vec::new();
    for file in &args.files {
        let answer = api.submit(file, &fields(args))?;
        print_accepted(args, &api, file, &answer)?;
        jobs.push(answer["id"].as_str().unwrap_or_default().to_owned());
    }
    if !args.wait && !args.watch && args.output.is_none() {
        return Ok(());
    }
    // Every job is waited for; the first that did not go well decides the exit code.
    let ends: Vec<Result<(), CtlError>> =
        jobs.iter().zip(&targets).map(|(id, target)| end(args, &api, id, target.as_deref())).collect();
    let (good, bad): (Vec<_>, Vec<_>) = ends.into_iter().partition(Result::is_ok);
    let mut bad = bad.into_iter().filter_map(Result::err);
    let Some(first) = bad.next() else { return Ok(()) };
    bad.for_each(|error| eprintln!("tessera: {}", error.full_text()));
    if jobs.len() > 1 {
        eprintln!("tessera: {} of {} jobs went well", good.len(), jobs.len());
    }
    Err(first)
}

fn fields(args: &Args) -> Vec<(&'static str, String)> {
    let steps = args.operations.iter().map(|step| ("op", step.clone()));
    let quality = args.quality.map(|quality| ("quality", quality.to_string()));
    let chroma = args.chroma.map(|chroma| ("chroma", chroma.to_string()));
    let metadata = args.metadata.to_string();
    let always = [("priority", args.priority.clone()), ("format", args.format.clone()), ("metadata", metadata)];
    steps.chain(always).chain(quality).chain(chroma).collect()
}

/// Where each result goes: one for each file, `None` while none is wanted.
fn targets(files: &[PathBuf], output: Option<&Path>, format: &str) -> Result<Vec<Option<PathBuf>>, CtlError> {
    let Some(output) = output else { return Ok(vec![None; files.len()]) };
    if files.len() == 1 && !output.is_dir() {
        return Ok(vec![Some(output.to_owned())]);
    }
    if !output.is_dir() {
        std::fs::create_dir(output).map_err(CtlError::file("creating the folder", output))?;
    }
    let mut targets: Vec<Option<PathBuf>> = Vec::new();
    for file in files {
        let stem = file.file_stem().unwrap_or(file.as_os_str());
        let target = output.join(Path::new(stem)).with_added_extension(extension(file, format));
        if targets.iter().flatten().any(|other| *other == target) {
            let text = format!("two pictures would be written to {}; send them one by one", target.display());
            return Err(CtlError::Usage(text));
        }
        targets.push(Some(target));
    }
    Ok(targets)
}

/// The end of a result's name: by the format asked for, or as the picture's own name says.
fn extension(file: &Path, format: &str) -> &'static str {
    let end = file.extension().map(|end| end.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    match if format == "same" { end.as_str() } else { format } {
        "jpg" | "jpeg" => "jpg",
        "webp" => "webp",
        "tif" | "tiff" => "tif",
        _ => "png",
    }
}

fn print_accepted(args: &Args, api: &Api, file: &Path, answer: &Value) -> Result<(), CtlError> {
    let id = output::field(answer, "id");
    let page = format!("{}/jobs/{id}", api.base());
    if args.json {
        return output::print(&format!("{}\n", json!({ "file": file.display().to_string(), "job": answer })));
    }
    output::print(&format!("{id}  {page}  {}\n", output::clean(&file.display().to_string())))
}

fn end(args: &Args, api: &Api, id: &str, target: Option<&Path>) -> Result<(), CtlError> {
    let telling = match (args.watch, args.json) {
        (false, _) => Telling::Line,
        (true, false) => Telling::Lines,
        (true, true) => Telling::Json,
    };
    let mut teller = Teller::new(telling);
    let job = job_wait::follow(api, id, &mut |news| teller.tell(news))?;
    drop(teller);
    if args.json {
        output::print(&format!("{job}\n"))?;
    }
    job_wait::outcome(id, &job)?;
    if let Some(target) = target {
        let count = fetch(api, id, target)?;
        if !args.json {
            output::print(&format!("{id}  done  {}: {}\n", target.display(), output::bytes(count)))?;
        }
    } else if !args.json {
        output::print(&format!("{id}  done\n"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_picture_goes_to_a_file_and_several_to_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let one = targets(&["a.png".into()], Some(Path::new("b.png")), "same").unwrap();
        assert_eq!(one, [Some("b.png".into())]);
        let new = folder.path().join("new");
        let two = targets(&["a.png".into(), "x/b.jpg".into()], Some(&new), "same").unwrap();
        assert_eq!(two, [Some(new.join("a.png")), Some(new.join("b.jpg"))]);
        assert!(targets(&["a.png".into(), "x/a.png".into()], Some(&new), "same").is_err());
        assert_eq!(targets(&["a.png".into()], None, "same").unwrap(), [None]);
    }
}
