//! Runs the suites of questions: those whose time has come, those that were asked for, and all with a prompt on trial.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use enabler_cluster::actor::Fault;
use enabler_telemetry::metrics;

use super::audit::{AuditDesk, Deed};
use super::{Done, Hold, Job};
use crate::operator::Panel;
use crate::prompts::{self, Candidate, Verdict};
use crate::quality::asking::{Asker, With};
use crate::quality::record::{self, Brief, RunRecord, Standing, SuiteStanding};
use crate::quality::{Measure, Suite, gate};

pub(super) const NAME: &str = "quality";
/// After so long no further suite is begun: the last one may take an hour of the three that a run has.
const BEGIN_MS_MAX: u64 = 100 * 60 * 1_000;
/// A suite is due a little early, so that a day's run does not skip it for some minutes.
const EARLY_MS: u64 = 3_600_000;

/// The runs of all suites.
pub(super) struct Quality {
    pub(super) panel: Panel,
    pub(super) desk: AuditDesk,
    pub(super) every_ms: Option<u64>,
    /// The suites that were told of as metrics.
    pub(super) told: Mutex<BTreeSet<String>>,
}

/// Whether a suite is to be run with the prompt that is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Want {
    /// Somebody asked for it.
    is_asked: bool,
    /// Nobody asked for any suite, and nothing is on trial: the run is for all.
    is_for_all: bool,
    /// Something is on trial.
    is_trial: bool,
}

/// Whether a suite, whose questions have this hash, is to be run with the prompt that is in force. Pure.
fn is_due(
    want: Want,
    own: Option<&SuiteStanding>,
    hash: &str,
    job_run: u64,
    every_ms: Option<u64>,
    now_ms: u64,
) -> bool {
    let Some(own) = own.filter(|own| own.suite_hash == hash) else { return true };
    let Some(last) = &own.last else { return true };
    // A run that was cut off is taken up behind what it has done.
    if last.job_run == job_run {
        return false;
    }
    let is_old = every_ms.is_some_and(|every| now_ms.saturating_sub(last.at_ms) + EARLY_MS >= every);
    want.is_asked || want.is_for_all || is_old || (want.is_trial && own.baseline.is_none())
}

/// The run of a candidate on a suite, if it was made already for this trial. Pure.
fn tried<'a>(own: Option<&'a SuiteStanding>, hash: &str, candidate: &Candidate) -> Option<&'a Brief> {
    let own = own.filter(|own| own.suite_hash == hash)?;
    own.trial.as_ref().filter(|trial| trial.prompt == candidate.version && trial.at_ms >= candidate.at_ms)
}

#[async_trait]
impl Job for Quality {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn run(&self, hold: &Hold) -> Result<Done, Fault> {
        let clock = self.desk.clock.clone();
        let began_ms = clock.uptime_ms();
        let asker = Asker {
            router: self.panel.router.clone(),
            clock: clock.clone(),
            node: self.desk.me.name.clone(),
        };
        let store = &*self.desk.store;
        let candidate = prompts::candidate(store).await.map_err(Fault::new)?;
        let in_force = prompts::in_force(store).await.map_err(Fault::new)?;
        let (suites, standing) = self.suites().await?;
        let (is_trial, is_for_all) = (candidate.is_some(), standing.asked.is_empty() && candidate.is_none());
        let (mut ran, mut failing, mut idle, mut left) = (0_u64, 0_u64, 0_u64, 0_u64);
        for suite in &suites {
            let want = Want { is_asked: standing.asked.contains(&suite.name), is_for_all, is_trial };
            let own = standing.suites.get(&suite.name);
            if !is_due(want, own, &suite.hash(), hold.number, self.every_ms, clock.now_ms()) {
                continue;
            }
            if clock.uptime_ms().saturating_sub(began_ms) > BEGIN_MS_MAX {
                left += 1;
                continue;
            }
            let with = With { prompt: in_force.clone(), is_trial: false };
            let run = self.measure(&asker, hold, suite, &with).await?;
            ran += 1;
            failing += u64::from(run.counts && !run.passes);
            idle += u64::from(!run.counts);
        }
        let mut said = format!("{ran} of {} suites were run, {failing} below their gate", suites.len());
        if idle > 0 {
            said.push_str(&format!(", {idle} do not count: too little was answered"));
        }
        if left > 0 {
            said.push_str(&format!(", {left} have to wait for the next run"));
        }
        if let Some(candidate) = candidate {
            if left > 0 {
                return Err(Fault::new(format!("{said}; the trial of {} goes on later", candidate.version)));
            }
            let (count, verdict) = self.try_out(&asker, hold, &suites, &candidate, began_ms).await?;
            ran += count;
            said.push_str(&format!("; {} was {verdict}", candidate.version));
        }
        self.tell().await;
        Ok(Done { touched: ran, detail: said })
    }

    async fn tell(&self) {
        let Ok(standing) = record::standing(&*self.desk.store).await else { return };
        let mut told = BTreeSet::new();
        for (suite, own) in &standing.suites {
            let Some(last) = own.last.as_ref().filter(|last| last.counts) else { continue };
            metrics::QUALITY_SCORE.set([suite, "total"], last.score.total);
            for measure in Measure::ALL {
                if let Some(share) = last.score.of_measure(measure) {
                    metrics::QUALITY_SCORE.set([suite, measure.name()], share);
                }
            }
            metrics::QUALITY_REGRESSED.set([suite], if last.passes { 0.0 } else { 1.0 });
            told.insert(suite.clone());
        }
        let mut before = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        for gone in before.difference(&told) {
            // An alarm about a suite that was removed would never end.
            metrics::QUALITY_REGRESSED.set([gone], 0.0);
        }
        *before = told;
    }
}

impl Quality {
    /// All suites, the one that was run longest ago first, and how they stand.
    async fn suites(&self) -> Result<(Vec<Suite>, Standing), Fault> {
        let store = &*self.desk.store;
        let standing = record::standing(store).await.map_err(Fault::new)?;
        let mut suites = Vec::new();
        for name in record::names(store).await.map_err(Fault::new)? {
            suites.extend(record::suite(store, &name).await.map_err(Fault::new)?);
        }
        let last_ms = |suite: &Suite| {
            let last = standing.suites.get(&suite.name).and_then(|own| own.last.as_ref());
            last.map_or(0, |last| last.at_ms)
        };
        suites.sort_by_key(last_ms);
        Ok((suites, standing))
    }

    /// Runs a suite and writes down how it went.
    async fn measure(
        &self,
        asker: &Asker,
        hold: &Hold,
        suite: &Suite,
        with: &With,
    ) -> Result<RunRecord, Fault> {
        let store = &*self.desk.store;
        let mut run = asker.run(hold, suite, with).await?;
        let standing = record::standing(store).await.map_err(Fault::new)?;
        let own = standing.suites.get(&suite.name).filter(|own| own.suite_hash == run.suite_hash);
        let bar = own.and_then(SuiteStanding::bar);
        run.passes = run.counts && gate::passes(&suite.gate, run.score.total, bar);
        hold.check()?;
        let now = record::suite(store, &suite.name).await.map_err(Fault::new)?;
        if now.is_none_or(|now| now.hash() != run.suite_hash) {
            // It was put anew or removed meanwhile: what was asked is nobody's question any more.
            return Ok(run);
        }
        record::put_run(store, &run).await.map_err(Fault::new)?;
        hold.check()?;
        record::change(store, |standing| {
            standing.suites.entry(suite.name.clone()).or_default().take(&run, &suite.gate);
            if !run.is_trial {
                standing.asked.remove(&suite.name);
            }
        })
        .await
        .map_err(Fault::new)?;
        Ok(run)
    }

    /// Puts a prompt to all suites and ends its trial; how many were run, and the end in a word.
    async fn try_out(
        &self,
        asker: &Asker,
        hold: &Hold,
        suites: &[Suite],
        candidate: &Candidate,
        began_ms: u64,
    ) -> Result<(u64, &'static str), Fault> {
        let (clock, store) = (&self.desk.clock, &*self.desk.store);
        let (mut ran, mut refusals) = (0, Vec::new());
        let mut said = Vec::new();
        for suite in suites {
            let standing = record::standing(store).await.map_err(Fault::new)?;
            let own = standing.suites.get(&suite.name).filter(|own| own.suite_hash == suite.hash());
            let run = match tried(own, &suite.hash(), candidate) {
                Some(known) => record::run(store, &suite.name, &known.run).await.map_err(Fault::new)?,
                None => None,
            };
            let run = match run {
                Some(run) => run,
                None if clock.uptime_ms().saturating_sub(began_ms) > BEGIN_MS_MAX => {
                    return Err(Fault::new(format!("the trial of {} goes on later", candidate.version)));
                }
                None => {
                    ran += 1;
                    let with = With { prompt: candidate.version.clone(), is_trial: true };
                    self.measure(asker, hold, suite, &with).await?
                }
            };
            said.push(format!("{} {:.3}", suite.name, run.score.total));
            refusals.extend(self.objection(suite, own, &run).await?);
        }
        let verdict = if refusals.is_empty() {
            Verdict::Passed(said.join(", "))
        } else {
            Verdict::Refused(refusals.join(". "))
        };
        hold.check()?;
        let at_ms = clock.now_ms();
        let is_its_end =
            prompts::conclude(store, &candidate.id, &verdict, at_ms).await.map_err(Fault::new)?;
        if !is_its_end {
            return Ok((ran, "overtaken"));
        }
        let (word, why) = match &verdict {
            Verdict::Passed(said) => {
                let accept = |standing: &mut Standing| {
                    standing.suites.values_mut().for_each(SuiteStanding::accept_trial);
                };
                record::change(store, accept).await.map_err(Fault::new)?;
                ("promoted", said)
            }
            Verdict::Refused(why) => ("refused", why),
        };
        let reason = format!("{word}, as {} wanted ({}): {why}", candidate.by, candidate.reason);
        let about = format!("prompt {}", candidate.version);
        self.desk.note(NAME, hold, 0, &[Deed { tenant: String::new(), about, reason }]).await?;
        Ok((ran, word))
    }

    /// Why a candidate may not be in force by what one suite says, if it says so.
    async fn objection(
        &self,
        suite: &Suite,
        own: Option<&SuiteStanding>,
        run: &RunRecord,
    ) -> Result<Option<String>, Fault> {
        if !run.counts {
            let faults = run.score.faults;
            let name = &suite.name;
            return Ok(Some(format!("suite {name}: {faults} questions were not answered at all; try again")));
        }
        let baseline = own.and_then(|own| own.baseline.as_ref());
        let bar = baseline.map(|baseline| baseline.score.total);
        if gate::passes(&suite.gate, run.score.total, bar) {
            return Ok(None);
        }
        let before = match baseline {
            Some(known) => {
                record::run(&*self.desk.store, &suite.name, &known.run).await.map_err(Fault::new)?
            }
            None => None,
        };
        let turned = before.map(|before| gate::turned_wrong(&before.marks, &run.marks)).unwrap_or_default();
        Ok(Some(gate::refusal(&suite.name, &suite.gate, run.score.total, bar, &turned)))
    }
}

#[cfg(test)]
mod tests {
    use crate::quality::Score;

    use super::*;

    const DAY: u64 = 24 * 3_600_000;

    fn brief(at_ms: u64, job_run: u64, prompt: &str) -> Brief {
        Brief {
            run: "r".into(),
            at_ms,
            job_run,
            prompt: prompt.into(),
            score: Score::default(),
            counts: true,
            passes: true,
        }
    }

    #[test]
    fn a_suite_is_run_when_asked_for_when_its_day_is_over_and_not_twice_in_one_run() {
        let last = Some(brief(10 * DAY, 3, "v1"));
        let own = SuiteStanding { suite_hash: "a".into(), last: last.clone(), baseline: last, trial: None };
        let none = Want { is_asked: false, is_for_all: false, is_trial: false };
        let due = |want, job_run, now_ms| is_due(want, Some(&own), "a", job_run, Some(DAY), now_ms);
        assert!(!due(none, 4, 10 * DAY) && due(none, 4, 11 * DAY));
        assert!(due(Want { is_asked: true, ..none }, 4, 10 * DAY));
        assert!(due(Want { is_for_all: true, ..none }, 4, 10 * DAY));
        assert!(!due(Want { is_for_all: true, ..none }, 3, 10 * DAY), "this run has done it");
        assert!(!due(Want { is_trial: true, ..none }, 4, 10 * DAY));
        assert!(is_due(none, Some(&own), "b", 3, None, 0), "other questions");
        assert!(is_due(none, None, "a", 3, None, 0));
        assert!(!is_due(none, Some(&own), "a", 4, None, u64::MAX / 2), "only when asked");
        let without = SuiteStanding { baseline: None, ..own.clone() };
        assert!(is_due(Want { is_trial: true, ..none }, Some(&without), "a", 4, None, 10 * DAY));
    }

    #[test]
    fn a_trial_goes_on_behind_the_suites_it_has_done_and_takes_no_run_of_an_earlier_one() {
        let candidate = Candidate {
            id: "a".into(),
            version: "p2".into(),
            by: "ana".into(),
            reason: "a test".into(),
            at_ms: 100,
        };
        let own = |trial| SuiteStanding { suite_hash: "a".into(), trial: Some(trial), ..Default::default() };
        assert!(tried(Some(&own(brief(100, 1, "p2"))), "a", &candidate).is_some());
        assert!(tried(Some(&own(brief(99, 1, "p2"))), "a", &candidate).is_none());
        assert!(tried(Some(&own(brief(100, 1, "p1"))), "a", &candidate).is_none());
        assert!(tried(Some(&own(brief(100, 1, "p2"))), "b", &candidate).is_none());
    }
}
