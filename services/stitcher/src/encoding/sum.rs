//! What the tiles of a stage measured, merged strip by strip.
//!
//! Holds one total and one tile's words. Which numbers they mean is the operation's business.

use tessera::operation::{Statistic, statistic};
use tessera::plan::Stage;

use super::EncodeError;
use crate::spool::OpenSlots;

/// The total so far.
#[derive(Debug, Default)]
pub(super) struct Sum {
    total: Option<Vec<u64>>,
    /// One tile's words.
    bytes: Vec<u8>,
}

impl Sum {
    /// Merges the verified slots of strip `strip`, or none of them if one is bad.
    pub(super) fn add_strip(&mut self, stage: &Stage, slots: &OpenSlots<'_>, strip: u32) -> Result<(), EncodeError> {
        let statistic = statistic_of(stage)?;
        self.bytes.resize(stage.largest_result_bytes(), 0);
        let mut total = self.total.clone();
        for index in stage.turned_grid().strip(strip) {
            slots.read(index, &mut self.bytes)?;
            let words = statistic::from_bytes(&self.bytes);
            match &mut total {
                Some(total) => statistic.merge(total, &words),
                None => total = Some(words),
            }
        }
        self.total = total;
        Ok(())
    }

    /// The numbers of the whole picture.
    pub(super) fn numbers(self, stage: &Stage) -> Result<Vec<i64>, EncodeError> {
        let total = self.total.ok_or_else(|| EncodeError::Unsupported("nothing was measured".to_owned()))?;
        Ok(statistic_of(stage)?.resolve(stage.output.format, &total))
    }
}

fn statistic_of(stage: &Stage) -> Result<&dyn Statistic, EncodeError> {
    let measured = stage.steps.measured().and_then(|step| step.statistic());
    measured.ok_or_else(|| EncodeError::Unsupported("the stage measures nothing".to_owned()))
}
