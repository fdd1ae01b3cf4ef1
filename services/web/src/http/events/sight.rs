//! What the relay tells the watchers of a job.

use std::sync::Arc;

use super::frame::Frame;

/// What is known of a watched job.
#[derive(Clone, Debug)]
pub struct Sight {
    /// Whether what is known is true now.
    pub link: Link,
    /// The last state that was seen.
    pub frame: Option<Arc<Frame>>,
}

/// How the relay stands to a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// It was not looked at yet.
    Unseen,
    /// It was seen at the last look.
    Live,
    /// Redis does not answer.
    Away,
    /// There is no such job.
    Unknown,
}
