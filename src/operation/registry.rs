//! The list of all operations: the one place that names them.
//!
//! What `GET /operations`, the forms, the help of the command line and the grammar know of an
//! operation comes from its [`Definition`].

use std::fmt;

use serde::{Serialize, Serializer};

use super::{Area, Parameter, Statistic, StepError, Value};
use super::{
    autocontrast, bilateral, box_blur, brightness, canny, cartoon, contrast, emboss, equalize, filter2d, flip, gamma,
    gaussian_blur, grayscale, invert, laplacian, median_blur, morphology, otsu, pixelate, posterize, rotate,
    saturation, sepia, sharpen, sketch, sobel, threshold, unsharp,
};
use crate::picture::{Depth, PixelFormat, Pixels, Turn};

/// All operations, in the order people see them. Adding one is a line here and a file beside.
static REGISTRY: [Definition; 33] = [
    grayscale::DEFINITION,
    invert::DEFINITION,
    brightness::DEFINITION,
    contrast::DEFINITION,
    saturation::DEFINITION,
    gamma::DEFINITION,
    threshold::DEFINITION,
    otsu::DEFINITION,
    equalize::DEFINITION,
    autocontrast::DEFINITION,
    posterize::DEFINITION,
    sepia::DEFINITION,
    gaussian_blur::DEFINITION,
    box_blur::DEFINITION,
    median_blur::DEFINITION,
    bilateral::DEFINITION,
    sharpen::DEFINITION,
    unsharp::DEFINITION,
    emboss::DEFINITION,
    filter2d::DEFINITION,
    sobel::DEFINITION,
    laplacian::DEFINITION,
    canny::DEFINITION,
    morphology::DILATE,
    morphology::ERODE,
    morphology::OPEN,
    morphology::CLOSE,
    morphology::GRADIENT,
    rotate::DEFINITION,
    flip::DEFINITION,
    pixelate::DEFINITION,
    sketch::DEFINITION,
    cartoon::DEFINITION,
];

/// All operations.
pub fn registry() -> &'static [Definition] {
    &REGISTRY
}

/// The operation of that name.
pub fn find(name: &str) -> Option<&'static Definition> {
    REGISTRY.iter().find(|definition| definition.name == name)
}

/// What an operation needs to know of the picture beyond a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The tile and its halo only.
    Local,
    /// Numbers of the whole picture first, measured tile by tile; then it is local.
    GlobalStatistic,
    /// The tile and its halo for a map, whose parts are then joined over the whole picture.
    GlobalLinking,
}

/// Pixels that an operation needs around those it gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halo {
    /// Always so many.
    Fixed(u32),
    /// Half of this parameter, rounded down.
    Half(&'static str),
    /// Twice the half of this parameter.
    TwiceHalf(&'static str),
    /// One less than this parameter.
    LessOne(&'static str),
}

impl Halo {
    fn of(self, parameters: &[Parameter], values: &[Value]) -> u32 {
        let named = |name| {
            let found = parameters.iter().zip(values).find(|(parameter, _)| parameter.name == name);
            match found.map(|(_, value)| value) {
                Some(Value::Integer(value)) => u32::try_from(*value).unwrap_or(0),
                Some(Value::Weights(weights)) => weights.side() as u32,
                _ => 0,
            }
        };
        match self {
            Self::Fixed(pixels) => pixels,
            Self::Half(name) => named(name) / 2,
            Self::TwiceHalf(name) => named(name) / 2 * 2,
            Self::LessOne(name) => named(name).saturating_sub(1),
        }
    }
}

impl fmt::Display for Halo {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(pixels) => pixels.fmt(out),
            Self::Half(name) => write!(out, "{name} / 2"),
            Self::TwiceHalf(name) => write!(out, "2 * ({name} / 2)"),
            Self::LessOne(name) => write!(out, "{name} - 1"),
        }
    }
}

impl Serialize for Halo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An operation with its parameters bound, ready to run.
pub trait Kernel: fmt::Debug + Send + Sync {
    /// The format of the result; the depth was checked before.
    fn output(&self, input: PixelFormat) -> PixelFormat {
        input
    }

    /// Refuses formats for which its values do not do; the depth alone was checked before.
    ///
    /// # Errors
    /// [`StepError::Picture`], with what the sender is told.
    fn check(&self, _input: PixelFormat) -> Result<(), StepError> {
        Ok(())
    }

    /// How the result lies: [`Kernel::run`] gives the part asked for turned in this way.
    fn turn(&self) -> Turn {
        Turn::None
    }

    /// What has to be measured of the whole picture first; `None` where nothing has.
    fn statistic(&self) -> Option<&dyn Statistic> {
        None
    }

    /// Computes the part of the area that is asked for. A kernel with a [`Kernel::statistic`] refuses: the one
    /// that the statistic binds runs (see [`StepError::unmeasured`]).
    ///
    /// # Errors
    /// If it cannot run on such pixels.
    fn run(&self, area: Area) -> Result<Pixels, StepError>;
}

/// A kernel with its values, or why they do not fit together.
pub(crate) type Bound = Result<Box<dyn Kernel>, StepError>;

/// What an operation is: everything but its kernel's arithmetic.
#[derive(Clone, Debug, Serialize)]
pub struct Definition {
    /// Its name in a step.
    pub name: &'static str,
    /// One line for people: what it does.
    pub help: &'static str,
    /// What it needs to know of the picture.
    pub kind: Kind,
    /// Pixels needed on each side.
    pub halo: Halo,
    /// The depths it takes.
    pub depths: &'static [Depth],
    /// Its parameters, in their canonical order.
    pub parameters: &'static [Parameter],
    /// Binds the parameters' values, one for each, already in range.
    #[serde(skip)]
    pub(crate) bind: fn(&[Value]) -> Bound,
}

impl Definition {
    /// Pixels needed on each side with these values, one for each parameter.
    pub fn halo(&self, values: &[Value]) -> u32 {
        self.halo.of(self.parameters, values)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_and_defaults_in_range() {
        let names: HashSet<_> = registry().iter().map(|definition| definition.name).collect();
        assert_eq!(names.len(), registry().len());
        for definition in registry() {
            for parameter in definition.parameters {
                let default = parameter.default;
                assert!(!default.is_given() || parameter.read(&default.to_string()) == Some(default));
            }
            let defaults: Vec<Value> = definition.parameters.iter().map(|parameter| parameter.default).collect();
            assert!(defaults.contains(&Value::Required) || (definition.bind)(&defaults).is_ok());
        }
    }

    #[test]
    fn the_list_says_what_the_interface_promises() {
        let list = serde_json::to_value(registry()).unwrap();
        let blur = list.as_array().unwrap().iter().find(|entry| entry["name"] == "gaussian_blur").unwrap();
        assert_eq!((&blur["kind"], &blur["halo"]), (&"local".into(), &"ksize / 2".into()));
        assert_eq!(blur["depths"], serde_json::json!([8, 16]));
        let ksize = &blur["parameters"][0];
        assert_eq!((&ksize["type"], &ksize["default"]), (&"odd_integer".into(), &5.into()));
        assert_eq!((&ksize["min"], &ksize["max"]), (&1.into(), &255.into()));
        assert_eq!(ksize["choices"], serde_json::json!([]));
    }
}
