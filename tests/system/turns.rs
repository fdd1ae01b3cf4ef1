//! Pictures that are turned: rows come out in another order than they went in.

use anyhow::Result;

use crate::support::system::{Options, System};
use crate::support::{LONG, pictures, wait_for};

#[test]
fn turned_pictures_come_out_as_the_reference() -> Result<()> {
    let system = System::start(&Options::default())?;
    let picture = pictures::rgb_png(1537, 1100, 41)?;
    for operations in [
        &["rotate:degrees=90"][..],
        &["gaussian_blur:ksize=15", "rotate:degrees=270", "sharpen", "flip:axis=h"],
        &["rotate:degrees=180"],
        &["flip:axis=v", "sobel"],
        &["flip:axis=h", "gaussian_blur:ksize=51"],
    ] {
        system.submit_and_compare(&picture, operations)?;
    }
    // One column becomes one row.
    let job = system.submit_and_compare(&pictures::rgb_png(1, 1200, 42)?, &["rotate:degrees=270"])?;
    let view = system.job(&job)?;
    assert_eq!(
        (&view["original_width"], &view["result_width"], &view["result_height"]),
        (&1.into(), &1200.into(), &1.into())
    );
    wait_for("the spool to be empty", LONG, || Ok(system.files("scratch/spool").is_empty().then_some(())))
}

#[test]
fn a_picture_turned_between_two_cuts_comes_out_as_the_reference() -> Result<()> {
    let system = System::start(&Options::default())?;
    let wide = "gaussian_blur:ksize=255";
    let operations = [wide, "rotate:degrees=90", wide, wide, "rotate:degrees=90", wide];
    let job = system.submit_and_compare(&pictures::rgb_png(900, 700, 43)?, &operations)?;
    assert_ne!(system.field(&job, "stages")?.as_deref(), Some("1"));
    Ok(())
}

#[test]
fn a_stitcher_killed_in_mid_rotate_is_survived() -> Result<()> {
    let mut system = System::start(&Options { tile_delay_ms: 150, ..Options::default() })?;
    let (picture, operations) = (pictures::rgb_png(3000, 2500, 44)?, ["rotate:degrees=90"]);
    let job = system.submit(&picture, &operations)?;
    system.wait_for_middle(&job)?;
    system.kill("stitcher-1")?;
    system.restart("stitcher-1")?;
    system.compare(&job, &picture, &operations)?;
    wait_for("the spool to be empty", LONG, || Ok(system.files("scratch/spool").is_empty().then_some(())))
}
