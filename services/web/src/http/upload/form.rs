//! The fields beside the picture: operations, what the result is to be, and priority, checked as they arrive.
//!
//! Knows the names of the fields, not how they are sent. The grammar of operations is the library's.

use tessera::job::{GrainWish, Priority};
use tessera::operation::{Chain, Step};
use tessera::picture::codec::Wanted;
use tessera::picture::metadata::MetadataPolicy;

use crate::http::problem::Problem;

/// All text of a form together, in bytes.
const MAX_TEXT_BYTES: usize = 64 * 1024;
/// Wrong things that are told at once.
const MAX_PROBLEMS: usize = 20;

/// Fields as they come.
#[derive(Debug, Default)]
pub struct JobForm {
    steps: Vec<String>,
    row: Option<String>,
    priority: Priority,
    grain: Option<GrainWish>,
    wanted: Wanted,
    text_bytes: usize,
    /// What is wrong so far.
    problems: Vec<String>,
}

/// What is to be done with a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct JobRequest {
    /// The operations, in order.
    pub chain: Chain,
    /// The order in the queue.
    pub priority: Priority,
    /// Whether it is run whole, if the sender says so.
    pub grain: Option<GrainWish>,
    /// What the result is to be.
    pub wanted: Wanted,
}

impl JobRequest {
    /// A chain, and defaults for everything else.
    pub fn of(chain: Chain) -> Self {
        Self { chain, priority: Priority::default(), grain: None, wanted: Wanted::default() }
    }
}

impl JobForm {
    /// Takes a field. That there is no such field, or that its value does not parse, is reported with everything else
    /// that is wrong.
    ///
    /// # Errors
    /// If the text of all fields is too long.
    pub fn take(&mut self, name: &str, value: &str) -> Result<(), Problem> {
        self.text_bytes += name.len() + value.len();
        if self.text_bytes > MAX_TEXT_BYTES {
            return Err(bad(format!("the form's text is longer than {MAX_TEXT_BYTES} bytes")));
        }
        let outcome = self.try_take(name, value);
        self.note(outcome);
        Ok(())
    }

    /// Tells all that is wrong with the fields so far, alone and together.
    ///
    /// # Errors
    /// If anything is.
    pub fn check(&self) -> Result<(), Problem> {
        let together = self.wanted.check().err();
        let problems: Vec<&str> = self.problems.iter().chain(&together).map(String::as_str).collect();
        if problems.is_empty() { Ok(()) } else { Err(bad(problems.join("; "))) }
    }

    fn note(&mut self, outcome: Result<(), Problem>) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.extend(outcome.err().map(|problem| problem.to_string()));
        }
    }

    fn try_take(&mut self, name: &str, value: &str) -> Result<(), Problem> {
        match name {
            "op" => self.add_step(value.trim().to_owned()),
            "row_operation" => {
                self.end_row()?;
                self.row = Some(value.trim().to_owned()).filter(|name| !name.is_empty());
                Ok(())
            }
            "row_parameters" => self.take_row_parameters(value),
            "chain" => {
                self.end_row()?;
                let steps = value.split(|c: char| c.is_whitespace() || matches!(c, '|' | ';'));
                for step in steps.filter(|step| !step.is_empty()) {
                    let outcome = self.add_step(step.to_owned());
                    self.note(outcome);
                }
                Ok(())
            }
            "format" => {
                self.wanted.format = value.trim().parse().map_err(bad)?;
                Ok(())
            }
            "quality" => self.take_quality(value.trim()),
            "chroma" => {
                self.wanted.chroma = if_given(value).map(str::parse).transpose().map_err(bad)?;
                Ok(())
            }
            "metadata" => {
                self.wanted.metadata =
                    if_given(value).map_or(Ok(MetadataPolicy::default()), str::parse).map_err(bad)?;
                Ok(())
            }
            "priority" => self.take_priority(value.trim()),
            "grain" => self.take_grain(value.trim()),
            other => Err(bad(format!(
                "unknown field {other:?}; there are image, op, format, quality, chroma, metadata, priority, grain"
            ))),
        }
    }

    fn take_quality(&mut self, value: &str) -> Result<(), Problem> {
        if !value.is_empty() {
            let number = value.parse::<u8>().ok().filter(|number| (1..=100).contains(number));
            let refusal = || bad(format!("quality must be an integer from 1 to 100, got {value:?}"));
            self.wanted.quality = Some(number.ok_or_else(refusal)?);
        }
        Ok(())
    }

    fn take_priority(&mut self, value: &str) -> Result<(), Problem> {
        if !value.is_empty() {
            let refusal = |_| bad(format!("priority must be one of low, normal, high, got {value:?}"));
            self.priority = value.parse().map_err(refusal)?;
        }
        Ok(())
    }

    fn take_grain(&mut self, value: &str) -> Result<(), Problem> {
        if !value.is_empty() {
            let refusal = |_| bad(format!("grain must be one of auto, tiles, whole, got {value:?}"));
            self.grain = Some(value.parse().map_err(refusal)?);
        }
        Ok(())
    }

    /// A row of the page is two fields; the second completes the step.
    fn take_row_parameters(&mut self, value: &str) -> Result<(), Problem> {
        let parameters: String = value.chars().filter(|c| !c.is_whitespace()).collect();
        match self.row.take() {
            Some(name) if parameters.is_empty() => self.add_step(name),
            Some(name) => self.add_step(format!("{name}:{parameters}")),
            None if parameters.is_empty() => Ok(()),
            None => Err(bad(format!("the parameters {parameters:?} belong to no operation: choose one in that row"))),
        }
    }

    fn end_row(&mut self) -> Result<(), Problem> {
        self.row.take().map_or(Ok(()), |name| self.add_step(name))
    }

    fn add_step(&mut self, step: String) -> Result<(), Problem> {
        step.parse::<Step>()?;
        self.steps.push(step);
        Ok(())
    }

    /// What all fields together ask for.
    ///
    /// # Errors
    /// All that is wrong with the fields; or if there is no operation, or more than `max_operations`.
    pub fn finish(mut self, max_operations: usize) -> Result<JobRequest, Problem> {
        let outcome = self.end_row();
        self.note(outcome);
        self.check()?;
        if self.steps.is_empty() {
            return Err(bad("no operation was chosen: send at least one as the field op".to_owned()));
        }
        if self.steps.len() > max_operations {
            let text = format!("{} operations, max_operations is {max_operations}", self.steps.len());
            return Err(Problem::Unprocessable(text));
        }
        let chain = Chain::parse(&self.steps, max_operations)?;
        Ok(JobRequest { chain, priority: self.priority, grain: self.grain, wanted: self.wanted })
    }
}

/// A field that is sent empty counts as missing: pages send all they have.
fn if_given(value: &str) -> Option<&str> {
    Some(value.trim()).filter(|value| !value.is_empty())
}

fn bad(text: String) -> Problem {
    Problem::BadRequest(text)
}

#[cfg(test)]
mod tests;
