//! Repacks the file's quantised matrices into the kernels' tiles.
//!
//! Formats of at most 4 bits with one scale (and minimum) for 32 weights are kept exactly, and so are Q5_0 and Q8_0
//! in 8 bits; Q5_K, Q6_K and floating point are rounded to 8 bits for each 32 weights.

use candle_core::quantized::GgmlDType;
use half::f16;

use crate::kernels::blocks::{BLOCK, Bits, Block, Blocks};
use crate::kernels::split::Workers;

/// Weights of a K-quantised super-block.
const SUPER: usize = 256;

/// The names of the formats that [`pack`] reads, for messages.
pub(super) const SUPPORTED: &str = "Q4_0, Q4_1, Q5_0, Q8_0, Q4_K, Q5_K, Q6_K, F16 and F32";

/// Packs `outputs` rows of `inputs` weights; `None` when the format is not supported or does not divide the row.
pub(super) fn pack(
    workers: &Workers,
    dtype: GgmlDType,
    raw: &[u8],
    outputs: usize,
    inputs: usize,
) -> Option<Blocks> {
    let read = reader(dtype)?;
    if !inputs.is_multiple_of(dtype.block_size().max(BLOCK)) {
        return None;
    }
    let row_bytes = inputs / dtype.block_size() * dtype.type_size();
    let bits = match dtype {
        GgmlDType::Q4_0 | GgmlDType::Q4_1 | GgmlDType::Q4K => Bits::Four,
        _ => Bits::Eight,
    };
    let row = |output: usize| raw.get(output * row_bytes..(output + 1) * row_bytes);
    Some(Blocks::build(workers, bits, outputs, inputs, |output, block| match row(output) {
        Some(row) => read(row, block),
        None => Block::zero(bits),
    }))
}

/// Reads block number `n` (32 weights) of a row's bytes.
type Read = fn(&[u8], usize) -> Block;

fn reader(dtype: GgmlDType) -> Option<Read> {
    Some(match dtype {
        GgmlDType::Q4_0 => q4_0,
        GgmlDType::Q4_1 => q4_1,
        GgmlDType::Q5_0 => q5_0,
        GgmlDType::Q8_0 => q8_0,
        GgmlDType::Q4K => q4_k,
        GgmlDType::Q5K => q5_k,
        GgmlDType::Q6K => q6_k,
        GgmlDType::F16 => {
            |row, n| rounded(std::array::from_fn(|i| half_at(row, (n * BLOCK + i) * 2).to_f32()))
        }
        GgmlDType::F32 => |row, n| rounded(std::array::from_fn(|i| float_at(row, (n * BLOCK + i) * 4))),
        _ => return None,
    })
}

fn half_at(bytes: &[u8], at: usize) -> f16 {
    f16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn float_at(bytes: &[u8], at: usize) -> f32 {
    f32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Nibbles as the 32-weight formats store them: low ones first, then high ones.
fn nibbles(bytes: &[u8]) -> [u8; BLOCK] {
    std::array::from_fn(|i| if i < 16 { bytes[i] & 15 } else { bytes[i - 16] >> 4 })
}

fn q4_0(row: &[u8], n: usize) -> Block {
    let block = &row[n * 18..][..18];
    let scale = half_at(block, 0);
    Block { q: nibbles(&block[2..]), scale, minimum: f16::from_f32(-8.0 * scale.to_f32()) }
}

fn q4_1(row: &[u8], n: usize) -> Block {
    let block = &row[n * 20..][..20];
    Block { q: nibbles(&block[4..]), scale: half_at(block, 0), minimum: half_at(block, 2) }
}

fn q5_0(row: &[u8], n: usize) -> Block {
    let block = &row[n * 22..][..22];
    let high = u32::from_le_bytes([block[2], block[3], block[4], block[5]]);
    let low = nibbles(&block[6..]);
    // 0..=31 stands for -16..=15, and 128 for 0 in the packed form.
    let q = std::array::from_fn(|i| (low[i] | ((high >> i) as u8 & 1) << 4) + (128 - 16));
    Block { q, scale: half_at(block, 0), minimum: f16::ZERO }
}

fn q8_0(row: &[u8], n: usize) -> Block {
    let block = &row[n * 34..][..34];
    Block { q: std::array::from_fn(|i| block[2 + i] ^ 0x80), scale: half_at(block, 0), minimum: f16::ZERO }
}

/// The 6-bit scale and minimum of sub-block `n` of a Q4_K or Q5_K super-block.
fn scale_and_minimum(packed: &[u8], n: usize) -> (f32, f32) {
    let (scale, minimum) = if n < 4 {
        (packed[n] & 63, packed[n + 4] & 63)
    } else {
        let (low, high) = (packed[n + 4], packed[n]);
        ((low & 15) | (packed[n - 4] >> 6) << 4, (low >> 4) | (high >> 6) << 4)
    };
    (scale.into(), minimum.into())
}

fn q4_k(row: &[u8], n: usize) -> Block {
    let block = &row[n * BLOCK / SUPER * 144..][..144];
    let n = n % (SUPER / BLOCK);
    let (scale, minimum) = scale_and_minimum(&block[4..16], n);
    let bytes = &block[16 + n / 2 * 32..][..32];
    Block {
        q: std::array::from_fn(|i| if n.is_multiple_of(2) { bytes[i] & 15 } else { bytes[i] >> 4 }),
        scale: f16::from_f32(half_at(block, 0).to_f32() * scale),
        minimum: f16::from_f32(-half_at(block, 2).to_f32() * minimum),
    }
}

fn q5_k(row: &[u8], n: usize) -> Block {
    let block = &row[n * BLOCK / SUPER * 176..][..176];
    let n = n % (SUPER / BLOCK);
    let (scale, minimum) = scale_and_minimum(&block[4..16], n);
    let (high, bytes) = (&block[16..48], &block[48 + n / 2 * 32..][..32]);
    let (scale, minimum) = (half_at(block, 0).to_f32() * scale, half_at(block, 2).to_f32() * minimum);
    rounded(std::array::from_fn(|i| {
        let low = if n.is_multiple_of(2) { bytes[i] & 15 } else { bytes[i] >> 4 };
        scale * f32::from(low | (high[i] >> n & 1) << 4) - minimum
    }))
}

fn q6_k(row: &[u8], n: usize) -> Block {
    let block = &row[n * BLOCK / SUPER * 210..][..210];
    let n = n % (SUPER / BLOCK);
    let (half, quarter) = (n / 4, n % 4);
    let (low, high) = (&block[half * 64..], &block[128 + half * 32..]);
    let scale = half_at(block, 208).to_f32();
    rounded(std::array::from_fn(|i| {
        let byte = low[i + quarter % 2 * 32];
        let nibble = if quarter < 2 { byte & 15 } else { byte >> 4 };
        let q = nibble | (high[i] >> (2 * quarter) & 3) << 4;
        let part = block[192 + half * 8 + quarter * 2 + i / 16] as i8;
        scale * f32::from(part) * (f32::from(q) - 32.0)
    }))
}

/// The nearest 8-bit block.
fn rounded(weights: [f32; BLOCK]) -> Block {
    let largest = weights.iter().fold(0f32, |largest, w| largest.max(w.abs()));
    let scale = f16::from_f32(largest / 127.0);
    let inverse = if scale > f16::ZERO { 1.0 / scale.to_f32() } else { 0.0 };
    let q = weights.map(|w| ((w * inverse).round().clamp(-127.0, 127.0) + 128.0) as u8);
    Block { q, scale, minimum: f16::ZERO }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::quantized::QTensor;
    use candle_core::{Device, Tensor};

    /// Quantises with candle, packs, and compares with what candle reads back.
    fn worst(dtype: GgmlDType) -> f32 {
        let (outputs, inputs) = (20, 512);
        let values: Vec<f32> =
            (0..outputs * inputs).map(|i| ((i * 7919 % 1013) as f32 / 506.0 - 1.0).powi(3)).collect();
        let tensor = Tensor::from_vec(values, (outputs, inputs), &Device::Cpu).unwrap();
        let quantised = QTensor::quantize(&tensor, dtype).unwrap();
        let expected = quantised.dequantize(&Device::Cpu).unwrap().to_vec2::<f32>().unwrap();
        let workers = Workers::new(1).unwrap();
        let packed = pack(&workers, dtype, &quantised.data().unwrap(), outputs, inputs).unwrap();
        let mut row = vec![0f32; inputs];
        let mut worst = 0f32;
        for (output, expected) in expected.iter().enumerate() {
            packed.unpack(output, &mut row);
            worst = row.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(worst, f32::max);
        }
        worst
    }

    #[test]
    fn short_formats_are_kept_exactly() {
        for dtype in [GgmlDType::Q4_0, GgmlDType::Q4_1, GgmlDType::Q5_0, GgmlDType::Q8_0] {
            assert!(worst(dtype) <= 1e-6, "{dtype:?}: {}", worst(dtype));
        }
    }

    #[test]
    fn other_formats_are_rounded_to_eight_bits() {
        // Scales are rounded to f16 (Q4_K) or weights to 1/254 of the largest.
        for dtype in [GgmlDType::Q4K, GgmlDType::Q5K, GgmlDType::Q6K, GgmlDType::F16, GgmlDType::F32] {
            assert!(worst(dtype) <= 1.0 / 250.0, "{dtype:?}: {}", worst(dtype));
        }
    }

    #[test]
    fn other_formats_are_refused() {
        let workers = Workers::new(1).unwrap();
        for dtype in [GgmlDType::Q2K, GgmlDType::Q3K, GgmlDType::Q5_1, GgmlDType::BF16] {
            assert!(pack(&workers, dtype, &[0; 4096], 16, 256).is_none(), "{dtype:?}");
        }
        assert!(pack(&workers, GgmlDType::Q4K, &[0; 4096], 16, 288).is_none(), "rows of half a super-block");
    }
}
