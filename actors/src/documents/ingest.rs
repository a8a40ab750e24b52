//! Brings one document from its uploaded bytes to its chunks, resuming after the last finished step.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use enabler_analysis::Choice;
use enabler_cluster::request::{Ended, Request};
use enabler_grounding::chunk;
use enabler_inference::embedding::InputKind;
use enabler_reading::{DocumentProblem, Page, PageProblem, Source, Tongue};
use enabler_storage::cache::{self, Cache};
use enabler_storage::clock::Clock;
use enabler_storage::codec::{self, Added, Kind};
use enabler_storage::objects::{Key, LIST_LIMIT_MAX, ObjectStore, PutOutcome};
use enabler_storage::record::{
    self, BlobRef, BlobStage, Chunk, ChunksBlob, DocumentRecord, Make, Op, PagesBlob, Reason, Vector,
};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use super::pages::{self, PageReport};
use super::progress::{Board, Progress, Stage};
use crate::counted;
use crate::crew::{Crew, CrewError};
use crate::embedding::{Model, Text};
use crate::operator::Quarantine;

/// What an ingest works with.
#[derive(Clone)]
pub struct Bench {
    /// The truth.
    pub store: Arc<dyn ObjectStore>,
    /// Recognised pages that may be remembered.
    pub cache: Arc<dyn Cache>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Reads pages and embeds, here or on another node.
    pub crew: Crew,
    /// How chunks are cut.
    pub sizes: chunk::Sizes,
    /// How pages are read, as part of cache keys.
    pub languages: String,
    /// The service that recognises pages, where that is not tesseract; part of cache keys too.
    pub recogniser: Option<String>,
    /// Pages of one document that are read at one time; others get their turn between.
    pub pages_at_once: usize,
    /// The longest a page may take in the pool, waiting included.
    pub page_time_max: Duration,
    /// The longest a document may take.
    pub document_time_max: Duration,
    /// Progress and rates.
    pub board: Board,
    /// Documents that operators have taken out of service.
    pub quarantine: Quarantine,
}

/// Why an ingest ended without a document that is ready.
#[derive(Debug)]
pub enum IngestError {
    /// The document itself is why: it ends as failed.
    Document(Reason),
    /// Something of ours is why: it is tried again.
    Ours(String),
    /// Nobody wants it any more.
    Cancelled,
}

/// Where an ingest writes its steps down.
pub trait Journal: Send + Sync {
    /// Appends `ops` to the shard log.
    fn write(&self, ops: Vec<Op>) -> impl Future<Output = Result<(), IngestError>> + Send;
}

/// Texts embedded by one message: a few batches, so that a long document does not fill the pool's memory.
const TEXTS_AT_ONCE: usize = 256;
/// Texts of a document that is made again which are embedded by one message: a question waits for no more than these.
const TEXTS_BEHIND: usize = 32;
/// The longest rest after one of these messages.
const REST_MAX: Duration = Duration::from_secs(10);
/// Times that the texts of a document are embedded anew because two nodes embedded them with two models.
const MODELS_TRIES_MAX: u32 = 3;
/// Bytes of Portuguese or English text that a token stands for at least, where no tokenizer is at hand.
const BYTES_PER_TOKEN: usize = 3;
/// Tries of a page whose worker was lost; after that the page is the likely cause and is reported as failed.
const PAGE_TRIES_MAX: u32 = 3;
/// The wait before work that a pool refused is offered again.
const RETRY_WAIT: Duration = Duration::from_millis(250);
/// The wait before a page is recognised again whose recogniser was away, after its own tries.
const AWAY_WAIT: Duration = Duration::from_secs(2);

/// Runs the ingest of `record` from where its status stands.
///
/// # Errors
/// See [`IngestError`].
pub async fn run<J: Journal>(
    bench: &Bench,
    record: &DocumentRecord,
    request: &Request,
    journal: &J,
) -> Result<(), IngestError> {
    let began = Instant::now();
    let pages = match &record.status.pages {
        Some(pages) => pages.clone(),
        None => read(bench, record, request, journal).await?,
    };
    let (chunks, chunk_count) = match &record.status.chunks {
        Some(chunks) => (chunks.clone(), None),
        None => {
            let (blob, count) = embed(bench, record, request, &pages).await?;
            (blob, Some(count))
        }
    };
    stage(bench, record, Stage::Indexing);
    let (document_id, revision) = (record.document_id, record.revision);
    let mut ops = Vec::new();
    if let Some(chunk_count) = chunk_count {
        ops.push(Op::ChunksEmbedded { document_id, revision, chunks: chunks.clone(), chunk_count });
    }
    ops.push(Op::Ready { document_id, revision, chunks, processed_ms: bench.clock.now_ms() });
    journal.write(ops).await?;
    if record.status.pages.is_none() {
        let pages = bench.board.of(document_id).map_or(1, |progress| progress.pages_done);
        bench.board.learn(record.size_bytes, pages, began.elapsed());
    }
    Ok(())
}

fn stage(bench: &Bench, record: &DocumentRecord, stage: Stage) {
    let before = bench.board.of(record.document_id);
    let (pages_done, pages_total) =
        before.map_or((0, None), |progress| (progress.pages_done, progress.pages_total));
    bench.board.set(record.document_id, Progress { stage, pages_done, pages_total });
}

async fn read<J: Journal>(
    bench: &Bench,
    record: &DocumentRecord,
    request: &Request,
    journal: &J,
) -> Result<BlobRef, IngestError> {
    stage(bench, record, Stage::Reading);
    let page_count = open(bench, request, &record.original).await?;
    let mut done = finished_pages(bench, record).await?;
    done.retain(|number, _| (1..=page_count).contains(number));
    let progress =
        Progress { stage: Stage::Reading, pages_done: done.len() as u32, pages_total: Some(page_count) };
    bench.board.set(record.document_id, progress);

    let mut missing =
        (1..=page_count).filter(|number| !done.contains_key(number)).collect::<Vec<_>>().into_iter();
    let mut running = FuturesUnordered::new();
    loop {
        while running.len() < bench.pages_at_once.max(1) {
            let Some(number) = missing.next() else { break };
            running.push(one_page(bench, record, request, number));
        }
        let Some(page) = running.next().await else { break };
        let page = page?;
        done.insert(page.number, page);
        bench.board.page_done(record.document_id);
    }
    drop(running);

    let mut reading = match pages::sum_up(done.into_values().collect()) {
        Ok(reading) => reading,
        Err((reason, _)) => return Err(IngestError::Document(reason)),
    };
    if record.template == pages::TEMPLATE_OPEN {
        let (blob, choice) = choose(reading.blob).await?;
        reading.blob = blob;
        if let Some(first) = reading.report.first_mut() {
            first.chosen = Some(choice);
        }
    }
    let encoded = record::encode_pages(&reading.blob).map_err(|error| ours("encoding the pages", &error))?;
    let pages = put(bench, record, BlobStage::Pages, encoded).await?;
    journal
        .write(vec![Op::PagesRead {
            document_id: record.document_id,
            revision: record.revision,
            pages: pages.clone(),
            page_count,
            word_count: reading.word_count,
            report_json: report_json(&reading.report),
        }])
        .await?;
    forget_finished_pages(bench, record).await;
    Ok(pages)
}

/// The template that the document's own words ask for; off the threads that others wait on. Its first document makes the
/// profile ready beside its ingest, so that nobody who asks for an analysis waits for that.
async fn choose(blob: PagesBlob) -> Result<(PagesBlob, Choice), IngestError> {
    let choose = move || {
        let (profiles, pages) = (enabler_analysis::shipped(), crate::analysis::pages(&blob));
        let choice = profiles.choose(&pages);
        (blob, choice, pages)
    };
    let chosen = tokio::task::spawn_blocking(choose).await;
    let (blob, choice, pages) = chosen.map_err(|error| ours("choosing a template", &error))?;
    if let Some(profile) = enabler_analysis::shipped().named(&choice.template) {
        // Nobody waits for it, and the ingest does not fail with it.
        drop(tokio::task::spawn_blocking(move || profile.prepare(&pages)));
    }
    Ok((blob, choice))
}

/// The report as it is kept in the document's record.
pub(crate) fn report_json(report: &[PageReport]) -> String {
    serde_json::to_string(report).unwrap_or_else(|_| "[]".to_owned())
}

async fn open(bench: &Bench, request: &Request, file: &BlobRef) -> Result<u32, IngestError> {
    let mut lost = 0;
    loop {
        let part = request.part(bench.page_time_max);
        let problem = match bench.crew.open(&part, file).await {
            Ok(Ok(info)) => return Ok(info.page_count),
            Ok(Err(problem)) => problem,
            Err(error) => {
                lost += 1;
                match again(request, error, lost).await? {
                    Next::Again => continue,
                    Next::GiveUp => DocumentProblem::Crashed,
                }
            }
        };
        let message = problem.message(Tongue::English);
        return Err(IngestError::Document(Reason { code: problem.code().to_owned(), message }));
    }
}

async fn one_page(
    bench: &Bench,
    record: &DocumentRecord,
    request: &Request,
    number: u32,
) -> Result<Page, IngestError> {
    let key_of = |by: &str| cache::ocr_key(&record.tenant, &record.sha256, number, &bench.languages, by);
    let cached = key_of(bench.recogniser.as_deref().unwrap_or_default());
    let remembered = counted::look(&*bench.cache, "ocr", &cached).await;
    let remembered = remembered.and_then(|bytes| codec::decode::<Page>(Kind::Pages, &bytes).ok());
    let page = match remembered {
        Some(page) => page,
        None => recognise(bench, request, &record.original, number).await?,
    };
    let bytes: Bytes =
        codec::encode(Kind::Pages, &page).map_err(|error| ours("encoding a page", &error))?.into();
    bench.cache.put(&key_of(recogniser_of(&page, bench)), bytes.clone(), cache::OCR_TTL).await;
    let key = page_key(record, number)?;
    match bench.store.put_new(&key, bytes).await {
        PutOutcome::Done(_) | PutOutcome::Exists | PutOutcome::Changed => Ok(page),
        // The page is in hand; that it may have to be read again after a crash costs time only.
        PutOutcome::Unknown(error) => {
            tracing::warn!(%error, page = number, "a finished page could not be stored");
            Ok(page)
        }
    }
}

/// Under whose name a page is remembered: what tesseract read in place of a service is not what the service reads.
fn recogniser_of<'a>(page: &Page, bench: &'a Bench) -> &'a str {
    let own = bench.recogniser.as_deref().unwrap_or_default();
    match &page.source {
        Source::Ocr { language, .. } if language != own => "",
        _ => own,
    }
}

async fn recognise(
    bench: &Bench,
    request: &Request,
    file: &BlobRef,
    number: u32,
) -> Result<Page, IngestError> {
    let mut lost = 0;
    loop {
        let part = request.part(bench.page_time_max);
        match bench.crew.page(&part, file, number).await {
            Ok(Ok(page)) => return Ok(page),
            Ok(Err(problem @ PageProblem::RecogniserAway)) => match request.ended() {
                Some(Ended::Cancelled) => return Err(IngestError::Cancelled),
                Some(Ended::TimedOut) => {
                    let (code, message) = (problem.code().to_owned(), problem.message(Tongue::English));
                    return Err(IngestError::Document(Reason { code, message }));
                }
                None => tokio::time::sleep(AWAY_WAIT).await,
            },
            Ok(Err(problem @ PageProblem::RecogniserRefused)) => {
                return Err(IngestError::Ours(problem.message(Tongue::English)));
            }
            Ok(Err(problem)) => return Ok(Page::failed(number, problem)),
            Err(error) => {
                lost += 1;
                if let Next::GiveUp = again(request, error, lost).await? {
                    return Ok(Page::failed(number, PageProblem::Crashed));
                }
            }
        }
    }
}

enum Next {
    Again,
    GiveUp,
}

/// What to do when nobody answered: the fault is the page's only if workers die of it.
async fn again(whole: &Request, error: CrewError, lost: u32) -> Result<Next, IngestError> {
    match whole.ended() {
        Some(Ended::Cancelled) => return Err(IngestError::Cancelled),
        Some(Ended::TimedOut) => return Err(IngestError::Document(too_slow())),
        None => {}
    }
    match error {
        CrewError::Original(message) => {
            Err(IngestError::Document(Reason { code: "damaged_original".to_owned(), message }))
        }
        CrewError::Lost(_) | CrewError::Ended(_) if lost >= PAGE_TRIES_MAX => Ok(Next::GiveUp),
        CrewError::Failed(why) => Err(IngestError::Ours(why)),
        CrewError::Lost(_)
        | CrewError::Ended(_)
        | CrewError::Nobody { .. }
        | CrewError::Overloaded
        | CrewError::NoModel { .. } => {
            tokio::time::sleep(RETRY_WAIT).await;
            Ok(Next::Again)
        }
    }
}

fn too_slow() -> Reason {
    let problem = DocumentProblem::TimedOut;
    Reason { code: problem.code().to_owned(), message: problem.message(Tongue::English) }
}

fn page_prefix(record: &DocumentRecord) -> String {
    let prefix = record::blob_prefix(&record.tenant, record.document_id);
    format!("{prefix}page-{:06}-", record.revision)
}

fn page_key(record: &DocumentRecord, number: u32) -> Result<Key, IngestError> {
    Key::new(format!("{}{number:08}", page_prefix(record))).map_err(|error| ours("naming a page", &error))
}

/// Pages that an earlier run finished. A damaged one is read again.
async fn finished_pages(bench: &Bench, record: &DocumentRecord) -> Result<BTreeMap<u32, Page>, IngestError> {
    let (prefix, mut pages, mut after) = (page_prefix(record), BTreeMap::new(), None);
    loop {
        let listed = bench.store.list_after(&prefix, after.as_ref(), LIST_LIMIT_MAX).await;
        let listed = listed.map_err(|error| ours("listing finished pages", &error))?;
        let Some(last) = listed.last() else { return Ok(pages) };
        after = Some(last.key.clone());
        for object in listed {
            let found = bench.store.get(&object.key).await.map_err(|error| ours("reading a page", &error))?;
            match found.map(|object| codec::decode::<Page>(Kind::Pages, &object.bytes)) {
                Some(Ok(page)) => drop(pages.insert(page.number, page)),
                Some(Err(error)) => {
                    tracing::warn!(key = %object.key, %error, "a finished page is damaged and is read again");
                    bench.store.delete(&object.key).await.map_err(|error| ours("deleting a page", &error))?;
                }
                None => {}
            }
        }
    }
}

/// The pages blob holds them all now; what cannot be deleted goes with the document.
async fn forget_finished_pages(bench: &Bench, record: &DocumentRecord) {
    let prefix = page_prefix(record);
    while let Ok(listed) = bench.store.list_after(&prefix, None, LIST_LIMIT_MAX).await {
        if listed.is_empty() {
            return;
        }
        for object in listed {
            if bench.store.delete(&object.key).await.is_err() {
                return;
            }
        }
    }
}

async fn embed(
    bench: &Bench,
    record: &DocumentRecord,
    request: &Request,
    pages: &BlobRef,
) -> Result<(BlobRef, u32), IngestError> {
    stage(bench, record, Stage::Embedding);
    let blob = made(bench, request, pages, Pace::Full).await?;
    stored(bench, record, &blob).await
}

/// Makes the chunks of a document that is ready once more, from its stored pages; half of the time it rests.
///
/// # Errors
/// See [`IngestError`]; also when they would not be made with `wanted`.
pub async fn anew(
    bench: &Bench,
    record: &DocumentRecord,
    request: &Request,
    wanted: &Make,
) -> Result<(BlobRef, u32), IngestError> {
    let Some(pages) = &record.status.pages else {
        return Err(IngestError::Ours("its pages are not stored".to_owned()));
    };
    let blob = made(bench, request, pages, Pace::Half).await?;
    let make = Make::of(&blob);
    if !make.serves(wanted, !blob.chunks.is_empty()) {
        let (is, should) = (told(&make), told(wanted));
        return Err(IngestError::Ours(format!("the nodes make it with {is} now, where {should} is wanted")));
    }
    stored(bench, record, &blob).await
}

/// What chunks are made with, for people.
pub(crate) fn told(make: &Make) -> String {
    format!("model {} and chunker {}", make.model_id, make.chunker)
}

/// How much of the time a document's texts may be embedded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pace {
    Full,
    Half,
}

async fn stored(
    bench: &Bench,
    record: &DocumentRecord,
    blob: &ChunksBlob,
) -> Result<(BlobRef, u32), IngestError> {
    let count = blob.chunks.len() as u32;
    let encoded = record::encode_chunks(blob).map_err(|error| ours("encoding the chunks", &error))?;
    Ok((put(bench, record, BlobStage::Chunks, encoded).await?, count))
}

async fn made(
    bench: &Bench,
    request: &Request,
    pages: &BlobRef,
    pace: Pace,
) -> Result<ChunksBlob, IngestError> {
    let bytes =
        record::read_blob(&*bench.store, pages).await.map_err(|error| ours("reading the pages", &error))?;
    let blob: PagesBlob = record::decode_pages(&bytes).map_err(|error| ours("decoding the pages", &error))?;
    let embedder = wait_for_model(bench, request).await?;
    let sizes = bench.sizes;
    let cut = move || {
        let count = |text: &str| match &embedder {
            Some(embedder) => embedder.count_tokens(text),
            None => text.len() / BYTES_PER_TOKEN + 1,
        };
        let chunks = pages::cut(&blob, &sizes, &count);
        let sentences: Vec<Vec<String>> = chunks.iter().map(chunk::Chunk::sentences_to_embed).collect();
        (chunks, sentences)
    };
    let (cut, sentences) =
        tokio::task::spawn_blocking(cut).await.map_err(|error| ours("cutting into chunks", &error))?;
    let mut texts: Vec<String> = cut.iter().map(chunk::Chunk::text_to_embed).collect();
    texts.extend(sentences.iter().flatten().cloned());
    let (model_id, vectors) = vectors(bench, request, texts, pace).await?;
    let dimensions = vectors.first().map_or(0, Vec::len) as u32;
    let mut vectors = vectors.into_iter().map(|vector| Vector::from_f32(&vector));
    let whole: Vec<Vector> = vectors.by_ref().take(cut.len()).collect();
    let chunks = cut.into_iter().zip(whole).zip(sentences).map(|((cut, vector), sentences)| Chunk {
        ordinal: cut.ordinal,
        page: cut.page,
        start: cut.start as u32,
        end: cut.end as u32,
        text: cut.text,
        context: cut.context,
        boxes: cut.boxes,
        is_table: cut.is_table,
        vector,
        sentence_vectors: vectors.by_ref().take(sentences.len()).collect(),
    });
    Ok(ChunksBlob { model_id, dimensions, chunks: chunks.collect(), chunker: Added(sizes.name()) })
}

/// The embedding model of this node, which counts tokens; a node without it makes do with the length of a text.
async fn wait_for_model(bench: &Bench, request: &Request) -> Result<Option<Model>, IngestError> {
    let Some((_, embedder)) = &bench.crew.here().embedding else { return Ok(None) };
    loop {
        match embedder.model() {
            Ok(model) => return Ok(Some(model)),
            Err(why) => match request.ended() {
                Some(Ended::Cancelled) => return Err(IngestError::Cancelled),
                Some(Ended::TimedOut) => {
                    return Err(IngestError::Document(Reason { code: "internal".to_owned(), message: why }));
                }
                None => tokio::time::sleep(RETRY_WAIT).await,
            },
        }
    }
}

/// A vector for each text, all of one model, and the model.
async fn vectors(
    bench: &Bench,
    request: &Request,
    texts: Vec<String>,
    pace: Pace,
) -> Result<(String, Vec<Vec<f32>>), IngestError> {
    for _ in 0..MODELS_TRIES_MAX {
        if let Some(all) = vectors_of_one_model(bench, request, &texts, pace).await? {
            return Ok(all);
        }
        tokio::time::sleep(RETRY_WAIT).await;
    }
    Err(IngestError::Ours("the nodes embed with different models".to_owned()))
}

/// As [`vectors`]; nothing if the parts were embedded with different models, as while nodes are restarted with another.
async fn vectors_of_one_model(
    bench: &Bench,
    request: &Request,
    texts: &[String],
    pace: Pace,
) -> Result<Option<(String, Vec<Vec<f32>>)>, IngestError> {
    let (mut known, mut vectors) = (None::<String>, Vec::with_capacity(texts.len()));
    let at_once = if pace == Pace::Half { TEXTS_BEHIND } else { TEXTS_AT_ONCE };
    for part in texts.chunks(at_once) {
        let began = Instant::now();
        let (model, part) = vectors_of_part(bench, request, part).await?;
        if known.as_ref().is_some_and(|known| *known != model) {
            return Ok(None);
        }
        known = Some(model);
        vectors.extend(part);
        if pace == Pace::Half {
            tokio::time::sleep(began.elapsed().min(REST_MAX)).await;
        }
    }
    Ok(Some((known.unwrap_or_default(), vectors)))
}

async fn vectors_of_part(
    bench: &Bench,
    request: &Request,
    part: &[String],
) -> Result<(String, Vec<Vec<f32>>), IngestError> {
    let part: Vec<Text> =
        part.iter().map(|text| Text { kind: InputKind::Passage, text: text.clone() }).collect();
    loop {
        match bench.crew.embed(request, &part, false).await {
            Ok(embedded) => return Ok(embedded),
            Err(CrewError::Ended(Ended::Cancelled)) => return Err(IngestError::Cancelled),
            Err(CrewError::Ended(Ended::TimedOut)) => return Err(IngestError::Document(too_slow())),
            Err(CrewError::Failed(why)) => return Err(IngestError::Ours(why)),
            Err(_) => tokio::time::sleep(RETRY_WAIT).await,
        }
    }
}

async fn put(
    bench: &Bench,
    record: &DocumentRecord,
    stage: BlobStage,
    bytes: Vec<u8>,
) -> Result<BlobRef, IngestError> {
    let put = record::put_blob(&*bench.store, &record.tenant, record.document_id, stage, bytes.into()).await;
    put.map_err(|error| ours("storing a result", &error))
}

fn ours(doing: &str, error: &dyn std::error::Error) -> IngestError {
    IngestError::Ours(enabler_cluster::actor::Fault::from_error(doing, error).reason)
}
