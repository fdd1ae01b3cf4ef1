//! Finished records go, and no other.

use super::*;
use crate::bus::admin::Trimmer;

/// The first offset that is still there.
async fn begin(bus: &Bus, group: Group, partition: i32) -> i64 {
    bus.lag(group).await.iter().find(|lag| lag.partition == partition).unwrap().begin
}

#[tokio::test]
async fn what_is_finished_goes_and_what_is_not_is_still_handed_out() {
    let bus = Bus::new().await;
    let trimmer = Trimmer::connect(&bus.args, Group::Workers).unwrap();
    for number in 0..6 {
        bus.send(Topic::Tasks, 1, format!("{number}")).await;
        bus.send(Topic::Tasks, 2, format!("{number}")).await;
    }
    assert_eq!(trimmer.trim().await.unwrap(), 0, "without a committed offset nothing goes");
    let (consumer, mut records) = bus.consume(Topic::Tasks, 64);
    let mut held = Vec::new();
    for delivery in receive_many(&mut records, 12).await {
        match (delivery.partition, delivery.offset) {
            // The third of partition 1 is unfinished, and all of partition 2.
            (1, 0 | 1 | 3) => delivery.ack.done(),
            _ => held.push(delivery),
        }
    }
    bus.wait_for_commit(Group::Workers, 1, 2).await;
    assert_eq!(trimmer.trim().await.unwrap(), 2);
    assert_eq!((begin(&bus, Group::Workers, 1).await, begin(&bus, Group::Workers, 2).await), (2, 0));
    assert_eq!(trimmer.trim().await.unwrap(), 0, "nothing more was finished");
    drop(held);
    consumer.stop(Duration::from_secs(5)).await.unwrap();
    // The next reader gets all that was not finished.
    let (consumer, mut records) = bus.consume(Topic::Tasks, 64);
    let mut again: Vec<_> = receive_many(&mut records, 10).await.iter().map(|of| (of.partition, of.offset)).collect();
    again.sort_unstable();
    let expected: Vec<(i32, i64)> = (2..6).map(|at| (1, at)).chain((0..6).map(|at| (2, at))).collect();
    assert_eq!(again, expected);
    consumer.stop(Duration::ZERO).await.unwrap();
}
