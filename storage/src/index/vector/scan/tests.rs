//! Claims about looking at every vector.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::chance::{Chance, SeededChance};
use crate::index::vector::cosine;

const DIMENSIONS: usize = 100;

fn unit(chance: &SeededChance) -> Vec<f32> {
    let draw = || (chance.next_u64() >> 40) as f32 / (1 << 24) as f32 - 0.5;
    let raw: Vec<f32> = (0..DIMENSIONS).map(|_| draw()).collect();
    let norm = cosine(&raw, &raw).sqrt();
    raw.iter().map(|value| value / norm).collect()
}

fn id(number: usize) -> DocumentId {
    DocumentId([u8::try_from(number).unwrap(); 16])
}

fn filled() -> (Scan, Vec<Vec<Vec<f32>>>) {
    let chance = SeededChance::new(3);
    let documents: Vec<Vec<Vec<f32>>> =
        (0..40).map(|size| (0..=size % 7 * 4).map(|_| unit(&chance)).collect()).collect();
    let mut index = Scan::new(DIMENSIONS);
    for (number, vectors) in documents.iter().enumerate() {
        index.insert(id(number), vectors);
    }
    (index, documents)
}

fn truth(documents: &[Vec<Vec<f32>>], question: &[f32], skip: &dyn Fn(usize) -> bool) -> Vec<ChunkId> {
    let mut all: Vec<(ChunkId, f32)> = Vec::new();
    for (number, vectors) in documents.iter().enumerate().filter(|(number, _)| !skip(*number)) {
        for (ordinal, vector) in vectors.iter().enumerate() {
            let id = ChunkId { document_id: id(number), ordinal: ordinal as u32 };
            all.push((id, cosine(vector, question)));
        }
    }
    all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    all.into_iter().take(10).map(|(id, _)| id).collect()
}

#[test]
fn the_true_ten_are_among_forty_candidates_also_after_removals() {
    let (mut index, documents) = filled();
    for removed in [3, 6, 13, 20, 27, 34] {
        index.remove(id(removed));
    }
    index.remove(id(3));
    let gone = |number: usize| number % 7 == 6 && number > 6 || [3, 6].contains(&number);
    let chance = SeededChance::new(9);
    for _ in 0..50 {
        let question = unit(&chance);
        let found: HashSet<ChunkId> =
            index.nearest(&question, 40, &|_| true).into_iter().map(|x| x.id).collect();
        for id in truth(&documents, &question, &gone) {
            assert!(found.contains(&id));
        }
    }
}

#[test]
fn only_allowed_documents_are_seen() {
    let (index, documents) = filled();
    let allowed = |document: &DocumentId| document.0[0] == 5 || document.0[0] == 12;
    let found = index.nearest(&documents[0][0], 1_000, &allowed);
    assert_eq!(found.len(), documents[5].len() + documents[12].len());
    assert!(found.iter().all(|found| allowed(&found.id.document_id)));
}

#[test]
fn inserting_again_replaces() {
    let (mut index, documents) = filled();
    let before = index.len();
    index.insert(id(5), &documents[5]);
    assert_eq!(index.len(), before);
    let found = index.nearest(&documents[5][1], 1, &|_| true);
    assert_eq!(found[0].id, ChunkId { document_id: id(5), ordinal: 1 });
}

#[test]
fn a_broken_vector_breaks_no_search() {
    let mut index = Scan::new(DIMENSIONS);
    index.insert(id(1), &[vec![f32::NAN; DIMENSIONS], vec![0.0; DIMENSIONS], vec![f32::INFINITY; 3]]);
    assert_eq!(index.nearest(&[0.1; DIMENSIONS], 10, &|_| true).len(), 3);
}

/// Vectors around a few centres that share a common direction, as those of a language model do.
fn clustered(chance: &SeededChance, count: usize) -> Vec<Vec<f32>> {
    let common = unit(chance);
    let centres: Vec<Vec<f32>> = (0..12).map(|_| unit(chance)).collect();
    let one = |number: usize| {
        let (centre, own) = (&centres[number % 12], unit(chance));
        let raw: Vec<f32> =
            (0..DIMENSIONS).map(|at| 2.0 * common[at] + 0.7 * centre[at] + 0.5 * own[at]).collect();
        let norm = cosine(&raw, &raw).sqrt();
        raw.iter().map(|value| value / norm).collect()
    };
    (0..count).map(one).collect()
}

/// A large shard of documents with 20 vectors each, of which some were removed and some replaced, and what is in it.
fn staged(vectors: &[Vec<f32>], removed: impl Fn(usize) -> bool) -> (Scan, Vec<(ChunkId, Vec<f32>)>) {
    let mut index = Scan::new(DIMENSIONS);
    let own = |number: usize| DocumentId((number as u128).to_be_bytes());
    for (number, vectors) in vectors.chunks(20).enumerate() {
        index.insert(own(number), vectors);
    }
    assert!(index.bits.is_some(), "the shard is too small to be staged");
    let mut held = Vec::new();
    for (number, vectors) in vectors.chunks(20).enumerate() {
        if removed(number) {
            index.remove(own(number));
            continue;
        }
        let vectors = if number % 9 == 0 {
            index.insert(own(number), &vectors[..7]);
            &vectors[..7]
        } else {
            vectors
        };
        let id = |ordinal| ChunkId { document_id: own(number), ordinal };
        held.extend((0_u32..).zip(vectors).map(|(ordinal, vector)| (id(ordinal), vector.clone())));
    }
    (index, held)
}

/// Candidates among which the exact ten must be.
const GENEROUS: usize = 600;

fn is_allowed(id: &DocumentId) -> bool {
    id.0[15] % 3 != 1
}

fn exact(
    held: &[(ChunkId, Vec<f32>)],
    question: &[f32],
    allowed: &dyn Fn(&DocumentId) -> bool,
) -> Vec<ChunkId> {
    let seen = held.iter().filter(|(id, _)| allowed(&id.document_id));
    let mut all: Vec<_> = seen.map(|(id, vector)| (*id, cosine(vector, question))).collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    all.into_iter().take(10).map(|(id, _)| id).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn a_staged_search_finds_what_an_exact_one_finds_and_nothing_that_is_gone_or_hidden(
        seed: u64,
        is_clustered: bool,
        every in 3_usize..30,
    ) {
        let chance = SeededChance::new(seed);
        let count = STAGED_FROM_ROWS + 1_500;
        let drawn = if is_clustered {
            clustered(&chance, count + 5)
        } else {
            (0..count + 5).map(|_| unit(&chance)).collect()
        };
        let (vectors, questions) = drawn.split_at(count);
        let (index, held) = staged(vectors, |number| number % every == 1);
        prop_assert_eq!(index.len(), held.len());
        let alive: HashSet<ChunkId> = held.iter().map(|(id, _)| *id).collect();
        for question in questions.iter().chain(vectors.iter().step_by(997)) {
            for allowed in [&is_allowed as &dyn Fn(&DocumentId) -> bool, &|_| true] {
                let found = index.nearest(question, GENEROUS, allowed);
                prop_assert_eq!(found.len(), GENEROUS);
                for candidate in &found {
                    prop_assert!(alive.contains(&candidate.id) && allowed(&candidate.id.document_id));
                    let vector = held.iter().find(|(id, _)| *id == candidate.id).map(|(_, vector)| vector);
                    let cosine = cosine(vector.unwrap(), question);
                    prop_assert!((cosine - candidate.cosine).abs() <= candidate.error);
                }
                let ids: HashSet<ChunkId> = found.iter().map(|candidate| candidate.id).collect();
                let missed = exact(&held, question, allowed).iter().filter(|id| !ids.contains(id)).count();
                prop_assert_eq!(missed, 0);
            }
        }
    }
}

#[test]
fn only_named_documents_are_seen_when_documents_are_named() {
    let (index, held) = staged(&clustered(&SeededChance::new(4), 5_000), |number| number == 3);
    let named = [2_u128, 3, 9, 77].map(|number| DocumentId(number.to_be_bytes()));
    let found = index.nearest_of(&held[0].1, 1_000, &mut named.into_iter());
    assert_eq!(found.len(), 20 + 7 + 20);
    assert!(found.iter().all(|candidate| named.contains(&candidate.id.document_id)));
}

#[test]
fn a_shard_that_grows_and_shrinks_keeps_its_centre_near_and_its_rows_few() {
    let mut index = Scan::new(DIMENSIONS);
    let vectors = clustered(&SeededChance::new(5), 200);
    let own = |number: usize| DocumentId((number as u128).to_be_bytes());
    for number in 0..100 {
        index.insert(own(number), &vectors);
        let rows = index.scales.len();
        let is_due = rows >= STAGED_FROM_ROWS;
        assert_eq!(index.bits.is_some(), is_due);
        assert!(!is_due || index.centred_rows * 2 > rows);
    }
    for number in 0..95 {
        index.remove(own(number));
        assert!(index.dead_rows * DEAD_SHARE_MAX <= index.scales.len());
    }
    assert!(index.bits.is_none() && index.len() == 1_000);
}

#[test]
fn vectors_that_are_not_of_unit_length_do_not_hide_the_others() {
    let (mut index, held) = staged(&clustered(&SeededChance::new(6), 5_000), |_| false);
    index.insert(DocumentId([9; 16]), &vec![vec![60_000.0; DIMENSIONS]; 50]);
    index.insert(DocumentId([8; 16]), &vec![vec![f32::NAN; DIMENSIONS]; 50]);
    index.centred_rows = 0;
    index.recentre_if_due();
    let found = index.nearest(&held[40].1, 200, &|_| true);
    assert!(found.iter().any(|candidate| candidate.id == held[40].0));
}
