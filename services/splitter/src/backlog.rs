//! What lies unread in `tasks` and `results`, and whether more fits: pure, without locks and clients.
//!
//! Kafka keeps so many bytes of a partition and removes the oldest beyond them, read or not. So no tile is sent to a
//! partition of `tasks` in which it would push out one that no worker has finished, and no picture is begun while
//! `results` fills up and no stitcher reads.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use tessera::bus::Topic;
use tessera::bus::admin::PartitionLag;
use tessera::config::KafkaArgs;

/// Results that have not been finished for so long, though many wait: the stitchers are away.
const AWAY_AFTER: Duration = Duration::from_secs(10);

/// What is known of both topics.
#[derive(Debug)]
pub struct Backlog {
    kafka: KafkaArgs,
    tasks: Vec<Part>,
    /// Bytes that a partition of `tasks` keeps.
    kept: u64,
    /// The largest record: those of other splitters count as that.
    record: u64,
    results: Results,
    /// How often the broker was asked how far the workers are.
    asked: u64,
}

/// A partition of `tasks`.
#[derive(Debug, Default)]
struct Part {
    /// Records that were sent from here and are unread.
    sent: VecDeque<Sent>,
    on_their_way: u64,
    /// Unread records that others have sent, or this splitter before it was started.
    others: u64,
}

#[derive(Debug)]
struct Sent {
    offset: i64,
    bytes: u64,
    /// The question before which it lay there.
    before: u64,
}

#[derive(Debug)]
struct Results {
    /// Records of one partition from which on it fills up.
    many: i64,
    committed: Vec<Option<i64>>,
    moved: Instant,
    are_many: bool,
}

impl Backlog {
    /// Nothing is known but the settings.
    pub fn new(kafka: &KafkaArgs, now: Instant) -> Self {
        let record = kafka.max_record_bytes.max(1) as u64;
        let results = Topic::Results.settings(kafka).retained_bytes / 2 / record;
        let many = i64::try_from(results).unwrap_or(i64::MAX).max(1);
        let results = Results { many, committed: Vec::new(), moved: now, are_many: false };
        let count = usize::try_from(kafka.tasks_partitions).unwrap_or(1).max(1);
        let tasks = std::iter::repeat_with(Part::default).take(count).collect();
        Self {
            kafka: kafka.clone(),
            tasks,
            kept: Topic::Tasks.settings(kafka).retained_bytes,
            record,
            results,
            asked: 0,
        }
    }

    /// How many partitions `tasks` has.
    pub fn partitions(&self) -> i32 {
        i32::try_from(self.tasks.len()).unwrap_or(i32::MAX)
    }

    /// Whether a tile of `bytes` may go to a partition now; if so, it counts as on its way. One always may.
    pub fn admit(&mut self, partition: i32, bytes: u64) -> bool {
        let (kept, record) = (self.kept, self.record);
        let Some(part) = self.part(partition) else { return true };
        let unread = part.unread(record);
        let fits = unread == 0 || unread.saturating_add(bytes) <= kept;
        if fits {
            part.on_their_way += bytes;
        }
        fits
    }

    /// A tile that was on its way lies at `offset` now, or `None`: it did not arrive.
    pub fn settle(&mut self, partition: i32, bytes: u64, offset: Option<i64>) {
        let before = self.asked + 1;
        let Some(part) = self.part(partition) else { return };
        part.on_their_way = part.on_their_way.saturating_sub(bytes);
        part.sent.extend(offset.map(|offset| Sent { offset, bytes, before }));
    }

    /// The number of the question that is asked now: its answer knows all that lay in Kafka before.
    pub fn ask(&mut self) -> u64 {
        self.asked += 1;
        self.asked
    }

    /// Takes note of how far the workers are, and of how many partitions there are: the answer to question `asked`.
    pub fn see_tasks(&mut self, lags: &[PartitionLag], asked: u64) {
        // A broker that is just starting may know of none.
        if lags.is_empty() {
            return;
        }
        self.tasks.resize_with(lags.len(), Part::default);
        // More partitions share the same room.
        self.kept = Topic::Tasks.settings_for(&self.kafka, lags.len()).retained_bytes;
        for lag in lags {
            let unread = u64::try_from(lag.records()).unwrap_or(0);
            let from = lag.committed.unwrap_or(lag.begin).max(lag.begin);
            let Some(part) = self.part(lag.partition) else { continue };
            // What lay there and lies beyond the end now is lost: the log was made anew, or cut.
            part.sent.retain(|sent| sent.offset >= from && (sent.offset < lag.end || sent.before > asked));
            let own = part.sent.iter().filter(|sent| sent.offset < lag.end).count();
            part.others = unread.saturating_sub(own as u64);
        }
    }

    /// Takes note of how far the stitchers are.
    pub fn see_results(&mut self, lags: &[PartitionLag], now: Instant) {
        let committed: Vec<Option<i64>> = lags.iter().map(|lag| lag.committed).collect();
        let results = &mut self.results;
        results.are_many = lags.iter().any(|lag| lag.records() >= results.many);
        if !results.are_many || committed != results.committed {
            results.moved = now;
        }
        results.committed = committed;
    }

    /// Whether another picture may be begun.
    pub fn may_begin(&self, now: Instant) -> bool {
        !self.results.are_many || now.saturating_duration_since(self.results.moved) < AWAY_AFTER
    }

    fn part(&mut self, partition: i32) -> Option<&mut Part> {
        self.tasks.get_mut(usize::try_from(partition).ok()?)
    }
}

impl Part {
    fn unread(&self, record: u64) -> u64 {
        let sent: u64 = self.sent.iter().map(|sent| sent.bytes).sum();
        sent.saturating_add(self.on_their_way).saturating_add(self.others.saturating_mul(record))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two partitions that keep 10.4 million bytes each.
    fn backlog() -> Backlog {
        let kafka = KafkaArgs { tasks_partitions: 64, ..KafkaArgs::new("a:1", "") };
        Backlog::new(&kafka, Instant::now())
    }

    fn lag(partition: i32, committed: Option<i64>, end: i64) -> PartitionLag {
        PartitionLag { partition, committed, begin: 0, end }
    }

    fn see(backlog: &mut Backlog, lags: &[PartitionLag]) {
        let asked = backlog.ask();
        backlog.see_tasks(lags, asked);
    }

    fn send(backlog: &mut Backlog, partition: i32, bytes: u64, offset: i64) -> bool {
        let goes = backlog.admit(partition, bytes);
        if goes {
            backlog.settle(partition, bytes, Some(offset));
        }
        goes
    }

    #[test]
    fn no_tile_pushes_out_one_that_is_unread() {
        let mut backlog = backlog();
        let kept = backlog.kept;
        let mut sent = 0;
        while send(&mut backlog, 3, 800_000, sent) {
            sent += 1;
        }
        assert!(sent as u64 * 800_000 <= kept && (sent as u64 + 1) * 800_000 > kept, "{sent}");
        assert!(backlog.admit(4, 800_000), "other partitions have room");
        see(&mut backlog, &(0..64).map(|at| lag(at, (at == 3).then_some(2), sent)).collect::<Vec<_>>());
        assert!(send(&mut backlog, 3, 800_000, sent) && send(&mut backlog, 3, 800_000, sent + 1));
        assert!(!send(&mut backlog, 3, 800_000, sent + 2));
    }

    #[test]
    fn what_others_sent_counts_as_large_and_one_tile_always_goes() {
        let mut backlog = backlog();
        see(&mut backlog, &(0..64).map(|at| lag(at, None, 500)).collect::<Vec<_>>());
        assert!(!backlog.admit(0, 1));
        see(&mut backlog, &(0..64).map(|at| lag(at, Some(500), 500)).collect::<Vec<_>>());
        assert!(backlog.admit(0, u64::MAX / 2), "else its job would wait for ever");
        backlog.settle(0, u64::MAX / 2, None);
        assert!(backlog.admit(0, 1));
    }

    #[test]
    fn records_that_are_lost_leave_their_room_however_they_were_lost() {
        let (mut backlog, all) = (backlog(), |lag: PartitionLag| {
            (0..64).map(|partition| PartitionLag { partition, ..lag }).collect::<Vec<_>>()
        });
        let fill = |backlog: &mut Backlog, from: i64| {
            let mut at = from;
            while send(backlog, 3, 800_000, at) {
                at += 1;
            }
            at
        };
        // Removed below a new begin.
        let end = fill(&mut backlog, 0);
        let asked = backlog.ask();
        backlog.see_tasks(&all(PartitionLag { begin: end, ..lag(0, None, end) }), asked);
        assert!(backlog.admit(3, 800_000), "nothing is left of them");
        backlog.settle(3, 800_000, None);
        // The topic was made anew: what was sent lies beyond its end.
        let again = fill(&mut backlog, end);
        let asked = backlog.ask();
        backlog.see_tasks(&all(lag(0, None, 0)), asked);
        assert!(backlog.admit(3, 800_000), "{again} records of a log that is gone");
        backlog.settle(3, 800_000, None);
        // What was sent after the question lies beyond the end that it tells, and is not lost.
        let asked = backlog.ask();
        fill(&mut backlog, 0);
        backlog.see_tasks(&all(lag(0, None, 0)), asked);
        assert!(!backlog.admit(3, 800_000), "the answer is older than they are");
    }

    #[test]
    fn partitions_are_those_of_the_broker() {
        let mut backlog = backlog();
        assert_eq!(backlog.partitions(), 64);
        see(&mut backlog, &(0..70).map(|at| lag(at, None, 0)).collect::<Vec<_>>());
        assert_eq!(backlog.partitions(), 70);
        let kafka = KafkaArgs { tasks_partitions: 70, ..KafkaArgs::new("a:1", "") };
        assert_eq!(backlog.kept, Topic::Tasks.settings(&kafka).retained_bytes, "each keeps less");
        see(&mut backlog, &[]);
        assert_eq!(backlog.partitions(), 70);
    }

    #[test]
    fn nothing_is_begun_while_results_fill_up_and_no_stitcher_reads() {
        let mut backlog = backlog();
        let (start, many) = (Instant::now(), backlog.results.many);
        let at = |seconds| start + Duration::from_secs(seconds);
        backlog.see_results(&[lag(0, Some(0), many), lag(1, Some(0), 0)], at(0));
        backlog.see_results(&[lag(0, Some(0), many), lag(1, Some(0), 0)], at(9));
        assert!(backlog.may_begin(at(9)));
        backlog.see_results(&[lag(0, Some(0), many), lag(1, Some(0), 0)], at(11));
        assert!(!backlog.may_begin(at(11)));
        // A partition that is held by a giant's end is no sign while others move.
        backlog.see_results(&[lag(0, Some(0), many), lag(1, Some(1), 1)], at(12));
        assert!(backlog.may_begin(at(12)));
        backlog.see_results(&[lag(0, Some(1), many), lag(1, Some(1), 1)], at(60));
        assert!(backlog.may_begin(at(600)));
    }
}
