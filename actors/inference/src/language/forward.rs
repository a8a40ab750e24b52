//! One step of a Llama or Qwen2 decoder over the rows of several sequences.

use super::Work;
use super::kv::Shape;
use crate::kernels::Isa;
use crate::kernels::attention::attend;
use crate::kernels::blocks::{Activations, Blocks};
use crate::kernels::rows::{add, rms_norm, silu_times};
use crate::kernels::split::{Columns, Workers};

/// Validated weights: every matrix has the shape that the sizes here imply.
pub(super) struct Weights {
    pub(super) layers: Vec<Layer>,
    pub(super) embedding: Option<Blocks>,
    pub(super) output: Blocks,
    pub(super) output_norm: Vec<f32>,
    pub(super) vocabulary: usize,
    pub(super) hidden: usize,
    pub(super) heads: usize,
    pub(super) kv_heads: usize,
    pub(super) head: usize,
    pub(super) epsilon: f32,
    pub(super) rotation: Rotation,
    pub(super) model: u64,
}

pub(super) struct Layer {
    pub(super) attention_norm: Vec<f32>,
    pub(super) query: Blocks,
    pub(super) key: Blocks,
    pub(super) value: Blocks,
    /// Qwen2 adds a bias to each of query, key and value.
    pub(super) biases: Option<[Vec<f32>; 3]>,
    pub(super) output: Blocks,
    pub(super) feed_norm: Vec<f32>,
    pub(super) gate: Blocks,
    pub(super) up: Blocks,
    pub(super) down: Blocks,
}

/// How positions turn the heads.
pub(super) struct Rotation {
    /// Radians per position, one for each pair of a head's values.
    pub(super) frequencies: Vec<f32>,
    /// Whether a pair is `(i, i + head / 2)`, as in Qwen2, or `(2i, 2i + 1)`, as in Llama files.
    pub(super) halves: bool,
}

impl Rotation {
    /// Cosines and sines at a position, in f64 because far positions lose too many digits otherwise.
    fn at(&self, position: usize) -> (Vec<f32>, Vec<f32>) {
        let angle = |frequency: &f32| position as f64 * f64::from(*frequency);
        self.frequencies.iter().map(|f| (angle(f).cos() as f32, angle(f).sin() as f32)).unzip()
    }

    fn turn(&self, heads: &mut [f32], (cosines, sines): &(Vec<f32>, Vec<f32>)) {
        let pairs = self.frequencies.len();
        for head in heads.chunks_exact_mut(2 * pairs) {
            if self.halves {
                let (a, b) = head.split_at_mut(pairs);
                for ((a, b), (c, s)) in a.iter_mut().zip(b).zip(cosines.iter().zip(sines)) {
                    (*a, *b) = (*a * c - *b * s, *a * s + *b * c);
                }
            } else {
                for (pair, (c, s)) in head.chunks_exact_mut(2).zip(cosines.iter().zip(sines)) {
                    (pair[0], pair[1]) = (pair[0] * c - pair[1] * s, pair[0] * s + pair[1] * c);
                }
            }
        }
    }
}

/// A row of the step: which work it belongs to, its place among that work's tokens, its position in the sequence.
struct Row {
    work: usize,
    offset: usize,
    position: usize,
}

/// Buffers of one step, reused from layer to layer.
#[derive(Default)]
struct Buffers {
    activations: Activations,
    normed: Vec<f32>,
    query: Vec<f32>,
    key: Vec<f32>,
    value: Vec<f32>,
    context: Vec<f32>,
    gate: Vec<f32>,
    up: Vec<f32>,
}

/// Positions of one item of attention: with the heads that share keys, some dozens of queries.
const ITEM_POSITIONS: usize = 16;

impl Weights {
    pub(super) fn shape(&self) -> Shape {
        Shape { layers: self.layers.len(), kv_heads: self.kv_heads, head: self.head, model: self.model }
    }

    pub(super) fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    pub(super) fn bytes(&self) -> usize {
        let layer = |l: &Layer| {
            let matrices = [&l.query, &l.key, &l.value, &l.output, &l.gate, &l.up, &l.down];
            matrices.map(Blocks::bytes).iter().sum::<usize>()
        };
        let tables = self.embedding.iter().chain([&self.output]).map(Blocks::bytes).sum::<usize>();
        tables + self.layers.iter().map(layer).sum::<usize>()
    }

    pub(super) fn kv_bytes_per_token(&self) -> usize {
        self.layers.len() * self.kv_heads * self.head * 2 * size_of::<half::f16>()
    }

    /// The work must have been checked: known tokens, room in every sequence, sequences of this model.
    pub(super) fn step(&self, isa: Isa, workers: &Workers, work: &mut [Work<'_>]) -> Vec<Vec<f32>> {
        let hidden = self.hidden;
        let rows = rows_of(work);
        let mut x = vec![0f32; rows.len() * hidden];
        let table = self.embedding.as_ref().unwrap_or(&self.output);
        for (row, x) in rows.iter().zip(x.chunks_exact_mut(hidden)) {
            table.unpack(work[row.work].tokens[row.offset] as usize, x);
        }
        let angles: Vec<_> = rows.iter().map(|row| self.rotation.at(row.position)).collect();
        let mut b =
            Buffers { context: vec![0f32; rows.len() * self.heads * self.head], ..Buffers::default() };
        for (index, layer) in self.layers.iter().enumerate() {
            self.norm(isa, workers, &x, &layer.attention_norm, &mut b);
            let outputs =
                [(&layer.query, &mut b.query), (&layer.key, &mut b.key), (&layer.value, &mut b.value)];
            multiply(isa, workers, &b.activations, outputs);
            if let Some(biases) = &layer.biases {
                for (values, bias) in [&mut b.query, &mut b.key, &mut b.value].into_iter().zip(biases) {
                    values.chunks_exact_mut(bias.len()).for_each(|row| add(row, bias));
                }
            }
            self.remember(index, &rows, &angles, work, &mut b);
            self.attention(isa, workers, index, work, &b.query, &mut b.context);
            b.activations.fill(isa, workers, &b.context, self.heads * self.head);
            multiply(isa, workers, &b.activations, [(&layer.output, &mut b.normed)]);
            add(&mut x, &b.normed);
            self.norm(isa, workers, &x, &layer.feed_norm, &mut b);
            multiply(isa, workers, &b.activations, [(&layer.gate, &mut b.gate), (&layer.up, &mut b.up)]);
            let (width, up) = (layer.up.outputs(), &b.up);
            let share = rows.len().div_ceil(workers.threads() * 2).max(1) * width;
            workers.each_chunk(&mut b.gate, share, |part, gate| {
                silu_times(isa, gate, &up[part * share..][..gate.len()]);
            });
            b.activations.fill(isa, workers, &b.gate, width);
            multiply(isa, workers, &b.activations, [(&layer.down, &mut b.normed)]);
            add(&mut x, &b.normed);
        }
        for work in work.iter_mut() {
            work.sequence.advance(work.tokens.len());
        }
        self.logits(isa, workers, &rows, work, &x, &mut b)
    }

    /// Normalises the rows of `x` and quantises them for the products that follow.
    fn norm(&self, isa: Isa, workers: &Workers, x: &[f32], weight: &[f32], b: &mut Buffers) {
        b.normed.resize(x.len(), 0.0);
        let share = (x.len() / self.hidden).div_ceil(workers.threads() * 2).max(1) * self.hidden;
        workers.each_chunk(&mut b.normed, share, |part, to| {
            rms_norm(isa, &x[part * share..][..to.len()], weight, self.epsilon, to);
        });
        b.activations.fill(isa, workers, &b.normed, self.hidden);
    }

    /// Turns queries and keys by their positions, scales the queries, and adds keys and values to the sequences.
    fn remember(
        &self,
        layer: usize,
        rows: &[Row],
        angles: &[(Vec<f32>, Vec<f32>)],
        work: &mut [Work<'_>],
        b: &mut Buffers,
    ) {
        let (wide, narrow) = (self.heads * self.head, self.kv_heads * self.head);
        let scale = 1.0 / (self.head as f32).sqrt();
        for (index, (row, angles)) in rows.iter().zip(angles).enumerate() {
            let query = &mut b.query[index * wide..][..wide];
            self.rotation.turn(query, angles);
            query.iter_mut().for_each(|q| *q *= scale);
            let key = &mut b.key[index * narrow..][..narrow];
            self.rotation.turn(key, angles);
            work[row.work].sequence.put(layer, row.offset, key, &b.value[index * narrow..][..narrow]);
        }
    }

    fn attention(
        &self,
        isa: Isa,
        workers: &Workers,
        layer: usize,
        work: &[Work<'_>],
        query: &[f32],
        context: &mut [f32],
    ) {
        let (head, group, wide) = (self.head, self.heads / self.kv_heads, self.heads * self.head);
        let mut items = Vec::new();
        let (mut first, mut scores) = (0, 0);
        for work in work {
            let count = work.tokens.len();
            scores += count * (work.sequence.len() + count);
            for from in (0..count).step_by(ITEM_POSITIONS) {
                let to = (from + ITEM_POSITIONS).min(count);
                items.extend((0..self.kv_heads).map(|kv_head| (work, first, from..to, kv_head)));
            }
            first += count;
        }
        let columns = Columns::new(context, wide);
        workers.each(items.len(), scores * wide * 2, |item| {
            let (work, first, span, kv_head) = &items[item];
            let runs = work.sequence.runs(layer, *kv_head, work.tokens.len());
            let queries = span.len() * group;
            let (mut q, mut out) = (Vec::with_capacity(queries * head), vec![0f32; queries * head]);
            let mut visible = Vec::with_capacity(queries);
            let at = kv_head * group * head;
            for offset in span.clone() {
                q.extend_from_slice(&query[(first + offset) * wide + at..][..group * head]);
                visible.extend(std::iter::repeat_n(work.sequence.len() + offset + 1, group));
            }
            attend(isa, &q, &visible, &runs, head, &mut out);
            for (offset, out) in span.clone().zip(out.chunks_exact(group * head)) {
                columns.write(first + offset, at, out);
            }
        });
    }

    fn logits(
        &self,
        isa: Isa,
        workers: &Workers,
        rows: &[Row],
        work: &[Work<'_>],
        x: &[f32],
        b: &mut Buffers,
    ) -> Vec<Vec<f32>> {
        let is_last = |row: &Row| work[row.work].logits && row.offset + 1 == work[row.work].tokens.len();
        let mut last = Vec::new();
        for (row, x) in rows.iter().zip(x.chunks_exact(self.hidden)).filter(|(row, _)| is_last(row)) {
            debug_assert!(row.position + 1 == work[row.work].sequence.len());
            last.extend_from_slice(x);
        }
        let mut logits = Vec::new();
        if !last.is_empty() {
            self.norm(isa, workers, &last, &self.output_norm, b);
            multiply(isa, workers, &b.activations, [(&self.output, &mut logits)]);
        }
        let mut found = logits.chunks_exact(self.output.outputs());
        let of = |work: &Work<'_>| match work.logits {
            true => found.next().map(|row| row[..self.vocabulary].to_vec()).unwrap_or_default(),
            false => Vec::new(),
        };
        work.iter().map(of).collect()
    }
}

fn rows_of(work: &[Work<'_>]) -> Vec<Row> {
    let rows = |(index, work): (usize, &Work<'_>)| {
        let before = work.sequence.len();
        (0..work.tokens.len()).map(move |offset| Row { work: index, offset, position: before + offset })
    };
    work.iter().enumerate().flat_map(rows).collect()
}

/// Multiplies the same rows by several matrices, sharing out the tiles of all of them.
fn multiply<const N: usize>(
    isa: Isa,
    workers: &Workers,
    x: &Activations,
    outputs: [(&Blocks, &mut Vec<f32>); N],
) {
    let mut cost = 0;
    let parts = outputs.map(|(blocks, y)| {
        y.resize(x.rows() * blocks.outputs(), 0.0);
        cost += x.rows() * blocks.outputs() * blocks.inputs();
        (blocks, Columns::new(y, blocks.outputs()))
    });
    let mut items = Vec::new();
    for (index, (blocks, _)) in parts.iter().enumerate() {
        let tiles = blocks.tiles();
        let share = tiles.div_ceil(workers.threads() * 4).max(1);
        items.extend((0..tiles).step_by(share).map(|from| (index, from..(from + share).min(tiles))));
    }
    workers.each(items.len(), cost, |item| {
        let (index, tiles) = &items[item];
        let (blocks, columns) = &parts[*index];
        for tile in tiles.clone() {
            blocks.multiply(isa, x, tile, columns);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turned_pair_sees_only_the_distance() {
        for halves in [false, true] {
            let rotation = Rotation { frequencies: vec![1.0, 0.1, 0.01, 0.001], halves };
            let (query, key) =
                ([0.3, -0.8, 0.5, 0.9, -0.1, 0.4, 0.7, -0.6], [0.2, 0.6, -0.4, 0.1, 0.8, -0.9, 0.5, 0.3]);
            let score = |at: usize, to: usize| {
                let (mut query, mut key): ([f32; 8], [f32; 8]) = (query, key);
                rotation.turn(&mut query, &rotation.at(at));
                rotation.turn(&mut key, &rotation.at(to));
                query.iter().zip(key).map(|(q, k)| q * k).sum::<f32>()
            };
            assert!((score(5, 2) - score(4003, 4000)).abs() < 1e-4, "{halves}");
            assert!((score(5, 2) - score(5, 3)).abs() > 1e-3, "{halves}");
        }
    }
}
