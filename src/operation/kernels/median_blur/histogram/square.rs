//! The histograms of columns and of the square that goes over them, for any sixteen counts at once.

use crate::operation::engine::frame::Frame;

/// Sixteen counts of a column. The largest square has 65,025 samples.
#[derive(Clone, Copy, Default)]
#[repr(align(32))]
pub(super) struct Bins(pub(super) [u16; 16]);

/// Sixteen counts that are added and searched together.
pub(super) trait BinCounts: Copy {
    fn of(bins: &Bins) -> Self;
    fn plus(self, bins: &Bins) -> Self;
    fn minus(self, bins: &Bins) -> Self;
    /// The bin with the sample that has `below` before it, and how many samples are in the bins before.
    fn bin_of(self, below: u16) -> (usize, u16);
}

/// The medians of each channel of a frame.
#[inline(always)]
pub(super) fn all_channels<C: BinCounts>(frame: &Frame<'_, u8>) -> Vec<u8> {
    let mut out = vec![0; frame.output_len()];
    for channel in 0..frame.channels() {
        one_channel::<C>(frame, channel, &mut out);
    }
    out
}

#[inline(always)]
fn one_channel<C: BinCounts>(frame: &Frame<'_, u8>, channel: usize, out: &mut [u8]) {
    let (channels, side) = (frame.channels(), 2 * frame.radius() + 1);
    let mut columns = Columns::new(frame.row_len() / channels);
    (0..side - 1).for_each(|row| columns.count(frame.row(row), channel, channels, Step::Enter));
    for (row, results) in out.chunks_exact_mut(frame.output_row_len()).enumerate() {
        columns.count(frame.row(row + side - 1), channel, channels, Step::Enter);
        let mut square = Square::<C>::new(&columns, side);
        for (x, result) in results[channel..].iter_mut().step_by(channels).enumerate() {
            square.coarse = square.coarse.plus(&columns.coarse[x + side - 1]);
            *result = square.median(&columns, x);
            square.coarse = square.coarse.minus(&columns.coarse[x]);
        }
        columns.count(frame.row(row), channel, channels, Step::Leave);
    }
}

/// Whether samples come into a histogram or go.
#[derive(Clone, Copy)]
enum Step {
    Enter,
    Leave,
}

/// The histograms of all columns.
struct Columns {
    coarse: Vec<Bins>,
    /// For each coarse bin, for each column.
    fine: Vec<Vec<Bins>>,
}

impl Columns {
    fn new(width: usize) -> Self {
        Self { coarse: vec![Bins::default(); width], fine: vec![vec![Bins::default(); width]; 16] }
    }

    /// Counts the samples of a channel of a row, each in its column.
    fn count(&mut self, row: &[u8], channel: usize, channels: usize, step: Step) {
        let by = match step {
            Step::Enter => 1u16,
            Step::Leave => u16::MAX,
        };
        let samples = row[channel..].iter().step_by(channels);
        for (column, (Bins(coarse), sample)) in self.coarse.iter_mut().zip(samples).enumerate() {
            let (high, low) = (usize::from(sample >> 4), usize::from(sample & 15));
            coarse[high] = coarse[high].wrapping_add(by);
            let Bins(fine) = &mut self.fine[high][column];
            fine[low] = fine[low].wrapping_add(by);
        }
    }
}

/// The histogram of the square; between two medians it lacks a column.
struct Square<C> {
    side: usize,
    /// Samples below the median.
    below: u16,
    coarse: C,
    fine: [C; 16],
    /// For each coarse bin the column after the last that its fine bins hold; they hold `side` columns.
    held: [usize; 16],
}

impl<C: BinCounts> Square<C> {
    #[inline(always)]
    fn new(columns: &Columns, side: usize) -> Self {
        let none = C::of(&Bins::default());
        let mut coarse = none;
        for column in &columns.coarse[..side - 1] {
            coarse = coarse.plus(column);
        }
        Self { side, below: (side * side / 2) as u16, coarse, fine: [none; 16], held: [0; 16] }
    }

    #[inline(always)]
    fn median(&mut self, columns: &Columns, x: usize) -> u8 {
        let (high, before) = self.coarse.bin_of(self.below);
        self.refresh(&columns.fine[high], high, x);
        let (low, _) = self.fine[high].bin_of(self.below - before);
        (high * 16 + low) as u8
    }

    /// Brings the fine bins of a coarse one to the columns from `x`.
    #[inline(always)]
    fn refresh(&mut self, columns: &[Bins], high: usize, x: usize) {
        let (mut bins, end, held) = (self.fine[high], x + self.side, self.held[high]);
        if held < x + self.side / 2 {
            bins = C::of(&columns[x]);
            for column in &columns[x + 1..end] {
                bins = bins.plus(column);
            }
        } else {
            for (entering, leaving) in columns[held..end].iter().zip(&columns[held - self.side..]) {
                bins = bins.plus(entering).minus(leaving);
            }
        }
        (self.fine[high], self.held[high]) = (bins, end);
    }
}

impl BinCounts for Bins {
    fn of(bins: &Bins) -> Self {
        *bins
    }

    fn plus(mut self, bins: &Bins) -> Self {
        self.0.iter_mut().zip(bins.0).for_each(|(count, more)| *count = count.wrapping_add(more));
        self
    }

    fn minus(mut self, bins: &Bins) -> Self {
        self.0.iter_mut().zip(bins.0).for_each(|(count, fewer)| *count = count.wrapping_sub(fewer));
        self
    }

    fn bin_of(self, below: u16) -> (usize, u16) {
        let mut before = 0u16;
        for (bin, count) in self.0.iter().enumerate() {
            let after = before + count;
            if after > below {
                return (bin, before);
            }
            before = after;
        }
        (15, before)
    }
}
