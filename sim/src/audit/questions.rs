//! Questions to an index of a drawn history: hits by meaning are those of a plain comparison of all vectors, hits by words
//! those that have the words, and nobody finds what is deleted, over, or somebody else's.

use std::collections::{BTreeMap, BTreeSet};

use enabler_storage::record::{Chunk, DocumentId, DocumentRecord};
use enabler_storage::shard::{Hit, Query, ShardIndex};

use super::history::{BEGINS_MS, Meaning};
use super::{Broken, Dice, failed};
use crate::core::judge::{DELETED, DURABLE, REPLAY, TENANTS};
use crate::core::{DIMENSIONS, MODEL};

/// What half-precision numbers and single-precision sums may be off by.
const TOLERANCE: f64 = 2e-3;
/// Questions of each history.
const QUESTIONS: usize = 4;

type Metadata = Vec<(String, serde_json::Value)>;

/// What is asked besides words and meaning.
struct Asked<'a> {
    tenant: &'a str,
    now_ms: u64,
    documents: Option<Vec<DocumentId>>,
    metadata: Metadata,
    top_k: usize,
}

/// Asks by meaning, by words, and by both.
pub(super) fn ask(index: &ShardIndex, meaning: &Meaning, dice: &mut Dice) -> Result<(), Broken> {
    for _ in 0..QUESTIONS {
        let asked = asked(meaning, dice);
        by_meaning(index, meaning, &asked, dice)?;
        by_words(index, meaning, &asked, dice)?;
        merged(index, meaning, &asked, dice)?;
    }
    Ok(())
}

fn asked(meaning: &Meaning, dice: &mut Dice) -> Asked<'static> {
    let some: Vec<DocumentId> = meaning.rows.documents.keys().copied().filter(|_| dice.one_in(2)).collect();
    let metadata = match dice.below(4) {
        0 => vec![("kind".to_owned(), serde_json::Value::from(dice.below(3)))],
        1 => vec![
            ("kind".to_owned(), serde_json::Value::from(dice.below(3))),
            ("year".to_owned(), serde_json::Value::from((2020 + dice.below(3)).to_string())),
        ],
        _ => Vec::new(),
    };
    Asked {
        tenant: ["acme", "acm", "globex"][dice.below(3) as usize],
        now_ms: BEGINS_MS + dice.below(1_500),
        documents: dice.one_in(3).then_some(some),
        metadata,
        top_k: 1 + dice.below(12) as usize,
    }
}

impl Asked<'_> {
    fn query<'q>(&'q self, text: &'q str, vector: Option<&'q [f32]>) -> Query<'q> {
        Query {
            text,
            vector,
            model: MODEL,
            tenant: self.tenant,
            documents: self.documents.as_deref(),
            metadata: &self.metadata,
            top_k: self.top_k,
            now_ms: self.now_ms,
            merge_neighbours: false,
        }
    }

    /// Whether a document may answer, by its record alone.
    fn sees(&self, record: &DocumentRecord) -> bool {
        let metadata: BTreeMap<String, serde_json::Value> =
            serde_json::from_str(&record.metadata_json).unwrap_or_default();
        record.tenant == self.tenant
            && record.expires_ms > self.now_ms
            && self.documents.as_ref().is_none_or(|some| some.contains(&record.document_id))
            && self.metadata.iter().all(|(name, value)| metadata.get(name) == Some(value))
    }

    /// The chunks that may answer.
    fn seen<'m>(&'m self, meaning: &'m Meaning) -> impl Iterator<Item = (DocumentId, &'m Chunk)> {
        let documents = meaning.rows.documents.iter().filter(|(_, record)| self.sees(record));
        let blobs = documents.filter_map(|(id, _)| Some((*id, meaning.chunks.get(id)?)));
        blobs.flat_map(|(id, blob)| blob.chunks.iter().map(move |chunk| (id, chunk)))
    }

    /// Nobody is shown what it may not see, or what is not what was stored.
    fn allows(&self, meaning: &Meaning, hits: &[Hit]) -> Result<(), Broken> {
        for hit in hits {
            let record = meaning.rows.documents.get(&hit.document_id);
            let Some(record) = record else {
                return Err((DELETED, format!("{} is found, and is not there", hit.document_id)));
            };
            if !self.sees(record) {
                let text = format!("{} of {} is found by {}", hit.document_id, record.tenant, self.tenant);
                return Err((TENANTS, text));
            }
            let blob = meaning.chunks.get(&hit.document_id);
            let chunk = blob.and_then(|blob| blob.chunks.get(hit.chunk.ordinal as usize));
            let is_same =
                chunk.is_some_and(|chunk| chunk.text == hit.chunk.text && chunk.page == hit.chunk.page);
            if !is_same || hit.revision != record.revision {
                return Err((REPLAY, format!("a hit in {} is not what was stored", hit.document_id)));
            }
        }
        let is_sorted = hits.windows(2).all(|pair| matches!(pair, [a, b] if a.score >= b.score));
        let is_whole = hits.iter().all(|hit| (0.0..=1.0).contains(&hit.score));
        if !is_sorted || !is_whole || hits.len() > self.top_k {
            return Err((REPLAY, "hits are not the best first, or more than were asked for".to_owned()));
        }
        let places: BTreeSet<_> = hits.iter().map(|hit| (hit.document_id, hit.chunk.ordinal)).collect();
        if places.len() != hits.len() {
            return Err((REPLAY, "a chunk is found twice".to_owned()));
        }
        Ok(())
    }
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

/// A chunk is as near as the mean of itself and its best sentence.
fn nearness(question: &[f32], chunk: &Chunk) -> f64 {
    let own = cosine(question, &chunk.vector.to_f32());
    let sentences = chunk.sentence_vectors.iter().map(|sentence| cosine(question, &sentence.to_f32()));
    sentences.reduce(f64::max).map_or(own, |best| f64::midpoint(own, best))
}

fn question(dice: &mut Dice) -> Vec<f32> {
    let values: Vec<f32> = (0..DIMENSIONS).map(|_| dice.below(2_001) as f32 / 1_000.0 - 1.0).collect();
    let length = values.iter().map(|value| value * value).sum::<f32>().sqrt().max(0.01);
    values.into_iter().map(|value| value / length).collect()
}

fn by_meaning(
    index: &ShardIndex,
    meaning: &Meaning,
    asked: &Asked<'_>,
    dice: &mut Dice,
) -> Result<(), Broken> {
    let question = question(dice);
    let hits = index.search(&asked.query("", Some(&question)));
    let hits = hits.map_err(|error| failed("searching by meaning", &error))?;
    asked.allows(meaning, &hits)?;
    let with_vectors = asked.seen(meaning).filter(|(id, _)| meaning.has_vectors(*id));
    let mut expected: Vec<f64> = with_vectors.map(|(_, chunk)| nearness(&question, chunk)).collect();
    expected.sort_by(|a, b| b.total_cmp(a));
    expected.truncate(asked.top_k);
    let found: Vec<f64> = hits.iter().filter_map(|hit| hit.cosine.map(f64::from)).collect();
    let is_same = |(found, expected): (&f64, &f64)| (found - expected).abs() < TOLERANCE;
    if found.len() != expected.len() || !found.iter().zip(&expected).all(is_same) {
        return Err((DURABLE, format!("by meaning {found:?} are found, {expected:?} are there")));
    }
    for hit in &hits {
        let blob = meaning.chunks.get(&hit.document_id);
        let chunk = blob.and_then(|blob| blob.chunks.get(hit.chunk.ordinal as usize));
        let own = chunk.map_or(2.0, |chunk| nearness(&question, chunk));
        if hit.cosine.is_none_or(|cosine| (f64::from(cosine) - own).abs() > TOLERANCE) {
            return Err((REPLAY, format!("a hit says {:?} of itself, it is {own}", hit.cosine)));
        }
    }
    Ok(())
}

/// The last word of a chunk's text is its own; without accents and in the plural its other words are found too.
fn by_words(index: &ShardIndex, meaning: &Meaning, asked: &Asked<'_>, dice: &mut Dice) -> Result<(), Broken> {
    let all: Vec<(DocumentId, &Chunk)> = meaning
        .chunks
        .iter()
        .flat_map(|(id, blob)| blob.chunks.iter().map(move |chunk| (*id, chunk)))
        .collect();
    let Some((id, chunk)) = all.get(dice.below(all.len() as u64) as usize).copied() else { return Ok(()) };
    let own = chunk.text.split_whitespace().last().unwrap_or_default();
    let wide =
        Asked { top_k: 100, documents: asked.documents.clone(), metadata: asked.metadata.clone(), ..*asked };
    for (text, in_context) in [(own, false), (chunk.context.as_str(), true)] {
        let Some(word) = text.split_whitespace().last() else { continue };
        let hits = index.search(&wide.query(word, None));
        let hits = hits.map_err(|error| failed("searching by words", &error))?;
        wide.allows(meaning, &hits)?;
        let has = |chunk: &Chunk| {
            let text = if in_context { &chunk.context } else { &chunk.text };
            text.split_whitespace().any(|held| held == word)
        };
        let expected: BTreeSet<_> = wide
            .seen(meaning)
            .filter(|(_, chunk)| has(chunk))
            .map(|(id, chunk)| (id, chunk.ordinal))
            .collect();
        let found: BTreeSet<_> = hits.iter().map(|hit| (hit.document_id, hit.chunk.ordinal)).collect();
        if found != expected {
            return Err((DURABLE, format!("`{word}` of {id} is found in {found:?}, it is in {expected:?}")));
        }
        if hits.iter().any(|hit| hit.words <= 0.0 || hit.cosine.is_some()) {
            return Err((REPLAY, format!("a hit that has `{word}` says that it has not")));
        }
    }
    both(index, meaning, asked, (id, chunk, own))
}

/// A chunk that is asked for by its own word and its own vector comes first.
fn both(
    index: &ShardIndex,
    meaning: &Meaning,
    asked: &Asked<'_>,
    (id, chunk, own): (DocumentId, &Chunk, &str),
) -> Result<(), Broken> {
    let vector = chunk.vector.to_f32();
    let is_seen = meaning.rows.documents.get(&id).is_some_and(|record| asked.sees(record));
    if !is_seen || !meaning.has_vectors(id) || !chunk.sentence_vectors.is_empty() {
        return Ok(());
    }
    let hits = index.search(&asked.query(own, Some(&vector)));
    let hits = hits.map_err(|error| failed("searching by words and meaning", &error))?;
    asked.allows(meaning, &hits)?;
    let has = |chunk: &Chunk| chunk.text.split_whitespace().any(|held| held == own);
    let is_it = |hit: &Hit| (hit.document_id, hit.chunk.ordinal) == (id, chunk.ordinal);
    // A neighbour that overlaps has the word too, and another vector.
    if hits.first().is_none_or(|first| !is_it(first) && !has(&first.chunk)) {
        return Err((DURABLE, format!("chunk {} of {id} is not the first for its own words", chunk.ordinal)));
    }
    Ok(())
}

/// Hits that were joined are whole spans of their pages, and have all the chunks that were found.
fn merged(index: &ShardIndex, meaning: &Meaning, asked: &Asked<'_>, dice: &mut Dice) -> Result<(), Broken> {
    let question = question(dice);
    let apart = asked.query("", Some(&question));
    let together = Query { merge_neighbours: true, ..apart.clone() };
    let apart = index.search(&apart).map_err(|error| failed("searching", &error))?;
    let together = index.search(&together).map_err(|error| failed("searching", &error))?;
    for hit in &together {
        let blob = meaning.chunks.get(&hit.document_id);
        let on_page = blob.into_iter().flat_map(|blob| &blob.chunks);
        let on_page = on_page.filter(|chunk| chunk.page == hit.chunk.page);
        let mut text = String::new();
        for chunk in on_page {
            let new = (chunk.end as usize).saturating_sub(text.len().max(chunk.start as usize));
            text.push_str(chunk.text.get(chunk.text.len().saturating_sub(new)..).unwrap_or_default());
        }
        let span = text.get(hit.chunk.start as usize..hit.chunk.end as usize);
        if span != Some(hit.chunk.text.as_str()) {
            return Err((REPLAY, format!("a joined hit says `{}`, its page says {span:?}", hit.chunk.text)));
        }
    }
    for hit in &apart {
        let holds = |other: &&Hit| {
            (other.document_id, other.chunk.page) == (hit.document_id, hit.chunk.page)
                && other.chunk.start <= hit.chunk.start
                && other.chunk.end >= hit.chunk.end
                && other.score >= hit.score
        };
        if !together.iter().any(|other| holds(&other)) {
            return Err((DURABLE, "a hit is lost when neighbours are joined".to_owned()));
        }
    }
    Ok(())
}
