//! The connection: one per process, shared, reconnecting.
//!
//! Owns time limits and what counts as *down*. Knows no job.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, RedisResult, ServerErrorKind, Value};

use super::counters;
use super::error::StateError;
use super::keys::Keys;
use super::script::{Answer, Call};
use crate::config::RedisArgs;
use crate::telemetry::outages::Waiting;

/// Calls in one pipeline; more are sent in several.
const CALLS_AT_ONCE: usize = 256;
/// Timeouts in a row after which the connection is taken for half open and made again.
const TIMEOUTS_IN_A_ROW: u32 = 3;

/// Lengths of time that tests shorten.
#[derive(Clone, Copy, Debug)]
pub struct StateOptions {
    /// How long a splitter's lease lasts.
    pub lease: Duration,
    /// How long an answer may take.
    pub response: Duration,
}

impl Default for StateOptions {
    fn default() -> Self {
        Self { lease: Duration::from_secs(10), response: Duration::from_secs(2) }
    }
}

/// The state in Redis. Clones share one connection.
#[derive(Clone)]
pub struct State {
    connection: Arc<Connection>,
    pub(super) keys: Keys,
    pub(super) options: StateOptions,
}

struct Connection {
    client: redis::Client,
    manager: RwLock<ConnectionManager>,
    timeouts: AtomicU32,
}

impl State {
    /// Connects, trying again until Redis answers: callers bound the wait. The sentinel is not asked for.
    ///
    /// # Errors
    /// [`StateError::Data`] if it is not an address of Redis.
    pub async fn connect(args: &RedisArgs) -> Result<Self, StateError> {
        Self::connect_with(args, StateOptions::default()).await
    }

    /// As [`State::connect`], with other lengths of time.
    ///
    /// # Errors
    /// [`StateError::Data`] if it is not an address of Redis.
    pub async fn connect_with(args: &RedisArgs, options: StateOptions) -> Result<Self, StateError> {
        let state = Self::lazy(args, options)?;
        let mut wait = Duration::from_millis(100);
        let mut outage = None;
        while let Err(error) = state.query::<String>(&redis::cmd("PING")).await {
            tracing::debug!(redis = %args.redacted_url(), %error, "waiting for redis");
            outage.get_or_insert_with(|| Waiting::begin("redis", &error));
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(Duration::from_secs(2));
        }
        Ok(state)
    }

    /// A state whose connection is made at the first call; must be called within a Tokio runtime.
    ///
    /// # Errors
    /// [`StateError::Data`] if it is not an address of Redis.
    pub fn lazy(args: &RedisArgs, options: StateOptions) -> Result<Self, StateError> {
        let address = |error: RedisError| StateError::Data(format!("the address {}: {error}", args.redacted_url()));
        let client = redis::Client::open(args.redis_url.as_str()).map_err(address)?;
        let manager = lazy_manager(&client, options.response).map_err(address)?;
        let connection = Connection { client, manager: RwLock::new(manager), timeouts: AtomicU32::new(0) };
        Ok(Self { connection: Arc::new(connection), keys: Keys::new(&args.key_prefix), options })
    }

    /// Whether Redis answers and has its data: the sentinel is there.
    ///
    /// # Errors
    /// [`StateError::Unavailable`] if not.
    pub async fn ping(&self) -> Result<(), StateError> {
        if self.is_alive().await? { Ok(()) } else { Err(StateError::lost()) }
    }

    /// Whether the sentinel is there: Redis has the data of all jobs.
    ///
    /// # Errors
    /// [`StateError::Unavailable`] if Redis does not answer.
    pub async fn is_alive(&self) -> Result<bool, StateError> {
        self.query(redis::cmd("EXISTS").arg(self.keys.alive())).await
    }

    /// Says that Redis has the data of all jobs. Only for [`super::recovery`] and for tests.
    ///
    /// # Errors
    /// [`StateError::Unavailable`] if Redis does not answer.
    pub async fn set_sentinel(&self) -> Result<(), StateError> {
        self.query(redis::cmd("SET").arg(self.keys.alive()).arg(crate::time::now())).await
    }

    /// A job has no hash: that may be so, or Redis has lost its data and must not be believed.
    pub(super) async fn believe_unknown(&self) -> Result<(), StateError> {
        self.ping().await
    }

    /// Runs one command.
    pub(super) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StateError> {
        let mut manager = self.connection.manager.read().clone();
        self.bounded(command.query_async(&mut manager)).await
    }

    /// Runs a pipeline; fails if one of its commands does.
    pub(super) async fn pipeline<T: FromRedisValue>(&self, pipeline: &Pipeline) -> Result<T, StateError> {
        let mut manager = self.connection.manager.read().clone();
        self.bounded(pipeline.query_async(&mut manager)).await
    }

    /// Calls one script.
    pub(super) async fn script(&self, call: Call) -> Result<Answer, StateError> {
        let answers = self.scripts(vec![call]).await?;
        answers.into_iter().next().unwrap_or_else(|| Err(StateError::Data("no answer of a script".to_owned())))
    }

    /// Calls scripts in pipelines; answers are in the order of the calls. What is wrong with one call's keys is that
    /// call's answer; the others have theirs.
    pub(super) async fn scripts(&self, calls: Vec<Call>) -> Result<Vec<Result<Answer, StateError>>, StateError> {
        let mut answers = Vec::with_capacity(calls.len());
        for some in calls.chunks(CALLS_AT_ONCE) {
            let mut values = self.try_calls(some).await?;
            // What Redis does not know it has not run: only those calls are sent again.
            let forgotten: Vec<usize> = (0..values.len()).filter(|&at| is_forgotten(&values[at])).collect();
            if !forgotten.is_empty() {
                let again: Vec<&Call> = forgotten.iter().map(|&at| &some[at]).collect();
                self.load(&again).await?;
                for (at, value) in forgotten.into_iter().zip(self.try_calls(again).await?) {
                    values[at] = value;
                }
            }
            for value in values {
                answers.push(each(value)?.and_then(Answer::read));
            }
        }
        Ok(answers)
    }

    /// Runs a pipeline whose commands fail one by one: what is wrong with one command's key is its answer alone.
    pub(super) async fn pipeline_each(
        &self,
        pipeline: &mut Pipeline,
    ) -> Result<Vec<Result<Value, StateError>>, StateError> {
        let values: Vec<RedisResult<Value>> = self.pipeline(pipeline.ignore_errors()).await?;
        values.into_iter().map(each).collect()
    }

    /// As [`State::pipeline_each`]; a key of another kind than belongs there counts as missing.
    pub(super) async fn pipeline_lenient(&self, pipeline: &mut Pipeline) -> Result<Vec<Value>, StateError> {
        let values = self.pipeline_each(pipeline).await?;
        Ok(values.into_iter().map(|value| value.unwrap_or(Value::Nil)).collect())
    }

    async fn try_calls(
        &self,
        calls: impl IntoIterator<Item = impl std::borrow::Borrow<Call>>,
    ) -> Result<Vec<RedisResult<Value>>, StateError> {
        let mut pipeline = redis::pipe();
        pipeline.ignore_errors();
        for call in calls {
            pipeline.add_command(call.borrow().command());
        }
        self.pipeline(&pipeline).await
    }

    async fn load(&self, calls: &[&Call]) -> Result<(), StateError> {
        let mut pipeline = redis::pipe();
        let mut loaded: Vec<&str> = Vec::new();
        for call in calls.iter().filter(|call| !call.hash().is_empty()) {
            if !loaded.contains(&call.hash()) {
                loaded.push(call.hash());
                pipeline.add_command(call.load());
            }
        }
        self.pipeline::<Vec<String>>(&pipeline).await.map(|_| ())
    }

    /// Bounds the wait for an answer, also while the connection is being made.
    async fn bounded<T>(&self, answer: impl Future<Output = RedisResult<T>>) -> Result<T, StateError> {
        let asked = Instant::now();
        let outcome = self.within_limit(answer).await;
        counters::asked(asked.elapsed(), &outcome);
        outcome
    }

    async fn within_limit<T>(&self, answer: impl Future<Output = RedisResult<T>>) -> Result<T, StateError> {
        let limit = self.options.response + Duration::from_millis(500);
        let outcome = tokio::time::timeout(limit, answer).await;
        match outcome {
            Ok(Ok(value)) => {
                self.connection.timeouts.store(0, Ordering::Relaxed);
                Ok(value)
            }
            Ok(Err(error)) if error.is_timeout() => Err(self.timed_out(error.to_string())),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(self.timed_out(format!("no answer within {} ms", limit.as_millis()))),
        }
    }

    fn timed_out(&self, text: String) -> StateError {
        if self.connection.timeouts.fetch_add(1, Ordering::Relaxed) + 1 >= TIMEOUTS_IN_A_ROW {
            self.connection.timeouts.store(0, Ordering::Relaxed);
            counters::reconnected();
            if let Ok(fresh) = lazy_manager(&self.connection.client, self.options.response) {
                *self.connection.manager.write() = fresh;
            }
        }
        StateError::Unavailable(text)
    }
}

fn lazy_manager(client: &redis::Client, response: Duration) -> RedisResult<ConnectionManager> {
    let config = ConnectionManagerConfig::new()
        .set_response_timeout(Some(response))
        .set_connection_timeout(Some(response))
        .set_number_of_retries(2)
        .set_min_delay(Duration::from_millis(50))
        .set_max_delay(Duration::from_millis(500));
    ConnectionManager::new_lazy_with_config(client.clone(), config)
}

fn is_forgotten(value: &RedisResult<Value>) -> bool {
    matches!(value, Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript))
}

/// One answer of several: only what is wrong with its own key is its own.
fn each(value: RedisResult<Value>) -> Result<Result<Value, StateError>, StateError> {
    match value.map_err(StateError::from) {
        Err(error @ StateError::Unavailable(_)) => Err(error),
        answer => Ok(answer),
    }
}
