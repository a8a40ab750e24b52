//! The product: one node built from its parts; it answers the API by sending messages to actors.

pub mod api;
pub mod bundle;
mod doors;
mod ledger;
pub mod log;
mod membership;
pub mod node;
mod parts;
mod telemetry;
