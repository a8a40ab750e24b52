//! The bucket against a real server: one that keeps its conditions, and a line to it that fails on purpose.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

// One server for all tests, and a place of its own in it for each.
mod store;

// The contract that every store of ours keeps, and the probe that refuses others.
mod contract;
// Files, small and large, without holding them in memory.
mod files;
// Lost answers, silence and a dead server: unknown, and never a lie.
mod outages;
// Answers that the real server never gives, one by one.
mod answers;
// Where the keys come from when the settings have none.
mod credentials;
// Links that a browser follows.
mod links;
// An owner's appends over a line that loses answers.
mod appends;
