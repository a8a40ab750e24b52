//! Row-wise arithmetic: normalisations, activations and pooling.

use super::isa::{Isa, on_lanes};
use super::lanes::Lanes;

/// `x += y + bias`, then layer normalisation with `weight` and `shift`, for each row.
pub(crate) fn add_layer_norm(isa: Isa, x: &mut [f32], y: &[f32], bias: &[f32], norm: &Norm) {
    assert_eq!(x.len(), y.len(), "equal shapes");
    assert!(bias.len() == norm.weight.len() && bias.len() == norm.shift.len(), "one row's width");
    assert!(bias.len().is_multiple_of(16), "whole vectors");
    for (x, y) in x.chunks_exact_mut(bias.len()).zip(y.chunks_exact(bias.len())) {
        #[expect(unsafe_code, reason = "a vector kernel")]
        // SAFETY: all rows have the same width, a multiple of 16.
        unsafe {
            add_layer_norm_row_on(isa, x, y, bias, norm);
        }
    }
}

/// Weight, shift and epsilon of a layer normalisation.
pub(crate) struct Norm {
    pub(crate) weight: Vec<f32>,
    pub(crate) shift: Vec<f32>,
    pub(crate) epsilon: f32,
}

/// Root-mean-square normalisation of each row of `x` into `to`.
pub(crate) fn rms_norm(isa: Isa, x: &[f32], weight: &[f32], epsilon: f32, to: &mut [f32]) {
    assert_eq!(x.len(), to.len(), "equal shapes");
    assert!(weight.len().is_multiple_of(16), "whole vectors");
    for (x, to) in x.chunks_exact(weight.len()).zip(to.chunks_exact_mut(weight.len())) {
        #[expect(unsafe_code, reason = "a vector kernel")]
        // SAFETY: all rows have the same width, a multiple of 16.
        unsafe {
            rms_norm_row_on(isa, x, weight, epsilon, to);
        }
    }
}

/// `x = gelu(x + bias)` for each row.
pub(crate) fn bias_gelu(isa: Isa, x: &mut [f32], bias: &[f32]) {
    assert!(bias.len().is_multiple_of(16), "whole vectors");
    for x in x.chunks_exact_mut(bias.len()) {
        #[expect(unsafe_code, reason = "a vector kernel")]
        // SAFETY: both rows have the same width, a multiple of 16.
        unsafe {
            bias_gelu_row_on(isa, x, bias);
        }
    }
}

/// `gate = silu(gate) * up`
pub(crate) fn silu_times(isa: Isa, gate: &mut [f32], up: &[f32]) {
    assert_eq!(gate.len(), up.len(), "equal shapes");
    assert!(up.len().is_multiple_of(16), "whole vectors");
    #[expect(unsafe_code, reason = "a vector kernel")]
    // SAFETY: both have the same length, a multiple of 16.
    unsafe {
        silu_times_on(isa, gate, up);
    }
}

/// `x += y`
pub(crate) fn add(x: &mut [f32], y: &[f32]) {
    x.iter_mut().zip(y).for_each(|(x, y)| *x += y);
}

/// The mean of the rows of `x`, scaled to unit length; a zero mean stays zero.
pub(crate) fn mean_unit(x: &[f32], width: usize) -> Vec<f32> {
    let mut mean = vec![0f32; width];
    for row in x.chunks_exact(width) {
        add(&mut mean, row);
    }
    let length = mean.iter().map(|v| v * v).sum::<f32>().sqrt();
    if length > 0.0 {
        mean.iter_mut().for_each(|v| *v /= length);
    }
    mean
}

on_lanes! {
    unsafe fn add_layer_norm_row_on(x: &mut [f32], y: &[f32], bias: &[f32], norm: &Norm) = add_layer_norm_row
}
on_lanes! {
    unsafe fn rms_norm_row_on(x: &[f32], weight: &[f32], epsilon: f32, to: &mut [f32]) = rms_norm_row
}
on_lanes! {
    unsafe fn bias_gelu_row_on(x: &mut [f32], bias: &[f32]) = bias_gelu_row
}
on_lanes! {
    unsafe fn silu_times_on(gate: &mut [f32], up: &[f32]) = silu_times_row
}

#[expect(unsafe_code, reason = "a vector kernel")]
#[inline(always)]
unsafe fn add_layer_norm_row<L: Lanes>(l: L, x: &mut [f32], y: &[f32], bias: &[f32], norm: &Norm) {
    let width = x.len();
    let (xp, count) = (x.as_mut_ptr(), width as f32);
    // SAFETY: every slice has `width` values, a multiple of every N.
    unsafe {
        let mut total = l.splat(0.0);
        for i in (0..width).step_by(L::N) {
            let v = l.add(l.load(xp.add(i)), l.add(l.load(y.as_ptr().add(i)), l.load(bias.as_ptr().add(i))));
            l.store(xp.add(i), v);
            total = l.add(total, v);
        }
        let mean = l.splat(l.sum(total) / count);
        let mut spread = l.splat(0.0);
        for i in (0..width).step_by(L::N) {
            let d = l.sub(l.load(xp.add(i)), mean);
            spread = l.fma(d, d, spread);
        }
        let inverse = l.splat(1.0 / (l.sum(spread) / count + norm.epsilon).sqrt());
        for i in (0..width).step_by(L::N) {
            let d = l.mul(l.sub(l.load(xp.add(i)), mean), inverse);
            let (weight, shift) = (l.load(norm.weight.as_ptr().add(i)), l.load(norm.shift.as_ptr().add(i)));
            l.store(xp.add(i), l.fma(d, weight, shift));
        }
    }
}

#[expect(unsafe_code, reason = "a vector kernel")]
#[inline(always)]
unsafe fn rms_norm_row<L: Lanes>(l: L, x: &[f32], weight: &[f32], epsilon: f32, to: &mut [f32]) {
    // SAFETY: every slice has the same length, a multiple of every N.
    unsafe {
        let mut squares = l.splat(0.0);
        for i in (0..x.len()).step_by(L::N) {
            let v = l.load(x.as_ptr().add(i));
            squares = l.fma(v, v, squares);
        }
        let inverse = l.splat(1.0 / (l.sum(squares) / x.len() as f32 + epsilon).sqrt());
        for i in (0..x.len()).step_by(L::N) {
            let v = l.mul(l.load(x.as_ptr().add(i)), inverse);
            l.store(to.as_mut_ptr().add(i), l.mul(v, l.load(weight.as_ptr().add(i))));
        }
    }
}

#[expect(unsafe_code, reason = "a vector kernel")]
#[inline(always)]
unsafe fn bias_gelu_row<L: Lanes>(l: L, x: &mut [f32], bias: &[f32]) {
    // SAFETY: both slices have the same length, a multiple of every N.
    unsafe {
        for i in (0..x.len()).step_by(L::N) {
            let p = x.as_mut_ptr().add(i);
            l.store(p, l.gelu(l.add(l.load(p), l.load(bias.as_ptr().add(i)))));
        }
    }
}

#[expect(unsafe_code, reason = "a vector kernel")]
#[inline(always)]
unsafe fn silu_times_row<L: Lanes>(l: L, gate: &mut [f32], up: &[f32]) {
    // SAFETY: both slices have the same length, a multiple of every N.
    unsafe {
        let (zero, one) = (l.splat(0.0), l.splat(1.0));
        for i in (0..gate.len()).step_by(L::N) {
            let p = gate.as_mut_ptr().add(i);
            let g = l.load(p);
            let s = l.div(g, l.add(one, l.exp(l.sub(zero, g))));
            l.store(p, l.mul(s, l.load(up.as_ptr().add(i))));
        }
    }
}
