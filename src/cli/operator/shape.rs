//! What a node tells operators, as far as the command line shows it; what is missing or null is left out, not refused.

use serde::Deserialize;
use serde_json::Value;

/// The path of the actor that a node is; it is shown as the node.
pub(crate) const ROOT: &str = "node";

impl Actor {
    /// Whether it can be paused.
    pub(crate) fn is_pool(&self) -> bool {
        ["pool", "model_host", "evaluator"].iter().any(|kind| self.kind.contains(kind))
    }
}

/// One node's part of the tree.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct NodePart {
    pub(crate) name: String,
    pub(crate) answered: bool,
    pub(crate) why: Option<String>,
    pub(crate) here: bool,
    pub(crate) cordoned: bool,
    pub(crate) roles: Vec<String>,
    pub(crate) actors_total: u64,
    pub(crate) actors: Vec<Actor>,
    pub(crate) more_after: Option<String>,
}

/// The tree, or a part of it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Tree {
    pub(crate) nodes: Vec<NodePart>,
    pub(crate) cannot_see: Vec<CannotSee>,
}

/// Something that a node cannot look at now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct CannotSee {
    pub(crate) what: String,
    pub(crate) why: String,
}

/// An actor.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Actor {
    pub(crate) node: String,
    pub(crate) path: String,
    pub(crate) parent: Option<String>,
    pub(crate) kind: String,
    pub(crate) generation: String,
    pub(crate) status: String,
    pub(crate) waiting_on: Option<String>,
    pub(crate) started_ms: u64,
    pub(crate) mailbox: Option<Mailbox>,
    pub(crate) busy: Option<Busy>,
    pub(crate) handled: u64,
    pub(crate) rate_per_s: f64,
    pub(crate) p50_us: Option<u64>,
    pub(crate) p99_us: Option<u64>,
    pub(crate) restarts: u64,
    pub(crate) intensity: Option<Intensity>,
    pub(crate) children: u64,
    pub(crate) note: Option<String>,
}

/// What waits for an actor.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Mailbox {
    pub(crate) depth: u64,
    pub(crate) capacity: Option<u64>,
    pub(crate) oldest_ms: Option<u64>,
}

/// What an actor is doing.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Busy {
    pub(crate) message: String,
    pub(crate) for_ms: u64,
}

/// Restarts used of those allowed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Intensity {
    pub(crate) used: u64,
    pub(crate) allowed: u64,
    pub(crate) period_s: u64,
}

/// An actor with what happened to it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ActorPage {
    /// None when it is gone and only its failures are remembered.
    pub(crate) actor: Option<Actor>,
    pub(crate) failures: Vec<Failed>,
    pub(crate) history: Vec<Happened>,
}

/// One thing that happened to an actor.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Happened {
    pub(crate) at_ms: u64,
    pub(crate) what: String,
    pub(crate) detail: Option<String>,
}

/// A failure of an actor.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Failed {
    pub(crate) node: String,
    pub(crate) path: String,
    pub(crate) message: Option<String>,
    pub(crate) at_ms: u64,
    pub(crate) reason: String,
    pub(crate) backtrace: Option<String>,
}

/// The failures of the cluster.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Failures {
    pub(crate) failures: Vec<Failed>,
    pub(crate) cannot_see: Vec<CannotSee>,
}

/// A shard as its owner tells it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Shard {
    pub(crate) shard: u64,
    pub(crate) owner: Option<String>,
    pub(crate) epoch: u64,
    pub(crate) status: String,
    pub(crate) position: Option<u64>,
    pub(crate) documents: Option<u64>,
    pub(crate) replicas: Vec<Replica>,
    pub(crate) why: Option<String>,
}

/// A node that follows a shard.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Replica {
    pub(crate) node: String,
    pub(crate) lag: Option<u64>,
}

/// The shards of the store.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Shards {
    pub(crate) shards: Vec<Shard>,
    pub(crate) cannot_see: Vec<CannotSee>,
}

/// A message that was given up.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct DeadLetter {
    pub(crate) id: String,
    pub(crate) node: String,
    pub(crate) path: String,
    pub(crate) message: String,
    pub(crate) document: Option<String>,
    pub(crate) at_ms: u64,
    pub(crate) attempts: u64,
    pub(crate) reason: String,
    pub(crate) can_retry: bool,
}

/// The dead letters of the cluster.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct DeadLetters {
    pub(crate) dead_letters: Vec<DeadLetter>,
    pub(crate) cannot_see: Vec<CannotSee>,
}

/// A document that has not moved on.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Stalled {
    pub(crate) document: String,
    pub(crate) stage: String,
    pub(crate) for_s: u64,
    pub(crate) owner: Option<String>,
    pub(crate) why: Option<String>,
}

/// The stalled documents of the cluster.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct StalledList {
    pub(crate) documents: Vec<Stalled>,
    pub(crate) cannot_see: Vec<CannotSee>,
}

/// Where a document or a request is, and how it got there.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Where {
    pub(crate) id: String,
    pub(crate) what: String,
    pub(crate) document: Option<String>,
    pub(crate) shard: Option<u64>,
    pub(crate) owner: Option<String>,
    pub(crate) epoch: Option<u64>,
    pub(crate) status: String,
    pub(crate) actor: Option<Actor>,
    pub(crate) path: Vec<Step>,
    pub(crate) failures: Vec<Failed>,
    pub(crate) dead_letters: Vec<DeadLetter>,
    pub(crate) may: Vec<May>,
    pub(crate) cannot_see: Vec<CannotSee>,
}

/// One stage that a document or a request went through.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Step {
    pub(crate) stage: String,
    pub(crate) node: Option<String>,
    pub(crate) actor: Option<String>,
    pub(crate) started_ms: u64,
    pub(crate) queue_ms: Option<u64>,
    pub(crate) work_ms: Option<u64>,
    pub(crate) status: String,
    pub(crate) detail: Option<String>,
}

/// An action that makes sense for a document.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct May {
    pub(crate) action: String,
    pub(crate) target: Value,
}

/// What an action did, or would do.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Outcome {
    pub(crate) id: String,
    pub(crate) touches: Vec<Touch>,
    pub(crate) outcome: String,
    pub(crate) detail: String,
    pub(crate) receipt: Value,
}

/// The receipt of an erasure.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Receipt {
    pub(crate) complete: bool,
    pub(crate) ended_ms: u64,
    pub(crate) by: String,
    pub(crate) reason: String,
    pub(crate) sha256: String,
    pub(crate) stores: Vec<Place>,
    pub(crate) probe: Probe,
    pub(crate) beyond: Vec<String>,
}

/// What a search for traces found.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Probe {
    pub(crate) found: u64,
    pub(crate) stores: Vec<Place>,
}

/// A place that was emptied or searched.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Place {
    pub(crate) store: String,
    pub(crate) what: String,
    pub(crate) node: Option<String>,
    pub(crate) removed: Option<u64>,
    pub(crate) found: Option<u64>,
    pub(crate) error: Option<String>,
}

/// The recurring work.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Recurring {
    pub(crate) holder: Option<String>,
    pub(crate) epoch: Option<u64>,
    pub(crate) jobs: Vec<Job>,
    pub(crate) cannot_see: Vec<CannotSee>,
}

/// A recurring job.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Job {
    pub(crate) job: String,
    pub(crate) every_hours: u64,
    pub(crate) runs: u64,
    pub(crate) running: Option<JobRunning>,
    pub(crate) last: Option<JobRun>,
    pub(crate) next_ms: Option<u64>,
}

/// A run that is under way.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct JobRunning {
    pub(crate) node: String,
    pub(crate) since_ms: u64,
    pub(crate) left: Option<u64>,
}

/// A run that has ended.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct JobRun {
    pub(crate) node: String,
    pub(crate) ended_ms: u64,
    pub(crate) outcome: String,
    pub(crate) detail: String,
}

/// One thing that an action touches.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Touch {
    pub(crate) node: Option<String>,
    pub(crate) what: String,
}

/// The versions of the prompts.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Prompts {
    pub(crate) in_force: String,
    pub(crate) on_trial: Option<OnTrial>,
    pub(crate) versions: Vec<PromptVersion>,
    pub(crate) changes: Vec<PromptChange>,
    pub(crate) files: Option<PromptFiles>,
    pub(crate) nodes: Vec<PromptOfNode>,
    pub(crate) cannot_see: Vec<CannotSee>,
}

/// A version that the suites are asked with.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct OnTrial {
    pub(crate) id: String,
    pub(crate) version: String,
    pub(crate) by: String,
    pub(crate) at_ms: u64,
}

/// A version of the prompts.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PromptVersion {
    pub(crate) version: String,
    pub(crate) at_ms: u64,
    pub(crate) by: String,
    pub(crate) note: String,
}

/// Something that was done about prompts, or refused.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PromptChange {
    pub(crate) id: String,
    pub(crate) what: String,
    pub(crate) version: String,
    pub(crate) by: String,
    pub(crate) at_ms: u64,
    pub(crate) reason: String,
    pub(crate) detail: String,
}

/// The files of a version.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PromptFiles {
    pub(crate) pt: String,
    pub(crate) en: String,
}

/// The prompt of one node.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PromptOfNode {
    pub(crate) node: String,
    pub(crate) prompt: Option<String>,
    pub(crate) why: Option<String>,
}

/// The suites of questions.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Quality {
    pub(crate) suites: Vec<SuiteShown>,
    pub(crate) runs: Vec<QualityRun>,
    pub(crate) cannot_see: Vec<CannotSee>,
}

/// A suite and how it stands.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SuiteShown {
    pub(crate) suite: String,
    pub(crate) questions: u64,
    pub(crate) waits_for_a_run: bool,
    pub(crate) last: Option<QualityBrief>,
    pub(crate) baseline: Option<QualityBrief>,
}

/// A run in a line.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct QualityBrief {
    pub(crate) at_ms: u64,
    pub(crate) prompt: String,
    pub(crate) score: QualityScore,
    pub(crate) counts: bool,
    pub(crate) passes: bool,
}

/// The share of expectations that held.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct QualityScore {
    pub(crate) total: f64,
    pub(crate) answer: Option<f64>,
    pub(crate) source: Option<f64>,
    pub(crate) refusal: Option<f64>,
    pub(crate) draft: Option<f64>,
    pub(crate) questions: u32,
    pub(crate) wrong: u32,
}

/// A run of a suite.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct QualityRun {
    pub(crate) at_ms: u64,
    pub(crate) is_trial: bool,
    pub(crate) versions: QualityVersions,
    pub(crate) score: QualityScore,
    pub(crate) counts: bool,
    pub(crate) passes: bool,
    pub(crate) wrong: Vec<QuestionWrong>,
}

/// What a run was made with.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct QualityVersions {
    pub(crate) prompt: String,
    pub(crate) models: Vec<String>,
}

/// A question of which something did not hold.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct QuestionWrong {
    pub(crate) question: String,
    pub(crate) failed: Vec<String>,
    pub(crate) fault: Option<String>,
}

/// Whether something that was put was taken.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Taken {
    pub(crate) outcome: String,
    pub(crate) detail: String,
}
