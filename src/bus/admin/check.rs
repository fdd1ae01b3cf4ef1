//! Comparing topics with what is needed.
//!
//! Owns which differences are problems. Must never call a topic a problem that is roomier than needed; that it may
//! take more of the disk than is meant is told apart.

use std::fmt;

use super::{TopicState, look_at_topics};
use crate::bus::BusError;
use crate::config::KafkaArgs;

/// A topic that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicProblem {
    /// The topic's name on the broker.
    pub topic: String,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// There is no such topic.
    Missing,
    /// It has too few partitions.
    Partitions {
        /// As it is.
        found: usize,
        /// As it should be, at least.
        needed: i32,
    },
    /// A setting of it loses or refuses records.
    Setting {
        /// Kafka's name of the setting.
        name: &'static str,
        /// As it is.
        found: String,
        /// As it should be, at least.
        needed: String,
    },
}

impl Problem {
    /// The action of `tessera topics` that mends it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Missing => "create",
            Self::Partitions { .. } | Self::Setting { .. } => "raise",
        }
    }
}

impl fmt::Display for TopicProblem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let topic = &self.topic;
        match &self.problem {
            Problem::Missing => write!(out, "topic {topic} is missing"),
            Problem::Partitions { found, needed } => {
                write!(out, "topic {topic} has {found} partitions, {needed} are needed")
            }
            Problem::Setting { name, found, needed } => {
                write!(out, "topic {topic} has {name}={found}, needed is {needed}")
            }
        }
    }
}

/// Compares the topics with what is needed; no problem, no entry.
///
/// # Errors
/// [`BusError::Unavailable`] when Kafka does not answer.
pub async fn check_topics(args: &KafkaArgs) -> Result<Vec<TopicProblem>, BusError> {
    Ok(look_at_topics(args).await?.iter().flat_map(TopicState::problems).collect())
}

impl TopicState {
    /// What is wrong with it; nothing, if it is as it should be.
    pub fn problems(&self) -> Vec<TopicProblem> {
        let of = |problem| TopicProblem { topic: self.name.clone(), problem };
        if !self.exists() {
            return vec![of(Problem::Missing)];
        }
        let needed = self.wanted.partitions;
        let too_few = usize::try_from(needed).is_ok_and(|needed| self.partitions < needed);
        let partitions = too_few.then(|| of(Problem::Partitions { found: self.partitions, needed }));
        let setting = |(name, needed): &(&'static str, String)| {
            let found = self.setting(name);
            let is_problem = !is_enough(name, &found, needed);
            is_problem.then(|| of(Problem::Setting { name, found, needed: needed.clone() }))
        };
        partitions.into_iter().chain(self.wanted.config.iter().filter_map(setting)).collect()
    }

    /// Whether its log may take more of the disk than is meant.
    pub fn is_too_roomy(&self) -> bool {
        self.exists() && self.most_bytes().is_none_or(|bytes| bytes > self.wanted.most_bytes())
    }
}

/// Whether a setting serves where `needed` is asked for.
pub(super) fn is_enough(key: &str, found: &str, needed: &str) -> bool {
    let numbers = || Some((found.parse::<i64>().ok()?, needed.parse::<i64>().ok()?));
    match key {
        "cleanup.policy" => found == needed,
        "max.message.bytes" => numbers().is_some_and(|(found, needed)| found >= needed),
        // Kafka's -1 means without bound.
        "retention.ms" | "retention.bytes" => numbers().is_some_and(|(found, needed)| found < 0 || found >= needed),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_loses_or_refuses_records_is_a_problem() {
        assert!(is_enough("retention.ms", "-1", "1000"));
        assert!(is_enough("retention.bytes", "2000", "1000"));
        assert!(!is_enough("retention.ms", "999", "1000"));
        assert!(!is_enough("max.message.bytes", "1000", "1001"));
        assert!(!is_enough("cleanup.policy", "compact", "delete"));
        assert!(!is_enough("cleanup.policy", "compact,delete", "delete"));
        assert!(is_enough("segment.bytes", "1", "2"));
    }

    #[test]
    fn a_problem_says_what_is_wrong_and_what_mends_it() {
        let problem = Problem::Partitions { found: 1, needed: 64 };
        assert_eq!((problem.remedy(), Problem::Missing.remedy()), ("raise", "create"));
        let text = TopicProblem { topic: "tasks".to_owned(), problem }.to_string();
        assert_eq!(text, "topic tasks has 1 partitions, 64 are needed");
    }
}
