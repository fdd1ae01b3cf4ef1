//! `tessera purge`: ended jobs and their files, many at once; first only told, then done.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tessera::job::JobStatus;

use super::ending::Deed;
use super::jobs::all_of;
use super::submit::summary;
use crate::CtlError;
use crate::api::{Api, id_of};
use crate::output::{self, Table};

/// Delete ended jobs and their files.
///
/// Without --yes it only lists what would be deleted.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  tessera purge --older-than 2d
  tessera purge --status failed --status cancelled --yes")]
pub struct Args {
    /// Only jobs of this status: done, failed or cancelled; repeat it for several [default: all three].
    #[arg(long, value_name = "STATUS", value_parser = ended)]
    status: Vec<JobStatus>,
    /// Only jobs that ended longer ago than this: a number with s, m, h or d.
    #[arg(long, value_name = "AGE", value_parser = age)]
    older_than: Option<Duration>,
    /// Delete them.
    #[arg(long)]
    yes: bool,
    /// Print JSON: one object a job, on a line of its own.
    #[arg(long)]
    json: bool,
}

const ENDED: [JobStatus; 3] = [JobStatus::Done, JobStatus::Failed, JobStatus::Cancelled];

fn ended(text: &str) -> Result<JobStatus, String> {
    let status = text.parse().ok().filter(|status| ENDED.contains(status));
    status.ok_or_else(|| "it is done, failed or cancelled: other jobs have not ended".to_owned())
}

fn age(text: &str) -> Result<Duration, String> {
    let wrong = || "an age is a number with s, m, h or d, as 90m or 2d".to_owned();
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let count: u64 = text.strip_suffix(unit).and_then(|count| count.parse().ok()).ok_or_else(wrong)?;
    count.checked_mul(seconds).map(Duration::from_secs).ok_or_else(wrong)
}

pub fn run(args: &Args, api: &Api) -> Result<(), CtlError> {
    let statuses = if args.status.is_empty() { ENDED.to_vec() } else { args.status.clone() };
    let mut jobs = Vec::new();
    for status in statuses {
        jobs.extend(all_of(api, status)?);
    }
    let before = args.older_than.and_then(|age| SystemTime::now().checked_sub(age));
    jobs.retain(|job| args.older_than.is_none() || before.is_some_and(|before| has_ended_before(job, before)));
    if !args.yes {
        return list(args, &jobs);
    }
    let mut errors = Vec::new();
    for job in &jobs {
        let outcome = Deed::Delete.on(api, id_of(job));
        tell(args, job, &outcome)?;
        errors.extend(outcome.err().map(|error| error.of(id_of(job))));
    }
    if !args.json && errors.is_empty() {
        output::print(&format!("{} jobs deleted\n", jobs.len()))?;
    }
    summary(jobs.len(), errors, "deleted")
}

fn has_ended_before(job: &Value, before: SystemTime) -> bool {
    let ended = job["finished_at"].as_str().and_then(tessera::time::millis);
    let before = before.duration_since(UNIX_EPOCH).map(|since| since.as_millis()).unwrap_or(0);
    ended.and_then(|ended| u128::try_from(ended).ok()).is_some_and(|ended| ended < before)
}

fn list(args: &Args, jobs: &[Value]) -> Result<(), CtlError> {
    if args.json {
        return output::print_json_lines(jobs.iter().map(|job| line(job, None, None)));
    }
    let mut table = Table::new(&["id", "status", "ended", "file"]);
    for job in jobs {
        table.row(["id", "status", "finished_at", "filename"].map(|name| output::field(job, name)));
    }
    if table.is_empty() {
        return output::print("there is nothing to delete\n");
    }
    output::print(&table.render())?;
    eprintln!("tessera: {} jobs and their files would be deleted: say --yes to do it", jobs.len());
    Ok(())
}

fn tell(args: &Args, job: &Value, outcome: &Result<(), CtlError>) -> Result<(), CtlError> {
    if !args.json {
        return Ok(());
    }
    let error = outcome.as_ref().err().map(CtlError::full_text);
    output::print_json(&line(job, outcome.is_ok().then_some("deleted"), error))
}

fn line(job: &Value, outcome: Option<&str>, error: Option<String>) -> Value {
    json!({ "id": job["id"], "status": job["status"], "outcome": outcome, "error": error })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_and_statuses_are_read() {
        assert_eq!(age("90m"), Ok(Duration::from_secs(5400)));
        assert_eq!(age("2d"), Ok(Duration::from_secs(172_800)));
        for wrong in ["", "d", "5", "5w", "-1h", "1.5h", "99999999999999999999d", "ü"] {
            assert!(age(wrong).is_err(), "{wrong}");
        }
        assert!(ended("failed").is_ok() && ended("queued").is_err() && ended("nope").is_err());
    }

    #[test]
    fn only_what_ended_long_ago_is_old() {
        let now = SystemTime::now();
        let job = json!({"finished_at": "2001-02-03T04:05:06.000Z"});
        assert!(has_ended_before(&job, now));
        assert!(!has_ended_before(&json!({"finished_at": "2999-01-01T00:00:00.000Z"}), now));
        assert!(!has_ended_before(&json!({"finished_at": null}), now));
    }
}
