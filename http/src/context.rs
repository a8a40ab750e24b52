//! What travels with every request: ids, deadline, tenant and cancellation.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::auth::Caller;
use crate::language::Language;

/// Whose documents a caller sees.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
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

/// How those who work for a request learn that it is over. Its token is made when somebody first asks for it: most
/// requests are answered before anybody does.
#[derive(Debug, Default)]
pub struct Cancel(OnceLock<CancellationToken>);

impl Cancel {
    /// The token, which all clones share.
    pub fn token(&self) -> &CancellationToken {
        self.0.get_or_init(CancellationToken::new)
    }

    /// Tells whoever asked.
    pub(crate) fn fire(&self) {
        if let Some(token) = self.0.get() {
            token.cancel();
        }
    }
}

impl Clone for Cancel {
    fn clone(&self) -> Self {
        self.token().clone().into()
    }
}

impl From<CancellationToken> for Cancel {
    fn from(token: CancellationToken) -> Self {
        Self(token.into())
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
    pub cancel: Cancel,
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

    #[test]
    fn a_clone_hears_that_a_request_is_over_whoever_asked_first() {
        for clone_asks_first in [false, true] {
            let cancel = Cancel::default();
            let clone = cancel.clone();
            let (first, second) = if clone_asks_first { (&clone, &cancel) } else { (&cancel, &clone) };
            let tokens = [first.token().clone(), second.token().clone()];
            cancel.fire();
            assert!(tokens.iter().all(CancellationToken::is_cancelled));
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_the_check_panic(text in ".{0,80}") {
            let _ = is_request_id(&text);
        }
    }
}
