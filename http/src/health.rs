//! The shapes of health and of the supervision tree.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It works.
    Healthy,
    /// It works in part.
    Degraded,
    /// It does not work.
    Unhealthy,
}

/// How one part of the node is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Component {
    /// How it is.
    pub status: Standing,
    /// How long it took to find out, in milliseconds.
    pub latency_ms: u64,
    /// What is wrong with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// How the node is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Health {
    /// The worst of its parts that matter.
    pub status: Standing,
    /// The program's version.
    pub version: String,
    /// Each part by name.
    pub components: BTreeMap<String, Component>,
}

/// Whether the node can take requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Readiness {
    /// Whether it can.
    pub ready: bool,
    /// What it still waits for, such as "loading the embedding model".
    pub waiting_for: Vec<String>,
}

/// One supervised part of the node and the parts that it supervises.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TreeNode {
    /// Its name.
    pub name: String,
    /// What it is: `node`, `shard`, `document`, `pool`, `worker`, `model host`, ...
    pub kind: String,
    /// How it is: `running`, `starting`, `restarting`, `stopped`, `failed`.
    pub state: String,
    /// How often it was restarted.
    #[serde(default)]
    pub restarts: u64,
    /// Messages that wait for it, where it has a queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<u64>,
    /// The most messages that may wait for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_max: Option<u64>,
    /// Its last failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<String>,
    /// Further facts about it, in the order to be shown.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub facts: serde_json::Map<String, serde_json::Value>,
    /// What it supervises.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<TreeNode>,
}
