//! What is done when a file turns out to be damaged as it is served: its job is put right, once, beside the request.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tessera::job::JobId;
use tessera::mending::replace_result;
use tessera::state::{JobView, State};
use tessera::store::{Damage, Store};

/// Puts jobs right whose result is damaged. Clones share what is under way.
#[derive(Clone)]
pub struct Mender {
    state: State,
    store: Store,
    keep: Duration,
    under_way: Arc<Mutex<HashSet<JobId>>>,
}

impl Mender {
    /// A mender that has nothing to do yet. Failed jobs are kept for `keep`.
    pub fn new(state: &State, store: &Store, keep: Duration) -> Self {
        Self { state: state.clone(), store: store.clone(), keep, under_way: Arc::default() }
    }

    /// Takes a damaged result out of use, beside, unless that is under way. Must be called inside an actix system.
    pub fn put_right(&self, view: &JobView, damage: Damage) {
        if !self.under_way.lock().insert(view.job) {
            return;
        }
        let (mender, view) = (self.clone(), view.clone());
        actix_web::rt::spawn(async move {
            let keep = mender.keep;
            if let Err(error) = replace_result(&mender.state, &mender.store, &view, &damage, keep).await {
                tracing::error!(job = %view.job, %error, "a damaged result could not be taken out of use");
            }
            mender.under_way.lock().remove(&view.job);
        });
    }
}
