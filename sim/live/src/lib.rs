//! The live tier: real nodes, a real S3 server behind a line that fails on purpose, a real Redis, and clients that check
//! every answer while nodes are killed, frozen, cut off and drained.
//!
//! [`run`] is the command of an operator; the tests of the product drive a [`Cluster`] themselves. What is drawn comes
//! from one seed. What happens to a request in real time does not, so that a seed repeats the events and, mostly, what
//! they meet. Everything that was started ends with the simulator, whichever way that ends.

// What to do, and for how long.
mod plan;
// What may happen, drawn by a seed.
mod event;
// One run, from the first node to the summary.
mod run;
// What is said while it runs, and in the end.
mod progress;
// Everything that happened, a line of JSON for each.
mod history;

// Nodes and servers, started, killed, frozen and cut off.
mod cluster;
// A node's folder and process.
mod node;
// Networks whose cables can be pulled.
mod network;
// A client's way to a node.
mod door;
// Clients at work.
mod load;
// What was sent and said, and what must be true after it.
mod book;
// How long a client of one shard had to wait.
mod probe;
// Many claimants of one shard: one owner per epoch.
mod claims;
// What the store says.
mod truth;
// Files to upload.
pub mod paper;

mod error;

pub use book::{Book, Known, Paper, Wrong};
pub use claims::{Fight, Fought, fight};
pub use cluster::{ALL, Cluster, KEEPS, LEASE, SHARDS};
pub use door::{Door, POLL, STUCK_AFTER, Said, is_problem};
pub use error::LiveError;
pub use event::{Chaos, Event};
pub use history::{FILE as HISTORY_FILE, History};
pub use load::{GENTLE, Load, Pace};
pub use network::Network;
pub use node::{Home, Node, NotReady};
pub use plan::{Length, NODES_MAX, Plan, find_program};
pub use probe::Outcome;
pub use progress::{Happened, KindSummary, Line, NOTHING, Spread, Summary, What};
pub use run::run;
pub use truth::{Told, Truth};
