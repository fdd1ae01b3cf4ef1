//! A job beside the stitcher, whose other services the test plays: its tiles, what was asked of it, its end.

use std::io::Read;
use std::path::PathBuf;

use tessera::bus::records::{Check, JobCommand, PayloadKind, StepTimes, TileHeader};
use tessera::bus::{Outgoing, Topic};
use tessera::job::{JobId, JobStatus, Manifest, Token};
use tessera::operation::{Chain, Margins, TileInput};
use tessera::picture::png::PngRows;
use tessera::picture::rows::RowReader;
use tessera::picture::{PictureInfo, Pixels, Rect};
use tessera::plan::Stage;
use tessera::state::JobView;
use tessera::store::{Object, Store};

use crate::support::{Picture, Rig, until};

/// A job whose tiles a test sends as it likes.
pub struct Job {
    pub manifest: Manifest,
    pub store: Store,
    /// The picture before each stage, and after the last.
    pub pictures: Vec<Vec<u8>>,
}

impl Job {
    pub async fn new(rig: &Rig, picture: &Picture) -> Self {
        let manifest = rig.processing(picture).await;
        let store = Store::open(&rig.store).unwrap();
        store.put_manifest(&manifest).await.unwrap();
        let mut pictures = vec![picture.samples.clone()];
        for stage in &manifest.plan.stages {
            let before = pictures.last().unwrap().clone();
            pictures.push(run_whole(&stage.steps, stage.input, before));
        }
        Self { manifest, store, pictures }
    }

    pub fn id(&self) -> JobId {
        self.manifest.job
    }

    pub fn stage(&self, number: u32) -> &Stage {
        self.manifest.plan.stage(number).unwrap()
    }

    pub fn tiles(&self) -> u32 {
        self.stage(0).grid().tiles()
    }

    /// The pixels of a tile, cut from the picture that was made whole.
    pub fn pixels(&self, stage: u32, index: u32) -> Vec<u8> {
        let info = self.stage(stage).output;
        cut(info, &self.pictures[stage as usize + 1], self.stage(stage).grid().rect(index).unwrap())
    }

    pub fn header(&self, stage: u32, index: u32, pixels: &[u8]) -> TileHeader {
        let of = self.stage(stage);
        let rect = of.grid().rect(index).unwrap();
        TileHeader {
            job: self.id(),
            run: 1,
            stage,
            index,
            plan: self.manifest.plan.hash(),
            attempt: 1,
            worker: "rig-1".parse().unwrap(),
            worker_number: 7,
            incarnation: Token::random(),
            payload: PayloadKind::Inline,
            width: rect.width,
            height: rect.height,
            channels: of.output.format.layout.channels() as u8,
            depth: of.output.format.depth.bits(),
            statistic: None,
            result: None,
            crc32c: crc32c::crc32c(pixels),
            ms: StepTimes::default(),
        }
    }

    pub fn record(&self, stage: u32, index: u32) -> Outgoing {
        let pixels = self.pixels(stage, index);
        tile_record(&self.header(stage, index, &pixels), pixels)
    }

    pub async fn send(&self, rig: &Rig, tiles: impl IntoIterator<Item = u32>) {
        for index in tiles {
            rig.send(self.record(0, index)).await;
        }
    }

    /// A check, as a monitor sends it of a job that has not moved for a while.
    pub async fn check(&self, rig: &Rig) {
        let key = format!("{}job:{{{}}}", rig.redis.key_prefix, self.id());
        let mut redis = redis::Client::open(rig.redis.redis_url.as_str()).unwrap().get_connection().unwrap();
        redis::cmd("HSET").arg(key).arg("progress_ms").arg(1).exec(&mut redis).unwrap();
        let headers = Check { job: self.id(), stage: 0 }.encode();
        let key = Some(self.id().to_string());
        rig.send(Outgoing { topic: Topic::Results, key, partition: None, headers, payload: Vec::new().into() }).await;
    }

    pub async fn view(&self, rig: &Rig) -> JobView {
        rig.state.job(self.id()).await.unwrap().unwrap()
    }

    pub async fn until_received(&self, rig: &Rig, tiles: u32) {
        until("tiles to be received", async || self.view(rig).await.received_tiles == tiles).await;
    }

    /// Waits for the job's end and compares its result with the picture that was made whole.
    pub async fn until_done(&self, rig: &Rig) -> JobView {
        until("the job to end", async || self.view(rig).await.status.is_terminal()).await;
        let view = self.view(rig).await;
        assert_eq!((view.status, view.reason.as_deref()), (JobStatus::Done, None));
        let object: Object = view.final_filename.clone().unwrap().parse().unwrap();
        let mut bytes = Vec::new();
        self.store.open_local(&object).await.unwrap().into_file().read_to_end(&mut bytes).unwrap();
        assert_eq!(view.bytes_out, bytes.len() as u64);
        assert!(decode(&bytes, self.manifest.plan.output) == *self.pictures.last().unwrap(), "the pixels differ");
        let end = self.store.end(self.id()).await.unwrap().unwrap();
        assert_eq!((end.status, end.final_filename), (JobStatus::Done, view.final_filename.clone()));
        view
    }

    pub async fn until_failed(&self, rig: &Rig) -> String {
        until("the job to end", async || self.view(rig).await.status.is_terminal()).await;
        let view = self.view(rig).await;
        assert_eq!(view.status, JobStatus::Failed);
        view.reason.unwrap()
    }

    /// The folder of the job in the store.
    pub fn folder(&self) -> PathBuf {
        self.store.place_of(&Object::Original(self.id())).parent().unwrap().to_owned()
    }

    pub fn spool(&self, rig: &Rig, name: &str) -> PathBuf {
        rig.store.scratch_dir.join("spool").join(name).join(format!("{}-0", self.id()))
    }
}

pub fn tile_record(header: &TileHeader, pixels: Vec<u8>) -> Outgoing {
    let key = Some(header.job.to_string());
    Outgoing { topic: Topic::Results, key, partition: None, headers: header.encode(), payload: pixels.into() }
}

fn run_whole(chain: &Chain, picture: PictureInfo, samples: Vec<u8>) -> Vec<u8> {
    let rect = Rect { x: 0, y: 0, width: picture.size.width, height: picture.size.height };
    let pixels = Pixels::from_bytes(picture, samples).unwrap();
    chain.run(TileInput { pixels, rect, margins: Margins::default(), picture }).unwrap().into_bytes()
}

fn cut(info: PictureInfo, samples: &[u8], rect: Rect) -> Vec<u8> {
    let pixel = info.format.bytes_per_pixel();
    let row = |y: u32| {
        let from = y as usize * info.row_bytes() + rect.x as usize * pixel;
        &samples[from..from + rect.width as usize * pixel]
    };
    (rect.y..rect.bottom()).flat_map(row).copied().collect()
}

fn decode(bytes: &[u8], info: PictureInfo) -> Vec<u8> {
    let mut rows = PngRows::open(std::io::Cursor::new(bytes.to_vec())).unwrap();
    assert_eq!(rows.info(), info);
    read_rows(&mut rows)
}

pub fn read_rows(rows: &mut dyn RowReader) -> Vec<u8> {
    let mut pixels = Vec::new();
    let mut row = vec![0; rows.info().row_bytes()];
    for _ in 0..rows.info().size.height {
        rows.read_row(&mut row).unwrap();
        pixels.extend_from_slice(&row);
    }
    rows.finish().unwrap();
    pixels
}

/// The reasons of all requests to send tiles of a job again.
pub fn resends(rig: &Rig, job: JobId) -> Vec<String> {
    let commands = rig.all(Topic::Jobs);
    let read = |record: &crate::support::Record| JobCommand::decode(&record.headers, &record.payload).unwrap();
    let reason = |command| match command {
        JobCommand::Resend { job: of, reason, .. } if of == job => Some(reason),
        _ => None,
    };
    commands.iter().map(read).filter_map(reason).collect()
}

/// The tiles of each request for a job that is for pixels in records.
pub fn asked_with_pixels(rig: &Rig, job: JobId) -> Vec<Vec<u32>> {
    let read = |record: &crate::support::Record| JobCommand::decode(&record.headers, &record.payload).unwrap();
    let tiles = |command| match command {
        JobCommand::Resend { job: of, inline, .. } if of == job => Some(inline),
        _ => None,
    };
    rig.all(Topic::Jobs).iter().map(read).filter_map(tiles).collect()
}
