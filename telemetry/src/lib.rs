//! What a node counts: every metric of the list, recorded by atomics, with bounded labels, and told as text; and the
//! spans of what it does, handed to whoever takes them.
//!
//! Names, labels and help stand in `deploy/telemetry/metrics.toml` alone. Counting is for effects: what is pure counts
//! nothing. There is one set of metrics in a process, as there is one log; a simulation that runs several nodes in one
//! process counts them together.

mod emf;
mod family;
mod labels;
mod list;
pub mod metrics;
mod text;
pub mod trace;

pub use emf::Snapshot;
pub use family::{Counter, Gauge, Held, Histogram};
pub use list::{List, Listed, Shape, list};
pub use text::{CONTENT_TYPE, Seen, text};
