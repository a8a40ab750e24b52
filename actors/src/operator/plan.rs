//! What operators may do, as it is sent from node to node.

use serde::{Deserialize, Serialize};

/// The most that one action in bulk touches.
pub(super) const BULK_MAX: usize = 100;

/// What may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An actor begins anew.
    Restart,
    /// An actor and everything under it begin anew.
    RestartSubtree,
    /// A node lets its shards go and takes none.
    DrainNode,
    /// A node takes shards again.
    UndrainNode,
    /// A shard goes to the next best node.
    DrainShard,
    /// A shard goes to a node that is named.
    MoveShard,
    /// A pool begins no further work.
    PausePool,
    /// A pool goes on.
    ResumePool,
    /// A document is taken out of service.
    QuarantineDocument,
    /// A document is put back into service.
    ReleaseDocument,
    /// A document that failed is read again.
    RetryDocument,
    /// Documents that failed through no fault of their own are read again.
    RetryDeadLetters,
    /// What was given up is put aside.
    DiscardDeadLetters,
    /// The next messages of an actor are followed.
    TraceActor,
    /// More, or less, is logged for a while.
    LogLevel,
    /// A document is deleted and every trace of it removed, with a receipt.
    EraseDocument,
    /// A recurring job runs now.
    RunJob,
    /// A version of the prompts is put in force, if the suites have nothing against it.
    PromotePrompt,
    /// The version of the prompts before is in force again.
    RollbackPrompt,
    /// A suite of questions is run.
    RunSuite,
    /// A suite of questions is removed with its runs.
    RemoveSuite,
}

impl Kind {
    /// Its name in the API.
    pub(super) fn name(self) -> String {
        serde_json::to_value(self).ok().and_then(|name| Some(name.as_str()?.to_owned())).unwrap_or_default()
    }
}

/// Some of what was given up, or all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Ids {
    /// Those.
    These(Vec<String>),
    /// `all`.
    All(String),
}

/// What is acted on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Target {
    /// A node's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// An actor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// A shard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<u32>,
    /// The node that a shard goes to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// A document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// What was given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ids: Option<Ids>,
    /// How much is logged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// Of which part of the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// A recurring job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// A version of the prompts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// A suite of questions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suite: Option<String>,
}

/// One action, as it was ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// What is done.
    pub action: Kind,
    /// To what.
    #[serde(default)]
    pub target: Target,
    /// Messages that are followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// For how long, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_s: Option<u64>,
    /// Why.
    pub reason: String,
    /// Whether it is only told what would be done.
    #[serde(default)]
    pub dry_run: bool,
    /// Whether a gate that stands against it is passed over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
}

/// Something that an action touches.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Touch {
    /// On which node.
    pub node: String,
    /// What, such as `actor ocr/worker-0`.
    pub what: String,
}

/// How an action ended, on one node or on all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Outcome {
    pub(super) touches: Vec<Touch>,
    /// `would_do`, `begun`, `done`, `partly` or `refused`.
    pub(super) outcome: String,
    pub(super) detail: String,
}

impl Outcome {
    pub(super) fn refused(why: impl Into<String>) -> Self {
        Outcome { touches: Vec::new(), outcome: "refused".to_owned(), detail: why.into() }
    }

    /// Done, or what would be.
    pub(super) fn done(dry_run: bool, touches: Vec<Touch>, detail: impl Into<String>) -> Self {
        let outcome = if dry_run { "would_do" } else { "done" };
        Outcome { touches, outcome: outcome.to_owned(), detail: detail.into() }
    }

    /// It has begun, and ends later.
    pub(super) fn begun(dry_run: bool, touches: Vec<Touch>, detail: impl Into<String>) -> Self {
        let outcome = if dry_run { "would_do" } else { "begun" };
        Outcome { touches, outcome: outcome.to_owned(), detail: detail.into() }
    }

    /// Several outcomes as one.
    pub(super) fn of_all(all: Vec<Outcome>) -> Self {
        let has = |name: &str| all.iter().any(|one| one.outcome == name);
        let outcome = match (has("refused") || has("partly"), has("done") || has("would_do")) {
            (true, false) if !has("partly") => "refused",
            (true, _) => "partly",
            (false, _) if has("would_do") => "would_do",
            _ => "done",
        };
        let mut details: Vec<String> = all.iter().map(|one| one.detail.clone()).collect();
        details.dedup();
        let mut touches: Vec<Touch> = all.into_iter().flat_map(|one| one.touches).collect();
        touches.sort_unstable();
        touches.dedup();
        Outcome { touches, outcome: outcome.to_owned(), detail: details.join(" ") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_read_as_it_is_written() {
        let text = r#"{"action":"retry_dead_letters","target":{"ids":"all"},"reason":"disk was full","dry_run":true}"#;
        let action: Action = serde_json::from_str(text).unwrap();
        assert_eq!(action.target.ids, Some(Ids::All("all".to_owned())));
        assert_eq!(serde_json::from_str::<Action>(&serde_json::to_string(&action).unwrap()).unwrap(), action);
        assert_eq!(action.action.name(), "retry_dead_letters");
    }

    #[test]
    fn what_one_node_did_and_another_refused_is_done_in_part() {
        let done = || Outcome::done(false, vec![Touch { node: "n1".into(), what: "x".into() }], "did");
        let outcome = |all| Outcome::of_all(all).outcome;
        assert_eq!(outcome(vec![done(), done()]), "done");
        assert_eq!(outcome(vec![done(), Outcome::refused("no")]), "partly");
        assert_eq!(outcome(vec![Outcome::refused("no")]), "refused");
        assert_eq!(outcome(vec![Outcome::done(true, vec![], "")]), "would_do");
        assert_eq!(Outcome::of_all(vec![done(), done()]).touches.len(), 1);
    }
}
