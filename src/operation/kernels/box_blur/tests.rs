use super::*;
use crate::operation::kernels::models::follows;

#[test]
fn every_processor_follows_the_definition() {
    for (cpu, side) in Cpu::all().into_iter().flat_map(|cpu| [1, 3, 7, 15, 17].map(|side| (cpu, side))) {
        follows(
            &BoxBlur { side, weighing: Weighing::Separate, cpu },
            Alpha::Same,
            |pixels| pixels,
            |plain, place, channel| {
                let sum: i64 = plain.square(place, channel, side as i64 / 2, Border::Reflect101).iter().sum();
                let area = (side * side) as i64;
                (sum + area / 2) / area
            },
        );
    }
}

#[test]
fn colours_are_weighed_by_alpha() {
    for (cpu, side) in Cpu::all().into_iter().flat_map(|cpu| [1, 3, 15, 17].map(|side| (cpu, side))) {
        let kernel = BoxBlur { side, weighing: Weighing::Weighted, cpu };
        follows(
            &kernel,
            Alpha::Same,
            |pixels| pixels,
            |plain, place, channel| {
                let square = |c: usize| plain.square(place, c, side as i64 / 2, Border::Reflect101);
                let ones = vec![1; side * side];
                let mean = |sum: i64| (sum + ones.len() as i64 / 2) / ones.len() as i64;
                plain.weighed(channel, &ones, square).unwrap_or_else(|| mean(square(channel).iter().sum()))
            },
        );
    }
}

#[test]
fn means_in_single_precision_are_those_of_the_integers() {
    for side in (1..=SINGLE_SIDE as u32).step_by(2) {
        let (area, rounding) = (side * side, Rounding::new(side as usize));
        assert!((0..=255 * area).all(|total| rounding.single(total) as u32 == (total + area / 2) / area), "{side}");
    }
}

#[test]
fn means_in_double_precision_turn_where_those_of_the_integers_do() {
    for side in (1..=255u64).step_by(2) {
        let (area, rounding) = (side * side, Rounding::new(side as usize));
        for mean in (0..=65535u64).step_by(257).chain([1, 65534]) {
            let turn = (mean * area).saturating_sub(area / 2);
            for total in [turn.saturating_sub(1), turn, turn + 1, (mean * area).min(65535 * area)] {
                assert_eq!(rounding.double(total as u32) as u64, (total + area / 2) / area, "{side}: {total}");
            }
        }
    }
}
