//! At least once, in order of offsets, within bounds.

use std::collections::BTreeSet;

use super::*;
use crate::bus::dead_letter;

#[tokio::test]
async fn a_dropped_ack_brings_the_record_again_and_only_it() {
    let bus = Bus::new().await;
    for text in ["a", "b", "c"] {
        bus.send(Topic::Tasks, 0, text).await;
    }
    let (consumer, mut records) = bus.consume(Topic::Tasks, 8);
    let mut first = receive_many(&mut records, 3).await.into_iter();
    assert_eq!(first.as_slice().iter().map(|record| record.offset).collect::<Vec<_>>(), [0, 1, 2]);
    drop(first.next());
    first.for_each(|record| record.ack.done());
    let again = receive(&mut records).await;
    assert_eq!((again.offset, again.attempt, again.payload.as_slice()), (0, 2, &b"a"[..]));
    again.ack.done();
    bus.wait_for_commit(Group::Workers, 0, 3).await;
    bus.send(Topic::Tasks, 0, "sentinel").await;
    assert_eq!(receive(&mut records).await.payload, b"sentinel", "b and c did not come again");
    assert_eq!(consumer.status().repeated, 1);
    consumer.stop(Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn the_committed_offset_is_the_lowest_unfinished_and_a_restart_begins_there() {
    let bus = Bus::new().await;
    for number in 0..5 {
        bus.send(Topic::Tasks, 1, vec![number]).await;
    }
    let (consumer, mut records) = bus.consume(Topic::Tasks, 8);
    let mut held = None;
    for record in receive_many(&mut records, 5).await {
        if record.offset == 2 { held = Some(record) } else { record.ack.done() }
    }
    bus.wait_for_commit(Group::Workers, 1, 2).await;
    consumer.stop(Duration::from_millis(50)).await.unwrap();
    assert_eq!(bus.committed(Group::Workers, 1).await, Some(2), "not even the stop steps over it");
    drop(held);

    let (consumer, mut records) = bus.consume(Topic::Tasks, 8);
    for offset in 2..5 {
        let record = receive(&mut records).await;
        assert_eq!(record.offset, offset);
        record.ack.done();
    }
    // The stop follows the last verdict at once: it commits what no periodic commit has yet.
    consumer.stop(Duration::from_secs(5)).await.unwrap();
    assert_eq!(bus.committed(Group::Workers, 1).await, Some(5));
}

#[tokio::test]
async fn a_stop_waits_for_the_records_in_flight() {
    let bus = Bus::new().await;
    bus.send(Topic::Tasks, 0, "slow").await;
    let (consumer, mut records) = bus.consume(Topic::Tasks, 8);
    let slow = receive(&mut records).await;
    let stop = tokio::spawn(consumer.stop(PATIENCE));
    // Each question takes longer than a round of the polling thread: it has heard of the stop by then.
    for _ in 0..5 {
        assert_eq!(bus.committed(Group::Workers, 0).await, None);
        assert!(!stop.is_finished());
    }
    slow.ack.done();
    stop.await.unwrap().unwrap();
    assert_eq!(bus.committed(Group::Workers, 0).await, Some(1));
}

#[tokio::test]
async fn no_more_records_are_in_flight_than_allowed() {
    let bus = Bus::new().await;
    for number in 0..12 {
        bus.send(Topic::Tasks, i32::from(number % 4), vec![number]).await;
    }
    let (consumer, mut records) = bus.consume(Topic::Tasks, 3);
    let mut held = receive_many(&mut records, 3).await;
    for finished in 1..=9 {
        assert_eq!(consumer.status().records, finished + 2);
        held.remove(0).ack.done();
        held.push(receive(&mut records).await);
    }
    held[0].ack.release_slot();
    bus.send(Topic::Tasks, 0, "sentinel").await;
    held.push(receive(&mut records).await);
    assert_eq!(held.last().unwrap().payload, b"sentinel", "a released slot lets one more in");
    assert_eq!(consumer.status().records, 13);
    drop(held);
    consumer.stop(Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn no_more_bytes_are_in_flight_than_allowed() {
    let bus = Bus::new().await;
    let tile = Bytes::from(vec![7_u8; 786_432]);
    for partition in 0..4 {
        bus.send(Topic::Tasks, partition, tile.clone()).await;
    }
    // A second record is read beside the first (786,432 + 1,000,000), a third is not.
    let narrow = ConsumerOptions { max_in_flight_bytes: 2_000_000, ..options(Topic::Tasks, 64) };
    let (consumer, mut records) = Consumer::start(&bus.args, narrow).unwrap();
    let mut held = receive_many(&mut records, 2).await;
    for finished in 1..=2 {
        assert_eq!(consumer.status().records, finished + 1);
        held.remove(0).ack.done();
        held.push(receive(&mut records).await);
    }
    held.into_iter().for_each(|record| record.ack.done());
    consumer.stop(Duration::from_secs(5)).await.unwrap();
}

#[tokio::test]
async fn tiles_come_through_unchanged() {
    let bus = Bus::new().await;
    let tile = |number: u8| (0..786_432_u32).map(|at| (at % 251) as u8 ^ number).collect::<Vec<u8>>();
    let (consumer, mut records) = bus.consume(Topic::Results, 4);
    let send = async |number: u8| {
        let headers = vec![("tile", number.to_string()), ("schema", "tile/1.0".to_owned())];
        let (topic, partition, key) = (Topic::Results, None, Some(format!("job-{}", number % 5)));
        let record = Outgoing { topic, key, partition, headers, payload: tile(number).into() };
        // Unavailable means: send it again.
        loop {
            match bus.producer.send(record.clone()).await {
                Ok(delivered) => return assert!(delivered.offset >= 0),
                Err(error) => assert!(error.is_unavailable(), "{error}"),
            }
        }
    };
    let sending = futures_util::future::join_all((0..40_u8).map(send));
    let receiving = async {
        let mut numbers = BTreeSet::new();
        while numbers.len() < 40 {
            let record = receive(&mut records).await;
            let number: u8 = record.headers.get("tile").unwrap().parse().unwrap();
            assert!(record.payload == tile(number), "tile {number}");
            assert_eq!(record.key, Some(format!("job-{}", number % 5).into_bytes()));
            numbers.insert(number);
            record.ack.done();
        }
    };
    tokio::join!(sending, receiving);
    let repetitions = async {
        loop {
            receive(&mut records).await.ack.done();
        }
    };
    let at_the_end = async || bus.lag(Group::Stitchers).await.iter().all(|lag| lag.records() == 0);
    tokio::select! {
        () = repetitions => {}
        () = until("all to be committed", at_the_end) => {}
    }
    consumer.stop(Duration::from_secs(5)).await.unwrap();
}

#[tokio::test]
async fn a_dead_letter_arrives_with_the_record() {
    let bus = Bus::new().await;
    bus.send(Topic::Tasks, 2, vec![0_u8; 900_000]).await;
    let (consumer, mut records) = bus.consume(Topic::Tasks, 8);
    let poison = receive(&mut records).await;
    let letter = dead_letter(&poison, "Poison", "not a task", &bus.args).unwrap();
    let delivered = bus.producer.send(letter).await.unwrap();
    assert_eq!((delivered.partition, delivered.offset), (0, 0));
    poison.ack.done();
    bus.wait_for_commit(Group::Workers, 2, 1).await;
    consumer.stop(Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn a_record_that_is_too_large_is_refused_before_it_is_sent() {
    let bus = Bus::new().await;
    let largest = vec![1_u8; bus.args.max_record_bytes - 128];
    assert_eq!(bus.send(Topic::Tasks, 0, largest.clone()).await, 0);
    let larger = [largest, vec![1]].concat();
    let error = bus.producer.send(record(Topic::Tasks, 0, larger)).await.unwrap_err();
    assert!(matches!(error, crate::bus::BusError::TooLarge { bytes: 1_000_001, limit: 1_000_000, .. }), "{error}");
}
