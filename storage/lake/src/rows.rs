//! The tables, and what of a record stands in which column. Pure.

use enabler_storage::record::{Answered, Chunk, DocumentRecord, Outcome};

use sha2::{Digest as _, Sha256};

use crate::table::{Cell, Columns, Kind, Row};

/// A table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Table {
    Documents,
    Chunks,
    Answers,
    Sources,
    Verdicts,
    Models,
    Rules,
}

impl Table {
    /// Where its files are, and what it is called in them.
    pub(crate) fn place(self) -> (&'static str, &'static str) {
        match self {
            Self::Documents => ("raw", "documents"),
            Self::Chunks => ("curated", "chunks"),
            Self::Answers => ("curated", "answers"),
            Self::Sources => ("curated", "sources"),
            Self::Verdicts => ("curated", "verdicts"),
            Self::Models => ("artifacts", "models"),
            Self::Rules => ("artifacts", "rules"),
        }
    }

    pub(crate) fn columns(self) -> Columns {
        match self {
            Self::Documents => DOCUMENTS,
            Self::Chunks => CHUNKS,
            Self::Answers => ANSWERS,
            Self::Sources => SOURCES,
            Self::Verdicts => VERDICTS,
            Self::Models => MODELS,
            Self::Rules => RULES,
        }
    }
}

const DOCUMENTS: Columns = &[
    ("document_id", Kind::Text),
    ("tenant", Kind::Text),
    ("revision", Kind::Whole),
    ("filename", Kind::Text),
    ("template", Kind::Text),
    ("media_type", Kind::Text),
    ("sha256", Kind::Text),
    ("size_bytes", Kind::Whole),
    ("status", Kind::Text),
    ("error_code", Kind::Text),
    ("page_count", Kind::Whole),
    ("word_count", Kind::Whole),
    ("chunk_count", Kind::Whole),
    ("created_at", Kind::Moment),
    ("processed_at", Kind::Moment),
    ("expires_at", Kind::Moment),
    ("metadata", Kind::Text),
];

const CHUNKS: Columns = &[
    ("document_id", Kind::Text),
    ("tenant", Kind::Text),
    ("revision", Kind::Whole),
    ("ordinal", Kind::Whole),
    ("page", Kind::Whole),
    ("start_byte", Kind::Whole),
    ("end_byte", Kind::Whole),
    ("chars", Kind::Whole),
    ("is_table", Kind::Flag),
    ("model_id", Kind::Text),
    ("context", Kind::Text),
    ("text", Kind::Text),
];

const ANSWERS: Columns = &[
    ("answer_id", Kind::Text),
    ("at", Kind::Moment),
    ("document_id", Kind::Text),
    ("tenant", Kind::Text),
    ("revision", Kind::Whole),
    ("question_id", Kind::Text),
    ("answered", Kind::Flag),
    ("confidence", Kind::Real),
    ("model", Kind::Text),
    ("cached", Kind::Flag),
    ("sources", Kind::Whole),
    ("took_ms", Kind::Whole),
    ("recipe", Kind::Text),
    ("question", Kind::Text),
    ("answer", Kind::Text),
];

const SOURCES: Columns = &[
    ("answer_id", Kind::Text),
    ("document_id", Kind::Text),
    ("rank", Kind::Whole),
    ("page", Kind::Whole),
    ("start_char", Kind::Whole),
    ("end_char", Kind::Whole),
    ("score", Kind::Real),
];

const VERDICTS: Columns = &[
    ("answer_id", Kind::Text),
    ("at", Kind::Moment),
    ("document_id", Kind::Text),
    ("tenant", Kind::Text),
    ("template", Kind::Text),
    ("rules_hash", Kind::Text),
    ("applied", Kind::Flag),
    ("corrections", Kind::Whole),
    ("told", Kind::Text),
];

const MODELS: Columns = &[
    ("model_id", Kind::Text),
    ("dimensions", Kind::Whole),
    ("documents", Kind::Whole),
    ("chunks", Kind::Whole),
];

const RULES: Columns =
    &[("file", Kind::Text), ("sha256", Kind::Text), ("size_bytes", Kind::Whole), ("text", Kind::Text)];

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn asked<T>(with_text: bool, text: T) -> Option<T> {
    with_text.then_some(text)
}

pub(crate) fn document(record: &DocumentRecord, with_text: bool) -> Row {
    let status = &record.status;
    let (outcome, code) = match &status.outcome {
        Outcome::Processing => ("processing", None),
        Outcome::Ready => ("ready", None),
        Outcome::Failed(reason) => ("failed", Some(reason.code.clone())),
    };
    let read = |count: u32| Cell::Whole(status.pages.is_some().then(|| i64::from(count)));
    vec![
        Cell::text(record.document_id.to_string()),
        Cell::text(&record.tenant),
        Cell::whole(record.revision),
        Cell::text(&record.filename),
        Cell::text(&record.template),
        Cell::text(&record.media_type),
        Cell::text(hex(&record.sha256)),
        Cell::whole(record.size_bytes),
        Cell::text(outcome),
        Cell::Text(code),
        read(status.page_count),
        read(status.word_count),
        Cell::whole(status.chunk_count),
        Cell::moment(record.created_ms),
        Cell::Moment(status.processed_ms.and_then(|ms| ms.try_into().ok())),
        Cell::moment(record.expires_ms),
        Cell::Text(asked(with_text, record.metadata_json.clone())),
    ]
}

pub(crate) fn chunk(record: &DocumentRecord, model_id: &str, chunk: &Chunk, with_text: bool) -> Row {
    vec![
        Cell::text(record.document_id.to_string()),
        Cell::text(&record.tenant),
        Cell::whole(record.revision),
        Cell::whole(chunk.ordinal),
        Cell::whole(chunk.page),
        Cell::whole(chunk.start),
        Cell::whole(chunk.end),
        Cell::whole(chunk.text.chars().count()),
        Cell::Flag(Some(chunk.is_table)),
        Cell::text(model_id),
        Cell::Text(asked(with_text, chunk.context.clone())),
        Cell::Text(asked(with_text, chunk.text.clone())),
    ]
}

/// An answer as rows of its tables.
pub(crate) fn answer(
    record: &DocumentRecord,
    id: &str,
    answered: &Answered,
    with_text: bool,
) -> Vec<(Table, Row)> {
    let words = answered.words.as_ref().filter(|_| with_text);
    let document = record.document_id.to_string();
    let mut rows = vec![(
        Table::Answers,
        vec![
            Cell::text(id),
            Cell::moment(answered.at_ms),
            Cell::text(&document),
            Cell::text(&record.tenant),
            Cell::whole(answered.revision),
            Cell::text(&answered.question_id),
            Cell::Flag(Some(answered.answered)),
            Cell::Real(Some(answered.confidence.into())),
            Cell::text(&answered.model),
            Cell::Flag(Some(answered.cached)),
            Cell::whole(answered.sources.len()),
            Cell::whole(answered.took_ms),
            Cell::text(&answered.recipe),
            Cell::Text(words.map(|words| words.question.clone())),
            Cell::Text(words.map(|words| words.answer.clone())),
        ],
    )];
    for (rank, source) in (1_u32..).zip(&answered.sources) {
        let row = vec![
            Cell::text(id),
            Cell::text(&document),
            Cell::whole(rank),
            Cell::whole(source.page),
            Cell::whole(source.start),
            Cell::whole(source.end),
            Cell::Real(Some(source.score.into())),
        ];
        rows.push((Table::Sources, row));
    }
    if !answered.template.is_empty() {
        let row = vec![
            Cell::text(id),
            Cell::moment(answered.at_ms),
            Cell::text(&document),
            Cell::text(&record.tenant),
            Cell::text(&answered.template),
            Cell::text(&answered.rules_hash),
            Cell::Flag(Some(answered.rules_applied)),
            Cell::whole(answered.corrections),
            Cell::Text(words.map(|words| words.corrections.join("\n"))),
        ];
        rows.push((Table::Verdicts, row));
    }
    rows
}
