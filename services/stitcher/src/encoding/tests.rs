use std::io::{self, Write};
use std::sync::Arc;

use parking_lot::Mutex;
use proptest::prelude::*;
use tessera::job::JobId;
use tessera::operation::Chain;
use tessera::picture::codec::ResultFormat;
use tessera::picture::png::PngRows;
use tessera::picture::rows::{RowReader, WriteError};
use tessera::picture::{Depth, Layout, PictureInfo, PixelFormat, Rect, Size, Turn};
use tessera::plan::{Makes, Stage};
use tessera::store::Written;

use super::buffer::StripBuffer;
use super::*;

const PNG: Product = Product::Result { format: ResultFormat::Png };
use super::strips::Strips;
use crate::spool::{SlotOwner, Spool};

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<(Vec<u8>, bool)>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Output for Paper {
    fn publish(self: Box<Self>) -> io::Result<Written> {
        let mut paper = self.0.lock();
        paper.1 = true;
        Ok(Written { bytes: paper.0.len() as u64, digest: None })
    }
}

impl Paper {
    fn bytes(&self) -> Vec<u8> {
        self.0.lock().0.clone()
    }
}

fn stage(width: u32, height: u32, tile: (u32, u32), format: PixelFormat) -> Stage {
    turned_stage(width, height, tile, format, Turn::None)
}

fn turned_stage(width: u32, height: u32, tile: (u32, u32), format: PixelFormat, turn: Turn) -> Stage {
    let input = PictureInfo { size: Size { width, height }, format };
    let output = PictureInfo { size: turn.size(input.size), format };
    let steps = Chain::new(Vec::new()).after(turn);
    let (halo, makes) = (0, Makes::Pixels);
    Stage { steps, halo, input, output, tile_width: tile.0, tile_height: tile.1, makes }
}

fn picture(stage: &Stage) -> Vec<u8> {
    (0..stage.output.bytes()).map(|at| (at.wrapping_mul(2_654_435_761) >> 7) as u8).collect()
}

fn cut(stage: &Stage, whole: &[u8], rect: Rect) -> Vec<u8> {
    let (row_bytes, pixel) = (stage.output.row_bytes(), stage.output.format.bytes_per_pixel());
    let rows = rect.y as usize..rect.bottom() as usize;
    let part = |y: usize| {
        let from = y * row_bytes + rect.x as usize * pixel;
        whole[from..from + rect.width as usize * pixel].to_vec()
    };
    rows.flat_map(part).collect()
}

struct Bench {
    _folder: tempfile::TempDir,
    stage: Stage,
    whole: Vec<u8>,
    slots: Slots,
}

impl Bench {
    fn new(stage: Stage) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path(), "s").unwrap();
        let owner = SlotOwner { job: JobId::random(), stage: 0, plan: "00112233445566aa".parse().unwrap() };
        spool.claim(owner.job, 0).unwrap();
        let slots = spool.slots(owner, stage.largest_result_bytes());
        let whole = picture(&stage);
        Self { _folder: folder, stage, whole, slots }
    }

    fn put(&self, index: u32) {
        let pixels = cut(&self.stage, &self.whole, self.stage.turned_grid().rect(index).unwrap());
        let crc = crc32c::crc32c(&pixels);
        self.slots.open().unwrap().write(index, pixels, crc).unwrap();
    }

    fn decode(&self, png: &[u8]) -> Vec<u8> {
        let mut rows = PngRows::open(io::Cursor::new(png.to_vec())).unwrap();
        assert_eq!(rows.info(), self.stage.output);
        let mut pixels = Vec::new();
        let mut row = vec![0; self.stage.output.row_bytes()];
        for _ in 0..self.stage.output.size.height {
            rows.read_row(&mut row).unwrap();
            pixels.extend_from_slice(&row);
        }
        rows.finish().unwrap();
        pixels
    }
}

fn formats() -> impl Strategy<Value = PixelFormat> {
    let layout = prop::sample::select(vec![Layout::Gray, Layout::GrayAlpha, Layout::Rgb, Layout::Rgba]);
    let depth = prop::sample::select(vec![Depth::Eight, Depth::Sixteen]);
    (layout, depth).prop_map(|(layout, depth)| PixelFormat { layout, depth })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn tiles_in_any_order_give_the_picture(
        size in (1u32..70, 1u32..70),
        tile in (1u32..4, 1u32..4),
        format in formats(),
        turn in 0usize..8,
        keys in prop::collection::vec(any::<u32>(), 300),
    ) {
        let tile = (tile.0 * 16, tile.1 * 16);
        let bench = Bench::new(turned_stage(size.0, size.1, tile, format, Turn::ALL[turn]));
        let grid = bench.stage.turned_grid();
        let mut order: Vec<u32> = (0..grid.tiles()).collect();
        order.sort_by_key(|index| keys[*index as usize % keys.len()]);
        let paper = Paper::default();
        let mut encoding = Encoding::begin(&bench.stage, PNG, &Kept::NONE, Box::new(paper.clone())).unwrap();
        let mut strips = Strips::new(grid);
        for index in order {
            bench.put(index);
            strips.insert(index);
            let ready = strips.ready_from(encoding.next_strip());
            encoding.advance(&bench.slots, ready, 16 << 20).unwrap();
        }
        prop_assert_eq!(encoding.next_strip(), grid.rows());
        prop_assert_eq!(encoding.finish().unwrap(), Made::Stored(Written { bytes: paper.bytes().len() as u64, digest: None }));
        prop_assert!(paper.0.lock().1);
        prop_assert_eq!(bench.decode(&paper.bytes()), bench.whole);
    }

    #[test]
    fn a_strip_in_narrow_bands_is_the_same(
        size in (1u32..90, 1u32..60),
        format in formats(),
        turn in 0usize..8,
        limit in 1usize..4000,
    ) {
        struct Rows(Vec<u8>);
        impl RowWriter for Rows {
            fn write_row(&mut self, row: &[u8]) -> Result<(), WriteError> {
                self.0.extend_from_slice(row);
                Ok(())
            }
            fn finish(self: Box<Self>) -> Result<(), WriteError> {
                Ok(())
            }
        }
        let bench = Bench::new(turned_stage(size.0, size.1, (32, 16), format, Turn::ALL[turn]));
        (0..bench.stage.grid().tiles()).for_each(|index| bench.put(index));
        let (mut rows, mut buffer) = (Rows(Vec::new()), StripBuffer::new(&bench.stage, limit));
        let slots = bench.slots.open().unwrap();
        for strip in 0..bench.stage.turned_grid().rows() {
            buffer.write_strip(&slots, strip, &mut rows).unwrap();
        }
        prop_assert_eq!(rows.0, bench.whole);
    }
}

#[test]
fn a_bad_slot_stops_before_its_strip_and_the_encoding_goes_on_when_it_is_back() {
    let format = PixelFormat { layout: Layout::Rgb, depth: Depth::Eight };
    let bench = Bench::new(stage(48, 48, (16, 16), format));
    (0..9).filter(|index| *index != 4).for_each(|index| bench.put(index));
    let paper = Paper::default();
    let mut encoding = Encoding::begin(&bench.stage, PNG, &Kept::NONE, Box::new(paper.clone())).unwrap();
    let outcome = encoding.advance(&bench.slots, 0..3, 16 << 20);
    assert!(matches!(outcome, Err(EncodeError::BadSlot { index: 4 })), "{outcome:?}");
    assert_eq!(encoding.next_strip(), 1);
    bench.put(4);
    encoding.advance(&bench.slots, 1..3, 16 << 20).unwrap();
    encoding.finish().unwrap();
    assert_eq!(bench.decode(&paper.bytes()), bench.whole);
}

#[test]
fn an_encoding_that_lacks_strips_cannot_be_finished() {
    let bench = Bench::new(stage(16, 32, (16, 16), PixelFormat { layout: Layout::Gray, depth: Depth::Eight }));
    bench.put(0);
    let paper = Paper::default();
    for product in [PNG, Product::Rows] {
        let mut encoding = Encoding::begin(&bench.stage, product, &Kept::NONE, Box::new(paper.clone())).unwrap();
        encoding.advance(&bench.slots, 0..1, 16 << 20).unwrap();
        assert!(encoding.finish().is_err());
    }
    assert!(!paper.0.lock().1);
}

#[test]
fn what_tiles_measured_is_merged_and_a_bad_slot_is_merged_once_it_is_back() {
    let format = PixelFormat { layout: Layout::Gray, depth: Depth::Eight };
    let mut of = turned_stage(40, 48, (16, 16), format, Turn::None);
    (of.steps, of.makes) = (Chain::parse(&["contrast"], 1).unwrap(), Makes::Statistic);
    let bench = Bench::new(of);
    let put = |index: u64| {
        let words = tessera::operation::statistic::to_bytes(&[100 * index, 4]);
        let crc = crc32c::crc32c(&words);
        bench.slots.open().unwrap().write(index as u32, words, crc).unwrap();
    };
    (0..9).filter(|index| *index != 4).for_each(put);
    let mut encoding = Encoding::measuring(&bench.stage);
    let outcome = encoding.advance(&bench.slots, 0..3, 16 << 20);
    assert!(matches!(outcome, Err(EncodeError::BadSlot { index: 4 })), "{outcome:?}");
    assert_eq!(encoding.next_strip(), 1);
    put(4);
    encoding.advance(&bench.slots, 1..3, 16 << 20).unwrap();
    // (0 + 100 + … + 800) / (9 * 4).
    assert_eq!(encoding.finish().unwrap(), Made::Numbers(vec![100]));
    let encoding = Encoding::measuring(&bench.stage);
    assert!(encoding.finish().is_err());
}

/// Maps joined in memory: white is what strong pixels reach.
fn linked(map: &[u8], size: Size) -> Vec<u8> {
    let (width, height) = (size.width as i64, size.height as i64);
    let mut white: Vec<u8> = vec![0; map.len()];
    let mut reached: Vec<usize> = (0..map.len()).filter(|at| map[*at] == 2).collect();
    reached.iter().for_each(|at| white[*at] = 255);
    while let Some(at) = reached.pop() {
        let (x, y) = (at as i64 % width, at as i64 / width);
        for (x, y) in (-1..=1).flat_map(|down| (-1..=1).map(move |right| (x + right, y + down))) {
            let at = (y * width + x) as usize;
            if (0..width).contains(&x) && (0..height).contains(&y) && map[at] > 0 && white[at] == 0 {
                white[at] = 255;
                reached.push(at);
            }
        }
    }
    white
}

/// A stage of maps: much that is weak, little that is strong.
fn maps(width: u32, height: u32, turn: Turn, seed: u64) -> Bench {
    let format = PixelFormat { layout: Layout::Gray, depth: Depth::Eight };
    let of = Stage { makes: Makes::Map, ..turned_stage(width, height, (16, 32), format, turn) };
    let mut bench = Bench::new(of);
    let value = |at: u64| ((at + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) % 100;
    let map = |at| [(0, 54), (1, 99)].iter().find(|(_, below)| value(at) < *below).map_or(2, |(map, _)| *map);
    bench.whole = (0..bench.stage.output.bytes()).map(map).collect();
    bench
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn maps_are_joined_over_all_seams(
        (width, height) in (1u32..120, 1u32..120), turn in 0usize..8, seed in 0u64..1000, buffer in 1usize..5000,
    ) {
        let bench = maps(width, height, Turn::ALL[turn], seed);
        (0..bench.stage.grid().tiles()).for_each(|index| bench.put(index));
        let paper = Paper::default();
        let mut encoding = Encoding::begin(&bench.stage, PNG, &Kept::NONE, Box::new(paper.clone())).unwrap();
        let strips = bench.stage.turned_grid().rows();
        for pass in [0, 1] {
            prop_assert_eq!((encoding.next_strip(), encoding.is_through(), encoding.has_seen_all()), (0, false, pass == 1));
            (0..strips).for_each(|strip| encoding.advance(&bench.slots, strip..strip + 1, buffer).unwrap());
        }
        prop_assert!(encoding.is_through());
        encoding.finish().unwrap();
        prop_assert_eq!(bench.decode(&paper.bytes()), linked(&bench.whole, bench.stage.output.size));
    }
}

#[test]
fn maps_that_were_joined_once_are_all_used() {
    let bench = maps(48, 96, Turn::None, 3);
    (0..9).for_each(|index| bench.put(index));
    let mut encoding = Encoding::begin(&bench.stage, Product::Rows, &Kept::NONE, Box::new(Paper::default())).unwrap();
    encoding.advance(&bench.slots, 0..1, 16 << 20).unwrap();
    assert_eq!([0, 1, 2].map(|strip| encoding.has_used(strip)), [true, false, false]);
    encoding.advance(&bench.slots, 1..3, 16 << 20).unwrap();
    assert_eq!([0, 1, 2].map(|strip| encoding.has_used(strip)), [true; 3]);
    assert!(encoding.finish().is_err());
}
