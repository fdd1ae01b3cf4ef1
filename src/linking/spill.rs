//! The notes on each part, as they lie on the spill.
//!
//! Numbers of 4 bytes, low byte first: the rows of the part; how many runs its last row has, and for each its
//! piece; how many pieces, and whether each has a strong pixel; how many pieces the part above had, and what
//! became of each. Later each run's piece is overwritten by whether it is white in the end.

use std::io::{Read, Seek, SeekFrom, Write};

use super::LinkError;
use super::runs::{Frontier, Link};

/// What a link to a piece that ends says; pieces have lower numbers.
const ENDS_WEAK: u32 = u32::MAX - 1;
const ENDS_STRONG: u32 = u32::MAX;

/// What was noted of a part.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) rows: u32,
    /// The piece of each run of the last row.
    pub(super) runs: Vec<u32>,
    /// Of each piece that reaches the last row, whether it has a strong pixel.
    pub(super) strong: Vec<bool>,
    /// What became of the pieces of the part above.
    pub(super) links: Vec<Link>,
}

impl Note {
    pub(super) fn new(rows: usize, frontier: &Frontier, links: Vec<Link>) -> Self {
        let runs = frontier.runs.iter().map(|(_, piece)| *piece as u32).collect();
        Self { rows: rows as u32, runs, strong: frontier.strong.clone(), links }
    }

    fn words(&self) -> Vec<u32> {
        let mut words = vec![self.rows, self.runs.len() as u32];
        words.extend(&self.runs);
        words.push(self.strong.len() as u32);
        words.extend(self.strong.iter().map(|strong| u32::from(*strong)));
        words.push(self.links.len() as u32);
        words.extend(self.links.iter().map(|link| match link {
            Link::Reaches(piece) => *piece as u32,
            Link::Ends(true) => ENDS_STRONG,
            Link::Ends(false) => ENDS_WEAK,
        }));
        words
    }

    fn read(words: &[u32]) -> Option<Self> {
        let (rows, words) = words.split_first()?;
        let (runs, words) = counted(words)?;
        let (strong, words) = counted(words)?;
        let (links, rest) = counted(words)?;
        let link = |word: &u32| match *word {
            ENDS_STRONG => Link::Ends(true),
            ENDS_WEAK => Link::Ends(false),
            piece => Link::Reaches(piece as usize),
        };
        let strong = strong.iter().map(|word| *word == 1).collect();
        let links = links.iter().map(link).collect();
        rest.is_empty().then(|| Self { rows: *rows, runs: runs.to_vec(), strong, links })
    }
}

/// Takes a number and as many words.
fn counted(words: &[u32]) -> Option<(&[u32], &[u32])> {
    let (count, words) = words.split_first()?;
    words.split_at_checked(*count as usize)
}

/// All notes, and where they lie.
#[derive(Debug)]
pub(super) struct Spill<S> {
    handle: S,
    /// Where each note begins; the last is where the next will.
    starts: Vec<u64>,
}

impl<S: Read + Write + Seek> Spill<S> {
    pub(super) fn new(handle: S) -> Self {
        Self { handle, starts: vec![0] }
    }

    /// Parts noted.
    pub(super) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    pub(super) fn push(&mut self, note: &Note) -> Result<(), LinkError> {
        let start = self.starts.last().copied().unwrap_or(0);
        let bytes = to_bytes(&note.words());
        self.handle.seek(SeekFrom::Start(start))?;
        self.handle.write_all(&bytes)?;
        self.starts.push(start + bytes.len() as u64);
        Ok(())
    }

    pub(super) fn read(&mut self, part: usize) -> Result<Note, LinkError> {
        let (Some(start), Some(end)) = (self.starts.get(part), self.starts.get(part + 1)) else {
            return Err(LinkError::Strips);
        };
        let mut bytes = vec![0; (end - start) as usize];
        self.handle.seek(SeekFrom::Start(*start))?;
        self.handle.read_exact(&mut bytes)?;
        let words: Vec<u32> = bytes.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect();
        Note::read(&words).ok_or(LinkError::Damaged)
    }

    /// Replaces what the note says of each run; there have to be as many.
    pub(super) fn set_runs(&mut self, part: usize, runs: &[u32]) -> Result<(), LinkError> {
        let start = self.starts.get(part).ok_or(LinkError::Strips)?;
        self.handle.seek(SeekFrom::Start(start + 8))?;
        self.handle.write_all(&to_bytes(runs))?;
        Ok(())
    }
}

fn to_bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn notes_read_back_and_damaged_ones_are_refused() {
        let note = |rows| Note {
            rows,
            runs: vec![0, 1, 0],
            strong: vec![true, false],
            links: vec![Link::Reaches(1), Link::Ends(true), Link::Ends(false)],
        };
        let mut spill = Spill::new(Cursor::new(Vec::new()));
        (1..4).for_each(|rows| spill.push(&note(rows)).unwrap());
        spill.set_runs(1, &[7, 8, 9]).unwrap();
        assert_eq!(spill.read(2).unwrap(), note(3));
        assert_eq!(spill.read(1).unwrap(), Note { runs: vec![7, 8, 9], ..note(2) });
        assert!(matches!(spill.read(3), Err(LinkError::Strips)));
        spill.handle.get_mut()[4] = 200;
        assert!(matches!(spill.read(0), Err(LinkError::Damaged)));
    }
}
