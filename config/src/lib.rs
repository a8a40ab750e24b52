//! Settings: defaults, then file, then environment, then flags; each value with its origin, every problem at once.
//!
//! This room knows a setting's shape and range, never what its section means. It is the only door to the
//! process environment; [`environment`] lists every variable.

mod display;
mod door;
pub mod environment;
mod file;
mod key;
mod merge;
mod problem;
mod secret;
mod sections;
mod value;

pub use display::{Shown, show};
pub use door::{Loaded, Request, load};
pub use merge::{Input, Merged, merge};
pub use problem::{Origin, Problem, Problems};
pub use secret::Secret;
pub use sections::{
    Auth, Cache, Chunking, Data, Embedding, Generation, Http, Log, Models, Reading, Retention, Retrieval,
    Settings, Storage, Supervision, Telemetry,
};
pub use value::Value;
