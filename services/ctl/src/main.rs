//! The command `tessera`: parses, runs, and turns the outcome into an exit code.

use std::process::ExitCode;

use tessera::config::arguments::parse_or_exit;
use tessera_ctl::Cli;

fn main() -> ExitCode {
    match tessera_ctl::run(parse_or_exit::<Cli>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tessera: {}", error.full_text());
            ExitCode::from(error.exit_code())
        }
    }
}
