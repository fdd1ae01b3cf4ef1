//! How the parts of the tree depend on each other, as their `use` lines say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

type Module = Vec<String>;

/// The modules of a crate with the text of each, tests left out.
fn modules(src: &Path) -> Result<BTreeMap<Module, String>> {
    let mut modules = BTreeMap::new();
    let mut folders = vec![PathBuf::from(src)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                let mut module: Module = path
                    .with_extension("")
                    .strip_prefix(src)?
                    .iter()
                    .map(|part| part.to_string_lossy().into())
                    .collect();
                if module.iter().any(|part| part == "tests" || part == "main") {
                    continue;
                }
                if module.last().is_some_and(|last| last == "mod" || last == "lib") {
                    module.pop();
                }
                let text = std::fs::read_to_string(&path)?;
                modules.insert(module, text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned());
            }
        }
    }
    Ok(modules)
}

/// All paths of the `use` lines of a text: `a::b::{c, d}` is two.
fn used(text: &str) -> Vec<Module> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let lines: String = code.map(|line| format!("\n{line}")).collect();
    // What is given on is used as well.
    let lines = lines
        .replace("\npub use ", "\nuse ")
        .replace("\npub(crate) use ", "\nuse ")
        .replace("\npub(super) use ", "\nuse ");
    let uses = lines.split("\nuse ").skip(1).filter_map(|rest| rest.split_once(';')).map(|(path, _)| path);
    let mut paths = Vec::new();
    for path in uses {
        spread(&mut paths, Vec::new(), path);
    }
    paths
}

fn spread(paths: &mut Vec<Module>, prefix: Module, path: &str) {
    let (before, inner) = path.split_once('{').map_or((path, None), |(before, inner)| (before, Some(inner)));
    let names = before.split("::").map(|name| name.split(" as ").next().unwrap_or_default().trim());
    let path: Module = prefix.into_iter().chain(names.filter(|name| !name.is_empty()).map(str::to_owned)).collect();
    let Some(inner) = inner.and_then(|inner| inner.rsplit_once('}')) else { return paths.push(path) };
    let (mut depth, mut start) = (0, 0);
    for (at, sign) in inner.0.char_indices().chain([(inner.0.len(), ',')]) {
        match sign {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                if !inner.0[start..at].trim().is_empty() {
                    spread(paths, path.clone(), &inner.0[start..at]);
                }
                start = at + 1;
            }
            _ => {}
        }
    }
}

/// The module that `path`, used in `from`, lies in; `None` if it is another crate's.
fn target(modules: &BTreeMap<Module, String>, from: &Module, path: &Module) -> Option<Module> {
    let mut rest = path.iter();
    let mut full: Module = match rest.next()?.as_str() {
        "crate" => Vec::new(),
        "self" => from.clone(),
        "super" => {
            let ups = 1 + path[1..].iter().take_while(|name| *name == "super").count();
            rest.by_ref().take(ups - 1).for_each(drop);
            from.get(..from.len().checked_sub(ups)?)?.to_vec()
        }
        child if modules.contains_key(&[from.as_slice(), &[child.to_owned()]].concat()) => {
            [from.as_slice(), &[child.to_owned()]].concat()
        }
        _ => return None,
    };
    full.extend(rest.cloned());
    while !modules.contains_key(&full) && !full.is_empty() {
        full.pop();
    }
    Some(full)
}

/// Who uses whom among the modules of one folder, all that is under each counted as its; folders by their path.
fn arrows(modules: &BTreeMap<Module, String>) -> BTreeMap<Module, BTreeSet<(String, String)>> {
    let mut arrows: BTreeMap<Module, BTreeSet<(String, String)>> = BTreeMap::new();
    for (from, text) in modules {
        for to in used(text).iter().filter_map(|path| target(modules, from, path)) {
            let shared = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
            if let (Some(one), Some(other)) = (from.get(shared), to.get(shared)) {
                arrows.entry(from[..shared].to_vec()).or_default().insert((one.clone(), other.clone()));
            }
        }
    }
    arrows
}

/// Takes away, again and again, who uses none of the rest; what is left stands on a circle or above one.
fn circle(arrows: &BTreeSet<(String, String)>) -> BTreeSet<&String> {
    let mut left: BTreeSet<&String> = arrows.iter().flat_map(|(from, to)| [from, to]).collect();
    loop {
        let uses = |name: &String| arrows.iter().any(|(from, to)| from == name && left.contains(to));
        let kept: BTreeSet<&String> = left.iter().copied().filter(|name| uses(name)).collect();
        if kept.len() == left.len() {
            return left;
        }
        left = kept;
    }
}

fn crates() -> Result<Vec<PathBuf>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let services = std::fs::read_dir(root.join("services"))?.map(|entry| Ok(entry?.path().join("src")));
    [Ok(root.join("src"))].into_iter().chain(services).collect()
}

#[test]
fn the_parts_of_a_folder_use_each_other_in_no_circle() -> Result<()> {
    let mut seen = 0;
    for src in crates()? {
        for (folder, arrows) in arrows(&modules(&src)?) {
            let circle = circle(&arrows);
            ensure!(circle.is_empty(), "{}/{}: a circle in {circle:?}", src.display(), folder.join("/"));
            seen += arrows.len();
        }
    }
    ensure!(seen > 300, "{seen} arrows were found: the lines are not read any more");
    Ok(())
}

#[test]
fn telemetry_knows_no_client_and_redis_no_kafka() -> Result<()> {
    let library = arrows(&modules(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))?);
    let top = library.get(&Vec::new()).context("nothing was found")?;
    let inner = ["picture", "operation", "tiling", "plan", "linking", "pyramid"];
    let outer = ["bus", "state", "store", "telemetry", "time", "config"];
    let forbidden = inner.iter().flat_map(|from| outer.map(|to| (*from, to))).chain([
        ("telemetry", "bus"),
        ("telemetry", "state"),
        ("state", "bus"),
        ("bus", "state"),
        ("patience", "bus"),
        ("patience", "state"),
        ("patience", "store"),
    ]);
    for (from, to) in forbidden {
        ensure!(!top.contains(&(from.to_owned(), to.to_owned())), "src/{from} must not use src/{to}");
    }
    Ok(())
}

#[test]
fn use_lines_are_read_with_their_braces() {
    let text = "use a;\n// use no::no;\nuse crate::b::{self, C, d::{E, F as G}};\nuse super::x;\n";
    let paths: Vec<String> = used(text).iter().map(|path| path.join("::")).collect();
    assert_eq!(paths, ["a", "crate::b::self", "crate::b::C", "crate::b::d::E", "crate::b::d::F", "super::x"]);
    let arrow = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    let arrows = BTreeSet::from([arrow("a", "b"), arrow("b", "c"), arrow("c", "b"), arrow("d", "e")]);
    assert_eq!(circle(&arrows), BTreeSet::from([&"a".to_owned(), &"b".to_owned(), &"c".to_owned()]));
}
