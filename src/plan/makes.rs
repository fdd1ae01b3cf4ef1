//! What a stage makes of its tiles, and what that means for the stages after it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Plan, Stage};
use crate::operation::{Chain, StepError};

/// What the results of a stage's tiles are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Makes {
    /// Pixels: the job's result, or rows for the next stage.
    #[default]
    Pixels,
    /// Maps whose pieces are joined over all seams before they are pixels.
    Map,
    /// Partial results of the last step's statistic. The next stage reads the same input again.
    Statistic,
    /// The job's result itself: its one tile is the whole picture, which a worker reads from the store.
    Result,
}

/// The numbers that measuring stages gave, by stage.
pub type Numbers = BTreeMap<u32, Vec<i64>>;

impl Plan {
    /// The stage whose rows stage `number` reads; `None` if it reads the picture itself.
    pub fn source(&self, number: u32) -> Option<u32> {
        let before = (0..number).rev();
        before.into_iter().find(|before| self.stage(*before).is_some_and(|stage| stage.makes != Makes::Statistic))
    }

    /// What a worker does to a tile of stage `number`, with the numbers that earlier stages gave filled in.
    ///
    /// # Errors
    /// If there is no such stage, or numbers are missing or none.
    pub fn chain(&self, number: u32, numbers: &Numbers) -> Result<Chain, StepError> {
        let missing = || StepError::Tile(format!("the numbers for stage {number} are not known; retry the job"));
        let stage = self.stage(number).ok_or_else(missing)?;
        if stage.is_whole() {
            return Ok(stage.steps.clone());
        }
        let (before, _) = self.stages.split_at(number as usize);
        let measuring = (0..).zip(before).filter(|(_, stage)| stage.makes == Makes::Statistic);
        // Each step is measured once, in order; those of rows that are made already need no numbers any more.
        let used = before.iter().filter(|stage| stage.makes != Makes::Statistic).map(Stage::statistics).sum();
        let mut measured = measuring.map(|(number, _): (u32, _)| number).skip(used);
        let open = usize::from(stage.makes == Makes::Statistic);
        let closed = stage.steps.steps().len().saturating_sub(open);
        let fill = |(at, step): (usize, &crate::operation::Step)| {
            if at >= closed || step.statistic().is_none() {
                return Ok(step.clone());
            }
            let numbers = measured.next().and_then(|stage| numbers.get(&stage));
            step.with_numbers(numbers.ok_or_else(missing)?)
        };
        stage.steps.steps().iter().enumerate().map(fill).collect::<Result<_, _>>().map(Chain::new)
    }
}

impl Stage {
    /// Words of the partial result of a tile; `None` if the stage makes pixels.
    pub fn statistic_words(&self) -> Option<usize> {
        let statistic = self.steps.steps().last()?.statistic().filter(|_| self.makes == Makes::Statistic)?;
        Some(statistic.length(self.output.format))
    }

    /// Steps of it that need numbers of the whole picture.
    fn statistics(&self) -> usize {
        self.steps.steps().iter().filter(|step| step.statistic().is_some()).count()
    }
}
