//! One weight matrix in the precision that was asked for, multiplied by many rows on many threads.

use super::Precision;
use crate::kernels::Isa;
use crate::kernels::channels::{self, Channels, Quantised};
use crate::kernels::dense::{self, Dense};
use crate::kernels::split::{Columns, Workers};

/// `y = x * weight^T`; the bias is added by whoever reads `y`, together with what it does next.
pub(super) struct Linear {
    weight: Weight,
    inputs: usize,
    outputs: usize,
    pub(super) bias: Vec<f32>,
}

enum Weight {
    F32(Dense),
    Int8(Channels),
}

/// Rows of one item of work: their activations stay in the second-level cache while a panel's weights pass.
const ROWS: usize = 96;
/// Panels of one item of work.
const PANELS: usize = 4;

impl Linear {
    pub(super) fn new(weight: &[f32], bias: Vec<f32>, inputs: usize, precision: Precision) -> Self {
        let outputs = bias.len();
        let weight = match precision {
            Precision::F32 => Weight::F32(Dense::pack(weight, outputs, inputs)),
            Precision::Int8 => Weight::Int8(Channels::pack(weight, outputs, inputs)),
        };
        Self { weight, inputs, outputs, bias }
    }

    pub(super) fn bytes(&self) -> usize {
        let weight = match &self.weight {
            Weight::F32(dense) => dense.bytes(),
            Weight::Int8(channels) => channels.bytes(),
        };
        weight + self.bias.len() * size_of::<f32>()
    }

    /// Multiplies the rows of `x` into `y`; `quantised` is reused between calls.
    pub(super) fn forward(
        &self,
        isa: Isa,
        workers: &Workers,
        x: &[f32],
        y: &mut [f32],
        quantised: &mut Quantised,
    ) {
        let rows = x.len() / self.inputs;
        if let Weight::Int8(_) = self.weight {
            quantised.fill(isa, workers, x, self.inputs);
        }
        let quantised = &*quantised;
        let panels = self.outputs / PANEL;
        let groups = panels.div_ceil(PANELS);
        let columns = Columns::new(y, self.outputs);
        let work = rows * self.inputs * self.outputs;
        workers.each(rows.div_ceil(ROWS) * groups, work, |item| {
            let (block, group) = (item / groups, item % groups);
            let (from, to) = (block * ROWS, (block * ROWS + ROWS).min(rows));
            for panel in group * PANELS..(group * PANELS + PANELS).min(panels) {
                match &self.weight {
                    Weight::F32(dense) => {
                        let x = &x[from * self.inputs..to * self.inputs];
                        dense.multiply(isa, x, panel, &columns, from);
                    }
                    Weight::Int8(channels) => channels.multiply(isa, quantised, from, to, panel, &columns),
                }
            }
        });
    }
}

/// Outputs of a panel, the same in both precisions.
pub(super) const PANEL: usize = dense::PANEL;
const _: () = assert!(dense::PANEL == channels::PANEL);
