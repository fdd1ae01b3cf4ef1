//! The list of all operations: the one place that names them.

use super::definition::Definition;
use super::kernels::{
    autocontrast, bilateral, box_blur, brightness, canny, cartoon, contrast, emboss, equalize, filter2d, flip, gamma,
    gaussian_blur, grayscale, invert, laplacian, median_blur, morphology, otsu, pixelate, posterize, rotate,
    saturation, sepia, sharpen, sketch, sobel, threshold, unsharp,
};

/// All operations, in the order people see them. Adding one is a line here and a file under `kernels/`.
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::operation::parameter::Value;

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
