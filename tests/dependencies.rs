//! What is depended on: licences that `deny.toml` allows, from the one registry. Reads what is on this machine only.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// All packages of the lock file for our platform.
fn packages() -> Result<Vec<Value>> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut command = Command::new(cargo);
    command.args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", TARGET]);
    let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).output()?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let mut metadata: Value = serde_json::from_slice(&output.stdout)?;
    let Value::Array(packages) = metadata["packages"].take() else { anyhow::bail!("cargo metadata lists no packages") };
    Ok(packages)
}

/// The list `allow` of `deny.toml`.
fn allowed() -> Result<Vec<String>> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("deny.toml"))?;
    let list = text.split_once("allow = [").and_then(|(_, rest)| rest.split_once(']'));
    let (list, _) = list.context("deny.toml has no list of licences")?;
    Ok(list.split(',').map(|name| name.trim().trim_matches('"').to_owned()).filter(|name| !name.is_empty()).collect())
}

/// Whether an SPDX expression can be met with the allowed licences; `/` is an older way to write OR.
fn is_met(expression: &str, allowed: &[String]) -> bool {
    let expression = expression.trim();
    if let Some((left, right)) = outside_brackets(expression, " OR ").or_else(|| outside_brackets(expression, "/")) {
        return is_met(left, allowed) || is_met(right, allowed);
    }
    if let Some((left, right)) = outside_brackets(expression, " AND ") {
        return is_met(left, allowed) && is_met(right, allowed);
    }
    match expression.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
        Some(inner) => is_met(inner, allowed),
        None => allowed.iter().any(|name| name == expression),
    }
}

/// Splits at the first separator that is in no brackets.
fn outside_brackets<'a>(text: &'a str, separator: &str) -> Option<(&'a str, &'a str)> {
    let depth = |before: &str| before.matches('(').count().saturating_sub(before.matches(')').count());
    let (at, _) = text.match_indices(separator).find(|(at, _)| depth(&text[..*at]) == 0)?;
    Some((&text[..at], &text[at + separator.len()..]))
}

#[test]
fn every_dependency_has_a_licence_that_is_allowed_and_comes_from_the_registry() -> Result<()> {
    let (packages, allowed) = (packages()?, allowed()?);
    let strangers: Vec<&Value> = packages.iter().filter(|package| !package["source"].is_null()).collect();
    ensure!(strangers.len() > 100 && allowed.len() > 3, "{} packages, {} licences", strangers.len(), allowed.len());
    let is_wrong = |package: &&Value| {
        let from_registry = package["source"].as_str().is_some_and(|source| source.starts_with("registry+"));
        !from_registry || !package["license"].as_str().is_some_and(|license| is_met(license, &allowed))
    };
    let wrong: Vec<String> = strangers
        .into_iter()
        .filter(is_wrong)
        .map(|package| format!("{} ({}, {})", package["name"], package["license"], package["source"]))
        .collect();
    ensure!(wrong.is_empty(), "look at these, and at deny.toml: {}", wrong.join("; "));
    Ok(())
}

#[test]
fn expressions_are_met_as_they_are_written() {
    let allowed = ["MIT", "Zlib", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned);
    for met in ["MIT", "GPL-3.0 OR MIT", "GPL-3.0/MIT", "MIT AND Zlib", "(GPL-3.0 OR MIT) AND Zlib"] {
        assert!(is_met(met, &allowed), "{met}");
    }
    assert!(is_met("Apache-2.0 WITH LLVM-exception OR GPL-3.0", &allowed));
    for unmet in ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT OR Zlib) AND GPL-3.0", "MITX"] {
        assert!(!is_met(unmet, &allowed), "{unmet}");
    }
}
