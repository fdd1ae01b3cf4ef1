//! A picture, its tasks, and what its tiles become.

use tessera::bus::records::TaskHeader;
use tessera::bus::{Outgoing, Topic, partition};
use tessera::config::{KafkaArgs, LimitArgs};
use tessera::job::{JobId, Manifest, Priority};
use tessera::operation::{Chain, Step, TileInput};
use tessera::picture::{Depth, Layout, PictureInfo, PixelFormat, Pixels, Size};
use tessera::plan::{Plan, PlanLimits};
use tessera::tiling::Grid;

/// A picture and what is to be done to it.
pub struct Picture {
    pub info: PictureInfo,
    pub samples: Vec<u8>,
    pub operations: Vec<Step>,
    pub limits: PlanLimits,
}

impl Picture {
    /// Eight-bit RGB in tiles of `tile`.
    pub fn rgb(width: u32, height: u32, tile: u32, operations: &[&str]) -> Self {
        let format = PixelFormat { layout: Layout::Rgb, depth: Depth::Eight };
        let info = PictureInfo { size: Size { width, height }, format };
        let mut state = 12_345_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        let samples = (0..info.bytes()).map(|_| next()).collect();
        let operations = operations.iter().map(|step| step.parse().unwrap()).collect();
        let limits = PlanLimits { tile_size: tile, ..LimitArgs::default().plan_limits(1_000_000) };
        Self { info, samples, operations, limits }
    }

    pub fn plan(&self) -> Plan {
        Plan::make(self.info, &Chain::new(self.operations.clone()), &self.limits).unwrap()
    }

    pub fn manifest(&self) -> Manifest {
        Manifest {
            trace: None,
            job: JobId::random(),
            run: 1,
            filename: "picture.png".to_owned(),
            owner: "anonymous".to_owned(),
            operations: self.operations.clone(),
            format: "png".to_owned(),
            priority: Priority::Normal,
            bytes_in: 1,
            digest: None,
            request: None,
            kept: tessera::job::KeptText::default(),
            notices: Vec::new(),
            quality: None,
            chroma: None,
            original_format: "png".to_owned(),
            plan: self.plan(),
            plan_hash: None,
            tiled: None,
            created_at: tessera::time::now(),
        }
    }

    /// The task of a tile of the first stage.
    pub fn task(&self, manifest: &Manifest, index: u32) -> (TaskHeader, Vec<u8>) {
        let stage = manifest.plan.stage(0).unwrap();
        let header = TaskHeader::of((manifest.job, 1, 0), index, manifest.plan.hash(), stage, &stage.steps).unwrap();
        let whole = Grid::with_margins(header.rect, header.margins);
        let pixel = self.info.format.bytes_per_pixel();
        let row = |y: u32| {
            let from = y as usize * self.info.row_bytes() + whole.x as usize * pixel;
            &self.samples[from..from + whole.width as usize * pixel]
        };
        let pixels: Vec<u8> = (whole.y..whole.bottom()).flat_map(row).copied().collect();
        let header = TaskHeader { crc32c: crc32c::crc32c(&pixels), ..header };
        (header, pixels)
    }

    pub fn record(&self, manifest: &Manifest, index: u32, kafka: &KafkaArgs) -> Outgoing {
        let (header, pixels) = self.task(manifest, index);
        let partition = Some(partition::task_partition(manifest.job, index, kafka.tasks_partitions));
        Outgoing { topic: Topic::Tasks, key: None, partition, headers: header.encode(), payload: pixels.into() }
    }

    /// What a tile must come out as.
    pub fn expected(&self, manifest: &Manifest, index: u32) -> Vec<u8> {
        let (task, pixels) = self.task(manifest, index);
        let info = PictureInfo { size: Size { width: task.width, height: task.height }, format: self.info.format };
        let pixels = Pixels::from_bytes(info, pixels).unwrap();
        let input = TileInput { pixels, rect: task.rect, margins: task.margins, picture: self.info };
        task.operations.run(input).unwrap().into_bytes()
    }

    /// The picture as a PNG.
    pub fn png(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut encoder = png::Encoder::new(&mut out, self.info.size.width, self.info.size.height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.write_header().unwrap().write_image_data(&self.samples).unwrap();
        out
    }
}
