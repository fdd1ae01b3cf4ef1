//! The first pass, from the top to the bottom, and the notes' way back up.

use std::io::{Read, Seek, Write};

use super::runs::{Frontier, Link, join};
use super::spill::{Note, Spill};
use super::{LinkError, Settler, Shape};

/// Takes the rows of maps, strip by strip from the top to the bottom.
///
/// # Cost
/// One pass over the pixels; memory as the [module](super) says.
#[derive(Debug)]
pub struct Linker<S> {
    shape: Shape,
    frontier: Frontier,
    spill: Spill<S>,
}

impl<S: Read + Write + Seek> Linker<S> {
    /// For maps of `width` pixels with `channels` bytes each: 1, or 2 with alpha. The spill is written from its
    /// beginning; its owner removes it afterwards.
    pub fn new(width: u32, channels: usize, spill: S) -> Self {
        let shape = Shape { width: width as usize, step: channels.max(1) };
        Self { shape, frontier: Frontier::default(), spill: Spill::new(spill) }
    }

    /// Joins the next rows to those above.
    ///
    /// # Errors
    /// If they are not whole rows, or the spill cannot be written.
    pub fn add(&mut self, strip: &[u8]) -> Result<(), LinkError> {
        for part in self.shape.parts(strip)? {
            let (frontier, links) = join(&self.frontier, part, self.shape);
            self.spill.push(&Note::new(part.len() / self.shape.row_bytes(), &frontier, links))?;
            self.frontier = frontier;
        }
        Ok(())
    }

    /// Ends the first pass: all strips were added.
    ///
    /// # Errors
    /// If the spill cannot be read or written, or is damaged.
    pub fn finish(mut self) -> Result<Settler<S>, LinkError> {
        // Of each piece at the bottom of the part below: whether it is white in the end.
        let mut below: Vec<bool> = Vec::new();
        let mut links: Vec<Link> = Vec::new();
        for part in (0..self.spill.len()).rev() {
            let note = self.spill.read(part)?;
            let white = note.strong.iter().enumerate().map(|(piece, strong)| *strong || leads(&links, &below, piece));
            let white: Vec<bool> = white.collect();
            let run = |piece: &u32| white.get(*piece as usize).map(|white| u32::from(*white));
            let runs: Option<Vec<u32>> = note.runs.iter().map(run).collect();
            self.spill.set_runs(part, &runs.ok_or(LinkError::Damaged)?)?;
            (below, links) = (white, note.links);
        }
        Ok(Settler::new(self.shape, self.spill))
    }
}

/// Whether a piece becomes white by what is below it.
fn leads(links: &[Link], below: &[bool], piece: usize) -> bool {
    match links.get(piece) {
        Some(Link::Reaches(lower)) => below.get(*lower).copied().unwrap_or(false),
        Some(Link::Ends(strong)) => *strong,
        None => false,
    }
}
