//! Fuses rankings of one question into one.

use std::collections::BTreeMap;

/// Damps the lead of first places; the value of the method's authors, on which most systems agree.
const RANK_OFFSET: f32 = 60.0;

/// Weighted reciprocal-rank fusion of `lists`, each a weight and ids best first. Scores are 0 to 1, where 1 is first in
/// every list; equal scores are in order of id, so that two runs are alike.
pub fn fuse(lists: &[(f32, &[u64])]) -> Vec<(u64, f32)> {
    let best: f32 = lists.iter().map(|(weight, _)| weight / (RANK_OFFSET + 1.0)).sum();
    let mut scores: BTreeMap<u64, f32> = BTreeMap::new();
    for (weight, ids) in lists {
        for (place, id) in ids.iter().enumerate() {
            *scores.entry(*id).or_default() += weight / (RANK_OFFSET + 1.0 + place as f32);
        }
    }
    let mut fused: Vec<(u64, f32)> =
        scores.into_iter().map(|(id, score)| (id, if best > 0.0 { score / best } else { 0.0 })).collect();
    fused.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    fused
}

#[cfg(test)]
mod tests {
    use super::fuse;

    #[test]
    fn first_everywhere_scores_one_and_leads() {
        let fused = fuse(&[(0.4, &[7, 1, 2]), (0.6, &[7, 2])]);
        assert_eq!(fused[0].0, 7);
        assert!((fused[0].1 - 1.0).abs() < 1e-6);
        assert_eq!(fused[1].0, 2);
    }

    #[test]
    fn equal_scores_keep_the_order_of_ids() {
        assert_eq!(fuse(&[(1.0, &[9]), (1.0, &[3])]).iter().map(|(id, _)| *id).collect::<Vec<_>>(), [3, 9]);
    }
}
