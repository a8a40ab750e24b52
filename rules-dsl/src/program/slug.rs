//! The intent that a rule belongs to by its `QUANDO` text alone, as the predecessor named it.

use crate::fold::{fold, in_word};

/// The intent's name, folded.
pub(crate) fn slug(text: &str) -> String {
    const TABLE: [(&[&str], &str); 5] = [
        (&["mais critica", "maior risco"], "criticidade_alta"),
        (&["mais segura", "recomendada"], "criticidade_baixa"),
        (&["compatib"], "compatibilidade"),
        (&["evitar"], "evitar"),
        (&["defini", "o que e"], "definicao"),
    ];
    let folded = fold(text);
    // Short texts: looking at every place is quicker than preparing a search.
    let has = |part: &&str| folded.as_bytes().windows(part.len()).any(|window| window == part.as_bytes());
    if let Some((_, name)) = TABLE.iter().find(|(parts, _)| parts.iter().any(has)) {
        return (*name).to_owned();
    }
    let kept: String = folded.chars().filter(|&c| in_word(c) || c.is_whitespace()).collect();
    kept.split_whitespace().take(3).collect::<Vec<_>>().join("_")
}
