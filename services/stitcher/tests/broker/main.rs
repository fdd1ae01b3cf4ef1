//! A stitcher's process on a real Kafka and Redis: order, duplicates, rubbish, death, damage and drain.
#![cfg(feature = "broker-tests")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod damage;
mod deaths;
mod job;
mod pictures;
mod process;
#[path = "../../../worker/tests/support/mod.rs"]
mod support;

use support::Picture;

fn picture() -> Picture {
    Picture::rgb(300, 260, 64, &["gaussian_blur:ksize=5", "invert"])
}

/// A fixed order without any pattern.
fn shuffled(tiles: u32) -> Vec<u32> {
    let mut order: Vec<u32> = (0..tiles).collect();
    order.sort_by_key(|index| index.wrapping_mul(2_654_435_761).rotate_left(7) % 65_521);
    order
}
