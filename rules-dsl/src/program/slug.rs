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
    if let Some((_, name)) = TABLE.iter().find(|(parts, _)| parts.iter().any(|part| folded.contains(part))) {
        return (*name).to_owned();
    }
    let kept: String = folded.chars().filter(|&c| in_word(c) || c.is_whitespace()).collect();
    kept.split_whitespace().take(3).collect::<Vec<_>>().join("_")
}
