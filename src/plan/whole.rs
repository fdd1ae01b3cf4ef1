//! Plans of jobs that one worker runs whole: one stage of one tile, which is the picture.

use super::{Makes, Plan, Stage};
use crate::operation::{Chain, Kind, StepError};
use crate::picture::PictureInfo;

impl Plan {
    /// The plan of `chain` on a picture that is run whole: its result does not differ from that of [`Plan::make`].
    ///
    /// # Errors
    /// If a step does not take the picture.
    pub fn whole(input: PictureInfo, chain: &Chain) -> Result<Self, StepError> {
        let output = PictureInfo { size: chain.turn().size(input.size), format: chain.output(input.format)? };
        let stage = Stage {
            steps: chain.clone(),
            halo: 0,
            input,
            output,
            tile_width: input.size.width,
            tile_height: input.size.height,
            makes: Makes::Result,
        };
        Ok(Self { input, output, stages: vec![stage] })
    }

    /// Whether one worker runs the whole picture.
    pub fn is_whole(&self) -> bool {
        self.stages.first().is_some_and(Stage::is_whole)
    }
}

impl Stage {
    /// Whether its one task makes the job's result.
    pub fn is_whole(&self) -> bool {
        self.makes == Makes::Result
    }

    /// Times that the whole result is on the disk while the stage is run, the result itself included: rows are kept aside
    /// where they come in another order, and where they are linked.
    pub(super) fn copies(&self) -> u64 {
        let steps = self.steps.steps().iter();
        let linked = steps.filter(|step| step.definition().kind == Kind::GlobalLinking).count() as u64;
        1 + linked + u64::from(!self.turn().keeps_row_order())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Depth, Layout, PixelFormat, Size};
    use crate::plan::{Numbers, PlanLimits};

    fn picture() -> PictureInfo {
        let format = PixelFormat { layout: Layout::Rgb, depth: Depth::Eight };
        PictureInfo { size: Size { width: 5000, height: 3000 }, format }
    }

    #[test]
    fn a_whole_plan_is_one_task_whose_result_is_that_of_the_tiles() {
        for steps in [&["grayscale"][..], &["contrast", "rotate:degrees=90"], &["canny", "gaussian_blur:ksize=99"]] {
            let chain = Chain::parse(steps, 9).unwrap();
            let whole = Plan::whole(picture(), &chain).unwrap();
            let tiled = Plan::make(picture(), &chain, &PlanLimits::default()).unwrap();
            assert_eq!((whole.input, whole.output), (tiled.input, tiled.output));
            assert_eq!((whole.total_tiles(), whole.stages.len()), (1, 1));
            assert!(whole.is_whole() && !tiled.is_whole());
            // Its numbers are measured by the worker: none have to be known before.
            assert_eq!(whole.chain(0, &Numbers::new()).unwrap(), chain);
            assert_eq!(whole.stage(0).unwrap().statistic_words(), None);
        }
    }

    #[test]
    fn a_whole_job_needs_room_for_its_result_and_what_is_kept_aside() {
        let need = |steps: &[&str]| Plan::whole(picture(), &Chain::parse(steps, 9).unwrap()).unwrap().disk_need();
        let gray = 5000 * 3000;
        assert_eq!(need(&["grayscale"]).store, gray);
        assert_eq!(need(&["grayscale", "rotate:degrees=90"]).store, 2 * gray);
        assert_eq!((need(&["grayscale"]).slots, need(&["grayscale"]).spool), (0, 0));
    }
}
