//! The blocks of one scan of a JPEG, read without making pixels of them. Source: ITU-T T.81, B.2.3, F.2.2 and G.1.2.
//!
//! Owns how a scan's blocks are coded, and whether bytes behind them read like more of them.

use std::ops::Range;

use super::huffman::{Bits, Table};
use super::runs::{Band, Runs};

/// What is longer is hardly a single block, though bytes at random may read like one.
const MOST_BYTES_OF_A_BLOCK: usize = 32;

/// The tables of codes: of differences first, of the others then.
pub(super) type Tables = [[Option<Table>; 4]; 2];

/// A component of the picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Component {
    pub(super) id: u8,
    pub(super) across: u32,
    pub(super) down: u32,
}

/// What the frame header says of the blocks.
#[derive(Debug, Default)]
pub(super) struct Layout {
    pub(super) size: (u32, u32),
    pub(super) components: Vec<Component>,
    /// Coefficients come in pieces.
    pub(super) is_progressive: bool,
}

/// A component in a scan: blocks of a unit, and its tables.
#[derive(Clone, Copy, Debug)]
struct Part {
    blocks: u32,
    dc: usize,
    ac: usize,
}

/// What a scan has of each block.
#[derive(Clone, Copy, Debug, Default)]
enum Coding {
    /// All its coefficients.
    #[default]
    Whole,
    /// The upper bits of the first coefficient.
    First,
    /// One more bit of the first coefficient.
    Bit,
    /// Some of the others, or one more bit of them.
    Band(Band),
}

/// A scan of a picture.
#[derive(Debug, Default)]
pub(super) struct Scan {
    parts: Vec<Part>,
    coding: Coding,
    /// The component of a scan that has but one.
    pub(super) component: Option<usize>,
    pub(super) units: usize,
}

impl Scan {
    /// Reads the header of a scan.
    pub(super) fn parse(segment: &[u8], layout: &Layout) -> Option<Self> {
        let (count, rest) = segment.split_first()?;
        let (chosen, rest) = rest.split_at_checked(usize::from(*count) * 2)?;
        let chosen = chosen.as_chunks::<2>().0;
        let place = |id: u8| layout.components.iter().position(|component| component.id == id);
        let across = layout.components.iter().map(|component| component.across).max()?;
        let down = layout.components.iter().map(|component| component.down).max()?;
        let is_single = chosen.len() == 1;
        let part = |&[id, tables]: &[u8; 2]| {
            let Component { across, down, .. } = *layout.components.get(place(id)?)?;
            let blocks = if is_single { 1 } else { across * down };
            Some(Part { blocks, dc: usize::from(tables >> 4), ac: usize::from(tables & 15) })
        };
        let parts: Vec<Part> = chosen.iter().map(part).collect::<Option<_>>()?;
        let units = |side: u32, of: u32, most: u32| match is_single {
            true => (side * of).div_ceil(most).div_ceil(8),
            false => side.div_ceil(8 * most),
        };
        let first = place(chosen.first()?[0])?;
        let of = layout.components.get(first)?;
        let units = units(layout.size.0, of.across, across) as usize * units(layout.size.1, of.down, down) as usize;
        let coding = coding(layout, rest, is_single)?;
        Some(Self { parts, coding, component: is_single.then_some(first), units })
    }

    /// Whether it has other coefficients than the first of a progressive picture, for which it is to be known which are
    /// not zero.
    pub(super) fn has_band(&self) -> bool {
        matches!(self.coding, Coding::Band(_))
    }

    /// Reads the units of a restart interval; `known` says of all blocks which coefficients are not zero.
    pub(super) fn read(
        &self,
        bits: &mut Bits<'_, impl Iterator<Item = u8>>,
        tables: &Tables,
        mut units: Range<usize>,
        known: &mut [u64],
    ) -> Option<()> {
        let Coding::Band(band) = self.coding else {
            return units.try_for_each(|_| self.blocks(bits, tables, 0));
        };
        let mut runs = Runs::new(band, table(tables, 1, self.parts.first()?.ac)?);
        known.get_mut(units)?.iter_mut().try_for_each(|known| runs.block(bits, known))?;
        runs.is_at_end().then_some(())
    }

    /// Whether bytes are more of the same: blocks up to the end of a unit, and whole units, ended as an encoder ends them.
    /// What a changed bit has shifted begins anywhere in a unit, and anywhere in a byte.
    pub(super) fn goes_on(&self, tables: &Tables, surplus: &[u8], rest: (u8, u8)) -> bool {
        match (self.coding, surplus) {
            // Of one bit a block none is shifted, and all bytes read like more.
            (Coding::Bit, _) | (_, []) => return false,
            (Coding::Band(band), _) => return self.band_goes_on(band, tables, surplus, rest).unwrap_or(false),
            _ => {}
        }
        let blocks: u32 = self.parts.iter().map(|part| part.blocks).sum();
        (0..blocks).any(|block| {
            let mut bytes = surplus.iter().copied();
            let mut bits = Bits::after(&mut bytes, rest);
            let (mut skipped, mut read) = (block, 0);
            while self.blocks(&mut bits, tables, skipped).is_some() {
                read += blocks - skipped;
                if bits.is_at_end() {
                    return read > 1 || surplus.len() <= MOST_BYTES_OF_A_BLOCK;
                }
                skipped = 0;
            }
            false
        })
    }

    fn band_goes_on(&self, band: Band, tables: &Tables, surplus: &[u8], rest: (u8, u8)) -> Option<bool> {
        let mut bytes = surplus.iter().copied();
        let mut bits = Bits::after(&mut bytes, rest);
        let mut runs = Runs::new(band, table(tables, 1, self.parts.first()?.ac)?);
        let mut read = 0;
        loop {
            runs.block(&mut bits, &mut 0)?;
            runs.skip();
            read += 1;
            if bits.is_at_end() {
                return Some(read > 1 || surplus.len() <= MOST_BYTES_OF_A_BLOCK);
            }
        }
    }

    /// Reads the blocks of a unit but for the first ones.
    fn blocks(&self, bits: &mut Bits<'_, impl Iterator<Item = u8>>, tables: &Tables, skipped: u32) -> Option<()> {
        let all = self.parts.iter().flat_map(|part| (0..part.blocks).map(move |_| part));
        for part in all.skip(skipped as usize) {
            match self.coding {
                Coding::Whole => block(bits, table(tables, 0, part.dc)?, table(tables, 1, part.ac)?)?,
                Coding::First => difference(bits, table(tables, 0, part.dc)?)?,
                Coding::Bit => bits.skip(1)?,
                Coding::Band(_) => return None,
            }
        }
        Some(())
    }
}

fn coding(layout: &Layout, rest: &[u8], is_single: bool) -> Option<Coding> {
    if !layout.is_progressive {
        return Some(Coding::Whole);
    }
    let &[first, last, bits, ..] = rest else { return None };
    let refines = bits >> 4 != 0;
    match (first, last) {
        (0, 0) => Some(if refines { Coding::Bit } else { Coding::First }),
        (1..=63, _) if first <= last && last <= 63 && is_single => Some(Coding::Band(Band { first, last, refines })),
        _ => None,
    }
}

fn table(tables: &Tables, class: usize, at: usize) -> Option<&Table> {
    tables.get(class)?.get(at)?.as_ref()
}

/// Reads the first coefficient of a block.
fn difference(bits: &mut Bits<'_, impl Iterator<Item = u8>>, dc: &Table) -> Option<()> {
    let length = dc.next(bits).filter(|length| *length <= 15)?;
    bits.skip(length)
}

/// Reads a block of 64 coefficients.
fn block(bits: &mut Bits<'_, impl Iterator<Item = u8>>, dc: &Table, ac: &Table) -> Option<()> {
    difference(bits, dc)?;
    let mut at = 1u8;
    while at < 64 {
        let symbol = ac.next(bits)?;
        let (zeros, length) = (symbol >> 4, symbol & 15);
        match (zeros, length) {
            (15, 0) => at += 16,
            (_, 0) => break,
            _ => {
                at += zeros + 1;
                bits.skip(length)?;
            }
        }
    }
    (at <= 64).then_some(())
}
