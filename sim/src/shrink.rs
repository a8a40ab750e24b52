//! Makes a failing run small: steps are taken out, chances are made plain, as long as the same promise is broken.

use std::time::Duration;

use enabler_storage::clock::{Clock, SystemClock};

use crate::chance::Draws;
use crate::core::{Outcome, Plan, Rates, run};
use crate::trace::Violation;

/// What shrinking came to.
#[derive(Debug)]
pub struct Shrunk {
    /// The small plan; its draws are kept.
    pub plan: Plan,
    /// What it breaks.
    pub violation: Violation,
    /// Events of the run before and after.
    pub events: (u64, u64),
    /// Steps before and after.
    pub steps: (usize, usize),
    /// Chances that were not plain, before and after.
    pub draws: (usize, usize),
    /// Runs that were made.
    pub runs: u64,
}

struct Shrinker {
    promise: u16,
    best: Plan,
    violation: Violation,
    events: u64,
    runs: u64,
    until_ms: u64,
}

/// Shrinks a failing plan for at most `time`.
///
/// # Errors
/// If the plan breaks nothing.
pub fn shrink(plan: &Plan, time: Duration) -> Result<Shrunk, String> {
    let first = run(&Plan { records: true, traces: false, ..plan.clone() });
    let Some(violation) = first.violation else { return Err("this run keeps every promise".to_owned()) };
    let until_ms = SystemClock.uptime_ms() + time.as_millis() as u64;
    let (steps, draws, events) = (plan.scene.steps.len(), first.draws.len(), first.count);
    let best = Plan { kept: Some(first.draws), records: true, traces: false, ..plan.clone() };
    let mut shrinker = Shrinker { promise: violation.promise, best, violation, events, runs: 1, until_ms };
    shrinker.cut_the_end();
    loop {
        let before = (shrinker.best.scene.clone(), shrinker.draws().len());
        shrinker.steps();
        shrinker.rates();
        shrinker.world();
        shrinker.streams();
        shrinker.chances();
        if shrinker.is_over() || (shrinker.best.scene.clone(), shrinker.draws().len()) == before {
            break;
        }
    }
    let left = (shrinker.best.scene.steps.len(), shrinker.draws().len());
    Ok(Shrunk {
        events: (events, shrinker.events),
        steps: (steps, left.0),
        draws: (draws, left.1),
        runs: shrinker.runs,
        plan: shrinker.best,
        violation: shrinker.violation,
    })
}

impl Shrinker {
    fn is_over(&self) -> bool {
        SystemClock.uptime_ms() >= self.until_ms
    }

    fn draws(&self) -> Draws {
        self.best.kept.clone().unwrap_or_default()
    }

    /// Takes `plan` if it still breaks the same promise, and not with more ado.
    fn keeps(&mut self, plan: Plan) -> bool {
        if self.is_over() {
            return false;
        }
        self.runs += 1;
        let Outcome { violation: Some(violation), draws, count, .. } = run(&plan) else { return false };
        if violation.promise != self.promise {
            return false;
        }
        self.violation = violation;
        self.events = count;
        // What was not drawn any more is not part of it.
        self.best = Plan { kept: Some(draws), ..plan };
        true
    }

    /// Nothing after the violation matters.
    fn cut_the_end(&mut self) {
        let at_ms = self.violation.at_ms;
        let mut plan = self.best.clone();
        plan.scene.steps.retain(|step| step.at_ms <= at_ms);
        plan.scene.lasts_ms = plan.scene.lasts_ms.min(at_ms);
        self.keeps(plan);
    }

    /// Takes out steps, in halves, quarters, … and one by one (delta debugging, Zeller 1999).
    fn steps(&mut self) {
        let mut size = self.best.scene.steps.len().div_ceil(2);
        while size >= 1 && !self.is_over() {
            let mut from = 0;
            while from < self.best.scene.steps.len() && !self.is_over() {
                let mut plan = self.best.clone();
                let to = (from + size).min(plan.scene.steps.len());
                plan.scene.steps.drain(from..to);
                if !self.keeps(plan) {
                    from += size;
                }
            }
            if size == 1 {
                break;
            }
            size = size.div_ceil(2);
        }
    }

    /// Whole kinds of trouble at once.
    fn rates(&mut self) {
        let way_ms = self.best.scene.store.way_ms;
        let off: [fn(&mut Rates); 8] = [
            |rates| rates.lost = 0,
            |rates| rates.answer_lost = 0,
            |rates| rates.refused = 0,
            |rates| rates.late = 0,
            |rates| rates.repeated = 0,
            |rates| rates.slow = 0,
            |rates| rates.flipped = 0,
            |rates| rates.careless = 0,
        ];
        let mut quiet = self.best.clone();
        quiet.scene.store = Rates { way_ms, ..Rates::default() };
        (quiet.scene.net_lost, quiet.scene.net_twice, quiet.scene.net_slow) = (0, 0, 0);
        if self.keeps(quiet) {
            return;
        }
        for off in off {
            let mut plan = self.best.clone();
            off(&mut plan.scene.store);
            if plan.scene.store != self.best.scene.store {
                self.keeps(plan);
            }
        }
        let mut plan = self.best.clone();
        (plan.scene.net_lost, plan.scene.net_twice, plan.scene.net_slow) = (0, 0, 0);
        self.keeps(plan);
    }

    /// Fewer nodes, shards and replicas.
    fn world(&mut self) {
        for _ in 0..4 {
            let mut plan = self.best.clone();
            if plan.scene.nodes > 2 {
                plan.scene.nodes -= 1;
                self.keeps(plan);
            }
            let mut plan = self.best.clone();
            if plan.scene.shards > 1 {
                plan.scene.shards -= 1;
                self.keeps(plan);
            }
            let mut plan = self.best.clone();
            if plan.scene.replicas > 0 {
                plan.scene.replicas -= 1;
                self.keeps(plan);
            }
        }
        let mut plan = self.best.clone();
        plan.scene.compact_after = 0;
        if self.best.scene.compact_after > 0 {
            self.keeps(plan);
        }
    }

    /// Makes all chances of one stream plain.
    fn streams(&mut self) {
        let streams: std::collections::BTreeSet<_> = self.draws().keys().map(|(stream, _)| *stream).collect();
        for stream in streams {
            let mut plan = self.best.clone();
            if let Some(draws) = &mut plan.kept {
                draws.retain(|(of, _), _| *of != stream);
            }
            self.keeps(plan);
        }
    }

    /// Makes chances plain, in blocks that become smaller.
    fn chances(&mut self) {
        let mut size = self.draws().len().div_ceil(2);
        while size >= 1 && !self.is_over() {
            let mut from = 0;
            while from < self.draws().len() && !self.is_over() {
                let keys: Vec<_> = self.draws().keys().skip(from).take(size).copied().collect();
                let mut plan = self.best.clone();
                if let Some(draws) = &mut plan.kept {
                    keys.iter().for_each(|key| {
                        draws.remove(key);
                    });
                }
                if !self.keeps(plan) {
                    from += size;
                }
            }
            if size == 1 {
                break;
            }
            size = size.div_ceil(2);
        }
    }
}
