//! What operators see of a node and may do to it; every node answers for itself, and whoever was asked puts it together.

mod act;
mod acting;
mod answers;
mod erasure;
mod everywhere;
mod failures;
mod here;
mod improving;
pub(crate) mod makes;
mod measures;
mod paths;
mod pins;
mod plan;
mod process;
mod quarantine;
mod requests;
mod shown;
mod told;
mod whereabouts;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock};

use enabler_cluster::net::{Net, NodeId};
use enabler_cluster::tree::Tree;
use enabler_storage::cache::Cache;
use enabler_storage::chance::Chance;
use enabler_storage::clock::Clock;
use enabler_storage::objects::ObjectStore;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::crew::Crew;
use crate::documents::progress::Board;
use crate::prompts::Prompts;
use crate::recurring::Pauses;
use crate::router::Table;
use crate::shard::Shards;

pub use act::LogLevel;
pub(crate) use act::is_cordoned;
pub use answers::Unknown;
pub use everywhere::Panel;
pub use pins::Pins;
pub use plan::{Action, Ids, Kind, Target, Touch};
pub use quarantine::Quarantine;
pub use told::{Question, Window};

/// What this part of a node is built from.
pub struct Parts {
    /// What runs here.
    pub tree: Tree,
    /// The shards of this node.
    pub shards: Shards,
    /// Who owns and follows each shard.
    pub table: Table,
    /// The other nodes.
    pub net: Arc<dyn Net>,
    /// How far documents are.
    pub board: Board,
    /// The truth.
    pub store: Arc<dyn ObjectStore>,
    /// What may be forgotten.
    pub cache: Arc<dyn Cache>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// For the ids of actions.
    pub chance: Arc<dyn Chance>,
    /// Whether this node lets its shards go.
    pub draining: Arc<AtomicBool>,
    /// Where shards are wanted.
    pub pins: Pins,
    /// Documents that are out of service.
    pub quarantine: Quarantine,
    /// What drafts are asked for with.
    pub prompts: Prompts,
    /// Whether operators may act.
    pub may_act: bool,
    /// Who works here: copies of files and computed prompts are theirs.
    pub crew: Crew,
    /// How often recurring jobs run.
    pub pauses: Pauses,
    /// How pages are cut here.
    pub chunker: String,
    /// This generation of this node.
    pub me: NodeId,
}

struct Inner {
    parts: Parts,
    started_ms: u64,
    requests: requests::Requests,
    processor: Mutex<process::Processor>,
    failures: failures::Keeping,
    log: OnceLock<Arc<dyn LogLevel>>,
    /// The number of the last change of the log level: an older one that expires changes nothing.
    log_changes: std::sync::atomic::AtomicU64,
    stuck: Mutex<std::collections::BTreeSet<String>>,
    outcomes: Mutex<measures::Known>,
    actions: Mutex<std::collections::VecDeque<serde_json::Value>>,
    _until: DropGuard,
}

/// What operators see of this node and may do to it. Cheap to clone.
#[derive(Clone)]
pub struct Operator(Arc<Inner>);

impl Operator {
    /// Begins to watch: failures go to the store, and what others put out of service is looked for.
    pub fn start(parts: Parts) -> Self {
        let over = CancellationToken::new();
        let failures = failures::Keeping::default();
        tokio::spawn(failures::keep(
            parts.tree.clone(),
            parts.store.clone(),
            parts.me.clone(),
            failures.clone(),
            over.clone(),
        ));
        tokio::spawn(parts.quarantine.clone().keep_looking(parts.store.clone(), over.clone()));
        Operator(Arc::new(Inner {
            started_ms: parts.clock.now_ms(),
            parts,
            requests: requests::Requests::default(),
            processor: Mutex::default(),
            failures,
            log: OnceLock::new(),
            log_changes: std::sync::atomic::AtomicU64::new(0),
            stuck: Mutex::default(),
            outcomes: Mutex::default(),
            actions: Mutex::default(),
            _until: over.drop_guard(),
        }))
    }

    /// From now on operators may change what is logged.
    pub fn set_log(&self, log: Arc<dyn LogLevel>) {
        let _ = self.0.log.set(log);
    }

    /// What this node says of itself under `key`, if it says anything.
    pub fn own_fact(&self, key: &str) -> Option<String> {
        let view = self.0.parts.net.view().borrow().clone();
        view.member(&view.me)?.facts.get(key).cloned()
    }

    /// Whether operators may act on this node.
    pub fn may_act(&self) -> bool {
        self.0.parts.may_act
    }

    fn tree(&self) -> &Tree {
        &self.0.parts.tree
    }

    fn me(&self) -> &NodeId {
        &self.0.parts.me
    }

    fn now_ms(&self) -> u64 {
        self.0.parts.clock.now_ms()
    }
}

/// The root of the tree, which operators do not see in paths.
const ROOT: &str = "node";

/// A path as operators see it.
fn shown_path(path: &str) -> &str {
    path.strip_prefix("node/").unwrap_or(path)
}

/// A path as it stands in the tree.
fn own_path(shown: &str) -> String {
    if shown == ROOT || shown.is_empty() { ROOT.to_owned() } else { format!("{ROOT}/{shown}") }
}
