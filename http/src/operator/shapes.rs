//! The shapes in which nodes tell of themselves, as they are described; a newer node may tell more.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{Action, ActionKind, Gate, Target};

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
        /// `would_do`, `begun`, `done`, `partly` or `refused`.
        outcome: String,
        /// Whether it was only told what it would touch.
        dry_run: bool,
        /// Whether a gate was passed over.
        #[serde(default)]
        force: bool,
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
        /// `would_do`, `begun`, `done`, `partly` or `refused`.
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
    /// A version of the prompts.
    PromptVersion {
        /// Its name: `v1` ships, `p1`, `p2` and so on were put.
        version: String,
        /// When it was put, in Unix milliseconds.
        at_ms: u64,
        /// Who put it.
        by: String,
        /// What is new in it.
        note: String,
    }
    /// Why a version of the prompts is in force.
    PromptPromotion {
        /// The version.
        version: String,
        /// Who wanted it.
        by: String,
        /// When, in Unix milliseconds.
        at_ms: u64,
        /// Why.
        reason: String,
    }
    /// A version of the prompts that the suites are asked with.
    PromptOnTrial {
        /// The action that ordered it.
        id: String,
        /// The version.
        version: String,
        /// Who wants it.
        by: String,
        /// Why.
        reason: String,
        /// Since when, in Unix milliseconds.
        at_ms: u64,
    }
    /// Something that was done about prompts, or refused.
    PromptChange {
        /// The action that ordered it.
        id: String,
        /// `promoted`, `forced`, `rolled_back` or `refused`.
        what: String,
        /// The version.
        version: String,
        /// Who wanted it.
        by: String,
        /// When, in Unix milliseconds.
        at_ms: u64,
        /// Why it was wanted.
        reason: String,
        /// What the suites said.
        detail: String,
    }
    /// The files of a version of the prompts.
    PromptFiles {
        /// For answers in Portuguese.
        pt: String,
        /// For answers in English.
        en: String,
    }
    /// The prompt that a node drafts answers with.
    PromptOfNode {
        /// The node.
        node: String,
        /// The version.
        prompt: Option<String>,
        /// Why it did not tell.
        why: Option<String>,
    }
    /// The versions of the prompts.
    PromptList {
        /// The version in force.
        in_force: Option<String>,
        /// Why it is; not told of the one that ships.
        #[serde(default)]
        since: Option<PromptPromotion>,
        /// The one that the suites are asked with now.
        on_trial: Option<PromptOnTrial>,
        /// Every version, the newest first.
        versions: Vec<PromptVersion>,
        /// What was done about them, the newest first.
        changes: Vec<PromptChange>,
        /// The files of the version that was named.
        files: Option<PromptFiles>,
        /// What each node drafts answers with now.
        nodes: Vec<PromptOfNode>,
        /// What could not be seen.
        cannot_see: Vec<CannotSee>,
        /// When this was so, in Unix milliseconds.
        taken_at_ms: u64,
    }
    /// Whether a version of the prompts was kept.
    PromptPut {
        /// `done` or `refused`.
        outcome: String,
        /// Its name.
        version: Option<String>,
        /// One sentence about it.
        detail: String,
    }
    /// The share of expectations that held, of all and by what they are about.
    QualityScore {
        /// Of all.
        total: f64,
        /// Of what answers say.
        answer: Option<f64>,
        /// Of documents and pages.
        source: Option<f64>,
        /// Of what is declined.
        refusal: Option<f64>,
        /// Of the model's own words.
        draft: Option<f64>,
        /// Questions.
        questions: u32,
        /// Questions of which something did not hold.
        wrong: u32,
        /// Questions that were not answered at all.
        faults: u32,
    }
    /// A run of a suite in a line.
    QualityBrief {
        /// Its name among the runs of its suite.
        run: String,
        /// When it began, in Unix milliseconds.
        at_ms: u64,
        /// The version of the prompts.
        prompt: String,
        /// Its score.
        score: QualityScore,
        /// Whether enough was answered for it to say something.
        counts: bool,
        /// Whether it is as good as the gate wants.
        passes: bool,
    }
    /// A suite of questions and how it stands.
    SuiteShown {
        /// Its name.
        suite: String,
        /// Whose documents are asked.
        tenant: String,
        /// How many questions.
        questions: u64,
        /// What a candidate must reach.
        gate: Gate,
        /// When it was put, in Unix milliseconds.
        put_ms: u64,
        /// Who put it.
        by: String,
        /// Whether somebody has asked for a run that has not ended.
        waits_for_a_run: bool,
        /// The last run of what is in force.
        last: Option<QualityBrief>,
        /// The run that others are compared with.
        baseline: Option<QualityBrief>,
        /// The last run of a candidate.
        trial: Option<QualityBrief>,
    }
    /// What a run was made with.
    QualityVersions {
        /// The program.
        program: String,
        /// The version of the prompts.
        prompt: String,
        /// The models that wrote.
        models: Vec<String>,
        /// The rule sets by their template, with the hash of each.
        rules: BTreeMap<String, String>,
    }
    /// A question of which something did not hold.
    QuestionWrong {
        /// Its name.
        question: String,
        /// What did not hold: `answer`, `source`, `refusal`, `draft`.
        failed: Vec<String>,
        /// Why it was not answered at all.
        fault: Option<String>,
    }
    /// A run of a suite.
    QualityRun {
        /// Its name among the runs of its suite.
        run: String,
        /// The suite.
        suite: String,
        /// When it began, in Unix milliseconds.
        at_ms: u64,
        /// How long it took, in milliseconds.
        took_ms: u64,
        /// The node that asked.
        node: String,
        /// Whether it was of a candidate.
        is_trial: bool,
        /// What it was made with.
        versions: QualityVersions,
        /// Its score.
        score: QualityScore,
        /// Whether enough was answered for it to say something.
        counts: bool,
        /// Whether it is as good as the gate wants.
        passes: bool,
        /// The questions of which something did not hold.
        wrong: Vec<QuestionWrong>,
    }
    /// The suites of questions and how they stand.
    QualityList {
        /// Every suite.
        suites: Vec<SuiteShown>,
        /// The runs of the one that was named, the newest first.
        runs: Vec<QualityRun>,
        /// What could not be seen.
        cannot_see: Vec<CannotSee>,
        /// When this was so, in Unix milliseconds.
        taken_at_ms: u64,
    }
    /// Whether a suite was taken in.
    SuitePut {
        /// `done` or `refused`.
        outcome: String,
        /// One sentence about it.
        detail: String,
    }
}
