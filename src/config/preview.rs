//! Whether pictures can be looked at while they are processed and afterwards.

use clap::{Args, ValueEnum};

/// Whether pyramids are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Preview {
    /// Of every picture and every result.
    #[default]
    On,
    /// Of none.
    Off,
}

/// What is made for those who look at pictures.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(next_help_heading = "Previews")]
pub struct PreviewArgs {
    /// Whether pictures and results are made smaller, in tiles, for the pages and other viewers: it costs about a
    /// thousandth of a second of a processor for each megapixel.
    #[arg(long, env = "TESSERA_PREVIEW", default_value = "on", value_enum, value_name = "ON|OFF")]
    pub preview: Preview,
}

impl PreviewArgs {
    /// What making one pyramid may hold of a process's `memory_budget`, in bytes; `None` if none are made.
    pub fn bytes(&self, memory_budget: u64) -> Option<u64> {
        (self.preview == Preview::On).then(|| crate::pyramid::MOST_BYTES.min(memory_budget / 6))
    }
}
