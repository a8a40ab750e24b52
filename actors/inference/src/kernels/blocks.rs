//! Matrix product over block-quantised weights: 4 or 8 bits a weight, a scale and a minimum for each 32 of them.
//!
//! Weights are repacked once into tiles of 16 outputs by 32 inputs, so that one vector load feeds 16 outputs.
//! Activations are int8 with a scale for each 32.
#![expect(unsafe_code, reason = "integer dot products are intrinsics; the safe wrappers assert the shapes")]

use half::f16;

use super::isa::{Isa, on_lanes};
use super::lanes::Lanes;
use super::split::{Columns, Workers};
use tile::{ROWS, Work};

mod tile;

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
