use proptest::prelude::*;

use super::*;
use crate::operation::{Kind, registry};
use crate::picture::{Depth, Layout, Size};
use crate::tiling::Grid;

const LAYOUTS: [Layout; 4] = [Layout::Gray, Layout::GrayAlpha, Layout::Rgb, Layout::Rgba];

fn whole(info: PictureInfo, bytes: &[u8], chain: &Chain) -> Pixels {
    let rect = Rect { x: 0, y: 0, width: info.size.width, height: info.size.height };
    let pixels = Pixels::from_bytes(info, bytes.to_vec()).unwrap();
    chain.run(TileInput { pixels, rect, margins: Margins::default(), picture: info }).unwrap()
}

fn cut(bytes: &[u8], row_bytes: usize, pixel: usize, rect: Rect) -> Vec<u8> {
    let columns = rect.x as usize * pixel..rect.right() as usize * pixel;
    (rect.y..rect.bottom()).flat_map(|y| bytes[y as usize * row_bytes..][columns.clone()].to_vec()).collect()
}

/// The result of a tile, and where it lands.
fn tile(info: PictureInfo, bytes: &[u8], grid: &Grid, index: u32, chain: &Chain) -> (Rect, Pixels) {
    let rect = grid.rect(index).unwrap();
    let margins = grid.margins(rect, chain.halo());
    let input = Grid::with_margins(rect, margins);
    let cut = cut(bytes, info.row_bytes(), info.format.bytes_per_pixel(), input);
    let pixels = Pixels::from_bytes(PictureInfo { size: input.size(), ..info }, cut).unwrap();
    let place = chain.turn().rect(rect, info.size);
    (place, chain.run(TileInput { pixels, rect, margins, picture: info }).unwrap())
}

fn any_step() -> impl Strategy<Value = Step> {
    let blur = (0u32..12, prop_oneof![Just(0.0), 0.3f64..4.0])
        .prop_map(|(radius, sigma)| format!("gaussian_blur:ksize={},sigma={sigma:.2}", 2 * radius + 1));
    let fixed = ["grayscale", "invert", "sharpen", "sobel", "flip:axis=h", "flip:axis=v"];
    let turns = ["rotate:degrees=90", "rotate:degrees=180", "rotate:degrees=270"];
    let plain = |texts: Vec<&'static str>| prop::sample::select(texts).prop_map(str::to_owned);
    let any = prop_oneof![plain(fixed.to_vec()), plain(turns.to_vec()), blur];
    any.prop_map(|text| text.parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn tiles_with_their_halo_equal_the_whole(
        steps in prop::collection::vec(any_step(), 1..5),
        (width, height) in (1u32..70, 1u32..70), (across, down) in (1u32..40, 1u32..40),
        layout in 0usize..4, deep: bool, seed: u8,
    ) {
        let depth = if deep { Depth::Sixteen } else { Depth::Eight };
        let format = PixelFormat { layout: LAYOUTS[layout], depth };
        let info = PictureInfo { size: Size { width, height }, format };
        let bytes: Vec<u8> = (0..info.bytes()).map(|at| (at.wrapping_mul(2654435761 + u64::from(seed)) >> 13) as u8).collect();
        let chain = Chain::new(steps);
        let expected = whole(info, &bytes, &chain);
        prop_assert_eq!(expected.format(), chain.output(format).unwrap());
        let (out, pixel) = (expected.info(), expected.format().bytes_per_pixel());
        let expected = expected.into_bytes();
        let grid = Grid::new(info.size, Size { width: across, height: down });
        for index in 0..grid.tiles() {
            let (rect, pixels) = tile(info, &bytes, &grid, index, &chain);
            prop_assert_eq!(pixels.info(), PictureInfo { size: rect.size(), ..out });
            prop_assert_eq!(pixels.into_bytes(), cut(&expected, out.row_bytes(), pixel, rect), "tile {}", index);
        }
    }

    #[test]
    fn a_tile_that_is_not_what_it_says_is_refused(
        (x, y, width, height) in (0u32..9, 0u32..9, 0u32..9, 0u32..9),
        (left, top, right, bottom) in (0u32..4, 0u32..4, 0u32..4, 0u32..4),
    ) {
        let format = PixelFormat { layout: Layout::Gray, depth: Depth::Eight };
        let info = |width, height| PictureInfo { size: Size { width, height }, format };
        let picture = info(8, 8);
        let pixels = Pixels::from_bytes(info(5, 5), vec![7; 25]).unwrap();
        let chain = Chain::parse(&["gaussian_blur:ksize=5"], 1).unwrap();
        let (rect, margins) = (Rect { x, y, width, height }, Margins { left, top, right, bottom });
        let side = |start: u32, length: u32, before: u32, after: u32| {
            length > 0 && before + length + after == 5 && start >= before && start + length + after <= 8
                && before >= start.min(2) && after >= (8 - start - length).min(2)
        };
        let right_side = side(x, width, left, right) && side(y, height, top, bottom);
        prop_assert_eq!(chain.run(TileInput { pixels, rect, margins, picture }).is_ok(), right_side);
    }
}

fn measure(info: PictureInfo, bytes: &[u8], grid: &Grid, chain: &Chain) -> Vec<u64> {
    let statistic = chain.measured().unwrap().statistic().unwrap();
    let partial = |index| {
        let rect = grid.rect(index).unwrap();
        let margins = grid.margins(rect, chain.halo());
        let input = Grid::with_margins(rect, margins);
        let cut = cut(bytes, info.row_bytes(), info.format.bytes_per_pixel(), input);
        let pixels = Pixels::from_bytes(PictureInfo { size: input.size(), ..info }, cut).unwrap();
        let words = chain.measure(TileInput { pixels, rect, margins, picture: info }).unwrap();
        assert_eq!(words.len(), statistic.length(chain.result(info).unwrap().format));
        words
    };
    // From the last to the first: the order must not matter.
    let partials = (0..grid.tiles()).rev().map(partial);
    partials
        .reduce(|mut total, partial| {
            statistic.merge(&mut total, &partial);
            total
        })
        .unwrap()
}

fn measurable() -> Vec<&'static str> {
    let measured = registry().iter().filter(|operation| operation.kind == Kind::GlobalStatistic);
    measured.map(|operation| operation.name).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn tiles_measure_what_the_whole_measures(
        head in prop::collection::vec(any_step(), 0..3), name in prop::sample::select(measurable()),
        (width, height) in (1u32..70, 1u32..70), (across, down) in (1u32..40, 1u32..40), layout in 0usize..4, seed: u8,
    ) {
        let format = PixelFormat { layout: LAYOUTS[layout], depth: Depth::Eight };
        let info = PictureInfo { size: Size { width, height }, format };
        let bytes: Vec<u8> = (0..info.bytes()).map(|at| (at.wrapping_mul(2654435761 + u64::from(seed)) >> 13) as u8).collect();
        let chain = Chain::new(head.into_iter().chain([name.parse().unwrap()]).collect());
        let statistic = chain.measured().unwrap().statistic().unwrap();
        let measured = chain.result(info).unwrap().format;
        let tiled = measure(info, &bytes, &Grid::new(info.size, Size { width: across, height: down }), &chain);
        let whole = measure(info, &bytes, &Grid::new(info.size, info.size), &chain);
        prop_assert_eq!(statistic.resolve(measured, &tiled), statistic.resolve(measured, &whole));
        let numbers = statistic.resolve(measured, &whole);
        let numbered = chain.measured().unwrap().with_numbers(&numbers).unwrap();
        let json = serde_json::to_string(&numbered).unwrap();
        prop_assert_eq!(serde_json::from_str::<Step>(&json).unwrap(), numbered);
    }
}

#[test]
fn steps_put_first_turn_the_picture() {
    let chain = Chain::parse(&["invert"], 1).unwrap();
    for turn in Turn::ALL {
        let after = chain.after(turn);
        assert_eq!(after.turn(), turn);
        assert_eq!(after.steps().last(), chain.steps().last());
        assert_eq!(after.steps().len() == 1, turn == Turn::None);
    }
}

#[test]
fn a_step_is_told_where_its_pixels_are() {
    let format = PixelFormat { layout: Layout::Gray, depth: Depth::Eight };
    let picture = PictureInfo { size: Size { width: 40, height: 30 }, format };
    let (rect, margins) = (Rect { x: 6, y: 20, width: 7, height: 4 }, Margins { left: 2, top: 2, right: 2, bottom: 2 });
    let pixels = Pixels::from_bytes(PictureInfo { size: Size { width: 11, height: 8 }, format }, vec![1; 88]).unwrap();
    // Turned by 90 degrees, (x 4, y 18, 11 x 8) lands at (30 - 18 - 8, 4) with the margins around.
    let turned = Turn::Rotate90.pixels(pixels, Rect { x: 0, y: 0, width: 11, height: 8 }).unwrap();
    let (rect, margins) = (Turn::Rotate90.rect(rect, picture.size), Turn::Rotate90.margins(margins));
    let size = Turn::Rotate90.size(picture.size);
    assert_eq!(first(rect, margins), (4, 4));
    let inner = Margins { left: 1, ..Margins::default() };
    let area = area(turned, rect, margins, inner).unwrap().placed(first(rect, margins), size);
    assert_eq!((area.origin(), area.picture()), ((4, 4), Size { width: 30, height: 40 }));
}

#[test]
fn a_chain_has_one_to_so_many_steps() {
    assert_eq!(Chain::parse(&["grayscale", "invert"], 2).unwrap().steps().len(), 2);
    let text = |texts: &[&str]| Chain::parse(texts, 2).unwrap_err().to_string();
    assert_eq!(text(&[]), "a chain has 1 to 2 operations, got 0");
    assert_eq!(text(&["invert"; 3]), "a chain has 1 to 2 operations, got 3");
    assert_eq!(text(&["invert", "blurr"]), "unknown operation \"blurr\"");
    let chain = Chain::parse(&["gaussian_blur:ksize=51", "grayscale", "gaussian_blur"], 16).unwrap();
    assert_eq!(chain.halo(), 27);
    let json = serde_json::to_string(&chain).unwrap();
    assert_eq!(
        json,
        r#"["gaussian_blur:ksize=51,sigma=0,alpha=weighted","grayscale","gaussian_blur:ksize=5,sigma=0,alpha=weighted"]"#
    );
    assert_eq!(serde_json::from_str::<Chain>(&json).unwrap(), chain);
}
