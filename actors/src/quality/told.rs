//! What operators are told of suites and their runs, and may do about them.

use serde_json::{Value, json};

use super::record::{self, Brief, RUNS_MAX, RunRecord, SuiteStanding};
use super::suite::{Gate, Question, Suite};
use crate::operator::Panel;

/// Runs that are told of the suite that is named.
const TOLD_MAX: usize = RUNS_MAX;

impl Panel {
    /// How every suite stands; of one that is named its runs too, with what was wrong in the last.
    pub async fn quality(&self, suite: Option<&str>) -> Value {
        let mut told = match self.quality_kept(suite).await {
            Ok(told) => told,
            Err(why) => {
                json!({ "suites": [], "runs": [], "cannot_see": [{ "what": "store", "why": why }] })
            }
        };
        told["taken_at_ms"] = self.now_ms().into();
        told
    }

    async fn quality_kept(&self, named: Option<&str>) -> Result<Value, String> {
        let store = self.store();
        let standing = record::standing(store).await?;
        let mut suites = Vec::new();
        for name in record::names(store).await? {
            let Some(suite) = record::suite(store, &name).await? else { continue };
            let own = standing.suites.get(&name).filter(|own| own.suite_hash == suite.hash());
            suites.push(shown(&suite, own, standing.asked.contains(&name)));
        }
        let runs = match named {
            Some(name) if super::suite::is_name(name) => record::runs(store, name, TOLD_MAX).await?,
            _ => Vec::new(),
        };
        let runs: Vec<Value> = runs.iter().map(run).collect();
        Ok(json!({ "suites": suites, "runs": runs, "cannot_see": [] }))
    }

    /// Takes a suite in, in the place of the one with its name.
    pub async fn put_suite(
        &self,
        tenant: &str,
        name: &str,
        gate: Gate,
        questions: Vec<Question>,
        by: &str,
    ) -> Value {
        let (name, tenant, by) = (name.to_owned(), tenant.to_owned(), by.to_owned());
        let suite = Suite { name, tenant, gate, questions, by, at_ms: self.now_ms() };
        let put = async {
            let suite = suite.checked()?;
            record::put_suite(self.store(), &suite).await?;
            Ok::<_, String>(suite.questions.len())
        };
        match put.await {
            Ok(count) => json!({ "outcome": "done", "detail": format!("It has {count} questions.") }),
            Err(why) => json!({ "outcome": "refused", "detail": format!("It is not taken: {why}.") }),
        }
    }

    /// Whether there is a suite with this name.
    pub(crate) async fn has_suite(&self, name: &str) -> Result<bool, String> {
        Ok(record::suite(self.store(), name).await?.is_some())
    }

    /// Whether there is any suite.
    pub(crate) async fn has_suites(&self) -> Result<bool, String> {
        Ok(!record::names(self.store()).await?.is_empty())
    }

    /// Notes that a suite shall be run as soon as the job runs.
    pub(crate) async fn want_suite(&self, name: &str) -> Result<(), String> {
        record::change(self.store(), |standing| {
            standing.asked.insert(name.to_owned());
        })
        .await
    }

    /// Removes a suite with its runs.
    pub(crate) async fn remove_suite(&self, name: &str) -> Result<bool, String> {
        record::remove_suite(self.store(), name).await
    }

    /// Forgets what later runs would be compared with: something else is in force by an operator's word.
    pub(crate) async fn begin_quality_anew(&self) -> Result<(), String> {
        record::change(self.store(), |standing| {
            for suite in standing.suites.values_mut() {
                suite.baseline = None;
            }
        })
        .await
    }
}

fn shown(suite: &Suite, own: Option<&SuiteStanding>, is_asked: bool) -> Value {
    let brief = |of: fn(&SuiteStanding) -> &Option<Brief>| own.and_then(|own| of(own).as_ref()).map(brief);
    json!({
        "suite": suite.name,
        "tenant": suite.tenant,
        "questions": suite.questions.len(),
        "gate": suite.gate,
        "put_ms": suite.at_ms,
        "by": suite.by,
        "waits_for_a_run": is_asked,
        "last": brief(|own| &own.last),
        "baseline": brief(|own| &own.baseline),
        "trial": brief(|own| &own.trial),
    })
}

fn brief(brief: &Brief) -> Value {
    json!({
        "run": brief.run,
        "at_ms": brief.at_ms,
        "prompt": brief.prompt,
        "score": brief.score,
        "counts": brief.counts,
        "passes": brief.passes,
    })
}

fn run(run: &RunRecord) -> Value {
    let wrong: Vec<Value> = run
        .marks
        .iter()
        .filter(|mark| !mark.is_right())
        .map(|mark| json!({ "question": mark.id, "failed": mark.failed, "fault": mark.fault }))
        .collect();
    json!({
        "run": run.run,
        "suite": run.suite,
        "at_ms": run.at_ms,
        "took_ms": run.took_ms,
        "node": run.node,
        "is_trial": run.is_trial,
        "versions": run.versions,
        "score": run.score,
        "counts": run.counts,
        "passes": run.passes,
        "wrong": wrong,
    })
}
