//! Which partitions each member of a group reads.
//!
//! Owns reading the broker's answer, whose bytes are the client protocol's and not the library's. Must never join the group.

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaResult;

use super::client::LIMIT;
use crate::bus::log::Logging;

/// Topics and partitions of a member that are read, at most: more than any cluster has.
const MOST: usize = 100_000;

/// The partitions of `topic` that each member of `group` reads now; members without any are left out.
pub(super) fn ask(consumer: &BaseConsumer<Logging>, group: &str, topic: &str) -> KafkaResult<Vec<Vec<i32>>> {
    let groups = consumer.fetch_group_list(Some(group), LIMIT)?;
    let members = groups.groups().iter().filter(|found| found.name() == group).flat_map(|found| found.members());
    let assigned = members.filter_map(|member| partitions(member.assignment()?, topic));
    Ok(assigned.filter(|partitions| !partitions.is_empty()).collect())
}

/// What a member's assignment says of a topic: a version, then topics by name, each with its partitions. Numbers are
/// big-endian, of 2 bytes for version and lengths of names, else of 4. `None` if it says something else.
fn partitions(assignment: &[u8], topic: &str) -> Option<Vec<i32>> {
    let mut rest = assignment.get(2..)?;
    let mut number = || {
        let (first, others) = rest.split_first_chunk::<4>()?;
        rest = others;
        Some(i32::from_be_bytes(*first))
    };
    let topics = usize::try_from(number()?).ok().filter(|count| *count <= MOST)?;
    let mut found = Vec::new();
    for _ in 0..topics {
        let (length, others) = rest.split_first_chunk::<2>()?;
        let (name, others) = others.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        let (count, mut others) = others.split_first_chunk::<4>()?;
        let count = usize::try_from(i32::from_be_bytes(*count)).ok().filter(|count| *count <= MOST)?;
        for _ in 0..count {
            let (partition, after) = others.split_first_chunk::<4>()?;
            others = after;
            if name == topic.as_bytes() {
                found.push(i32::from_be_bytes(*partition));
            }
        }
        rest = others;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn assignment(topics: &[(&str, &[i32])]) -> Vec<u8> {
        let mut bytes = vec![0, 1];
        bytes.extend((topics.len() as i32).to_be_bytes());
        for (name, partitions) in topics {
            bytes.extend((name.len() as u16).to_be_bytes());
            bytes.extend(name.as_bytes());
            bytes.extend((partitions.len() as i32).to_be_bytes());
            partitions.iter().for_each(|partition| bytes.extend(partition.to_be_bytes()));
        }
        // What a member adds for itself.
        bytes.extend([0xff; 4]);
        bytes
    }

    #[test]
    fn a_member_s_partitions_of_the_topic_are_found_among_others() {
        let bytes = assignment(&[("other", &[7]), ("tasks", &[0, 2, 63]), ("more", &[])]);
        assert_eq!(partitions(&bytes, "tasks"), Some(vec![0, 2, 63]));
        assert_eq!(partitions(&bytes, "none"), Some(Vec::new()));
        assert_eq!(partitions(&bytes[..20], "tasks"), None, "cut off");
        assert_eq!(partitions(&[], "tasks"), None, "a member that has been given nothing yet");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            partitions(&bytes, "tasks");
        }
    }
}
