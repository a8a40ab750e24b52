//! One effect per `Idempotency-Key`: what a request with a key did is remembered, and a repetition hears it again.
//!
//! Source: draft-ietf-httpapi-idempotency-key-header-07.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::time::sleep;
use warp::http::{HeaderMap, HeaderValue, StatusCode, header};
use warp::reply::Response;

use crate::context::Tenant;
use crate::error::ApiError;
use crate::message::Message;
use crate::problem::{Kind, Problem};
use crate::upload::Refusal;

/// The header.
const HEADER: &str = "idempotency-key";
/// The longest key; a UUID has 36 characters.
const KEY_CHARS_MAX: usize = 255;
/// How often a request that is in work says so.
const RENEW_EVERY: Duration = Duration::from_secs(5);
/// How long a request that no longer says so keeps others waiting: its node is gone.
pub const LEASE: Duration = Duration::from_secs(15);
/// How long what a request did is remembered.
pub const REMEMBERED: Duration = Duration::from_secs(24 * 3_600);
/// When a client should repeat a request that is still in work.
const RETRY_SECONDS: u64 = 2;

/// A client's key for one request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OnceKey {
    /// Whose it is.
    pub tenant: Tenant,
    /// The key.
    pub key: String,
}

/// What a request did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// What the request was, as a hash.
    pub fingerprint: String,
    /// The answer's status.
    pub status: u16,
    /// The answer's `Location`.
    pub location: Option<String>,
    /// The answer's body, JSON.
    pub body: Bytes,
}

/// The right to do what a key stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// The key.
    pub key: OnceKey,
    /// Tells this holder from any other.
    pub holder: String,
    /// Whether an earlier holder may have had an effect: he is gone and has not said.
    pub may_have_happened: bool,
}

/// What is known about a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// Whoever asked does it now.
    Fresh(Ticket),
    /// Somebody is doing it.
    Running,
    /// It was done.
    Done(Done),
}

/// Remembers what was done under which key, for all nodes.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Takes the right to do what `key` stands for, unless somebody has it or has done it.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`] when that cannot be known now.
    async fn begin(&self, key: &OnceKey) -> Result<Begun, ApiError>;

    /// Keeps the right for another [`LEASE`]; whether the holder still has it.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`] when that cannot be known now.
    async fn renew(&self, ticket: &Ticket) -> Result<bool, ApiError>;

    /// Remembers what was done.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`] when it could not be written.
    async fn finish(&self, ticket: &Ticket, done: Done) -> Result<(), ApiError>;

    /// Nothing was done: the next request with the key begins afresh.
    async fn abandon(&self, ticket: &Ticket);
}

/// The key that the client gave, if he gave one.
pub(crate) fn key(tenant: &Tenant, headers: &HeaderMap) -> Result<Option<OnceKey>, Problem> {
    let Some(value) = headers.get(HEADER) else { return Ok(None) };
    // The draft's keys are quoted strings; most clients send them bare.
    let text = value.to_str().unwrap_or_default().trim();
    let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let is_plain = bare.bytes().all(|b| b.is_ascii_graphic() && b != b'"');
    if bare.is_empty()
        || bare.len() > KEY_CHARS_MAX
        || !is_plain
        || headers.get_all(HEADER).iter().count() > 1
    {
        return Err(Problem::field("Idempotency-Key", Message::OnceKeyMalformed { max: KEY_CHARS_MAX }));
    }
    Ok(Some(OnceKey { tenant: tenant.clone(), key: bare.to_owned() }))
}

/// What a request is, as a hash of its parts with their lengths.
pub(crate) fn fingerprint(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the request with `key` may do; a request that is in work already is refused.
pub(crate) async fn begin(ledger: &Arc<dyn Ledger>, key: &OnceKey) -> Result<Turn, Refusal> {
    match ledger.begin(key).await? {
        Begun::Fresh(ticket) => Ok(Turn::Mine(Held { ledger: Arc::clone(ledger), ticket: Some(ticket) })),
        Begun::Done(done) => Ok(Turn::Done(done)),
        Begun::Running => {
            let problem = Problem::new(Kind::StillRunning, Message::OnceRunning).retry(RETRY_SECONDS);
            Err(problem.into())
        }
    }
}

/// What a request with a key may do.
pub(crate) enum Turn {
    /// It does what it asks for.
    Mine(Held),
    /// It was done before.
    Done(Done),
}

/// The answer that was given before, if the request is the same one.
pub(crate) fn replay(done: Done, fingerprint: &str) -> Result<Response, Problem> {
    if done.fingerprint != fingerprint {
        return Err(Problem::new(Kind::OnceKeyReused, Message::OnceKeyReused));
    }
    let mut response = Response::new(done.body.into());
    *response.status_mut() = StatusCode::from_u16(done.status).unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    headers.insert("idempotency-replayed", HeaderValue::from_static("true"));
    if let Some(location) = done.location.and_then(|location| HeaderValue::try_from(location).ok()) {
        headers.insert(header::LOCATION, location);
    }
    Ok(response)
}

/// The right to do something, given back when it was not done.
pub(crate) struct Held {
    ledger: Arc<dyn Ledger>,
    ticket: Option<Ticket>,
}

impl Held {
    /// Whether an earlier request with this key may have had its effect.
    pub(crate) fn may_have_happened(&self) -> bool {
        self.ticket.as_ref().is_some_and(|ticket| ticket.may_have_happened)
    }

    /// Does `work` while keeping the right; ends it when the right is lost, which a frozen node finds out afterwards.
    pub(crate) async fn during<T>(
        &self,
        work: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<T, Refusal> {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                () = sleep(RENEW_EVERY) => {}
            }
            let Some(ticket) = &self.ticket else { continue };
            // A store that does not answer decides nothing: the work itself will hear of it.
            if let Ok(false) = self.ledger.renew(ticket).await {
                let problem = Problem::new(Kind::StillRunning, Message::OnceRunning).retry(RETRY_SECONDS);
                return Err(problem.into());
            }
        }
    }

    /// Remembers the answer before it is given.
    pub(crate) async fn finish(
        mut self,
        fingerprint: String,
        status: StatusCode,
        location: Option<String>,
        body: Bytes,
    ) -> Result<(), Refusal> {
        let done = Done { fingerprint, status: status.as_u16(), location, body };
        if let Some(ticket) = self.ticket.take() {
            self.ledger.finish(&ticket, done).await?;
        }
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket.take() else { return };
        let ledger = Arc::clone(&self.ledger);
        // The client may be gone, and with him whoever would wait for it.
        tokio::spawn(async move { ledger.abandon(&ticket).await });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(value: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_str(value).ok()?);
        key(&Tenant::new("ana"), &headers).ok()?.map(|key| key.key)
    }

    #[test]
    fn a_key_is_the_same_quoted_and_bare() {
        assert_eq!(read("\"8e03978e-40d5\"").as_deref(), Some("8e03978e-40d5"));
        assert_eq!(read("8e03978e-40d5").as_deref(), Some("8e03978e-40d5"));
        let long = "x".repeat(KEY_CHARS_MAX + 1);
        for wrong in ["", "\"\"", "a b", "a\"b", &long] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
        assert!(key(&Tenant::new("ana"), &HeaderMap::new()).unwrap().is_none());
    }

    #[test]
    fn parts_do_not_run_together() {
        assert_ne!(fingerprint(&[b"ab", b"c"]), fingerprint(&[b"a", b"bc"]));
        assert_ne!(fingerprint(&[b""]), fingerprint(&[]));
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(text in "[ -~]{0,80}") {
            let _ = read(&text);
        }
    }
}
