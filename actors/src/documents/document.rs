//! A document actor: the one writer of its document. It appears with the first message and leaves when idle.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use enabler_cluster::actor::{Behaviour, Context, Fault};
use enabler_cluster::address::{Address, Reply};
use enabler_cluster::request::Request;
use enabler_cluster::tree::Status as SeatStatus;
use enabler_storage::cache;
use enabler_storage::record::{self, BlobRef, DocumentId, DocumentRecord, Make, Op, Outcome, Reason, Status};
use enabler_telemetry::{metrics, trace};
use futures_util::FutureExt;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::ingest::{self, Bench, IngestError, Journal};
use super::progress::{Progress, Stage};
use crate::shard;

/// How long a document actor without work stays in memory.
const IDLE_AFTER: Duration = Duration::from_secs(60);
/// Tries of an ingest that failed through no fault of the document.
const TRIES_MAX: u32 = 5;
/// The wait before the second try; it doubles with each further one.
const TRY_WAIT_FIRST: Duration = Duration::from_millis(500);
/// Tries to erase what is stored of a deleted document: over two hours.
const ERASE_TRIES_MAX: u32 = 11;
/// The wait before the first of them; it doubles.
const ERASE_WAIT_FIRST: Duration = Duration::from_secs(5);
/// The longest that an append to the shard log may take.
const APPEND_TIME_MAX: Duration = Duration::from_secs(30);

/// Why a command was not carried out.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CommandError {
    /// There is no such document (any more).
    #[error("there is no such document")]
    Unknown,
    /// The change could not be written down; whether it was is unknown if the store did not answer.
    #[error("the change could not be recorded: {0}")]
    NotRecorded(String),
    /// The same bytes are arriving at this moment.
    #[error("the same bytes are arriving at this moment")]
    Arriving,
    /// Only a document that failed is read again.
    #[error("the document did not fail")]
    NotFailed,
    /// The chunks of a document that is ready were not made again; it answers as before.
    #[error("its chunks were not made again: {0}")]
    NotMade(String),
    /// Another node owns the shard.
    #[error("another node owns the shard")]
    NotOwner,
}

/// What a document actor is told.
pub enum Command {
    /// Take this upload: from the answer on it ends as ready or as failed.
    Accept {
        /// The document; its upload is stored.
        record: Box<DocumentRecord>,
        /// Whether it is in the log.
        reply: Reply<Result<(), CommandError>>,
    },
    /// Go on with an ingest that an earlier owner left unfinished.
    Resume,
    /// Read the document again, which could not be read.
    Retry {
        /// Whether that is in the log.
        reply: Reply<Result<(), CommandError>>,
    },
    /// Make the chunks of the document again, which is ready, unless they are made with this.
    Refresh {
        /// What they shall be made with.
        wanted: Make,
        /// Whether they are: the document is searched by them from then on.
        reply: Reply<Result<(), CommandError>>,
    },
    /// The chunks of this revision were made again, or were not.
    Refreshed {
        /// The revision whose pages they were made from.
        revision: u32,
        /// Where they are and how many.
        made: Result<(BlobRef, u32), IngestError>,
    },
    /// Erase the document everywhere.
    Delete {
        /// `requested` or `expired`.
        reason: String,
        /// Whether it is gone.
        reply: Reply<Result<(), CommandError>>,
    },
    /// An operator has taken the document out of service, or put it back.
    Quarantine,
    /// The ingest has a result to write down.
    Write {
        /// The change.
        ops: Vec<Op>,
        /// Whether it is in the log.
        reply: Reply<Result<(), CommandError>>,
    },
    /// The ingest ended.
    IngestEnded(Result<(), IngestError>),
    /// Try the ingest again.
    TryAgain,
    /// Leave if there is nothing to do.
    Nap,
}

/// One document.
pub struct Document {
    /// Which one.
    pub id: DocumentId,
    /// What its ingest works with.
    pub bench: Bench,
    /// Its shard.
    pub shard: Address<shard::Message>,
    /// The ownership of the shard that it lives in.
    pub epoch: u64,
    /// Where the shard's index is found when it is read.
    pub view: shard::View,
}

/// Who waits until a document was made again.
type Waiting = Reply<Result<(), CommandError>>;

/// What a document actor remembers.
#[derive(Default)]
pub struct State {
    ingest: Option<CancellationToken>,
    /// The work on new chunks for a document that is ready, and who waits for them.
    refresh: Option<(CancellationToken, Vec<Waiting>)>,
    tries: u32,
    deleted: bool,
    last_command: Option<Instant>,
    /// When what is being read was acknowledged here, in Unix milliseconds.
    accepted_ms: Option<u64>,
}

impl Behaviour for Document {
    type Message = Command;
    type State = State;
    const KIND: &'static str = "document";

    fn name(message: &Command) -> &'static str {
        match message {
            Command::Accept { .. } => "accept",
            Command::Resume => "resume",
            Command::Retry { .. } => "retry",
            Command::Refresh { .. } => "refresh",
            Command::Refreshed { .. } => "refreshed",
            Command::Delete { .. } => "delete",
            Command::Quarantine => "quarantine",
            Command::Write { .. } => "write",
            Command::IngestEnded(_) => "ingest ended",
            Command::TryAgain => "try again",
            Command::Nap => "nap",
        }
    }

    async fn start(&self, context: &Context<Command>) -> Result<State, Fault> {
        self.nap_later(context);
        Ok(State::default())
    }

    async fn handle(
        &self,
        context: &Context<Command>,
        state: &mut State,
        command: Command,
    ) -> Result<(), Fault> {
        if !matches!(command, Command::Nap) {
            state.last_command = Some(Instant::now());
        }
        match command {
            Command::Accept { record, reply } => {
                let accepted = self.append(vec![Op::Accepted { document: record }]).await;
                if accepted.is_ok() {
                    state.accepted_ms = Some(self.bench.clock.now_ms());
                    self.begin(context, state).await;
                }
                reply.send(accepted);
            }
            Command::Resume | Command::TryAgain => self.begin(context, state).await,
            Command::Retry { reply } => {
                let retried = self.retry(state).await;
                if retried.is_ok() {
                    state.accepted_ms = Some(self.bench.clock.now_ms());
                    self.begin(context, state).await;
                }
                reply.send(retried);
            }
            Command::Refresh { wanted, reply } => self.refresh(context, state, wanted, reply).await,
            Command::Refreshed { revision, made } => {
                let Some((_, waiting)) = state.refresh.take() else { return Ok(()) };
                let refreshed = self.refreshed(context, state, revision, made).await;
                waiting.into_iter().for_each(|reply| reply.send(refreshed.clone()));
            }
            Command::Delete { reason, reply } => reply.send(self.delete(context, state, reason).await),
            Command::Quarantine => self.quarantine(context, state).await,
            Command::Write { ops, reply } => reply.send(self.write(state, ops).await),
            Command::IngestEnded(outcome) => {
                state.ingest = None;
                self.ended(context, state, outcome).await?;
            }
            Command::Nap => {
                let rested = state.last_command.is_none_or(|last| last.elapsed() >= IDLE_AFTER);
                if state.ingest.is_none() && state.refresh.is_none() && (rested || state.deleted) {
                    let _ = self.shard.offer(shard::Message::Idle(self.id));
                }
                self.nap_later(context);
            }
        }
        Ok(())
    }

    fn stopped(&self, _: &Context<Command>, state: &mut State) {
        if let Some(ingest) = state.ingest.take() {
            ingest.cancel();
        }
        if let Some((refresh, _)) = state.refresh.take() {
            refresh.cancel();
        }
        self.bench.board.over(self.id);
        self.bench.board.ended(self.id, true);
    }
}

impl Document {
    fn nap_later(&self, context: &Context<Command>) {
        let address = context.address().clone();
        tokio::spawn(async move {
            tokio::time::sleep(IDLE_AFTER).await;
            let _ = address.offer(Command::Nap);
        });
    }

    async fn record(&self) -> Option<DocumentRecord> {
        let (index, id) = (self.view.index()?, self.id);
        let found = tokio::task::spawn_blocking(move || index.document(id)).await;
        found.ok().and_then(Result::ok).flatten()
    }

    async fn append(&self, ops: Vec<Op>) -> Result<(), CommandError> {
        let request = Request::new(self.id.to_string(), APPEND_TIME_MAX);
        let epoch = self.epoch;
        let asked = self.shard.ask_patiently(&request, |reply| shard::Message::Append { epoch, ops, reply });
        match asked.await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(why)) => Err(CommandError::NotRecorded(why)),
            Err(error) => Err(CommandError::NotRecorded(error.to_string())),
        }
    }

    async fn write(&self, state: &State, ops: Vec<Op>) -> Result<(), CommandError> {
        // A result that arrives after the deletion belongs to a document that no longer exists.
        if state.deleted { Err(CommandError::Unknown) } else { self.append(ops).await }
    }

    async fn begin(&self, context: &Context<Command>, state: &mut State) {
        if state.ingest.is_some() || state.deleted {
            return;
        }
        if self.bench.quarantine.holds(self.id) {
            context.seat().set_status(SeatStatus::Quarantined);
            return;
        }
        let Some(record) = self.record().await.filter(DocumentRecord::is_unfinished) else { return };
        self.bench.board.begin(self.id, context.seat().clone());
        context.seat().note(format!("ingest of revision {}", record.revision));
        let queued = Progress { stage: Stage::Queued, pages_done: 0, pages_total: None };
        self.bench.board.set(self.id, queued);
        let request = Request::new(self.id.to_string(), self.bench.document_time_max);
        state.ingest = Some(request.cancel.clone());
        let (bench, address) = (self.bench.clone(), context.address().clone());
        let journal = Pen { address: address.clone(), request: request.clone() };
        tokio::spawn(trace::step("ingest", async move {
            let ingest = ingest::run(&bench, &record, &request, &journal);
            let outcome = tokio::select! {
                biased;
                () = request.cancel.cancelled() => Err(IngestError::Cancelled),
                outcome = AssertUnwindSafe(ingest).catch_unwind() => outcome.unwrap_or_else(|_| {
                    Err(IngestError::Ours("the ingest panicked".to_owned()))
                }),
            };
            let _ = address.send(Command::IngestEnded(outcome)).await;
        }));
    }

    async fn ended(
        &self,
        context: &Context<Command>,
        state: &mut State,
        outcome: Result<(), IngestError>,
    ) -> Result<(), Fault> {
        self.bench.board.over(self.id);
        let is_well = !matches!(outcome, Err(IngestError::Document(_) | IngestError::Ours(_)));
        self.bench.board.ended(self.id, is_well);
        let reason = match outcome {
            Ok(()) => {
                context.seat().note("ready");
                if let Some(record) = self.record().await {
                    self.count(state, &record, "ready");
                }
                return Ok(());
            }
            Err(IngestError::Cancelled) => return Ok(()),
            Err(IngestError::Document(reason)) => reason,
            Err(IngestError::Ours(why)) => {
                state.tries += 1;
                let trace = self.id.to_string();
                context.seat().failed_for("ingest", why.clone(), None, Some(&trace));
                if state.tries < TRIES_MAX {
                    self.try_later(context, state.tries);
                    return Ok(());
                }
                let message = format!("reading was tried {TRIES_MAX} times and failed on our side: {why}");
                Reason { code: "internal".to_owned(), message }
            }
        };
        let Some(record) = self.record().await.filter(DocumentRecord::is_unfinished) else { return Ok(()) };
        context.seat().note(format!("failed: {}", reason.code));
        tracing::warn!(document = %self.id, code = reason.code, "a document could not be read");
        let (document_id, revision) = (record.document_id, record.revision);
        let processed_ms = self.bench.clock.now_ms();
        let failed = self.append(vec![Op::Failed { document_id, revision, reason, processed_ms }]).await;
        if failed.is_ok() {
            self.count(state, &record, "failed");
        }
        // Unrecorded, the document would stay in processing for ever: fail, come back, look again.
        failed.map_err(|error| Fault::from_error("recording that the document failed", &error))
    }

    /// Counts how long the document took. Of a later revision that another node took in nobody here knows since when.
    fn count(&self, state: &State, record: &DocumentRecord, outcome: &str) {
        let first_ms = (record.revision == 1).then_some(record.created_ms);
        if let Some(since_ms) = state.accepted_ms.or(first_ms) {
            let took = Duration::from_millis(self.bench.clock.now_ms().saturating_sub(since_ms));
            metrics::INGEST_SECONDS.took([&record.template, outcome], took);
        }
    }

    /// Stops the work for a document that was taken out of service; takes it up again when it was put back.
    async fn quarantine(&self, context: &Context<Command>, state: &mut State) {
        if self.bench.quarantine.holds(self.id) {
            if let Some(ingest) = state.ingest.take() {
                ingest.cancel();
            }
            context.seat().happened("quarantined", None);
            context.seat().set_status(SeatStatus::Quarantined);
        } else {
            context.seat().happened("released", None);
            context.seat().set_status(SeatStatus::Running);
            self.begin(context, state).await;
        }
    }

    fn try_later(&self, context: &Context<Command>, tries: u32) {
        let (address, wait) = (context.address().clone(), TRY_WAIT_FIRST * 2u32.pow(tries.min(6)));
        tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            let _ = address.send(Command::TryAgain).await;
        });
    }

    /// Accepts the same file as a new revision: the old one's rows are gone with it, and the log keeps both.
    async fn retry(&self, state: &mut State) -> Result<(), CommandError> {
        let record = self.record().await.filter(|_| !state.deleted).ok_or(CommandError::Unknown)?;
        match record.status.outcome {
            Outcome::Failed(_) => {}
            // Whoever asks twice has what he asked for.
            Outcome::Processing => return Ok(()),
            Outcome::Ready => return Err(CommandError::NotFailed),
        }
        state.tries = 0;
        let revision = record.revision + 1;
        let document = Box::new(DocumentRecord { revision, status: Status::default(), ..record });
        self.append(vec![Op::Accepted { document }]).await
    }

    /// Has chunks made that take the place of those the document is searched by; until then it is searched by them.
    async fn refresh(
        &self,
        context: &Context<Command>,
        state: &mut State,
        wanted: Make,
        reply: Reply<Result<(), CommandError>>,
    ) {
        if let Some((_, waiting)) = &mut state.refresh {
            waiting.push(reply);
            return;
        }
        let Some(record) = self.record().await.filter(|_| !state.deleted) else {
            return reply.send(Err(CommandError::Unknown));
        };
        let make = self.view.index().and_then(|index| index.make_of(self.id));
        let serves = make.is_some_and(|make| make.serves(&wanted, record.status.chunk_count > 0));
        // One that is being read is made with what is wanted now, and one that failed is searched by nothing.
        if serves || !is_ready(&record) || self.bench.quarantine.holds(self.id) {
            return reply.send(Ok(()));
        }
        context.seat().note("its chunks are made again");
        let request = Request::new(self.id.to_string(), self.bench.document_time_max);
        state.refresh = Some((request.cancel.clone(), vec![reply]));
        let (bench, address) = (self.bench.clone(), context.address().clone());
        tokio::spawn(trace::step("ingest", async move {
            let anew = ingest::anew(&bench, &record, &request, &wanted);
            let made = tokio::select! {
                biased;
                () = request.cancel.cancelled() => Err(IngestError::Cancelled),
                made = AssertUnwindSafe(anew).catch_unwind() => made.unwrap_or_else(|_| {
                    Err(IngestError::Ours("making its chunks again panicked".to_owned()))
                }),
            };
            let _ = address.send(Command::Refreshed { revision: record.revision, made }).await;
        }));
    }

    /// Puts new chunks in the place of the former by one entry of the log, so that nobody finds the document without any.
    async fn refreshed(
        &self,
        context: &Context<Command>,
        state: &State,
        revision: u32,
        made: Result<(BlobRef, u32), IngestError>,
    ) -> Result<(), CommandError> {
        if state.deleted {
            return Err(CommandError::Unknown);
        }
        let (chunks, chunk_count) = made.map_err(|error| {
            let why = match error {
                IngestError::Document(reason) => reason.message,
                IngestError::Ours(why) => why,
                IngestError::Cancelled => "it was stopped".to_owned(),
            };
            context.seat().note(format!("ready; its chunks were not made again: {why}"));
            CommandError::NotMade(why)
        })?;
        let record = self.record().await.ok_or(CommandError::Unknown)?;
        if record.revision != revision || !is_ready(&record) {
            return Err(CommandError::NotMade("it has changed meanwhile".to_owned()));
        }
        self.append(next_revision(record, chunks, chunk_count, self.bench.clock.now_ms())).await?;
        context.seat().note("ready");
        Ok(())
    }

    async fn delete(
        &self,
        context: &Context<Command>,
        state: &mut State,
        reason: String,
    ) -> Result<(), CommandError> {
        let Some(record) = self.record().await else { return Err(CommandError::Unknown) };
        if let Some(ingest) = state.ingest.take() {
            ingest.cancel();
        }
        // Whoever waits for new chunks hears of it when that work has ended.
        if let Some((refresh, _)) = &state.refresh {
            refresh.cancel();
        }
        let counted = if reason == "expired" { "retention" } else { "asked" };
        self.append(vec![Op::Deleted { document_id: self.id, reason }]).await?;
        state.deleted = true;
        context.seat().note("deleted");
        // From here on it answers nothing. A store or cache that is down now delays what remains, not the answer.
        let erased = erase(&self.bench, &record).await;
        metrics::ERASURES.one([counted, if erased.is_ok() { "erased" } else { "failed" }]);
        if let Err(error) = erased {
            context.seat().failed("erase", error.to_string(), None);
            tokio::spawn(erase_later(self.bench.clone(), record, counted));
        }
        Ok(())
    }
}

/// Tries again to erase what a store or cache that was down has kept; the sweep at the next start removes the rest.
async fn erase_later(bench: Bench, record: DocumentRecord, counted: &'static str) {
    for tries in 0..ERASE_TRIES_MAX {
        tokio::time::sleep(ERASE_WAIT_FIRST * 2u32.pow(tries)).await;
        if erase(&bench, &record).await.is_ok() {
            metrics::ERASURES.one([counted, "erased"]);
            return;
        }
    }
    tracing::error!(document = %record.document_id, "what was stored of a deleted document was not erased");
}

/// Removes everything of a deleted document that is not in the log. Repeating it is harmless.
///
/// # Errors
/// If something could not be removed; the sweep at the next start removes the rest.
pub async fn erase(bench: &Bench, record: &DocumentRecord) -> Result<(), CommandError> {
    let not_erased = |error: &dyn std::error::Error| {
        CommandError::NotRecorded(Fault::from_error("erasing what was stored", error).reason)
    };
    let blobs = record::delete_blobs(&*bench.store, &record.tenant, record.document_id).await;
    blobs.map_err(|error| not_erased(&error))?;
    let document = Some(record.document_id);
    for prefix in [
        cache::answer_prefix(&record.tenant, document),
        cache::session_prefix(&record.tenant, document),
        cache::stream_prefix(&record.tenant, document),
        // Answers over the whole knowledge base quote any document of the tenant.
        cache::answer_prefix(&record.tenant, None),
        cache::ocr_prefix(&record.tenant, &record.sha256),
    ] {
        bench.cache.delete_prefix(&prefix).await.map_err(|error| not_erased(&error))?;
    }
    Ok(())
}

/// What says in one entry that `record`, which is ready, is a revision later searched by `chunks`.
fn next_revision(record: DocumentRecord, chunks: BlobRef, chunk_count: u32, now_ms: u64) -> Vec<Op> {
    let (document_id, revision) = (record.document_id, record.revision + 1);
    let Status { pages, page_count, word_count, report_json, processed_ms, .. } = record.status.clone();
    let document = Box::new(DocumentRecord { revision, status: Status::default(), ..record });
    let mut ops = vec![Op::Accepted { document }];
    ops.extend(pages.map(|pages| {
        let report_json = report_json.clone();
        Op::PagesRead { document_id, revision, pages, page_count, word_count, report_json }
    }));
    ops.push(Op::ChunksEmbedded { document_id, revision, chunks: chunks.clone(), chunk_count });
    // It has been ready all the time.
    let processed_ms = processed_ms.unwrap_or(now_ms);
    ops.push(Op::Ready { document_id, revision, chunks, processed_ms });
    ops
}

/// Whether a record says that its document can be asked.
pub fn is_ready(record: &DocumentRecord) -> bool {
    record.status.outcome == Outcome::Ready
}

/// Writes an ingest's results through the document actor, which knows whether they are still wanted.
struct Pen {
    address: Address<Command>,
    request: Request,
}

impl Journal for Pen {
    async fn write(&self, ops: Vec<Op>) -> Result<(), IngestError> {
        let asked = self.address.ask_patiently(&self.request, |reply| Command::Write { ops, reply });
        match asked.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(CommandError::Unknown)) => Err(IngestError::Cancelled),
            Ok(Err(error)) => Err(IngestError::Ours(error.to_string())),
            Err(error) => Err(IngestError::Ours(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use enabler_storage::codec::Rest;
    use proptest::prelude::*;

    use super::*;

    fn blob(name: &str) -> BlobRef {
        BlobRef { key: name.to_owned(), sha256: [7; 32], size_bytes: 1 }
    }

    fn ready(revision: u32, has_pages: bool, processed_ms: Option<u64>) -> DocumentRecord {
        let status = Status {
            outcome: Outcome::Ready,
            pages: has_pages.then(|| blob("pages")),
            chunks: Some(blob("former")),
            page_count: 3,
            word_count: 9,
            chunk_count: 4,
            report_json: "[]".to_owned(),
            processed_ms,
        };
        DocumentRecord {
            document_id: DocumentId([3; 16]),
            revision,
            tenant: "acme".to_owned(),
            filename: "a.pdf".to_owned(),
            template: "generic".to_owned(),
            metadata_json: "{}".to_owned(),
            idempotency_key: Some("k".to_owned()),
            sha256: [1; 32],
            size_bytes: 5,
            media_type: "application/pdf".to_owned(),
            original: blob("original"),
            created_ms: 11,
            expires_ms: 99,
            ticket: 4,
            status,
            rest: Rest::default(),
        }
    }

    proptest! {
        #[test]
        fn another_revision_is_the_same_document_that_was_ready_all_the_time(
            revision in 1_u32..1_000, has_pages: bool, processed_ms in prop::option::of(0_u64..50), count in 0_u32..9,
        ) {
            let before = ready(revision, has_pages, processed_ms);
            let ops = next_revision(before.clone(), blob("new"), count, 77);
            let Some(Op::Accepted { document }) = ops.first() else { panic!("{ops:?}") };
            let open = DocumentRecord { revision: revision + 1, status: Status::default(), ..before.clone() };
            prop_assert_eq!(&**document, &open);
            let is_next = |op: &Op| match op {
                Op::PagesRead { revision, .. }
                | Op::ChunksEmbedded { revision, .. }
                | Op::Ready { revision, .. } => *revision == open.revision,
                _ => false,
            };
            prop_assert!(ops.iter().skip(1).all(is_next));
            prop_assert!(ops.iter().all(|op| op.document_id() == Some(before.document_id)));
            let kept = ops.iter().any(|op| matches!(op, Op::PagesRead { pages, page_count: 3, word_count: 9, .. }
                if Some(pages) == before.status.pages.as_ref()));
            prop_assert_eq!(kept, has_pages);
            let Some(Op::Ready { chunks, processed_ms: at, .. }) = ops.last() else { panic!("{ops:?}") };
            prop_assert_eq!((&*chunks.key, *at), ("new", processed_ms.unwrap_or(77)));
        }
    }
}
