//! Edges that are joined over the seams of all tiles.

use anyhow::Result;

use crate::support::system::{Options, System};
use crate::support::{LONG, pictures, wait_for};

const CANNY: &str = "canny:low=100,high=400";

/// A spiral through all tiles of a square picture, of which only the outer end is bright enough to begin an edge.
fn spiral_png(side: u32) -> Result<Vec<u8>> {
    let mut samples = vec![0; (side * side) as usize];
    let (mut low, mut high, mut light) = (4, side - 5, 255);
    while low + 96 < high {
        let mut fill = |x: u32, y: u32, light: u8| samples[(y * side + x) as usize] = light;
        (low..=high).for_each(|x| fill(x, low, light));
        light = 60;
        (low..=high).for_each(|at| (fill(high, at, light), fill(at, high, light)).1);
        (low + 64..=high).for_each(|y| fill(low, y, light));
        (low..low + 65).for_each(|x| fill(x, low + 64, light));
        (low, high) = (low + 64, high - 64);
    }
    pictures::png(side, side, png::ColorType::Grayscale, png::BitDepth::Eight, &samples)
}

#[test]
fn edges_through_all_tiles_come_out_as_the_reference() -> Result<()> {
    let system = System::start(&Options::default())?;
    let spiral = spiral_png(1700)?;
    let job = system.submit_and_compare(&spiral, &[CANNY])?;
    let (_, _, _, samples) = pictures::decode(&system.result(&job)?)?;
    let white = samples.iter().filter(|sample| **sample == 255).count();
    // Both sides of a line of about 40,000 pixels; without its outer end next to nothing of it.
    assert!(white > 60_000, "{white} white pixels: the spiral is cut");
    let photo = pictures::rgb_png(1537, 1100, 61)?;
    for operations in [
        &["canny"][..],
        &["gaussian_blur:ksize=5", "canny:low=20,high=60", "dilate", "rotate"],
        &["rotate:degrees=270", "equalize", "canny", "gaussian_blur:ksize=15", "otsu"],
    ] {
        system.submit_and_compare(&photo, operations)?;
    }
    system.submit_and_compare(&pictures::rgb_png(7, 1, 62)?, &["canny"])?;
    wait_for("the spool to be empty", LONG, || Ok(system.files("scratch/spool").is_empty().then_some(())))
}

#[test]
fn a_stitcher_killed_while_edges_are_found_is_survived() -> Result<()> {
    let mut system = System::start(&Options { tile_delay_ms: 150, ..Options::default() })?;
    let (spiral, operations) = (spiral_png(2600)?, [CANNY, "dilate"]);
    let job = system.submit(&spiral, &operations)?;
    system.wait_for_middle(&job)?;
    system.kill("stitcher-1")?;
    system.restart("stitcher-1")?;
    system.compare(&job, &spiral, &operations)?;
    wait_for("the spool to be empty", LONG, || Ok(system.files("scratch/spool").is_empty().then_some(())))
}
