//! Sums of 4-bit numbers over the set bits of codes, with the widest instructions that the processor has.

/// Rows that are summed at once.
pub(super) const GROUP: usize = 8;
/// Binary digits of the question's numbers; the last one counts negatively.
pub(super) const PLANES: usize = 4;

/// What turns the sums of eight rows into estimates.
#[derive(Debug, Clone)]
pub(super) struct Group {
    factors: [f32; GROUP],
    offsets: [f32; GROUP],
}

impl Group {
    /// Eight places without a row: what is not a number exceeds no threshold.
    pub(super) const EMPTY: Self = Self { factors: [f32::NAN; GROUP], offsets: [f32::NAN; GROUP] };

    /// Puts a row into a place.
    pub(super) fn set(&mut self, lane: usize, factor: f32, offset: f32) {
        let places = self.factors.get_mut(lane).zip(self.offsets.get_mut(lane));
        if let Some((held_factor, held_offset)) = places {
            (*held_factor, *held_offset) = (factor, offset);
        }
    }
}

/// A question as bits, and what a sum is worth.
pub(super) struct Sums {
    /// A word of each digit for each word of a code.
    pub(super) planes: Vec<[u64; PLANES]>,
    pub(super) scale: f32,
    pub(super) offset: f32,
}

/// How bits are counted on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::index::vector) enum Counting {
    /// AVX-512 with VPOPCNTDQ: eight words an instruction.
    Avx512,
    /// A word an instruction.
    Popcnt,
    /// Any processor.
    Scalar,
}

impl Counting {
    /// The fastest one of this processor.
    pub(in crate::index::vector) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if has_avx512() {
                return Self::Avx512;
            }
            if has_popcnt() {
                return Self::Popcnt;
            }
        }
        Self::Scalar
    }

    /// Estimates every row of `groups`; those above `threshold` go to `each`, which returns the threshold from
    /// there on; it must not fall.
    pub(super) fn scan(
        self,
        sums: &Sums,
        codes: &[[u64; GROUP]],
        groups: &[Group],
        threshold: f32,
        each: &mut dyn FnMut(usize, f32) -> f32,
    ) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 if has_avx512() => {
                #[expect(unsafe_code, reason = "the instructions exist only on some processors")]
                // SAFETY: every feature was detected on this processor in the guard just above.
                unsafe {
                    x86::scan_avx512(sums, codes, groups, threshold, each);
                }
            }
            #[cfg(target_arch = "x86_64")]
            Self::Popcnt if has_popcnt() => {
                #[expect(unsafe_code, reason = "the instruction exists only on some processors")]
                // SAFETY: both features were detected on this processor in the guard just above.
                unsafe {
                    x86::scan_popcnt(sums, codes, groups, threshold, each);
                }
            }
            _ => scan(sums, codes, groups, threshold, each),
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn has_avx512() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512vpopcntdq")
        && is_x86_feature_detected!("fma")
}

#[cfg(target_arch = "x86_64")]
fn has_popcnt() -> bool {
    is_x86_feature_detected!("popcnt") && is_x86_feature_detected!("fma")
}

/// The same for any processor; inlined where more is known about it.
#[inline(always)]
fn scan(
    sums: &Sums,
    codes: &[[u64; GROUP]],
    groups: &[Group],
    mut threshold: f32,
    each: &mut dyn FnMut(usize, f32) -> f32,
) {
    let blocks = codes.chunks_exact(sums.planes.len().max(1));
    for (number, (block, group)) in blocks.zip(groups).enumerate() {
        let mut totals = [0_i32; GROUP];
        for (words, planes) in block.iter().zip(&sums.planes) {
            for (total, word) in totals.iter_mut().zip(words) {
                let [ones, twos, fours, eights] =
                    planes.map(|plane| (plane & word).count_ones().cast_signed());
                *total += ones + 2 * twos + 4 * fours - 8 * eights;
            }
        }
        let worth = group.factors.iter().zip(&group.offsets);
        for (lane, (total, (factor, offset))) in totals.iter().zip(worth).enumerate() {
            #[expect(clippy::cast_precision_loss, reason = "at most eight for each dimension")]
            let estimate = (*total as f32).mul_add(sums.scale, sums.offset).mul_add(*factor, *offset);
            if estimate > threshold {
                threshold = each(number * GROUP + lane, estimate);
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m256, __m512i, _CMP_GT_OQ, _mm256_cmp_ps_mask, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_set1_ps,
        _mm256_storeu_ps, _mm512_add_epi64, _mm512_and_si512, _mm512_cvtepi64_ps, _mm512_loadu_si512,
        _mm512_popcnt_epi64, _mm512_set1_epi64, _mm512_setzero_si512, _mm512_slli_epi64, _mm512_sub_epi64,
    };

    use super::{GROUP, Group, Sums};

    #[target_feature(enable = "popcnt,fma")]
    pub(super) fn scan_popcnt(
        sums: &Sums,
        codes: &[[u64; GROUP]],
        groups: &[Group],
        threshold: f32,
        each: &mut dyn FnMut(usize, f32) -> f32,
    ) {
        super::scan(sums, codes, groups, threshold, each);
    }

    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512vpopcntdq,fma")]
    pub(super) fn scan_avx512(
        sums: &Sums,
        codes: &[[u64; GROUP]],
        groups: &[Group],
        mut threshold: f32,
        each: &mut dyn FnMut(usize, f32) -> f32,
    ) {
        let (scale, shift) = (_mm256_set1_ps(sums.scale), _mm256_set1_ps(sums.offset));
        let blocks = codes.chunks_exact(sums.planes.len().max(1));
        for (number, (block, group)) in blocks.zip(groups).enumerate() {
            let zero = _mm512_setzero_si512();
            let (mut ones, mut twos, mut fours, mut eights) = (zero, zero, zero, zero);
            for (words, [one, two, four, eight]) in block.iter().zip(&sums.planes) {
                let words = load(words);
                ones = _mm512_add_epi64(ones, count(words, *one));
                twos = _mm512_add_epi64(twos, count(words, *two));
                fours = _mm512_add_epi64(fours, count(words, *four));
                eights = _mm512_add_epi64(eights, count(words, *eight));
            }
            let low = _mm512_add_epi64(ones, _mm512_slli_epi64::<1>(twos));
            let high = _mm512_sub_epi64(_mm512_slli_epi64::<2>(fours), _mm512_slli_epi64::<3>(eights));
            let total = _mm512_cvtepi64_ps(_mm512_add_epi64(low, high));
            let sum = _mm256_fmadd_ps(total, scale, shift);
            let estimates = _mm256_fmadd_ps(sum, load_floats(&group.factors), load_floats(&group.offsets));
            let mut above = _mm256_cmp_ps_mask::<_CMP_GT_OQ>(estimates, _mm256_set1_ps(threshold));
            if above == 0 {
                continue;
            }
            let estimates = store(estimates);
            while above != 0 {
                let lane = above.trailing_zeros() as usize;
                above &= above - 1;
                let estimate = estimates.get(lane).copied().unwrap_or(f32::NAN);
                if estimate > threshold {
                    threshold = each(number * GROUP + lane, estimate);
                }
            }
        }
    }

    #[target_feature(enable = "avx512f,avx512vpopcntdq")]
    fn count(words: __m512i, plane: u64) -> __m512i {
        _mm512_popcnt_epi64(_mm512_and_si512(words, _mm512_set1_epi64(plane.cast_signed())))
    }

    #[target_feature(enable = "avx512f")]
    fn load(from: &[u64; GROUP]) -> __m512i {
        #[expect(unsafe_code, reason = "a load takes a pointer")]
        // SAFETY: the array has exactly the 64 bytes that are read, and the load needs no alignment.
        unsafe {
            _mm512_loadu_si512(from.as_ptr().cast::<__m512i>())
        }
    }

    #[target_feature(enable = "avx512vl")]
    fn load_floats(from: &[f32; GROUP]) -> __m256 {
        #[expect(unsafe_code, reason = "a load takes a pointer")]
        // SAFETY: the array has exactly the 32 bytes that are read, and the load needs no alignment.
        unsafe {
            _mm256_loadu_ps(from.as_ptr())
        }
    }

    #[target_feature(enable = "avx512vl")]
    fn store(from: __m256) -> [f32; GROUP] {
        let mut to = [0.0; GROUP];
        #[expect(unsafe_code, reason = "a store takes a pointer")]
        // SAFETY: the array has exactly the 32 bytes that are written, and the store needs no alignment.
        unsafe {
            _mm256_storeu_ps(to.as_mut_ptr(), from);
        }
        to
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_kernel_gives_the_same_estimates(
            codes in prop::collection::vec(any::<[u64; GROUP]>(), 0..60),
            planes in prop::collection::vec(any::<[u64; PLANES]>(), 3..=3),
            factors in prop::collection::vec(any::<[f32; GROUP]>(), 0..25),
        ) {
            let groups: Vec<Group> =
                factors.iter().map(|factors| Group { factors: *factors, offsets: *factors }).collect();
            let sums = Sums { planes, scale: 0.5, offset: 3.0 };
            let run = |kernel: Counting| {
                let (mut out, mut threshold) = (Vec::new(), f32::NEG_INFINITY);
                kernel.scan(&sums, &codes, &groups, threshold, &mut |row, estimate| {
                    out.push((row, estimate.to_bits()));
                    if row % 3 == 0 {
                        threshold = threshold.max(estimate - 1.0);
                    }
                    threshold
                });
                out
            };
            let expected = run(Counting::Scalar);
            prop_assert_eq!(&run(Counting::Popcnt), &expected);
            prop_assert_eq!(&run(Counting::Avx512), &expected);
        }
    }
}
