//! What stands in the store of quality: the suites, one record of how they stand, and the runs of each.

use std::collections::{BTreeMap, BTreeSet};

use enabler_storage::objects::{Key, LIST_LIMIT_MAX, ObjectStore, PutOutcome};
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::gate;
use super::score::{Mark, Score};
use super::suite::{Gate, Suite, is_name};
use crate::kept::{self, key};

/// Where the suites are.
const SUITES: &str = "v1/quality/suites/";
/// Where their runs are, the newest first.
const RUNS: &str = "v1/quality/runs/";
/// How they stand.
const STANDING: &str = "v1/quality/standing.json";
/// Suites at most: each is a label of metrics, and takes its time every day.
pub(crate) const SUITES_MAX: usize = 20;
/// Runs of one suite that are kept.
pub(crate) const RUNS_MAX: usize = 100;

/// One run of a suite. Fields are only ever added. No answer stands here, nor any word of a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunRecord {
    /// Its name among the runs of its suite.
    pub(crate) run: String,
    pub(crate) suite: String,
    /// Of what was asked and expected.
    pub(crate) suite_hash: String,
    pub(crate) at_ms: u64,
    pub(crate) took_ms: u64,
    pub(crate) node: String,
    pub(crate) epoch: u64,
    /// The number of the run of the recurring job.
    pub(crate) job_run: u64,
    /// Whether it was of a candidate, which was not in force.
    pub(crate) is_trial: bool,
    pub(crate) versions: Versions,
    pub(crate) score: Score,
    /// Whether so many questions were answered at all that the score says something.
    pub(crate) counts: bool,
    /// Whether it is as good as the gate wants.
    pub(crate) passes: bool,
    pub(crate) marks: Vec<Mark>,
}

/// What a run was made with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Versions {
    pub(crate) program: String,
    pub(crate) prompt: String,
    /// The models that wrote, by name.
    pub(crate) models: BTreeSet<String>,
    /// The rule sets by their template, with the hash of each.
    pub(crate) rules: BTreeMap<String, String>,
}

/// A run in a line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Brief {
    pub(crate) run: String,
    pub(crate) at_ms: u64,
    pub(crate) job_run: u64,
    pub(crate) prompt: String,
    pub(crate) score: Score,
    pub(crate) counts: bool,
    pub(crate) passes: bool,
}

impl Brief {
    pub(crate) fn of(run: &RunRecord) -> Self {
        Brief {
            run: run.run.clone(),
            at_ms: run.at_ms,
            job_run: run.job_run,
            prompt: run.versions.prompt.clone(),
            score: run.score,
            counts: run.counts,
            passes: run.passes,
        }
    }
}

/// How one suite stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SuiteStanding {
    /// Of what is asked and expected; runs of anything else compare with nothing.
    pub(crate) suite_hash: String,
    /// The last run of what is in force.
    pub(crate) last: Option<Brief>,
    /// The last one that was accepted.
    pub(crate) baseline: Option<Brief>,
    /// The last one of a candidate.
    pub(crate) trial: Option<Brief>,
}

impl SuiteStanding {
    /// The score that others are compared with.
    pub(crate) fn bar(&self) -> Option<f64> {
        self.baseline.as_ref().map(|baseline| baseline.score.total)
    }

    /// Takes a run in, as the gate wants it.
    pub(crate) fn take(&mut self, run: &RunRecord, own: &Gate) {
        if self.suite_hash != run.suite_hash {
            *self = SuiteStanding { suite_hash: run.suite_hash.clone(), ..SuiteStanding::default() };
        }
        let brief = Brief::of(run);
        if run.is_trial {
            self.trial = Some(brief);
            return;
        }
        if run.counts && gate::is_accepted(own, run.score.total, self.bar()) {
            self.baseline = Some(brief.clone());
        }
        self.last = Some(brief);
    }

    /// A candidate is in force: its run is what later ones are compared with.
    pub(crate) fn accept_trial(&mut self) {
        if let Some(trial) = self.trial.clone() {
            (self.last, self.baseline) = (Some(trial.clone()), Some(trial));
        }
    }
}

/// How all suites stand. Fields are only ever added.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Standing {
    pub(crate) suites: BTreeMap<String, SuiteStanding>,
    /// Suites that somebody wants run now.
    pub(crate) asked: BTreeSet<String>,
}

/// How all suites stand.
pub(crate) async fn standing(store: &dyn ObjectStore) -> Result<Standing, String> {
    Ok(kept::read(store, &key(STANDING)?).await?.map(|(standing, _)| standing).unwrap_or_default())
}

/// Changes how suites stand.
pub(crate) async fn change(
    store: &dyn ObjectStore,
    mut change: impl FnMut(&mut Standing),
) -> Result<(), String> {
    kept::change(store, &key(STANDING)?, |standing| {
        change(standing);
        Ok(())
    })
    .await
}

fn place(suite: &str) -> Result<Key, String> {
    if is_name(suite) {
        key(format!("{SUITES}{suite}.json"))
    } else {
        Err(format!("there is no suite {suite}"))
    }
}

/// The names of all suites.
pub(crate) async fn names(store: &dyn ObjectStore) -> Result<Vec<String>, String> {
    let listed = store.list_after(SUITES, None, LIST_LIMIT_MAX).await.map_err(|error| error.to_string())?;
    let name = |key: &str| Some(key.strip_prefix(SUITES)?.strip_suffix(".json")?.to_owned());
    Ok(listed.iter().filter_map(|one| name(one.key.as_str())).take(SUITES_MAX).collect())
}

/// One suite, if it is there.
pub(crate) async fn suite(store: &dyn ObjectStore, name: &str) -> Result<Option<Suite>, String> {
    Ok(kept::read(store, &place(name)?).await?.map(|(suite, _)| suite))
}

/// Puts a suite, in the place of the one with its name.
pub(crate) async fn put_suite(store: &dyn ObjectStore, suite: &Suite) -> Result<(), String> {
    let names = names(store).await?;
    if !names.contains(&suite.name) && names.len() >= SUITES_MAX {
        return Err(format!("{SUITES_MAX} suites are there, which is the most"));
    }
    let place = place(&suite.name)?;
    let there = kept::read::<Suite>(store, &place).await?;
    let etag = there.map(|(_, etag)| etag);
    if kept::put(store, &place, etag.as_ref(), suite).await? {
        return Ok(());
    }
    Err("somebody else put it at the same time".to_owned())
}

/// Removes a suite with its runs; whether it was there.
pub(crate) async fn remove_suite(store: &dyn ObjectStore, name: &str) -> Result<bool, String> {
    let place = place(name)?;
    let was_there = kept::read::<Suite>(store, &place).await?.is_some();
    for one in
        store.list_after(&runs_of(name), None, LIST_LIMIT_MAX).await.map_err(|error| error.to_string())?
    {
        store.delete(&one.key).await.map_err(|error| error.to_string())?;
    }
    change(store, |standing| {
        standing.suites.remove(name);
        standing.asked.remove(name);
    })
    .await?;
    store.delete(&place).await.map_err(|error| error.to_string())?;
    Ok(was_there)
}

fn runs_of(suite: &str) -> String {
    format!("{RUNS}{suite}/")
}

/// The name of a run: later ones sort first.
pub(crate) fn run_name(at_ms: u64, prompt: &str, is_trial: bool) -> String {
    let kind = if is_trial { "trial" } else { "run" };
    format!("{:020}-{kind}-{prompt}", u64::MAX - at_ms)
}

/// Writes a run down, and removes those beyond the last ones.
pub(crate) async fn put_run(store: &dyn ObjectStore, run: &RunRecord) -> Result<(), String> {
    let prefix = runs_of(&run.suite);
    let place = key(format!("{prefix}{}.json", run.run))?;
    match store.put_new(&place, kept::bytes(run)?).await {
        // Its name is that of its moment: an earlier try whose answer was lost.
        PutOutcome::Done(_) | PutOutcome::Exists | PutOutcome::Changed => {}
        PutOutcome::Unknown(error) => return Err(error.to_string()),
    }
    let listed = store.list_after(&prefix, None, LIST_LIMIT_MAX).await.map_err(|error| error.to_string())?;
    for older in listed.iter().skip(RUNS_MAX) {
        store.delete(&older.key).await.map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// One run, if it is still kept.
pub(crate) async fn run(
    store: &dyn ObjectStore,
    suite: &str,
    run: &str,
) -> Result<Option<RunRecord>, String> {
    let place = key(format!("{}{run}.json", runs_of(suite)))?;
    Ok(kept::read(store, &place).await?.map(|(run, _)| run))
}

/// The last runs of a suite, the newest first.
pub(crate) async fn runs(
    store: &dyn ObjectStore,
    suite: &str,
    limit: usize,
) -> Result<Vec<RunRecord>, String> {
    let listed = store.list_after(&runs_of(suite), None, limit).await.map_err(|error| error.to_string())?;
    let read = listed.iter().map(|one| kept::read::<RunRecord>(store, &one.key));
    Ok(try_join_all(read).await?.into_iter().flatten().map(|(run, _)| run).collect())
}

#[cfg(test)]
mod tests {
    use enabler_storage::objects::Memory;

    use super::*;

    fn made(at_ms: u64, total: f64, is_trial: bool) -> RunRecord {
        RunRecord {
            run: run_name(at_ms, "v1", is_trial),
            suite: "contracts".into(),
            suite_hash: "a".into(),
            at_ms,
            took_ms: 1,
            node: "n1".into(),
            epoch: 1,
            job_run: 1,
            is_trial,
            versions: Versions::default(),
            score: Score { total, ..Score::default() },
            counts: true,
            passes: true,
            marks: Vec::new(),
        }
    }

    #[test]
    fn the_bar_rises_with_better_runs_falls_only_with_a_promotion_and_begins_anew_with_other_questions() {
        let (mut standing, own) = (SuiteStanding::default(), Gate { min_score: 0.1, max_drop: 0.2 });
        for (total, bar) in [(0.8, 0.8), (0.7, 0.8), (0.9, 0.9), (0.2, 0.9)] {
            standing.take(&made(1, total, false), &own);
            assert_eq!((standing.bar(), standing.last.as_ref().unwrap().score.total), (Some(bar), total));
        }
        standing.take(&RunRecord { counts: false, ..made(2, 1.0, false) }, &own);
        assert_eq!(standing.bar(), Some(0.9), "one that says nothing raises nothing");
        standing.take(&made(3, 0.75, true), &own);
        assert_eq!(standing.bar(), Some(0.9));
        standing.accept_trial();
        assert_eq!((standing.bar(), standing.last.as_ref().unwrap().score.total), (Some(0.75), 0.75));
        standing.take(&RunRecord { suite_hash: "b".into(), ..made(4, 0.3, false) }, &own);
        assert_eq!((standing.bar(), standing.trial), (Some(0.3), None));
    }

    #[tokio::test]
    async fn the_last_runs_are_kept_the_newest_first_and_go_with_their_suite() {
        let store = Memory::new();
        for at_ms in 1..=RUNS_MAX as u64 + 5 {
            put_run(&store, &made(at_ms, 0.5, false)).await.unwrap();
        }
        let kept = runs(&store, "contracts", LIST_LIMIT_MAX).await.unwrap();
        assert_eq!((kept.len(), kept[0].at_ms, kept[RUNS_MAX - 1].at_ms), (RUNS_MAX, 105, 6));
        let one = run(&store, "contracts", &kept[3].run).await.unwrap();
        assert_eq!(one, Some(kept[3].clone()));
        assert!(!remove_suite(&store, "contracts").await.unwrap());
        assert_eq!(runs(&store, "contracts", 10).await.unwrap(), []);
    }

    #[tokio::test]
    async fn no_more_suites_are_put_than_are_counted() {
        let store = Memory::new();
        let suite = |name: String| Suite {
            name,
            tenant: "ana".into(),
            gate: Gate::default(),
            questions: Vec::new(),
            by: String::new(),
            at_ms: 0,
        };
        for number in 0..SUITES_MAX {
            put_suite(&store, &suite(format!("s{number}"))).await.unwrap();
        }
        put_suite(&store, &suite("s3".into())).await.unwrap();
        assert!(put_suite(&store, &suite("one-more".into())).await.unwrap_err().contains("the most"));
        assert!(put_suite(&store, &suite("../x".into())).await.is_err());
        assert!(remove_suite(&store, "s3").await.unwrap());
        put_suite(&store, &suite("one-more".into())).await.unwrap();
        assert_eq!(names(&store).await.unwrap().len(), SUITES_MAX);
    }
}
