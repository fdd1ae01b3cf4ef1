//! A splitter that runs, and what a test tells it and sees of it.

use std::collections::BTreeMap;
use std::thread::JoinHandle;

use rdkafka::consumer::BaseConsumer;
use tessera::bus::records::{JobCommand, TaskHeader};
use tessera::bus::{Outgoing, Topic};
use tessera::config::{LimitArgs, PreviewArgs, StoreArgs};
use tessera::job::{JobId, JobStatus, Manifest};
use tessera::store::{Object, Store};
use tessera::telemetry::Shutdown;
use tessera::telemetry::shutdown::ShutdownHandle;
use tessera_splitter::{Config, PassArgs};

use crate::support::{LONG, Picture, Rig, poll, until};

/// A splitter on a thread of its own; it is asked to stop when it is dropped.
pub struct Running {
    pub shutdown: ShutdownHandle,
    pub thread: Option<JoinHandle<()>>,
}

impl Running {
    pub fn start(rig: &Rig, name: &str) -> Self {
        Self::start_with(rig, name, rig.store.clone())
    }

    pub fn start_with(rig: &Rig, name: &str, store: StoreArgs) -> Self {
        let config = Config {
            service: rig.service(name),
            kafka: rig.kafka.clone(),
            redis: rig.redis.clone(),
            store,
            limits: LimitArgs::default(),
            passes: PassArgs::default(),
            previews: PreviewArgs::default(),
        };
        let (handle, shutdown) = Shutdown::new();
        let body =
            move || actix::System::new().block_on(tessera_splitter::run(config, shutdown)).expect("the splitter ended");
        Self { shutdown: handle, thread: Some(std::thread::spawn(body)) }
    }

    pub fn stop(mut self) {
        self.shutdown.request();
        self.thread.take().unwrap().join().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.request();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// An accepted job whose announcement is still to be sent.
pub async fn accepted(rig: &Rig, picture: &Picture, png: Vec<u8>) -> Manifest {
    let (manifest, store) = (picture.manifest(), Store::open(&rig.store).unwrap());
    store.put(&Object::Original(manifest.job), png.into()).await.unwrap();
    store.put_manifest(&manifest).await.unwrap();
    rig.state.accept(&manifest, LONG).await.unwrap();
    manifest
}

pub async fn tell(rig: &Rig, command: &JobCommand) {
    let (headers, value) = command.encode();
    let key = Some(command.job().to_string());
    rig.send(Outgoing { topic: Topic::Jobs, key, partition: None, headers, payload: value.into() }).await;
}

/// A task and its pixels.
pub type Sent = (TaskHeader, Vec<u8>);

/// The tasks of a topic, as they come.
pub struct Tasks {
    pub reader: BaseConsumer,
    pub seen: BTreeMap<(JobId, u32), Vec<Sent>>,
    pub count: usize,
}

impl Tasks {
    pub fn of(rig: &Rig) -> Self {
        Self { reader: rig.reader(Topic::Tasks), seen: BTreeMap::new(), count: 0 }
    }

    pub fn read(&mut self) {
        while let Some(record) = poll(&self.reader) {
            let task = TaskHeader::decode(&record.headers, &record.payload).unwrap();
            self.seen.entry((task.job, task.index)).or_default().push((task, record.payload));
            self.count += 1;
        }
    }

    pub async fn wait_for(&mut self, count: usize) {
        until(&format!("{count} tasks"), async || {
            self.read();
            self.count >= count
        })
        .await;
    }

    pub fn indices(&self, job: JobId) -> Vec<u32> {
        self.seen.keys().filter(|(of, _)| *of == job).map(|(_, index)| *index).collect()
    }
}

/// Waits until a job's pass has ended: it was begun, it is not being read, and no one is asked to.
pub async fn read_to_the_end(rig: &Rig, job: JobId) {
    until("the pass to end", async || {
        let view = rig.state.job(job).await.unwrap().unwrap();
        let is_begun = ![JobStatus::Accepting, JobStatus::Queued].contains(&view.status);
        is_begun && !view.leased && !rig.state.ready_jobs(100).await.unwrap().contains(&job)
    })
    .await;
}
