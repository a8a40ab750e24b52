//! Fenced blocks of a page.

/// A fenced block: what follows its fence, and its text.
#[derive(Debug)]
pub(crate) struct Block<'p> {
    /// `dkr`, `errado` and the like.
    pub(crate) marks: Vec<&'p str>,
    /// Its lines.
    pub(crate) text: &'p str,
}

/// The fenced blocks of a page.
pub(crate) fn blocks(page: &str) -> Vec<Block<'_>> {
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
