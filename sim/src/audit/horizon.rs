//! A reader whose index comes and goes, beside a log whose entries vanish behind snapshots: it is told how far the index
//! must have come, and what was written before it asked is never beyond that.

use enabler_cluster::decide::horizon::{Effect, Event, LOOKS_MAX, Look};

use super::{Broken, Dice};
use crate::core::judge::{BOUNDED, DURABLE};

const STEPS: u64 = 120;
/// How long an entry lives behind a snapshot, and for how much of that a confirmation is young.
const LIFE: u64 = 40;
const YOUNG: u64 = 5;

#[derive(Default)]
struct Run {
    now: u64,
    last: u64,
    /// When each snapshot was named, and up to which entry.
    snapshots: Vec<(u64, u64)>,
    applied: u64,
    seen: u64,
    confirmed: Option<u64>,
}

/// Plays one run.
pub(super) fn check(dice: &mut Dice) -> Result<(), Broken> {
    let mut run = Run::default();
    for _ in 0..STEPS {
        match dice.below(7) {
            0 | 1 => run.last += 1,
            2 => run.snapshots.push((run.now, run.last)),
            3 => run.now += dice.below(2 * LIFE),
            4 if dice.one_in(8) => run.applied = 0,
            4 => run.applied = (run.applied + dice.below(8)).min(run.last),
            _ => read(&mut run)?,
        }
    }
    Ok(())
}

fn read(run: &mut Run) -> Result<(), Broken> {
    let is_old = run.confirmed.is_none_or(|at| run.now - at >= YOUNG);
    let (mut look, mut effect) = Look::new(run.applied, run.seen, is_old);
    for _ in 0..=LOOKS_MAX + 1 {
        let event = match effect {
            Effect::AskFloor => Event::Floor(run.snapshots.iter().map(|(_, upto)| *upto).max().unwrap_or(0)),
            Effect::AskEntry(seq) => {
                let is_gone = run.snapshots.iter().any(|(at, upto)| seq <= *upto && run.now - at >= LIFE);
                if seq <= run.last && !is_gone { Event::There } else { Event::Absent }
            }
            Effect::End(end) if end == run.last => {
                (run.confirmed, run.seen) = (Some(run.now), look.seen());
                return Ok(());
            }
            Effect::FarAhead if look.seen() >= run.applied + LOOKS_MAX => {
                run.seen = look.seen();
                return Ok(());
            }
            Effect::End(_) | Effect::FarAhead => {
                let (applied, last) = (run.applied, run.last);
                let text = format!("an index at entry {applied} of {last} is read as by {effect:?}");
                return Err((DURABLE, text));
            }
        };
        effect = look.step(event, run.applied);
    }
    Err((BOUNDED, "a search for the end of a log never ends".to_owned()))
}
