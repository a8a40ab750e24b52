//! The bucket against a real server: one that keeps its conditions, and a line to it that fails on purpose.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test says what went wrong by failing, and a long one how far it is"
)]

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
// Many claimants of one shard: one owner per epoch.
mod claims;
