//! A drawn history of one shard: documents with several chunks, sentences, metadata, keys and times, accepted again, read
//! late, failed and deleted; as entries of a log, and as what they mean, kept as plainly as possible.

use std::collections::BTreeMap;

use bytes::Bytes;
use enabler_storage::codec::Rest;
use enabler_storage::log::{Entry, LogError, Position, SealedEntry};
use enabler_storage::objects::{Memory, ObjectStore};
use enabler_storage::record::{
    BlobRef, BlobStage, Chunk, ChunksBlob, DocumentId, DocumentRecord, Op, Outcome, Reason, Status, Vector,
    encode_chunks, put_blob,
};

use super::Dice;
use crate::core::rows::Rows;
use crate::core::{DIMENSIONS, MODEL};

/// When documents are accepted, and until when the longest of them live.
pub(super) const BEGINS_MS: u64 = 1_000_000;
/// Longest life of a document in these histories.
pub(super) const LIVES_MS: u64 = 10_000;

/// Words that everything is written with; a chunk has one of its own beside them.
const WORDS: [&str; 12] = [
    "contrato",
    "valor",
    "prazo",
    "multa",
    "locação",
    "pagamento",
    "imóvel",
    "rescisão",
    "garantia",
    "juros",
    "vistoria",
    "reajuste",
];

/// What a history means.
#[derive(Debug, Clone, Default)]
pub(super) struct Meaning {
    /// Documents and tombstones.
    pub(super) rows: Rows,
    /// The chunks of documents that are ready.
    pub(super) chunks: BTreeMap<DocumentId, ChunksBlob>,
    /// The document that an idempotency key of a tenant leads to.
    pub(super) requests: BTreeMap<(String, String), DocumentId>,
    /// Where the log stands.
    pub(super) position: Position,
}

/// A log and what it means at each of its entries.
pub(super) struct History {
    pub(super) entries: Vec<SealedEntry>,
    /// Before the first entry, and behind each.
    pub(super) meanings: Vec<Meaning>,
    pub(super) store: Memory,
}

/// The texts of pages by document, page and revision: chunks are spans of them.
fn page(dice: &mut Dice, own: &str, sentences: u64) -> Vec<String> {
    let sentence = |dice: &mut Dice, number: u64| {
        let words: Vec<&str> = (0..3 + dice.below(5)).map(|_| WORDS[dice.below(12) as usize]).collect();
        format!("{} {own}{} ", words.join(" "), letters(number))
    };
    (0..sentences).map(|number| sentence(dice, number)).collect()
}

/// A number as letters: digits would be cut into pieces.
pub(super) fn letters(number: u64) -> String {
    (0..4).map(|at| char::from(b'a' + (number >> (4 * at) & 15) as u8)).collect()
}

/// A direction that several chunks share, so that words alone tell them apart.
fn shared() -> Vector {
    let values: Vec<f32> = (0..DIMENSIONS).map(|at| if at == 3 { 1.0 } else { 0.0 }).collect();
    Vector::from_f32(&values)
}

fn unit(dice: &mut Dice) -> Vector {
    let values: Vec<f32> = (0..DIMENSIONS).map(|_| dice.below(2_001) as f32 / 1_000.0 - 1.0).collect();
    let length = values.iter().map(|value| value * value).sum::<f32>().sqrt().max(0.01);
    Vector::from_f32(&values.into_iter().map(|value| value / length).collect::<Vec<_>>())
}

/// Chunks of a few pages; neighbours on a page touch or overlap.
fn chunks(dice: &mut Dice, own: &str, has_sentences: bool) -> ChunksBlob {
    let model_id = if dice.one_in(10) { "another".to_owned() } else { MODEL.to_owned() };
    let mut chunks = Vec::new();
    for number in 1..=1 + dice.below(2) as u32 {
        let count = 1 + dice.below(3);
        let sentences = page(dice, &format!("{own}{}", letters(u64::from(number))), count);
        let (mut start, mut before) = (0_usize, 0_usize);
        let text: String = sentences.concat();
        for sentence in &sentences {
            let end = start + sentence.len();
            // An overlap begins at a word of the sentence before.
            let overlap = if dice.one_in(2) { before } else { start };
            let overlap = text
                .get(overlap..start)
                .and_then(|held| held.trim_end().rfind(' '))
                .map_or(start, |at| overlap + at + 1);
            let from = if chunks.is_empty() { start } else { overlap };
            let sentence_vectors =
                if has_sentences { (0..dice.below(3)).map(|_| unit(dice)).collect() } else { Vec::new() };
            chunks.push(Chunk {
                ordinal: chunks.len() as u32,
                page: number,
                start: from as u32,
                end: end as u32,
                text: text.get(from..end).unwrap_or_default().to_owned(),
                context: format!("about {own}context"),
                boxes: vec![[0.0, chunks.len() as f32, 1.0, 2.0]],
                is_table: dice.one_in(4),
                vector: if dice.one_in(3) { shared() } else { unit(dice) },
                sentence_vectors,
            });
            (before, start) = (start, end);
        }
    }
    ChunksBlob { model_id, dimensions: DIMENSIONS as u32, chunks, ..ChunksBlob::default() }
}

fn record(dice: &mut Dice, id: DocumentId, revision: u32, original: BlobRef) -> DocumentRecord {
    let created_ms = BEGINS_MS + dice.below(5) * 100;
    DocumentRecord {
        document_id: id,
        revision,
        tenant: ["acme", "acm", "globex"][dice.below(3) as usize].to_owned(),
        filename: format!("{id}.pdf"),
        template: "generic".to_owned(),
        metadata_json: format!("{{\"kind\":{},\"year\":\"{}\"}}", dice.below(3), 2020 + dice.below(3)),
        idempotency_key: (!dice.one_in(3)).then(|| format!("key {}", dice.below(4))),
        sha256: [dice.below(4) as u8; 32],
        size_bytes: 7,
        media_type: "application/pdf".to_owned(),
        original,
        created_ms,
        expires_ms: created_ms + if dice.one_in(4) { 1 + dice.below(600) } else { LIVES_MS },
        ticket: 77,
        status: Status { page_count: 99, ..Status::default() },
        rest: if dice.one_in(3) { Rest::from(&b"added later"[..]) } else { Rest::default() },
    }
}

impl History {
    /// Draws one of `count` entries.
    pub(super) async fn draw(dice: &mut Dice, count: usize) -> Result<History, LogError> {
        let store = Memory::new();
        let has_sentences = dice.one_in(2);
        let mut history = History { entries: Vec::new(), meanings: vec![Meaning::default()], store };
        let mut ids: Vec<DocumentId> = Vec::new();
        for _ in 0..count {
            let ops = history.ops(dice, &mut ids, has_sentences).await;
            history.append(dice, ops)?;
        }
        Ok(history)
    }

    /// What it means as a whole.
    pub(super) fn end(&self) -> Meaning {
        self.meanings.last().cloned().unwrap_or_default()
    }

    fn append(&mut self, dice: &mut Dice, ops: Vec<(Op, Option<ChunksBlob>)>) -> Result<(), LogError> {
        let mut meaning = self.end();
        let before = meaning.position;
        let epoch = before.epoch.max(1) + u64::from(dice.one_in(4));
        let entry = Entry {
            shard: 0,
            seq: before.seq + 1,
            epoch,
            writer: u128::from(epoch),
            nonce: u128::from(dice.below(1 << 40)),
            prev: before.checksum,
            wall_ms: BEGINS_MS,
            ops: ops.iter().map(|(op, _)| op.clone()).collect(),
        };
        let sealed = entry.seal()?;
        for (op, chunks) in &ops {
            meaning.take(op, chunks.as_ref(), sealed.entry.seq);
        }
        meaning.position = Position { seq: sealed.entry.seq, epoch, checksum: sealed.checksum };
        self.entries.push(sealed);
        self.meanings.push(meaning);
        Ok(())
    }

    async fn blob(&self, id: DocumentId, stage: BlobStage, bytes: Vec<u8>) -> BlobRef {
        let put = put_blob(&self.store, "any", id, stage, bytes.into()).await;
        put.unwrap_or_else(|_| BlobRef { key: "v1/blob/lost".to_owned(), sha256: [0; 32], size_bytes: 0 })
    }

    async fn ops(
        &self,
        dice: &mut Dice,
        ids: &mut Vec<DocumentId>,
        has_sentences: bool,
    ) -> Vec<(Op, Option<ChunksBlob>)> {
        let mut ops = Vec::new();
        for _ in 0..1 + dice.below(3) {
            let is_new = ids.is_empty() || (ids.len() < 12 && dice.one_in(3));
            if is_new {
                ids.push(DocumentId(u128::from(dice.below(1 << 50) << 8 | ids.len() as u64).to_be_bytes()));
            }
            let at = if is_new { ids.len() - 1 } else { dice.below(ids.len() as u64) as usize };
            let Some(id) = ids.get(at).copied() else { continue };
            let known = self.end().rows.documents.get(&id).map_or(0, |record| record.revision);
            let revision = if dice.one_in(5) { known.saturating_sub(1).max(1) } else { known.max(1) };
            let op = match dice.below(if is_new { 1 } else { 12 }) {
                0 | 1 => {
                    let original = self.blob(id, BlobStage::Original, vec![1; 7]).await;
                    let revision = if dice.one_in(4) { known } else { known + 1 };
                    (Op::Accepted { document: Box::new(record(dice, id, revision.max(1), original)) }, None)
                }
                2 | 3 => {
                    let pages = self.blob(id, BlobStage::Pages, vec![2; 9]).await;
                    let (page_count, word_count) = (1 + dice.below(9) as u32, dice.below(90) as u32);
                    let report_json = format!("{{\"n\":{page_count}}}");
                    (
                        Op::PagesRead {
                            document_id: id,
                            revision,
                            pages,
                            page_count,
                            word_count,
                            report_json,
                        },
                        None,
                    )
                }
                4..=8 => self.ready(dice, id, revision, at as u64, has_sentences).await,
                9 => {
                    let reason =
                        Reason { code: "encrypted_pdf".to_owned(), message: "Sem senha.".to_owned() };
                    let processed_ms = dice.below(1_000);
                    (Op::Failed { document_id: id, revision, reason, processed_ms }, None)
                }
                10 => (Op::Deleted { document_id: id, reason: "requested".to_owned() }, None),
                _ => (Op::Fence, None),
            };
            ops.push(op);
        }
        ops
    }

    async fn ready(
        &self,
        dice: &mut Dice,
        id: DocumentId,
        revision: u32,
        number: u64,
        has_sentences: bool,
    ) -> (Op, Option<ChunksBlob>) {
        let seq = self.end().position.seq;
        let own = format!("x{}{}", letters(number), letters(seq));
        let made = chunks(dice, &own, has_sentences);
        let bytes = encode_chunks(&made).unwrap_or_default();
        if dice.one_in(10) {
            // A blob that is gone: its document was deleted later, or a person removed it.
            let gone = BlobRef { key: format!("v1/blob/gone/{own}"), sha256: [9; 32], size_bytes: 3 };
            return (Op::Ready { document_id: id, revision, chunks: gone, processed_ms: 5 }, None);
        }
        let chunks = self.blob(id, BlobStage::Chunks, bytes).await;
        if dice.one_in(6) {
            let chunk_count = made.chunks.len() as u32;
            return (Op::ChunksEmbedded { document_id: id, revision, chunks, chunk_count }, None);
        }
        (Op::Ready { document_id: id, revision, chunks, processed_ms: dice.below(1_000) }, Some(made))
    }

    /// The log and its blobs as a store holds them, up to entry `count`.
    pub(super) async fn stored(&self, count: usize) -> Result<Memory, LogError> {
        let store = Memory::new();
        for listed in self.store.list_after("v1/", None, usize::MAX).await.unwrap_or_default() {
            let found = self.store.get(&listed.key).await.ok().flatten();
            let bytes = found.map_or_else(Bytes::new, |object| object.bytes);
            let _ = store.put_new(&listed.key, bytes).await;
        }
        for entry in self.entries.iter().take(count) {
            let _ = enabler_storage::log::put_entry(&store, entry).await?;
        }
        Ok(store)
    }
}

impl Meaning {
    fn take(&mut self, op: &Op, chunks: Option<&ChunksBlob>, seq: u64) {
        let entry = Entry {
            shard: 0,
            seq,
            epoch: 0,
            writer: 0,
            nonce: 0,
            prev: 0,
            wall_ms: 0,
            ops: vec![op.clone()],
        };
        let Some(id) = op.document_id() else { return };
        let before = self.rows.documents.get(&id).cloned();
        self.rows.apply(&entry, |_| chunks.is_some());
        let after = self.rows.documents.get(&id).cloned();
        let is_replaced = matches!(op, Op::Accepted { .. })
            && after.as_ref().is_some_and(|after| after.ticket == seq && Some(after) != before.as_ref());
        if after.is_none() || is_replaced {
            self.chunks.remove(&id);
            self.requests.retain(|_, held| *held != id);
        }
        if let Some(record) = after.as_ref().filter(|_| is_replaced)
            && let Some(key) = &record.idempotency_key
        {
            self.requests.insert((record.tenant.clone(), key.clone()), id);
        }
        let was_open = before.is_some_and(|before| before.is_unfinished());
        let is_ready = after.is_some_and(|after| after.status.outcome == Outcome::Ready);
        if let (true, true, Some(chunks)) = (was_open, is_ready, chunks) {
            self.chunks.insert(id, chunks.clone());
        }
    }

    /// Whether the vectors of a document are of the model that questions are: others are not compared with them.
    pub(super) fn has_vectors(&self, id: DocumentId) -> bool {
        self.chunks.get(&id).is_some_and(|chunks| chunks.model_id == MODEL)
    }
}
