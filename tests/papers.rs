//! Files to upload: the samples, small ones made here, and shared ones when they are there.

use std::path::{Path, PathBuf};

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

/// A one-page PDF with native text, one line for each of `lines`.
pub(crate) fn note(lines: &[&str]) -> Vec<u8> {
    let mut content = String::from("BT /F 12 Tf 72 760 Td 16 TL");
    for line in lines {
        assert!(line.is_ascii() && !line.contains(['(', ')', '\\']), "a note takes plain letters: {line}");
        content.push_str(&format!(" ({line}) Tj T*"));
    }
    content.push_str(" ET");
    made::one_page(made::A4, "", "", content.as_bytes())
}

/// The same document with other bytes: a comment after its end.
pub(crate) fn varied(mut bytes: Vec<u8>, mark: u64) -> Vec<u8> {
    bytes.extend_from_slice(format!("\n% {mark:016x}\n").as_bytes());
    bytes
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
