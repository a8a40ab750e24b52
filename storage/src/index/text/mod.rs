//! The keyword index of a shard: BM25 over stems and folded words, derived from the shard's rows.

pub mod analysis;
mod tokenizer;

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use tantivy::collector::TopDocs;
use tantivy::index::SegmentMeta;
use tantivy::indexer::NoMergePolicy;
use tantivy::query::{BooleanQuery, BoostQuery, ConstScoreQuery, Occur, Query, TermQuery, TermSetQuery};
use tantivy::schema::{FAST, Field, IndexRecordOption, STRING, Schema, TextFieldIndexing, TextOptions};
use tantivy::{Index, IndexReader, IndexWriter, ReloadPolicy, Searcher, TantivyDocument, TantivyError, Term};

use self::analysis::{Form, analyse, is_english};
use super::vector::ChunkId;
use crate::record::DocumentId;

/// Memory of a writer while it is open; tantivy takes no less.
const WRITER_BYTES: usize = 15_000_000;
/// Segments before they are merged: each costs every search a little.
const SEGMENTS_MAX: usize = 8;
/// Terms of one question; a longer text repeats itself.
const TERMS_MAX: usize = 64;
/// The hash of the index's own description, which tantivy does not check itself.
const SUM_FILE: &str = "description.sum";
/// What tantivy keeps outside its checksummed segment files.
const DESCRIPTION_FILES: [&str; 2] = ["meta.json", ".managed.json"];

/// A keyword index in a directory. Its writer lives only while it is written to, because it costs memory and threads.
pub struct TextIndex {
    dir: PathBuf,
    index: Index,
    reader: IndexReader,
    fields: Fields,
    /// The position of the last commit: searches ask for it, and the description is a file to parse.
    applied_seq: AtomicU64,
}

#[derive(Clone, Copy)]
struct Fields {
    portuguese: Field,
    english: Field,
    folded: Field,
    document: Field,
    tenant: Field,
    high: Field,
    low: Field,
    ordinal: Field,
}

/// A chunk's words, on their way into the index.
#[derive(Debug, Clone)]
pub struct Words<'a> {
    /// Its number within the document.
    pub ordinal: u32,
    /// What the text is about but does not say; may be empty.
    pub context: &'a str,
    /// The text.
    pub text: &'a str,
}

/// One change of the index.
#[derive(Debug)]
pub enum Change<'a> {
    /// The document is in the index with exactly these chunks.
    Replace {
        /// The document.
        document_id: DocumentId,
        /// Whose it is.
        tenant: &'a str,
        /// Its chunks.
        chunks: Vec<Words<'a>>,
    },
    /// The document is not in the index.
    Remove {
        /// The document.
        document_id: DocumentId,
    },
}

impl std::fmt::Debug for TextIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextIndex").field("dir", &self.dir).finish_non_exhaustive()
    }
}

fn schema() -> (Schema, Fields) {
    let mut schema = Schema::builder();
    let mut words = |name: &str, form: Form| {
        let indexing = TextFieldIndexing::default()
            .set_tokenizer(tokenizer::name(form))
            .set_index_option(IndexRecordOption::WithFreqs);
        schema.add_text_field(name, TextOptions::default().set_indexing_options(indexing))
    };
    let portuguese = words("portuguese", Form::Portuguese);
    let english = words("english", Form::English);
    let folded = words("folded", Form::Folded);
    let document = schema.add_text_field("document", STRING);
    let tenant = schema.add_text_field("tenant", STRING);
    let high = schema.add_u64_field("high", FAST);
    let low = schema.add_u64_field("low", FAST);
    let ordinal = schema.add_u64_field("ordinal", FAST);
    (schema.build(), Fields { portuguese, english, folded, document, tenant, high, low, ordinal })
}

impl TextIndex {
    /// Opens the index in `dir`, or creates an empty one. Blocking.
    ///
    /// # Errors
    ///
    /// If tantivy cannot read what is there; the remedy is to remove the directory.
    pub fn open(dir: &Path) -> Result<Self, TantivyError> {
        fs::create_dir_all(dir)?;
        let (schema, fields) = schema();
        let index = if dir.join("meta.json").exists() {
            let index = Index::open_in_dir(dir)?;
            if index.schema() != schema {
                return Err(TantivyError::SchemaError("the index was made by another version".to_owned()));
            }
            index
        } else {
            Index::create_in_dir(dir, schema)?
        };
        tokenizer::register(index.tokenizers());
        // Reloaded by hand after each commit: a watching thread per shard would cost memory for nothing.
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .doc_store_cache_num_blocks(1)
            .try_into()?;
        let payload = index.load_metas()?.payload;
        let applied_seq = AtomicU64::new(payload.and_then(|payload| payload.parse().ok()).unwrap_or(0));
        Ok(Self { dir: dir.to_path_buf(), index, reader, fields, applied_seq })
    }

    /// The log position up to which changes are in the index; 0 for an empty one.
    #[must_use]
    pub fn applied_seq(&self) -> u64 {
        self.applied_seq.load(Ordering::Acquire)
    }

    /// Applies `changes` and makes them searchable, as the state at log position `seq`. Blocking.
    ///
    /// # Errors
    ///
    /// If tantivy fails; nothing of the changes is in the index then.
    pub fn commit(&self, changes: Vec<Change<'_>>, seq: u64) -> Result<(), TantivyError> {
        let mut writer: IndexWriter = self.index.writer_with_num_threads(1, WRITER_BYTES)?;
        writer.set_merge_policy(Box::new(NoMergePolicy));
        for change in changes {
            let (Change::Replace { document_id, .. } | Change::Remove { document_id }) = change;
            writer.delete_term(Term::from_field_text(self.fields.document, &document_id.to_string()));
            if let Change::Replace { document_id, tenant, chunks } = change {
                for chunk in chunks {
                    writer.add_document(self.document(document_id, tenant, &chunk))?;
                }
            }
        }
        let mut prepared = writer.prepare_commit()?;
        // A commit without payload would erase the position.
        prepared.set_payload(&seq.to_string());
        prepared.commit()?;
        self.merge(&mut writer)?;
        writer.garbage_collect_files().wait()?;
        writer.wait_merging_threads()?;
        self.write_sum()?;
        self.reader.reload()?;
        self.applied_seq.store(seq, Ordering::Release);
        Ok(())
    }

    fn document(&self, id: DocumentId, tenant: &str, chunk: &Words<'_>) -> TantivyDocument {
        let fields = &self.fields;
        let (high, low) = halves(id);
        let mut document = TantivyDocument::default();
        for field in [fields.portuguese, fields.english, fields.folded] {
            document.add_text(field, chunk.text);
            if !chunk.context.is_empty() {
                document.add_text(field, chunk.context);
            }
        }
        document.add_text(fields.document, id.to_string());
        document.add_text(fields.tenant, tenant);
        document.add_u64(fields.high, high);
        document.add_u64(fields.low, low);
        document.add_u64(fields.ordinal, chunk.ordinal.into());
        document
    }

    /// Rewrites segments with removed chunks, and merges the small ones once there are too many.
    ///
    /// Until a rewrite the words of removed chunks are still in the file and in the frequencies, so that two replicas
    /// would score a little differently.
    fn merge(&self, writer: &mut IndexWriter) -> Result<(), TantivyError> {
        let mut segments = self.index.searchable_segment_metas()?;
        segments.sort_by_key(SegmentMeta::num_docs);
        let largest = segments.last().map_or(0, SegmentMeta::num_docs);
        let rest: u32 = segments.iter().rev().skip(1).map(SegmentMeta::num_docs).sum();
        let too_many = segments.len() > SEGMENTS_MAX;
        let is_due = |at: usize, segment: &SegmentMeta| {
            // The largest is moved only when the others together are worth it.
            let small = at + 1 < segments.len() || rest.saturating_mul(2) >= largest;
            (too_many && small) || must_be_rewritten(segment)
        };
        let due = segments.iter().enumerate().filter(|(at, segment)| is_due(*at, segment));
        let ids: Vec<_> = due.map(|(_, segment)| segment.id()).collect();
        if ids.is_empty() { Ok(()) } else { writer.merge(&ids).wait().map(|_| ()) }
    }

    /// The `limit` best chunks with their share of the question's worth (see [`super::fuse::Signals::words`]).
    ///
    /// # Errors
    ///
    /// If the index cannot be read.
    pub fn search(
        &self,
        text: &str,
        tenant: &str,
        documents: Option<&[DocumentId]>,
        limit: usize,
    ) -> Result<Vec<(ChunkId, f32)>, TantivyError> {
        let searcher = self.reader.searcher();
        let (query, worth) = self.question(&searcher, text)?;
        if worth <= 0.0 || limit == 0 {
            return Ok(Vec::new());
        }
        let term = |field, text: &str| Term::from_field_text(field, text);
        let of_tenant = TermQuery::new(term(self.fields.tenant, tenant), IndexRecordOption::Basic);
        let mut clauses: Vec<(Occur, Box<dyn Query>)> =
            vec![(Occur::Must, query), (Occur::Must, unscored(Box::new(of_tenant)))];
        if let Some(documents) = documents {
            let terms = documents.iter().map(|id| term(self.fields.document, &id.to_string()));
            clauses.push((Occur::Must, unscored(Box::new(TermSetQuery::new(terms)))));
        }
        let found =
            searcher.search(&BooleanQuery::new(clauses), &TopDocs::with_limit(limit).order_by_score())?;
        let mut hits = Vec::with_capacity(found.len());
        let mut columns = HashMap::new();
        for (score, address) in found {
            let column = match columns.entry(address.segment_ord) {
                std::collections::hash_map::Entry::Occupied(held) => held.into_mut(),
                std::collections::hash_map::Entry::Vacant(free) => {
                    let fast = searcher.segment_reader(address.segment_ord).fast_fields();
                    free.insert((fast.u64("high")?, fast.u64("low")?, fast.u64("ordinal")?))
                }
            };
            let (high, low) = (column.0.first(address.doc_id), column.1.first(address.doc_id));
            let ordinal = column.2.first(address.doc_id).and_then(|ordinal| u32::try_from(ordinal).ok());
            let (Some(high), Some(low), Some(ordinal)) = (high, low, ordinal) else { continue };
            let document_id = DocumentId((u128::from(high) << 64 | u128::from(low)).to_be_bytes());
            hits.push((ChunkId { document_id, ordinal }, score / worth));
        }
        Ok(hits)
    }

    /// The question as weighted terms, and the BM25 score of a chunk that has each of them about once.
    fn question(&self, searcher: &Searcher, text: &str) -> Result<(Box<dyn Query>, f32), TantivyError> {
        let stems = if is_english(text) {
            (self.fields.english, Form::English)
        } else {
            (self.fields.portuguese, Form::Portuguese)
        };
        let mut clauses: Vec<(Occur, Box<dyn Query>)> = Vec::new();
        let mut worth = 0.0;
        let chunks = searcher.num_docs().max(1);
        for (field, form) in [stems, (self.fields.folded, Form::Folded)] {
            let mut terms: Vec<String> = Vec::new();
            for term in analyse(form, text) {
                if terms.len() < TERMS_MAX && !terms.contains(&term.text) {
                    terms.push(term.text);
                }
            }
            for term in terms {
                let term = Term::from_field_text(field, &term);
                worth += FIELD_WEIGHT * rarity(searcher.doc_freq(&term)?, chunks);
                let query = TermQuery::new(term, IndexRecordOption::WithFreqs);
                clauses.push((Occur::Should, Box::new(BoostQuery::new(Box::new(query), FIELD_WEIGHT))));
            }
        }
        Ok((Box::new(BooleanQuery::new(clauses)), worth))
    }

    /// Chunks in the index.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.reader.searcher().num_docs()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Checks every file against its checksum; says what is wrong. Blocking.
    ///
    /// # Errors
    ///
    /// If the files cannot be read at all.
    pub fn verify(&self) -> Result<Option<String>, TantivyError> {
        if !self.sum_is_right()? {
            return Ok(Some("the description of the keyword index does not have its checksum".to_owned()));
        }
        let damaged = self.index.validate_checksum()?;
        Ok(damaged.iter().next().map(|file| format!("keyword file `{}`", file.display())))
    }

    /// Whether the index's own description has its checksum; quick.
    ///
    /// # Errors
    ///
    /// If the files cannot be read at all.
    pub fn verify_description(&self) -> Result<bool, TantivyError> {
        self.sum_is_right()
    }

    fn write_sum(&self) -> Result<(), TantivyError> {
        let temporary = self.dir.join("description.new");
        let mut file = fs::File::create(&temporary)?;
        file.write_all(description_sum(&self.dir)?.as_bytes())?;
        drop(file);
        Ok(fs::rename(temporary, self.dir.join(SUM_FILE))?)
    }

    fn sum_is_right(&self) -> Result<bool, TantivyError> {
        match fs::read_to_string(self.dir.join(SUM_FILE)) {
            Ok(sum) => Ok(sum == description_sum(&self.dir)?),
            // Before the first commit there is nothing that could be wrong.
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                Ok(self.is_empty() && self.applied_seq() == 0)
            }
            Err(e) if e.kind() == std::io::ErrorKind::InvalidData => Ok(false),
            Err(e) => Err(e.into()),
        }
    }
}

/// Segments up to this size are rewritten at the first removal, larger ones when a tenth of them is removed: a rewrite
/// takes about a second per 10,000 chunks.
const REWRITE_CHUNKS_MAX: u32 = 20_000;

fn must_be_rewritten(segment: &SegmentMeta) -> bool {
    let removed = segment.num_deleted_docs();
    removed > 0 && (segment.num_docs() <= REWRITE_CHUNKS_MAX || removed > segment.num_docs() / 10)
}

/// Stems and folded words count alike; each alone finds less.
const FIELD_WEIGHT: f32 = 0.5;

/// BM25's worth of a term that `frequency` of `chunks` have.
fn rarity(frequency: u64, chunks: u64) -> f32 {
    // Deleted chunks are still counted in frequencies until a merge.
    let frequency = frequency.min(chunks);
    #[expect(clippy::cast_precision_loss, reason = "a rough count is enough for a logarithm")]
    (1.0 + ((chunks - frequency) as f32 + 0.5) / (frequency as f32 + 0.5)).ln()
}

fn unscored(query: Box<dyn Query>) -> Box<dyn Query> {
    Box::new(ConstScoreQuery::new(query, 0.0))
}

fn halves(id: DocumentId) -> (u64, u64) {
    let number = u128::from_be_bytes(id.0);
    #[expect(clippy::cast_possible_truncation, reason = "the halves are meant")]
    ((number >> 64) as u64, number as u64)
}

fn description_sum(dir: &Path) -> Result<String, std::io::Error> {
    let mut hash = blake3::Hasher::new();
    for name in DESCRIPTION_FILES {
        let bytes = fs::read(dir.join(name))?;
        hash.update(&(bytes.len() as u64).to_le_bytes()).update(&bytes);
    }
    Ok(hash.finalize().to_hex().to_string())
}

#[cfg(test)]
mod tests;
