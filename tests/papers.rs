//! Files to upload: the samples, small ones made here, and shared ones when they are there.

use std::path::{Path, PathBuf};

pub(crate) use enabler_sim_live::paper::{note, varied};
use serde_json::Value;

// The files that the reading room is tried with.
#[path = "../actors/reading/tests/reading/files.rs"]
#[expect(dead_code, reason = "the reading room uses more of them")]
pub(crate) mod made;

/// The repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A sample document.
pub(crate) fn sample(name: &str) -> Vec<u8> {
    let path = root().join("samples").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("reading {}: {error}", path.display()))
}

/// The directory of documents that were not written for the product, when it is there.
pub(crate) fn shared(name: &str) -> Option<PathBuf> {
    let dir = root().parent()?.join("shared/data").join(name);
    dir.is_dir().then_some(dir)
}

/// The samples and what is asked about them.
pub(crate) fn tour() -> Value {
    let text = std::fs::read_to_string(root().join("samples/tour.toml")).unwrap();
    serde_json::to_value(toml::from_str::<toml::Value>(&text).unwrap()).unwrap()
}
