//! Matrix product in int8: one scale per output channel for the weights, one per row for the activations.
//!
//! The integer sums are exact, so every instruction set gives the same result to the last bit.
#![expect(unsafe_code, reason = "integer dot products are intrinsics; the safe wrappers assert the shapes")]

use super::isa::{Isa, Kind, on_lanes};
use super::lanes::Lanes;
use super::split::{Columns, Workers};

/// Outputs of one panel.
pub(crate) const PANEL: usize = 32;
/// Adding 1.5 * 2^23 leaves the rounded integer in the low bits.
const ROUND: f32 = 12_582_912.0;

/// Int8 weights `[outputs][inputs]`, packed as `[outputs / 32][inputs / 4][32][4]`.
pub(crate) struct Channels {
    panels: Vec<i8>,
    scales: Vec<f32>,
    /// 128 times the sum of each output's weights: what storing activations as `q + 128` adds.
    offsets: Vec<i32>,
    inputs: usize,
    outputs: usize,
}

/// Rows of activations as `q + 128` with a scale per row.
#[derive(Default)]
pub(crate) struct Quantised {
    values: Vec<u8>,
    scales: Vec<f32>,
    inputs: usize,
}

impl Quantised {
    /// Quantises the rows `x` of `inputs` values (a multiple of 16), reusing this buffer.
    pub(crate) fn fill(&mut self, isa: Isa, workers: &Workers, x: &[f32], inputs: usize) {
        assert!(inputs.is_multiple_of(16) && x.len().is_multiple_of(inputs), "whole rows");
        self.inputs = inputs;
        self.values.resize(x.len(), 0);
        self.scales.resize(x.len() / inputs, 0.0);
        let share = workers.share(x.len() / 16) * 16 / inputs + 1;
        let values = self.values.chunks_mut(share * inputs).zip(self.scales.chunks_mut(share));
        let parts = x.chunks(share * inputs).zip(values).collect();
        workers.each_of(parts, |_, (x, (q, scales))| {
            let rows = x.chunks_exact(inputs).zip(q.chunks_exact_mut(inputs));
            for ((x, q), scale) in rows.zip(scales) {
                // SAFETY: both rows have `inputs` values, a multiple of 16.
                *scale = unsafe { quantise_row_on(isa, x, q) };
            }
        });
    }
}

impl Channels {
    /// Quantises and packs `weight`: `outputs` (a multiple of 32) rows of `inputs` (a multiple of 16) values.
    pub(crate) fn pack(weight: &[f32], outputs: usize, inputs: usize) -> Self {
        assert!(outputs.is_multiple_of(PANEL) && inputs.is_multiple_of(16), "whole panels");
        assert_eq!(weight.len(), outputs * inputs, "whole panels");
        let mut packed = Self {
            panels: vec![0; weight.len()],
            scales: vec![0.0; outputs],
            offsets: vec![0; outputs],
            inputs,
            outputs,
        };
        for (output, row) in weight.chunks_exact(inputs).enumerate() {
            let largest = row.iter().fold(0f32, |largest, w| largest.max(w.abs()));
            let scale = if largest > 0.0 { largest / 127.0 } else { 1.0 };
            packed.scales[output] = scale;
            for (input, w) in row.iter().enumerate() {
                let q = (w / scale).round() as i8;
                packed.offsets[output] += 128 * i32::from(q);
                let group = output / PANEL * (inputs / 4) + input / 4;
                packed.panels[(group * PANEL + output % PANEL) * 4 + input % 4] = q;
            }
        }
        packed
    }

    pub(crate) fn bytes(&self) -> usize {
        self.panels.len() + 8 * self.outputs
    }

    /// Writes the outputs of `panel` for the activation rows `from..to` into the same rows of `y`.
    pub(crate) fn multiply(
        &self,
        isa: Isa,
        x: &Quantised,
        from: usize,
        to: usize,
        panel: usize,
        y: &Columns<'_>,
    ) {
        assert!((panel + 1) * PANEL <= self.outputs && x.inputs == self.inputs, "a panel of this matrix");
        assert!(from <= to && to <= x.scales.len(), "rows of these activations");
        let mut row = from;
        while row < to {
            let count = (to - row).min(ROWS);
            let work = Tile {
                x: x.values[row * self.inputs..].as_ptr(),
                inputs: self.inputs,
                w: self.panels[panel * PANEL * self.inputs..][..PANEL * self.inputs].as_ptr(),
                y: y.at(row, count, panel * PANEL, PANEL),
                stride: y.stride(),
                row_scales: x.scales[row..row + count].as_ptr(),
                scales: self.scales[panel * PANEL..][..PANEL].as_ptr(),
                offsets: self.offsets[panel * PANEL..][..PANEL].as_ptr(),
            };
            // SAFETY: the slices above hold what `Tile` promises; an Isa exists only where it runs.
            unsafe { work.run(isa, count) };
            row += count;
        }
    }
}

/// Rows of one register tile: 24 of AVX-512's 32 registers are sums.
const ROWS: usize = 12;

/// Up to twelve rows by one panel. The pointers hold: `x` count * inputs, `w` 32 * inputs, `row_scales` count,
/// `scales` and `offsets` 32 values, `y` count rows of 32 that are `stride` apart.
struct Tile {
    x: *const u8,
    inputs: usize,
    w: *const i8,
    y: *mut f32,
    stride: usize,
    row_scales: *const f32,
    scales: *const f32,
    offsets: *const i32,
}

impl Tile {
    unsafe fn run(&self, isa: Isa, count: usize) {
        // SAFETY: the caller vouches for the pointers, the Isa for the instructions.
        unsafe {
            match isa.kind() {
                #[cfg(target_arch = "x86_64")]
                Kind::Avx512 => match count {
                    1 => self.vnni::<1>(),
                    2 => self.vnni::<2>(),
                    3 => self.vnni::<3>(),
                    4 => self.vnni::<4>(),
                    5 => self.vnni::<5>(),
                    6 => self.vnni::<6>(),
                    7 => self.vnni::<7>(),
                    8 => self.vnni::<8>(),
                    9 => self.vnni::<9>(),
                    10 => self.vnni::<10>(),
                    11 => self.vnni::<11>(),
                    _ => self.vnni::<12>(),
                },
                #[cfg(target_arch = "x86_64")]
                Kind::Avx2 => {
                    for first in (0..count).step_by(4) {
                        match count - first {
                            1 => self.avx2::<1>(first),
                            2 => self.avx2::<2>(first),
                            3 => self.avx2::<3>(first),
                            _ => self.avx2::<4>(first),
                        }
                    }
                }
                Kind::Scalar => self.scalar(count),
            }
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512vnni,avx512bw,avx512vl")]
    unsafe fn vnni<const M: usize>(&self) {
        use core::arch::x86_64::*;
        // SAFETY: the pointers hold what `Tile` says.
        unsafe {
            let mut sums = [[_mm512_setzero_si512(); 2]; M];
            let mut w = self.w;
            for group in 0..self.inputs / 4 {
                let (w0, w1) = (_mm512_loadu_si512(w.cast()), _mm512_loadu_si512(w.add(64).cast()));
                w = w.add(128);
                for (m, sum) in sums.iter_mut().enumerate() {
                    let four = self.x.add(m * self.inputs + group * 4).cast::<i32>().read_unaligned();
                    let a = _mm512_set1_epi32(four);
                    sum[0] = _mm512_dpbusd_epi32(sum[0], a, w0);
                    sum[1] = _mm512_dpbusd_epi32(sum[1], a, w1);
                }
            }
            for half in 0..2 {
                let scale = _mm512_loadu_ps(self.scales.add(half * 16));
                let offset = _mm512_loadu_si512(self.offsets.add(half * 16).cast());
                for (m, sum) in sums.iter().enumerate() {
                    let exact = _mm512_cvtepi32_ps(_mm512_sub_epi32(sum[half], offset));
                    let both = _mm512_mul_ps(scale, _mm512_set1_ps(*self.row_scales.add(m)));
                    _mm512_storeu_ps(self.y.add(m * self.stride + half * 16), _mm512_mul_ps(exact, both));
                }
            }
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    unsafe fn avx2<const M: usize>(&self, first: usize) {
        use core::arch::x86_64::*;
        // SAFETY: the pointers hold what `Tile` says, and `first + M` rows exist.
        unsafe {
            let (ones, flip) = (_mm256_set1_epi16(1), _mm256_set1_epi32(0x8080_8080_u32 as i32));
            for quarter in (0..PANEL).step_by(8) {
                let mut sums = [_mm256_setzero_si256(); M];
                for group in 0..self.inputs / 4 {
                    let w = _mm256_loadu_si256(self.w.add((group * PANEL + quarter) * 4).cast());
                    let size = _mm256_abs_epi8(w);
                    for (m, sum) in sums.iter_mut().enumerate() {
                        let four = self.x.add((first + m) * self.inputs + group * 4).cast::<i32>();
                        let a = _mm256_xor_si256(_mm256_set1_epi32(four.read_unaligned()), flip);
                        // |w| * (a with w's sign) is w * a and stays within 16 bits: 127 * 127 * 2.
                        let pairs = _mm256_maddubs_epi16(size, _mm256_sign_epi8(a, w));
                        *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(pairs, ones));
                    }
                }
                let scale = _mm256_loadu_ps(self.scales.add(quarter));
                for (m, sum) in sums.iter().enumerate() {
                    let both = _mm256_mul_ps(scale, _mm256_set1_ps(*self.row_scales.add(first + m)));
                    let y = self.y.add((first + m) * self.stride + quarter);
                    _mm256_storeu_ps(y, _mm256_mul_ps(_mm256_cvtepi32_ps(*sum), both));
                }
            }
        }
    }

    unsafe fn scalar(&self, count: usize) {
        // SAFETY: the pointers hold what `Tile` says.
        unsafe {
            for m in 0..count {
                let mut sums = [0i32; PANEL];
                for group in 0..self.inputs / 4 {
                    let a = self.x.add(m * self.inputs + group * 4).cast::<[u8; 4]>().read();
                    let w = self.w.add(group * PANEL * 4).cast::<[[i8; 4]; PANEL]>().read();
                    for (sum, w) in sums.iter_mut().zip(w) {
                        *sum += (0..4).map(|i| (i32::from(a[i]) - 128) * i32::from(w[i])).sum::<i32>();
                    }
                }
                for (output, sum) in sums.iter().enumerate() {
                    let both = *self.scales.add(output) * *self.row_scales.add(m);
                    *self.y.add(m * self.stride + output) = *sum as f32 * both;
                }
            }
        }
    }
}

on_lanes! {
    unsafe fn quantise_row_on(x: &[f32], q: &mut [u8]) -> f32 = quantise_row
}

#[inline(always)]
unsafe fn quantise_row<L: Lanes>(l: L, x: &[f32], q: &mut [u8]) -> f32 {
    // SAFETY: both have the same length, a multiple of every N.
    let largest = unsafe {
        let mut largest = l.splat(0.0);
        for i in (0..x.len()).step_by(L::N) {
            largest = l.max(largest, l.abs(l.load(x.as_ptr().add(i))));
        }
        l.largest(largest)
    };
    let inverse = if largest > 0.0 { 127.0 / largest } else { 0.0 };
    for (x, q) in x.iter().zip(q) {
        *q = ((x * inverse + ROUND).to_bits() as u8).wrapping_add(128);
    }
    largest / 127.0
}
