//! Why a document could not be read.

use crate::language::Language;

/// The kinds of reasons why a document could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureCode {
    /// The file needs a password.
    Encrypted,
    /// The file is no PDF that can be opened.
    Broken,
    /// No page has text, not even to the OCR.
    NoText,
    /// It has more pages than are allowed.
    TooManyPages,
    /// Reading took longer than is allowed.
    TooSlow,
    /// Reading took more memory than is allowed.
    TooLarge,
    /// It was ended before it was read, for example because it was deleted.
    Cancelled,
    /// Our own fault.
    Internal,
}

/// Why a document could not be read, as the API says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The kind of reason.
    pub code: FailureCode,
    /// A fact to name in the message, such as `2000 pages`; never an internal detail.
    pub detail: Option<String>,
}

impl FailureCode {
    /// Every one, with its name in the API and its message in English and Portuguese.
    const TABLE: [(Self, &'static str, &'static str, &'static str); 8] = [
        (
            Self::Encrypted,
            "encrypted",
            "The PDF is protected by a password. Remove the protection and upload it again.",
            "O PDF está protegido por senha. Remova a proteção e envie-o novamente.",
        ),
        (
            Self::Broken,
            "broken",
            "The PDF is damaged and cannot be opened. Export it again from its source and upload it again.",
            "O PDF está danificado e não pode ser aberto. Exporte-o novamente da origem e envie-o outra vez.",
        ),
        (
            Self::NoText,
            "no_text",
            "No text was found on any page, not even by optical recognition. Upload a more legible copy.",
            "Nenhum texto foi encontrado nas páginas, nem por reconhecimento óptico. Envie uma cópia mais legível.",
        ),
        (
            Self::TooManyPages,
            "too_many_pages",
            "The PDF has more pages than this node reads. Split it and upload the parts.",
            "O PDF tem mais páginas do que este nó lê. Divida-o e envie as partes.",
        ),
        (
            Self::TooSlow,
            "too_slow",
            "Reading the PDF took longer than is allowed. Split it, or upload a simpler copy.",
            "A leitura do PDF demorou mais do que o permitido. Divida-o ou envie uma cópia mais simples.",
        ),
        (
            Self::TooLarge,
            "too_large",
            "Reading the PDF needs more memory than is allowed. Split it, or upload a simpler copy.",
            "A leitura do PDF exige mais memória do que o permitido. Divida-o ou envie uma cópia mais simples.",
        ),
        (
            Self::Cancelled,
            "cancelled",
            "Reading was ended before the document was complete. Upload it again.",
            "A leitura foi encerrada antes de o documento estar completo. Envie-o novamente.",
        ),
        (
            Self::Internal,
            "internal",
            "Reading failed for a reason on our side. Upload it again; if it fails again, tell the operator its id.",
            "A leitura falhou por um motivo nosso. Envie-o novamente; se falhar outra vez, informe o id ao operador.",
        ),
    ];

    /// Its name in the API and in records.
    pub fn name(self) -> &'static str {
        Self::TABLE.iter().find(|row| row.0 == self).map_or("internal", |row| row.1)
    }

    /// The one called `name`; an unknown one is [`FailureCode::Internal`].
    pub fn named(name: &str) -> Self {
        Self::TABLE.iter().find(|row| row.1 == name).map_or(Self::Internal, |row| row.0)
    }
}

impl Failure {
    /// A failure with no further fact.
    pub fn new(code: FailureCode) -> Self {
        Self { code, detail: None }
    }

    /// What to tell the caller.
    pub fn message(&self, language: Language) -> String {
        let row = FailureCode::TABLE.iter().find(|row| row.0 == self.code);
        let text = row.map_or("", |row| match language {
            Language::English => row.2,
            Language::Portuguese => row.3,
        });
        match &self.detail {
            Some(detail) => format!("{text} ({detail})"),
            None => text.to_owned(),
        }
    }
}
