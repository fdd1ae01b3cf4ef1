//! Sends what the worker has to say, until Kafka has acknowledged it.
//!
//! Owns the waiting while Kafka is down, which counts nothing. Must never report as published what the
//! broker has not acknowledged.

use bytes::Bytes;
use tessera::bus::records::{JobCommand, PayloadKind, StepTimes, TaskHeader, TileHeader, WholeResult};
use tessera::bus::{BusError, Delivery, Outgoing, Producer, RawRecord, Topic, dead_letter};
use tessera::config::KafkaArgs;
use tessera::job::{JobId, TraceContext};
use tessera::patience::Patience;
use tessera::picture::PictureInfo;
use tessera::telemetry::Shutdown;

use crate::Identity;
use crate::tile::{MadeTile, Poison};

/// What became of a record on its way out.
#[derive(Debug)]
pub enum Published {
    /// Kafka has it.
    Yes,
    /// It can never be sent; says why.
    Never(String),
    /// The worker stops before Kafka has it.
    Stopped,
}

/// The worker's mouth.
#[derive(Debug)]
pub struct ResultPublisher {
    producer: Producer,
    kafka: KafkaArgs,
    identity: Identity,
    worker_number: u16,
    shutdown: Shutdown,
}

impl ResultPublisher {
    /// Speaks for `identity` over `producer`.
    pub fn new(
        producer: Producer,
        kafka: KafkaArgs,
        identity: Identity,
        worker_number: u16,
        shutdown: Shutdown,
    ) -> Self {
        Self { producer, kafka, identity, worker_number, shutdown }
    }

    /// Which start of the worker speaks.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Sends a tile to `results`.
    pub async fn tile(
        &self,
        task: &TaskHeader,
        made: MadeTile,
        ms: StepTimes,
        trace: Option<&TraceContext>,
    ) -> Published {
        let header = TileHeader {
            payload: made.payload,
            width: made.size.width,
            height: made.size.height,
            channels: u8::try_from(made.format.layout.channels()).unwrap_or(u8::MAX),
            depth: made.format.depth.bits(),
            statistic: made.statistic,
            crc32c: made.crc32c,
            ..self.header(task, ms)
        };
        self.result(header, made.value, trace).await
    }

    /// Sends to `results` that the whole picture of a task has become `result`, a picture of `info`.
    pub async fn whole(
        &self,
        task: &TaskHeader,
        (result, info): (WholeResult, PictureInfo),
        ms: StepTimes,
        trace: Option<&TraceContext>,
    ) -> Published {
        let header = TileHeader {
            width: info.size.width,
            height: info.size.height,
            channels: u8::try_from(info.format.layout.channels()).unwrap_or(u8::MAX),
            depth: info.format.depth.bits(),
            result: Some(result),
            ..self.header(task, ms)
        };
        self.result(header, Bytes::new(), trace).await
    }

    /// What a result says of its task and of this worker.
    fn header(&self, task: &TaskHeader, ms: StepTimes) -> TileHeader {
        TileHeader {
            job: task.job,
            run: task.run,
            stage: task.stage,
            index: task.index,
            plan: task.plan,
            attempt: task.attempt,
            worker: self.identity.worker.clone(),
            worker_number: self.worker_number,
            incarnation: self.identity.incarnation.clone(),
            payload: PayloadKind::Shared,
            width: 0,
            height: 0,
            channels: 0,
            depth: 0,
            statistic: None,
            result: None,
            crc32c: 0,
            ms,
        }
    }

    async fn result(&self, header: TileHeader, payload: Bytes, trace: Option<&TraceContext>) -> Published {
        let key = Some(header.job.to_string());
        let record = Outgoing { topic: Topic::Results, key, partition: None, headers: header.encode(), payload };
        self.send(record.traced(trace).into()).await
    }

    /// Sends a task to `tasks.dlq`, with the cause.
    pub async fn dead_letter(&self, delivery: &Delivery, poison: &Poison) -> Published {
        match dead_letter(delivery, poison.class, &poison.reason, &self.kafka) {
            Some(record) => self.send(record).await,
            None => Published::Never("its topic has no dead letters".to_owned()),
        }
    }

    /// Tells the splitters that a job has ended.
    pub async fn ended(&self, job: JobId, trace: Option<&TraceContext>) -> Published {
        self.command(&JobCommand::Ended { job }, trace).await
    }

    /// Asks the splitters for a tile once more, with its pixels.
    pub async fn resend(
        &self,
        (job, stage, index): (JobId, u32, u32),
        why: &str,
        trace: Option<&TraceContext>,
    ) -> Published {
        let reason = format!("{} could not read tile {index} from its slot: {why}", self.identity.worker);
        self.command(&JobCommand::Resend { job, stage, reason, inline: vec![index] }, trace).await
    }

    async fn command(&self, command: &JobCommand, trace: Option<&TraceContext>) -> Published {
        let (headers, value) = command.encode();
        let (key, payload) = (Some(command.job().to_string()), Bytes::from(value));
        let record = Outgoing { topic: Topic::Jobs, key, partition: None, headers, payload };
        self.send(record.traced(trace).into()).await
    }

    async fn send(&self, record: RawRecord) -> Published {
        let mut patience = Patience::default();
        loop {
            let problem = match self.producer.send(record.clone()).await {
                Ok(_) => return Published::Yes,
                Err(error @ BusError::TooLarge { .. }) => return Published::Never(error.to_string()),
                Err(error) => error,
            };
            if !patience.wait_for(problem.awaited(), &problem, &self.shutdown).await {
                return Published::Stopped;
            }
        }
    }
}
