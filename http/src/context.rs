//! What travels with every request: ids, deadline, tenant and cancellation.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::auth::Caller;
use crate::language::Language;

/// Whose documents a caller sees.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tenant(Arc<str>);

impl Tenant {
    /// The tenant called `name`.
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0
    }
}

/// What travels with a request to every actor that works for it.
#[derive(Debug, Clone)]
pub struct Context {
    /// The id that the client gave in `X-Request-Id`, or a fresh one.
    pub request_id: Arc<str>,
    /// The W3C trace id, 32 hexadecimal digits.
    pub trace_id: Arc<str>,
    /// The W3C id of this request's span, 16 hexadecimal digits.
    pub span_id: Arc<str>,
    /// When the client no longer waits.
    pub deadline: Instant,
    /// Whose documents the caller sees.
    pub tenant: Tenant,
    /// Who the caller is and what it may do; nobody on routes that need no key.
    pub caller: Option<Arc<Caller>>,
    /// Where the request comes from.
    pub address: IpAddr,
    /// The language of messages to the caller.
    pub language: Language,
    /// Fires when the client goes away, the deadline passes, or the request is over.
    pub cancel: CancellationToken,
}

/// The longest request id taken from a client; a longer one is replaced, because it goes into every log line.
const REQUEST_ID_CHARS_MAX: usize = 128;

/// Whether a client's request id may be used: visible ASCII without quotes, and short.
pub(crate) fn is_request_id(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.:/+=".contains(&b);
    !text.is_empty() && text.len() <= REQUEST_ID_CHARS_MAX && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_header_makes_the_check_panic(text in ".{0,80}") {
            let _ = is_request_id(&text);
        }
    }
}
