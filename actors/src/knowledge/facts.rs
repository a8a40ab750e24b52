//! Pure: whether a document, or one of its passages, has the facts that a search asks for.

use enabler_grounding::question::{Language, language_of};
use enabler_storage::record::DocumentRecord;
use serde_json::{Map, Value};

use crate::documents::pages::template_of;

/// The fact that is the template of the upload.
const DOCUMENT_TYPE: &str = "document_type";
/// The fact that is the name of the uploaded file.
const FILENAME: &str = "filename";
/// The fact that is the language of the text.
const LANGUAGE: &str = "language";

/// What a document's facts say of a search for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// It has them all.
    Whole,
    /// It has them all but the language, which nobody told: each passage is asked for its own.
    ByPassage,
    /// It lacks one.
    None,
}

/// Whether a document has every one of `facts`.
///
/// A name is looked for in the client's metadata first; what the client did not say is told by the product for
/// `document_type`, `filename` and `language`. A name that nobody knows fits no document. Numbers and flags are compared
/// as JSON writes them.
pub fn fit(record: &DocumentRecord, facts: &[(String, String)]) -> Fit {
    let metadata: Map<String, Value> = serde_json::from_str(&record.metadata_json).unwrap_or_default();
    let mut fit = Fit::Whole;
    for (name, wanted) in facts {
        let has = match (metadata.get(name), name.as_str()) {
            (Some(value), _) => is(value, wanted),
            (None, DOCUMENT_TYPE) => template_of(record) == *wanted,
            (None, FILENAME) => record.filename == *wanted,
            (None, LANGUAGE) => {
                fit = Fit::ByPassage;
                true
            }
            (None, _) => false,
        };
        if !has {
            return Fit::None;
        }
    }
    fit
}

/// Whether a passage is in the language that is asked for, if one is.
pub fn is_in_language(text: &str, facts: &[(String, String)]) -> bool {
    let own = match language_of(text) {
        Language::Portuguese => "pt",
        Language::English => "en",
    };
    // `pt-BR` and `pt` are one language here.
    let is =
        |wanted: &str| wanted.split(['-', '_']).next().is_some_and(|main| main.eq_ignore_ascii_case(own));
    facts.iter().filter(|(name, _)| name == LANGUAGE).all(|(_, wanted)| is(wanted))
}

fn is(value: &Value, wanted: &str) -> bool {
    match value {
        Value::String(text) => text == wanted,
        Value::Array(several) => several.iter().any(|one| is(one, wanted)),
        other => {
            // A number or a flag is meant by how it is written.
            let written = other.to_string();
            written == wanted
        }
    }
}

#[cfg(test)]
mod tests {
    use enabler_storage::record::{BlobRef, DocumentId};

    use super::*;

    fn record(metadata: &str) -> DocumentRecord {
        DocumentRecord {
            document_id: DocumentId([1; 16]),
            revision: 1,
            tenant: "ana".into(),
            filename: "ata.pdf".into(),
            template: "meeting_minutes".into(),
            metadata_json: metadata.into(),
            idempotency_key: None,
            sha256: [0; 32],
            size_bytes: 1,
            media_type: "application/pdf".into(),
            original: BlobRef { key: "k".into(), sha256: [0; 32], size_bytes: 1 },
            created_ms: 0,
            expires_ms: u64::MAX,
            ticket: 0,
            status: Default::default(),
            rest: Default::default(),
        }
    }

    fn fits(metadata: &str, facts: &[(&str, &str)]) -> Fit {
        let facts: Vec<_> = facts.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        fit(&record(metadata), &facts)
    }

    #[test]
    fn what_the_client_said_and_what_the_product_knows_are_facts() {
        let metadata = r#"{"year": 2024, "signed": true, "tags": ["a", "b"], "unit": "Sul"}"#;
        for facts in [
            &[("year", "2024"), ("unit", "Sul")][..],
            &[("signed", "true")],
            &[("tags", "b")],
            &[("document_type", "meeting_minutes"), ("filename", "ata.pdf")],
            &[],
        ] {
            assert_eq!(fits(metadata, facts), Fit::Whole, "{facts:?}");
        }
        for facts in [
            &[("year", "2023")][..],
            &[("unit", "Sul"), ("nobody", "knows")],
            &[("document_type", "generic")],
            &[("unit", "sul")],
        ] {
            assert_eq!(fits(metadata, facts), Fit::None, "{facts:?}");
        }
    }

    #[test]
    fn the_client_knows_a_fact_better_than_the_product() {
        assert_eq!(fits(r#"{"document_type": "markdown"}"#, &[("document_type", "markdown")]), Fit::Whole);
        assert_eq!(
            fits(r#"{"document_type": "markdown"}"#, &[("document_type", "meeting_minutes")]),
            Fit::None
        );
        assert_eq!(fits(r#"{"language": "en"}"#, &[("language", "pt")]), Fit::None);
    }

    #[test]
    fn a_language_that_nobody_told_is_read_off_the_passage() {
        assert_eq!(fits("{}", &[("language", "en")]), Fit::ByPassage);
        let facts = |wanted: &str| vec![("language".to_owned(), wanted.to_owned())];
        assert!(is_in_language("The tenant shall pay the rent on the fifth day.", &facts("en-US")));
        assert!(!is_in_language("O locatário pagará o aluguel no quinto dia.", &facts("en")));
        assert!(is_in_language("O locatário pagará o aluguel no quinto dia.", &facts("pt")));
        assert!(!is_in_language("O locatário pagará o aluguel.", &facts("")));
        assert!(is_in_language("anything", &[]));
    }
}
