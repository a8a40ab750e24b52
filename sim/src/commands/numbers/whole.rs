//! The row of whole nodes.

use std::sync::atomic::{AtomicU64, Ordering};

use enabler_sim::nodes::Played;
use enabler_sim::work;
use serde_json::json;

use super::super::{tell, whole};
use super::{Measured, seconds, thousands};

/// Seeds, each in a process of its own.
const SEEDS: u64 = 20;

/// Plays them.
pub(super) fn nodes() -> anyhow::Result<Measured> {
    let (seeds, done) = ((0..SEEDS).collect::<Vec<_>>(), AtomicU64::new(0));
    let played = work::at_once(&seeds, work::cores(), |seed| {
        let played = whole::elsewhere(*seed, 0, None);
        tell(&format!("nodes: {} of {SEEDS}", done.fetch_add(1, Ordering::Relaxed) + 1));
        played
    });
    Ok(measured(&played.into_iter().collect::<anyhow::Result<Vec<_>>>()?))
}

fn measured(played: &[Played]) -> Measured {
    let broken = played.iter().find_map(|played| Some((played.seed, played.violation.as_ref()?)));
    let kept = played.iter().filter(|played| played.violation.is_none()).count();
    let wall_ms: u64 = played.iter().map(|played| played.wall_ms).sum();
    let events: usize = played.iter().map(|played| played.events).sum();
    let again = broken.map_or_else(String::new, |(seed, what)| {
        format!("; {what}; again: sim run --tier node --seed {seed} --trace run.html")
    });
    Measured {
        text: format!(
            "{kept} of {} kept, {} events, {} of work{again}",
            played.len(),
            thousands(events as u64),
            seconds(wall_ms)
        ),
        is_kept: kept as u64 == SEEDS,
        figures: json!({ "kept": kept, "events": events, "wall_ms": wall_ms }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_that_breaks_a_promise_is_not_kept_and_can_be_pasted() {
        let played = |seed, violation: Option<&str>| Played {
            seed,
            violation: violation.map(str::to_owned),
            events: 100,
            hash: 0,
            sometimes: Default::default(),
            simulated_ms: 1,
            wall_ms: 500,
        };
        let mut all: Vec<Played> = (0..SEEDS).map(|seed| played(seed, None)).collect();
        let sound = measured(&all);
        assert!(sound.is_kept && sound.text == "20 of 20 kept, 2,000 events, 10.0 s of work", "{sound:?}");
        all[7] = played(7, Some("lost"));
        let broken = measured(&all);
        assert!(!broken.is_kept && broken.text.contains("sim run --tier node --seed 7"), "{broken:?}");
    }
}
