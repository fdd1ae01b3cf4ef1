//! Which large files have been found whole, so that parts of them can be sent.
//!
//! A part of a file cannot be held against the digest of the whole. So the whole is read once, before the first part
//! is sent; that is remembered for as long as the file is the same one, and not for ever: a disk that loses bits does
//! not say so. However many ask for parts of a file at a time, one at a time is read, and the others find what it found.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, Shared};
use parking_lot::Mutex;
use tessera::job::Digest;
use tessera::store::{Damage, Object, Store, Version};

use crate::http::problem::Problem;

/// Files that are remembered.
const MOST_REMEMBERED: usize = 4096;
/// How long a file counts as whole.
const REMEMBERED_FOR: Duration = Duration::from_secs(3600);

/// What was found.
type Found = Result<Option<Damage>, Problem>;
type UnderWay = Shared<LocalBoxFuture<'static, Found>>;

thread_local! {
    /// Files that this thread of the server reads.
    static UNDER_WAY: std::cell::RefCell<HashMap<Object, UnderWay>> = std::cell::RefCell::default();
}

/// The files that were found whole. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    memory: Arc<Mutex<Memory>>,
    /// Who reads: a request of a few bytes costs a whole file.
    turn: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Default)]
struct Memory {
    whole: HashMap<Object, (Version, Instant)>,
    order: VecDeque<Object>,
}

impl Checked {
    /// What is wrong with a file of `bytes` and `digest`: reads it unless that was done.
    pub async fn check(&self, store: &Store, object: &Object, bytes: u64, digest: Digest) -> Found {
        let Some(version) = store.version(object).await? else { return Ok(Some(Damage::Missing)) };
        if self.memory.lock().has(object, &version) {
            return Ok(store.check_length(object, bytes).await?);
        }
        let asked = UNDER_WAY.with_borrow(|all| all.get(object).cloned());
        let reading = asked.unwrap_or_else(|| self.begin(store, object, bytes, digest));
        reading.await
    }

    /// Begins to read a file; goes on when the one who asked has gone, as others may come.
    fn begin(&self, store: &Store, object: &Object, bytes: u64, digest: Digest) -> UnderWay {
        let (memory, store, object) = (self.clone(), store.clone(), object.clone());
        let key = object.clone();
        let reading = async move {
            let found = memory.read(&store, &object, bytes, digest).await;
            UNDER_WAY.with_borrow_mut(|all| all.remove(&object));
            found
        };
        let reading = reading.boxed_local().shared();
        UNDER_WAY.with_borrow_mut(|all| all.insert(key, reading.clone()));
        actix_web::rt::spawn(reading.clone());
        reading
    }

    async fn read(&self, store: &Store, object: &Object, bytes: u64, digest: Digest) -> Found {
        let _turn = self.turn.lock().await;
        let before = store.version(object).await?;
        if before.as_ref().is_some_and(|version| self.memory.lock().has(object, version)) {
            // Another thread of the server has read it meanwhile.
            return Ok(store.check_length(object, bytes).await?);
        }
        let damage = store.verify(object, bytes, Some(&digest), None).await?;
        // One that was replaced meanwhile is looked at again by the next request.
        if let (None, Some(version)) = (&damage, before) {
            self.memory.lock().put(object.clone(), version);
        }
        Ok(damage)
    }
}

impl Memory {
    fn has(&self, object: &Object, version: &Version) -> bool {
        self.whole.get(object).is_some_and(|(known, at)| known == version && at.elapsed() < REMEMBERED_FOR)
    }

    fn put(&mut self, object: Object, version: Version) {
        if self.whole.insert(object.clone(), (version, Instant::now())).is_none() {
            self.order.push_back(object);
        }
        while self.whole.len() > MOST_REMEMBERED {
            let Some(oldest) = self.order.pop_front() else { return };
            self.whole.remove(&oldest);
        }
    }
}
