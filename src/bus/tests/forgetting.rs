//! A Kafka that answers, for a moment, that its cluster has no brokers, as one does that comes back from a pause.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

const API_VERSIONS: i16 = 18;
const METADATA: i16 = 3;
const UNSUPPORTED_VERSION: i16 = 35;

/// Speaks just enough of Kafka's protocol to be asked for its brokers; its threads end with the process.
struct Forgetful {
    address: String,
    has_brokers: Arc<AtomicBool>,
}

impl Forgetful {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let has_brokers = Arc::new(AtomicBool::new(true));
        let knows = Arc::clone(&has_brokers);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let knows = Arc::clone(&knows);
                std::thread::spawn(move || while answer(&client, port, &knows).is_ok() {});
            }
        });
        Self { address: format!("127.0.0.1:{port}"), has_brokers }
    }

    fn knows(&self, has_brokers: bool) {
        self.has_brokers.store(has_brokers, Ordering::SeqCst);
    }
}

fn answer(mut client: &TcpStream, port: u16, knows: &AtomicBool) -> std::io::Result<()> {
    let mut size = [0; 4];
    client.read_exact(&mut size)?;
    let mut request = vec![0; u32::from_be_bytes(size) as usize];
    client.read_exact(&mut request)?;
    let number = |at: usize| i16::from_be_bytes([request[at], request[at + 1]]);
    let (api, version) = (number(0), number(2));
    let body = match api {
        API_VERSIONS => versions(if version == 0 { 0 } else { UNSUPPORTED_VERSION }),
        METADATA => metadata(knows.load(Ordering::SeqCst).then_some(port)),
        other => panic!("asked for {other}, which was not offered"),
    };
    let mut reply = request[4..8].to_vec();
    reply.extend(body);
    client.write_all(&(reply.len() as u32).to_be_bytes())?;
    client.write_all(&reply)
}

/// Version 0: what is offered, each with its lowest and highest version.
fn versions(error: i16) -> Vec<u8> {
    let mut body = error.to_be_bytes().to_vec();
    body.extend(2_i32.to_be_bytes());
    for number in [API_VERSIONS, 0, 0, METADATA, 1, 1] {
        body.extend(number.to_be_bytes());
    }
    body
}

/// Version 1: one broker or none, and a topic without partitions.
fn metadata(port: Option<u16>) -> Vec<u8> {
    let text = |text: &str| [&(text.len() as i16).to_be_bytes(), text.as_bytes()].concat();
    let mut body = i32::from(port.is_some()).to_be_bytes().to_vec();
    if let Some(port) = port {
        body.extend(1_i32.to_be_bytes());
        body.extend(text("127.0.0.1"));
        body.extend(i32::from(port).to_be_bytes());
        body.extend((-1_i16).to_be_bytes());
    }
    body.extend(if port.is_some() { 1_i32 } else { -1 }.to_be_bytes());
    body.extend(1_i32.to_be_bytes());
    body.extend(0_i16.to_be_bytes());
    body.extend(text("nothing"));
    body.push(0);
    body.extend(0_i32.to_be_bytes());
    body
}

#[tokio::test]
async fn clients_come_back_from_an_answer_without_brokers() {
    let kafka = Forgetful::start();
    let args = KafkaArgs::new(kafka.address.clone(), "");
    let producers: Vec<Producer> = (0..8).map(|_| Producer::connect(&args, "bus-test").unwrap()).collect();
    let (consumer, _records) = Consumer::start(&args, options(Topic::Jobs, 8)).unwrap();
    for round in 0..8 {
        kafka.knows(true);
        for (number, producer) in producers.iter().enumerate() {
            until(&format!("producer {number} in round {round}"), async || producer.is_up().await.is_ok()).await;
        }
        until("the consumer", async || consumer.status().is_connected).await;
        kafka.knows(false);
        // Whether a client calls this an answer is its own affair.
        let asked = producers.iter().cloned().map(|producer| async move { producer.is_up().await.is_ok() });
        asked.collect::<tokio::task::JoinSet<bool>>().join_all().await;
    }
    let _ = consumer.stop(Duration::from_secs(1)).await;
}
