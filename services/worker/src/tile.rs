//! Running one task: pixels in, the tile's pixels out, and every way in which that can go wrong.
//!
//! Pure but for the time it takes. A kernel's panic is caught here; it never ends a thread.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use tessera::bus::records::{PayloadKind, TaskHeader};
use tessera::operation::{Step, StepError, TileInput, statistic};
use tessera::picture::{PictureInfo, PixelFormat, Pixels, Size};

/// A tile that has been run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeTile {
    /// The pixels, or what was measured of them, as a record carries it; empty once they are in a slot.
    pub value: Bytes,
    /// Where they are.
    pub payload: PayloadKind,
    /// The pixels' size.
    pub size: Size,
    /// Their format.
    pub format: PixelFormat,
    /// Words of the value, if it is what was measured.
    pub statistic: Option<u32>,
    /// The value's checksum.
    pub crc32c: u32,
}

/// What came of a tile's operations.
enum Product {
    Pixels(Pixels),
    /// Measured of the tile turned and in the format that the last step takes.
    Words(Vec<u64>),
}

/// Why a tile can never be run: it is dead-lettered and its job fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Poison {
    /// The kind, for the dead letter's header.
    pub class: &'static str,
    /// What happened, for the user.
    pub reason: String,
}

impl Poison {
    /// The job's reason, which names the tile.
    pub fn of_tile(&self, task: &TaskHeader) -> String {
        let rect = task.rect;
        format!(
            "tile {} of stage {} (x {}, y {}, {}x{}): {}",
            task.index, task.stage, rect.x, rect.y, rect.width, rect.height, self.reason
        )
    }
}

/// Runs a task's operations on its pixels, which have been checked against its header; `after` is told each
/// operation that has been run.
///
/// # Errors
/// If the operations refuse the pixels, panic, or give another size than the tile's.
pub fn run(task: &TaskHeader, payload: Vec<u8>, after: impl FnMut(&Step)) -> Result<MadeTile, Poison> {
    run_with(task, payload, |input| match task.operations.measured() {
        Some(_) => task.operations.measure_watched(input, after).map(Product::Words),
        None => task.operations.run_watched(input, after).map(Product::Pixels),
    })
}

fn run_with(
    task: &TaskHeader,
    payload: Vec<u8>,
    kernels: impl FnOnce(TileInput) -> Result<Product, StepError>,
) -> Result<MadeTile, Poison> {
    let info = PictureInfo { size: Size { width: task.width, height: task.height }, format: task.format() };
    let pixels = Pixels::from_bytes(info, payload).map_err(|error| refused(error.to_string()))?;
    let input = TileInput { pixels, rect: task.rect, margins: task.margins, picture: task.picture };
    let outcome = catch_unwind(AssertUnwindSafe(|| kernels(input)));
    let outcome = match outcome {
        Ok(made) => made.map_err(|error| refused(error.to_string()))?,
        Err(panic) => return Err(panicked(task, panic.as_ref())),
    };
    made(task, outcome)
}

fn made(task: &TaskHeader, outcome: Product) -> Result<MadeTile, Poison> {
    let tile = PictureInfo { size: task.rect.size(), format: task.format() };
    let PictureInfo { size, format } = task.operations.result(tile).map_err(|error| refused(error.to_string()))?;
    let (value, statistic) = match outcome {
        Product::Pixels(pixels) if pixels.size() != size || pixels.format() != format => {
            let other = pixels.size();
            return Err(refused(format!("the operations made {}x{} pixels of it", other.width, other.height)));
        }
        Product::Pixels(pixels) => (Bytes::from(pixels.into_bytes()), None),
        Product::Words(words) => (Bytes::from(statistic::to_bytes(&words)), u32::try_from(words.len()).ok()),
    };
    let crc32c = crc32c::crc32c(&value);
    Ok(MadeTile { value, payload: PayloadKind::Inline, size, format, statistic, crc32c })
}

impl MadeTile {
    /// The value has been put into a slot; gives its memory back.
    pub fn into_slot(&mut self) -> Vec<u8> {
        self.payload = PayloadKind::Shared;
        Vec::from(std::mem::take(&mut self.value))
    }
}

fn refused(reason: String) -> Poison {
    Poison { class: "refused", reason }
}

fn panicked(task: &TaskHeader, panic: &(dyn Any + Send)) -> Poison {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    let steps: Vec<String> = task.operations.steps().iter().map(ToString::to_string).collect();
    let short: String = text.chars().take(200).collect();
    Poison { class: "panic", reason: format!("running {} panicked: {short}; please report it", steps.join(" ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tessera::bus::records::Encoding;
    use tessera::job::JobId;
    use tessera::operation::{Chain, Margins};
    use tessera::picture::{Depth, Layout, Rect};
    use tessera::plan::{Plan, PlanLimits};

    fn task() -> TaskHeader {
        let format = PixelFormat { layout: Layout::Gray, depth: Depth::Eight };
        let picture = PictureInfo { size: Size { width: 8, height: 4 }, format };
        let operations = Chain::new(vec!["invert".parse().unwrap()]);
        let plan = Plan::make(picture, &operations, &PlanLimits::default()).unwrap().hash();
        TaskHeader {
            job: JobId::random(),
            run: 1,
            stage: 0,
            index: 0,
            plan,
            attempt: 1,
            payload: PayloadKind::Inline,
            results: PayloadKind::Inline,
            encoding: Encoding::Raw,
            rect: Rect { x: 0, y: 0, width: 8, height: 4 },
            margins: Margins::default(),
            picture,
            width: 8,
            height: 4,
            channels: 1,
            depth: 8,
            crc32c: 0,
            operations,
        }
    }

    #[test]
    fn a_tile_comes_out_as_its_chain_makes_it() {
        let made = run(&task(), (0..32).collect(), |_| ()).unwrap();
        let expected: Vec<u8> = (0..32).map(|sample: u8| 255 - sample).collect();
        assert_eq!(made.value, expected);
        assert_eq!(made.crc32c, crc32c::crc32c(&expected));
    }

    #[test]
    fn a_panic_is_poison_that_names_the_tile() {
        let poison = run_with(&task(), vec![0; 32], |_| panic!("index out of bounds")).unwrap_err();
        assert_eq!(poison.class, "panic");
        let reason = poison.of_tile(&task());
        assert!(
            reason.starts_with("tile 0 of stage 0 (x 0, y 0, 8x4): running invert panicked: index out"),
            "{reason}"
        );
    }

    #[test]
    fn a_result_of_another_size_is_poison() {
        let other = PictureInfo { size: Size { width: 1, height: 1 }, ..task().picture };
        let poison =
            run_with(&task(), vec![0; 32], |_| Ok(Product::Pixels(Pixels::from_bytes(other, vec![0]).unwrap())));
        assert_eq!(poison.unwrap_err().class, "refused");
    }

    #[test]
    fn a_step_without_its_numbers_is_measured() {
        let operations = Chain::parse(&["invert", "contrast"], 2).unwrap();
        let made = run(&TaskHeader { operations, ..task() }, vec![254; 32], |_| ()).unwrap();
        assert_eq!(made.statistic, Some(2));
        assert_eq!(made.value, statistic::to_bytes(&[32, 32]));
        let operations = Chain::parse(&["contrast", "invert"], 2).unwrap();
        let poison = run(&TaskHeader { operations, ..task() }, vec![254; 32], |_| ()).unwrap_err();
        assert!(poison.reason.contains("measured first"), "{}", poison.reason);
    }
}
