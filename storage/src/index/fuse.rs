//! Makes one score out of meaning and words, and one ranking out of several. Pure.
//!
//! Meaning is the cosine of question and chunk; words is BM25 as a share of what the question's words are worth.
//! Both are absolute, so the fused score is too: it is near 0 when even the best chunk has nothing to do with the
//! question, and hits of different shards compare. Rankings without such scores are fused by rank.

use std::collections::HashMap;
use std::hash::Hash;

/// What is known about a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Signals {
    /// Cosine of the question and the chunk (with its best sentence), if the question has a vector.
    pub cosine: Option<f32>,
    /// BM25 divided by the worth of the question's words: 0 for none of them; about 1 when all occur once. If the
    /// question has words.
    pub words: Option<f32>,
}

/// How much a cosine counts beside words, and where a good match begins.
///
/// The defaults were fitted to the model multilingual-e5-small on Portuguese questions: its cosines lie
/// between .78 (unrelated) and .92, which is why the weight is large.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Calibration {
    /// Worth of a cosine of 1 beside words of 1.
    pub cosine_weight: f32,
    /// Words beyond this share count no more: a word repeated often is not a better answer.
    pub words_max: f32,
    /// The weighted sum at which a hit is as likely right as wrong.
    pub midpoint: f32,
    /// How quickly certainty grows around the midpoint.
    pub slope: f32,
    /// The cosine that is assumed when there is no vector.
    pub cosine_absent: f32,
    /// The share of words that is assumed when the question has none.
    pub words_absent: f32,
}

impl Default for Calibration {
    fn default() -> Self {
        Self {
            cosine_weight: 15.0,
            words_max: 1.5,
            midpoint: 13.3,
            slope: 2.5,
            cosine_absent: 0.83,
            words_absent: 0.5,
        }
    }
}

impl Calibration {
    /// The fused score, 0..1, growing with each signal.
    #[must_use]
    pub fn score(&self, signals: Signals) -> f32 {
        1.0 / (1.0 + (-self.slope * (self.strength(signals) - self.midpoint)).exp())
    }

    /// The weighted sum behind the score: the same order, but never two alike at the ends.
    #[must_use]
    pub fn strength(&self, signals: Signals) -> f32 {
        let usable = |value: Option<f32>, absent| value.filter(|value| value.is_finite()).unwrap_or(absent);
        let cosine = usable(signals.cosine, self.cosine_absent).clamp(-1.0, 1.0);
        let words = usable(signals.words, self.words_absent).clamp(0.0, self.words_max);
        self.cosine_weight * cosine + words
    }
}

/// Weighs down the ranks far from the top; the customary value for reciprocal ranks.
const RANK_OFFSET: f32 = 60.0;

/// Fuses rankings by weighted reciprocal rank, best first, each item once; scores are shares of the best possible.
///
/// Equal scores keep the order of first appearance, so that the result does not depend on hashing.
#[must_use]
pub fn by_rank<Id: Clone + Eq + Hash>(rankings: &[(f32, &[Id])]) -> Vec<(Id, f32)> {
    let most: f32 = rankings.iter().map(|(weight, _)| weight.max(0.0) / (RANK_OFFSET + 1.0)).sum();
    let mut places: HashMap<&Id, usize> = HashMap::new();
    let mut fused: Vec<(Id, f32)> = Vec::new();
    for (weight, ranking) in rankings {
        let mut seen = std::collections::HashSet::new();
        for (rank, id) in ranking.iter().enumerate() {
            if !seen.insert(id) {
                continue;
            }
            #[expect(clippy::cast_precision_loss, reason = "a rank is small")]
            let worth = weight.max(0.0) / (RANK_OFFSET + 1.0 + rank as f32) / most.max(f32::MIN_POSITIVE);
            let place = *places.entry(id).or_insert_with(|| {
                fused.push((id.clone(), 0.0));
                fused.len() - 1
            });
            if let Some((_, score)) = fused.get_mut(place) {
                *score += worth;
            }
        }
    }
    fused.sort_by(|a, b| b.1.total_cmp(&a.1));
    fused
}

/// Merges the hits of several shards into the `top_k` best, each id once with its best score.
///
/// `key` gives a hit's id and score; equal scores are ordered by id, so that every node answers alike.
#[must_use]
pub fn merge<Hit, Id: Ord + Clone + Hash>(
    hits: impl IntoIterator<Item = Hit>,
    top_k: usize,
    key: impl Fn(&Hit) -> (Id, f32),
) -> Vec<Hit> {
    let mut all: Vec<(Id, f32, Hit)> = hits
        .into_iter()
        .map(|hit| {
            let (id, score) = key(&hit);
            (id, score, hit)
        })
        .collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let mut seen = std::collections::HashSet::new();
    all.retain(|(id, _, _)| seen.insert(id.clone()));
    all.into_iter().take(top_k).map(|(_, _, hit)| hit).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn score(cosine: f32, words: f32) -> f32 {
        Calibration::default().score(Signals { cosine: Some(cosine), words: Some(words) })
    }

    #[test]
    fn an_irrelevant_best_hit_scores_low_and_a_right_one_high() {
        assert!(score(0.80, 0.0) < 0.15, "{}", score(0.80, 0.0));
        assert!(score(0.79, 0.3) < 0.2);
        assert!(score(0.88, 0.8) > 0.75, "{}", score(0.88, 0.8));
    }

    #[test]
    fn words_alone_or_meaning_alone_still_tell_good_from_bad() {
        let calibration = Calibration::default();
        let words = |share| calibration.score(Signals { cosine: None, words: Some(share) });
        let meaning = |cosine| calibration.score(Signals { cosine: Some(cosine), words: None });
        assert!(words(0.0) < 0.2 && words(1.0) > 0.55);
        assert!(meaning(0.78) < 0.15 && meaning(0.90) > 0.7);
    }

    #[test]
    fn two_rankings_that_agree_beat_one() {
        let fused = by_rank(&[(1.0, &["a", "b", "c"][..]), (1.0, &["b", "d"][..])]);
        assert_eq!(fused[0].0, "b");
        assert_eq!(fused.len(), 4);
    }

    proptest! {
        #[test]
        fn a_score_is_a_share_and_grows_with_each_signal(
            a in -1.0_f32..1.0, b in -1.0_f32..1.0, v in 0.0_f32..3.0, w in 0.0_f32..3.0,
        ) {
            let (low, high) = (a.min(b), a.max(b));
            prop_assert!((0.0..=1.0).contains(&score(a, v)));
            prop_assert!(score(low, v) <= score(high, v));
            prop_assert!(score(a, v.min(w)) <= score(a, v.max(w)));
        }

        #[test]
        fn nonsense_gives_a_share_too(cosine: f32, words: f32) {
            prop_assert!((0.0..=1.0).contains(&score(cosine, words)));
        }

        #[test]
        fn each_item_comes_once_best_first(
            one in prop::collection::vec(0_u8..20, 0..30),
            two in prop::collection::vec(0_u8..20, 0..30),
            weight in 0.1_f32..5.0,
        ) {
            let fused = by_rank(&[(weight, &one[..]), (1.0, &two[..])]);
            let ids: std::collections::HashSet<u8> = fused.iter().map(|(id, _)| *id).collect();
            let all: std::collections::HashSet<u8> = one.iter().chain(&two).copied().collect();
            prop_assert_eq!(ids.len(), fused.len());
            prop_assert_eq!(ids, all);
            prop_assert!(fused.is_sorted_by(|a, b| a.1 >= b.1));
            prop_assert!(fused.iter().all(|(_, score)| (0.0..=1.0001).contains(score)));
        }

        #[test]
        fn merging_keeps_the_best_of_each(hits in prop::collection::vec((0_u8..9, 0.0_f32..1.0), 0..40), k in 0_usize..9) {
            let merged = merge(hits.clone(), k, |(id, score)| (*id, *score));
            prop_assert!(merged.len() <= k && merged.is_sorted_by(|a, b| a.1 >= b.1));
            for (id, score) in &merged {
                prop_assert!(hits.iter().filter(|(other, _)| other == id).all(|(_, other)| other <= score));
            }
        }
    }
}
