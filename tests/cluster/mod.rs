//! The promises of a cluster: real nodes, a real S3 server and a real Redis on one machine, and what may happen to them.

// What was sent and said, and what must be true after it.
mod book;
// A client's way to a node.
mod door;
// Nodes and servers, started, killed, frozen and cut off.
mod harness;
// Clients at work.
mod load;
// Networks whose cables can be pulled.
mod network;
// What the store says.
mod truth;

// Whoever is asked answers, and work finds whoever can do it.
mod asking;
// Whoever has no certificate stays outside.
mod entry;
// Nodes that are killed or frozen under load.
mod losing;
// Nodes that join and leave under load.
mod moving;
// The store and Redis away, silent and back.
mod outage;
// Hours of everything at once.
mod soak;
