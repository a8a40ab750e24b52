//! The failure simulator and its report.
//!
//! A seed gives a script (what clients ask, what fails when) and every smaller chance (how long a request takes, whether
//! its answer is lost, who runs first). The production code of `cluster/` and `storage/` runs under it, on an executor that
//! owns the time; what it does to the object store is checked after every change.

mod audit;
pub mod case;
pub mod chance;
pub mod core;
pub mod engine;
pub mod history;
#[cfg(feature = "node")]
pub mod nodes;
pub mod plant;
pub mod report;
pub mod search;
pub mod shrink;
pub mod trace;
pub mod work;

pub use audit::flips;
