//! What happened on a request's way: spans in the sense of OpenTelemetry, found by the trace that they belong to.
//!
//! A span belongs to a [`Place`]; the place that work is done for is known to the thread that does it ([`current`]), so
//! that nothing has to be handed down. Mailboxes, pools and links carry it on. Where nobody takes traces, or a request is
//! not sampled, there is no place: then a span costs a look at the thread and neither memory nor a lock.

mod attribute;
mod place;
mod sink;
mod span;
mod within;

pub use attribute::{Attribute, Value, Word};
pub use place::{Place, Remote};
pub use sink::{Sink, install, is_on};
pub use span::{Ended, Kind, Name, Span};
pub use within::{Step, Within, current, step};
