//! The cache contract kept by a Redis, with the memory of the node in front of it and in place of it while it is away.
//!
//! A Redis that is down, frozen, slow or full costs milliseconds, never an answer; the one thing that fails is a
//! deletion, because it must not be lost. How deletions work is in `docs/decisions/0010-delete-by-generation.md`.
//! Deliberately not here: what the keys mean, and any wait for the Redis at the start.

pub mod breaker;
mod cache;
mod counters;
mod erase;
mod link;
mod marks;
mod names;
mod report;
mod settings;
mod tls;

pub use cache::RedisCache;
pub use settings::{Settings, SettingsError};
