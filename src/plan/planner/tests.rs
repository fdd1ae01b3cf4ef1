use proptest::prelude::*;

use super::*;
use crate::picture::{Depth, Layout};

fn picture(width: u32, height: u32, layout: Layout, depth: Depth) -> PictureInfo {
    PictureInfo { size: Size { width, height }, format: PixelFormat { layout, depth } }
}

fn chain(steps: &[&str]) -> Chain {
    Chain::new(steps.iter().map(|step| step.parse().unwrap()).collect())
}

fn tile(input: PictureInfo, steps: &[&str]) -> (u32, u32) {
    let plan = Plan::make(input, &chain(steps), &PlanLimits::default()).unwrap();
    assert_eq!(plan.stages.len(), 1, "{steps:?}");
    (plan.stages[0].tile_width, plan.stages[0].tile_height)
}

#[test]
fn tiles_are_512_where_a_record_holds_them() {
    let rgb = picture(5000, 5000, Layout::Rgb, Depth::Eight);
    assert_eq!(tile(rgb, &["grayscale"]), (512, 512));
    assert_eq!(tile(rgb, &["gaussian_blur:ksize=51"]), (512, 512));
    assert_eq!(tile(rgb, &[]), (512, 512));
}

#[test]
fn tiles_shrink_to_fit_a_record() {
    let rgb = picture(5000, 5000, Layout::Rgb, Depth::Eight);
    assert_eq!(tile(rgb, &["gaussian_blur:ksize=99"]), (480, 464));
    assert_eq!(tile(picture(5000, 5000, Layout::Rgba, Depth::Eight), &["invert"]), (512, 480));
    let (width, height) = tile(picture(5000, 5000, Layout::Rgba, Depth::Sixteen), &["gaussian_blur:ksize=255"]);
    assert!((width + 254) * (height + 254) * 8 <= 1_000_000 - 16 * 1024 && width >= 64, "{width} x {height}");
}

#[test]
fn a_wide_picture_gets_low_tiles_so_that_a_band_fits() {
    let wide = picture(100_000, 5000, Layout::Rgb, Depth::Eight);
    let (width, height) = tile(wide, &["invert"]);
    assert_eq!(width, 512);
    assert!(u64::from(height) * 300_000 <= 96 << 20, "{height}");
}

#[test]
fn a_chain_too_wide_for_a_tile_is_cut_between_operations() {
    let rgb = picture(5000, 5000, Layout::Rgb, Depth::Eight);
    let steps = ["gaussian_blur:ksize=255", "gaussian_blur:ksize=255", "gaussian_blur:ksize=255", "invert"];
    let plan = Plan::make(rgb, &chain(&steps), &PlanLimits::default()).unwrap();
    assert!(plan.stages.len() > 1);
    let again: Vec<Step> = plan.stages.iter().flat_map(|stage| stage.steps.steps().to_vec()).collect();
    assert_eq!(Chain::new(again), chain(&steps));
    for pair in plan.stages.windows(2) {
        assert_eq!(pair[0].output, pair[1].input);
    }
}

#[test]
fn a_picture_without_pixels_and_an_impossible_record_have_no_plan() {
    let limits = PlanLimits::default();
    let empty = picture(0, 5, Layout::Gray, Depth::Eight);
    assert_eq!(Plan::make(empty, &chain(&["invert"]), &limits), Err(PlanError::Empty));
    let tiny = PlanLimits { max_record_bytes: 17_000, ..limits };
    let rgb = picture(5000, 5000, Layout::Rgb, Depth::Eight);
    let refused = Plan::make(rgb, &chain(&["gaussian_blur:ksize=255"]), &tiny);
    assert!(matches!(refused, Err(PlanError::TooWide { halo: 127, .. })), "{refused:?}");
}

#[test]
fn a_plan_reads_back_with_the_same_hash_and_any_change_has_another() {
    let rgb = picture(3000, 2000, Layout::Rgb, Depth::Eight);
    let plan = Plan::make(rgb, &chain(&["grayscale", "gaussian_blur:ksize=51"]), &PlanLimits::default()).unwrap();
    let text = serde_json::to_string(&plan).unwrap();
    let again: Plan = serde_json::from_str(&text).unwrap();
    assert_eq!(again, plan);
    assert_eq!(again.hash(), plan.hash());
    let mut other = plan.clone();
    other.stages[0].tile_width -= 16;
    assert_ne!(other.hash(), plan.hash());
}

#[test]
fn a_step_with_numbers_of_the_whole_picture_is_measured_first() {
    let rgb = picture(3000, 2000, Layout::Rgb, Depth::Eight);
    let steps = ["rotate", "contrast:factor=2", "gaussian_blur", "contrast", "invert"];
    let plan = Plan::make(rgb, &chain(&steps), &PlanLimits::default()).unwrap();
    let made: Vec<(Makes, usize)> = plan.stages.iter().map(|stage| (stage.makes, stage.steps.steps().len())).collect();
    assert_eq!(made, [(Makes::Statistic, 2), (Makes::Statistic, 4), (Makes::Pixels, 5)]);
    assert!(plan.stages.iter().all(|stage| stage.input == rgb && stage.output.size.width == 2000));
    assert_eq!([0, 1, 2].map(|stage| plan.source(stage)), [None; 3]);
    assert_eq!(plan.stages[0].statistic_words(), Some(2));
    assert_eq!(plan.stages[2].statistic_words(), None);
    let numbers = [(0, vec![10]), (1, vec![20])].into();
    let texts = |stage| plan.chain(stage, &numbers).unwrap().steps().iter().map(Step::to_string).collect::<Vec<_>>();
    let (blur, rotate) = ("gaussian_blur:ksize=5,sigma=0,alpha=weighted", "rotate:degrees=90");
    assert_eq!(texts(0), [rotate, "contrast:factor=2"]);
    assert_eq!(texts(1), [rotate, "contrast:factor=2@10", blur, "contrast:factor=1.5"]);
    assert_eq!(texts(2), [rotate, "contrast:factor=2@10", blur, "contrast:factor=1.5@20", "invert"]);
    assert!(plan.chain(2, &[(0, vec![10])].into()).is_err());
    assert!(plan.chain(1, &[(1, vec![10])].into()).is_err());
    assert!(plan.chain(3, &numbers).is_err());
}

#[test]
fn rows_of_a_cut_are_measured_and_read_again() {
    let rgb = picture(5000, 5000, Layout::Rgb, Depth::Eight);
    let wide = "gaussian_blur:ksize=255";
    let steps = ["contrast", wide, wide, "contrast:factor=3", "invert"];
    let plan = Plan::make(rgb, &chain(&steps), &PlanLimits::default()).unwrap();
    let made: Vec<Makes> = plan.stages.iter().map(|stage| stage.makes).collect();
    let (pixels, statistic) = (Makes::Pixels, Makes::Statistic);
    assert_eq!(made, [statistic, pixels, statistic, pixels]);
    assert_eq!([0, 1, 2, 3].map(|stage| plan.source(stage)), [None, None, Some(1), Some(1)]);
    let numbers = [(0, vec![10]), (2, vec![20])].into();
    let last = plan.chain(3, &numbers).unwrap();
    assert_eq!(last.steps()[last.steps().len() - 2].to_string(), "contrast:factor=3@20");
    assert_eq!(plan.chain(1, &numbers).unwrap().steps()[0].to_string(), "contrast:factor=1.5@10");
    let need = plan.disk_need();
    assert_eq!(need.store, 2 * rgb.bytes());
    assert!(need.spool > rgb.bytes() && need.spool < rgb.bytes() * 11 / 10, "{need:?}");
}

#[test]
fn a_step_that_links_ends_its_stage() {
    let rgb = picture(3000, 2000, Layout::Rgb, Depth::Eight);
    let steps = ["contrast", "rotate", "canny", "dilate", "equalize", "canny"];
    let plan = Plan::make(rgb, &chain(&steps), &PlanLimits::default()).unwrap();
    let made: Vec<(Makes, usize)> = plan.stages.iter().map(|stage| (stage.makes, stage.steps.steps().len())).collect();
    assert_eq!(made, [(Makes::Statistic, 1), (Makes::Map, 3), (Makes::Statistic, 2), (Makes::Map, 3)]);
    assert_eq!([0, 1, 2, 3].map(|stage| plan.source(stage)), [None, None, Some(1), Some(1)]);
    assert_eq!(plan.stages[2].input.size, Size { width: 2000, height: 3000 });
    assert_eq!(plan.output.format.layout, Layout::Gray);
    let numbers = [(0, vec![10]), (2, vec![0; 256])].into();
    assert!((0..4).all(|stage| plan.chain(stage, &numbers).is_ok()));
}

fn layouts() -> impl Strategy<Value = Layout> {
    prop_oneof![Just(Layout::Gray), Just(Layout::GrayAlpha), Just(Layout::Rgb), Just(Layout::Rgba)]
}

proptest! {
    #[test]
    fn every_task_and_result_fits_a_record(
        width in 1u32..40_000, height in 1u32..40_000, layout in layouts(), sixteen: bool,
        radii in prop::collection::vec(0u32..128, 1..6), record in 300_000usize..2_000_000,
    ) {
        let depth = if sixteen { Depth::Sixteen } else { Depth::Eight };
        let input = picture(width, height, layout, depth);
        let steps: Vec<String> = radii.iter().map(|radius| format!("gaussian_blur:ksize={}", 2 * radius + 1)).collect();
        let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
        let limits = PlanLimits { max_record_bytes: record, ..PlanLimits::default() };
        if let Ok(plan) = Plan::make(input, &chain(&steps), &limits) {
            prop_assert_eq!(plan.stages.iter().map(|stage| stage.steps.steps().len()).sum::<usize>(), steps.len());
            for stage in &plan.stages {
                prop_assert!(stage.tile_width % 16 == 0 && stage.tile_height % 16 == 0);
                let widest = (stage.tile_width + 2 * stage.halo).min(width) as usize;
                let highest = (stage.tile_height + 2 * stage.halo).min(height) as usize;
                prop_assert!(widest * highest * stage.input.format.bytes_per_pixel() <= record - HEADROOM_BYTES);
                prop_assert!(stage.largest_result_bytes() <= record - HEADROOM_BYTES);
                prop_assert!(highest as u64 * stage.input.row_bytes() as u64 <= limits.band_bytes);
            }
        }
    }
}
