//! Dot products of one question with many 8-bit rows, with the widest instructions that the processor has.

/// Row length is a multiple of this, so that no kernel needs a tail.
pub(super) const LANES: usize = 64;

/// How dot products are computed on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kernel {
    /// AVX-512 with VNNI: 64 products an instruction.
    Avx512Vnni,
    /// AVX2: 16 products an instruction.
    Avx2,
    /// Any processor.
    Scalar,
}

impl Kernel {
    /// The fastest one of this processor.
    #[must_use]
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vnni") {
                return Self::Avx512Vnni;
            }
            if is_x86_feature_detected!("avx2") {
                return Self::Avx2;
            }
        }
        Self::Scalar
    }

    /// The dot product of `question` with each of `rows`, handed to `each` in their order with what names the row.
    ///
    /// `question.len()` must be a multiple of 64, and that of a row the same; other rows are passed over.
    pub(super) fn scan<'r, Name>(
        self,
        question: &[i8],
        rows: impl Iterator<Item = (Name, &'r [i8])>,
        mut each: impl FnMut(Name, i32),
    ) {
        if question.is_empty() || !question.len().is_multiple_of(LANES) {
            return;
        }
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni
                if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vnni") =>
            {
                #[expect(unsafe_code, reason = "the instructions exist only on some processors")]
                // SAFETY: both features were detected on this processor in the guard just above.
                unsafe {
                    x86::scan_vnni(question, rows, &mut each);
                }
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 if is_x86_feature_detected!("avx2") => {
                #[expect(unsafe_code, reason = "the instructions exist only on some processors")]
                // SAFETY: the feature was detected on this processor in the guard just above.
                unsafe {
                    x86::scan_avx2(question, rows, &mut each);
                }
            }
            _ => {
                for (name, row) in rows.filter(|(_, row)| row.len() == question.len()) {
                    each(name, question.iter().zip(row).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum());
                }
            }
        }
    }
}

/// Asks for a row that is needed soon.
pub(super) fn prefetch(row: &[i8]) {
    #[cfg(target_arch = "x86_64")]
    for line in row.chunks(CACHE_LINE) {
        #[expect(unsafe_code, reason = "the instruction takes a pointer")]
        // SAFETY: the pointer is that of a live slice, and a prefetch reads nothing that could be seen.
        unsafe {
            core::arch::x86_64::_mm_prefetch::<{ core::arch::x86_64::_MM_HINT_T0 }>(line.as_ptr());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = row;
}

/// Bytes that memory answers with at a time.
#[cfg(target_arch = "x86_64")]
const CACHE_LINE: usize = 64;

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m128i, __m512i, _mm_add_epi32, _mm_cvtsi128_si32, _mm_loadu_si128, _mm_shuffle_epi32,
        _mm256_add_epi32, _mm256_castsi256_si128, _mm256_cvtepi8_epi16, _mm256_extracti128_si256,
        _mm256_madd_epi16, _mm256_setzero_si256, _mm512_dpbusd_epi32, _mm512_loadu_si512,
        _mm512_reduce_add_epi32, _mm512_set1_epi8, _mm512_setzero_si512, _mm512_xor_si512,
    };

    use super::LANES;

    /// The instruction multiplies unsigned with signed bytes: the row is shifted by 128 and the shift taken off again.
    #[target_feature(enable = "avx512f,avx512vnni")]
    pub(super) fn scan_vnni<'r, Name>(
        question: &[i8],
        rows: impl Iterator<Item = (Name, &'r [i8])>,
        each: &mut impl FnMut(Name, i32),
    ) {
        let shift: i32 = question.iter().map(|value| i32::from(*value)).sum::<i32>() * 128;
        let flip = _mm512_set1_epi8(i8::MIN);
        let (question, _) = question.as_chunks::<LANES>();
        for (name, row) in rows {
            let (row, _) = row.as_chunks::<LANES>();
            if row.len() != question.len() {
                continue;
            }
            let mut sum = _mm512_setzero_si512();
            for (a, b) in question.iter().zip(row) {
                let (a, b) = (load512(a), load512(b));
                sum = _mm512_dpbusd_epi32(sum, _mm512_xor_si512(b, flip), a);
            }
            each(name, _mm512_reduce_add_epi32(sum) - shift);
        }
    }

    #[target_feature(enable = "avx512f")]
    fn load512(from: &[i8; LANES]) -> __m512i {
        #[expect(unsafe_code, reason = "a load takes a pointer")]
        // SAFETY: the array has exactly the 64 bytes that are read, and the load needs no alignment.
        unsafe {
            _mm512_loadu_si512(from.as_ptr().cast::<__m512i>())
        }
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn scan_avx2<'r, Name>(
        question: &[i8],
        rows: impl Iterator<Item = (Name, &'r [i8])>,
        each: &mut impl FnMut(Name, i32),
    ) {
        let (question, _) = question.as_chunks::<16>();
        for (name, row) in rows {
            let (row, _) = row.as_chunks::<16>();
            if row.len() != question.len() {
                continue;
            }
            let mut sum = _mm256_setzero_si256();
            for (a, b) in question.iter().zip(row) {
                let (a, b) = (_mm256_cvtepi8_epi16(load128(a)), _mm256_cvtepi8_epi16(load128(b)));
                sum = _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
            }
            let four = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256::<1>(sum));
            let two = _mm_add_epi32(four, _mm_shuffle_epi32::<0b01_00_11_10>(four));
            let one = _mm_add_epi32(two, _mm_shuffle_epi32::<0b10_11_00_01>(two));
            each(name, _mm_cvtsi128_si32(one));
        }
    }

    #[target_feature(enable = "avx2")]
    fn load128(from: &[i8; 16]) -> __m128i {
        #[expect(unsafe_code, reason = "a load takes a pointer")]
        // SAFETY: the array has exactly the 16 bytes that are read, and the load needs no alignment.
        unsafe {
            _mm_loadu_si128(from.as_ptr().cast::<__m128i>())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_kernel_gives_the_same_numbers(
            question in prop::collection::vec(any::<i8>(), 128..=128),
            rows in prop::collection::vec(any::<i8>(), 0..700),
        ) {
            let run = |kernel: Kernel| {
                let mut out = Vec::new();
                kernel.scan(&question, rows.chunks_exact(128).enumerate(), |row, dot| out.push((row, dot)));
                out
            };
            let expected = run(Kernel::Scalar);
            prop_assert_eq!(expected.len(), rows.len() / 128);
            prop_assert_eq!(&run(Kernel::Avx2), &expected);
            prop_assert_eq!(&run(Kernel::Avx512Vnni), &expected);
        }
    }
}
