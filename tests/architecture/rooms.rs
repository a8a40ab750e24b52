//! The rooms of ARCHITECTURE.md depend on each other, and on large outside packages, as it says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::papers::root;

/// Of one package: the names under `[dependencies]`, and under `[dependencies]` and `[dev-dependencies]`.
struct Package {
    uses: BTreeSet<String>,
    tries: BTreeSet<String>,
}

fn parsed(path: &Path) -> toml::Table {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn manifest() -> toml::Table {
    parsed(&root().join("Cargo.toml"))
}

/// The rooms that are packages, with what they use; `src/` is the root package.
fn packages() -> BTreeMap<String, Package> {
    let manifest = manifest();
    let members = manifest["workspace"]["members"].as_array().unwrap();
    let rooms = members.iter().map(|member| format!("{}/", member.as_str().unwrap()));
    let rooms = rooms.map(|room| {
        let manifest = parsed(&root().join(&room).join("Cargo.toml"));
        (room, manifest)
    });
    let product = ("src/".to_owned(), manifest.clone());
    rooms.chain([product]).map(|(room, manifest)| (room, package(&manifest))).collect()
}

fn package(manifest: &toml::Table) -> Package {
    let names = |section: &str| -> BTreeSet<String> {
        let section = manifest.get(section).and_then(toml::Value::as_table);
        section.map(|section| section.keys().cloned().collect()).unwrap_or_default()
    };
    let (uses, builds) = (names("dependencies"), names("build-dependencies"));
    let uses: BTreeSet<String> = uses.union(&builds).cloned().collect();
    Package { tries: uses.union(&names("dev-dependencies")).cloned().collect(), uses }
}

/// The rooms that a package uses, by their folders.
fn rooms_used(uses: &BTreeSet<String>) -> BTreeSet<String> {
    let manifest = manifest();
    let known = manifest["workspace"]["dependencies"].as_table().unwrap();
    let folder = |name: &String| Some(format!("{}/", known.get(name)?.get("path")?.as_str()?));
    uses.iter().filter_map(folder).collect()
}

/// The rows of the table whose first head is `head`, each cell without its marks.
fn table(head: &str) -> Vec<Vec<String>> {
    let page = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let mut lines = page.lines().skip_while(|line| !line.starts_with(&format!("| {head} |")));
    assert!(lines.next().is_some(), "ARCHITECTURE.md has no table of {head}s");
    let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect())
        .collect()
}

fn folders(cell: &str) -> BTreeSet<String> {
    let names = cell.split([',', ' ']).filter(|name| !["", "and", "–"].contains(name));
    names.map(|name| format!("{}/", name.trim_end_matches('/'))).collect()
}

#[test]
fn every_package_is_a_room_of_the_table_and_every_room_is_there() {
    let packages = packages();
    let rooms: BTreeSet<String> = table("room").into_iter().map(|row| row[0].clone()).collect();
    for room in packages.keys() {
        assert!(rooms.contains(room), "{room} has no row in ARCHITECTURE.md");
    }
    for room in &rooms {
        assert!(root().join(room).is_dir(), "ARCHITECTURE.md names {room}, which is not there");
    }
}

#[test]
fn each_room_depends_on_what_its_row_says_and_on_nothing_else() {
    let packages = packages();
    for row in table("room") {
        let Some(package) = packages.get(&row[0]) else { continue };
        let real = rooms_used(&package.uses);
        // The product's row names whom it does without.
        match row[2].strip_prefix("all but ") {
            Some(without) => {
                let without = folders(without);
                assert!(real.is_disjoint(&without), "{} depends on one of {without:?}", row[0]);
            }
            None => assert_eq!(real, folders(&row[2]), "{}: real dependencies, and those of its row", row[0]),
        }
    }
}

#[test]
fn dependencies_point_downwards_only() {
    let packages = packages();
    let mut left: BTreeMap<String, BTreeSet<String>> =
        packages.iter().map(|(room, package)| (room.clone(), rooms_used(&package.tries))).collect();
    while !left.is_empty() {
        let floor: Vec<String> = left
            .iter()
            .filter(|(_, uses)| uses.iter().all(|used| !left.contains_key(used)))
            .map(|(room, _)| room.clone())
            .collect();
        assert!(!floor.is_empty(), "these rooms depend on each other in a circle: {:?}", left.keys());
        left.retain(|room, _| !floor.contains(room));
    }
}

#[test]
fn each_large_outside_dependency_stays_in_its_room() {
    let packages = packages();
    let mut named = BTreeSet::new();
    for row in table("dependency") {
        let homes = folders(&row[1]);
        for dependency in row[0].split(", ") {
            named.insert(dependency.to_owned());
            let users: BTreeSet<String> = packages
                .iter()
                .filter(|(_, package)| package.uses.contains(dependency))
                .map(|(room, _)| room.clone())
                .collect();
            // Some rooms only try themselves against a dependency.
            assert!(users.is_subset(&homes), "{dependency} belongs in {homes:?} and is used by {users:?}");
            let tried = packages
                .iter()
                .any(|(room, package)| homes.contains(room) && package.tries.contains(dependency));
            assert!(tried, "ARCHITECTURE.md gives {dependency} to {homes:?}, which do not use it");
        }
    }
    let large = [
        "ractor",
        "warp",
        "heed",
        "arroy",
        "tantivy",
        "candle-core",
        "tokenizers",
        "tesseract-plumbing",
        "hayro",
    ];
    for dependency in large {
        assert!(named.contains(dependency), "ARCHITECTURE.md gives {dependency} no room");
    }
}
