//! Multiplies a few rows by one tile of 16 outputs, on each instruction set.
#![expect(unsafe_code, reason = "integer dot products are intrinsics; `Blocks::multiply` asserts the shapes")]

use half::f16;

use super::{BLOCK, Bits, TILE};
use crate::kernels::isa::{Isa, Kind};

/// Rows of one register tile: two integer sums and one float sum a row leave room for the weights.
pub(super) const ROWS: usize = 6;

/// Up to six rows by one tile of 16 outputs. The pointers hold: `q` `blocks` tiles, `scales` and (for 4 bits)
/// `minima` 16 values a block, `x` 32 values a block and row, `x_scales` and `x_sums` one value a block and row,
/// `y` rows of 16 that are `stride` apart.
pub(super) struct Work {
    pub(super) q: *const u8,
    pub(super) scales: *const f16,
    pub(super) minima: *const f16,
    pub(super) blocks: usize,
    pub(super) x: *const i8,
    pub(super) x_scales: *const f32,
    pub(super) x_sums: *const f32,
    pub(super) y: *mut f32,
    pub(super) stride: usize,
}

/// Calls a method with the number of rows as a constant.
macro_rules! by_count {
    ($self:ident.$name:ident($count:expr)) => {
        match $count {
            1 => $self.$name::<1>(),
            2 => $self.$name::<2>(),
            3 => $self.$name::<3>(),
            4 => $self.$name::<4>(),
            5 => $self.$name::<5>(),
            _ => $self.$name::<6>(),
        }
    };
}

impl Work {
    /// Runs on the instruction set that `isa` proves.
    ///
    /// # Safety
    /// The pointers hold what the fields say for `count` rows, at most [`ROWS`].
    pub(super) unsafe fn run(&self, isa: Isa, bits: Bits, count: usize) {
        // SAFETY: the caller vouches for the pointers, the Isa for the instructions.
        unsafe {
            match (isa.kind(), bits) {
                #[cfg(target_arch = "x86_64")]
                (Kind::Avx512, Bits::Four) => by_count!(self.vnni_four(count)),
                #[cfg(target_arch = "x86_64")]
                (Kind::Avx512, Bits::Eight) => by_count!(self.vnni_eight(count)),
                #[cfg(target_arch = "x86_64")]
                (Kind::Avx2, Bits::Four) => by_count!(self.avx2_four(count)),
                #[cfg(target_arch = "x86_64")]
                (Kind::Avx2, Bits::Eight) => by_count!(self.avx2_eight(count)),
                (Kind::Scalar, bits) => self.scalar(bits, count),
            }
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c")]
    unsafe fn vnni_four<const M: usize>(&self) {
        use core::arch::x86_64::*;
        // SAFETY: the pointers hold what `Work` says; prefetching beyond the end is harmless.
        unsafe {
            let nibble = _mm512_set1_epi8(15);
            let mut totals = [_mm512_setzero_ps(); M];
            for block in 0..self.blocks {
                let q = self.q.add(block * 256);
                for line in 0..4 {
                    _mm_prefetch::<_MM_HINT_T0>(q.wrapping_add(2048 + line * 64).cast());
                }
                let mut low_sums = [_mm512_setzero_si512(); M];
                let mut high_sums = [_mm512_setzero_si512(); M];
                for group in 0..4 {
                    let both = _mm512_loadu_si512(q.add(group * 64).cast());
                    let low = _mm512_and_si512(both, nibble);
                    let high = _mm512_and_si512(_mm512_srli_epi16::<4>(both), nibble);
                    for m in 0..M {
                        let x = self.x.add((m * self.blocks + block) * BLOCK + group * 4);
                        let (near, far) = (x.cast::<i32>(), x.add(16).cast::<i32>());
                        low_sums[m] =
                            _mm512_dpbusd_epi32(low_sums[m], low, _mm512_set1_epi32(near.read_unaligned()));
                        high_sums[m] =
                            _mm512_dpbusd_epi32(high_sums[m], high, _mm512_set1_epi32(far.read_unaligned()));
                    }
                }
                let scale = _mm512_cvtph_ps(_mm256_loadu_si256(self.scales.add(block * TILE).cast()));
                let minimum = _mm512_cvtph_ps(_mm256_loadu_si256(self.minima.add(block * TILE).cast()));
                for m in 0..M {
                    let sum = _mm512_cvtepi32_ps(_mm512_add_epi32(low_sums[m], high_sums[m]));
                    let x_scale = _mm512_set1_ps(*self.x_scales.add(m * self.blocks + block));
                    let x_sum = _mm512_set1_ps(*self.x_sums.add(m * self.blocks + block));
                    totals[m] = _mm512_fmadd_ps(_mm512_mul_ps(scale, x_scale), sum, totals[m]);
                    totals[m] = _mm512_fmadd_ps(minimum, x_sum, totals[m]);
                }
            }
            for (m, total) in totals.iter().enumerate() {
                _mm512_storeu_ps(self.y.add(m * self.stride), *total);
            }
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c")]
    unsafe fn vnni_eight<const M: usize>(&self) {
        use core::arch::x86_64::*;
        // SAFETY: the pointers hold what `Work` says; prefetching beyond the end is harmless.
        unsafe {
            let mut totals = [_mm512_setzero_ps(); M];
            for block in 0..self.blocks {
                let q = self.q.add(block * 512);
                for line in 0..8 {
                    _mm_prefetch::<_MM_HINT_T0>(q.wrapping_add(4096 + line * 64).cast());
                }
                let mut even_sums = [_mm512_setzero_si512(); M];
                let mut odd_sums = [_mm512_setzero_si512(); M];
                for group in 0..4 {
                    let even = _mm512_loadu_si512(q.add(group * 128).cast());
                    let odd = _mm512_loadu_si512(q.add(group * 128 + 64).cast());
                    for m in 0..M {
                        let x = self.x.add((m * self.blocks + block) * BLOCK + group * 8);
                        let (near, far) = (x.cast::<i32>(), x.add(4).cast::<i32>());
                        even_sums[m] =
                            _mm512_dpbusd_epi32(even_sums[m], even, _mm512_set1_epi32(near.read_unaligned()));
                        odd_sums[m] =
                            _mm512_dpbusd_epi32(odd_sums[m], odd, _mm512_set1_epi32(far.read_unaligned()));
                    }
                }
                let scale = _mm512_cvtph_ps(_mm256_loadu_si256(self.scales.add(block * TILE).cast()));
                for m in 0..M {
                    let sum = _mm512_cvtepi32_ps(_mm512_add_epi32(even_sums[m], odd_sums[m]));
                    let x_scale = _mm512_set1_ps(*self.x_scales.add(m * self.blocks + block));
                    let offset = _mm512_set1_ps(-128.0 * *self.x_sums.add(m * self.blocks + block));
                    totals[m] = _mm512_fmadd_ps(scale, _mm512_fmadd_ps(sum, x_scale, offset), totals[m]);
                }
            }
            for (m, total) in totals.iter().enumerate() {
                _mm512_storeu_ps(self.y.add(m * self.stride), *total);
            }
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma,f16c")]
    unsafe fn avx2_four<const M: usize>(&self) {
        use core::arch::x86_64::*;
        // SAFETY: the pointers hold what `Work` says.
        unsafe {
            let (nibble, ones) = (_mm256_set1_epi8(15), _mm256_set1_epi16(1));
            for lane in (0..TILE).step_by(8) {
                let mut totals = [_mm256_setzero_ps(); M];
                for block in 0..self.blocks {
                    // Eight products of at most 15 * 127 * 2 stay within 16 bits.
                    let mut pairs = [_mm256_setzero_si256(); M];
                    for group in 0..4 {
                        let q = self.q.add(block * 256 + group * 64 + lane * 4);
                        let both = _mm256_loadu_si256(q.cast());
                        let low = _mm256_and_si256(both, nibble);
                        let high = _mm256_and_si256(_mm256_srli_epi16::<4>(both), nibble);
                        for (m, pairs) in pairs.iter_mut().enumerate() {
                            let x = self.x.add((m * self.blocks + block) * BLOCK + group * 4);
                            let near = _mm256_set1_epi32(x.cast::<i32>().read_unaligned());
                            let far = _mm256_set1_epi32(x.add(16).cast::<i32>().read_unaligned());
                            let products = _mm256_add_epi16(
                                _mm256_maddubs_epi16(low, near),
                                _mm256_maddubs_epi16(high, far),
                            );
                            *pairs = _mm256_add_epi16(*pairs, products);
                        }
                    }
                    let scale = _mm256_cvtph_ps(_mm_loadu_si128(self.scales.add(block * TILE + lane).cast()));
                    let minimum =
                        _mm256_cvtph_ps(_mm_loadu_si128(self.minima.add(block * TILE + lane).cast()));
                    for m in 0..M {
                        let sum = _mm256_cvtepi32_ps(_mm256_madd_epi16(pairs[m], ones));
                        let x_scale = _mm256_set1_ps(*self.x_scales.add(m * self.blocks + block));
                        let x_sum = _mm256_set1_ps(*self.x_sums.add(m * self.blocks + block));
                        totals[m] = _mm256_fmadd_ps(_mm256_mul_ps(scale, x_scale), sum, totals[m]);
                        totals[m] = _mm256_fmadd_ps(minimum, x_sum, totals[m]);
                    }
                }
                for (m, total) in totals.iter().enumerate() {
                    _mm256_storeu_ps(self.y.add(m * self.stride + lane), *total);
                }
            }
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma,f16c")]
    unsafe fn avx2_eight<const M: usize>(&self) {
        use core::arch::x86_64::*;
        // SAFETY: the pointers hold what `Work` says.
        unsafe {
            let (flip, ones) = (_mm256_set1_epi8(-128), _mm256_set1_epi16(1));
            for lane in (0..TILE).step_by(8) {
                let mut totals = [_mm256_setzero_ps(); M];
                for block in 0..self.blocks {
                    let mut sums = [_mm256_setzero_si256(); M];
                    for group in 0..8 {
                        let q = self.q.add(block * 512 + group * 64 + lane * 4);
                        let w = _mm256_xor_si256(_mm256_loadu_si256(q.cast()), flip);
                        let size = _mm256_abs_epi8(w);
                        for (m, sum) in sums.iter_mut().enumerate() {
                            let x = self.x.add((m * self.blocks + block) * BLOCK + group * 4);
                            let x = _mm256_set1_epi32(x.cast::<i32>().read_unaligned());
                            // |w| * (x with w's sign) is w * x and stays within 16 bits: 128 * 127 * 2.
                            let pairs = _mm256_maddubs_epi16(size, _mm256_sign_epi8(x, w));
                            *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(pairs, ones));
                        }
                    }
                    let scale = _mm256_cvtph_ps(_mm_loadu_si128(self.scales.add(block * TILE + lane).cast()));
                    for m in 0..M {
                        let x_scale = _mm256_set1_ps(*self.x_scales.add(m * self.blocks + block));
                        let sum = _mm256_mul_ps(_mm256_cvtepi32_ps(sums[m]), x_scale);
                        totals[m] = _mm256_fmadd_ps(scale, sum, totals[m]);
                    }
                }
                for (m, total) in totals.iter().enumerate() {
                    _mm256_storeu_ps(self.y.add(m * self.stride + lane), *total);
                }
            }
        }
    }

    unsafe fn scalar(&self, bits: Bits, count: usize) {
        // SAFETY: the pointers hold what `Work` says.
        unsafe {
            for m in 0..count {
                let mut totals = [0f32; TILE];
                for block in 0..self.blocks {
                    let x = self.x.add((m * self.blocks + block) * BLOCK).cast::<[i8; BLOCK]>().read();
                    let x_scale = *self.x_scales.add(m * self.blocks + block);
                    let x_sum = *self.x_sums.add(m * self.blocks + block);
                    for (lane, total) in totals.iter_mut().enumerate() {
                        let scale = (*self.scales.add(block * TILE + lane)).to_f32_const();
                        let q = self.q.add(block * bits.tile_bytes() + lane * 4);
                        let byte = |i: usize| i32::from(*q.add(i / 4 * 64 + i % 4));
                        match bits {
                            Bits::Four => {
                                let sum: i32 = (0..BLOCK / 2)
                                    .map(|i| {
                                        (byte(i) & 15) * i32::from(x[i])
                                            + (byte(i) >> 4) * i32::from(x[i + 16])
                                    })
                                    .sum();
                                let minimum = (*self.minima.add(block * TILE + lane)).to_f32_const();
                                *total += scale * x_scale * sum as f32 + minimum * x_sum;
                            }
                            Bits::Eight => {
                                let sum: i32 = (0..BLOCK).map(|i| (byte(i) - 128) * i32::from(x[i])).sum();
                                *total += scale * (sum as f32 * x_scale);
                            }
                        }
                    }
                }
                self.y.add(m * self.stride).cast::<[f32; TILE]>().write_unaligned(totals);
            }
        }
    }
}
