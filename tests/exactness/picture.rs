//! Pictures in memory, and steps on their tiles as the services run them, but for the way between them.

use std::io::Cursor;

use anyhow::{Context, Result, ensure};
use tessera::linking::Linker;
use tessera::operation::{Chain, Kind, Statistic, Step, TileInput};
use tessera::picture::{PictureInfo, Pixels, Rect, Size};
use tessera::tiling::Grid;

/// A picture in memory.
#[derive(Clone, PartialEq)]
pub struct Picture {
    pub info: PictureInfo,
    pub bytes: Vec<u8>,
}

impl Picture {
    /// A part of it.
    fn cut(&self, rect: Rect) -> Result<Pixels> {
        let pixel = self.info.format.bytes_per_pixel();
        let columns = rect.x as usize * pixel..rect.right() as usize * pixel;
        let row = |y: u32| &self.bytes[y as usize * self.info.row_bytes()..][columns.clone()];
        let bytes = (rect.y..rect.bottom()).flat_map(row).copied().collect();
        Ok(Pixels::from_bytes(PictureInfo { size: rect.size(), ..self.info }, bytes)?)
    }

    /// The picture after steps, put together from tiles: as the services do it, but for the way between them.
    pub fn after(mut self, steps: &[Step], tile: Size) -> Result<Self> {
        let mut local = Vec::new();
        for step in steps {
            if let Some(statistic) = step.statistic() {
                self = self.after_local(std::mem::take(&mut local), tile)?;
                local.push(step.with_numbers(&self.measured(statistic, tile)?)?);
            } else {
                local.push(step.clone());
            }
            if step.definition().kind == Kind::GlobalLinking {
                self = self.after_local(std::mem::take(&mut local), tile)?;
                self.link(tile.height as usize)?;
            }
        }
        self.after_local(local, tile)
    }

    /// The numbers of the whole picture, measured on tiles.
    fn measured(&self, statistic: &dyn Statistic, tile: Size) -> Result<Vec<i64>> {
        let grid = Grid::new(self.info.size, tile);
        let mut total: Option<Vec<u64>> = None;
        for rect in (0..grid.tiles()).filter_map(|index| grid.rect(index)) {
            let partial = statistic.measure(&self.cut(rect)?)?;
            ensure!(partial.len() == statistic.length(self.info.format), "a statistic of another length");
            match &mut total {
                Some(total) => statistic.merge(total, &partial),
                None => total = Some(partial),
            }
        }
        Ok(statistic.resolve(self.info.format, &total.context("a tile")?))
    }

    fn after_local(self, steps: Vec<Step>, tile: Size) -> Result<Self> {
        if steps.is_empty() {
            return Ok(self);
        }
        let chain = Chain::new(steps);
        let turn = chain.turn();
        let size = turn.size(self.info.size);
        let info = PictureInfo { size, format: chain.output(self.info.format)? };
        let mut result = Self { info, bytes: vec![0; info.bytes() as usize] };
        let grid = Grid::new(self.info.size, tile);
        for rect in (0..grid.tiles()).filter_map(|index| grid.rect(index)) {
            let margins = grid.margins(rect, chain.halo());
            let pixels = self.cut(Grid::with_margins(rect, margins))?;
            let tile = chain.run(TileInput { pixels, rect, margins, picture: self.info })?;
            result.put(turn.rect(rect, self.info.size), &tile.into_bytes());
        }
        Ok(result)
    }

    fn put(&mut self, rect: Rect, tile: &[u8]) {
        let pixel = self.info.format.bytes_per_pixel();
        for (row, y) in tile.chunks_exact(rect.width as usize * pixel).zip(rect.y..) {
            let start = y as usize * self.info.row_bytes() + rect.x as usize * pixel;
            self.bytes[start..start + row.len()].copy_from_slice(row);
        }
    }

    /// Joins maps over their seams, in strips of so many rows.
    fn link(&mut self, rows: usize) -> Result<()> {
        let strip = self.info.row_bytes() * rows;
        let channels = self.info.format.layout.channels();
        let mut linker = Linker::new(self.info.size.width, channels, Cursor::new(Vec::new()));
        self.bytes.chunks(strip).try_for_each(|strip| linker.add(strip))?;
        let mut settler = linker.finish()?;
        Ok(self.bytes.chunks_mut(strip).try_for_each(|strip| settler.settle(strip))?)
    }
}
