//! `tessera completions`: what a shell needs to complete this command's words.

use clap::CommandFactory;

use crate::{Cli, CtlError, output};

/// Print completions for a shell.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: tessera completions bash > ~/.local/share/bash-completion/completions/tessera")]
pub struct Args {
    /// The shell.
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

pub fn run(args: &Args) -> Result<(), CtlError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "tessera", &mut script);
    output::print(&String::from_utf8_lossy(&script))
}
