//! Measures of retrieval: how good is a ranking against what is known to be relevant. Pure.

use std::collections::HashMap;
use std::hash::Hash;

/// Means over all questions, each 0..1.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Quality {
    /// Normalised discounted cumulative gain of the first ten, with exponential gain `2^grade - 1`.
    pub ndcg_at_10: f64,
    /// Mean reciprocal rank of the first relevant one among the first ten.
    pub mrr_at_10: f64,
    /// Share of questions whose first result is relevant.
    pub hit_at_1: f64,
    /// Share of questions with a relevant result among the first ten.
    pub hit_at_10: f64,
    /// How many questions were counted.
    pub questions: usize,
}

/// nDCG of the first `k` of `ranking` against `grades` (a missing id has grade 0). 0 if nothing is relevant.
#[must_use]
pub fn ndcg<Id: Eq + Hash>(ranking: &[Id], grades: &HashMap<Id, u32>, k: usize) -> f64 {
    let mut best: Vec<u32> = grades.values().copied().collect();
    best.sort_unstable_by(|a, b| b.cmp(a));
    let ideal = gain(best.into_iter(), k);
    let reached = gain(ranking.iter().map(|id| grades.get(id).copied().unwrap_or(0)), k);
    if ideal > 0.0 { reached / ideal } else { 0.0 }
}

fn gain(grades: impl Iterator<Item = u32>, k: usize) -> f64 {
    let worth = |(rank, grade): (usize, u32)| {
        #[expect(clippy::cast_precision_loss, reason = "a rank is small")]
        let discount = ((rank + 2) as f64).log2();
        (f64::from(grade).exp2() - 1.0) / discount
    };
    grades.take(k).enumerate().map(worth).sum()
}

/// 1 / rank of the first relevant one among the first `k`, 0 if there is none.
#[must_use]
pub fn reciprocal_rank<Id: Eq + Hash>(ranking: &[Id], grades: &HashMap<Id, u32>, k: usize) -> f64 {
    let first = ranking.iter().take(k).position(|id| grades.get(id).is_some_and(|grade| *grade > 0));
    #[expect(clippy::cast_precision_loss, reason = "a rank is small")]
    first.map_or(0.0, |rank| 1.0 / (rank + 1) as f64)
}

/// Whether one of the first `k` is relevant.
#[must_use]
pub fn hit<Id: Eq + Hash>(ranking: &[Id], grades: &HashMap<Id, u32>, k: usize) -> bool {
    ranking.iter().take(k).any(|id| grades.get(id).is_some_and(|grade| *grade > 0))
}

/// Means over pairs of a ranking and its grades. Questions without anything relevant are left out.
#[must_use]
pub fn quality<'a, Id: Eq + Hash + 'a>(
    answers: impl IntoIterator<Item = (&'a [Id], &'a HashMap<Id, u32>)>,
) -> Quality {
    let mut sum = Quality::default();
    for (ranking, grades) in answers {
        if grades.values().all(|grade| *grade == 0) {
            continue;
        }
        sum.questions += 1;
        sum.ndcg_at_10 += ndcg(ranking, grades, 10);
        sum.mrr_at_10 += reciprocal_rank(ranking, grades, 10);
        sum.hit_at_1 += f64::from(u8::from(hit(ranking, grades, 1)));
        sum.hit_at_10 += f64::from(u8::from(hit(ranking, grades, 10)));
    }
    #[expect(clippy::cast_precision_loss, reason = "a count of questions is small")]
    let count = sum.questions.max(1) as f64;
    Quality {
        ndcg_at_10: sum.ndcg_at_10 / count,
        mrr_at_10: sum.mrr_at_10 / count,
        hit_at_1: sum.hit_at_1 / count,
        hit_at_10: sum.hit_at_10 / count,
        questions: sum.questions,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn figures_worked_out_by_hand_come_out() {
        let grades = HashMap::from([('a', 1), ('b', 1)]);
        let ranking = ['x', 'a', 'y', 'b'];
        let expected = (1.0 / 3_f64.log2() + 1.0 / 5_f64.log2()) / (1.0 + 1.0 / 3_f64.log2());
        assert!((ndcg(&ranking, &grades, 10) - expected).abs() < 1e-12);
        assert!((reciprocal_rank(&ranking, &grades, 10) - 0.5).abs() < 1e-12);
        assert!(!hit(&ranking, &grades, 1) && hit(&ranking, &grades, 2));
    }

    #[test]
    fn a_question_without_truth_is_left_out() {
        let (none, some) = (HashMap::new(), HashMap::from([(1, 1)]));
        let quality = quality([(&[1_u8][..], &none), (&[1][..], &some)]);
        assert_eq!((quality.questions, quality.ndcg_at_10), (1, 1.0));
    }

    proptest! {
        #[test]
        fn moving_a_relevant_one_up_never_hurts(size in 2_usize..12, at in 1_usize..12) {
            let at = at.min(size - 1);
            let grades = HashMap::from([(at, 1)]);
            let before: Vec<usize> = (0..size).collect();
            let mut after = before.clone();
            after.swap(at, at - 1);
            prop_assert!(ndcg(&after, &grades, 10) >= ndcg(&before, &grades, 10));
            prop_assert!(reciprocal_rank(&after, &grades, 10) >= reciprocal_rank(&before, &grades, 10));
        }
    }
}
