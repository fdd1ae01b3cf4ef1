//! `tessera jobs`: the jobs of the running system, or one of them.

use serde_json::Value;
use tessera::job::{JobId, JobStatus};
use tessera::state::Order;

use crate::api::Api;
use crate::output::{self, Table};
use crate::progress::{Progress, percent};
use crate::watching::{Teller, Telling};
use crate::{CtlError, job_wait};

/// List jobs, or show one.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  tessera jobs --status processing
  tessera jobs --watch 0190f3c2a7d87e1fb2c3d4e5f6a7b8c9
  tessera jobs 0190f3c2a7d87e1fb2c3d4e5f6a7b8c9")]
pub struct Args {
    /// Only this job, with all that is known of it.
    id: Option<JobId>,
    /// Follow the job to its end; the exit code says whether it is done.
    #[arg(long, requires = "id")]
    watch: bool,
    /// Only jobs of this status: queued, processing, finishing, done, failed, cancelled or expired.
    #[arg(long, conflicts_with = "id", value_name = "STATUS")]
    status: Option<String>,
    /// Which jobs come first: newest or oldest.
    #[arg(long, conflicts_with = "id", default_value = "newest", value_name = "ORDER")]
    order: String,
    /// The most jobs to list, 1 to 10000.
    #[arg(long, default_value = "20", value_name = "N", allow_hyphen_values = true)]
    limit: String,
    /// Print JSON: one object a job, on a line of its own; with --watch, one an event.
    #[arg(long)]
    json: bool,
}

/// What the API gives in one answer.
const PAGE: u64 = 100;

pub fn run(args: &Args, api: &Api) -> Result<(), CtlError> {
    if let Some(id) = args.id.filter(|_| args.watch) {
        let mut teller = Teller::new(if args.json { Telling::Json } else { Telling::Lines }, Progress::new());
        let job = job_wait::follow(api, &id.to_string(), &mut |news| teller.tell(news))?;
        drop(teller);
        if args.json {
            output::print_json(&serde_json::json!({ "event": "end", "data": job }))?;
        }
        return job_wait::outcome(&id.to_string(), &job);
    }
    if let Some(id) = args.id {
        let job = api.get(&format!("/jobs/{id}"))?;
        return if args.json { output::print_json(&job) } else { output::print(&describe(&job)) };
    }
    let jobs = list(api, args)?;
    if args.json { output::print_json_lines(jobs) } else { output::print(&table(&jobs)) }
}

fn list(api: &Api, args: &Args) -> Result<Vec<Value>, CtlError> {
    let wanted = wanted(args)?;
    page_through(api, wanted.status, wanted.order, wanted.limit)
}

/// Which jobs are asked for.
#[derive(Debug)]
struct Wanted {
    status: Option<JobStatus>,
    order: Order,
    limit: u64,
}

/// Reads what was asked for; all that is wrong is told at once.
fn wanted(args: &Args) -> Result<Wanted, CtlError> {
    let status = args.status.as_deref().map(|text| {
        let listed: Vec<&str> = LISTED.iter().map(|status| status.as_str()).collect();
        let known = LISTED.into_iter().find(|status| status.as_str() == text);
        known.ok_or_else(|| format!("--status is one of {}, not {text:?}", listed.join(", ")))
    });
    let status = status.transpose();
    let order = args.order.parse::<Order>().map_err(|_| format!("--order is newest or oldest, not {:?}", args.order));
    let limit = args.limit.parse().ok().filter(|limit| (1..=10_000).contains(limit));
    let limit = limit.ok_or_else(|| format!("--limit is a number from 1 to 10000, not {:?}", args.limit));
    match (status, order, limit) {
        (Ok(status), Ok(order), Ok(limit)) => Ok(Wanted { status, order, limit }),
        (status, order, limit) => {
            let problems = [status.err(), order.err(), limit.err()];
            Err(CtlError::Usage(problems.into_iter().flatten().collect::<Vec<_>>().join("\n")))
        }
    }
}

/// Every status that jobs are listed by; one that is being accepted is in no list yet.
const LISTED: [JobStatus; 7] = [
    JobStatus::Queued,
    JobStatus::Processing,
    JobStatus::Finishing,
    JobStatus::Done,
    JobStatus::Failed,
    JobStatus::Cancelled,
    JobStatus::Expired,
];

/// All jobs of a status.
///
/// # Errors
/// If the system does not give them.
pub fn all_of(api: &Api, status: JobStatus) -> Result<Vec<Value>, CtlError> {
    page_through(api, Some(status), Order::default(), u64::MAX)
}

fn page_through(api: &Api, status: Option<JobStatus>, order: Order, limit: u64) -> Result<Vec<Value>, CtlError> {
    let mut jobs: Vec<Value> = Vec::new();
    let mut cursor = None::<String>;
    let status = status.map(|status| format!("&status={status}")).unwrap_or_default();
    loop {
        let missing = limit - (jobs.len() as u64).min(limit);
        let from = cursor.as_deref().map(|cursor| format!("&cursor={}", query(cursor))).unwrap_or_default();
        let mut page = api.get(&format!("/jobs?limit={}&order={}{status}{from}", missing.min(PAGE), order))?;
        let Value::Array(more) = page["jobs"].take() else {
            return Err(CtlError::Failed("reading the list of jobs: the answer has no \"jobs\"".to_owned()));
        };
        let is_end = more.is_empty();
        jobs.extend(more);
        cursor = page["next"].as_str().map(str::to_owned);
        if is_end || cursor.is_none() || jobs.len() as u64 >= limit {
            jobs.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
            return Ok(jobs);
        }
    }
}

/// A text for a query: all but letters and digits escaped.
fn query(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(escape).collect()
}

fn table(jobs: &[Value]) -> String {
    let mut table = Table::new(&["id", "status", "tiles", "created", "operations", "file"]);
    for job in jobs {
        let (received, total) = job_wait::tiles(job);
        table.row([
            output::field(job, "id"),
            output::field(job, "status"),
            format!("{received}/{total} ({} %)", percent(received, total)),
            output::field(job, "created_at"),
            operations(job),
            output::field(job, "filename"),
        ]);
    }
    if table.is_empty() { "no jobs\n".to_owned() } else { table.render() }
}

fn operations(job: &Value) -> String {
    match &job["operations"] {
        Value::Array(steps) => {
            let steps: Vec<String> =
                steps.iter().map(|step| step.as_str().map_or(step.to_string(), output::clean)).collect();
            steps.join(" ")
        }
        _ => output::field(job, "operations"),
    }
}

fn describe(job: &Value) -> String {
    let Value::Object(fields) = job else { return format!("{job}\n") };
    let width = fields.keys().map(String::len).max().unwrap_or(0);
    let line = |(name, _): (&String, &Value)| {
        let value = match name.as_str() {
            "operations" => operations(job),
            "stages" => stages(job),
            _ => output::field(job, name),
        };
        format!("{:<width$}  {value}\n", output::clean(name))
    };
    fields.iter().map(line).collect()
}

/// Each stage with its progress and where its time went.
fn stages(job: &Value) -> String {
    let stage = |stage: &Value| {
        let times = stage["ms"].as_object().into_iter().flatten();
        let times: Vec<String> = times.map(|(step, ms)| format!("{} {ms} ms", output::clean(step))).collect();
        let progress = stage["progress"].as_f64().unwrap_or(0.0) * 100.0;
        let number = stage["stage"].as_u64().unwrap_or(0) + 1;
        format!("{number} {} {progress:.0} % ({})", output::field(stage, "status"), times.join(", "))
    };
    let stages: Vec<String> = job["stages"].as_array().into_iter().flatten().map(stage).collect();
    stages.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_wrong_is_told_at_once_and_by_name() {
        let args = |status: &str, order: &str, limit: &str| Args {
            id: None,
            watch: false,
            status: Some(status.to_owned()),
            order: order.to_owned(),
            limit: limit.to_owned(),
            json: false,
        };
        let text = wanted(&args("nope", "up", "0")).unwrap_err().to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(lines[0].contains("queued, processing, finishing, done") && lines[0].contains("\"nope\""), "{text}");
        assert!(lines[1].starts_with("--order") && lines[2].starts_with("--limit"), "{text}");
        assert!(wanted(&args("done", "oldest", "10000")).is_ok());
    }

    #[test]
    fn a_cursor_is_escaped() {
        assert_eq!(query("a1-/&="), "a1-%2F%26%3D");
    }

    #[test]
    fn a_hostile_file_name_does_not_reach_the_terminal() {
        let job = serde_json::json!({"id": "1", "status": "done", "filename": "\u{1b}[2J", "operations": ["invert"]});
        assert!(!table(std::slice::from_ref(&job)).contains('\u{1b}'));
        assert!(!describe(&job).contains('\u{1b}'));
    }
}
