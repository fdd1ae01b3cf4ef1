//! `tessera doctor --scrub`: reads the files of all jobs and says which are damaged.

use serde_json::{Value, json};
use tessera::config::StoreArgs;
use tessera::job::JobId;
use tessera::mending::{Finding, inspect};
use tessera::store::{Object, Store};

use crate::CtlError;
use crate::error::with_causes;
use crate::output;

/// Reads all; an error if anything is damaged.
///
/// # Errors
/// [`CtlError::Failed`] with how many files are damaged, or why the store cannot be read.
pub async fn run(args: &StoreArgs, is_json: bool) -> Result<(), CtlError> {
    let failed = |error: &dyn std::error::Error| CtlError::Failed(output::clean(&with_causes(error)));
    let store = Store::at(args).map_err(|error| failed(&error))?;
    if store.identity().await.map_err(|error| failed(&error))?.is_none() {
        return Err(CtlError::Failed(format!("there is no store at {}: set TESSERA_STORE", args.store)));
    }
    let jobs = store.jobs().await.map_err(|error| failed(&error))?;
    let mut damaged = Vec::new();
    for job in &jobs {
        for finding in inspect(&store, *job, None).await.map_err(|error| failed(&error))? {
            if !is_json {
                output::print(&describe(*job, &finding))?;
            }
            damaged.push(to_json(*job, &finding));
        }
    }
    if is_json {
        output::print_json(&json!({"jobs": jobs.len(), "damaged": damaged}))?;
    } else {
        output::print(&format!("{} jobs read, {} files damaged\n", jobs.len(), damaged.len()))?;
    }
    match damaged.len() {
        0 => Ok(()),
        count => Err(CtlError::Failed(format!("{count} files in the store are damaged"))),
    }
}

fn describe(job: JobId, finding: &Finding) -> String {
    format!("FAIL  job {job}: {finding}\n                do: {}\n", remedy(finding))
}

fn to_json(job: JobId, finding: &Finding) -> Value {
    let (file, damage) = (finding.object.to_string(), finding.damage.to_string());
    json!({ "job": job, "file": file, "damage": damage, "remedy": remedy(finding) })
}

fn remedy(finding: &Finding) -> &'static str {
    match finding.object {
        Object::Result { .. } => {
            "ask for the result once: it is made again if its picture is whole (the monitor's scrub does so too)"
        }
        Object::Original(_) => "keep the result if it is done; to run the job again, send the picture again",
        _ => "put the file back from a copy, or delete the job",
    }
}
