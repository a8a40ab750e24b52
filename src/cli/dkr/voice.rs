//! The language in which people are spoken to.

use enabler_rules::diagnostic::Language;

use super::arguments::Lang;

/// Says everything in one language.
#[derive(Debug, Clone, Copy)]
pub(super) struct Voice {
    pub(super) language: Language,
}

impl Voice {
    pub(super) fn new(lang: Lang) -> Self {
        let language = match lang {
            Lang::Pt => Language::Portuguese,
            Lang::En => Language::English,
        };
        Self { language }
    }

    /// The text in this language.
    pub(super) fn say<'t>(self, portuguese: &'t str, english: &'t str) -> &'t str {
        match self.language {
            Language::Portuguese => portuguese,
            Language::English => english,
        }
    }
}
