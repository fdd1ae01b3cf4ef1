//! Health: `/healthz` says that the process lives, `/readyz` that it can do its job.
//!
//! Every dependency is named with its state, so that an operator sees which part is broken.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::{HttpResponse, web};
use parking_lot::Mutex;
use serde::Serialize;

/// What a process knows of its dependencies; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Health {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    draining: bool,
    dependencies: BTreeMap<&'static str, Result<(), String>>,
    /// Since when each that was well is not.
    away: BTreeMap<&'static str, Instant>,
}

/// What changed with a dependency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    /// It is there for the first time.
    Ready,
    /// It went away.
    Away,
    /// It is back after so long.
    Back(Duration),
}

/// What `/readyz` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Readiness {
    /// Whether the process can do its job.
    pub ready: bool,
    /// Whether it is stopping.
    pub draining: bool,
    /// Each dependency: `ok`, or what is wrong.
    pub dependencies: BTreeMap<&'static str, String>,
}

impl Health {
    /// A process that depends on `names`; each counts as not ready until it is set.
    pub fn new(names: &[&'static str]) -> Self {
        let health = Self::default();
        names.iter().for_each(|name| health.set(name, Err("not looked at yet".to_owned())));
        health
    }

    /// Says how dependency `name` is. An outage is logged once, and once more when it ends.
    pub fn set(&self, name: &'static str, now: Result<(), String>) {
        match self.change(name, now.clone(), Instant::now()) {
            Some(Change::Ready) => tracing::info!(dependency = name, "dependency is ready"),
            Some(Change::Back(after)) => {
                tracing::info!(dependency = name, "{name} is back after {} s", after.as_secs());
            }
            Some(Change::Away) => {
                let problem = now.err().unwrap_or_default();
                tracing::warn!(dependency = name, problem, "dependency is not ready");
            }
            None => {}
        }
    }

    fn change(&self, name: &'static str, now: Result<(), String>, at: Instant) -> Option<Change> {
        let mut state = self.state.lock();
        let is_well = now.is_ok();
        match (state.dependencies.insert(name, now).map(|before| before.is_ok()), is_well) {
            (Some(true), false) => {
                state.away.insert(name, at);
                Some(Change::Away)
            }
            (None, false) => Some(Change::Away),
            (Some(false), true) => {
                let since = state.away.remove(name);
                Some(since.map_or(Change::Ready, |since| Change::Back(at.saturating_duration_since(since))))
            }
            _ => None,
        }
    }

    /// The process is stopping: it is no longer ready.
    pub fn drain(&self) {
        self.state.lock().draining = true;
    }

    /// What `/readyz` answers now.
    pub fn readiness(&self) -> Readiness {
        let state = self.state.lock();
        let all_well = state.dependencies.values().all(Result::is_ok);
        let text = |state: &Result<(), String>| state.clone().map_or_else(|problem| problem, |()| "ok".to_owned());
        Readiness {
            ready: all_well && !state.draining,
            draining: state.draining,
            dependencies: state.dependencies.iter().map(|(name, state)| (*name, text(state))).collect(),
        }
    }

    /// Whether the process can do its job.
    pub fn is_ready(&self) -> bool {
        self.readiness().ready
    }
}

/// Adds `/healthz` and `/readyz` to a service's routes.
pub fn routes(health: Health) -> impl FnOnce(&mut web::ServiceConfig) {
    move |config| {
        config
            .route("/healthz", web::get().to(async || HttpResponse::Ok().json(serde_json::json!({"status": "alive"}))))
            .route("/readyz", web::get().to(move || std::future::ready(answer(&health))));
    }
}

fn answer(health: &Health) -> HttpResponse {
    let readiness = health.readiness();
    let mut response = if readiness.ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    response.json(readiness)
}

#[cfg(test)]
mod tests {
    use actix_web::App;

    use super::*;

    #[test]
    fn a_process_is_ready_when_all_it_needs_is_there_and_it_does_not_stop() {
        let health = Health::new(&["kafka", "redis"]);
        assert!(!health.is_ready());
        health.set("kafka", Ok(()));
        health.set("redis", Err("connection refused".to_owned()));
        assert_eq!(health.readiness().dependencies["redis"], "connection refused");
        health.set("redis", Ok(()));
        assert!(health.is_ready());
        health.drain();
        assert!(!health.is_ready());
    }

    #[test]
    fn an_outage_is_said_once_and_its_end_with_its_length() {
        let (health, begin) = (Health::new(&["kafka"]), Instant::now());
        let at = |seconds| begin + Duration::from_secs(seconds);
        assert_eq!(health.change("kafka", Ok(()), at(0)), Some(Change::Ready));
        let away = || Err("no answer".to_owned());
        let said = (1..32).filter_map(|second| health.change("kafka", away(), at(second))).collect::<Vec<_>>();
        assert_eq!(said, [Change::Away]);
        assert_eq!(health.change("kafka", Ok(()), at(32)), Some(Change::Back(Duration::from_secs(31))));
        assert_eq!(health.change("kafka", Ok(()), at(33)), None);
    }

    #[actix_web::test]
    async fn the_page_says_which_part_is_broken() {
        let health = Health::new(&["kafka"]);
        let app = actix_web::test::init_service(App::new().configure(routes(health.clone()))).await;
        let ask = |path: &str| actix_web::test::TestRequest::get().uri(path).to_request();
        assert_eq!(actix_web::test::call_service(&app, ask("/healthz")).await.status(), 200);
        let answer = actix_web::test::call_service(&app, ask("/readyz")).await;
        assert_eq!(answer.status(), 503);
        let body = actix_web::test::read_body(answer).await;
        assert!(std::str::from_utf8(&body).unwrap().contains("not looked at yet"));
        health.set("kafka", Ok(()));
        assert_eq!(actix_web::test::call_service(&app, ask("/readyz")).await.status(), 200);
    }
}
