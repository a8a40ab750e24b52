//! Fused attention: scores, softmax and weighted values for a tile of queries, block by block of keys, so that
//! the scores of a long context never leave the first-level cache.
#![expect(unsafe_code, reason = "vector kernels; `attend` asserts the shapes")]

use super::isa::{Isa, on_lanes};
use super::lanes::{Element, Lanes};

/// Keys are kept in tiles of this many, dimension-major inside a tile, so that a vector spans keys.
pub(crate) const KEY_TILE: usize = 16;
/// Keys whose scores are held at a time: 8 rows of 128 f32 are 4 KiB.
const KEY_BLOCK: usize = 128;
/// Queries of one tile.
const QUERY_TILE: usize = 8;

/// A run of keys and values of one head.
#[derive(Clone, Copy)]
pub(crate) struct Run<'a, E> {
    /// `[ceil(count / 16)][head][16]`
    pub(crate) keys: &'a [E],
    /// `[count][head]`
    pub(crate) values: &'a [E],
    /// Positions in the run.
    pub(crate) count: usize,
}

/// Appends one position to a run of `count` positions; `keys` grows by a whole tile at a time.
pub(crate) fn append<E: Element>(
    keys: &mut Vec<E>,
    values: &mut Vec<E>,
    count: usize,
    key: &[f32],
    value: &[f32],
) {
    const HEAD_MAX: usize = 512;
    let head = key.len();
    assert!(head <= HEAD_MAX && value.len() == head, "a head of at most 512 values");
    if count.is_multiple_of(KEY_TILE) {
        keys.resize((count / KEY_TILE + 1) * KEY_TILE * head, E::default());
    }
    let mut converted = [E::default(); HEAD_MAX];
    E::convert(key, &mut converted[..head]);
    let tile = &mut keys[count / KEY_TILE * KEY_TILE * head..];
    for (slot, key) in tile.iter_mut().skip(count % KEY_TILE).step_by(KEY_TILE).zip(&converted[..head]) {
        *slot = *key;
    }
    values.resize(count * head, E::default());
    E::convert(value, &mut converted[..head]);
    values.extend_from_slice(&converted[..head]);
}

/// Attends with the `visible.len()` queries of `q` (already scaled, `[queries][head]`) to `runs`, of which query
/// `i` sees the first `visible[i]` (at least one) positions; writes `[queries][head]` to `out`.
pub(crate) fn attend<E: Element>(
    isa: Isa,
    q: &[f32],
    visible: &[usize],
    runs: &[Run<'_, E>],
    head: usize,
    out: &mut [f32],
) {
    assert!(
        head.is_multiple_of(32) && q.len() == visible.len() * head && out.len() == q.len(),
        "whole heads"
    );
    let total: usize = runs.iter().map(|run| run.count).sum();
    assert!(visible.iter().all(|seen| (1..=total).contains(seen)), "each query sees a position");
    for run in runs {
        assert!(run.keys.len() >= run.count.next_multiple_of(KEY_TILE) * head, "whole key tiles");
        assert!(run.values.len() >= run.count * head, "a value for each key");
    }
    let tiles = q.chunks(QUERY_TILE * head).zip(out.chunks_mut(QUERY_TILE * head));
    for ((q, out), visible) in tiles.zip(visible.chunks(QUERY_TILE)) {
        // SAFETY: the assertions above.
        unsafe { tile_on(isa, q, visible, runs, head, out) };
    }
}

on_lanes! {
    unsafe fn tile_on<E: Element>(
        q: &[f32], visible: &[usize], runs: &[Run<'_, E>], head: usize, out: &mut [f32],
    ) = query_tile
}

/// Up to eight queries against every run, keeping a running maximum and sum for each.
#[inline(always)]
unsafe fn query_tile<L: Lanes, E: Element>(
    l: L,
    q: &[f32],
    visible: &[usize],
    runs: &[Run<'_, E>],
    head: usize,
    out: &mut [f32],
) {
    let mut scores = [0f32; QUERY_TILE * KEY_BLOCK];
    let mut largest = [f32::NEG_INFINITY; QUERY_TILE];
    let mut sums = [0f32; QUERY_TILE];
    out.fill(0.0);
    let furthest = visible.iter().copied().max().unwrap_or(0);
    let mut base = 0;
    for run in runs {
        let reach = run.count.min(furthest.saturating_sub(base));
        for first in (0..reach).step_by(KEY_BLOCK) {
            let count = (reach - first).min(KEY_BLOCK);
            let padded = count.next_multiple_of(KEY_TILE);
            let block = Block {
                q: q.as_ptr(),
                keys: run.keys[first * head..].as_ptr(),
                values: run.values[first * head..].as_ptr(),
                scores: scores.as_mut_ptr(),
                out: out.as_mut_ptr(),
                head,
                count,
            };
            // SAFETY: `block` points at `count` keys and values and at the tile's own queries and outputs.
            unsafe {
                by_rows(l, &block, visible.len(), Half::Scores);
                for (row, seen) in visible.iter().enumerate() {
                    let seen = seen.saturating_sub(base + first).min(count);
                    let scores = &mut scores[row * KEY_BLOCK..][..padded];
                    scores[seen..].fill(f32::NEG_INFINITY);
                    let out = &mut out[row * head..][..head];
                    soften(l, scores, &mut largest[row], &mut sums[row], out);
                }
                by_rows(l, &block, visible.len(), Half::Values);
            }
        }
        base += run.count;
    }
    for (row, out) in out.chunks_exact_mut(head).enumerate() {
        let inverse = 1.0 / sums[row];
        out.iter_mut().for_each(|v| *v *= inverse);
    }
}

/// Turns a block's scores into weights relative to the running maximum, and rescales what was summed before.
#[inline(always)]
unsafe fn soften<L: Lanes>(l: L, scores: &mut [f32], largest: &mut f32, sum: &mut f32, out: &mut [f32]) {
    // SAFETY: the lengths of `scores` (16) and `out` (32) are multiples of every N.
    unsafe {
        let p = scores.as_mut_ptr();
        let mut top = l.splat(*largest);
        for i in (0..scores.len()).step_by(L::N) {
            top = l.max(top, l.load(p.add(i)));
        }
        let top = l.largest(top);
        if top > *largest {
            // The first block scales zeros.
            let factor = l.exp(l.splat(*largest - top));
            for i in (0..out.len()).step_by(L::N) {
                let o = out.as_mut_ptr().add(i);
                l.store(o, l.mul(l.load(o), factor));
            }
            *sum *= (*largest - top).exp();
            *largest = top;
        }
        let mut total = l.splat(0.0);
        for i in (0..scores.len()).step_by(L::N) {
            let weight = l.exp(l.sub(l.load(p.add(i)), l.splat(*largest)));
            l.store(p.add(i), weight);
            total = l.add(total, weight);
        }
        *sum += l.sum(total);
    }
}

/// One block of keys and values: pointers to `count` positions of each, to the tile's queries, to its scores
/// (rows of [`KEY_BLOCK`]) and to its outputs.
struct Block<E> {
    q: *const f32,
    keys: *const E,
    values: *const E,
    scores: *mut f32,
    out: *mut f32,
    head: usize,
    count: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Half {
    Scores,
    Values,
}

/// Runs one half of the work on as many rows at a time as the registers hold.
#[inline(always)]
unsafe fn by_rows<L: Lanes, E: Element>(l: L, block: &Block<E>, rows: usize, half: Half) {
    let mut row = 0;
    while row < rows {
        let count = (rows - row).min(L::ROWS).min(QUERY_TILE);
        // SAFETY: rows `row..row + count` exist.
        unsafe {
            match count {
                1 => block.half::<L, 1>(l, row, half),
                2 => block.half::<L, 2>(l, row, half),
                3 => block.half::<L, 3>(l, row, half),
                4 => block.half::<L, 4>(l, row, half),
                5 => block.half::<L, 5>(l, row, half),
                6 => block.half::<L, 6>(l, row, half),
                7 => block.half::<L, 7>(l, row, half),
                _ => block.half::<L, 8>(l, row, half),
            }
        }
        row += count;
    }
}

impl<E: Element> Block<E> {
    #[inline(always)]
    unsafe fn half<L: Lanes, const M: usize>(&self, l: L, row: usize, half: Half) {
        // SAFETY: the caller's contract is ours.
        unsafe {
            match half {
                Half::Scores => self.score::<L, M>(l, row),
                Half::Values => self.weigh::<L, M>(l, row),
            }
        }
    }

    /// Scores of `M` queries against the block's keys, one or two vectors of keys at a time.
    #[inline(always)]
    unsafe fn score<L: Lanes, const M: usize>(&self, l: L, row: usize) {
        // SAFETY: a tile holds 16 keys for each of `head` dimensions; a row of scores holds the whole block.
        unsafe {
            let q = self.q.add(row * self.head);
            let scores = self.scores.add(row * KEY_BLOCK);
            let end = self.count.next_multiple_of(KEY_TILE);
            let key = |i: usize| self.keys.add(i / KEY_TILE * KEY_TILE * self.head + i % KEY_TILE);
            let mut i = 0;
            while i < end {
                if i + L::N < end {
                    let (k0, k1) = (key(i), key(i + L::N));
                    let mut sums = [[l.splat(0.0); 2]; M];
                    for d in 0..self.head {
                        let (a, b) = (E::load(l, k0.add(d * KEY_TILE)), E::load(l, k1.add(d * KEY_TILE)));
                        for (m, sum) in sums.iter_mut().enumerate() {
                            let q = l.splat(*q.add(m * self.head + d));
                            sum[0] = l.fma(q, a, sum[0]);
                            sum[1] = l.fma(q, b, sum[1]);
                        }
                    }
                    for (m, sum) in sums.iter().enumerate() {
                        l.store(scores.add(m * KEY_BLOCK + i), sum[0]);
                        l.store(scores.add(m * KEY_BLOCK + i + L::N), sum[1]);
                    }
                    i += 2 * L::N;
                } else {
                    let k = key(i);
                    let mut sums = [l.splat(0.0); M];
                    for d in 0..self.head {
                        let a = E::load(l, k.add(d * KEY_TILE));
                        for (m, sum) in sums.iter_mut().enumerate() {
                            *sum = l.fma(l.splat(*q.add(m * self.head + d)), a, *sum);
                        }
                    }
                    for (m, sum) in sums.iter().enumerate() {
                        l.store(scores.add(m * KEY_BLOCK + i), *sum);
                    }
                    i += L::N;
                }
            }
        }
    }

    /// Adds the block's values to `M` outputs, weighted by the scores.
    #[inline(always)]
    unsafe fn weigh<L: Lanes, const M: usize>(&self, l: L, row: usize) {
        // SAFETY: `values` holds `count` rows of `head`, a multiple of 32.
        unsafe {
            let scores = self.scores.add(row * KEY_BLOCK);
            for d in (0..self.head).step_by(2 * L::N) {
                let out = self.out.add(row * self.head + d);
                let mut sums = [[l.splat(0.0); 2]; M];
                for (m, sum) in sums.iter_mut().enumerate() {
                    let o = out.add(m * self.head);
                    *sum = [l.load(o), l.load(o.add(L::N))];
                }
                for i in 0..self.count {
                    let v = self.values.add(i * self.head + d);
                    let (a, b) = (E::load(l, v), E::load(l, v.add(L::N)));
                    for (m, sum) in sums.iter_mut().enumerate() {
                        let weight = l.splat(*scores.add(m * KEY_BLOCK + i));
                        sum[0] = l.fma(weight, a, sum[0]);
                        sum[1] = l.fma(weight, b, sum[1]);
                    }
                }
                for (m, sum) in sums.iter().enumerate() {
                    let o = out.add(m * self.head);
                    l.store(o, sum[0]);
                    l.store(o.add(L::N), sum[1]);
                }
            }
        }
    }
}
