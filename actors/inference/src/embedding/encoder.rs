//! The forward pass of a BERT encoder over several texts whose tokens lie one after the other, without padding.

use super::linear::Linear;
use crate::kernels::Isa;
use crate::kernels::attention::{Run, append, attend};
use crate::kernels::channels::Quantised;
use crate::kernels::rows::{Norm, add_layer_norm, bias_gelu, mean_unit};
use crate::kernels::split::{Columns, Workers};

/// A validated encoder: every matrix has the shape that `hidden` and its neighbours imply.
pub(super) struct Encoder {
    pub(super) words: Vec<f32>,
    pub(super) positions: Vec<f32>,
    pub(super) token_type: Vec<f32>,
    pub(super) norm: Norm,
    pub(super) layers: Vec<Layer>,
    pub(super) hidden: usize,
    pub(super) heads: usize,
    pub(super) feed_forward: usize,
}

pub(super) struct Layer {
    pub(super) query_key_value: Linear,
    pub(super) output: Linear,
    pub(super) output_norm: Norm,
    pub(super) up: Linear,
    pub(super) down: Linear,
    pub(super) down_norm: Norm,
}

impl Encoder {
    pub(super) fn hidden(&self) -> usize {
        self.hidden
    }

    pub(super) fn positions(&self) -> usize {
        self.positions.len() / self.hidden
    }

    pub(super) fn vocabulary(&self) -> usize {
        self.words.len() / self.hidden
    }

    pub(super) fn bytes(&self) -> usize {
        let layer = |layer: &Layer| {
            [&layer.query_key_value, &layer.output, &layer.up, &layer.down]
                .map(Linear::bytes)
                .iter()
                .sum::<usize>()
        };
        let tables = self.words.len() + self.positions.len() + self.token_type.len();
        tables * size_of::<f32>() + self.layers.iter().map(layer).sum::<usize>()
    }

    /// The unit vector of each text; every token must be in the vocabulary and every text within the positions.
    pub(super) fn forward(&self, isa: Isa, workers: &Workers, texts: &[&[u32]]) -> Vec<Vec<f32>> {
        let hidden = self.hidden;
        let spans = spans(texts);
        let rows = spans.last().map_or(0, |span| span.end);
        let mut x = self.embed_tokens(isa, texts, rows);
        let mut wide = vec![0f32; rows * 3 * hidden];
        let mut context = vec![0f32; rows * hidden];
        let mut narrow = vec![0f32; rows * hidden];
        let mut middle = vec![0f32; rows * self.feed_forward];
        let mut quantised = Quantised::default();
        for layer in &self.layers {
            layer.query_key_value.forward(isa, workers, &x, &mut wide, &mut quantised);
            self.attention(isa, workers, &spans, &wide, &layer.query_key_value.bias, &mut context);
            layer.output.forward(isa, workers, &context, &mut narrow, &mut quantised);
            self.by_rows(workers, &mut x, hidden, |row, x| {
                let y = &narrow[row * hidden..][..x.len()];
                add_layer_norm(isa, x, y, &layer.output.bias, &layer.output_norm);
            });
            layer.up.forward(isa, workers, &x, &mut middle, &mut quantised);
            self.by_rows(workers, &mut middle, self.feed_forward, |_, x| bias_gelu(isa, x, &layer.up.bias));
            layer.down.forward(isa, workers, &middle, &mut narrow, &mut quantised);
            self.by_rows(workers, &mut x, hidden, |row, x| {
                let y = &narrow[row * hidden..][..x.len()];
                add_layer_norm(isa, x, y, &layer.down.bias, &layer.down_norm);
            });
        }
        spans.iter().map(|span| mean_unit(&x[span.start * hidden..span.end * hidden], hidden)).collect()
    }

    /// Word, position and type embeddings, normalised.
    fn embed_tokens(&self, isa: Isa, texts: &[&[u32]], rows: usize) -> Vec<f32> {
        let hidden = self.hidden;
        let mut x = Vec::with_capacity(rows * hidden);
        let mut places = Vec::with_capacity(rows * hidden);
        for text in texts {
            for token in *text {
                x.extend_from_slice(&self.words[*token as usize * hidden..][..hidden]);
            }
            places.extend_from_slice(&self.positions[..text.len() * hidden]);
        }
        // The type embedding of a single text is the same in every row, as a bias is.
        add_layer_norm(isa, &mut x, &places, &self.token_type, &self.norm);
        x
    }

    /// Each head of each text on its own; writes `[rows][hidden]` to `context`.
    fn attention(
        &self,
        isa: Isa,
        workers: &Workers,
        spans: &[std::ops::Range<usize>],
        wide: &[f32],
        bias: &[f32],
        context: &mut [f32],
    ) {
        let (hidden, heads) = (self.hidden, self.heads);
        let head = hidden / heads;
        let scale = 1.0 / (head as f32).sqrt();
        let work = spans.iter().map(|span| span.len() * span.len()).sum::<usize>() * hidden * 2;
        let columns = Columns::new(context, hidden);
        workers.each(spans.len() * heads, work, |item| {
            let (span, at) = (&spans[item / heads], item % heads * head);
            let count = span.len();
            let (mut q, mut keys, mut values) = (vec![0f32; count * head], Vec::<f32>::new(), Vec::new());
            let mut key_value = vec![0f32; 2 * head];
            for (i, row) in span.clone().enumerate() {
                let row = &wide[row * 3 * hidden..][..3 * hidden];
                let part = |part: usize| {
                    let at = part * hidden + at;
                    row[at..at + head].iter().zip(&bias[at..at + head]).map(|(v, b)| v + b)
                };
                q[i * head..][..head].iter_mut().zip(part(0)).for_each(|(q, v)| *q = v * scale);
                let (key, value) = key_value.split_at_mut(head);
                key.iter_mut().zip(part(1)).for_each(|(k, v)| *k = v);
                value.iter_mut().zip(part(2)).for_each(|(k, v)| *k = v);
                append(&mut keys, &mut values, i, key, value);
            }
            let mut out = vec![0f32; count * head];
            let run = Run { keys: &keys, values: &values, count };
            attend(isa, &q, &vec![count; count], &[run], head, &mut out);
            for (i, out) in out.chunks_exact(head).enumerate() {
                columns.write(span.start + i, at, out);
            }
        });
    }

    /// Shares the rows of `x` out to the threads; `work` gets the first row's number and the rows.
    fn by_rows(
        &self,
        workers: &Workers,
        x: &mut [f32],
        width: usize,
        work: impl Fn(usize, &mut [f32]) + Sync + Send,
    ) {
        let rows = x.len() / width;
        let share = rows.div_ceil(workers.threads() * 2).max(1);
        workers.each_chunk(x, share * width, |index, x| work(index * share, x));
    }
}

fn spans(texts: &[&[u32]]) -> Vec<std::ops::Range<usize>> {
    let mut start = 0;
    texts
        .iter()
        .map(|text| {
            let span = start..start + text.len();
            start = span.end;
            span
        })
        .collect()
}
