//! A job on a real Kafka and Redis, without the services that a test does not start; all of it is removed
//! when the rig is dropped. Also used by the tests of the splitter.
#![allow(dead_code, reason = "each test program uses a part of it")]

mod picture;
pub mod process;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Headers as _, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tessera::bus::records::TileHeader;
use tessera::bus::{Group, Headers, Outgoing, Producer, Topic, admin};
use tessera::config::{KafkaArgs, RedisArgs, ServiceArgs, StoreArgs, Sync};
use tessera::job::{JobId, Manifest, Token};
use tessera::state::{Claim, Mark, Marked, State};

pub use picture::Picture;

/// Longer than any wait that can end well.
pub const LONG: Duration = Duration::from_secs(60);

/// Topics, keys and folders of one test.
pub struct Rig {
    pub kafka: KafkaArgs,
    pub redis: RedisArgs,
    pub store: StoreArgs,
    pub state: State,
    pub producer: Producer,
    pub folder: tempfile::TempDir,
}

/// A record as it was read back.
#[derive(Debug)]
pub struct Record {
    pub headers: Headers,
    pub payload: Vec<u8>,
}

impl Rig {
    pub async fn new() -> Self {
        let setting = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
        let prefix = format!("flow-{}.", Token::random());
        let mut kafka = KafkaArgs::new(setting("TESSERA_TEST_KAFKA_BROKERS"), prefix.clone());
        (kafka.tasks_partitions, kafka.results_partitions, kafka.jobs_partitions) = (4, 2, 1);
        let redis = RedisArgs::new(setting("TESSERA_TEST_REDIS_URL"), prefix);
        admin::create_topics(&kafka).await.expect("creating topics");
        let state = State::connect(&redis).await.expect("connecting to redis");
        state.set_sentinel().await.expect("setting the sentinel");
        let producer = Producer::connect(&kafka, "rig").expect("connecting to kafka");
        let folder = tempfile::tempdir().expect("making a folder");
        let path = |name: &str| folder.path().join(name);
        let store = StoreArgs {
            store: format!("file://{}", path("store").display()),
            scratch_dir: path("s"),
            sync: Sync::None,
        };
        Self { kafka, redis, store, state, producer, folder }
    }

    pub fn service(&self, name: &str) -> ServiceArgs {
        ServiceArgs::new(name, 1, self.folder.path().join("run"))
    }

    pub async fn send(&self, record: Outgoing) {
        self.producer.send(record).await.expect("sending");
    }

    /// A job that is being processed, as far as Redis knows.
    pub async fn processing(&self, picture: &Picture) -> Manifest {
        let manifest = picture.manifest();
        self.state.accept(&manifest, LONG).await.unwrap();
        self.state.queue(manifest.job).await.unwrap();
        self.state.lease(manifest.job, &lease(), "rig").await.unwrap();
        manifest
    }

    /// Every record of `topic` from its beginning, once there are `count` of them.
    pub fn records(&self, topic: Topic, count: usize) -> Vec<Record> {
        self.records_of(&self.reader(topic), topic, count)
    }

    /// As [`Rig::records`], by a reader that was there before: it has them as soon as they come.
    pub fn records_of(&self, reader: &BaseConsumer, topic: Topic, count: usize) -> Vec<Record> {
        let mut records = Vec::new();
        let end = Instant::now() + LONG;
        while records.len() < count {
            assert!(Instant::now() < end, "{} of {count} records of {topic:?}", records.len());
            records.extend(poll(reader));
        }
        records
    }

    /// All records that `topic` has now.
    pub fn all(&self, topic: Topic) -> Vec<Record> {
        let (consumer, name) = (self.reader(topic), topic.name(&self.kafka));
        let marks = (0..topic.settings(&self.kafka).partitions)
            .map(|partition| consumer.fetch_watermarks(&name, partition, LONG).expect("asking for watermarks"));
        let count: i64 = marks.map(|(low, high)| high - low).sum();
        self.records(topic, count as usize)
    }

    /// A reader of all of `topic` from its beginning.
    pub fn reader(&self, topic: Topic) -> BaseConsumer {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.kafka.kafka_brokers)
            .set("group.id", "unused")
            .set("enable.auto.commit", "false")
            .set("fetch.wait.max.ms", "20")
            .create()
            .unwrap();
        let mut all = TopicPartitionList::new();
        for partition in 0..topic.settings(&self.kafka).partitions {
            all.add_partition_offset(&topic.name(&self.kafka), partition, Offset::Beginning).unwrap();
        }
        consumer.assign(&all).unwrap();
        consumer
    }

    /// Deletes every record that `topic` has now, read or not.
    pub async fn lose(&self, topic: Topic) {
        let (consumer, name) = (self.reader(topic), topic.name(&self.kafka));
        let mut ends = TopicPartitionList::new();
        for partition in 0..topic.settings(&self.kafka).partitions {
            let (_, end) = consumer.fetch_watermarks(&name, partition, LONG).expect("asking for watermarks");
            ends.add_partition_offset(&name, partition, Offset::Offset(end)).unwrap();
        }
        let admin: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", &self.kafka.kafka_brokers).create().unwrap();
        admin.delete_records(&ends, &AdminOptions::new()).await.expect("deleting records");
    }

    /// Waits until nothing of `group` is uncommitted.
    pub async fn caught_up(&self, group: Group) {
        until("everything to be committed", async || {
            let lag = admin::lag(&self.kafka, group).await.unwrap();
            lag.iter().map(|lag| lag.records()).sum::<i64>() == 0
        })
        .await;
    }

    /// Puts a value of another kind at a key, named without the prefix.
    pub fn spoil(&self, key: &str) {
        let key = format!("{}{key}", self.redis.key_prefix);
        let mut connection = redis::Client::open(self.redis.redis_url.as_str()).unwrap().get_connection().unwrap();
        redis::cmd("DEL").arg(&key).query::<u32>(&mut connection).unwrap();
        redis::cmd("SADD").arg(&key).arg("rubbish").query::<u32>(&mut connection).unwrap();
    }

    /// The incarnations that hold a tile of a job's first stage, as Redis notes them.
    pub fn takers(&self, job: JobId, index: u32) -> String {
        let key = format!("{}job:{{{job}}}:tries:0", self.redis.key_prefix);
        let mut connection = redis::Client::open(self.redis.redis_url.as_str()).unwrap().get_connection().unwrap();
        let takers: Option<String> = redis::cmd("HGET").arg(key).arg(index).query(&mut connection).unwrap();
        takers.unwrap_or_default()
    }

    /// What a stitcher does to Redis when it has these tiles.
    pub async fn mark(&self, job: JobId, stage: u32, tiles: &[u32]) -> Vec<Marked> {
        let claim = self.state.claim(job, stage, &spool(), &Token::random(), "rig").await.unwrap();
        let (Claim::Held { token } | Claim::Cleared { token, .. }) = claim else { panic!("{claim:?}") };
        let mark = |index: &u32| Mark {
            job,
            stage,
            token: token.clone(),
            index: *index,
            worker_number: 1,
            attempt: 1,
            run_ms: 2.0,
        };
        self.state.mark(&tiles.iter().map(mark).collect::<Vec<_>>()).await.unwrap()
    }
}

/// What [`Rig::processing`] leases a job with.
pub fn lease() -> Token {
    "00000000000000bb".parse().unwrap()
}

fn spool() -> Token {
    "00000000000000aa".parse().unwrap()
}

impl Drop for Rig {
    fn drop(&mut self) {
        let (kafka, redis) = (self.kafka.clone(), self.redis.clone());
        // Not on the test's runtime, which this must not block.
        let cleaning = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let admin: AdminClient<DefaultClientContext> =
                ClientConfig::new().set("bootstrap.servers", &kafka.kafka_brokers).create().unwrap();
            let names = Topic::ALL.map(|topic| topic.name(&kafka));
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let _ = runtime.block_on(admin.delete_topics(&names, &AdminOptions::new()));
            let mut redis_connection = redis::Client::open(redis.redis_url).unwrap().get_connection().unwrap();
            let keys: Vec<String> =
                redis::cmd("KEYS").arg(format!("{}*", redis.key_prefix)).query(&mut redis_connection).unwrap();
            if !keys.is_empty() {
                let _: i64 = redis::cmd("DEL").arg(keys).query(&mut redis_connection).unwrap();
            }
        });
        let _ = cleaning.join();
    }
}

/// The next record, if one comes soon.
pub fn poll(consumer: &BaseConsumer) -> Option<Record> {
    let message = consumer.poll(Duration::from_millis(20))?.expect("reading");
    let headers = message.headers().map_or_else(Vec::new, |headers| {
        headers.iter().map(|header| (header.key.to_owned(), header.value.unwrap_or_default().to_vec())).collect()
    });
    Some(Record { headers: Headers::new(headers), payload: message.payload().unwrap_or_default().to_vec() })
}

/// Waits for a condition.
pub async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + LONG;
    while !condition().await {
        assert!(Instant::now() < end, "waited {LONG:?} for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The tiles among `records` by index, each with all its results.
pub fn tiles(records: &[Record]) -> BTreeMap<u32, Vec<(TileHeader, Vec<u8>)>> {
    let mut tiles = BTreeMap::<u32, Vec<_>>::new();
    for record in records {
        let header = TileHeader::decode(&record.headers, &record.payload).unwrap();
        tiles.entry(header.index).or_default().push((header, record.payload.clone()));
    }
    tiles
}
