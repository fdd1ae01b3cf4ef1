//! Whether a job is given to a worker whole, decided once, when it is accepted.
//!
//! Cutting a picture over the workers makes one picture early; where as many jobs are unfinished as there are slots it only
//! costs. Pure: what is going on is told.

use tessera::job::GrainWish;
use tessera::operation::Chain;
use tessera::picture::PictureInfo;
use tessera::picture::codec::ResultFormat;
use tessera::pipeline::WholeBudget;
use tessera::plan::Plan;

/// A larger picture is run whole on request only: one worker would have it for long, while it could be shared.
const MOST_PIXELS: u64 = 100_000_000;

/// What is going on when a job is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crowd {
    /// Jobs that wait or run.
    pub unfinished: u64,
    /// Tiles that the live workers run at once.
    pub slots: u32,
    /// Whether there are workers, and all reach this service's store.
    pub all_share: bool,
}

/// A picture and what is to be done with it.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    /// Its size and pixels.
    pub info: PictureInfo,
    /// Bytes that its decoder holds beyond a few rows.
    pub held: u64,
    /// The operations, upright.
    pub chain: &'a Chain,
    /// What its result is written as.
    pub format: ResultFormat,
}

/// The plan of a picture that is to be run whole by a worker with a memory budget like ours; `None` if it is to be cut.
pub fn whole(wish: GrainWish, crowd: Crowd, picture: Picture<'_>, budget: u64) -> Option<Plan> {
    let Picture { info, held, chain, format } = picture;
    let pixels = info.size.pixels();
    let is_wanted = match wish {
        GrainWish::Auto => crowd.unfinished >= u64::from(crowd.slots.max(1)) && pixels <= MOST_PIXELS,
        GrainWish::Tiles => false,
        GrainWish::Whole => true,
    };
    if !is_wanted || !crowd.all_share {
        return None;
    }
    let plan = Plan::whole(info, chain).ok()?;
    let held = held.saturating_add(format.whole_bytes(plan.output).unwrap_or(0));
    WholeBudget::of(budget).fits(chain, info, held).then_some(plan)
}

#[cfg(test)]
mod tests {
    use tessera::picture::{Depth, Layout, PixelFormat, Size};

    use super::*;

    fn info(side: u32) -> PictureInfo {
        let format = PixelFormat { layout: Layout::Rgb, depth: Depth::Eight };
        PictureInfo { size: Size { width: side, height: side }, format }
    }

    fn is_whole(wish: GrainWish, unfinished: u64, slots: u32, all_share: bool, side: u32) -> bool {
        let chain = Chain::parse(&["grayscale"], 1).unwrap();
        let picture = Picture { info: info(side), held: 0, chain: &chain, format: ResultFormat::Png };
        whole(wish, Crowd { unfinished, slots, all_share }, picture, 192 << 20).is_some()
    }

    #[test]
    fn pictures_go_whole_by_themselves_when_there_are_as_many_jobs_as_slots() {
        assert!(!is_whole(GrainWish::Auto, 0, 2, true, 1000) && !is_whole(GrainWish::Auto, 1, 2, true, 1000));
        assert!(is_whole(GrainWish::Auto, 2, 2, true, 1000) && is_whole(GrainWish::Auto, 500, 2, true, 1000));
        assert!(!is_whole(GrainWish::Auto, 15, 16, true, 1000));
        assert!(!is_whole(GrainWish::Auto, 500, 2, true, 20_000), "a giant is shared");
    }

    #[test]
    fn what_is_asked_for_decides_where_a_worker_can_do_it() {
        assert!(is_whole(GrainWish::Whole, 0, 2, true, 1000) && is_whole(GrainWish::Whole, 0, 2, true, 20_000));
        assert!(!is_whole(GrainWish::Whole, 0, 2, false, 1000), "not every worker reaches the store");
        assert!(!is_whole(GrainWish::Tiles, 500, 2, true, 1000));
        let chain = Chain::parse(&["grayscale"], 1).unwrap();
        let webp = Picture { info: info(4096), held: 0, chain: &chain, format: ResultFormat::Webp };
        let crowd = Crowd { unfinished: 0, slots: 2, all_share: true };
        assert!(whole(GrainWish::Whole, crowd, webp, 64 << 20).is_none(), "its encoder holds it whole");
    }
}
