//! One bit per dimension: on which side of a centre a vector lies there. Estimates dot products eight rows at a time.
//!
//! The estimate is RaBitQ's (Gao and Long, SIGMOD 2024) without its rotation: the signs of what is left of a vector
//! when the centre is taken away, and a factor per row that gives them its length. The centre's own part is kept as a
//! number per row, so a centre that is out of date makes estimates less sharp and nothing else.

mod kernel;

pub(super) use kernel::Counting;
use kernel::{GROUP, Group, PLANES, Sums};

/// Bits of one word of a code.
const WORD: usize = 64;
/// Places at which rows are sampled.
const SAMPLES: usize = 64;
/// The question's largest value as a 4-bit number with a sign.
const QUESTION_MAX: f32 = 7.0;

/// Codes of rows in the order in which they were pushed: a bit per dimension and 8 bytes a row.
#[derive(Debug)]
pub(super) struct Bits {
    kernel: Counting,
    centre: Vec<f32>,
    /// Rows go eight by eight, so that one load fetches the same word of eight rows.
    codes: Vec<[u64; GROUP]>,
    groups: Vec<Group>,
    rows: usize,
}

/// A question to codes around one centre.
pub(super) struct Asked(Sums);

impl Bits {
    /// No rows yet; they will be coded around `centre`.
    pub(super) fn around(centre: Vec<f32>, kernel: Counting) -> Self {
        Self { kernel, centre, codes: Vec::new(), groups: Vec::new(), rows: 0 }
    }

    fn words(&self) -> usize {
        self.centre.len().div_ceil(WORD)
    }

    /// Appends a row of 8-bit numbers, each worth `scale`.
    pub(super) fn push(&mut self, row: &[i8], scale: f32) {
        let (words, lane) = (self.words(), self.rows % GROUP);
        if lane == 0 {
            self.codes.resize(self.codes.len() + words, [0; GROUP]);
            self.groups.push(Group::EMPTY);
        }
        let first = (self.rows / GROUP) * words;
        let (mut sum, mut square, mut along) = (0_f32, 0_f32, 0_f32);
        let parts = row.chunks(WORD).zip(self.centre.chunks(WORD));
        for ((values, centre), word) in parts.zip(self.codes.iter_mut().skip(first)) {
            let mut code = 0;
            for (at, (value, centre)) in values.iter().zip(centre).enumerate() {
                let rest = f32::from(*value) * scale - centre;
                code |= u64::from(rest >= 0.0) << at;
                sum += rest.abs();
                square += rest * rest;
                along += rest * centre;
            }
            if let Some(word) = word.get_mut(lane) {
                *word = code;
            }
        }
        if let Some(group) = self.groups.last_mut() {
            group.set(lane, if sum > 0.0 { square / sum } else { 0.0 }, along);
        }
        self.rows += 1;
    }

    /// `question` in the form that codes are compared with.
    pub(super) fn ask(&self, question: &[f32]) -> Asked {
        let rest: Vec<f32> =
            question.iter().zip(&self.centre).map(|(value, centre)| value - centre).collect();
        let largest = rest.iter().fold(0_f32, |largest, value| largest.max(value.abs()));
        let step = if largest > 0.0 && largest.is_finite() { largest / QUESTION_MAX } else { 1.0 };
        let mut planes = vec![[0_u64; PLANES]; self.words()];
        let mut total = 0_i32;
        for (values, planes) in rest.chunks(WORD).zip(&mut planes) {
            for (at, value) in values.iter().enumerate() {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "within -7..=7, and a cast of NaN gives 0"
                )]
                let rounded = (value / step).round() as i32;
                total += rounded;
                for (digit, plane) in planes.iter_mut().enumerate() {
                    *plane |= u64::from(rounded >> digit & 1 == 1) << at;
                }
            }
        }
        // A sum over signs is twice the sum over the bits that are set, less the sum over all.
        #[expect(clippy::cast_precision_loss, reason = "at most seven for each dimension")]
        let (scale, offset) = (2.0 * step, -step * total as f32);
        Asked(Sums { planes, scale, offset })
    }

    /// Estimates the dot product of the question and each row, less what is the same for all rows.
    ///
    /// Those above `threshold` go to `each` in the order of rows; it returns the threshold from there on.
    pub(super) fn scan(&self, asked: &Asked, threshold: f32, each: &mut dyn FnMut(usize, f32) -> f32) {
        self.kernel.scan(&asked.0, &self.codes, &self.groups, threshold, each);
    }

    /// As [`Bits::scan`] for about one row of `every`, drawn evenly.
    pub(super) fn sample(&self, asked: &Asked, every: usize, each: &mut dyn FnMut(usize, f32)) {
        let stride = self.groups.len().div_ceil(SAMPLES).max(1);
        let length = stride.div_ceil(every.max(1));
        let blocks = self.codes.chunks(stride * self.words().max(1)).zip(self.groups.chunks(stride));
        for (number, (codes, groups)) in blocks.enumerate() {
            let groups = groups.get(..length.min(groups.len())).unwrap_or_default();
            let first = number * stride * GROUP;
            self.kernel.scan(&asked.0, codes, groups, f32::NEG_INFINITY, &mut |row, estimate| {
                each(first + row, estimate);
                f32::NEG_INFINITY
            });
        }
    }

    /// Makes rows exceed no threshold from here on.
    pub(super) fn forget(&mut self, rows: std::ops::Range<usize>) {
        for row in rows {
            if let Some(group) = self.groups.get_mut(row / GROUP) {
                group.set(row % GROUP, f32::NAN, f32::NAN);
            }
        }
    }

    /// Bytes of memory held.
    pub(super) fn size_bytes(&self) -> usize {
        self.codes.capacity() * size_of::<[u64; GROUP]>()
            + self.groups.capacity() * size_of::<Group>()
            + self.centre.capacity() * size_of::<f32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::{Chance, SeededChance};
    use crate::index::vector::cosine;

    #[test]
    fn estimates_lie_around_the_dot_product_and_the_nearer_the_centre_the_closer() {
        let chance = SeededChance::new(11);
        let draw = || (chance.next_u64() >> 40) as f32 / (1 << 24) as f32 - 0.5;
        let rows: Vec<Vec<i8>> =
            (0..77).map(|_| (0..300).map(|_| (draw() * 100.0 + 30.0) as i8).collect()).collect();
        let question: Vec<f32> = (0..300).map(|_| draw() + 0.3).collect();
        let errors = |centre: f32| -> Vec<f32> {
            let centre = vec![centre; 300];
            let mut bits = Bits::around(centre.clone(), Counting::detect());
            rows.iter().for_each(|row| bits.push(row, 0.01));
            let same = cosine(&question, &centre);
            let mut errors = Vec::new();
            bits.scan(&bits.ask(&question), f32::NEG_INFINITY, &mut |number, estimate| {
                let exact: Vec<f32> = rows[number].iter().map(|value| f32::from(*value) * 0.01).collect();
                errors.push(estimate + same - cosine(&exact, &question));
                f32::NEG_INFINITY
            });
            errors
        };
        let square = |errors: &[f32]| errors.iter().map(|error| error * error).sum::<f32>();
        let near = errors(0.3);
        assert_eq!(near.len(), 77);
        assert!((near.iter().sum::<f32>() / 77.0).abs() < 0.4, "{near:?}");
        assert!(near.iter().all(|error| error.abs() < 4.0), "{near:?}");
        assert!(square(&near) < square(&errors(0.1)) && square(&errors(0.1)) < square(&errors(-0.3)));
    }

    #[test]
    fn forgotten_rows_are_never_seen() {
        let mut bits = Bits::around(vec![0.0; 64], Counting::detect());
        (0..20).for_each(|_| bits.push(&[50; 64], 0.01));
        bits.forget(3..17);
        let mut seen = Vec::new();
        bits.scan(&bits.ask(&[1.0; 64]), f32::NEG_INFINITY, &mut |number, _| {
            seen.push(number);
            f32::NEG_INFINITY
        });
        assert_eq!(seen, [0, 1, 2, 17, 18, 19]);
    }

    #[test]
    fn a_sample_is_spread_over_the_rows_and_estimates_them_alike() {
        let mut bits = Bits::around(vec![0.1; 64], Counting::detect());
        (0..9_001_usize).for_each(|row| bits.push(&[(row % 120) as i8; 64], 0.01));
        let asked = bits.ask(&[1.0; 64]);
        let (mut all, mut sampled) = (Vec::new(), Vec::new());
        bits.scan(&asked, f32::NEG_INFINITY, &mut |row, estimate| {
            all.push((row, estimate.to_bits()));
            f32::NEG_INFINITY
        });
        bits.sample(&asked, 16, &mut |row, estimate| sampled.push((row, estimate.to_bits())));
        assert!((400..1_200).contains(&sampled.len()), "{}", sampled.len());
        assert!(sampled.iter().all(|seen| all[seen.0] == *seen));
        assert!(sampled.windows(2).all(|pair| pair[1].0 - pair[0].0 < 200));
    }

    #[test]
    fn a_row_at_its_centre_and_one_of_nothing_are_estimated_too() {
        let mut bits = Bits::around(vec![0.5; 64], Counting::detect());
        bits.push(&[50; 64], 0.01);
        bits.push(&[0; 64], 1.0);
        let mut seen = Vec::new();
        bits.scan(&bits.ask(&[1.0; 64]), f32::NEG_INFINITY, &mut |number, estimate| {
            assert!(estimate.is_finite());
            seen.push(number);
            f32::NEG_INFINITY
        });
        assert_eq!(seen, [0, 1]);
    }
}
