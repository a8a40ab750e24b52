//! Fenced blocks of a page, and the warnings of a file.

use enabler_rules::diagnostic::Diagnostic;
use enabler_rules::program::Loaded;

/// A fenced block: what follows its fence, and its text.
#[derive(Debug)]
pub struct Block<'p> {
    /// `dkr`, `errado` and the like.
    pub marks: Vec<&'p str>,
    /// Its lines.
    pub text: &'p str,
}

/// The fenced blocks of a page.
pub fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut found = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once("\n```") {
        let Some((marks, body)) = after.split_once('\n') else { break };
        let Some((text, next)) = body.split_once("\n```") else { break };
        found.push(Block { marks: marks.split(',').map(str::trim).collect(), text });
        rest = next;
    }
    found
}

/// The static checks do not exist yet.
pub const AWAITED: bool = true;

/// What the static checks say of a file.
pub fn warnings(_: &Loaded<'_>) -> Vec<Diagnostic> {
    Vec::new()
}
