//! What nodes that are linked can count on, with real sockets and certificates.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod calls;
mod members;
mod node;
mod processes;
mod strangers;
