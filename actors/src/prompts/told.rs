//! What operators are told of prompts and may do about them.

use enabler_grounding::prompt::{SHIPPED, shipped_text};
use enabler_grounding::question::Language;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::Version;
use super::record::{self, Candidate, VersionRecord};
use crate::operator::Panel;

/// Versions that are told, and that a new one is compared with.
const TOLD_MAX: usize = 50;
/// The longest note about a version, in characters.
const NOTE_CHARS_MAX: usize = 300;

/// How a promotion was taken.
pub(crate) enum Promoted {
    /// It is in force.
    Now,
    /// The suites are put to it first.
    OnTrial,
}

impl Panel {
    /// Every version, which one is in force, and why; with the files of one if it is named.
    pub async fn prompts(&self, version: Option<&str>) -> Value {
        let nodes = self.prompts_of_nodes().await;
        let mut told = match self.prompts_kept(version).await {
            Ok(told) => told,
            Err(why) => json!({
                "in_force": null, "versions": [], "changes": [], "on_trial": null, "files": null,
                "cannot_see": [{ "what": "store", "why": why }],
            }),
        };
        told["nodes"] = nodes.into();
        told["taken_at_ms"] = self.now_ms().into();
        told
    }

    async fn prompts_kept(&self, version: Option<&str>) -> Result<Value, String> {
        let store = self.store();
        let standing = record::standing(store).await?;
        let numbers = record::numbers(store).await?;
        let names: Vec<String> =
            numbers.iter().rev().take(TOLD_MAX).map(|number| format!("p{number}")).collect();
        let read = join_all(names.iter().map(|name| record::read(store, name))).await;
        let mut versions = Vec::new();
        for found in read {
            let VersionRecord { version, at_ms, by, note, .. } = found?;
            versions.push(json!({ "version": version, "at_ms": at_ms, "by": by, "note": note }));
        }
        versions.push(json!({ "version": SHIPPED, "at_ms": 0, "by": "rag-enabler", "note": "ships" }));
        let files = match version {
            None => Value::Null,
            Some(SHIPPED) => {
                json!({ "pt": shipped_text(Language::Portuguese), "en": shipped_text(Language::English) })
            }
            Some(name) => match record::read(store, name).await {
                Ok(record) => json!({ "pt": record.pt, "en": record.en }),
                Err(_) => Value::Null,
            },
        };
        let changes: Vec<_> = standing.changes.iter().rev().collect();
        Ok(json!({
            "in_force": standing.in_force(),
            "since": standing.stack.last(),
            "on_trial": standing.candidate,
            "versions": versions,
            "changes": changes,
            "files": files,
            "cannot_see": [],
        }))
    }

    /// Keeps a version of the prompts, which is not in force by that.
    pub async fn put_prompt(&self, portuguese: &str, english: &str, note: &str, by: &str) -> Value {
        let kept = async {
            Version::read("new", portuguese, english)?;
            let (pt, en, by) = (portuguese.to_owned(), english.to_owned(), by.to_owned());
            let note = note.chars().filter(|c| !c.is_control()).take(NOTE_CHARS_MAX).collect();
            let record = VersionRecord { version: String::new(), at_ms: self.now_ms(), by, note, pt, en };
            record::keep(self.store(), &record, TOLD_MAX).await
        };
        match kept.await {
            Ok(version) => json!({
                "outcome": "done",
                "version": version,
                "detail": format!("It is kept as {version}. It is not in force before it is promoted."),
            }),
            Err(why) => {
                json!({ "outcome": "refused", "version": null, "detail": format!("It is not kept: {why}.") })
            }
        }
    }

    /// Puts a version in force: at once, or once the suites have found nothing against it.
    pub(crate) async fn promote_prompt(
        &self,
        order: Candidate,
        forced: bool,
        has_suites: bool,
    ) -> Result<Promoted, String> {
        record::version(self.store(), &order.version).await?;
        let at_ms = order.at_ms;
        record::change(self.store(), |standing| {
            if standing.in_force() == order.version {
                return Err(format!("{} is in force already", order.version));
            }
            if has_suites && !forced {
                standing.try_out(order.clone())?;
                return Ok(Promoted::OnTrial);
            }
            let (what, detail) =
                if forced { ("forced", "no suite was asked") } else { ("promoted", "there are no suites") };
            // Whoever forces one ends the trial of another, which was for the version before.
            standing.candidate = None;
            standing.promote(&order, what, at_ms, detail.to_owned());
            Ok(Promoted::Now)
        })
        .await
    }

    /// Whether a version could be put in force.
    pub(crate) async fn has_prompt(&self, name: &str) -> Result<(), String> {
        record::version(self.store(), name).await.map(drop)
    }

    /// Takes the last promotion back; the version that is in force then.
    pub(crate) async fn roll_prompt_back(&self, order: &Candidate, dry_run: bool) -> Result<String, String> {
        if dry_run {
            return record::standing(self.store()).await?.roll_back(order, order.at_ms);
        }
        record::change(self.store(), |standing| {
            standing.candidate = None;
            standing.roll_back(order, order.at_ms)
        })
        .await
    }
}
