//! Without a broker: say so, wait, and go on when it is there.

use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Socket, Type};

use super::*;
use crate::bus::BusError;

/// An address at which nothing listens: it is bound, so that no other program gets it, and refuses all.
fn silent_address() -> (Socket, String) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address.to_string())
}

/// Lets clients reach `broker` at `socket` from now on; the thread ends with the process.
fn appear_at(socket: Socket, broker: String) {
    socket.listen(16).unwrap();
    let listener = TcpListener::from(socket);
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = std::net::TcpStream::connect(&broker).unwrap();
            for (mut from, mut to) in [(client.try_clone().unwrap(), server.try_clone().unwrap()), (server, client)] {
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(std::net::Shutdown::Both);
                });
            }
        }
    });
}

#[tokio::test]
async fn without_a_broker_all_is_unavailable_and_it_recovers_when_one_appears() {
    let bus = Bus::new().await;
    let (socket, address) = silent_address();
    let args = KafkaArgs { kafka_brokers: address, ..bus.args.clone() };
    let producer = Producer::connect(&args, "bus-test").unwrap();
    let (consumer, mut records) = Consumer::start(&args, options(Topic::Jobs, 8)).unwrap();

    // Whether Kafka is up is known long before a record is given up.
    let mut send = std::pin::pin!(producer.send(record(Topic::Jobs, 0, "lost")));
    tokio::select! {
        biased;
        sent = &mut send => panic!("asking took longer than sending: {sent:?}"),
        up = producer.is_up() => assert!(matches!(up, Err(BusError::Unavailable { .. }))),
    }
    let (sent, lag) = tokio::join!(send, admin::lag(&args, Group::Jobs));
    assert!(matches!((sent, lag), (Err(BusError::Unavailable { .. }), Err(BusError::Unavailable { .. }))));
    until("the consumer to notice", async || {
        let status = consumer.status();
        !status.is_connected && status.last_error.is_some()
    })
    .await;

    appear_at(socket, bus.args.kafka_brokers.clone());
    until("the producer to recover", async || producer.is_up().await.is_ok()).await;
    producer.send(record(Topic::Jobs, 0, "found")).await.unwrap();
    let found = receive(&mut records).await;
    assert_eq!(found.payload, b"found");
    until("the consumer to say that it is connected", async || consumer.status().is_connected).await;
    found.ack.done();
    consumer.stop(Duration::from_secs(5)).await.unwrap();
    assert_eq!(bus.committed(Group::Jobs, 0).await, Some(1));
}

#[tokio::test]
async fn a_stop_without_a_broker_ends_in_time() {
    let (_socket, address) = silent_address();
    let args = KafkaArgs::new(address, "");
    let (consumer, mut records) = Consumer::start(&args, options(Topic::Jobs, 8)).unwrap();
    until("the consumer to notice", async || consumer.status().last_error.is_some()).await;
    // Not given up: the thread itself has ended, though no broker said anything.
    consumer.stop(Duration::from_secs(2)).await.unwrap();
    assert!(records.recv().await.is_none(), "the thread has ended");
}

#[tokio::test]
async fn a_consumer_that_is_dropped_ends() {
    let bus = Bus::new().await;
    let (consumer, mut records) = bus.consume(Topic::Jobs, 8);
    drop(consumer);
    let ended = tokio::time::timeout(PATIENCE, records.recv()).await.expect("the thread ends");
    assert!(ended.is_none());
}
