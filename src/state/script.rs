//! The scripts and their calls.
//!
//! Owns how a script is sent: by its hash, many in one pipeline, and again with its text when Redis has
//! forgotten it (it was restarted).

use std::sync::LazyLock;

use redis::{Cmd, FromRedisValue, Value};

use super::error::StateError;
use super::keys::Keys;

macro_rules! scripts {
    ($($(#[$doc:meta])* $name:ident = $file:literal;)*) => {$(
        $(#[$doc])*
        pub(super) static $name: Script = Script {
            code: concat!(include_str!("scripts/prelude.lua"), include_str!(concat!("scripts/", $file, ".lua"))),
            hash: LazyLock::new(|| hash(concat!(
                include_str!("scripts/prelude.lua"), include_str!(concat!("scripts/", $file, ".lua"))
            ))),
        };
    )*};
}

scripts! {
    CREATE = "create";
    QUEUE = "queue";
    WITHDRAW = "withdraw";
    MAKE_READY = "make_ready";
    LEASE = "lease";
    RENEW = "renew";
    RELEASE = "release";
    TAKE = "take";
    ASK_INLINE = "ask_inline";
    HAND_BACK = "hand_back";
    CLAIM = "claim";
    MARK = "mark";
    UNMARK = "unmark";
    FINISHING = "finishing";
    NEXT_STAGE = "next_stage";
    DONE = "done";
    FINISH = "finish";
    RETRY = "retry";
    BEGIN_ANEW = "begin_anew";
    IN_TILES = "in_tiles";
    TAKE_BACK = "take_back";
    EXPIRE = "expire";
    REINDEX = "reindex";
    TOUCH = "touch";
    ADD_NOTICES = "add_notices";
    PROGRESS = "progress";
    BEAT = "beat";
    LIVE = "live";
    NAME = "name";
    WORKER_NUMBER = "worker_number";
    IDEMPOTENCY_CLAIM = "idempotency_claim";
    IDEMPOTENCY_SETTLE = "idempotency_settle";
    STORE_ADOPT = "store_adopt";
    STORE_ANNOUNCE = "store_announce";
}

fn hash(code: &str) -> String {
    redis::Script::new(code).get_hash().to_owned()
}

/// A script's text and the hash it is called by.
pub(super) struct Script {
    code: &'static str,
    hash: LazyLock<String>,
}

impl Script {
    /// Begins a call.
    pub(super) fn call(&'static self) -> Call {
        Call { script: self, keys: Vec::new(), arguments: Vec::new() }
    }
}

/// One call of a script.
pub(super) struct Call {
    script: &'static Script,
    keys: Vec<String>,
    arguments: Vec<String>,
}

impl Call {
    pub(super) fn key(mut self, key: String) -> Self {
        self.keys.push(key);
        self
    }

    /// The indexes over jobs, which a script that moves a job takes as its last keys.
    pub(super) fn indexes(mut self, keys: &Keys) -> Self {
        self.keys.extend(keys.indexes());
        self
    }

    pub(super) fn arg(mut self, argument: impl ToString) -> Self {
        self.arguments.push(argument.to_string());
        self
    }

    pub(super) fn args<T: ToString>(mut self, arguments: impl IntoIterator<Item = T>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.to_string()));
        self
    }

    /// The command that calls the script by its hash.
    pub(super) fn command(&self) -> Cmd {
        let mut command = redis::cmd("EVALSHA");
        command.arg(self.script.hash.as_str()).arg(self.keys.len()).arg(&self.keys).arg(&self.arguments);
        command
    }

    /// The command that gives Redis the script's text.
    pub(super) fn load(&self) -> Cmd {
        let mut command = redis::cmd("SCRIPT");
        command.arg("LOAD").arg(self.script.code);
        command
    }

    /// Tells scripts apart.
    pub(super) fn hash(&self) -> &str {
        &self.script.hash
    }
}

/// A script's answer: a word and what belongs to it.
#[derive(Debug)]
pub(super) struct Answer(Vec<String>);

impl Answer {
    pub(super) fn read(value: Value) -> Result<Self, StateError> {
        let words = Vec::<String>::from_redis_value(value);
        words.map(Self).map_err(|error| StateError::Data(format!("a script's answer: {error}")))
    }

    /// The first word.
    pub(super) fn word(&self) -> &str {
        self.text(0)
    }

    /// Text `at`, empty if there is none.
    pub(super) fn text(&self, at: usize) -> &str {
        self.0.get(at).map_or("", String::as_str)
    }

    /// Text `at` as an id, a number or a word.
    pub(super) fn parse<T: std::str::FromStr>(&self, at: usize) -> Result<T, StateError> {
        self.text(at).parse().map_err(|_| self.unexpected())
    }

    /// The script never gives such an answer.
    pub(super) fn unexpected(&self) -> StateError {
        StateError::Data(format!("a script answered {:?}", self.0))
    }
}
