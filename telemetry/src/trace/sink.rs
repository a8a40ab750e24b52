//! Whoever takes spans, which ones are recorded, and the numbers that they get.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::span::Ended;

/// Takes spans that are over.
pub trait Sink: Send + Sync {
    /// Takes `span` without waiting; what there is no room for is dropped and counted there.
    fn take(&self, span: Ended);
}

struct Installed {
    sink: Box<dyn Sink>,
    /// Of a million traces that begin here.
    per_million: u32,
    seed: u64,
    next: AtomicU64,
}

static INSTALLED: OnceLock<Installed> = OnceLock::new();

/// From now on `sink` takes the spans of this process, of so many in a million traces that begin here; `seed` tells its
/// spans from those of other processes. There is one in a process, as there is one log: false if there was one before.
pub fn install(sink: Box<dyn Sink>, per_million: u32, seed: u64) -> bool {
    INSTALLED.set(Installed { sink, per_million, seed, next: AtomicU64::new(0) }).is_ok()
}

/// Whether somebody takes spans.
pub fn is_on() -> bool {
    INSTALLED.get().is_some()
}

pub(super) fn hand_over(span: Ended) {
    if let Some(installed) = INSTALLED.get() {
        installed.sink.take(span);
    }
}

/// Whether a trace that begins here is recorded.
pub(super) fn begins(trace: u128) -> bool {
    INSTALLED.get().is_some_and(|installed| is_chosen(trace, installed.per_million))
}

/// The same for a trace on every node, because its id decides.
///
/// Source: OpenTelemetry, TraceIdRatioBased: the lower bits, which are the random ones.
fn is_chosen(trace: u128, per_million: u32) -> bool {
    let random = (trace as u64) >> 8;
    u128::from(random) * 1_000_000 < u128::from(per_million) << 56
}

/// A number that no other span of this process has, and of another one hardly.
pub(super) fn next_id() -> u64 {
    /// The odd number nearest to 2^64 divided by the golden ratio: its multiples fall everywhere.
    const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
    INSTALLED.get().map_or(0, |installed| {
        mix(installed.seed.wrapping_add(installed.next.fetch_add(GOLDEN, Ordering::Relaxed)))
    })
}

/// Every number becomes another one, and no two the same.
///
/// Source: Steele, Lea, Flood, Fast Splittable Pseudorandom Number Generators, 2014 (SplitMix64).
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_traces_are_chosen_as_are_wanted() {
        let traces = (0..100_000_u64).map(|n| u128::from(mix(n)));
        let chosen = |per_million| traces.clone().filter(|trace| is_chosen(*trace, per_million)).count();
        assert_eq!((chosen(0), chosen(1_000_000)), (0, 100_000));
        let tenth = chosen(100_000);
        assert!((9_000..11_000).contains(&tenth), "{tenth} of 100,000");
    }
}
