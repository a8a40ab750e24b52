//! What operators see of the nodes and may do to them.
//!
//! What nodes say of themselves is passed on as they say it, so that what a newer node adds is seen through an older one;
//! what operators send is read and checked here.

pub(crate) mod handlers;
pub(crate) mod improving;
mod read;
pub(crate) mod shapes;
mod sought;
mod watch;

use std::time::Duration;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::context::Context;
use crate::error::ApiError;

pub use improving::{Expected, Gate, NewPrompt, NewSuite, SuiteQuestion};
pub(crate) use read::STATUSES;
pub(crate) use sought::SoughtId;

/// Which part of the tree is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TreeQuery {
    /// Only this node.
    pub node: Option<String>,
    /// Only what is below this path; empty for everything.
    pub under: String,
    /// How many levels.
    pub depth: usize,
    /// How many actors of each node.
    pub limit: usize,
    /// Only those behind this path.
    pub after: Option<String>,
    /// Only those whose path has this text in it, on any level.
    pub text: Option<String>,
    /// Only those that are doing this, on any level.
    pub status: Option<String>,
}

/// What operators may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActionKind {
    /// Has an actor begin anew.
    Restart,
    /// Has an actor and everything under it begin anew.
    RestartSubtree,
    /// Has a node hand its shards over and take none.
    DrainNode,
    /// Has a node take shards again.
    UndrainNode,
    /// Has a shard go to another node.
    DrainShard,
    /// Has a shard go to the node `to`.
    MoveShard,
    /// Has a pool begin nothing new.
    PausePool,
    /// Has a pool go on.
    ResumePool,
    /// Takes a document out of service.
    QuarantineDocument,
    /// Puts a document back into service.
    ReleaseDocument,
    /// Has a failed document read again.
    RetryDocument,
    /// Has documents read again that failed through no fault of their own.
    RetryDeadLetters,
    /// Puts aside what was given up.
    DiscardDeadLetters,
    /// Keeps kinds and times of the next messages of an actor.
    TraceActor,
    /// Logs more, or less, for a while.
    LogLevel,
    /// Deletes a document and removes every trace of it but its id, with a receipt.
    EraseDocument,
    /// Has a recurring job run now.
    RunJob,
    /// Puts a version of the prompts in force, if the suites have nothing against it.
    PromotePrompt,
    /// Has the version of the prompts before in force again.
    RollbackPrompt,
    /// Has a suite of questions run.
    RunSuite,
    /// Removes a suite of questions with its runs.
    RemoveSuite,
}

/// Some of what was given up, or `all` of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Ids {
    /// Those with these ids.
    These(#[schemars(length(min = 1, max = 100))] Vec<String>),
    /// `all`: at most 100 at a time.
    All(String),
}

/// What is acted on; each action says what it needs of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// A node's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// An actor's path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// A shard's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<u32>,
    /// The node that a shard goes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// A document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<Uuid>,
    /// What was given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ids: Option<Ids>,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// A part of the program, such as `enabler_actors::shard`; all of it when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// A recurring job: `retention`, `dead_letters`, `erasure`, `quality` or `index_refresh`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// A version of the prompts, such as `p2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// A suite of questions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suite: Option<String>,
}

/// Something to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Action {
    /// What.
    pub action: ActionKind,
    /// To what.
    #[serde(default)]
    pub target: Target,
    /// Messages that `trace_actor` keeps; 20 when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub count: Option<u32>,
    /// How long `log_level` holds, in seconds; 600 when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 86400))]
    pub expires_s: Option<u64>,
    /// Why; it goes into the audit log.
    #[schemars(length(min = 3, max = 300))]
    pub reason: String,
    /// Whether it is only told what would be touched.
    #[serde(default)]
    pub dry_run: bool,
    /// Whether `promote_prompt` passes over the gates of the suites.
    #[serde(default)]
    pub force: bool,
}

/// Something that has changed on a node.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// `actor`, `failure`, `shard`, `node` or `action`.
    pub event: String,
    /// What.
    pub data: Value,
}

/// Follows what changes on all nodes, from the moment on when it was made.
#[async_trait]
pub trait Watch: Send {
    /// What has changed since the last time.
    async fn changes(&mut self) -> Vec<Change>;
}

/// What the product tells operators and does for them.
#[async_trait]
pub trait OperatorApi: Send + Sync + 'static {
    /// What runs on all nodes, or on one.
    ///
    /// # Errors
    ///
    /// [`ApiError::Unavailable`] while the node starts or stops; so for all that follow.
    async fn operator_tree(&self, query: TreeQuery) -> Result<Value, ApiError>;

    /// One actor, with its failures and what happened to it.
    ///
    /// # Errors
    ///
    /// [`ApiError::NothingKnown`] when there is none and nothing is remembered of it.
    async fn operator_actor(&self, node: &str, path: &str) -> Result<Value, ApiError>;

    /// Every shard: who owns it and who follows it.
    ///
    /// # Errors
    ///
    /// See [`OperatorApi::operator_tree`].
    async fn operator_shards(&self) -> Result<Value, ApiError>;

    /// What failed, the newest first.
    ///
    /// # Errors
    ///
    /// See [`OperatorApi::operator_tree`].
    async fn operator_failures(
        &self,
        node: Option<&str>,
        path: Option<&str>,
        limit: usize,
    ) -> Result<Value, ApiError>;

    /// What was given up, the newest first.
    ///
    /// # Errors
    ///
    /// See [`OperatorApi::operator_tree`].
    async fn operator_dead_letters(&self, limit: usize) -> Result<Value, ApiError>;

    /// Documents that have not come on for so many seconds.
    ///
    /// # Errors
    ///
    /// See [`OperatorApi::operator_tree`].
    async fn operator_stalled(&self, over_s: u64) -> Result<Value, ApiError>;

    /// The way of a document or a request, by its id.
    ///
    /// # Errors
    ///
    /// [`ApiError::NothingKnown`] when no node knows it.
    async fn operator_where(&self, id: &str) -> Result<Value, ApiError>;

    /// What operators did, the newest first.
    ///
    /// # Errors
    ///
    /// See [`OperatorApi::operator_tree`].
    async fn operator_actions(&self, limit: usize) -> Result<Value, ApiError>;

    /// The recurring jobs: who runs them, how their last runs ended, when the next ones are.
    ///
    /// # Errors
    ///
    /// See [`OperatorApi::operator_tree`].
    async fn operator_recurring(&self) -> Result<Value, ApiError>;

    /// The versions of the prompts and which is in force, with the files of `version`.
    ///
    /// # Errors
    ///
    /// See [`OperatorApi::operator_tree`].
    async fn operator_prompts(&self, version: Option<&str>) -> Result<Value, ApiError>;

    /// Keeps a version of the prompts.
    ///
    /// # Errors
    ///
    /// [`ApiError::ActionsDisabled`] when operators may only look.
    async fn operator_put_prompt(&self, prompt: NewPrompt, by: &str) -> Result<Value, ApiError>;

    /// The suites of questions and how they stand, with the runs of `suite`.
    ///
    /// # Errors
    ///
    /// See [`OperatorApi::operator_tree`].
    async fn operator_quality(&self, suite: Option<&str>) -> Result<Value, ApiError>;

    /// Takes a suite of questions to the caller's documents in, in the place of the one with its name.
    ///
    /// # Errors
    ///
    /// [`ApiError::ActionsDisabled`] when operators may only look.
    async fn operator_put_suite(
        &self,
        context: &Context,
        suite: NewSuite,
        by: &str,
    ) -> Result<Value, ApiError>;

    /// Does something, or tells what it would touch.
    ///
    /// # Errors
    ///
    /// [`ApiError::ActionsDisabled`] when operators may only look.
    async fn operator_act(&self, action: Action, by: &str) -> Result<Value, ApiError>;

    /// Begins to follow what changes.
    ///
    /// # Errors
    ///
    /// See [`OperatorApi::operator_tree`].
    fn operator_watch(&self) -> Result<Box<dyn Watch>, ApiError>;

    /// A request of a known caller begins.
    fn request_begins(&self, context: &Context);

    /// It has ended, well or not. Must return at once.
    fn request_ended(&self, context: &Context, route: &'static str, took: Duration, failed: bool);
}
