//! A second look at the coded data of a JPEG in which something was left over: whether the pixels are certain.
//!
//! Owns that surplus bytes are harmless only where the data before them ends as an encoder ends it, with bits of 1 up to
//! a whole byte, and where they do not go on as more of the picture: a changed bit shifts all that follows and leaves
//! something over, too. Makes no pixels. Source: ITU-T T.81, annexes B and F.

use std::io::{self, BufRead, ErrorKind, Read};

use super::header::{Segment, next_marker};
use super::huffman::{Bits, Coded, Table};

/// Surplus bytes of one place that are looked at.
const MAX_SURPLUS_BYTES: usize = 16 << 20;
/// What is longer is hardly a single block, though bytes at random may read like one.
const MOST_BYTES_OF_A_BLOCK: usize = 32;

/// Why the pixels are not certain.
const UNCERTAIN: &str = "some of its coded data is left over as if a bit had changed: its pixels are not certain";

/// Looks at all scans of a sequential JPEG, from its start.
///
/// # Errors
/// Why its pixels are not certain.
pub(super) fn check(input: &mut impl BufRead) -> Result<(), String> {
    Walk::default().run(input).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => "the JPEG ends early".to_owned(),
        _ => error.to_string(),
    })
}

#[derive(Clone, Copy, Debug)]
struct Component {
    id: u8,
    across: u32,
    down: u32,
}

/// A component in a scan: blocks of a unit, and its tables.
#[derive(Clone, Copy, Debug)]
struct Part {
    blocks: u32,
    dc: usize,
    ac: usize,
}

#[derive(Debug, Default)]
struct Walk {
    size: (u32, u32),
    components: Vec<Component>,
    /// Of differences first, of the others then.
    tables: [[Option<Table>; 4]; 2],
    /// Units between restarts; 0 for none.
    interval: u64,
    /// A marker that was met at the end of coded data.
    met: Option<u8>,
    /// The parts of the last scan.
    parts: Vec<Part>,
}

/// How coded data ends.
enum End {
    /// With the units that were asked for; these bytes are left over, and these bits of the byte before them.
    Surplus(Vec<u8>, (u8, u8)),
    Uncertain,
}

impl Walk {
    fn run(&mut self, input: &mut impl BufRead) -> io::Result<()> {
        let mut start = [0; 2];
        input.read_exact(&mut start)?;
        loop {
            let marker = self.met.take().map_or_else(|| next_marker(input).map(|(marker, _)| marker), Ok)?;
            match marker {
                0xD8 => {}
                // Behind the last unit they stand for nothing, like what follows them.
                0x01 | 0xD0..=0xD7 => self.leftover(input)?,
                0xD9 => return Ok(()),
                0xDA => self.scan(input)?,
                0xC4 => self.take_tables(&segment(input)?)?,
                0xC0 | 0xC1 => self.take_frame(&segment(input)?)?,
                0xDD => match segment(input)?[..] {
                    [high, low] => self.interval = u64::from(u16::from_be_bytes([high, low])),
                    _ => return Err(uncertain()),
                },
                _ => drop(segment(input)?),
            }
        }
    }

    fn take_frame(&mut self, segment: &[u8]) -> io::Result<()> {
        let &[_, h1, h0, w1, w0, _, ref components @ ..] = segment else { return Err(uncertain()) };
        self.size = (u16::from_be_bytes([w1, w0]).into(), u16::from_be_bytes([h1, h0]).into());
        let component = |part: &[u8; 3]| Component {
            id: part[0],
            across: u32::from(part[1] >> 4).clamp(1, 4),
            down: u32::from(part[1] & 15).clamp(1, 4),
        };
        self.components = components.as_chunks::<3>().0.iter().map(component).collect();
        Ok(())
    }

    fn take_tables(&mut self, mut segment: &[u8]) -> io::Result<()> {
        while let Some((class, rest)) = segment.split_first() {
            let (table, rest) = Table::parse(rest).ok_or_else(uncertain)?;
            let place = self.tables.get_mut(usize::from(class >> 4)).and_then(|of| of.get_mut(usize::from(class & 15)));
            *place.ok_or_else(uncertain)? = Some(table);
            segment = rest;
        }
        Ok(())
    }

    fn scan(&mut self, input: &mut impl BufRead) -> io::Result<()> {
        let segment = segment(input)?;
        let (parts, units) = self.parts(&segment).ok_or_else(uncertain)?;
        let interval = if self.interval == 0 { units } else { self.interval };
        let mut done = 0;
        for restart in (0..8).cycle() {
            let count = interval.min(units - done);
            match self.interval_end(input, &parts, count)? {
                End::Surplus(surplus, rest) if self.goes_on(&parts, &surplus, rest) => return Err(uncertain()),
                End::Surplus(..) => {}
                End::Uncertain => return Err(uncertain()),
            }
            done += count;
            if done >= units {
                break;
            }
            if self.met.take() != Some(0xD0 + restart) {
                return Err(uncertain());
            }
        }
        self.parts = parts;
        Ok(())
    }

    /// The components of a scan and the number of its units.
    fn parts(&self, segment: &[u8]) -> Option<(Vec<Part>, u64)> {
        let (count, rest) = segment.split_first()?;
        let chosen = rest.as_chunks::<2>().0.get(..usize::from(*count))?;
        let component = |id: u8| self.components.iter().find(|component| component.id == id);
        let across = self.components.iter().map(|component| component.across).max()?;
        let down = self.components.iter().map(|component| component.down).max()?;
        let is_single = chosen.len() == 1;
        let part = |&[id, tables]: &[u8; 2]| {
            let Component { across, down, .. } = *component(id)?;
            let blocks = if is_single { 1 } else { across * down };
            Some(Part { blocks, dc: usize::from(tables >> 4), ac: usize::from(tables & 15) })
        };
        let parts: Vec<Part> = chosen.iter().map(part).collect::<Option<_>>()?;
        let units = |side: u32, of: u32, most: u32| match is_single {
            true => u64::from((side * of).div_ceil(most).div_ceil(8)),
            false => u64::from(side.div_ceil(8 * most)),
        };
        let first = component(chosen.first()?[0])?;
        Some((parts, units(self.size.0, first.across, across) * units(self.size.1, first.down, down)))
    }

    /// Reads so many units and what is left over behind them, up to a marker.
    fn interval_end(&mut self, input: &mut impl BufRead, parts: &[Part], units: u64) -> io::Result<End> {
        let mut coded = Coded::new(input);
        let mut bits = Bits::new(&mut coded);
        let is_whole = (0..units).all(|_| self.unit(&mut bits, parts).is_some());
        let (is_padded, rest) = (bits.rest_is_ones(), bits.rest());
        let mut surplus = Vec::new();
        for byte in coded.by_ref() {
            surplus.push(byte);
            if surplus.len() > MAX_SURPLUS_BYTES {
                return Ok(End::Uncertain);
            }
        }
        if let Some(error) = coded.failed {
            return Err(error);
        }
        self.met = coded.met;
        let is_certain = is_whole && (is_padded || surplus.is_empty());
        Ok(if is_certain { End::Surplus(surplus, rest) } else { End::Uncertain })
    }

    /// Reads what stands behind a marker that stands for nothing.
    fn leftover(&mut self, input: &mut impl BufRead) -> io::Result<()> {
        match self.interval_end(input, &[], 0)? {
            End::Surplus(surplus, rest) if self.goes_on(&self.parts, &surplus, rest) => Err(uncertain()),
            End::Surplus(..) => Ok(()),
            End::Uncertain => Err(uncertain()),
        }
    }

    /// Whether bytes are more of the same: blocks up to the end of a unit, and whole units, ended as an encoder ends them.
    /// What a changed bit has shifted begins anywhere in a unit, and anywhere in a byte.
    fn goes_on(&self, parts: &[Part], surplus: &[u8], rest: (u8, u8)) -> bool {
        let blocks: u32 = parts.iter().map(|part| part.blocks).sum();
        (0..blocks).any(|block| {
            let mut bytes = surplus.iter().copied();
            let mut bits = Bits::after(&mut bytes, rest);
            let (mut skipped, mut read) = (block, 0);
            while !surplus.is_empty() && self.blocks(&mut bits, parts, skipped).is_some() {
                read += blocks - skipped;
                if bits.is_at_end() {
                    return read > 1 || surplus.len() <= MOST_BYTES_OF_A_BLOCK;
                }
                skipped = 0;
            }
            false
        })
    }

    /// Reads one unit: the blocks of all components.
    fn unit(&self, bits: &mut Bits<'_, impl Iterator<Item = u8>>, parts: &[Part]) -> Option<()> {
        self.blocks(bits, parts, 0)
    }

    /// Reads the blocks of a unit but for the first ones.
    fn blocks(&self, bits: &mut Bits<'_, impl Iterator<Item = u8>>, parts: &[Part], skipped: u32) -> Option<()> {
        let all = parts.iter().flat_map(|part| (0..part.blocks).map(move |_| part));
        for part in all.skip(skipped as usize) {
            let [dc, ac] = [(0, part.dc), (1, part.ac)].map(|(class, at)| self.tables[class].get(at)?.as_ref());
            block(bits, dc?, ac?)?;
        }
        Some(())
    }
}

/// Reads a block of 64 coefficients.
fn block(bits: &mut Bits<'_, impl Iterator<Item = u8>>, dc: &Table, ac: &Table) -> Option<()> {
    let length = dc.next(bits).filter(|length| *length <= 15)?;
    bits.skip(length)?;
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

fn segment(input: &mut impl Read) -> io::Result<Vec<u8>> {
    Segment::begin(input).and_then(|segment| segment.take(input)).map_err(|error| io::Error::other(error.to_string()))
}

fn uncertain() -> io::Error {
    io::Error::other(UNCERTAIN)
}
