use super::*;
use crate::operation::kernels::models::{Plain, follows_plainly};

fn most(plain: &Plain, place: [i64; 2], channel: usize, side: usize, most: Most) -> i64 {
    let square = plain.square(place, channel, side as i64 / 2, Border::Replicate).into_iter();
    match most {
        Most::Largest => square.max(),
        Most::Smallest => square.min(),
    }
    .unwrap()
}

/// Every side that takes another way through the code.
const SIDES: [usize; 6] = [1, 3, 5, 7, 11, 33];

#[test]
fn dilating_and_eroding_follow_the_definition_on_every_processor() {
    for (cpu, side) in Cpu::all().into_iter().flat_map(|cpu| SIDES.map(|side| (cpu, side))) {
        for wanted in [Most::Largest, Most::Smallest] {
            let kernel = Grown { most: wanted, side, cpu };
            follows_plainly(&kernel, |plain, place, channel| most(plain, place, channel, side, wanted));
        }
    }
}

#[test]
fn gradients_follow_the_definition_on_every_processor() {
    for (cpu, side) in Cpu::all().into_iter().flat_map(|cpu| [1, 3, 9].map(|side| (cpu, side))) {
        follows_plainly(&Gradient { side, cpu }, |plain, place, channel| {
            let [largest, smallest] =
                [Most::Largest, Most::Smallest].map(|wanted| most(plain, place, channel, side, wanted));
            largest - smallest
        });
    }
}

#[test]
fn opening_and_closing_follow_the_definition_on_every_processor() {
    for (cpu, side) in Cpu::all().into_iter().flat_map(|cpu| [1, 3, 7].map(|side| (cpu, side))) {
        for first in [Most::Largest, Most::Smallest] {
            let radius = side as i64 / 2;
            follows_plainly(&Both { first, side, cpu }, |plain, [x, y], channel| {
                let square = |x, y| plain.inside(x, y, radius);
                let firsts = square(x, y).map(|(x, y)| {
                    let samples = square(x, y).map(|(x, y)| plain.at(x, y, channel, Border::Replicate));
                    if first == Most::Largest { samples.max() } else { samples.min() }.unwrap()
                });
                if first == Most::Largest { firsts.min() } else { firsts.max() }.unwrap()
            });
        }
    }
}
