//! `tessera operations`: what can be done to pictures, from the same registry that the services use.

use serde_json::json;
use tessera::operation::{Definition, registry};

use crate::CtlError;
use crate::output::{self, Table};

/// List the operations and their parameters.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: tessera operations --json | jq .name")]
pub struct Args {
    /// Print JSON: one object an operation, on a line of its own, as GET /api/v1/operations has them.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<(), CtlError> {
    if args.json {
        return output::print_json_lines(registry().iter().map(|definition| json!(definition)));
    }
    let mut table = Table::new(&["operation", "parameters (default)", "what it does"]);
    for definition in registry() {
        table.row([definition.name.to_owned(), parameters(definition), definition.help.to_owned()]);
    }
    output::print(&table.render())
}

fn parameters(definition: &Definition) -> String {
    let one = |parameter: &tessera::operation::Parameter| {
        format!("{}: {} ({})", parameter.name, parameter.expected(), parameter.default)
    };
    let texts: Vec<String> = definition.parameters.iter().map(one).collect();
    if texts.is_empty() { "-".to_owned() } else { texts.join("; ") }
}
