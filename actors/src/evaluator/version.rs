//! One version of a rule set: its program, its hash, and what is wrong with it.

use std::fmt;
use std::sync::Arc;

use enabler_rules::diagnostic::{Language, Severity};
use enabler_rules::program::{Program, load};

use super::library::Found;

/// Where a version came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It ships with the program.
    Shipped,
    /// The node's own folder of rules.
    Folder,
    /// The object store, the same for every node.
    Store,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Origin::Shipped => "shipped",
            Origin::Folder => "folder",
            Origin::Store => "store",
        })
    }
}

/// One version.
#[derive(Debug, Clone)]
pub struct Version {
    /// Of its text and of all that it imports.
    pub hash: String,
    /// Where it came from.
    pub origin: Origin,
    /// What runs.
    pub program: Arc<Program>,
    /// Its errors, one line each, as `dkr check` prints them; empty when it is sound.
    pub problems: Vec<String>,
}

impl Version {
    /// Reads and checks a version.
    pub fn load(name: &str, found: Found) -> Version {
        let imports = |file: &str| found.imports.get(file).cloned();
        let loaded = load(&found.text, &imports);
        let file = format!("{name}.rules");
        let errors = loaded.diagnostics.iter().filter(|problem| problem.severity() == Severity::Error);
        let problems = errors.map(|problem| problem.line(&file, &found.text, Language::Portuguese)).collect();
        Version { hash: found.hash, origin: found.origin, program: Arc::new(loaded.program), problems }
    }

    /// Enough of the hash to tell versions apart by eye.
    pub fn short(&self) -> &str {
        const LETTERS: usize = 8;
        self.hash.get(..LETTERS).unwrap_or(&self.hash)
    }
}
