//! `gamma`: the middle tones lighter or darker.

use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use super::Bound;
use super::{Area, Definition, Halo, Kernel, Kind, Parameter, StepError, Value};
use crate::operation::engine::point::each_color;
use crate::picture::pixels::SamplesMut;
use crate::picture::{Depth, Pixels};

/// `rint(top * pow(v / top, 1 / value))` for each colour, by a table; alpha stays.
///
/// # Shape
/// The same layout and depth as the input; no halo.
///
/// # Source
/// Its own definition. No entry is so near to a tie that two sound `pow` could differ in it.
pub(crate) const DEFINITION: Definition = Definition {
    name: "gamma",
    help: "lighter or darker middle tones",
    kind: Kind::Local,
    halo: Halo::Fixed(0),
    depths: &[Depth::Eight, Depth::Sixteen],
    parameters: &[Parameter::decimal("value", 2.2, 0.1, 10.0, "above 1 is lighter, below 1 is darker")],
    bind,
};

fn bind(values: &[Value]) -> Bound {
    match values {
        [Value::Decimal(value)] => Ok(Box::new(Gamma::new(*value))),
        _ => Err(StepError::Grammar("gamma: needs value".to_owned())),
    }
}

/// The table for 16 bit that was made last, and the bits of its value. Making it costs more than a tile, and each task
/// of a job brings the same step again.
static LAST: Mutex<Option<(u64, Arc<[u16]>)>> = Mutex::new(None);

/// The tables are made when a picture of that depth comes.
#[derive(Debug)]
struct Gamma {
    value: f64,
    eight: OnceLock<Vec<u8>>,
    sixteen: OnceLock<Arc<[u16]>>,
}

impl Gamma {
    fn new(value: f64) -> Self {
        Self { value, eight: OnceLock::new(), sixteen: OnceLock::new() }
    }

    /// The entries for all samples up to `top`.
    fn table(&self, top: u32) -> impl Iterator<Item = f64> {
        let (top, exponent) = (f64::from(top), 1.0 / self.value);
        (0..=top as u32).map(move |sample| (top * (f64::from(sample) / top).powf(exponent)).round_ties_even())
    }

    /// The table for 16 bit: the last one if it is of the same value. It is made without holding the lock.
    fn table16(&self) -> Arc<[u16]> {
        let value = self.value.to_bits();
        if let Some((_, table)) = LAST.lock().as_ref().filter(|(of, _)| *of == value) {
            return Arc::clone(table);
        }
        let table: Arc<[u16]> = self.table(65535).map(|entry| entry as u16).collect();
        *LAST.lock() = Some((value, Arc::clone(&table)));
        table
    }
}

impl Kernel for Gamma {
    fn run(&self, area: Area) -> Result<Pixels, StepError> {
        let mut pixels = area.cropped();
        let layout = pixels.format().layout;
        match pixels.samples_mut() {
            SamplesMut::Eight(samples) => {
                let table = self.eight.get_or_init(|| self.table(255).map(|entry| entry as u8).collect());
                each_color(samples, layout, |sample| table[usize::from(sample)]);
            }
            SamplesMut::Sixteen(samples) => {
                let table = self.sixteen.get_or_init(|| self.table16());
                each_color(samples, layout, |sample| table[usize::from(sample)]);
            }
        }
        Ok(pixels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::engine::border::Border;
    use crate::operation::kernels::models::follows_plainly;

    #[test]
    fn samples_follow_the_definition() {
        for value in [0.1, 1.0, 2.2, 10.0] {
            follows_plainly(&Gamma::new(value), |plain, [x, y], channel| {
                let (sample, top) = (plain.at(x, y, channel, Border::Replicate) as f64, plain.top as f64);
                (top * (sample / top).powf(1.0 / value)).round_ties_even() as i64
            });
        }
    }

    #[test]
    fn the_table_of_16_bit_is_that_of_its_value_and_made_once() {
        let [one, two, other] = [2.0, 2.0, 3.0].map(Gamma::new);
        assert_ne!(one.table16(), other.table16());
        assert!(one.table16().iter().map(|entry| f64::from(*entry)).eq(one.table(65535)));
        // Other tests may put another table in between.
        assert!((0..1000).any(|_| Arc::ptr_eq(&one.table16(), &two.table16())));
    }

    #[test]
    fn one_changes_nothing_and_the_ends_stay() {
        for top in [255, 65535] {
            assert!(Gamma::new(1.0).table(top).eq((0..=top).map(f64::from)));
            let ends: Vec<f64> = Gamma::new(0.1).table(top).step_by(top as usize).collect();
            assert_eq!(ends, [0.0, f64::from(top)]);
        }
    }
}
