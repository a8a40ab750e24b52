//! Mistakes made on purpose: listed, and hunted.

use enabler_sim::plant::{Hunt, PLANTS, Plant, find, hunt};

use super::{BROKEN, KEPT, say};

/// Lists them.
pub(super) fn list() -> u8 {
    for plant in PLANTS {
        let issue = plant.issue.map_or(String::new(), |issue| format!(" ({issue})"));
        say(&format!("{:<40} {}{issue}", plant.name, plant.sentence));
    }
    let issues = PLANTS.iter().filter(|plant| plant.issue.is_some()).count();
    say(&format!("{} mistakes, {issues} of them re-enact public issues", PLANTS.len()));
    KEPT
}

/// Hunts one, or all: each must be caught within `seeds` runs.
pub(super) fn all(name: Option<&str>, seeds: u64) -> anyhow::Result<u8> {
    let chosen: Vec<&Plant> = match name {
        None => PLANTS.iter().collect(),
        Some(name) => {
            vec![find(name).ok_or_else(|| {
                anyhow::anyhow!("there is no mistake `{name}`; `sim plant --list` names all")
            })?]
        }
    };
    let (mut taken, mut missed) = (Vec::new(), Vec::new());
    for plant in &chosen {
        match hunt(plant, 0..seeds) {
            Hunt::Caught { seeds, promise, text } => {
                taken.push(seeds);
                say(&format!("{:<40} seed {:<5} promise {promise}: {text}", plant.name, seeds - 1));
            }
            Hunt::Missed => {
                missed.push(plant.name);
                say(&format!("{:<40} MISSED in {seeds} seeds", plant.name));
            }
        }
    }
    taken.sort_unstable();
    let median = taken.get(taken.len() / 2).copied().unwrap_or(0);
    say(&format!("{} of {} caught, median within {median} seeds", taken.len(), chosen.len()));
    Ok(if missed.is_empty() { KEPT } else { BROKEN })
}
