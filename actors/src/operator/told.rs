//! What one node asks another on behalf of an operator: JSON, so that a newer node may add to it.

use serde::{Deserialize, Serialize};

use super::erasure::Subject;
use super::plan::Action;

/// Which part of a tree is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Window {
    /// Only what is below this path.
    pub under: String,
    /// How many levels.
    pub depth: usize,
    /// How many actors.
    pub limit: usize,
    /// Only those behind this path.
    pub after: Option<String>,
    /// Only those whose path has this text in it.
    pub text: Option<String>,
    /// Only those that are doing this.
    pub status: Option<String>,
}

/// A question to one node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Question {
    /// What runs.
    Tree(Window),
    /// One actor.
    Actor {
        /// Its path.
        path: String,
    },
    /// The shards that it owns or follows.
    Shards,
    /// What failed lately.
    Failures {
        /// How many.
        limit: usize,
    },
    /// What was given up.
    DeadLetters {
        /// How many.
        limit: usize,
    },
    /// Documents that do not come on.
    Stalled {
        /// For how long, in milliseconds.
        over_ms: u64,
        /// How many.
        limit: usize,
    },
    /// The trace of a request.
    TraceOf {
        /// The request's id.
        request: String,
    },
    /// What was done for a document or a request.
    Where {
        /// The document, if it is one.
        document: Option<String>,
        /// The trace.
        trace: String,
    },
    /// What has changed.
    Changes {
        /// After this number.
        after: u64,
        /// How many.
        limit: usize,
    },
    /// What is known of a document.
    Subject {
        /// The document.
        document: String,
    },
    /// Remove what is left of a document that was deleted.
    EraseTraces {
        /// Which, and who wants it.
        subject: Subject,
    },
    /// Take it out of the log of its shard.
    EraseLog {
        /// Which, and who wants it.
        subject: Subject,
    },
    /// Look for anything that is left of it.
    ProbeTraces {
        /// Which, and who wants it.
        subject: Subject,
        /// Words of its own.
        marks: Vec<String>,
    },
    /// Documents of the shards that it owns whose time is over.
    Outdated {
        /// By whose clock, beside its own.
        now_ms: u64,
        /// How old a document may be.
        age_ms: u64,
        /// How many.
        limit: usize,
    },
    /// What it makes chunks with, and documents of the shards that it owns that were made with something else.
    Makings {
        /// The embedding model that is wanted, with its version; without it every document counts.
        model_id: Option<String>,
        /// The chunker that is wanted.
        chunker: Option<String>,
        /// Only those behind this id.
        after: Option<String>,
        /// How many.
        limit: usize,
    },
    /// Which prompt it drafts answers with.
    Prompt,
    /// Forget messages that were lost.
    ForgetLost {
        /// Their names as dead letters.
        ids: Vec<String>,
    },
    /// Do something.
    Act {
        /// What.
        action: Action,
        /// Its id.
        id: String,
        /// Who wants it.
        by: String,
    },
}
