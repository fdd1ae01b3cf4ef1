//! Bringing topics that exist to what is asked for: more partitions, other settings.
//!
//! Owns what may be changed. Must never take room from unread records, nor touch a setting that is
//! none of ours.

use std::fmt;

use rdkafka::admin::{AlterConfig, NewPartitions, ResourceSpecifier};
use rdkafka::error::KafkaError;

use super::check::is_enough;
use super::client::{admin, options, wait_for_leaders};
use super::look::look;
use super::{TopicState, lag, records_in};
use crate::bus::producer::blocking;
use crate::bus::{BusError, Group, Topic};
use crate::config::KafkaArgs;

const RAISING: &str = "changing topics";

/// What became of a topic that is not as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It has more partitions now.
    Partitions {
        /// Before.
        from: usize,
        /// Now.
        to: usize,
    },
    /// It has another setting now.
    Setting {
        /// Kafka's name of the setting.
        name: &'static str,
        /// Before.
        from: String,
        /// Now.
        to: String,
    },
    /// It keeps more than is meant, for now: records lie there unread.
    Kept {
        /// Kafka's name of the setting.
        name: &'static str,
        /// Records that would be lost.
        unread: u64,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Partitions { from, to } => write!(out, "partitions {from} -> {to}"),
            Self::Setting { name, from, to } => write!(out, "{name} {from} -> {to}"),
            Self::Kept { name, unread } => {
                write!(
                    out,
                    "{name} left as it is: {unread} records lie there unread; run this again when they are gone"
                )
            }
        }
    }
}

/// Brings the topics that exist to what is asked for; gives what was changed. Those that are missing are not made.
///
/// # Errors
/// [`BusError::Unavailable`] when Kafka does not answer in time, [`BusError::Refused`] when it will not.
pub async fn raise_topics(args: &KafkaArgs) -> Result<Vec<(Topic, Vec<Change>)>, BusError> {
    let mut all = Vec::new();
    for state in look(admin(args)?, args).await? {
        let mut changes = Vec::new();
        if state.exists() {
            changes.extend(change_settings(&state, args).await?);
            changes.extend(add_partitions(&state, args).await?);
        }
        all.push((state.topic, changes));
    }
    Ok(all)
}

async fn add_partitions(state: &TopicState, args: &KafkaArgs) -> Result<Option<Change>, BusError> {
    let (from, to) = (state.partitions, usize::try_from(state.wanted.partitions).unwrap_or(0));
    if to <= from {
        return Ok(None);
    }
    let failed = |error| BusError::of(RAISING, &state.name, error);
    let wanted = NewPartitions::new(&state.name, to);
    let admin = admin(args)?;
    let answers = admin.create_partitions([&wanted], &options()).await.map_err(failed)?;
    answers
        .into_iter()
        .try_for_each(|answer| answer.map(drop).map_err(|(_, code)| failed(KafkaError::AdminOp(code))))?;
    // Who asks or writes before the leaders have the new logs is refused.
    let led = vec![(state.name.clone(), to)];
    blocking(RAISING, &state.name, move || wait_for_leaders(&admin, led)).await?;
    Ok(Some(Change::Partitions { from, to }))
}

async fn change_settings(state: &TopicState, args: &KafkaArgs) -> Result<Vec<Change>, BusError> {
    let mut changes = Vec::new();
    for (name, to) in &state.wanted.config {
        let from = state.setting(name);
        if !is_to_change(name, &from, to) {
            continue;
        }
        let unread = if takes_room(name, &from, to) { unread_beyond(state, args).await? } else { None };
        changes.push(match unread {
            Some(unread) => Change::Kept { name, unread },
            None => Change::Setting { name, from, to: to.clone() },
        });
    }
    // Kafka forgets what is not named again: others' settings are.
    let mut settings = state.own_settings();
    let before = settings.len();
    for change in &changes {
        if let Change::Setting { name, to, .. } = change {
            settings.retain(|(known, _)| known != name);
            settings.push(((*name).to_owned(), to.clone()));
        }
    }
    if changes.iter().any(|change| matches!(change, Change::Setting { .. })) {
        tracing::debug!(topic = state.name, before, after = settings.len(), "changing settings");
        alter(state, &settings, args).await?;
    }
    Ok(changes)
}

async fn alter(state: &TopicState, settings: &[(String, String)], args: &KafkaArgs) -> Result<(), BusError> {
    let failed = |error| BusError::of(RAISING, &state.name, error);
    let alter = AlterConfig::new(ResourceSpecifier::Topic(&state.name));
    let alter = settings.iter().fold(alter, |alter, (name, value)| alter.set(name, value));
    let answers = admin(args)?.alter_configs([&alter], &options()).await.map_err(failed)?;
    answers.into_iter().try_for_each(|answer| answer.map(drop).map_err(|(_, code)| failed(KafkaError::AdminOp(code))))
}

/// Whether a setting is brought to what is asked for: all that bounds the disk, and whatever loses or refuses records.
fn is_to_change(name: &str, found: &str, wanted: &str) -> bool {
    match name {
        "segment.bytes"
        | "segment.index.bytes"
        | "file.delete.delay.ms"
        | "retention.bytes"
        | "message.timestamp.type" => found != wanted,
        _ => !is_enough(name, found, wanted),
    }
}

/// Whether a change removes records that would have been kept.
fn takes_room(name: &str, found: &str, wanted: &str) -> bool {
    let kept = |text: &str| text.parse::<i64>().ok().and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(u64::MAX);
    name == "retention.bytes" && kept(wanted) < kept(found)
}

/// Unread records of a topic, if they might be more than its partitions are to keep.
async fn unread_beyond(state: &TopicState, args: &KafkaArgs) -> Result<Option<u64>, BusError> {
    let groups = [Group::Jobs, Group::Workers, Group::Stitchers, Group::Monitor];
    let counts: Vec<u64> = match groups.into_iter().find(|group| group.topic() == state.topic) {
        Some(group) => lag(args, group).await?.iter().map(|of| u64::try_from(of.records()).unwrap_or(0)).collect(),
        None => records_in(args, state.topic).await?,
    };
    let largest = state.setting("max.message.bytes").parse::<u64>().unwrap_or(u64::MAX);
    let is_beyond = |unread: &&u64| unread.saturating_mul(largest) > state.wanted.retained_bytes;
    Ok(counts.iter().any(|unread| is_beyond(&unread)).then(|| counts.iter().sum()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_disk_is_bounded_and_nothing_else_is_made_smaller() {
        assert!(is_to_change("retention.bytes", "-1", "1000") && is_to_change("retention.bytes", "999", "1000"));
        assert!(is_to_change("segment.bytes", "1073741824", "1000") && !is_to_change("segment.bytes", "1000", "1000"));
        assert!(
            !is_to_change("retention.ms", "604800000", "86400000") && is_to_change("retention.ms", "1", "86400000")
        );
        assert!(!is_to_change("max.message.bytes", "2000", "1000"));
        assert!(is_to_change("message.timestamp.type", "CreateTime", "LogAppendTime"));
        assert!(takes_room("retention.bytes", "-1", "1000") && takes_room("retention.bytes", "1001", "1000"));
        assert!(!takes_room("retention.bytes", "1000", "2000") && !takes_room("segment.bytes", "2", "1"));
    }
}
