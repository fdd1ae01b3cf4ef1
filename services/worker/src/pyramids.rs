//! The pyramids of a picture that is run whole, and of its result, made while their rows pass.
//!
//! Owns when they become visible: after the whole picture was verified, before the result. Never stands in the way: what
//! fails is logged.

use tessera::job::Manifest;
use tessera::picture::Turn;
use tessera::picture::rows::{RowReader, RowWriter};
use tessera::pyramid::{PyramidMaker, PyramidTap, Shape};
use tessera::store::{BlockingWriter, Object, Store};
use tokio::runtime::Handle;

/// Pyramids on their way. Dropped before they are published, nothing is left of them.
#[derive(Debug)]
pub struct Pyramids {
    original: Option<(Object, PyramidTap<BlockingWriter>)>,
    result: (Object, PyramidTap<BlockingWriter>),
}

impl Pyramids {
    /// Begins them, each holding `most_bytes` at most; that of the picture only if it is not there. Blocks.
    pub fn begin(
        (store, runtime): (&Store, &Handle),
        manifest: &Manifest,
        result: &Object,
        most_bytes: u64,
    ) -> Option<Self> {
        let begin = |object: Object, info, turn| {
            let writer = store.blocking_writer(&object, runtime);
            (object, PyramidTap::new(PyramidMaker::new(info, turn, most_bytes, writer)))
        };
        let of_original = Object::OriginalPyramid(manifest.job);
        let is_missing = matches!(runtime.block_on(store.size(&of_original)), Ok(None));
        if is_missing {
            // What an attempt that was killed had of it.
            runtime.block_on(store.clear(&of_original));
        }
        let original = is_missing.then(|| begin(of_original, manifest.plan.input, manifest.orientation()));
        let result = begin(result.pyramid()?, manifest.plan.output, Turn::None);
        Some(Self { original, result })
    }

    /// The rows of the picture; the first who reads them to the end makes the pyramid.
    pub fn hang_onto_reader(&self, reader: Box<dyn RowReader>) -> Box<dyn RowReader> {
        match &self.original {
            Some((_, tap)) if tap.is_new() => Box::new(tap.reader(reader)),
            _ => reader,
        }
    }

    /// The rows of the result.
    pub fn hang_onto_writer(&self, writer: Box<dyn RowWriter>) -> Box<dyn RowWriter> {
        Box::new(self.result.1.writer(writer))
    }

    /// Makes them visible. Blocks.
    pub fn publish(self) {
        for (object, tap) in self.original.into_iter().chain([self.result]) {
            let finished = tap.finish().map_err(|error| error.to_string());
            let published = finished.and_then(|writer| writer.finish().map_err(|error| error.to_string()));
            if let Err(error) = published {
                tracing::warn!(%object, error, "a picture has no preview");
            }
        }
    }
}

/// What making both may hold, in bytes.
pub fn held_bytes(manifest: &Manifest, most_bytes: u64) -> u64 {
    let of = |info, turn| Shape::of(info, turn, most_bytes).held_bytes(info, turn);
    of(manifest.plan.input, manifest.orientation()).saturating_add(of(manifest.plan.output, Turn::None))
}
