//! The promises of a cluster: real nodes, a real S3 server and a real Redis on one machine, and what may happen to them.

// The simulator's parts, held to what a test must see: what clients were told, a client's way to a node, nodes and
// servers, clients at work, and what the store says.
mod book;
mod door;
mod harness;
mod load;
mod truth;

pub(crate) use door::MustAnswer;
pub(crate) use harness::{TURN, traced};

// Whoever is asked answers, and work finds whoever can do it.
mod asking;
// The whole store as one file.
mod copying;
// Keys and limits are the same whichever node is asked.
mod doors;
// Whoever has no certificate stays outside.
mod entry;
// Nodes that are killed or frozen under load.
mod losing;
// Nodes that join and leave under load.
mod moving;
// What operators see of all nodes and do to them.
mod operating;
// The store and Redis away, silent and back.
mod outage;
// One of all nodes runs what recurs, and an erasure leaves nothing anywhere.
mod recurring;
// Suites of questions are run by one of all nodes, and hold back a prompt that makes answers worse.
mod improving;
// Hours of everything at once.
mod soak;
// Streams that go on, and requests that are done once, at every node.
mod talking;
