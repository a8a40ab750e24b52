//! Walks a store and writes its tables into another one, which may be a folder.
//!
//! Every shard is read as its log leaves it at one moment; a document that is deleted on the way is left out from then
//! on. What says that an export is whole is written last.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use enabler_storage::log::{LogError, read_cluster, read_documents};
use enabler_storage::objects::{InvalidKey, Key, LIST_LIMIT_MAX, ObjectStore, PutOutcome, StoreError};
use enabler_storage::record::{
    ANSWER_MARK, Answered, BlobError, DocumentId, DocumentRecord, Outcome, decode_chunks, read_blob,
};
use enabler_storage::sealed;
use serde::Serialize;
use time::OffsetDateTime;
use time::macros::format_description;

use crate::rows::{self, Table};
use crate::table::{self, Cell, Row};

/// Rows that are in memory together, in bytes; then every table writes what it has.
const ROWS_BYTES_MAX: usize = 64 << 20;

/// What is written last, with what the others amount to.
const WHOLE: &str = "artifacts/export.json";

/// The folders of an export.
const FOLDERS: [&str; 3] = ["raw/", "curated/", "artifacts/"];

/// How an export is made.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Whether words of documents, questions and answers go along, and the uploaded files themselves.
    pub with_text: bool,
    /// Whether an export that is there already is removed first.
    pub replace: bool,
    /// When it is made, Unix milliseconds.
    pub now_ms: u64,
}

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// Rows of documents.
    pub documents: u64,
    /// Rows of chunks.
    pub chunks: u64,
    /// Rows of answers.
    pub answers: u64,
    /// Rows of verdicts.
    pub verdicts: u64,
    /// Parquet files.
    pub files: u64,
    /// Whether words went along.
    pub with_text: bool,
    /// When it was made, Unix milliseconds.
    pub made_ms: u64,
}

/// Why a store cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// There is nothing to export.
    #[error("the store is empty: no node has begun it")]
    Nothing,
    /// An export never mixes with another one.
    #[error("the target holds `{key}` already; name another one, or replace what is there with --replace")]
    Taken {
        /// What is there.
        key: String,
    },
    /// A log cannot be read.
    #[error("reading the store's logs")]
    Log(#[from] LogError),
    /// A document cannot be read.
    #[error("reading document {document}")]
    Document {
        /// The document.
        document: DocumentId,
        /// Why.
        #[source]
        source: BlobError,
    },
    /// A document's chunks are no chunks.
    #[error("the chunks of document {document} cannot be read; upload it again")]
    Chunks {
        /// The document.
        document: DocumentId,
        /// Why.
        #[source]
        source: enabler_storage::codec::CodecError,
    },
    /// A store fails.
    #[error("{doing}")]
    Store {
        /// What we were doing.
        doing: &'static str,
        /// Why it failed.
        #[source]
        source: StoreError,
    },
    /// A file cannot be made.
    #[error("writing a Parquet file of {table}")]
    Parquet {
        /// Which table.
        table: &'static str,
        /// Why.
        #[source]
        source: parquet::errors::ParquetError,
    },
    /// A key could not be formed.
    #[error("naming a file of the export")]
    Key(#[from] InvalidKey),
}

fn store(doing: &'static str) -> impl FnOnce(StoreError) -> ExportError {
    move |source| ExportError::Store { doing, source }
}

/// Writes the tables of the store `from` into `to`.
///
/// # Errors
///
/// See [`ExportError`]; without `artifacts/export.json` the target holds no whole export.
pub async fn export(
    from: Arc<dyn ObjectStore>,
    to: Arc<dyn ObjectStore>,
    options: Options,
) -> Result<Exported, ExportError> {
    let cluster = read_cluster(&*from).await?.ok_or(ExportError::Nothing)?;
    clear(&*to, options.replace).await?;
    let mut walk =
        Walk { from, to, options, rows: BTreeMap::new(), bytes: 0, parts: 0, done: Exported::default() };
    let (mut documents, mut models) = (BTreeMap::new(), BTreeMap::new());
    for shard in 0..cluster.shard_count {
        for record in read_documents(walk.from.clone(), shard).await? {
            // What has expired answers nothing, and is about to be erased.
            if record.is_live(options.now_ms) && walk.document(&record, &mut models).await? {
                documents.insert(record.document_id, record);
            }
        }
    }
    walk.answers(&documents).await?;
    walk.rules().await?;
    for ((model, dimensions), (documents, chunks)) in models {
        let row =
            vec![Cell::text(model), Cell::whole(dimensions), Cell::whole(documents), Cell::whole(chunks)];
        walk.take(Table::Models, None, row).await?;
    }
    walk.flush().await?;
    walk.done.with_text = options.with_text;
    walk.done.made_ms = options.now_ms;
    let whole = serde_json::to_vec_pretty(&walk.done).unwrap_or_default();
    walk.put(Key::new(WHOLE)?, whole.into()).await?;
    Ok(walk.done)
}

/// Makes sure that the target holds no export.
async fn clear(to: &dyn ObjectStore, replace: bool) -> Result<(), ExportError> {
    // What says that an export is whole goes first.
    if replace {
        to.delete(&Key::new(WHOLE)?).await.map_err(store("removing the export before"))?;
    }
    for folder in FOLDERS {
        loop {
            let listed =
                to.list_after(folder, None, LIST_LIMIT_MAX).await.map_err(store("listing the target"))?;
            match listed.first() {
                None => break,
                Some(found) if !replace => return Err(ExportError::Taken { key: found.key.to_string() }),
                Some(_) => {}
            }
            for found in listed {
                to.delete(&found.key).await.map_err(store("removing the export before"))?;
            }
        }
    }
    Ok(())
}

/// Documents and chunks of each model with its dimensions.
type Models = BTreeMap<(String, u32), (u64, u64)>;

struct Walk {
    from: Arc<dyn ObjectStore>,
    to: Arc<dyn ObjectStore>,
    options: Options,
    /// Rows by their table and day.
    rows: BTreeMap<(Table, Option<String>), Vec<Row>>,
    bytes: usize,
    /// Files so far, which gives each a name of its own.
    parts: u64,
    done: Exported,
}

impl Walk {
    async fn take(&mut self, table: Table, day: Option<String>, row: Row) -> Result<(), ExportError> {
        self.bytes += table::bytes_of(&row);
        self.rows.entry((table, day)).or_default().push(row);
        match table {
            Table::Documents => self.done.documents += 1,
            Table::Chunks => self.done.chunks += 1,
            Table::Answers => self.done.answers += 1,
            Table::Verdicts => self.done.verdicts += 1,
            Table::Sources | Table::Models | Table::Rules => {}
        }
        if self.bytes > ROWS_BYTES_MAX { self.flush().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> Result<(), ExportError> {
        self.bytes = 0;
        for ((table, day), rows) in std::mem::take(&mut self.rows) {
            let (folder, name) = table.place();
            let made = tokio::task::spawn_blocking(move || table::file(name, table.columns(), &rows)).await;
            let stopped = |_| parquet::errors::ParquetError::General("its thread stopped".to_owned());
            let bytes = made.map_err(stopped).flatten();
            let bytes = bytes.map_err(|source| ExportError::Parquet { table: name, source })?;
            let day = day.map(|day| format!("day={day}/")).unwrap_or_default();
            let key = Key::new(format!("{folder}/{name}/{day}part-{:05}.parquet", self.parts))?;
            self.parts += 1;
            self.put(key, bytes.into()).await?;
            self.done.files += 1;
        }
        Ok(())
    }

    async fn put(&self, key: Key, bytes: Bytes) -> Result<(), ExportError> {
        match self.to.put_new(&key, bytes.clone()).await {
            PutOutcome::Done(_) => Ok(()),
            PutOutcome::Exists | PutOutcome::Changed => Err(ExportError::Taken { key: key.to_string() }),
            // Whether it was written shows when it is read.
            PutOutcome::Unknown(source) => match self.to.get(&key).await {
                Ok(Some(found)) if found.bytes == bytes => Ok(()),
                _ => Err(ExportError::Store { doing: "writing the export", source }),
            },
        }
    }

    /// Takes a document; says whether it was still there.
    async fn document(&mut self, record: &DocumentRecord, models: &mut Models) -> Result<bool, ExportError> {
        let document = record.document_id;
        let day = Some(day_of(record.created_ms));
        let failed = |source| ExportError::Document { document, source };
        let chunks = match record.status.chunks.as_ref().filter(|_| record.status.outcome == Outcome::Ready) {
            None => None,
            Some(blob) => match read_blob(&*self.from, blob).await {
                Ok(bytes) => {
                    Some(decode_chunks(&bytes).map_err(|source| ExportError::Chunks { document, source })?)
                }
                Err(BlobError::Missing { .. }) => return Ok(false),
                Err(source) => return Err(failed(source)),
            },
        };
        if self.options.with_text {
            let bytes = match read_blob(&*self.from, &record.original).await {
                Ok(bytes) => bytes,
                Err(BlobError::Missing { .. }) => return Ok(false),
                Err(source) => return Err(failed(source)),
            };
            let ending = if record.media_type == "application/pdf" { "pdf" } else { "bin" };
            let day = day_of(record.created_ms);
            self.put(Key::new(format!("raw/files/day={day}/{document}.{ending}"))?, bytes).await?;
        }
        self.take(Table::Documents, day.clone(), rows::document(record, self.options.with_text)).await?;
        let Some(chunks) = chunks else { return Ok(true) };
        let counts = models.entry((chunks.model_id.clone(), chunks.dimensions)).or_default();
        *counts = (counts.0 + 1, counts.1 + chunks.chunks.len() as u64);
        for chunk in &chunks.chunks {
            let row = rows::chunk(record, &chunks.model_id, chunk, self.options.with_text);
            self.take(Table::Chunks, day.clone(), row).await?;
        }
        Ok(true)
    }

    /// Takes the records of answers about documents that are there.
    async fn answers(&mut self, documents: &BTreeMap<DocumentId, DocumentRecord>) -> Result<(), ExportError> {
        let mut after: Option<Key> = None;
        loop {
            let listed = self.from.list_after("v1/blob/", after.as_ref(), LIST_LIMIT_MAX).await;
            let listed = listed.map_err(store("listing the store"))?;
            let Some(last) = listed.last() else { return Ok(()) };
            after = Some(last.key.clone());
            for object in listed {
                let mut parts = object.key.as_str().rsplit('/');
                let id = parts.next().and_then(|name| name.strip_prefix(ANSWER_MARK));
                let document = parts.next().and_then(|id| documents.get(&id.parse().ok()?));
                let (Some(id), Some(document)) = (id, document) else { continue };
                let found =
                    self.from.get(&object.key).await.map_err(store("reading a record of an answer"))?;
                // One that a newer version wrote otherwise is nothing that this one can tell.
                let Some(answered) = found.and_then(|found| sealed::open::<Answered>(&found.bytes).ok())
                else {
                    continue;
                };
                let day = Some(day_of(answered.at_ms));
                for (table, row) in rows::answer(document, id, &answered, self.options.with_text) {
                    self.take(table, day.clone(), row).await?;
                }
            }
        }
    }

    /// Takes the rules that the store has for every node.
    async fn rules(&mut self) -> Result<(), ExportError> {
        let listed = self.from.list_after("v1/rules/", None, LIST_LIMIT_MAX).await;
        for object in listed.map_err(store("listing the store"))? {
            let Some(found) = self.from.get(&object.key).await.map_err(store("reading rules"))? else {
                continue;
            };
            let text = String::from_utf8_lossy(&found.bytes).into_owned();
            let row = vec![
                Cell::text(object.key.as_str().trim_start_matches("v1/rules/")),
                Cell::text(rows::sha256(&found.bytes)),
                Cell::whole(found.bytes.len()),
                Cell::Text(self.options.with_text.then_some(text)),
            ];
            self.take(Table::Rules, None, row).await?;
        }
        Ok(())
    }
}

/// The day of a moment in UTC, such as `2026-11-22`.
fn day_of(unix_ms: u64) -> String {
    let moment = OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_ms) * 1_000_000);
    let day =
        moment.unwrap_or(OffsetDateTime::UNIX_EPOCH).format(format_description!("[year]-[month]-[day]"));
    day.unwrap_or_default()
}
