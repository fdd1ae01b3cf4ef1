//! What a splitter does not take, and that it holds up no other job: rubbish, what cannot be read, another store.

use std::io::{Read, Write};

use bytes::Bytes;
use tessera::bus::records::JobCommand;
use tessera::bus::{Group, Outgoing, Topic};
use tessera::config::StoreArgs;
use tessera::job::{JobId, JobStatus};
use tessera::store::{Object, Store};

use crate::running::{Running, Tasks, accepted, tell};
use crate::support::{Picture, Rig, until};

#[actix_web::test]
async fn rubbish_is_dead_lettered_and_what_was_withdrawn_is_dropped() {
    let rig = Rig::new().await;
    let picture = Picture::rgb(100, 100, 256, &["invert"]);
    let _splitter = Running::start(&rig, "splitter");
    let (headers, _) = JobCommand::Ended { job: JobId::random() }.encode();
    let payload = Bytes::from_static(b"{\"command\":\"explode\"}");
    rig.send(Outgoing { topic: Topic::Jobs, key: None, partition: None, headers, payload: payload.clone() }).await;
    let withdrawn = JobId::random();
    tell(&rig, &JobCommand::Accepted { job: withdrawn }).await;
    // Redis has not heard of this one, or has forgotten it; manifest and original are there.
    let (manifest, store) = (picture.manifest(), Store::open(&rig.store).unwrap());
    store.put(&Object::Original(manifest.job), picture.png().into()).await.unwrap();
    store.put_manifest(&manifest).await.unwrap();
    tell(&rig, &JobCommand::Accepted { job: manifest.job }).await;
    let mut tasks = Tasks::of(&rig);
    tasks.wait_for(1).await;
    assert_eq!(tasks.indices(manifest.job), [0]);
    rig.caught_up(Group::Jobs).await;
    assert!(rig.state.job(withdrawn).await.unwrap().is_none());
    let dead = rig.all(Topic::JobsDlq);
    assert_eq!((dead.len(), dead[0].payload.as_slice()), (1, payload.as_ref()));
}

#[actix_web::test]
async fn one_manifest_that_cannot_be_read_fails_its_job_and_holds_up_no_other() {
    let rig = Rig::new().await;
    let picture = Picture::rgb(100, 100, 256, &["invert"]);
    let bad = accepted(&rig, &picture, picture.png()).await;
    // Redis has forgotten it, and its description is a link to itself.
    rig.state.withdraw(bad.job).await.unwrap();
    let path = Store::open(&rig.store).unwrap().place_of(&Object::Manifest(bad.job));
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(&path, &path).unwrap();
    let damaged = accepted(&rig, &picture, picture.png()).await;
    let file = Store::open(&rig.store).unwrap().place_of(&Object::Manifest(damaged.job));
    std::fs::write(file, "{").unwrap();
    tell(&rig, &JobCommand::Accepted { job: bad.job }).await;
    tell(&rig, &JobCommand::Accepted { job: damaged.job }).await;
    let _splitter = Running::start(&rig, "splitter");
    let good = accepted(&rig, &picture, picture.png()).await;
    tell(&rig, &JobCommand::Accepted { job: good.job }).await;
    let mut tasks = Tasks::of(&rig);
    tasks.wait_for(1).await;
    assert_eq!(tasks.indices(good.job), [0]);
    let letters = rig.records(Topic::JobsDlq, 1);
    assert_eq!(letters[0].headers.get("error-class"), Some("spent"));
    assert_eq!(letters[0].headers.get("attempts"), Some("5"));
    assert!(letters[0].headers.get("error-message").unwrap().contains("job.json"), "{:?}", letters[0].headers);
    rig.caught_up(Group::Jobs).await;
    until("the damaged job to fail", async || {
        rig.state.job(damaged.job).await.unwrap().unwrap().status == JobStatus::Failed
    })
    .await;
}

#[actix_web::test]
async fn a_job_with_a_key_of_another_kind_fails_alone() {
    let rig = Rig::new().await;
    let picture = Picture::rgb(100, 100, 256, &["invert"]);
    let _splitter = Running::start(&rig, "splitter");
    let mut jobs = Vec::new();
    for key in ["", ":tiles:0"] {
        let bad = accepted(&rig, &picture, picture.png()).await;
        rig.spoil(&format!("job:{{{}}}{key}", bad.job));
        tell(&rig, &JobCommand::Accepted { job: bad.job }).await;
        jobs.push(bad.job);
    }
    for job in jobs {
        until("the job to fail", async || {
            rig.state.job(job).await.is_ok_and(|view| view.is_some_and(|view| view.status == JobStatus::Failed))
        })
        .await;
        let reason = rig.state.job(job).await.unwrap().unwrap().reason.unwrap();
        assert!(reason.contains("WRONGTYPE") && reason.contains("retry the job"), "{reason}");
    }
    // Only now: it takes the ready ones with it, and there is no monitor here that makes them ready again.
    rig.spoil("jobs:ready");
    let good = accepted(&rig, &picture, picture.png()).await;
    tell(&rig, &JobCommand::Accepted { job: good.job }).await;
    let mut tasks = Tasks::of(&rig);
    tasks.wait_for(1).await;
    assert_eq!(tasks.indices(good.job), [0]);
    rig.caught_up(Group::Jobs).await;
}

/// What a service's health page says of its readiness.
fn readiness(rig: &Rig, name: &str) -> String {
    let address = std::fs::read_to_string(rig.folder.path().join("run").join(format!("{name}.addr"))).unwrap();
    let mut stream = std::net::TcpStream::connect(address.trim()).unwrap();
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[actix_web::test]
async fn a_splitter_of_another_store_is_not_ready_and_takes_no_partition() {
    let rig = Rig::new().await;
    let id = Store::open(&rig.store).unwrap().make_identity().await.unwrap();
    rig.state.adopt_store(id, "here").await.unwrap();
    let other = format!("file://{}", rig.folder.path().join("other").display());
    let other = StoreArgs { store: other, ..rig.store.clone() };
    let other_id = Store::open(&other).unwrap().make_identity().await.unwrap();
    let _stranger = Running::start_with(&rig, "stranger", other);
    let has_looked = async || {
        let announced = rig.state.announced_stores().await.unwrap();
        announced.iter().any(|said| said.service.starts_with("stranger") && said.id == Some(other_id))
    };
    until("the stranger to look at its store", has_looked).await;
    let told = async || {
        let answer = readiness(&rig, "stranger");
        answer.starts_with("HTTP/1.1 503") && [id, other_id].iter().all(|id| answer.contains(&id.to_string()))
    };
    until("the stranger's page to tell both ids", told).await;
    // There is one partition of jobs: the stranger came first and would have it.
    let picture = Picture::rgb(100, 100, 256, &["invert"]);
    let manifest = accepted(&rig, &picture, picture.png()).await;
    let _splitter = Running::start(&rig, "splitter");
    tell(&rig, &JobCommand::Accepted { job: manifest.job }).await;
    Tasks::of(&rig).wait_for(1).await;
    rig.caught_up(Group::Jobs).await;
    assert_eq!(rig.state.job(manifest.job).await.unwrap().unwrap().status, JobStatus::Processing);
}
