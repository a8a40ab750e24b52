//! What nodes that are linked can count on, with real sockets and certificates.

mod calls;
mod members;
mod node;
mod processes;
mod strangers;
