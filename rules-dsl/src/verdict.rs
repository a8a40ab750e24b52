//! What the rules say of an answer.

use crate::diagnostic::Language;
use crate::fold::fold;

/// The verdict on one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// Rules apply to the question and none objects.
    Valid,
    /// Rules corrected it, and none objects to the result.
    Corrected,
    /// A rule objects, and the text does not satisfy it.
    Contradicted,
    /// It says something that the retrieved passages do not.
    Unsupported,
    /// No rule applies to the question.
    NotApplicable,
    /// The text is larger than the bounds; no rule was asked.
    TooComplex,
}

const NAMES: [(Verdict, &str, &str); 6] = [
    (Verdict::Valid, "valid", "válida"),
    (Verdict::Corrected, "corrected", "corrigida"),
    (Verdict::Contradicted, "contradicted", "contradita"),
    (Verdict::Unsupported, "unsupported", "sem suporte"),
    (Verdict::NotApplicable, "not_applicable", "não se aplica"),
    (Verdict::TooComplex, "too_complex", "complexa demais"),
];

impl Verdict {
    /// The name in programs: `not_applicable`.
    pub fn as_str(self) -> &'static str {
        NAMES.iter().find(|(verdict, ..)| *verdict == self).map_or("", |(_, name, _)| name)
    }

    /// The name for people.
    pub fn shown(self, language: Language) -> &'static str {
        NAMES.iter().find(|(verdict, ..)| *verdict == self).map_or("", |(_, en, pt)| match language {
            Language::Portuguese => pt,
            Language::English => en,
        })
    }

    /// The verdict with this name, in either language.
    pub fn named(name: &str) -> Option<Verdict> {
        let name = fold(name.trim()).replace('_', " ");
        NAMES
            .iter()
            .find(|(_, en, pt)| en.replace('_', " ") == name || fold(pt) == name)
            .map(|(verdict, ..)| *verdict)
    }
}
