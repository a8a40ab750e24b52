//! Matrix product in f32 over weights that are packed once, in panels of 32 outputs.
//!
//! Each output is summed in the same order whatever the number of rows, so a row's result does not depend on its
//! neighbours.

use super::isa::{Isa, on_lanes};
use super::lanes::Lanes;
use super::split::Columns;

/// Outputs of one panel.
pub(crate) const PANEL: usize = 32;

/// Weights `[outputs][inputs]`, packed as `[outputs / 32][inputs][32]`.
pub(crate) struct Dense {
    panels: Vec<f32>,
    inputs: usize,
    outputs: usize,
}

impl Dense {
    /// Packs `weight`, of `outputs` (a multiple of 32) rows of `inputs` values.
    pub(crate) fn pack(weight: &[f32], outputs: usize, inputs: usize) -> Self {
        assert!(outputs.is_multiple_of(PANEL) && weight.len() == outputs * inputs, "whole panels");
        let mut panels = vec![0f32; weight.len()];
        for (output, row) in weight.chunks_exact(inputs).enumerate() {
            let panel = output / PANEL * PANEL * inputs;
            for (input, value) in row.iter().enumerate() {
                panels[panel + input * PANEL + output % PANEL] = *value;
            }
        }
        Self { panels, inputs, outputs }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.panels.len() * size_of::<f32>()
    }

    /// Writes the outputs of `panel` for the rows `x`, the first of which is row `row` of `y`.
    pub(crate) fn multiply(&self, isa: Isa, x: &[f32], panel: usize, y: &Columns<'_>, row: usize) {
        let rows = x.len() / self.inputs;
        assert!((panel + 1) * PANEL <= self.outputs, "a panel of this matrix");
        let weights = self.panels[panel * PANEL * self.inputs..][..PANEL * self.inputs].as_ptr();
        let to = y.at(row, rows, panel * PANEL, PANEL);
        #[expect(unsafe_code, reason = "a vector kernel")]
        // SAFETY: the panel holds 32 values per input, `x` holds `rows` rows, and `at` vouches for the output.
        unsafe {
            panel_on(isa, x.as_ptr(), rows, self.inputs, weights, to, y.stride());
        }
    }
}

on_lanes! {
    unsafe fn panel_on(x: *const f32, rows: usize, inputs: usize, w: *const f32, y: *mut f32, stride: usize)
        = panel_rows
}

#[expect(unsafe_code, reason = "a vector kernel")]
#[inline(always)]
unsafe fn panel_rows<L: Lanes>(
    l: L,
    x: *const f32,
    rows: usize,
    inputs: usize,
    w: *const f32,
    y: *mut f32,
    stride: usize,
) {
    let mut row = 0;
    while row < rows {
        let count = (rows - row).min(L::ROWS);
        // SAFETY: the caller's contract, moved on by `row` rows.
        unsafe {
            let (x, y) = (x.add(row * inputs), y.add(row * stride));
            match count {
                1 => tile::<L, 1>(l, x, inputs, w, y, stride),
                2 => tile::<L, 2>(l, x, inputs, w, y, stride),
                3 => tile::<L, 3>(l, x, inputs, w, y, stride),
                4 => tile::<L, 4>(l, x, inputs, w, y, stride),
                5 => tile::<L, 5>(l, x, inputs, w, y, stride),
                6 => tile::<L, 6>(l, x, inputs, w, y, stride),
                7 => tile::<L, 7>(l, x, inputs, w, y, stride),
                8 => tile::<L, 8>(l, x, inputs, w, y, stride),
                9 => tile::<L, 9>(l, x, inputs, w, y, stride),
                10 => tile::<L, 10>(l, x, inputs, w, y, stride),
                11 => tile::<L, 11>(l, x, inputs, w, y, stride),
                _ => tile::<L, 12>(l, x, inputs, w, y, stride),
            }
        }
        row += count;
    }
}

/// `M` rows by 32 outputs, two vectors of outputs at a time.
#[expect(unsafe_code, reason = "a vector kernel")]
#[inline(always)]
unsafe fn tile<L: Lanes, const M: usize>(
    l: L,
    x: *const f32,
    inputs: usize,
    w: *const f32,
    y: *mut f32,
    stride: usize,
) {
    // SAFETY: `x` has M rows of `inputs`, `w` 32 values per input, `y` M rows of 32 that are `stride` apart.
    unsafe {
        for half in (0..PANEL).step_by(2 * L::N) {
            let mut sums = [[l.splat(0.0); 2]; M];
            for i in 0..inputs {
                let p = w.add(i * PANEL + half);
                let (w0, w1) = (l.load(p), l.load(p.add(L::N)));
                for (m, sum) in sums.iter_mut().enumerate() {
                    let a = l.splat(*x.add(m * inputs + i));
                    sum[0] = l.fma(a, w0, sum[0]);
                    sum[1] = l.fma(a, w1, sum[1]);
                }
            }
            for (m, sum) in sums.iter().enumerate() {
                l.store(y.add(m * stride + half), sum[0]);
                l.store(y.add(m * stride + half + L::N), sum[1]);
            }
        }
    }
}
