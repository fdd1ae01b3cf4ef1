//! Runs operations on a picture in this process, without Kafka or Redis, and writes a PNG:
//! `cargo run --release --example pipeline -- in.jpg out.png invert gaussian_blur:ksize=9`

use std::fs::File;
use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use tessera::operation::Chain;
use tessera::picture::codec::{self, MAX_DECODE_BYTES, ResultFormat};
use tessera::picture::sniff::sniff;
use tessera::pipeline::{self, Resources};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, output, steps @ ..] = arguments.as_slice() else {
        bail!("give the picture, the result and the operations: pipeline IN OUT STEP...");
    };
    process(input.as_ref(), output.as_ref(), &Chain::parse(steps, 100)?).with_context(|| format!("processing {input}"))
}

fn process(input: &Path, output: &Path, chain: &Chain) -> anyhow::Result<()> {
    let picture: Arc<[u8]> = std::fs::read(input)?.into();
    let format = sniff(&picture).context("this is not a picture that is read here")?;
    let header = codec::read_header(format, Cursor::new(&picture), MAX_DECODE_BYTES)?;
    let chain = chain.after(header.orientation);
    let writer = ResultFormat::Png.writer(File::create(output)?, pipeline::output_info(&chain, header.info)?)?;
    let mut open = || codec::open(format, Cursor::new(picture.clone()), MAX_DECODE_BYTES);
    let mut make_aside = || Ok(Box::new(tempfile::tempfile()?) as Box<dyn pipeline::Aside>);
    Ok(pipeline::run(&mut open, &chain, writer, &mut make_aside, Resources::default())?)
}
