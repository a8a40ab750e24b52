//! Matrix product over block-quantised weights: 4 or 8 bits a weight, a scale and a minimum for each 32 of them.
//!
//! Weights are repacked once into tiles of 16 outputs by 32 inputs, so that one vector load feeds 16 outputs.
//! Activations are int8 with a scale for each 32.
#![expect(unsafe_code, reason = "integer dot products are intrinsics; the safe wrappers assert the shapes")]

use half::f16;

use super::isa::{Isa, Kind, on_lanes};
use super::lanes::Lanes;
use super::split::{Columns, Workers};

/// Inputs that share a scale.
pub(crate) const BLOCK: usize = 32;
/// Outputs of one tile.
pub(crate) const TILE: usize = 16;
/// Adding 1.5 * 2^23 leaves the rounded integer in the low bits.
const ROUND: f32 = 12_582_912.0;

/// Bits of a packed weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bits {
    /// `scale * q + minimum`, q in 0..=15
    Four,
    /// `scale * (q - 128)`, q in 0..=255; the minimum is not used
    Eight,
}

/// One block as the file states it, before packing.
pub(crate) struct Block {
    /// Unsigned weights as [`Bits`] reads them.
    pub(crate) q: [u8; BLOCK],
    pub(crate) scale: f16,
    pub(crate) minimum: f16,
}

impl Block {
    /// Weights of nothing but zeros.
    pub(crate) fn zero(bits: Bits) -> Self {
        let q = if bits == Bits::Four { 0 } else { 128 };
        Self { q: [q; BLOCK], scale: f16::ZERO, minimum: f16::ZERO }
    }
}

/// Weights `[outputs][inputs]`, packed as `[outputs / 16][inputs / 32]` tiles.
///
/// A tile of 4 bits is `[4][16][4]` bytes: group g of output o holds inputs 4g..4g+4 in the low nibbles and
/// 16+4g.. in the high ones. A tile of 8 bits is `[8][16][4]` bytes: group g holds inputs 4g..4g+4.
pub(crate) struct Blocks {
    bits: Bits,
    outputs: usize,
    inputs: usize,
    q: Vec<u8>,
    scales: Vec<f16>,
    minima: Vec<f16>,
}

/// Rows of activations: int8, and for each 32 the scale and the scale times the sum.
#[derive(Default)]
pub(crate) struct Activations {
    rows: usize,
    inputs: usize,
    q: Vec<i8>,
    scales: Vec<f32>,
    sums: Vec<f32>,
}

impl Activations {
    /// Quantises the rows `x` of `inputs` values (a multiple of 32), reusing this buffer.
    pub(crate) fn fill(&mut self, isa: Isa, workers: &Workers, x: &[f32], inputs: usize) {
        assert!(inputs.is_multiple_of(BLOCK) && x.len().is_multiple_of(inputs), "whole blocks");
        self.rows = x.len() / inputs;
        self.inputs = inputs;
        self.q.resize(x.len(), 0);
        self.scales.resize(x.len() / BLOCK, 0.0);
        self.sums.resize(x.len() / BLOCK, 0.0);
        let share = workers.share(x.len() / BLOCK);
        let scales = self.scales.chunks_mut(share).zip(self.sums.chunks_mut(share));
        let parts = x.chunks(share * BLOCK).zip(self.q.chunks_mut(share * BLOCK)).zip(scales).collect();
        workers.each_of(parts, |_, ((x, q), (scales, sums))| {
            // SAFETY: the parts have a value for each input and for each block.
            unsafe { quantise_on(isa, x, q, scales, sums) };
        });
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }
}

impl Blocks {
    /// Packs `outputs` (padded to whole tiles) rows of `inputs` (a multiple of 32) weights; `read` gives block
    /// number `.1` of output `.0`.
    pub(crate) fn build(
        workers: &Workers,
        bits: Bits,
        outputs: usize,
        inputs: usize,
        read: impl Fn(usize, usize) -> Block + Sync + Send,
    ) -> Self {
        assert!(inputs.is_multiple_of(BLOCK) && outputs > 0 && inputs > 0, "whole blocks");
        let padded = outputs.next_multiple_of(TILE);
        let (blocks, tiles) = (inputs / BLOCK, padded / TILE);
        let minima = if bits == Bits::Four { tiles * blocks * TILE } else { 0 };
        let mut packed = Self {
            bits,
            outputs: padded,
            inputs,
            q: vec![0; tiles * blocks * bits.tile_bytes()],
            scales: vec![f16::ZERO; tiles * blocks * TILE],
            minima: vec![f16::ZERO; minima],
        };
        let mut minima = packed.minima.chunks_mut(blocks * TILE);
        let q = packed.q.chunks_mut(blocks * bits.tile_bytes());
        let rows = q.zip(packed.scales.chunks_mut(blocks * TILE));
        let rows: Vec<_> = rows.map(|(q, scales)| (q, scales, minima.next().unwrap_or_default())).collect();
        workers.each_of(rows, |tile, (q, scales, minima)| {
            for output in tile * TILE..((tile + 1) * TILE).min(outputs) {
                for block in 0..blocks {
                    let q = &mut q[block * bits.tile_bytes()..][..bits.tile_bytes()];
                    let at = block * TILE + output % TILE;
                    let from = read(output, block);
                    scales[at] = from.scale;
                    if let Some(minimum) = minima.get_mut(at) {
                        *minimum = from.minimum;
                    }
                    bits.put(q, output % TILE, &from.q);
                }
            }
        });
        packed
    }

    /// Writes the weights of `output` as f32: how a token's embedding is read.
    pub(crate) fn unpack(&self, output: usize, to: &mut [f32]) {
        assert!(output < self.outputs && to.len() == self.inputs, "a row of this matrix");
        let lane = output % TILE;
        for (block, to) in to.chunks_exact_mut(BLOCK).enumerate() {
            let tile = output / TILE * (self.inputs / BLOCK) + block;
            let q = &self.q[tile * self.bits.tile_bytes()..][..self.bits.tile_bytes()];
            let scale = self.scales[tile * TILE + lane].to_f32();
            match self.bits {
                Bits::Four => {
                    let minimum = self.minima[tile * TILE + lane].to_f32();
                    for i in 0..BLOCK / 2 {
                        let both = q[i / 4 * 64 + lane * 4 + i % 4];
                        to[i] = scale * f32::from(both & 15) + minimum;
                        to[i + 16] = scale * f32::from(both >> 4) + minimum;
                    }
                }
                Bits::Eight => {
                    for (i, to) in to.iter_mut().enumerate() {
                        *to = scale * (f32::from(q[i / 4 * 64 + lane * 4 + i % 4]) - 128.0);
                    }
                }
            }
        }
    }

    /// Outputs, padded to whole tiles.
    pub(crate) fn outputs(&self) -> usize {
        self.outputs
    }

    /// Tiles of 16 outputs.
    pub(crate) fn tiles(&self) -> usize {
        self.outputs / TILE
    }

    pub(crate) fn inputs(&self) -> usize {
        self.inputs
    }

    pub(crate) fn bytes(&self) -> usize {
        self.q.len() + 2 * (self.scales.len() + self.minima.len())
    }

    /// Writes the outputs of `tile` for every row of `x` into `y`, whose rows are [`Blocks::outputs`] long.
    pub(crate) fn multiply(&self, isa: Isa, x: &Activations, tile: usize, y: &Columns<'_>) {
        assert!((tile + 1) * TILE <= self.outputs && x.inputs == self.inputs, "a tile of this matrix");
        let blocks = self.inputs / BLOCK;
        let minima = self.minima.get(tile * blocks * TILE..).unwrap_or_default();
        let tile_bytes = self.bits.tile_bytes();
        for row in (0..x.rows).step_by(ROWS) {
            let count = (x.rows - row).min(ROWS);
            let work = Work {
                q: self.q[tile * blocks * tile_bytes..][..blocks * tile_bytes].as_ptr(),
                scales: self.scales[tile * blocks * TILE..][..blocks * TILE].as_ptr(),
                minima: minima.as_ptr(),
                blocks,
                x: x.q[row * self.inputs..].as_ptr(),
                x_scales: x.scales[row * blocks..].as_ptr(),
                x_sums: x.sums[row * blocks..].as_ptr(),
                y: y.at(row, count, tile * TILE, TILE),
                stride: y.stride(),
            };
            // SAFETY: the slices above hold what `Work` promises; an Isa exists only where it runs.
            unsafe { work.run(isa, self.bits, count) };
        }
    }
}

impl Bits {
    /// Places a block's weights into the lane of one output.
    fn put(self, tile: &mut [u8], lane: usize, from: &[u8; BLOCK]) {
        match self {
            Bits::Four => {
                for i in 0..BLOCK / 2 {
                    tile[i / 4 * 64 + lane * 4 + i % 4] = from[i] & 15 | from[i + 16] << 4;
                }
            }
            Bits::Eight => {
                for (i, value) in from.iter().enumerate() {
                    tile[i / 4 * 64 + lane * 4 + i % 4] = *value;
                }
            }
        }
    }

    const fn tile_bytes(self) -> usize {
        match self {
            Bits::Four => TILE * BLOCK / 2,
            Bits::Eight => TILE * BLOCK,
        }
    }
}

/// Rows of one register tile: two integer sums and one float sum a row leave room for the weights.
const ROWS: usize = 6;

/// Up to six rows by one tile of 16 outputs. The pointers hold: `q` `blocks` tiles, `scales` and (for 4 bits)
/// `minima` 16 values a block, `x` 32 values a block and row, `x_scales` and `x_sums` one value a block and row,
/// `y` rows of 16 that are `stride` apart.
struct Work {
    q: *const u8,
    scales: *const f16,
    minima: *const f16,
    blocks: usize,
    x: *const i8,
    x_scales: *const f32,
    x_sums: *const f32,
    y: *mut f32,
    stride: usize,
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
    unsafe fn run(&self, isa: Isa, bits: Bits, count: usize) {
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

on_lanes! {
    unsafe fn quantise_on(x: &[f32], q: &mut [i8], scales: &mut [f32], sums: &mut [f32]) = quantise
}

#[inline(always)]
unsafe fn quantise<L: Lanes>(l: L, x: &[f32], q: &mut [i8], scales: &mut [f32], sums: &mut [f32]) {
    let blocks = x.chunks_exact(BLOCK).zip(q.chunks_exact_mut(BLOCK)).zip(scales).zip(sums);
    for (((x, q), scale), sum) in blocks {
        // SAFETY: a block has 32 values, a multiple of every N.
        let largest = unsafe {
            let mut largest = l.splat(0.0);
            for i in (0..BLOCK).step_by(L::N) {
                largest = l.max(largest, l.abs(l.load(x.as_ptr().add(i))));
            }
            l.largest(largest)
        };
        let inverse = if largest > 0.0 { 127.0 / largest } else { 0.0 };
        let mut total = 0i32;
        for (x, q) in x.iter().zip(q) {
            *q = (x * inverse + ROUND).to_bits() as i8;
            total += i32::from(*q);
        }
        *scale = largest / 127.0;
        *sum = *scale * total as f32;
    }
}
