//! Workers' names: taken, given up, refused.

use tessera::bus::{Group, Topic};

use crate::process::Worker;
use crate::support::{Picture, Rig, tiles, until};

/// The names of the workers that live, as Redis has them.
async fn alive(rig: &Rig) -> Vec<String> {
    let prefix = format!("{}name:worker:", rig.redis.key_prefix);
    let mut connection = redis::Client::open(rig.redis.redis_url.as_str()).unwrap().get_connection().unwrap();
    let keys: Vec<String> = redis::cmd("KEYS").arg(format!("{prefix}*")).query(&mut connection).unwrap();
    let mut names: Vec<String> = keys.iter().filter_map(|key| Some(key.strip_prefix(&prefix)?.to_owned())).collect();
    names.sort();
    names
}

#[actix::test]
async fn a_worker_without_a_name_takes_the_next_free_one_and_gives_it_up() {
    let rig = Rig::new().await;
    let host = tessera::config::ServiceArgs::host();
    let names = |numbers: &[u32]| numbers.iter().map(|number| format!("{host}-{number}")).collect::<Vec<_>>();
    let start = || Worker::start(&rig, "", &[]);
    let mut one = start();
    until("the first name", async || alive(&rig).await == names(&[1])).await;
    let _two = start();
    until("the second name", async || alive(&rig).await == names(&[1, 2])).await;
    // A name whose holder was killed on this machine is free at once.
    one.kill();
    let begun = std::time::Instant::now();
    let mut one = start();
    until("the first name to have another holder", async || {
        let key = format!("{}name:worker:{host}-1", rig.redis.key_prefix);
        let mut connection = redis::Client::open(rig.redis.redis_url.as_str()).unwrap().get_connection().unwrap();
        let holder: Option<String> = redis::cmd("GET").arg(key).query(&mut connection).unwrap();
        holder.is_some_and(|holder| holder.split(' ').nth(2) == Some(&one.0.id().to_string()))
    })
    .await;
    assert!(begun.elapsed().as_secs() < 5, "it took {:?}", begun.elapsed());
    assert!(one.terminate().success());
    assert_eq!(alive(&rig).await, names(&[2]));
}

#[actix::test]
async fn a_given_name_in_use_is_refused_and_its_holder_works_on() {
    let rig = Rig::new().await;
    let mut first = Worker::start(&rig, "one", &[]);
    until("the name to be taken", async || alive(&rig).await == ["one"]).await;
    let mut second = Worker::start(&rig, "one", &[("TESSERA_NAME", "second")]);
    assert!(!second.0.wait().unwrap().success(), "a second worker of that name");
    let picture = Picture::rgb(64, 64, 64, &["invert"]);
    let manifest = rig.processing(&picture).await;
    rig.send(picture.record(&manifest, 0, &rig.kafka)).await;
    rig.caught_up(Group::Workers).await;
    assert_eq!(tiles(&rig.all(Topic::Results))[&0][0].0.worker.as_str(), "one");
    assert!(first.terminate().success());
    assert!(alive(&rig).await.is_empty());
}
