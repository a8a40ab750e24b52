//! When a recurring job runs, held to rules that are stated one by one and not as the order of a decision.

use enabler_cluster::decide::agenda::{self, AGAIN_MS, Due, Standing, TRIES_MAX};

use super::{Broken, Dice};
use crate::core::judge::{BOUNDED, OWNED};

/// Tries standings whose times lie right at their bounds.
pub(super) fn check(dice: &mut Dice) -> Result<(), Broken> {
    (0..40).try_for_each(|_| one(dice))
}

fn one(dice: &mut Dice) -> Result<(), Broken> {
    let every_ms = (!dice.one_in(5)).then(|| [1_000, AGAIN_MS, 4 * AGAIN_MS][dice.below(3) as usize]);
    let now_ms = 10 * AGAIN_MS + dice.below(1_000);
    let has_failed = dice.one_in(2);
    let standing = Standing {
        is_asked: dice.one_in(4),
        begun: dice.one_in(4).then(|| dice.below(u64::from(TRIES_MAX) + 2) as u32),
        ended: (!dice.one_in(4)).then(|| {
            let every_ms = every_ms.unwrap_or(AGAIN_MS);
            let pause_ms = if has_failed { every_ms.min(AGAIN_MS) } else { every_ms };
            // Its pause is over, or not quite; its clock was ahead by as much as may be believed, or by more.
            let about = if dice.one_in(2) { now_ms - pause_ms } else { now_ms + every_ms };
            (about + dice.below(3) - 1, has_failed)
        }),
    };
    let found = agenda::due(every_ms, &standing, now_ms);
    let wrong = |promise, why: &str| {
        Err((promise, format!("a job {why}: {found:?} of {standing:?}, every {every_ms:?}")))
    };
    match (standing.begun, found) {
        (Some(tries), Due::Run(next)) if tries < TRIES_MAX && next == tries + 1 => return Ok(()),
        (Some(tries), Due::GiveUp) if tries >= TRIES_MAX => return Ok(()),
        (Some(_), _) => return wrong(BOUNDED, "whose node is gone is not tried again, or too often"),
        (None, Due::GiveUp) => return wrong(OWNED, "that was never tried is given up"),
        (None, Due::Run(tries)) if tries != 1 => {
            return wrong(BOUNDED, "begins with another try than the first");
        }
        (None, _) => {}
    }
    let runs = matches!(found, Due::Run(_));
    if standing.is_asked {
        return if runs { Ok(()) } else { wrong(OWNED, "that somebody wants does not run") };
    }
    let Some(every_ms) = every_ms else {
        return if found == Due::Never { Ok(()) } else { wrong(BOUNDED, "runs that nobody wants") };
    };
    let Some((ended_ms, has_failed)) = standing.ended else {
        return if runs { Ok(()) } else { wrong(OWNED, "that never ran does not run") };
    };
    let pause_ms = if has_failed { every_ms.min(AGAIN_MS) } else { every_ms };
    let is_ahead = ended_ms > now_ms + every_ms;
    match found {
        Due::Run(_) if is_ahead || ended_ms + pause_ms <= now_ms => Ok(()),
        Due::At(at_ms) if !is_ahead && at_ms == ended_ms + pause_ms && at_ms > now_ms => Ok(()),
        _ => wrong(OWNED, "runs at another time than after its pause"),
    }
}
