//! What a pass comes to, and the look at its job with which every pass begins.

use tessera::patience::answered;
use tessera::state::WindowView;

use crate::counters::PassEnd;
use crate::gate::Stop;
use crate::grant::Grant;
use crate::splitter::Splitter;

/// What came of a pass.
pub enum PassOutcome {
    /// All was sent.
    Complete {
        /// How many tasks.
        tiles: u32,
    },
    /// It was told to stop.
    Stopped(Stop),
    /// The job fails; says why.
    Damaged(String),
    /// The job is started over; says why.
    Misread(String),
    /// It was to be run whole and cannot be; says why.
    InTiles(String),
    /// The store cannot be read now.
    Unreadable(String),
}

impl PassOutcome {
    /// The same for the counters.
    pub fn end(&self) -> PassEnd {
        match self {
            Self::Complete { .. } => PassEnd::Complete,
            Self::Stopped(stop) => PassEnd::Stopped(*stop),
            Self::Damaged(_) => PassEnd::Damaged,
            Self::Misread(_) | Self::InTiles(_) => PassEnd::Misread,
            Self::Unreadable(_) => PassEnd::Unreadable,
        }
    }
}

/// Looks at the job that a pass is for.
///
/// # Errors
/// What ends the pass.
pub async fn look(splitter: &Splitter, grant: &Grant) -> Result<WindowView, PassOutcome> {
    let of = [(grant.manifest.job, grant.stage)];
    let views = match answered(&splitter.shutdown, async || splitter.state.windows(&of).await).await {
        None => return Err(PassOutcome::Stopped(Stop::Drained)),
        Some(Ok(views)) => views,
        Some(Err(error)) => return Err(PassOutcome::Damaged(error.as_reason())),
    };
    let view = views.into_iter().next().ok_or(PassOutcome::Stopped(Stop::Ended))?;
    view.damage.clone().map_or(Ok(view), |damage| Err(PassOutcome::Damaged(damage.as_reason())))
}
