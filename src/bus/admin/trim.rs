//! Removing records that their group has finished, so that a broker's disk holds what is in hand and little more.
//!
//! Owns which records may go: those below the group's committed offset. Must never remove one that the group may
//! still want: without a committed offset nothing goes, nor with one that does not fit the log.

use rdkafka::{Offset, TopicPartitionList};

use super::client::{Admin, admin, options};
use super::{LagClient, PartitionLag};
use crate::bus::{BusError, Group};
use crate::config::KafkaArgs;

const TRIMMING: &str = "removing records that are finished";

/// Removes what one group has finished, whenever it is asked to. Keeps its clients.
pub struct Trimmer {
    lag: LagClient,
    admin: Admin,
    topic: String,
}

impl std::fmt::Debug for Trimmer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Trimmer").field("topic", &self.topic).finish_non_exhaustive()
    }
}

impl Trimmer {
    /// A trimmer of what `group` reads. Kafka need not be there yet.
    ///
    /// # Errors
    /// [`BusError::Client`] when the settings make no client.
    pub fn connect(args: &KafkaArgs, group: Group) -> Result<Self, BusError> {
        Ok(Self { lag: LagClient::connect(args, group)?, admin: admin(args)?, topic: group.topic().name(args) })
    }

    /// Removes what the group has finished; gives how many records those were.
    ///
    /// # Errors
    /// [`BusError::Unavailable`] when Kafka does not answer, [`BusError::NoTopic`] when the topic is missing,
    /// [`BusError::Refused`] when it will not remove any. What was not removed goes the next time.
    pub async fn trim(&self) -> Result<u64, BusError> {
        let partitions = self.lag.ask().await?;
        let finished: Vec<(i32, i64, i64)> =
            partitions.iter().filter_map(|lag| Some((lag.partition, lag.begin, finished(lag)?))).collect();
        if finished.is_empty() {
            return Ok(0);
        }
        let failed = |error| BusError::of(TRIMMING, &self.topic, error);
        let mut list = TopicPartitionList::with_capacity(finished.len());
        for (partition, _, offset) in &finished {
            list.add_partition_offset(&self.topic, *partition, Offset::Offset(*offset)).map_err(failed)?;
        }
        let answer = self.admin.delete_records(&list, &options()).await.map_err(failed)?;
        let mut removed = 0;
        for element in answer.elements() {
            element.error().map_err(failed)?;
            let begin = finished.iter().find(|(partition, ..)| *partition == element.partition()).map(|of| of.1);
            if let (Offset::Offset(now), Some(before)) = (element.offset(), begin) {
                removed += u64::try_from(now.saturating_sub(before)).unwrap_or(0);
            }
        }
        Ok(removed)
    }
}

/// Up to where a partition's records may go; `None` where none may.
fn finished(lag: &PartitionLag) -> Option<i64> {
    // Beyond the end, the offset is of another log of that name: readers start over.
    lag.committed.filter(|committed| *committed > lag.begin && *committed <= lag.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_below_the_commit_may_go() {
        let lag = |committed, begin, end| PartitionLag { partition: 0, committed, begin, end };
        assert_eq!(finished(&lag(None, 0, 10)), None);
        assert_eq!(finished(&lag(Some(0), 0, 10)), None);
        assert_eq!(finished(&lag(Some(4), 0, 10)), Some(4));
        assert_eq!(finished(&lag(Some(10), 4, 10)), Some(10));
        assert_eq!(finished(&lag(Some(4), 4, 10)), None);
        assert_eq!(finished(&lag(Some(4), 6, 10)), None, "it was read before, and is asked for again");
        assert_eq!(finished(&lag(Some(11), 0, 10)), None, "the topic was made again");
    }
}
