//! The shapes in which nodes tell of themselves, as they are described; a newer node may tell more.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{Action, ActionKind, Target};

macro_rules! shapes {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
            pub(crate) struct $name { $($(#[$field_doc])* pub(crate) $field: $type,)* }
        )*
    };
}

shapes! {
    /// Something that could not be seen.
    CannotSee {
        /// `node NAME`, `store` or `cache`.
        what: String,
        /// Why, in one sentence.
        why: String,
    }
    /// Messages that wait.
    Mailbox {
        /// How many.
        depth: u64,
        /// How many may.
        capacity: u64,
        /// How long the oldest has waited, in milliseconds.
        oldest_ms: u64,
    }
    /// The message in hand: its kind, never what it says.
    Busy {
        /// Its kind.
        message: String,
        /// Since when, in Unix milliseconds.
        since_ms: u64,
        /// For how long, in milliseconds.
        for_ms: u64,
    }
    /// Restarts of those that are allowed.
    Intensity {
        /// Restarts that still count.
        used: u64,
        /// Restarts that may be in one period.
        allowed: u64,
        /// The period, in seconds.
        period_s: u64,
    }
    /// The last failure of an actor.
    LastFailure {
        /// When, in Unix milliseconds.
        at_ms: u64,
        /// The kind of the message in hand.
        message: String,
        /// Why, in one line.
        reason: String,
    }
    /// One actor.
    Actor {
        /// `NODE:PATH`.
        id: String,
        /// Its node.
        node: String,
        /// Its place in the tree of its node.
        path: String,
        /// The place above.
        parent: Option<String>,
        /// What kind of actor it is.
        kind: String,
        /// The start of the node that it belongs to.
        generation: String,
        /// `starting`, `running`, `busy`, `stuck`, `waiting`, `draining`, `paused`, `quarantined`, `restarting`,
        /// `failed` or `stopped`.
        status: String,
        /// What it waits for, such as `store`.
        waiting_on: Option<String>,
        /// When it started, in Unix milliseconds.
        started_ms: u64,
        /// Messages that wait for it.
        mailbox: Option<Mailbox>,
        /// The message in hand.
        busy: Option<Busy>,
        /// Messages that it has handled.
        handled: u64,
        /// Messages in a second, lately.
        rate_per_s: f64,
        /// Half of its messages took at most so many microseconds.
        p50_us: Option<u64>,
        /// 99 of 100 of its messages took at most so many microseconds.
        p99_us: Option<u64>,
        /// How often it was started again.
        restarts: u64,
        /// Restarts of those that are allowed.
        intensity: Option<Intensity>,
        /// Actors right below it.
        children: u64,
        /// How many of them are doing what.
        child_status: BTreeMap<String, u64>,
        /// A line of its own about itself.
        note: Option<String>,
        /// Its last failure.
        last_failure: Option<LastFailure>,
    }
    /// One node.
    NodeShown {
        /// Its name.
        name: String,
        /// This start of it.
        generation: String,
        /// Where other nodes reach it.
        address: Option<String>,
        /// What it runs.
        roles: Vec<String>,
        /// Whether it is the one that was asked.
        here: bool,
        /// Whether it told of itself.
        answered: bool,
        /// Why it did not.
        why: Option<String>,
        /// Whether it takes no shards because an operator wants it so.
        cordoned: bool,
        /// Processor time that it takes, in percent of one core.
        cpu_percent: Option<f64>,
        /// Memory that it takes.
        memory_bytes: Option<u64>,
        /// When it started, in Unix milliseconds.
        started_ms: Option<u64>,
        /// Its program's version.
        version: Option<String>,
        /// Actors on it, also those that are not told here.
        actors_total: u64,
        /// Its actors, in the order of their paths.
        actors: Vec<Actor>,
        /// Behind which path there are more.
        more_after: Option<String>,
    }
    /// What runs.
    Tree {
        /// Every node.
        nodes: Vec<NodeShown>,
        /// What could not be seen.
        cannot_see: Vec<CannotSee>,
        /// When this was so, in Unix milliseconds.
        taken_at_ms: u64,
    }
    /// A failure. Neither its reason nor its backtrace holds text of a document.
    OperatorFailure {
        /// Its id.
        id: String,
        /// Its node.
        node: String,
        /// The start of the node that it belongs to.
        generation: String,
        /// Which actor.
        path: String,
        /// What kind of actor.
        kind: String,
        /// The kind of the message in hand.
        message: String,
        /// When, in Unix milliseconds.
        at_ms: u64,
        /// Why, in one line.
        reason: String,
        /// Where a panic happened.
        backtrace: Option<String>,
        /// The trace of the request, or the document, that was worked for.
        trace_id: Option<String>,
    }
    /// Something that happened to an actor.
    Happened {
        /// When, in Unix milliseconds.
        at_ms: u64,
        /// `started`, `failed`, `restarted`, `paused`, ...
        what: String,
        /// More of it.
        detail: Option<String>,
    }
    /// A message that was followed: its kind and times, never what it says.
    FollowedMessage {
        /// When it was taken up, in Unix milliseconds.
        at_ms: u64,
        /// Its kind.
        message: String,
        /// How long it had waited.
        queue_us: u64,
        /// How long it took.
        work_us: u64,
        /// `done` or `failed`.
        outcome: String,
    }
    /// Messages that were followed.
    ActorTrace {
        /// Messages that are still to be followed.
        left: u64,
        /// Those that were.
        messages: Vec<FollowedMessage>,
    }
    /// One actor with what happened to it.
    ActorShown {
        /// The actor, if it is there and its node answers.
        actor: Option<Actor>,
        /// Its failures, the newest first.
        failures: Vec<OperatorFailure>,
        /// What happened to it, the newest first.
        history: Vec<Happened>,
        /// Its messages that were followed.
        trace: Option<ActorTrace>,
        /// What could not be seen.
        cannot_see: Vec<CannotSee>,
        /// When this was so, in Unix milliseconds.
        taken_at_ms: u64,
    }
    /// A node that follows a shard.
    ReplicaShown {
        /// Its name.
        node: String,
        /// The entry of the log that it has applied.
        position: Option<u64>,
        /// Entries that the owner has and it has not.
        lag: Option<u64>,
    }
    /// One shard.
    ShardShown {
        /// Its number.
        shard: u32,
        /// Who owns it.
        owner: Option<String>,
        /// The epoch of the ownership.
        epoch: u64,
        /// `serving`, `claiming`, `following`, `unowned`, `handing_over` or `refused`.
        status: String,
        /// The entry of the log that its owner has applied.
        position: Option<u64>,
        /// Documents in it.
        documents: Option<u64>,
        /// Who follows it.
        replicas: Vec<ReplicaShown>,
        /// The node that an operator wants it on.
        wanted_on: Option<String>,
        /// Why it is not served.
        why: Option<String>,
    }
    /// Every shard.
    ShardMap {
        /// The shards.
        shards: Vec<ShardShown>,
        /// What could not be seen.
        cannot_see: Vec<CannotSee>,
        /// When this was so, in Unix milliseconds.
        taken_at_ms: u64,
    }
    /// Failures.
    FailureList {
        /// The newest first.
        failures: Vec<OperatorFailure>,
        /// What could not be seen.
        cannot_see: Vec<CannotSee>,
        /// When this was so, in Unix milliseconds.
        taken_at_ms: u64,
    }
    /// Something that was given up: a document that failed through no fault of its own, or a message that was lost with
    /// the actor that had taken it.
    DeadLetter {
        /// Its id.
        id: String,
        /// On which node.
        node: String,
        /// Which actor gave it up.
        path: String,
        /// Its kind.
        message: String,
        /// The document that it is about.
        document: Option<Uuid>,
        /// Whose that is.
        tenant: Option<String>,
        /// When, in Unix milliseconds.
        at_ms: Option<u64>,
        /// How often it was tried.
        attempts: u64,
        /// Why it was given up.
        reason: Option<String>,
        /// Whether it can be tried again.
        can_retry: bool,
    }
    /// What was given up.
    DeadLetterList {
        /// The newest first.
        dead_letters: Vec<DeadLetter>,
        /// What could not be seen.
        cannot_see: Vec<CannotSee>,
        /// When this was so, in Unix milliseconds.
        taken_at_ms: u64,
    }
    /// A document that does not come on.
    StalledDocument {
        /// Which.
        document: Uuid,
        /// Whose.
        tenant: String,
        /// Where it stands.
        stage: String,
        /// Since when, in Unix milliseconds.
        since_ms: u64,
        /// For how long, in seconds.
        for_s: u64,
        /// Its shard.
        shard: u32,
        /// Who owns that.
        owner: String,
        /// Its actor.
        actor: Option<String>,
        /// Why, as far as that is known.
        why: String,
    }
    /// Documents that do not come on.
    StalledList {
        /// The longest first.
        documents: Vec<StalledDocument>,
        /// What could not be seen.
        cannot_see: Vec<CannotSee>,
        /// When this was so, in Unix milliseconds.
        taken_at_ms: u64,
    }
    /// One stage of a document or request.
    StageShown {
        /// Such as `reading`.
        stage: String,
        /// On which node.
        node: Option<String>,
        /// By which actor.
        actor: Option<String>,
        /// When it began, in Unix milliseconds.
        started_ms: u64,
        /// How long it waited.
        queue_ms: u64,
        /// How long it took; absent while it is under way.
        work_ms: Option<u64>,
        /// `done`, `running`, `waiting` or `failed`.
        status: String,
        /// Such as `page 3 of 12`.
        detail: Option<String>,
    }
    /// The way of a document or request.
    Whereabouts {
        /// What was asked for.
        id: String,
        /// `document` or `request`.
        what: String,
        /// The document.
        document: Option<Uuid>,
        /// Whose it is.
        tenant: Option<String>,
        /// Its shard.
        shard: Option<u32>,
        /// Who owns that.
        owner: Option<String>,
        /// The epoch of the ownership.
        epoch: Option<u64>,
        /// What it is.
        status: String,
        /// Its actor.
        actor: Option<Actor>,
        /// Its stages, in order.
        path: Vec<StageShown>,
        /// What failed on its way.
        failures: Vec<OperatorFailure>,
        /// What was given up of it.
        dead_letters: Vec<DeadLetter>,
        /// What makes sense for it, ready to be sent.
        may: Vec<Action>,
        /// What could not be seen.
        cannot_see: Vec<CannotSee>,
        /// When this was so, in Unix milliseconds.
        taken_at_ms: u64,
    }
    /// What an operator did.
    ActionDone {
        /// Its id.
        id: String,
        /// When, in Unix milliseconds.
        at_ms: u64,
        /// The key or subject that wanted it.
        by: String,
        /// What.
        action: ActionKind,
        /// To what.
        target: Target,
        /// Why.
        reason: String,
        /// `would_do`, `done`, `partly` or `refused`.
        outcome: String,
        /// Whether it was only told what it would touch.
        dry_run: bool,
    }
    /// What operators did.
    ActionList {
        /// The newest first.
        actions: Vec<ActionDone>,
        /// What could not be seen.
        cannot_see: Vec<CannotSee>,
        /// When this was so, in Unix milliseconds.
        taken_at_ms: u64,
    }
    /// Something that an action touches.
    Touched {
        /// On which node.
        node: String,
        /// Such as `actor ocr/worker-0`.
        what: String,
    }
    /// How an action ended.
    ActionOutcome {
        /// Its id.
        id: String,
        /// What was done.
        action: ActionKind,
        /// To what.
        target: Target,
        /// Whether it is only told what it would touch.
        dry_run: bool,
        /// What it touches.
        touches: Vec<Touched>,
        /// `would_do`, `done`, `partly` or `refused`.
        outcome: String,
        /// One sentence about it.
        detail: String,
        /// The receipt of an erasure: every place that was looked at, what was removed there, and what was found after.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        receipt: Option<Value>,
    }
    /// How a run of a recurring job ended.
    JobRun {
        /// Its number.
        number: u64,
        /// On which node.
        node: String,
        /// In which tenure of the lease.
        epoch: u64,
        /// When it began, in Unix milliseconds.
        began_ms: u64,
        /// When it ended, in Unix milliseconds.
        ended_ms: u64,
        /// `done` or `failed`.
        outcome: String,
        /// How many things it changed.
        touched: u64,
        /// One sentence about it.
        detail: String,
    }
    /// A run that is under way.
    JobRunning {
        /// On which node.
        node: String,
        /// In which tenure of the lease.
        epoch: u64,
        /// Since when, in Unix milliseconds.
        since_ms: u64,
        /// How many nodes have begun it; all but the last are gone.
        tries: u32,
        /// Documents that are left for it, where a job goes through many and this is known.
        left: Option<u64>,
    }
    /// A recurring job.
    RecurringJob {
        /// Its name.
        job: String,
        /// Hours between two runs; 0 when it runs only when somebody asks.
        every_hours: u64,
        /// Runs that have ended.
        runs: u64,
        /// The run that is under way.
        running: Option<JobRunning>,
        /// The last run that has ended.
        last: Option<JobRun>,
        /// When the next one is due, in Unix milliseconds.
        next_ms: Option<u64>,
    }
    /// The recurring work.
    RecurringWork {
        /// The node that runs it.
        holder: Option<String>,
        /// Its tenure.
        epoch: Option<u64>,
        /// Every job.
        jobs: Vec<RecurringJob>,
        /// What could not be seen.
        cannot_see: Vec<CannotSee>,
        /// When this was so, in Unix milliseconds.
        taken_at_ms: u64,
    }
}
