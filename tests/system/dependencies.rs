//! Kafka or Redis out of reach: uploads are refused before they are read, jobs wait and go on.

use anyhow::Result;

use crate::support::proxy::Proxy;
use crate::support::system::{Options, System};
use crate::support::{LONG, pictures, required, wait_for};

const OPERATIONS: [&str; 1] = ["gaussian_blur:ksize=9"];

/// A system whose Redis can be cut off.
fn with_redis_proxy() -> Result<(System, Proxy)> {
    let url = required("TESSERA_TEST_REDIS_URL")?;
    let host = url.trim_start_matches("redis://").split('/').next().unwrap_or("").to_owned();
    let proxy = Proxy::start(&host)?;
    let through = format!("redis://{}/0", proxy.address);
    let environment = vec![("TESSERA_REDIS_URL".to_owned(), through)];
    Ok((System::start(&Options { tile_delay_ms: 100, environment, ..Options::default() })?, proxy))
}

#[test]
fn redis_out_of_reach_refuses_uploads_and_leaves_nothing() -> Result<()> {
    let (mut system, proxy) = with_redis_proxy()?;
    let picture = pictures::rgb_png(2000, 2000, 31)?;
    let job = system.submit(&picture, &OPERATIONS)?;
    system.wait_for_middle(&job)?;
    let files = system.files("store").len();
    proxy.cut();
    let refused = wait_for("a refusal", LONG, || {
        let answer = system.post("p.png", &pictures::rgb_png(30, 30, 1)?, &OPERATIONS)?;
        Ok((answer.status == 503).then_some(answer))
    })?;
    assert!(refused.header("retry-after").is_some());
    assert_eq!(system.files("store").len(), files, "a refused upload left files");
    proxy.restore();
    system.compare(&job, &picture, &OPERATIONS)?;
    system.wait_until_ready()?;
    system.submit_and_compare(&pictures::rgb_png(300, 300, 32)?, &OPERATIONS)?;
    Ok(())
}

#[test]
fn kafka_out_of_reach_refuses_uploads_and_leaves_nothing() -> Result<()> {
    // Nothing listens on this port: for web alone there is no Kafka.
    let mut system = System::start(&Options::default())?;
    let closed = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.to_string();
    let web = system.process("web")?;
    web.recipe.environment.insert("TESSERA_KAFKA_BROKERS".to_owned(), closed);
    system.kill("web")?;
    system.restart("web")?;
    let refused = wait_for("a refusal", LONG, || {
        let answer = system.post("p.png", &pictures::rgb_png(30, 30, 1)?, &OPERATIONS);
        Ok(answer.ok().filter(|answer| answer.status == 503))
    })?;
    assert!(refused.header("retry-after").is_some());
    assert_eq!(system.files("store").len(), 0, "a refused upload left files");
    Ok(())
}
