//! Members that come and go lose nothing.

use std::collections::BTreeSet;

use super::*;

const RECORDS: usize = 400;

/// Finishes what comes until told to stop; answers where it all lay.
async fn work(mut records: Receiver<Delivery>, seen: tokio::sync::mpsc::UnboundedSender<(i32, i64)>) {
    while let Some(record) = records.recv().await {
        let place = (record.partition, record.offset);
        record.ack.done();
        if seen.send(place).is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn a_rebalance_between_two_members_loses_nothing() {
    let bus = Bus::new().await;
    let half = RECORDS / 2;
    let (seen, mut places) = tokio::sync::mpsc::unbounded_channel();
    let (first, records) = bus.consume(Topic::Tasks, 8);
    tokio::spawn(work(records, seen.clone()));
    send_numbers(&bus, 0..half).await;
    let (second, records) = bus.consume(Topic::Tasks, 8);
    tokio::spawn(work(records, seen));
    let sending = send_numbers(&bus, half..RECORDS);
    let sharing = until("both to own partitions", async || {
        let (mut all, other) = (first.assignment(), second.assignment());
        let both = !all.is_empty() && !other.is_empty();
        all.extend(other);
        all.sort_unstable();
        both && all == [0, 1, 2, 3]
    });
    tokio::join!(sending, sharing);
    first.stop(PATIENCE).await.unwrap();
    until("the other to own all", async || second.assignment().len() == 4).await;
    send_numbers(&bus, RECORDS..RECORDS + 8).await;

    let mut distinct = BTreeSet::new();
    while distinct.len() < RECORDS + 8 {
        let place = tokio::time::timeout(PATIENCE, places.recv()).await.expect("every record in time");
        distinct.insert(place.unwrap());
    }
    second.stop(PATIENCE).await.unwrap();
    let lag = bus.lag(Group::Workers).await;
    assert!(lag.iter().all(|lag| lag.records() == 0), "{lag:?}");
}

#[tokio::test]
async fn a_broker_that_takes_no_short_sessions_gets_longer_ones() {
    let bus = Bus::new().await;
    let shorter_than_any = Duration::from_millis(1000);
    let (consumer, mut records) = Consumer::start_with(&bus.args, options(Topic::Tasks, 8), shorter_than_any).unwrap();
    bus.send(Topic::Tasks, 0, "read all the same").await;
    let record = receive(&mut records).await;
    assert_eq!(record.payload, b"read all the same");
    record.ack.done();
    consumer.stop(PATIENCE).await.unwrap();
}

async fn send_numbers(bus: &Bus, numbers: std::ops::Range<usize>) {
    for number in numbers {
        let partition = i32::try_from(number % 4).unwrap();
        bus.send(Topic::Tasks, partition, number.to_string()).await;
    }
}

#[tokio::test]
async fn verdicts_on_records_of_a_lost_partition_change_nothing() {
    let bus = Bus::new().await;
    send_numbers(&bus, 0..4).await;
    let (first, mut records) = bus.consume(Topic::Tasks, 8);
    let held = receive_many(&mut records, 4).await;
    let (second, mut others) = bus.consume(Topic::Tasks, 8);
    let moved = receive(&mut others).await;
    // The first member still holds the same record, of an assignment that is over.
    held.into_iter().for_each(|record| record.ack.done());
    until("the first to commit what is its own", async || {
        let lag = bus.lag(Group::Workers).await;
        first.assignment().iter().all(|own| lag.iter().any(|lag| lag.partition == *own && lag.committed == Some(1)))
    })
    .await;
    first.stop(PATIENCE).await.unwrap();
    let committed = bus.committed(Group::Workers, moved.partition).await;
    assert_ne!(committed, Some(1), "the record is in the second member's hands, unfinished");
    drop((moved, others));
    second.stop(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_static_member_keeps_its_partitions_over_a_restart() {
    let bus = Bus::new().await;
    let member = || ConsumerOptions { static_member: Some("s-1".to_owned()), ..options(Topic::Results, 8) };
    let (first, _records) = Consumer::start(&bus.args, member()).unwrap();
    let (other, _others) = bus.consume(Topic::Results, 8);
    until("both to own one", async || first.assignment().len() == 1 && other.assignment().len() == 1).await;
    let owned = first.assignment();
    first.stop(Duration::ZERO).await.unwrap();
    let (again, _records) = Consumer::start(&bus.args, member()).unwrap();
    until("the restarted member to own", async || !again.assignment().is_empty()).await;
    assert_eq!((again.assignment(), other.assignment().len()), (owned, 1));
    other.stop(Duration::ZERO).await.unwrap();
    again.stop(Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn a_member_without_a_free_slot_still_lets_others_join_and_then_goes_on() {
    let bus = Bus::new().await;
    let (first, mut records) = bus.consume(Topic::Tasks, 1);
    until("the first to own all", async || first.assignment().len() == 4).await;
    send_numbers(&bus, 0..8).await;
    let held = receive(&mut records).await;
    let (second, others) = bus.consume(Topic::Tasks, 8);
    let (seen, mut places) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(work(others, seen.clone()));
    until("the second to own half", async || second.assignment().len() == 2).await;
    assert_eq!(first.status().records, 1, "the first had no slot for another");
    held.ack.done();
    tokio::spawn(work(records, seen));
    let finish = until("all to be finished", async || {
        bus.lag(Group::Workers).await.iter().all(|lag| lag.records() == 0 && lag.committed.is_some())
    });
    finish.await;
    let mut distinct = BTreeSet::new();
    while let Ok(place) = places.try_recv() {
        distinct.insert(place);
    }
    assert!(distinct.len() >= 7, "all but the held one, which was finished elsewhere or again: {distinct:?}");
}

#[tokio::test]
async fn partitions_that_left_while_they_were_paused_are_read_when_they_come_back() {
    let bus = Bus::new().await;
    let (first, mut records) = bus.consume(Topic::Tasks, 1);
    until("the first to own all", async || first.assignment().len() == 4).await;
    send_numbers(&bus, 0..4).await;
    let held = receive(&mut records).await;
    let (second, others) = bus.consume(Topic::Tasks, 8);
    // Without a slot the first takes part in this only once it has paused what it owns.
    until("the second to own half", async || second.assignment().len() == 2).await;
    // It goes on with what is its own before the others come back, and has a slot for them when they do.
    let (seen, _places) = tokio::sync::mpsc::unbounded_channel();
    held.ack.done();
    tokio::spawn(work(records, seen));
    until("the first to go on", async || first.status().records > 1).await;
    drop(others);
    second.stop(Duration::ZERO).await.unwrap();
    until("the first to own all again", async || first.assignment().len() == 4).await;
    send_numbers(&bus, 4..12).await;
    let finish = until("all to be finished", async || {
        bus.lag(Group::Workers).await.iter().all(|lag| lag.records() == 0 && lag.committed.is_some())
    });
    finish.await;
    assert_eq!(first.status().restarts, 0, "they were silent until the client was replaced");
    first.stop(PATIENCE).await.unwrap();
}
