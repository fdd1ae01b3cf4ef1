//! Parameters of operations: their kinds, ranges and exact texts.

mod numbers;
mod weights;

use std::fmt;

use serde::{Serialize, Serializer};

use numbers::{plain_decimal, plain_integer};
pub use weights::Weights;

/// A parameter's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A whole number.
    Integer(i64),
    /// A decimal number.
    Decimal(f64),
    /// The weights of a square.
    Weights(Weights),
    /// One of a few words.
    Word(&'static str),
    /// Nothing: the sender has to give one.
    Required,
    /// Nothing: the picture's depth decides, as this says.
    ByDepth(&'static str),
}

impl Value {
    /// Whether it is a value, and not the lack of one.
    pub fn is_given(&self) -> bool {
        !matches!(self, Self::Required | Self::ByDepth(_))
    }
}

impl fmt::Display for Value {
    /// Writes it so that it reads back as the same value.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(value) => value.fmt(out),
            Self::Decimal(value) => value.fmt(out),
            Self::Weights(value) => value.fmt(out),
            Self::Required => out.write_str("required"),
            Self::ByDepth(text) => out.write_str(text),
            Self::Word(word) => word.fmt(out),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Integer(value) => serializer.serialize_i64(*value),
            Self::Decimal(value) => serializer.serialize_f64(*value),
            Self::Weights(value) => serializer.collect_str(value),
            Self::Required => serializer.serialize_none(),
            Self::ByDepth(text) => serializer.serialize_str(text),
            Self::Word(word) => serializer.serialize_str(word),
        }
    }
}

/// What values a parameter takes, besides its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ParameterKind {
    /// Whole numbers.
    Integer,
    /// Odd whole numbers.
    OddInteger,
    /// Decimals of up to six digits before and after the point.
    Decimal,
    /// 9 or 25 whole numbers, row by row, separated by `/`.
    Weights,
    /// One of the choices, which are words.
    Word,
}

/// A parameter of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Parameter {
    /// Its key in a step.
    pub name: &'static str,
    /// What values it takes.
    #[serde(rename = "type")]
    pub kind: ParameterKind,
    /// Its value if none is given.
    pub default: Value,
    /// The smallest value.
    pub min: Value,
    /// The largest value.
    pub max: Value,
    /// The only values, where they are a list.
    pub choices: &'static [Value],
    /// One line for people: what it does.
    pub help: &'static str,
}

impl Parameter {
    /// A whole number from `min` to `max`.
    pub const fn integer(name: &'static str, default: i64, min: i64, max: i64, help: &'static str) -> Self {
        let [default, min, max] = [Value::Integer(default), Value::Integer(min), Value::Integer(max)];
        Self { name, kind: ParameterKind::Integer, default, min, max, choices: &[], help }
    }

    /// The weights of a square, which have to be given.
    pub const fn weights(name: &'static str, help: &'static str) -> Self {
        let (min, max) = (Value::Integer(-Weights::LARGEST), Value::Integer(Weights::LARGEST));
        Self { name, kind: ParameterKind::Weights, default: Value::Required, min, max, choices: &[], help }
    }

    /// An odd whole number from 1 to `max`.
    pub const fn odd(name: &'static str, default: i64, max: i64, help: &'static str) -> Self {
        let [default, min, max] = [Value::Integer(default), Value::Integer(1), Value::Integer(max)];
        Self { name, kind: ParameterKind::OddInteger, default, min, max, choices: &[], help }
    }

    /// A decimal from `min` to `max`.
    pub const fn decimal(name: &'static str, default: f64, min: f64, max: f64, help: &'static str) -> Self {
        let [default, min, max] = [Value::Decimal(default), Value::Decimal(min), Value::Decimal(max)];
        Self { name, kind: ParameterKind::Decimal, default, min, max, choices: &[], help }
    }

    /// One of these whole numbers, in rising order; the first is the default.
    pub const fn choice_of_integers(name: &'static str, choices: &'static [Value], help: &'static str) -> Self {
        let [default, min, max] = [choices[0], choices[0], choices[choices.len() - 1]];
        Self { name, kind: ParameterKind::Integer, default, min, max, choices, help }
    }

    /// One of these words; the first is the default.
    pub const fn word(name: &'static str, choices: &'static [Value], help: &'static str) -> Self {
        let [default, min, max] = [choices[0], choices[0], choices[choices.len() - 1]];
        Self { name, kind: ParameterKind::Word, default, min, max, choices, help }
    }

    /// Reads a value; `None` if the text is not a value or out of range. A choice is written as it is offered.
    pub fn read(&self, text: &str) -> Option<Value> {
        if !self.choices.is_empty() {
            return self.choices.iter().copied().find(|choice| choice.to_string() == text);
        }
        let value = match self.kind {
            ParameterKind::Integer => Value::Integer(plain_integer(text)?),
            ParameterKind::OddInteger => Value::Integer(plain_integer(text).filter(|value| value % 2 != 0)?),
            ParameterKind::Decimal => Value::Decimal(plain_decimal(text)?),
            ParameterKind::Weights => return Weights::read(text).map(Value::Weights),
            ParameterKind::Word => return None,
        };
        in_range(self.min, value, self.max).then_some(value)
    }

    /// What a value must be, as a refusal says it.
    pub fn expected(&self) -> String {
        if !self.choices.is_empty() {
            let choices: Vec<String> = self.choices.iter().map(Value::to_string).collect();
            return format!("one of {}", choices.join(", "));
        }
        let kind = match self.kind {
            ParameterKind::Integer => "an integer",
            ParameterKind::OddInteger => "an odd integer",
            ParameterKind::Decimal => "a decimal",
            ParameterKind::Weights => "9 or 25 integers",
            ParameterKind::Word => "a word",
        };
        let separated = if self.kind == ParameterKind::Weights { " separated by /" } else { "" };
        format!("{kind} from {} to {}{separated}", self.min, self.max)
    }
}

fn in_range(min: Value, value: Value, max: Value) -> bool {
    match (min, value, max) {
        (Value::Integer(min), Value::Integer(value), Value::Integer(max)) => (min..=max).contains(&value),
        (Value::Decimal(min), Value::Decimal(value), Value::Decimal(max)) => (min..=max).contains(&value),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_taken_as_they_are_offered_and_numbers_are_written_without_zeros_before_them() {
        const TURNS: [Value; 2] = [Value::Integer(90), Value::Integer(180)];
        let turn = Parameter::choice_of_integers("degrees", &TURNS, "");
        assert_eq!(turn.read("180"), Some(Value::Integer(180)));
        for text in ["0180", "090", "18e1", "180.0", "+90", "270", ""] {
            assert_eq!(turn.read(text), None, "{text}");
        }
        let side = Parameter::odd("ksize", 5, 255, "");
        assert_eq!(side.read("03").unwrap().to_string(), "3");
        let factor = Parameter::decimal("factor", 1.0, 0.0, 16.0, "");
        assert_eq!(factor.read("01.50").unwrap().to_string(), "1.5");
    }

    #[test]
    fn decimals_read_back() {
        for text in ["0", "1.5", "0.1", "0.000001", "100", "99.999999"] {
            let value = Value::Decimal(plain_decimal(text).unwrap());
            assert_eq!(value.to_string(), text);
        }
    }
}
