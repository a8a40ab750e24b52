//! Pure: what actors and records say, in the shapes of the API.

use std::time::Duration;

use enabler_actors::crew::CrewError;
use enabler_actors::documents::pages::{PageReport as StoredReport, TEMPLATE_OPEN};
use enabler_actors::documents::progress::{self, Board};
use enabler_actors::knowledge::Hit;
use enabler_actors::question::{self, AskFailure, Choice};
use enabler_cluster::request::Ended;
use enabler_cluster::tree::{Status as Seat, Vitals};
use enabler_http::{
    Answer, ApiError, Document, Failure, FailureCode, Method, Model, PageReport, Progress, Queue, Region,
    SearchResult, Source, Stage, Status, Template, TreeNode,
};
use enabler_reading::{DocumentProblem, PageProblem};
use enabler_storage::record::{DocumentId, DocumentRecord, Outcome, Reason};
use time::OffsetDateTime;
use uuid::Uuid;

use super::RETRY_AFTER_SECONDS;

pub(super) fn choice(model: Model) -> Choice {
    match model {
        Model::Auto => Choice::Auto,
        named @ (Model::Llama3 | Model::TinyLlama) => Choice::Named(named.name().to_owned()),
    }
}

/// A document; `now` says how far it is if it is under way.
pub(super) fn document(
    record: &DocumentRecord,
    now: Option<progress::Progress>,
    board: &Board,
    with_pages: bool,
) -> Document {
    let status = &record.status;
    let report: Vec<StoredReport> = serde_json::from_str(&status.report_json).unwrap_or_default();
    let read = status.pages.is_some();
    let chosen = report.iter().find_map(|line| line.chosen.clone());
    let chosen = chosen.filter(|_| record.template == TEMPLATE_OPEN);
    Document {
        id: Uuid::from_bytes(record.document_id.0),
        filename: record.filename.clone(),
        status: outcome(&status.outcome),
        page_count: read.then_some(status.page_count),
        word_count: read.then_some(u64::from(status.word_count)),
        template: Template::named(chosen.as_ref().map_or(&record.template, |choice| &choice.template))
            .unwrap_or_default(),
        template_reason: chosen.map(|choice| choice.reason),
        created_at: moment(record.created_ms),
        processed_at: status.processed_ms.map(moment),
        failure: match &status.outcome {
            Outcome::Failed(reason) => Some(failure(reason)),
            Outcome::Processing | Outcome::Ready => None,
        },
        sha256: record.sha256.iter().map(|byte| format!("{byte:02x}")).collect(),
        size_bytes: record.size_bytes,
        metadata: serde_json::from_str(&record.metadata_json).unwrap_or_default(),
        progress: progress_of(record, now, board),
        pages: if with_pages { report.iter().map(page).collect() } else { Vec::new() },
    }
}

/// Where a list goes on: the last document's time of acceptance and id.
pub(super) fn cursor_after(record: &DocumentRecord) -> String {
    format!("{:x}.{}", record.created_ms, record.document_id)
}

/// Reads what [`cursor_after`] wrote.
pub(super) fn cursor(text: &str) -> Result<(u64, DocumentId), ApiError> {
    let parsed = text
        .split_once('.')
        .and_then(|(created, id)| Some((u64::from_str_radix(created, 16).ok()?, id.parse().ok()?)));
    parsed.ok_or(ApiError::UnknownCursor)
}

fn outcome(outcome: &Outcome) -> Status {
    match outcome {
        Outcome::Processing => Status::Processing,
        Outcome::Ready => Status::Ready,
        Outcome::Failed(_) => Status::Failed,
    }
}

pub(super) fn moment(unix_ms: u64) -> OffsetDateTime {
    let nanos = i128::from(unix_ms) * 1_000_000;
    OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

fn page(report: &StoredReport) -> PageReport {
    PageReport {
        page: report.page,
        method: match report.method.as_str() {
            "native" => Method::Native,
            "ocr" => Method::Ocr,
            "empty" => Method::Empty,
            _ => Method::Failed,
        },
        words: report.words,
        confidence: report.confidence,
        warnings: report.messages.iter().map(|(english, _)| english.clone()).collect(),
    }
}

fn progress_of(record: &DocumentRecord, now: Option<progress::Progress>, board: &Board) -> Progress {
    let status = &record.status;
    let pages_total = status.pages.is_some().then_some(status.page_count);
    match now.filter(|_| record.is_unfinished()) {
        Some(now) => Progress {
            stage: match now.stage {
                progress::Stage::Queued => Stage::Queued,
                progress::Stage::Reading => Stage::Reading,
                progress::Stage::Embedding => Stage::Embedding,
                progress::Stage::Indexing => Stage::Indexing,
            },
            pages_done: if pages_total.is_some() { status.page_count } else { now.pages_done },
            pages_total: pages_total.or(now.pages_total),
            remaining_seconds: board.remaining_seconds(&now),
        },
        None => Progress {
            stage: if record.is_unfinished() { Stage::Queued } else { Stage::Done },
            pages_done: pages_total.unwrap_or(0),
            pages_total,
            remaining_seconds: (!record.is_unfinished()).then_some(0),
        },
    }
}

/// A stored reason as one of the API's; the detail names the fact that the code does not.
fn failure(reason: &Reason) -> Failure {
    // A page's reason counts as the document's when no page could be read.
    let code = match reason.code.trim_start_matches("page_") {
        "encrypted" | "encryption_unsupported" => FailureCode::Encrypted,
        "no_text" => FailureCode::NoText,
        "too_many_pages" => FailureCode::TooManyPages,
        "timed_out" => FailureCode::TooSlow,
        "out_of_memory" | "too_large" | "too_deep" | "image_too_large" | "too_much_text" => {
            FailureCode::TooLarge
        }
        "internal" | "no_reader" | "unavailable" | "no_ocr" | "recogniser_away" | "recogniser_refused"
        | "damaged_original" | "chunks_missing" => FailureCode::Internal,
        _ => FailureCode::Broken,
    };
    let detail = (code != FailureCode::Internal).then(|| reason.message.clone());
    Failure { code, detail }
}

pub(super) fn answer(answer: question::Answer, include_sources: bool, took: Duration) -> Answer {
    let sources = if include_sources { answer.sources.iter().map(source).collect() } else { Vec::new() };
    Answer {
        answer: answer.text,
        answered: answer.answered,
        confidence: answer.confidence,
        sources,
        dkr_applied: answer.rules_applied,
        dkr_corrections: answer.corrections,
        model_used: answer.model,
        processing_time_ms: took.as_millis() as u64,
        cached: answer.cached,
        session_id: None,
    }
}

fn regions(boxes: &[[f32; 4]]) -> Vec<Region> {
    let region = |rect: &[f32; 4]| {
        let [left, top, right, bottom] = *rect;
        Region { x: left, y: top, width: right - left, height: bottom - top }
    };
    boxes.iter().map(region).collect()
}

/// A passage that a search found.
pub(super) fn hit(hit: Hit) -> SearchResult {
    SearchResult {
        document_id: Uuid::from_bytes(hit.document_id.0),
        filename: hit.filename,
        page: hit.page,
        text: hit.text,
        score: hit.score.clamp(0.0, 1.0),
        start: hit.start,
        end: hit.end,
        boxes: regions(&hit.boxes),
        metadata: serde_json::from_str(&hit.metadata_json).unwrap_or_default(),
    }
}

fn source(source: &question::Source) -> Source {
    let origin = source.origin.as_ref();
    Source {
        document_id: origin.map(|origin| Uuid::from_bytes(origin.document_id.0)),
        filename: origin.map(|origin| origin.filename.clone()),
        page: source.page,
        text: source.text.clone(),
        score: source.score,
        start: source.start,
        end: source.end,
        boxes: regions(&source.boxes),
    }
}

/// Why a page was not drawn at all.
pub(super) fn not_drawn(error: CrewError) -> ApiError {
    match error {
        CrewError::Overloaded => {
            ApiError::Overloaded { queue: Queue::Reading, retry_after_seconds: RETRY_AFTER_SECONDS }
        }
        CrewError::Ended(_) => ApiError::Deadline,
        CrewError::Original(_) => ApiError::ReadingFailed(Failure::new(FailureCode::Broken)),
        error @ (CrewError::Nobody { .. } | CrewError::Lost(_) | CrewError::NoModel { .. }) => {
            ApiError::Unavailable {
                what: "the OCR pool".to_owned(),
                retry_after_seconds: RETRY_AFTER_SECONDS,
                source: Some(error.into()),
            }
        }
        CrewError::Failed(why) => {
            ApiError::Internal { doing: "drawing a page".to_owned(), source: Some(why.into()) }
        }
    }
}

/// Why a page cannot be drawn, as the API says it.
pub(super) fn undrawable(problem: &PageProblem) -> Failure {
    let code = match problem {
        PageProblem::TimedOut => FailureCode::TooSlow,
        PageProblem::RecogniserAway | PageProblem::RecogniserRefused => FailureCode::Internal,
        PageProblem::OutOfMemory | PageProblem::TooLarge { .. } | PageProblem::ImageTooLarge { .. } => {
            FailureCode::TooLarge
        }
        PageProblem::Document { problem } => match problem {
            DocumentProblem::NoReader | DocumentProblem::Unavailable => FailureCode::Internal,
            DocumentProblem::Encrypted | DocumentProblem::EncryptionUnsupported => FailureCode::Encrypted,
            DocumentProblem::TooManyPages { .. } => FailureCode::TooManyPages,
            DocumentProblem::TimedOut => FailureCode::TooSlow,
            DocumentProblem::OutOfMemory | DocumentProblem::TooLarge { .. } | DocumentProblem::TooDeep => {
                FailureCode::TooLarge
            }
            _ => FailureCode::Broken,
        },
        _ => FailureCode::Broken,
    };
    Failure::new(code)
}

pub(super) fn sources(found: Vec<question::Source>) -> Vec<Source> {
    found.iter().map(source).collect()
}

pub(super) fn ask_failure(failure: AskFailure, id: Uuid, board: &Board) -> ApiError {
    match failure {
        AskFailure::Unknown => ApiError::NotFound { id },
        AskFailure::NotReady(record) => match &record.status.outcome {
            Outcome::Failed(reason) => ApiError::ReadingFailed(self::failure(reason)),
            Outcome::Processing | Outcome::Ready => ApiError::NotReady {
                status: outcome(&record.status.outcome),
                progress: Some(progress_of(&record, board.of(record.document_id), board)),
            },
        },
        AskFailure::NoModel { model, explanation } => {
            ApiError::ModelMissing { model, how_to_get: explanation }
        }
        AskFailure::Overloaded => {
            ApiError::Overloaded { queue: Queue::Questions, retry_after_seconds: RETRY_AFTER_SECONDS }
        }
        AskFailure::Unavailable(what) => super::unavailable(&what),
        AskFailure::Ended(Ended::TimedOut | Ended::Cancelled) => ApiError::Deadline,
        AskFailure::Quarantined => ApiError::Quarantined { id },
        AskFailure::NotRemembered => ApiError::NotAnswered,
        AskFailure::Internal(what) => super::internal("answering a question", what),
    }
}

/// The flat list of seats as the tree that their paths describe.
pub(super) fn tree(vitals: &[Vitals]) -> TreeNode {
    let mut root = node("node", "supervisor", "starting");
    for seat in vitals {
        let mut at = &mut root;
        for name in seat.path.split('/').skip(1) {
            let known = at.children.iter().position(|child| child.name == name);
            let n = known.unwrap_or_else(|| {
                at.children.push(node(name, "supervisor", "starting"));
                at.children.len() - 1
            });
            at = &mut at.children[n];
        }
        fill(at, seat);
    }
    root
}

fn node(name: &str, kind: &str, state: &str) -> TreeNode {
    TreeNode {
        name: name.to_owned(),
        kind: kind.to_owned(),
        state: state.to_owned(),
        restarts: 0,
        waiting: None,
        waiting_max: None,
        last_failure: None,
        facts: serde_json::Map::new(),
        children: Vec::new(),
    }
}

fn fill(node: &mut TreeNode, seat: &Vitals) {
    node.kind = seat.kind.clone();
    node.state = match seat.status {
        // The states that were told before there were more; `GET /v1/operator/tree` has all of them.
        Seat::Starting | Seat::Restarting | Seat::Failed | Seat::Stopped => seat.status.name(),
        _ => "running",
    }
    .to_owned();
    node.restarts = seat.restarts;
    node.waiting = seat.queue.map(|(waiting, _)| waiting as u64);
    node.waiting_max = seat.queue.map(|(_, max)| max as u64);
    node.last_failure =
        seat.last_failure.as_ref().map(|failure| format!("{}: {}", failure.message, failure.reason));
    let mut fact = |name: &str, value: serde_json::Value| node.facts.insert(name.to_owned(), value);
    if let Some(note) = &seat.note {
        fact("note", note.clone().into());
    }
    fact("handled", seat.handled.into());
    if let Some((message, since_ms, _)) = &seat.busy {
        fact("busy_with", message.clone().into());
        fact("busy_since_ms", (*since_ms).into());
    }
}
