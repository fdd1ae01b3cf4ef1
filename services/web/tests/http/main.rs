//! Pages and API on a real Kafka and Redis: what is taken, what is refused, and that refusals leave nothing.
#![cfg(feature = "broker-tests")]

#[cfg(test)]
mod answers;
#[cfg(test)]
mod pyramids;
#[cfg(test)]
#[path = "../site/mod.rs"]
mod site;
#[cfg(test)]
#[path = "../../../worker/tests/support/mod.rs"]
mod support;
#[cfg(test)]
mod uploads;

use support::Picture;

/// The only script that pages may have: ours, of a file.
const SCRIPT: &str = "<script src=\"/static/live.js\" defer></script>";

fn png() -> Vec<u8> {
    Picture::rgb(40, 30, 64, &["grayscale"]).png()
}
