//! Medians of large squares by counting, in constant time a sample.
//!
//! Each column keeps the histogram of its part of the square; going right adds a column and takes one away.
//! Histograms have 16 coarse bins, which are always true, and 256 fine ones, of which only the 16 that
//! hold the median are brought up to date.
//!
//! # Source
//! S. Perreault and P. Hébert, "Median filtering in constant time", 2007.

use super::super::Work;
use super::super::frame::Frame;

/// Sixteen counts: a vector. The largest square has 65,025 samples.
type Bins = [u16; 16];

/// The medians of the squares of a frame's radius.
pub(super) struct Counting<'a> {
    /// The samples.
    pub(super) frame: &'a Frame<'a, u8>,
}

impl Work for Counting<'_> {
    type Result = Vec<u8>;

    #[inline(always)]
    fn run(self) -> Vec<u8> {
        let mut out = vec![0; self.frame.output_len()];
        for channel in 0..self.frame.channels() {
            one_channel(self.frame, channel, &mut out);
        }
        out
    }
}

#[inline(always)]
fn one_channel(frame: &Frame<'_, u8>, channel: usize, out: &mut [u8]) {
    let (channels, side) = (frame.channels(), 2 * frame.radius() + 1);
    let mut columns = Columns::new(frame.row_len() / channels);
    let samples = |row: usize| frame.row(row)[channel..].iter().step_by(channels).copied();
    (0..side - 1).for_each(|row| columns.count(samples(row), Step::Enter));
    for (row, results) in out.chunks_exact_mut(frame.output_row_len()).enumerate() {
        columns.count(samples(row + side - 1), Step::Enter);
        let mut square = Square::new(&columns, side);
        for (x, result) in results[channel..].iter_mut().step_by(channels).enumerate() {
            square.enter(&columns, x);
            *result = square.median(&columns, x);
            square.leave(&columns, x);
        }
        columns.count(samples(row), Step::Leave);
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
        Self { coarse: vec![[0; 16]; width], fine: vec![vec![[0; 16]; width]; 16] }
    }

    #[inline(always)]
    fn count(&mut self, samples: impl Iterator<Item = u8>, step: Step) {
        let by = match step {
            Step::Enter => 1u16,
            Step::Leave => u16::MAX,
        };
        for (column, (coarse, sample)) in self.coarse.iter_mut().zip(samples).enumerate() {
            let (high, low) = (usize::from(sample >> 4), usize::from(sample & 15));
            coarse[high] = coarse[high].wrapping_add(by);
            let fine = &mut self.fine[high][column][low];
            *fine = fine.wrapping_add(by);
        }
    }
}

/// The histogram of the square; between [`Square::leave`] and [`Square::enter`] it lacks a column.
struct Square {
    side: usize,
    /// Samples below the median.
    below: u16,
    coarse: Bins,
    fine: [Bins; 16],
    /// For each coarse bin the column after the last that its fine bins hold; they hold `side` columns.
    held: [usize; 16],
}

impl Square {
    #[inline(always)]
    fn new(columns: &Columns, side: usize) -> Self {
        let mut coarse = [0; 16];
        columns.coarse[..side - 1].iter().for_each(|column| add(&mut coarse, column));
        Self { side, below: (side * side / 2) as u16, coarse, fine: [[0; 16]; 16], held: [0; 16] }
    }

    #[inline(always)]
    fn enter(&mut self, columns: &Columns, x: usize) {
        add(&mut self.coarse, &columns.coarse[x + self.side - 1]);
    }

    #[inline(always)]
    fn leave(&mut self, columns: &Columns, x: usize) {
        subtract(&mut self.coarse, &columns.coarse[x]);
    }

    #[inline(always)]
    fn median(&mut self, columns: &Columns, x: usize) -> u8 {
        let (high, before) = bin_of(&self.coarse, self.below);
        self.refresh(&columns.fine[high], high, x);
        let (low, _) = bin_of(&self.fine[high], self.below - before);
        (high * 16 + low) as u8
    }

    /// Brings the fine bins of a coarse one to the columns from `x`.
    #[inline(always)]
    fn refresh(&mut self, columns: &[Bins], high: usize, x: usize) {
        let (bins, end) = (&mut self.fine[high], x + self.side);
        let held = self.held[high];
        if held < x + self.side / 2 {
            *bins = [0; 16];
            columns[x..end].iter().for_each(|column| add(bins, column));
        } else {
            for (entering, leaving) in columns[held..end].iter().zip(&columns[held - self.side..]) {
                add(bins, entering);
                subtract(bins, leaving);
            }
        }
        self.held[high] = end;
    }
}

#[inline(always)]
fn add(bins: &mut Bins, more: &Bins) {
    bins.iter_mut().zip(more).for_each(|(count, more)| *count = count.wrapping_add(*more));
}

#[inline(always)]
fn subtract(bins: &mut Bins, fewer: &Bins) {
    bins.iter_mut().zip(fewer).for_each(|(count, fewer)| *count = count.wrapping_sub(*fewer));
}

/// The bin with the sample that has `below` before it, and how many samples are in the bins before.
#[inline(always)]
fn bin_of(bins: &Bins, below: u16) -> (usize, u16) {
    let mut before = 0u16;
    for (bin, count) in bins.iter().enumerate() {
        let after = before + count;
        if after > below {
            return (bin, before);
        }
        before = after;
    }
    (15, before)
}
