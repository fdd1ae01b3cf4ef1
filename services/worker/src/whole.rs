//! Running a whole picture: the original from the store in, the result under a token out, by the pipeline of `tessera run`.
//!
//! Owns that a result becomes visible only after its whole input was verified, to the end and against the digest made at
//! the upload, and which of the ways in which that can go wrong is whose. Blocks its thread; speaks to no Kafka and no Redis.

use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tessera::input::{Fault, Input, InputError, Proof, damaged};
use tessera::job::{Manifest, Token};
use tessera::picture::rows::{ReadError, RowReader, WriteError};
use tessera::picture::{PictureInfo, ReadError as Unreadable};
use tessera::pipeline::{self, Aside, Resources, RunError};
use tessera::store::{BlockingWriter, Damage, Object, Store, StoreError, Written};
use tessera::telemetry::parts::text_of;
use tokio::runtime::Handle;

use crate::pyramids::Pyramids;

/// Rows between two delays of a worker that is slowed down for a test.
const DELAY_ROWS: u64 = 64;

/// How one attempt at a whole picture ended.
#[derive(Debug)]
pub enum WholeEnd {
    /// The result is visible.
    Made {
        /// The attempt that is in its name.
        token: Token,
        /// Its length and digest.
        written: Written,
        /// What only reading the picture to its end has shown.
        remarks: Vec<String>,
    },
    /// It was told to stop.
    Stopped,
    /// The job fails; says why.
    Failed(String),
    /// The store cannot be read or written now; says why.
    Away(String),
    /// What was read is not what lies in the store: it is read once more.
    Misread,
    /// The code panicked; says what.
    Panicked(String),
}

/// What an attempt and those who wait for it tell each other.
#[derive(Debug, Default)]
pub struct WholeWatch {
    stop: AtomicBool,
    rows: AtomicU64,
    of: AtomicU64,
}

impl WholeWatch {
    /// Ends the attempt at its next row.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Thousandths of the rows that are read in all, over all times that the picture is read.
    pub fn permille(&self) -> u32 {
        let (rows, of) = (self.rows.load(Ordering::Relaxed), self.of.load(Ordering::Relaxed).max(1));
        u32::try_from(rows.saturating_mul(1000) / of).unwrap_or(1000).min(1000)
    }
}

/// One attempt at a whole picture.
pub struct WholeWork {
    /// Where original and result are.
    pub store: Store,
    /// The runtime that writes.
    pub runtime: Handle,
    /// The job's whole description.
    pub manifest: Manifest,
    /// Memory for bands.
    pub resources: Resources,
    /// The most that decoding may hold.
    pub max_decode_bytes: u64,
    /// What making each pyramid may hold; `None` if none are made.
    pub pyramid_bytes: Option<u64>,
    /// For tests: a pause every few rows.
    pub delay: Duration,
    /// Shared with those who wait.
    pub watch: Arc<WholeWatch>,
}

/// What the readers of an attempt leave behind.
#[derive(Clone, Default)]
struct Traces {
    proof: Arc<Mutex<Option<Proof>>>,
    fault: Arc<Mutex<Fault>>,
    is_unproved: Arc<AtomicBool>,
    remarks: Arc<Mutex<Vec<String>>>,
}

impl WholeWork {
    /// Runs the picture.
    pub fn run(self) -> WholeEnd {
        let traces = Traces::default();
        match catch_unwind(AssertUnwindSafe(|| self.try_run(&traces))) {
            Ok(Ok(made)) => made,
            Ok(Err(_)) if self.watch.is_stopped() => WholeEnd::Stopped,
            Ok(Err(error)) => self.verdict(&error, &traces),
            Err(panic) => WholeEnd::Panicked(text_of(panic.as_ref()).to_owned()),
        }
    }

    fn try_run(&self, traces: &Traces) -> Result<WholeEnd, RunError> {
        let Self { manifest, resources, .. } = self;
        let Some(stage) = manifest.plan.stage(0).filter(|stage| stage.is_whole()) else {
            return Ok(WholeEnd::Failed("the job's plan is of tiles; retry the job".to_owned()));
        };
        let token = Token::random();
        let object = Object::Result { job: manifest.job, token: token.clone(), ext: manifest.format.clone() };
        let output = Output(Arc::new(Mutex::new(Some(self.store.blocking_writer(&object, &self.runtime)))));
        let kept = manifest.kept.decode();
        let writer = manifest.result_format().writer_with(output.clone(), stage.output, &kept)?;
        let place = (&self.store, &self.runtime);
        let pyramids = self.pyramid_bytes.and_then(|most| Pyramids::begin(place, manifest, &object, most));
        let writer = match &pyramids {
            Some(pyramids) => pyramids.hang_onto_writer(writer),
            None => writer,
        };
        let measured = stage.steps.steps().iter().filter(|step| step.statistic().is_some()).count() as u64;
        self.watch.of.store((1 + measured) * u64::from(stage.input.size.height), Ordering::Relaxed);
        let mut open = || {
            let rows = self.open(traces)?;
            Ok(match &pyramids {
                Some(pyramids) => pyramids.hang_onto_reader(rows),
                None => rows,
            })
        };
        let mut make_aside = || Ok(Box::new(self.store.make_aside(manifest.job)?) as Box<dyn Aside>);
        pipeline::run(&mut open, &stage.steps, writer, &mut make_aside, *resources)?;
        if let Some(pyramids) = pyramids {
            pyramids.publish();
        }
        let written = output.publish().map_err(WriteError::Output)?;
        Ok(WholeEnd::Made { token, written, remarks: std::mem::take(&mut *traces.remarks.lock()) })
    }

    /// Opens the original.
    fn open(&self, traces: &Traces) -> Result<Box<dyn RowReader>, ReadError> {
        let opened = self.runtime.block_on(Input::open(&self.store, &self.manifest, 0, None));
        let input = match opened {
            Ok(input) => input.within(self.max_decode_bytes),
            Err(InputError::Gone(reason) | InputError::NoRows(reason)) => return Err(ReadError::Header(reason)),
            Err(error) => {
                traces.fault.lock().note(&io::Error::other(error.to_string()));
                return Err(ReadError::Header("the store cannot be read".to_owned()));
            }
        };
        *traces.proof.lock() = input.proof();
        *traces.fault.lock() = input.fault();
        let rows = input.into_rows()?;
        let planned = self.manifest.plan.input;
        if rows.info() != planned {
            return Err(ReadError::Header("it is not the picture that was planned for; retry the job".to_owned()));
        }
        Ok(Box::new(Watched { rows, traces: traces.clone(), watch: self.watch.clone(), delay: self.delay, row: 0 }))
    }

    /// Whose an error is: the store's, the sender's picture's, or the memory's of this machine.
    fn verdict(&self, error: &RunError, traces: &Traces) -> WholeEnd {
        let fault = traces.fault.lock().text();
        if let Some(fault) = fault {
            return WholeEnd::Away(fault);
        }
        match error {
            RunError::Read(error) => self.read_verdict(error, traces),
            RunError::Write(WriteError::Output(error)) | RunError::Aside(error) => output_verdict(error),
            error => WholeEnd::Failed(format!("the picture could not be run: {error}")),
        }
    }

    /// The sender of a whole picture must not read that it was damaged.
    fn read_verdict(&self, error: &Unreadable, traces: &Traces) -> WholeEnd {
        let proof = traces.proof.lock().clone();
        let is_whole = proof.map(|proof| proof.is_whole(|| !self.watch.is_stopped()));
        match is_whole {
            Some(Ok(Some(false))) => WholeEnd::Failed(damaged(&Damage::Digest)),
            Some(Ok(None)) => WholeEnd::Stopped,
            Some(Err(error)) => WholeEnd::Away(error.to_string()),
            Some(Ok(Some(true))) if traces.is_unproved.load(Ordering::Relaxed) => WholeEnd::Misread,
            // Nothing was read of it: the text says all there is to say.
            None => WholeEnd::Failed(error.to_string()),
            Some(Ok(Some(true))) => WholeEnd::Failed(format!("{error}; the picture is truncated or damaged")),
        }
    }
}

fn output_verdict(error: &io::Error) -> WholeEnd {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => WholeEnd::Failed("the store is full".to_owned()),
        _ => WholeEnd::Away(error.to_string()),
    }
}

/// The rows of the original, counted and proved.
struct Watched {
    rows: Box<dyn RowReader>,
    traces: Traces,
    watch: Arc<WholeWatch>,
    delay: Duration,
    row: u64,
}

impl RowReader for Watched {
    fn info(&self) -> PictureInfo {
        self.rows.info()
    }

    fn read_row(&mut self, row: &mut [u8]) -> Result<(), ReadError> {
        if self.watch.is_stopped() {
            return Err(ReadError::Header("it was told to stop".to_owned()));
        }
        if !self.delay.is_zero() && self.row.is_multiple_of(DELAY_ROWS) {
            std::thread::sleep(self.delay);
        }
        self.row += 1;
        self.watch.rows.fetch_add(1, Ordering::Relaxed);
        self.rows.read_row(row)
    }

    fn finish(&mut self) -> Result<(), ReadError> {
        self.rows.finish()?;
        self.traces.remarks.lock().splice(.., self.rows.remarks().iter().cloned());
        let Some(proof) = self.traces.proof.lock().clone() else { return Ok(()) };
        let refuse = |cause: &str| {
            let rows = self.rows.info().size.height;
            Err(ReadError::End { rows, cause: cause.to_owned() })
        };
        match proof.agrees(|| !self.watch.is_stopped()) {
            Ok(Some(true)) => Ok(()),
            Ok(Some(false)) => {
                self.traces.is_unproved.store(true, Ordering::Relaxed);
                refuse("reading the picture gave other bytes than were sent")
            }
            Ok(None) => refuse("it was told to stop"),
            Err(error) => {
                self.traces.fault.lock().note(&error);
                refuse("the store cannot be read")
            }
        }
    }
}

/// The result on its way: the writer of rows and its owner both have it.
#[derive(Clone)]
struct Output(Arc<Mutex<Option<BlockingWriter>>>);

impl Output {
    fn publish(self) -> io::Result<Written> {
        let writer = self.0.lock().take();
        let finished = writer.ok_or_else(|| io::Error::from(io::ErrorKind::BrokenPipe))?.finish();
        finished.map_err(|error| match error {
            StoreError::Full { .. } => io::Error::new(io::ErrorKind::StorageFull, error),
            error => io::Error::other(error),
        })
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().as_mut().map_or_else(|| Err(io::ErrorKind::BrokenPipe.into()), |writer| writer.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().as_mut().map_or(Ok(()), Write::flush)
    }
}
