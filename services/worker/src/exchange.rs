//! The store as this worker reaches it: slots that tiles are read from, and slots that results are written to.
//!
//! A worker needs no store. One that reaches it says so with its heartbeat, and opens no file but those that the splitter
//! made; their names are made from the record's parsed ids and numbers. Calls on slots block.

use std::time::Duration;

use tessera::bus::records::TaskHeader;
use tessera::config::Sync;
use tessera::state::PlannedStage;
use tessera::store::{SlotKind, SlotPlace, SlotsOf, Store, StoreId};

/// How long looking at the store may take: a file system that hangs must not silence the heart.
const LOOK_LIMIT: Duration = Duration::from_secs(1);

/// The store, if the worker was given one that it can open.
#[derive(Clone, Debug)]
pub struct Exchange {
    store: Option<Store>,
}

/// A slot that holds a task's pixels.
#[derive(Clone, Debug)]
pub struct Input {
    place: Option<SlotPlace>,
    slot: u32,
    index: u32,
    bytes: usize,
    crc32c: u32,
}

/// A slot that a result may be written to.
#[derive(Clone, Debug)]
pub struct Output {
    place: Option<SlotPlace>,
    index: u32,
}

impl Exchange {
    /// The store at an address; that there is none is no error.
    pub fn at(url: &str, sync: Sync) -> Self {
        let store = Store::without_scratch(url, sync).inspect_err(
            |error| tracing::warn!(%error, "this worker reaches no store (TESSERA_STORE): its tiles come in records"),
        );
        Self { store: store.ok() }
    }

    /// The store itself.
    pub fn store(&self) -> Option<&Store> {
        self.store.as_ref()
    }

    /// The store's id; `None` while it cannot be reached, or can only be read: then no result could go there.
    pub async fn identity(&self) -> Option<StoreId> {
        let store = self.store.as_ref()?;
        let look = async {
            store.check_writable().await.ok()?;
            store.identity().await.ok()?
        };
        tokio::time::timeout(LOOK_LIMIT, look).await.ok()?
    }

    /// Where the pixels of a task are that come by `slot`.
    pub fn input(&self, task: &TaskHeader, planned: &PlannedStage, slot: u32) -> Input {
        let pixels = task.width as usize * task.height as usize;
        let bytes = pixels * task.format().bytes_per_pixel();
        let place = self.place(task, planned, (SlotKind::In, planned.stage.largest_input_bytes()));
        Input { place, slot, index: task.index, bytes, crc32c: task.crc32c }
    }

    /// Where the result of a task may go.
    pub fn output(&self, task: &TaskHeader, planned: &PlannedStage) -> Output {
        let place = self.place(task, planned, (SlotKind::Out, planned.stage.largest_result_bytes()));
        Output { place, index: task.index }
    }

    fn place(
        &self,
        task: &TaskHeader,
        planned: &PlannedStage,
        (kind, largest): (SlotKind, usize),
    ) -> Option<SlotPlace> {
        let file = SlotsOf { job: task.job, run: task.run, stage: task.stage, kind };
        self.store.as_ref().map(|store| SlotPlace::of(store, file, planned.plan, largest))
    }
}

impl Input {
    /// Reads the pixels into `buffer`; opens the file once more if they are not there.
    ///
    /// # Errors
    /// Why they cannot be read.
    pub fn read(&self, buffer: &mut Vec<u8>) -> Result<(), String> {
        buffer.resize(self.bytes, 0);
        place_of(self.place.as_ref())?.read((self.slot, self.index), self.crc32c, buffer)
    }
}

impl Output {
    /// Puts the result of a tile into its slot; says whether it is there. A slot that holds the tile is not written
    /// again: it goes on being what was marked, and other bytes go in the record, to be compared.
    pub fn write(&self, value: &[u8], crc32c: u32) -> bool {
        let written = place_of(self.place.as_ref()).and_then(SlotPlace::open).and_then(|slots| {
            match slots.header(self.index, self.index) {
                Ok(held) => Ok(held.pixels_crc32c == crc32c && held.length as usize == value.len()),
                Err(_) => slots.write(self.index, self.index, value, crc32c).map(|()| true).map_err(|e| e.to_string()),
            }
        });
        let (job, index) = (self.place.as_ref().map(|place| tracing::field::display(place.job())), self.index);
        written.unwrap_or_else(|error| {
            tracing::debug!(job, index, error, "a result goes in its record");
            false
        })
    }
}

fn place_of(place: Option<&SlotPlace>) -> Result<&SlotPlace, String> {
    place.ok_or_else(|| "this worker reaches no store (TESSERA_STORE)".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tessera::operation::Chain;
    use tessera::picture::{Depth, Layout, PictureInfo, PixelFormat, Size};
    use tessera::plan::{Plan, PlanLimits};
    use tessera::slots::{SlotFile, SlotOwner};

    fn planned() -> PlannedStage {
        let format = PixelFormat { layout: Layout::Gray, depth: Depth::Eight };
        let picture = PictureInfo { size: Size { width: 64, height: 64 }, format };
        let plan = Plan::make(picture, &Chain::parse(&["invert"], 1).unwrap(), &PlanLimits::default()).unwrap();
        let stage = plan.stage(0).unwrap().clone();
        PlannedStage { plan: plan.hash(), steps: stage.steps.clone(), stage }
    }

    struct Scene {
        folder: tempfile::TempDir,
        exchange: Exchange,
        planned: PlannedStage,
        task: TaskHeader,
    }

    fn scene() -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let exchange = Exchange::at(&format!("file://{}", folder.path().display()), Sync::None);
        let planned = planned();
        let slot = tessera::bus::records::SlotTask {
            job: tessera::job::JobId::random(),
            run: 1,
            stage: 0,
            index: 0,
            plan: planned.plan,
            attempt: 1,
            payload: tessera::bus::records::PayloadKind::Shared,
            slot: 5,
            crc32c: crc32c::crc32c(&[7; 4096]),
        };
        let task = crate::plans::task_of(&slot, &planned).unwrap();
        Scene { folder, exchange, planned, task }
    }

    impl Scene {
        fn make(&self, kind: SlotKind) -> SlotFile {
            let store = self.exchange.store.as_ref().unwrap();
            let file = SlotsOf { job: self.task.job, run: 1, stage: 0, kind };
            std::fs::create_dir_all(store.slots_path(file).parent().unwrap()).unwrap();
            let owner = SlotOwner { job: self.task.job, stage: 0, plan: self.planned.plan };
            SlotFile::new(owner, self.planned.stage.largest_input_bytes(), store.make_slots(file).unwrap())
        }
    }

    #[test]
    fn a_task_is_read_from_its_slot_and_from_no_other() {
        let scene = scene();
        let input = scene.exchange.input(&scene.task, &scene.planned, 5);
        let mut buffer = Vec::new();
        assert!(input.read(&mut buffer).unwrap_err().contains("opening 1-0.in"));
        let slots = scene.make(SlotKind::In);
        assert!(input.read(&mut buffer).is_err());
        slots.write(5, 0, &[7; 4096], crc32c::crc32c(&[7; 4096])).unwrap();
        input.read(&mut buffer).unwrap();
        assert_eq!(buffer, [7; 4096]);
        slots.write(5, 0, &[8; 4096], crc32c::crc32c(&[8; 4096])).unwrap();
        assert!(input.read(&mut buffer).unwrap_err().contains("other pixels"));
        slots.write(5, 1, &[7; 4096], crc32c::crc32c(&[7; 4096])).unwrap();
        assert!(input.read(&mut buffer).is_err(), "the slot has been used again");
        assert!(Exchange { store: None }.input(&scene.task, &scene.planned, 5).read(&mut buffer).is_err());
    }

    #[test]
    fn a_result_is_written_once_and_never_over_another() {
        let scene = scene();
        let output = scene.exchange.output(&scene.task, &scene.planned);
        let (one, other) = ([1; 4096], [2; 4096]);
        assert!(!output.write(&one, crc32c::crc32c(&one)), "there is no file");
        let slots = scene.make(SlotKind::Out);
        assert!(output.write(&one, crc32c::crc32c(&one)) && output.write(&one, crc32c::crc32c(&one)));
        assert!(!output.write(&other, crc32c::crc32c(&other)));
        assert_eq!(slots.header(0, 0).unwrap().pixels_crc32c, crc32c::crc32c(&one));
        assert!(slots.read(0, 0, &mut [0; 4096]).is_ok());
    }

    #[tokio::test]
    async fn a_folder_without_an_id_is_no_store() {
        let scene = scene();
        assert_eq!(scene.exchange.identity().await, None);
        assert_eq!(Exchange::at("s3://somewhere", Sync::None).identity().await, None);
        assert_eq!(Exchange::at("file:///no/such/folder", Sync::None).identity().await, None);
        let id = StoreId::random();
        std::fs::write(scene.folder.path().join("store-id"), id.to_string()).unwrap();
        assert_eq!(scene.exchange.identity().await, Some(id));
    }
}
