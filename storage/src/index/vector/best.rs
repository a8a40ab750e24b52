//! Keeps the best of many, and says what another one must exceed to be among them.

/// Keeps the `limit` highest scores of items that have an order of their own.
pub(super) struct Best<T> {
    limit: usize,
    threshold: f32,
    held: Vec<(T, f32)>,
}

impl<T: Ord> Best<T> {
    pub(super) fn new(limit: usize) -> Self {
        let limit = limit.max(1);
        Self { limit, threshold: f32::NEG_INFINITY, held: Vec::with_capacity(limit * 2) }
    }

    /// Takes the item in if its score is above the threshold, and returns the threshold from there on.
    pub(super) fn offer(&mut self, item: T, score: f32) -> f32 {
        if score > self.threshold {
            self.held.push((item, score));
            // Cut back only when twice as many are held: a cheap test for most items.
            if self.held.len() >= self.limit * 2 {
                self.cut();
            }
        }
        self.threshold
    }

    fn cut(&mut self) {
        if self.held.len() > self.limit {
            self.held.select_nth_unstable_by(self.limit - 1, better);
            self.held.truncate(self.limit);
            self.threshold = self.held.iter().fold(f32::INFINITY, |least, (_, score)| least.min(*score));
        }
    }

    /// The best, highest first.
    pub(super) fn into_sorted(mut self) -> Vec<(T, f32)> {
        self.cut();
        self.held.sort_unstable_by(better);
        self.held
    }
}

/// Highest score first; equal ones in the items' order, so that two replicas answer alike.
fn better<T: Ord>(a: &(T, f32), b: &(T, f32)) -> std::cmp::Ordering {
    b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0))
}

/// How many times the rows wanted are held before they are cut back: most searches cut three times.
const SLACK: usize = 4;

/// As [`Best`], for many rows: each is held with its score as one number, which compares in one instruction.
pub(super) struct BestRows {
    limit: usize,
    threshold: f32,
    held: Vec<u64>,
}

impl BestRows {
    pub(super) fn new(limit: usize) -> Self {
        let limit = limit.max(1);
        Self { limit, threshold: f32::NEG_INFINITY, held: Vec::with_capacity(limit * SLACK) }
    }

    /// As [`Best::offer`]. Rows from 2^32 on are passed over: their vectors fill no machine's memory.
    pub(super) fn offer(&mut self, row: usize, score: f32) -> f32 {
        if score > self.threshold
            && let Ok(row) = u32::try_from(row)
        {
            self.held.push(u64::from(descending(score)) << 32 | u64::from(row));
            if self.held.len() >= self.limit * SLACK {
                self.cut();
            }
        }
        self.threshold
    }

    fn cut(&mut self) {
        if self.held.len() > self.limit {
            let (_, last, _) = self.held.select_nth_unstable(self.limit - 1);
            let last = (*last >> 32) as u32;
            self.threshold = score_of(last);
            self.held.truncate(self.limit);
        }
    }

    /// The least score among the best, if there are as many as wanted.
    pub(super) fn least(mut self) -> Option<f32> {
        self.cut();
        let last = self.held.iter().max().map(|last| score_of((last >> 32) as u32));
        last.filter(|_| self.held.len() >= self.limit)
    }

    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// The best, in no order.
    pub(super) fn into_rows(mut self) -> Vec<usize> {
        self.cut();
        self.held.into_iter().map(|held| held as u32 as usize).collect()
    }
}

/// A number that is the smaller the higher the score is.
fn descending(score: f32) -> u32 {
    let bits = score.to_bits();
    // A negative number's bits grow with its size, a positive one's too: one of the two has to be turned round.
    if score.is_sign_negative() { bits } else { !(bits | 1 << 31) }
}

fn score_of(descending: u32) -> f32 {
    f32::from_bits(if descending >> 31 == 1 { descending } else { !descending & !(1 << 31) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn scores_as_numbers_keep_their_order_backwards(a: f32, b: f32) {
            let (low, high) = if a < b { (a, b) } else { (b, a) };
            prop_assert!(low == high || descending(high) < descending(low));
            prop_assert_eq!(score_of(descending(a)).to_bits(), a.to_bits());
        }

        #[test]
        fn the_best_are_those_of_sorting_everything(
            scores in prop::collection::vec(-100_i32..100, 0..200),
            limit in 1_usize..20,
        ) {
            let mut best = Best::new(limit);
            let mut rows = BestRows::new(limit);
            let mut all: Vec<(usize, f32)> = scores.iter().map(|score| *score as f32).enumerate().collect();
            for (item, score) in &all {
                best.offer(*item, *score);
                rows.offer(*item, *score);
            }
            let mut by_rows: Vec<f32> = rows.into_rows().iter().map(|row| all[*row].1).collect();
            by_rows.sort_by(|a, b| b.total_cmp(a));
            all.sort_by(better);
            all.truncate(limit);
            let found = best.into_sorted();
            // Of equal scores at the end any may stay: an item that only equals the threshold is passed over.
            let scores = |of: &[(usize, f32)]| of.iter().map(|(_, score)| *score).collect::<Vec<_>>();
            prop_assert_eq!(scores(&found), scores(&all));
            prop_assert_eq!(by_rows, scores(&all));
        }
    }
}
