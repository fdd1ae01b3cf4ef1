//! A second look at the coded data of a JPEG in which something was left over: whether the pixels are certain.
//!
//! Owns that surplus bytes are harmless only where the data before them ends as an encoder ends it, with bits of 1 up to
//! a whole byte, and where they do not go on as more of the picture: a changed bit shifts all that follows and leaves
//! something over, too. Makes no pixels. Source: ITU-T T.81, annexes B and F.

use std::io::{self, BufRead, ErrorKind, Read};
use std::ops::Range;

use super::header::{Segment, next_marker};
use super::huffman::{Bits, Coded, Table};
use super::scan::{Component, Layout, Scan, Tables};

/// Surplus bytes of one place that are looked at.
const MAX_SURPLUS_BYTES: usize = 16 << 20;

/// Why the pixels are not certain.
const UNCERTAIN: &str = "some of its coded data is left over as if a bit had changed: its pixels are not certain";

/// Looks at all scans of a JPEG, from its start.
///
/// # Errors
/// Why its pixels are not certain.
pub(super) fn check(input: &mut impl BufRead) -> Result<(), String> {
    Walk::default().run(input).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => "the JPEG ends early".to_owned(),
        _ => error.to_string(),
    })
}

#[derive(Debug, Default)]
struct Walk {
    layout: Layout,
    tables: Tables,
    /// For each block of each component of a progressive picture the coefficients that are not zero so far.
    known: Vec<Vec<u64>>,
    /// Units between restarts; 0 for none.
    interval: usize,
    /// A marker that was met at the end of coded data.
    met: Option<u8>,
    /// The last scan.
    last: Scan,
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
                0xC4 => self.take_tables(&segment(marker, input)?)?,
                0xC0..=0xC2 => self.take_frame(&segment(marker, input)?, marker == 0xC2)?,
                0xDD => match segment(marker, input)?[..] {
                    [high, low] => self.interval = usize::from(u16::from_be_bytes([high, low])),
                    _ => return Err(uncertain()),
                },
                _ => drop(segment(marker, input)?),
            }
        }
    }

    fn take_frame(&mut self, segment: &[u8], is_progressive: bool) -> io::Result<()> {
        let &[_, h1, h0, w1, w0, _, ref components @ ..] = segment else { return Err(uncertain()) };
        let component = |part: &[u8; 3]| Component {
            id: part[0],
            across: u32::from(part[1] >> 4).clamp(1, 4),
            down: u32::from(part[1] & 15).clamp(1, 4),
        };
        self.layout = Layout {
            size: (u16::from_be_bytes([w1, w0]).into(), u16::from_be_bytes([h1, h0]).into()),
            components: components.as_chunks::<3>().0.iter().map(component).collect(),
            is_progressive,
        };
        self.known = vec![Vec::new(); self.layout.components.len()];
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
        let scan = Scan::parse(&segment(0xDA, input)?, &self.layout).ok_or_else(uncertain)?;
        let component = scan.component.filter(|_| scan.has_band());
        let mut known = component.and_then(|at| self.known.get_mut(at)).map(std::mem::take).unwrap_or_default();
        if component.is_some() {
            known.resize(scan.units, 0);
        }
        let interval = if self.interval == 0 { scan.units } else { self.interval };
        let mut done = 0;
        for restart in (0..8).cycle() {
            let end = scan.units.min(done + interval);
            match self.interval_end(input, &scan, done..end, &mut known)? {
                End::Surplus(surplus, rest) if scan.goes_on(&self.tables, &surplus, rest) => return Err(uncertain()),
                End::Surplus(..) => {}
                End::Uncertain => return Err(uncertain()),
            }
            done = end;
            if done >= scan.units {
                break;
            }
            if self.met.take() != Some(0xD0 + restart) {
                return Err(uncertain());
            }
        }
        component
            .and_then(|at| self.known.get_mut(at))
            .into_iter()
            .for_each(|place| *place = std::mem::take(&mut known));
        self.last = scan;
        Ok(())
    }

    /// Reads these units and what is left over behind them, up to a marker.
    fn interval_end(
        &mut self,
        input: &mut impl BufRead,
        scan: &Scan,
        units: Range<usize>,
        known: &mut [u64],
    ) -> io::Result<End> {
        let mut coded = Coded::new(input);
        let mut bits = Bits::new(&mut coded);
        let is_whole = scan.read(&mut bits, &self.tables, units, known).is_some();
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
        match self.interval_end(input, &Scan::default(), 0..0, &mut [])? {
            End::Surplus(surplus, rest) if self.last.goes_on(&self.tables, &surplus, rest) => Err(uncertain()),
            End::Surplus(..) => Ok(()),
            End::Uncertain => Err(uncertain()),
        }
    }
}

fn segment(marker: u8, input: &mut impl Read) -> io::Result<Vec<u8>> {
    let begun = Segment::begin(marker, input);
    let taken = begun.and_then(|segment| segment.map_or_else(|| Ok(Vec::new()), |segment| segment.take(input)));
    taken.map_err(|error| io::Error::other(error.to_string()))
}

fn uncertain() -> io::Error {
    io::Error::other(UNCERTAIN)
}
