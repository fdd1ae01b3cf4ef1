//! Sending pictures side by side, and following their jobs to the results.
//!
//! Owns that one picture's trouble stops no other, and that a system without room is asked again.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::api::{Api, id_of};
use crate::fetching::fetch;
use crate::pictures::Picture;
use crate::places::Places;
use crate::progress::Progress;
use crate::watching::{Teller, Telling};
use crate::{CtlError, job_wait, output};

/// How often a system without room is asked again for one of several pictures, and the longest pause before.
const MOST_TRIES: u32 = 60;
const LONGEST_PAUSE_SECONDS: u64 = 30;

/// How pictures are to be sent.
#[derive(Debug)]
pub struct Order {
    /// The form's fields beside the picture.
    pub fields: Vec<(&'static str, String)>,
    /// Pictures at once.
    pub at_once: usize,
    /// Whether the jobs' ends are waited for.
    pub waits: bool,
    /// Whether their ways there are told.
    pub watches: bool,
    /// Whether JSON is printed.
    pub json: bool,
}

/// Pictures on their way.
#[derive(Debug)]
pub struct Sending<'a> {
    /// The system.
    pub api: &'a Api,
    /// How.
    pub order: Order,
    /// Where results go.
    pub places: Places,
}

impl Picture {
    /// How its errors call it.
    pub fn label(&self) -> String {
        self.file.display().to_string()
    }
}

impl Sending<'_> {
    /// Sends all pictures, then waits for their jobs if that was asked for. Gives what went wrong.
    pub fn run(&self, pictures: &[Picture]) -> Vec<CtlError> {
        let are_several = pictures.len() > 1;
        let sent = self.each(pictures, |picture| {
            let job = self.send(picture, are_several).map_err(|error| error.of(picture.label()));
            if job.is_err() || !self.order.waits {
                self.tell(picture, job.as_ref().ok(), None, job.as_ref().err());
            } else if let Ok(job) = &job
                && !self.order.json
                && !self.writes_to_standard_output()
            {
                self.tell_accepted(picture, job);
            }
            job
        });
        let (sent, mut errors) = split(pictures, sent);
        if self.order.waits {
            let ends = self.each(&sent, |(picture, job)| {
                let end = self.follow(picture, id_of(job));
                let error = end.error.map(|error| if are_several { error.of(picture.label()) } else { error });
                let job = end.job.as_ref().unwrap_or(job);
                self.tell(picture, Some(job), end.output.as_deref(), error.as_ref());
                error.map_or(Ok(()), Err)
            });
            errors.extend(ends.into_iter().filter_map(Result::err));
        }
        errors
    }

    /// Does `work` for each of `items`, several at once; the outcomes are in the items' order.
    fn each<T: Sync, R: Send>(
        &self,
        items: &[T],
        work: impl Fn(&T) -> Result<R, CtlError> + Sync,
    ) -> Vec<Result<R, CtlError>> {
        let next = AtomicUsize::new(0);
        let done = Mutex::new(Vec::with_capacity(items.len()));
        thread::scope(|scope| {
            for _ in 0..self.order.at_once.min(items.len()) {
                scope.spawn(|| {
                    while let Some((number, item)) = {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        items.get(number).map(|item| (number, item))
                    } {
                        let outcome = work(item);
                        done.lock().push((number, outcome));
                    }
                });
            }
        });
        let mut done = done.into_inner();
        done.sort_by_key(|(number, _)| *number);
        done.into_iter().map(|(_, outcome)| outcome).collect()
    }

    fn send(&self, picture: &Picture, is_one_of_several: bool) -> Result<Value, CtlError> {
        let mut tries = 1;
        loop {
            match self.api.submit(&picture.file, &self.order.fields, self.progress()) {
                Err(CtlError::Busy { seconds, .. }) if is_one_of_several && tries < MOST_TRIES => {
                    tries += 1;
                    thread::sleep(Duration::from_secs(seconds.clamp(1, LONGEST_PAUSE_SECONDS)));
                }
                other => return other,
            }
        }
    }

    /// A line that moves would be torn where several write it.
    fn progress(&self) -> Progress {
        if self.order.at_once > 1 { Progress::silent() } else { Progress::new() }
    }

    fn follow(&self, picture: &Picture, id: &str) -> End {
        let telling = match (self.order.watches, self.order.json) {
            (false, _) => Telling::Line,
            (true, false) => Telling::Lines,
            (true, true) => Telling::Json,
        };
        let mut teller = Teller::new(telling, self.progress());
        let job = job_wait::follow(self.api, id, &mut |news| teller.tell(news));
        drop(teller);
        match job {
            Ok(job) => match job_wait::outcome(id, &job).and_then(|()| self.fetch(picture, id, &job)) {
                Ok(output) => End { job: Some(job), output, error: None },
                Err(error) => End { job: Some(job), output: None, error: Some(error) },
            },
            Err(error) => End { job: None, output: None, error: Some(error) },
        }
    }

    fn fetch(&self, picture: &Picture, id: &str, job: &Value) -> Result<Option<String>, CtlError> {
        let extension = job["format"].as_str().filter(|format| format.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        let extension = match extension {
            Some("jpeg") => "jpg",
            Some("tiff") => "tif",
            other => other.unwrap_or("png"),
        };
        let Some(target) = self.places.of(picture, extension)? else { return Ok(None) };
        let place = target.place().display().to_string();
        fetch(self.api, id, target)?;
        Ok(Some(place))
    }

    fn writes_to_standard_output(&self) -> bool {
        matches!(&self.places, Places::File(path) if path.as_os_str() == crate::source::STANDARD_STREAM)
    }

    fn tell_accepted(&self, picture: &Picture, job: &Value) {
        let (id, file) = (output::field(job, "id"), output::clean(&picture.label()));
        // A reader that has gone is no reason to stop.
        let _ = output::print(&format!("{id}  {}/jobs/{id}  {file}\n", self.api.base()));
    }

    /// Prints what became of a picture. The error of a plain text is told by the caller.
    fn tell(&self, picture: &Picture, job: Option<&Value>, place: Option<&str>, error: Option<&CtlError>) {
        if self.writes_to_standard_output() {
            return;
        }
        if self.order.json {
            let error = error.map(CtlError::full_text);
            let line = json!({ "file": picture.label(), "job": job, "output": place, "error": error });
            let _ = output::print_json(&line);
        } else if let (Some(job), None) = (job, error) {
            if !self.order.waits {
                return self.tell_accepted(picture, job);
            }
            let place = place.map(|place| format!("  {}", output::clean(place))).unwrap_or_default();
            let _ = output::print(&format!("{}  done{place}\n", output::field(job, "id")));
        }
    }
}

/// How following a job ended.
struct End {
    job: Option<Value>,
    output: Option<String>,
    error: Option<CtlError>,
}

/// The pictures that were sent, with their jobs, and what went wrong with the others.
fn split(pictures: &[Picture], sent: Vec<Result<Value, CtlError>>) -> (Vec<(Picture, Value)>, Vec<CtlError>) {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for (picture, outcome) in pictures.iter().zip(sent) {
        match outcome {
            Ok(job) => good.push((picture.clone(), job)),
            Err(error) => bad.push(error),
        }
    }
    (good, bad)
}
