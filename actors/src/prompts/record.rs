//! What stands in the store of prompts: a record for each version, and one that says which is in force and why.

use enabler_grounding::prompt::SHIPPED;
use enabler_storage::objects::{LIST_LIMIT_MAX, ObjectStore};
use serde::{Deserialize, Serialize};

use super::Version;
use crate::kept::{self, key};

/// Where the versions are.
const VERSIONS: &str = "v1/prompts/versions/";
/// Which one is in force.
const STANDING: &str = "v1/prompts/standing.json";
/// Versions at most: as many as one listing gives.
pub(super) const VERSIONS_MAX: usize = LIST_LIMIT_MAX;
/// Promotions that can be taken back.
const STACK_MAX: usize = 100;
/// Changes that are told; the audit log has all of them.
const CHANGES_MAX: usize = 100;
/// A trial whose end nobody has heard for so long gives way to another.
const TRIAL_MS_MAX: u64 = 8 * 3_600_000;
/// How often a number is tried that somebody else takes at the same time.
const TRIES_MAX: usize = 6;

/// One version. Fields are only ever added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct VersionRecord {
    pub(super) version: String,
    pub(super) at_ms: u64,
    pub(super) by: String,
    pub(super) note: String,
    /// The file for answers in Portuguese.
    pub(super) pt: String,
    /// The file for answers in English.
    pub(super) en: String,
}

/// A version that was put in force, in the place of the one before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Promotion {
    pub(super) version: String,
    pub(super) by: String,
    pub(super) at_ms: u64,
    pub(super) reason: String,
}

/// A version that is put to the suites before it may be in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Candidate {
    /// The action that ordered it.
    pub(crate) id: String,
    pub(crate) version: String,
    pub(crate) by: String,
    pub(crate) reason: String,
    pub(crate) at_ms: u64,
}

/// What was done about the version in force, and what was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Change {
    /// The action that ordered it.
    pub(super) id: String,
    /// `promoted`, `forced`, `rolled_back` or `refused`.
    pub(super) what: String,
    pub(super) version: String,
    pub(super) by: String,
    pub(super) at_ms: u64,
    pub(super) reason: String,
    /// What the suites said.
    pub(super) detail: String,
}

/// What the suites said of a candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// No answer has become worse than the gates allow.
    Passed(String),
    /// Why it may not be in force.
    Refused(String),
}

/// Which version is in force. Fields are only ever added.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Standing {
    /// The versions that were put in force, each in the place of the one before; empty for the one that ships.
    pub(super) stack: Vec<Promotion>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) candidate: Option<Candidate>,
    /// The newest last.
    pub(super) changes: Vec<Change>,
}

impl Standing {
    /// The version in force.
    pub(super) fn in_force(&self) -> &str {
        self.stack.last().map_or(SHIPPED, |last| &last.version)
    }

    /// Puts a version in force.
    pub(super) fn promote(&mut self, order: &Candidate, what: &str, at_ms: u64, detail: String) {
        let Candidate { version, by, reason, .. } = order.clone();
        self.stack.push(Promotion { version, by, at_ms, reason });
        if self.stack.len() > STACK_MAX {
            self.stack.remove(0);
        }
        self.note(order, what, at_ms, detail);
    }

    /// Takes the last promotion back; the version that is in force then.
    pub(super) fn roll_back(&mut self, order: &Candidate, at_ms: u64) -> Result<String, String> {
        let last = self.stack.pop().ok_or_else(|| format!("{SHIPPED}, which ships, is in force"))?;
        let order = Candidate { version: self.in_force().to_owned(), ..order.clone() };
        self.note(&order, "rolled_back", at_ms, format!("{} is no longer in force", last.version));
        Ok(order.version)
    }

    /// Has a version put to the suites.
    pub(super) fn try_out(&mut self, order: Candidate) -> Result<(), String> {
        let young = |other: &&Candidate| order.at_ms.saturating_sub(other.at_ms) < TRIAL_MS_MAX;
        if let Some(other) = self.candidate.as_ref().filter(young) {
            return Err(format!("{} is on trial already", other.version));
        }
        self.candidate = Some(order);
        Ok(())
    }

    /// Ends the trial `id`; whether it was still on.
    pub(super) fn conclude(&mut self, id: &str, verdict: &Verdict, at_ms: u64) -> bool {
        let Some(order) = self.candidate.take_if(|candidate| candidate.id == id) else { return false };
        match verdict {
            Verdict::Passed(detail) => self.promote(&order, "promoted", at_ms, detail.clone()),
            Verdict::Refused(why) => self.note(&order, "refused", at_ms, why.clone()),
        }
        true
    }

    fn note(&mut self, order: &Candidate, what: &str, at_ms: u64, detail: String) {
        let Candidate { id, version, by, reason, .. } = order.clone();
        self.changes.push(Change { id, what: what.to_owned(), version, by, at_ms, reason, detail });
        let more = self.changes.len().saturating_sub(CHANGES_MAX);
        self.changes.drain(..more);
    }
}

/// What is in force, and what is on trial.
pub(super) async fn standing(store: &dyn ObjectStore) -> Result<Standing, String> {
    Ok(kept::read(store, &key(STANDING)?).await?.map(|(standing, _)| standing).unwrap_or_default())
}

/// Changes which version is in force, if `change` finds no objection.
pub(super) async fn change<R>(
    store: &dyn ObjectStore,
    change: impl FnMut(&mut Standing) -> Result<R, String>,
) -> Result<R, String> {
    kept::change(store, &key(STANDING)?, change).await
}

/// The name of the version in force.
pub(crate) async fn in_force(store: &dyn ObjectStore) -> Result<String, String> {
    Ok(standing(store).await?.in_force().to_owned())
}

/// The version that is on trial, if one is.
pub(crate) async fn candidate(store: &dyn ObjectStore) -> Result<Option<Candidate>, String> {
    Ok(standing(store).await?.candidate)
}

/// Ends the trial `id`; whether it was still on.
pub(crate) async fn conclude(
    store: &dyn ObjectStore,
    id: &str,
    verdict: &Verdict,
    at_ms: u64,
) -> Result<bool, String> {
    change(store, |standing| Ok(standing.conclude(id, verdict, at_ms))).await
}

/// The number of a version of the store.
fn number(name: &str) -> Option<u64> {
    name.strip_prefix('p')?.parse().ok()
}

fn place(number: u64) -> String {
    format!("{VERSIONS}p{number:06}.json")
}

/// The record of a version of the store.
pub(super) async fn read(store: &dyn ObjectStore, name: &str) -> Result<VersionRecord, String> {
    let unknown = || format!("there is no prompt {name}");
    let at = place(number(name).ok_or_else(unknown)?);
    let found = kept::read::<VersionRecord>(store, &key(at)?).await?;
    found.map(|(record, _)| record).filter(|record| record.version == name).ok_or_else(unknown)
}

/// The version with this name.
pub(super) async fn version(store: &dyn ObjectStore, name: &str) -> Result<Version, String> {
    if name == SHIPPED {
        return Ok(Version::shipped());
    }
    let record = read(store, name).await?;
    Version::read(name, &record.pt, &record.en)
}

/// The numbers of the versions of the store, the oldest first.
pub(super) async fn numbers(store: &dyn ObjectStore) -> Result<Vec<u64>, String> {
    let listed = store.list_after(VERSIONS, None, LIST_LIMIT_MAX).await.map_err(|error| error.to_string())?;
    let name = |key: &str| number(key.strip_prefix(VERSIONS)?.strip_suffix(".json")?);
    Ok(listed.iter().filter_map(|one| name(one.key.as_str())).collect())
}

/// Keeps a version under the next number, unless the last ones have the same words already; its name.
pub(super) async fn keep(
    store: &dyn ObjectStore,
    record: &VersionRecord,
    looked_at: usize,
) -> Result<String, String> {
    for _ in 0..TRIES_MAX {
        let numbers = numbers(store).await?;
        if numbers.len() >= VERSIONS_MAX {
            return Err(format!("{VERSIONS_MAX} versions are there, which is the most"));
        }
        for known in numbers.iter().rev().take(looked_at) {
            let known = read(store, &format!("p{known}")).await?;
            if (&known.pt, &known.en) == (&record.pt, &record.en) {
                return Ok(known.version);
            }
        }
        let next = numbers.last().map_or(1, |last| last + 1);
        let record = VersionRecord { version: format!("p{next}"), ..record.clone() };
        if kept::put(store, &key(place(next))?, None, &record).await? {
            return Ok(record.version);
        }
    }
    Err("others kept putting versions".to_owned())
}
