//! Jobs of a system: sending them, waiting for them, and comparing what comes with `tessera run`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use redis::Commands;
use serde_json::Value;

use super::{System, programs};
use crate::support::http::{Answer, Form};
use crate::support::{LONG, wait_for};

impl System {
    /// A field of a job's hash.
    pub fn field(&self, job: &str, field: &str) -> Result<Option<String>> {
        Ok(self.connection()?.hget(self.job_key(job), field)?)
    }

    pub fn job_key(&self, job: &str) -> String {
        format!("{}job:{{{job}}}", self.prefix)
    }

    /// Sends a picture and gives the id of the accepted job.
    pub fn submit(&self, picture: &[u8], operations: &[&str]) -> Result<String> {
        let answer = self.post("picture.png", picture, operations)?;
        ensure!(answer.status == 202, "{}: {}", answer.status, answer.text());
        Ok(answer.json()?["id"].as_str().context("no id")?.to_owned())
    }

    /// Sends a picture and gives the answer.
    pub fn post(&self, name: &str, picture: &[u8], operations: &[&str]) -> Result<Answer> {
        self.client.post("/api/v1/jobs", &Form::picture(name, picture, operations), &[])
    }

    pub fn job(&self, job: &str) -> Result<Value> {
        self.client.get(&format!("/api/v1/jobs/{job}"))?.json()
    }

    /// Waits until a job has ended, and gives it.
    pub fn wait_for_end(&self, job: &str, limit: Duration) -> Result<Value> {
        wait_for(&format!("job {job} to end"), limit, || {
            let Ok(view) = self.job(job) else { return Ok(None) };
            let ended = ["done", "failed", "cancelled", "expired"].contains(&view["status"].as_str().unwrap_or(""));
            Ok(ended.then_some(view))
        })
    }

    /// Waits until some, but not all, of the tiles of a job have been received.
    pub fn wait_for_middle(&self, job: &str) -> Result<()> {
        wait_for("a job in the middle", LONG, || {
            let number =
                |name: &str| -> Result<u64> { Ok(self.field(job, name)?.unwrap_or_default().parse().unwrap_or(0)) };
            let (received, total) = (number("received_tiles")?, number("total_tiles")?);
            ensure!(total == 0 || received < total, "all {total} tiles were received before the test could act");
            Ok((received >= 1).then_some(()))
        })
    }

    /// The result's bytes.
    pub fn result(&self, job: &str) -> Result<Vec<u8>> {
        let answer = self.client.get(&format!("/api/v1/jobs/{job}/result"))?;
        ensure!(answer.status == 200, "{}: {}", answer.status, answer.text());
        Ok(answer.body)
    }

    /// What `tessera run` makes of the same picture: the reference.
    pub fn reference(&self, picture: &[u8], operations: &[&str]) -> Result<Vec<u8>> {
        self.reference_as(picture, operations, ("png", "png"))
    }

    /// The same with other ends of the files' names: what came and what is wanted.
    pub fn reference_as(&self, picture: &[u8], operations: &[&str], ends: (&str, &str)) -> Result<Vec<u8>> {
        self.reference_with(picture, operations, ends, &[])
    }

    /// The same with more that is asked of the result: the field and its value, as flags of `tessera run`.
    pub fn reference_with(
        &self,
        picture: &[u8],
        operations: &[&str],
        ends: (&str, &str),
        wanted: &[(&str, &str)],
    ) -> Result<Vec<u8>> {
        let folder = tempfile::tempdir()?;
        let (input, output) =
            (folder.path().join("in").with_extension(ends.0), folder.path().join("out").with_extension(ends.1));
        std::fs::write(&input, picture)?;
        let mut command = std::process::Command::new(programs()?.join("tessera"));
        command.arg("run").args([&input, &output]);
        for operation in operations {
            command.args(["--op", operation]);
        }
        for (field, value) in wanted {
            command.args([&format!("--{field}"), *value]);
        }
        let run = command.output()?;
        ensure!(run.status.success(), "tessera run: {}", String::from_utf8_lossy(&run.stderr));
        Ok(std::fs::read(output)?)
    }

    /// Runs `tessera` with the system's settings and address.
    pub fn command(&self, arguments: &[&str]) -> Result<std::process::Output> {
        let mut command = std::process::Command::new(programs()?.join("tessera"));
        command.args(arguments).envs(&self.environment).env("TESSERA_URL", &self.client.base);
        Ok(command.output()?)
    }

    /// Submits, waits for `done` and compares every byte with the reference.
    pub fn submit_and_compare(&self, picture: &[u8], operations: &[&str]) -> Result<String> {
        let job = self.submit(picture, operations)?;
        self.compare(&job, picture, operations)?;
        Ok(job)
    }

    /// Waits for `done` and compares every byte with the reference.
    pub fn compare(&self, job: &str, picture: &[u8], operations: &[&str]) -> Result<()> {
        let view = self.wait_for_end(job, LONG)?;
        ensure!(view["status"] == "done", "job {job} ended as {view}");
        ensure!(self.result(job)? == self.reference(picture, operations)?, "job {job}: other bytes than `tessera run`");
        Ok(())
    }

    /// Waits until nothing is left of jobs that are done but what belongs to them: original, description, result and
    /// end in the store with the pyramids of both pictures, nothing in the spools, no tile in a worker's hand.
    pub fn leaves_nothing(&self, jobs: &[&str]) -> Result<()> {
        let mut left = String::new();
        let waited = wait_for("nothing to be left", LONG, || {
            let (spool, store) = (self.files("scratch/spool"), self.files("store"));
            let mut tries = 0_u64;
            for job in jobs {
                let held: u64 = self.connection()?.hlen(format!("{}:tries:0", self.job_key(job)))?;
                tries += held;
            }
            let is_clean = spool.is_empty() && store.len() == 6 * jobs.len() && tries == 0;
            left = format!("spool {spool:?}, store {store:?}, {tries} tiles in hand");
            Ok(is_clean.then_some(()))
        });
        waited.with_context(|| format!("left: {left}"))
    }

    /// Files under a folder of the system, relative to it.
    pub fn files(&self, folder: &str) -> Vec<PathBuf> {
        let root = self.folder.path().join(folder);
        let mut found = Vec::new();
        let mut folders = vec![root.clone()];
        while let Some(next) = folders.pop() {
            for entry in std::fs::read_dir(next).into_iter().flatten().flatten() {
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                    // The store's own name is no job's file.
                    _ if entry.file_name() == "store-id" => {}
                    _ => found.push(entry.path().strip_prefix(&root).map(Path::to_owned).unwrap_or_default()),
                }
            }
        }
        found
    }
}
