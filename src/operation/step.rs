//! One step of a chain: an operation with its parameters resolved.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::definition::Definition;
use super::engine::area::Area;
use super::error::StepError;
use super::kernel::{Kernel, Statistic};
use super::parameter::{Parameter, Value};
use super::registry::find;
use super::statistic::MAX_NUMBERS;
use crate::picture::{PixelFormat, Pixels, Turn};

/// Characters of a sender's text that a refusal repeats.
const REPEATED_CHARS: usize = 64;
/// Parameters of a step that are looked at: more than any operation has.
const MOST_ITEMS: usize = 16;
/// What comes between a step's parameters and its numbers.
const NUMBERS: char = '@';

/// An operation with its parameters, as `name` or `name:key=value,key=value`.
///
/// In records and manifests the numbers that were measured for it may follow, as `@number/number`. A
/// sender's text never has them.
#[derive(Clone)]
pub struct Step {
    definition: &'static Definition,
    values: Vec<Value>,
    numbers: Option<Arc<[i64]>>,
    kernel: Arc<dyn Kernel>,
}

impl Step {
    /// The operation's name.
    pub fn name(&self) -> &str {
        self.definition.name
    }

    /// The operation.
    pub fn definition(&self) -> &'static Definition {
        self.definition
    }

    /// The values of its parameters, in the definition's order.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// What has to be measured of the whole picture before it can run; `None` if nothing has, or it was.
    pub fn statistic(&self) -> Option<&dyn Statistic> {
        self.kernel.statistic().filter(|_| self.numbers.is_none())
    }

    /// The step with the numbers that were measured for it.
    ///
    /// # Errors
    /// If it needs none, or not such ones.
    pub fn with_numbers(&self, numbers: &[i64]) -> Result<Self, StepError> {
        let misfit =
            || StepError::Tile(format!("{}: needs other numbers than the {} given", self.name(), numbers.len()));
        let statistic = self.statistic().filter(|_| (1..=MAX_NUMBERS).contains(&numbers.len())).ok_or_else(misfit)?;
        let kernel = statistic.bind(numbers)?.into();
        Ok(Self { kernel, numbers: Some(numbers.into()), ..self.clone() })
    }

    /// How the result lies.
    pub fn turn(&self) -> Turn {
        self.kernel.turn()
    }

    /// Pixels needed on each side of a tile.
    pub fn halo(&self) -> u32 {
        self.definition.halo(&self.values)
    }

    /// The format of the result for a picture of format `input`.
    ///
    /// # Errors
    /// [`StepError::Picture`] if the operation does not take that depth.
    pub fn output(&self, input: PixelFormat) -> Result<PixelFormat, StepError> {
        if self.definition.depths.contains(&input.depth) {
            self.kernel.check(input)?;
            return Ok(self.kernel.output(input));
        }
        let depths: Vec<String> = self.definition.depths.iter().map(|depth| format!("{}-bit", depth.bits())).collect();
        let (needed, given) = (depths.join(" or "), input.depth.bits());
        Err(StepError::Picture(format!("{}: needs an {needed} picture, got {given}-bit", self.name())))
    }

    /// Computes the part of the area that is asked for.
    ///
    /// # Errors
    /// If the operation does not take the pixels.
    pub fn run(&self, area: Area) -> Result<Pixels, StepError> {
        self.output(area.pixels().format())?;
        self.kernel.run(area)
    }
}

impl fmt::Display for Step {
    /// The canonical text: every parameter that has a value, in the definition's order.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.definition.name)?;
        let given = self.definition.parameters.iter().zip(&self.values).filter(|(_, value)| value.is_given());
        for (index, (parameter, value)) in given.enumerate() {
            let separator = if index == 0 { ':' } else { ',' };
            write!(out, "{separator}{}={value}", parameter.name)?;
        }
        for (index, number) in self.numbers.iter().flat_map(|numbers| numbers.iter()).enumerate() {
            let separator = if index == 0 { NUMBERS } else { '/' };
            write!(out, "{separator}{number}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Step({self})")
    }
}

impl PartialEq for Step {
    fn eq(&self, other: &Self) -> bool {
        let numbers = self.numbers == other.numbers;
        self.definition.name == other.definition.name && self.values == other.values && numbers
    }
}

impl FromStr for Step {
    type Err = StepError;

    fn from_str(text: &str) -> Result<Self, StepError> {
        let (name, rest) = text.split_once(':').map_or((text, None), |(name, rest)| (name, Some(rest)));
        let definition =
            find(name).ok_or_else(|| StepError::Grammar(format!("unknown operation \"{}\"", shortened(name))))?;
        let values = read_values(definition, rest).map_err(|problems| {
            let problems: Vec<String> = problems.iter().map(|problem| format!("{name}: {problem}")).collect();
            StepError::Grammar(problems.join("; "))
        })?;
        let kernel = (definition.bind)(&values)?.into();
        Ok(Self { definition, values, numbers: None, kernel })
    }
}

/// All that is wrong is told at once.
fn read_values(definition: &Definition, items: Option<&str>) -> Result<Vec<Value>, Vec<String>> {
    let mut problems = Vec::new();
    let mut given: Vec<Option<Value>> = vec![None; definition.parameters.len()];
    for item in items.into_iter().flat_map(|items| items.split(',')).take(MOST_ITEMS) {
        if let Err(problem) = take_item(definition, item, &mut given) {
            problems.push(problem);
        }
    }
    let known = given.iter().zip(definition.parameters);
    let missing = known.filter(|(value, known)| value.is_none() && known.default == Value::Required);
    if problems.is_empty() {
        problems.extend(missing.map(|(_, known)| format!("{} is required", known.name)));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(given.iter().zip(definition.parameters).map(|(value, known)| value.unwrap_or(known.default)).collect())
}

fn take_item(definition: &Definition, item: &str, given: &mut [Option<Value>]) -> Result<(), String> {
    let (key, text) = item.split_once('=').map_or((item, None), |(key, text)| (key, Some(text)));
    let place = definition.parameters.iter().position(|parameter| parameter.name == key);
    let (Some(place), Some(text)) = (place, text) else {
        return Err(format!("unknown parameter \"{}\"", shortened(key)));
    };
    if given[place].is_some() {
        return Err(format!("{key} is given twice"));
    }
    given[place] = Some(read_value(&definition.parameters[place], text)?);
    Ok(())
}

fn read_value(parameter: &Parameter, text: &str) -> Result<Value, String> {
    parameter
        .read(text)
        .ok_or_else(|| format!("{} must be {}, got \"{}\"", parameter.name, parameter.expected(), shortened(text)))
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(REPEATED_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        read_numbered(&text).map_err(serde::de::Error::custom)
    }
}

/// Reads a step of a record or manifest, which may have numbers.
fn read_numbered(text: &str) -> Result<Step, StepError> {
    let Some((text, numbers)) = text.split_once(NUMBERS) else { return text.parse() };
    let step: Step = text.parse()?;
    let numbers = numbers.splitn(MAX_NUMBERS + 1, '/').map(str::parse).collect::<Result<Vec<i64>, _>>();
    let numbers = numbers.map_err(|_| StepError::Grammar(format!("{}: its numbers do not parse", step.name())))?;
    step.with_numbers(&numbers)
}

#[cfg(test)]
mod tests;
