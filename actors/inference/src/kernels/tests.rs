//! The instruction sets agree with each other and with arithmetic that a reader can check.

use half::f16;
use proptest::prelude::*;

use super::attention::{Run, append, attend};
use super::blocks::{Activations, BLOCK, Bits, Block, Blocks, TILE};
use super::channels::{self, Channels, Quantised};
use super::dense::{self, Dense};
use super::isa::Isa;
use super::rows::{self, Norm};
use super::split::{Columns, Workers};

/// Numbers in -1..1 that look random and are the same in every run.
fn noise(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        })
        .collect()
}

fn assert_close(a: &[f32], b: &[f32], tolerance: f32, what: &str) {
    assert_eq!(a.len(), b.len(), "{what}");
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        assert!((a - b).abs() <= tolerance * (1.0 + b.abs()), "{what}: value {i} is {a}, expected {b}");
    }
}

#[test]
fn a_models_threads_stand_back_on_full_cores() {
    let ours = rustix::process::getpriority_process(None).unwrap();
    for threads in [1, 2] {
        let workers = Workers::new(threads).unwrap();
        let theirs = workers.enter(|| rustix::process::getpriority_process(None)).unwrap();
        assert_eq!(theirs, (ours + 10).min(19), "{threads} threads");
    }
    assert_eq!(rustix::process::getpriority_process(None).unwrap(), ours, "this thread is as it was");
}

fn product(x: &[f32], weight: &[f32], inputs: usize) -> Vec<f32> {
    let row = |x: &[f32]| -> Vec<f32> {
        weight
            .chunks(inputs)
            .map(|w| w.iter().zip(x).map(|(w, x)| f64::from(w * x)).sum::<f64>() as f32)
            .collect()
    };
    x.chunks(inputs).flat_map(row).collect()
}

#[test]
fn the_last_instruction_set_runs_anywhere() {
    let all = Isa::available();
    assert_eq!(all.last().map(|isa| isa.name()), Some("scalar"));
    assert_eq!(all.first(), Some(&Isa::detect()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_dense_product_is_the_product(seed in any::<u64>(), rows in 1usize..30, k in 1usize..40, panels in 1usize..3) {
        let (inputs, outputs) = (k * 4, panels * dense::PANEL);
        let (x, weight) = (noise(seed, rows * inputs), noise(seed ^ 1, outputs * inputs));
        let packed = Dense::pack(&weight, outputs, inputs);
        for isa in Isa::available() {
            let mut y = vec![f32::NAN; rows * outputs];
            let columns = Columns::new(&mut y, outputs);
            (0..panels).for_each(|panel| packed.multiply(isa, &x, panel, &columns, 0));
            assert_close(&y, &product(&x, &weight, inputs), 1e-5, isa.name());
        }
    }

    #[test]
    fn int8_channels_agree_to_the_last_bit(seed in any::<u64>(), rows in 1usize..30, k in 1usize..12, panels in 1usize..3) {
        let (inputs, outputs) = (k * 16, panels * channels::PANEL);
        let (x, weight) = (noise(seed, rows * inputs), noise(seed ^ 1, outputs * inputs));
        let packed = Channels::pack(&weight, outputs, inputs);
        let results: Vec<Vec<f32>> = Isa::available().into_iter().map(|isa| {
            let mut quantised = Quantised::default();
            quantised.fill(isa, &Workers::new(1).unwrap(), &x, inputs);
            let mut y = vec![f32::NAN; rows * outputs];
            let columns = Columns::new(&mut y, outputs);
            (0..panels).for_each(|panel| packed.multiply(isa, &quantised, 0, rows, panel, &columns));
            y
        }).collect();
        for other in &results[1..] {
            prop_assert_eq!(&results[0], other);
        }
        // Two roundings to 1/254 of the largest value, over `inputs` products of at most 1.
        assert_close(&results[0], &product(&x, &weight, inputs), 0.01 * (inputs as f32).sqrt(), "int8");
    }

    #[test]
    fn block_products_agree_with_the_unpacked_weights(seed in any::<u64>(), rows in 1usize..16, blocks in 1usize..6, four in any::<bool>()) {
        let (inputs, outputs) = (blocks * BLOCK, 2 * TILE);
        let bits = if four { Bits::Four } else { Bits::Eight };
        let stated = noise(seed, outputs * blocks * (BLOCK + 2));
        let levels = if four { 15.0 } else { 255.0 };
        let packed = Blocks::build(&Workers::new(1).unwrap(), bits, outputs, inputs, |output, block| {
            let values = &stated[(output * blocks + block) * (BLOCK + 2)..];
            Block {
                q: std::array::from_fn(|j| ((values[j] + 1.0) / 2.0 * levels).round() as u8),
                scale: f16::from_f32(values[BLOCK] / 16.0),
                minimum: f16::from_f32(values[BLOCK + 1]),
            }
        });
        let mut weight = vec![0f32; outputs * inputs];
        weight.chunks_exact_mut(inputs).enumerate().for_each(|(output, row)| packed.unpack(output, row));
        // Whole numbers up to 127, with a 127 in each block, are quantised without loss.
        let x: Vec<f32> = noise(seed ^ 2, rows * inputs).iter().enumerate()
            .map(|(i, v)| if i % BLOCK == 0 { 127.0 } else { (v * 127.0).round() }).collect();
        let expected = product(&x, &weight, inputs);
        let size = weight.iter().fold(0f32, |a, w| a.max(w.abs())) * 127.0 * inputs as f32;
        for isa in Isa::available() {
            let mut activations = Activations::default();
            activations.fill(isa, &Workers::new(2).unwrap(), &x, inputs);
            let mut y = vec![f32::NAN; rows * outputs];
            let columns = Columns::new(&mut y, outputs);
            (0..2).for_each(|tile| packed.multiply(isa, &activations, tile, &columns));
            for (y, e) in y.iter().zip(&expected) {
                prop_assert!((y - e).abs() <= 1e-6 * size + 1e-4, "{}: {y} for {e}", isa.name());
            }
        }
    }

    #[test]
    fn fused_attention_is_softmax_attention(
        seed in any::<u64>(), queries in 1usize..20, first in 0usize..150, second in 1usize..150, wide in any::<bool>(),
    ) {
        let head = if wide { 64 } else { 32 };
        let total = first + second;
        let (keys, values) = (noise(seed, total * head), noise(seed ^ 1, total * head));
        let q: Vec<f32> = noise(seed ^ 2, queries * head).iter().map(|v| v * 2.0).collect();
        let visible: Vec<usize> = (0..queries).map(|i| 1 + (i * 37 + seed as usize % 101) % total).collect();
        let expected = plain_attention(&q, &visible, &keys, &values, head);
        let run = |from: usize, to: usize| {
            let (mut k, mut v) = (Vec::<f32>::new(), Vec::new());
            for i in from..to {
                append(&mut k, &mut v, i - from, &keys[i * head..][..head], &values[i * head..][..head]);
            }
            (k, v)
        };
        let (prefix, tail) = (run(0, first), run(first, total));
        for isa in Isa::available() {
            let runs = [
                Run { keys: &prefix.0, values: &prefix.1, count: first },
                Run { keys: &tail.0, values: &tail.1, count: second },
            ];
            let mut out = vec![f32::NAN; queries * head];
            attend(isa, &q, &visible, &runs, head, &mut out);
            assert_close(&out, &expected, 2e-5, isa.name());
        }
    }

    #[test]
    fn activations_are_what_the_formulas_say(seed in any::<u64>(), vectors in 1usize..5) {
        let width = vectors * 16;
        let x: Vec<f32> = noise(seed, width).iter().map(|v| v * 6.0).collect();
        let up = noise(seed ^ 1, width);
        for isa in Isa::available() {
            let mut gate = x.clone();
            rows::silu_times(isa, &mut gate, &up);
            let expected: Vec<f32> = x.iter().zip(&up).map(|(x, u)| x / (1.0 + (-x).exp()) * u).collect();
            assert_close(&gate, &expected, 1e-5, isa.name());
            let mut normed = vec![0.0; width];
            rows::rms_norm(isa, &x, &up, 1e-5, &mut normed);
            let mean = x.iter().map(|v| v * v).sum::<f32>() / width as f32;
            let expected: Vec<f32> = x.iter().zip(&up).map(|(x, u)| x / (mean + 1e-5).sqrt() * u).collect();
            assert_close(&normed, &expected, 1e-5, isa.name());
        }
    }
}

fn plain_attention(q: &[f32], visible: &[usize], keys: &[f32], values: &[f32], head: usize) -> Vec<f32> {
    let mut out = Vec::new();
    for (q, seen) in q.chunks(head).zip(visible) {
        let score =
            |i: usize| q.iter().zip(&keys[i * head..]).map(|(q, k)| f64::from(q * k)).sum::<f64>().exp();
        let weights: Vec<f64> = (0..*seen).map(score).collect();
        let total: f64 = weights.iter().sum();
        out.extend((0..head).map(|d| {
            let value = |(i, w): (usize, &f64)| w / total * f64::from(values[i * head + d]);
            weights.iter().enumerate().map(value).sum::<f64>() as f32
        }));
    }
    out
}

#[test]
fn gelu_uses_the_error_function() {
    // erf-based values; the tanh approximation differs from the fourth digit on.
    let mut x = [0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -3.0, 5.0, -5.0, 0.1, -0.1, 3.0, 4.0, -4.0, 0.25, -0.5];
    let expected = [
        0.0,
        0.841_344_7,
        -0.158_655_3,
        1.954_499_7,
        -0.045_500_3,
        0.345_731_2,
        -0.004_049_7,
        4.999_998_6,
        -1.433e-6,
        0.053_982_8,
        -0.046_017_2,
        2.995_950_3,
        3.999_873_3,
        -0.000_126_7,
        0.149_676_6,
        -0.154_268_8,
    ];
    let from = x;
    for isa in Isa::available() {
        x = from;
        rows::bias_gelu(isa, &mut x, &[0.0; 16]);
        assert_close(&x, &expected, 1e-6, isa.name());
    }
}

#[test]
fn layer_norm_has_mean_zero_and_spread_one() {
    let norm = Norm { weight: vec![1.0; 32], shift: vec![0.0; 32], epsilon: 1e-12 };
    let (y, bias) = (noise(2, 32), noise(3, 32));
    for isa in Isa::available() {
        let mut x = noise(1, 32);
        rows::add_layer_norm(isa, &mut x, &y, &bias, &norm);
        let mean = x.iter().sum::<f32>() / 32.0;
        let spread = x.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / 32.0;
        assert!(mean.abs() < 1e-6 && (spread - 1.0).abs() < 1e-5, "{}: {mean} {spread}", isa.name());
    }
}
