//! What every file of the code keeps to, read as text.

use std::path::{Path, PathBuf};

use crate::papers::root;

/// Folders that hold no text of ours.
const NOT_OURS: [&str; 5] = ["target", ".git", "seeds", "corpus", "node_modules"];

/// Every file of the repository with this ending, as its path in it and its text.
fn sources(endings: &[&str]) -> Vec<(String, String)> {
    let mut files = Vec::new();
    collect(root(), &mut files);
    let ours =
        |path: &PathBuf| path.extension().is_some_and(|found| endings.iter().any(|ending| found == *ending));
    let read = |path: PathBuf| {
        let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
        Some((name, std::fs::read_to_string(&path).ok()?))
    };
    let sources: Vec<_> = files.into_iter().filter(ours).filter_map(read).collect();
    assert!(!sources.is_empty(), "no file ends with {endings:?}");
    sources
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        match path.is_dir() {
            true if !NOT_OURS.contains(&name.as_str()) && !name.starts_with('.') => collect(&path, files),
            false => files.push(path),
            true => {}
        }
    }
    files.sort();
}

/// Whether a file is only compiled to test or to measure.
fn is_test(name: &str) -> bool {
    let folder = ["tests/", "benches/", "examples/", "targets/"]
        .iter()
        .any(|folder| name.starts_with(folder) || name.contains(&format!("/{folder}")));
    folder || is_sibling(name)
}

/// Whether a file is the tests of the file beside it, whose sentence says enough.
fn is_sibling(name: &str) -> bool {
    name.ends_with("/tests.rs") || name.ends_with("_tests.rs")
}

/// The lines of the product, with their numbers: neither comments nor the tests at the end of a file.
fn product_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let numbered = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    numbered.take_while(|(_, line)| *line != "#[cfg(test)]").filter(|(_, line)| !line.starts_with("//"))
}

/// Fails with every line of the product that holds one of `words`.
fn nowhere(words: &[&str], why: &str) {
    let mut found = Vec::new();
    for (name, text) in sources(&["rs"]).iter().filter(|(name, _)| !is_test(name)) {
        let lines = product_lines(text).filter(|(_, line)| words.iter().any(|word| line.contains(word)));
        found.extend(lines.map(|(number, line)| format!("{name}:{number}: {line}")));
    }
    assert!(found.is_empty(), "{why}:\n{}", found.join("\n"));
}

#[test]
fn every_file_begins_with_the_sentence_of_its_room() {
    let sources: Vec<_> = sources(&["rs"]).into_iter().filter(|(name, _)| !is_sibling(name)).collect();
    let is_sentence = |text: &str| {
        let first = text.lines().take_while(|line| line.starts_with("//!")).collect::<Vec<_>>().join(" ");
        first.starts_with("//! ") && first.contains(['.', ':'])
    };
    let without: Vec<_> =
        sources.iter().filter(|(_, text)| !is_sentence(text)).map(|(name, _)| name).collect();
    assert!(without.is_empty(), "these files do not begin with a sentence: {without:?}");
}

#[test]
fn nothing_is_left_to_do_and_nothing_is_unwrapped_outside_tests() {
    nowhere(&["todo!(", "unimplemented!(", "dbg!("], "unfinished");
    nowhere(&[".unwrap()"], "unwrapped");
}

#[test]
fn decisions_are_pure() {
    let impure = [
        "tokio",
        "ractor",
        "HashMap",
        "HashSet",
        "Instant",
        "SystemTime",
        "std::fs",
        "std::env",
        "rand",
        "async ",
    ];
    let decide: Vec<_> =
        sources(&["rs"]).into_iter().filter(|(name, _)| name.starts_with("cluster/src/decide/")).collect();
    assert!(decide.len() > 1, "the decisions have moved");
    for (name, text) in decide {
        for (number, line) in product_lines(&text) {
            let found = impure.iter().find(|word| line.contains(**word));
            assert!(found.is_none(), "{name}:{number}: {found:?} in a pure room: {line}");
        }
    }
}

#[test]
fn no_file_names_a_place_outside_the_repository() {
    let places = [concat!("/wo", "rk/"), "/root/", "/Users/", "file:///"];
    let mut found = Vec::new();
    let endings = ["rs", "toml", "md", "sh", "py", "rules", "txt", "json", "yml", "yaml"];
    for (name, text) in sources(&endings).iter().filter(|(name, _)| name != "tests/architecture/text.rs") {
        let lines =
            text.lines().enumerate().filter(|(_, line)| places.iter().any(|place| line.contains(place)));
        found.extend(lines.map(|(index, line)| format!("{name}:{}: {}", index + 1, line.trim())));
    }
    assert!(found.is_empty(), "places that only one machine has:\n{}", found.join("\n"));
}

#[test]
fn only_the_http_room_knows_a_status_code() {
    let mut found = Vec::new();
    let rooms = ["actors/", "cluster/", "storage/", "config/", "rules-dsl/"];
    for (name, text) in sources(&["rs"]) {
        if !is_test(&name) && rooms.iter().any(|room| name.starts_with(room)) {
            let lines = product_lines(&text)
                .filter(|(_, line)| line.contains("StatusCode") || line.contains("warp::"));
            found.extend(lines.map(|(number, line)| format!("{name}:{number}: {line}")));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
