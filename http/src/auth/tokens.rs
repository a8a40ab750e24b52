//! Lets tokens in: keeps the issuer's keys at hand, and looks again, within bounds, when one is unknown.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::caller::Caller;
use super::key_set::{KeySet, KeySetSource};
use super::said::Said;
use super::token;

/// How long fetched keys are used before they are fetched anew, so that a key that the issuer withdrew ends here too.
const FRESH: Duration = Duration::from_secs(600);
/// How long they are used while the issuer cannot be reached; beyond it nobody knows what was withdrawn.
const STALE_MAX: Duration = Duration::from_secs(6 * 3_600);
/// Fetches that may follow each other at once; a rotation takes one, so that further ones are guesses of a stranger.
const FETCHES_MAX: u32 = 4;
/// How long it takes until one more fetch is allowed.
const FETCH_EVERY: Duration = Duration::from_secs(15);
/// When a client should come back while the issuer's keys cannot be had.
const RETRY_SECONDS: u64 = 5;

/// Tells the time of day, in milliseconds since the Unix epoch.
pub type NowMs = Arc<dyn Fn() -> u64 + Send + Sync>;

/// What a token's claims must say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRules {
    /// The only issuer.
    pub issuer: String,
    /// The only audience.
    pub audience: String,
    /// The claim that names the tenant.
    pub tenant_claim: String,
}

/// Lets tokens of one issuer in.
pub struct Tokens {
    rules: TokenRules,
    source: Box<dyn KeySetSource>,
    now_ms: NowMs,
    held: RwLock<Option<Held>>,
    fetching: Mutex<Allowance>,
}

#[derive(Clone)]
struct Held {
    keys: Arc<KeySet>,
    fetched: Instant,
    number: u64,
}

struct Allowance {
    left: u32,
    since: Instant,
}

impl Allowance {
    /// Takes one fetch, if one is allowed at `now`.
    fn take(&mut self, now: Instant) -> bool {
        let gained =
            (now.duration_since(self.since).as_secs() / FETCH_EVERY.as_secs()).min(u64::from(FETCHES_MAX));
        if gained > 0 {
            self.left = FETCHES_MAX.min(self.left + gained as u32);
            self.since = now;
        }
        let may = self.left > 0;
        self.left = self.left.saturating_sub(1);
        may
    }
}

impl Tokens {
    /// Tokens that keep `rules`, signed by a key of `source`.
    pub fn new(rules: TokenRules, source: Box<dyn KeySetSource>, now_ms: NowMs) -> Self {
        let allowance = Allowance { left: FETCHES_MAX, since: Instant::now() };
        Self { rules, source, now_ms, held: RwLock::new(None), fetching: Mutex::new(allowance) }
    }

    /// The caller that `token` speaks for.
    pub(super) async fn caller(&self, token: &str) -> Result<Caller, Said> {
        let unverified = token::parse(token)?;
        let find = |held: &Held| held.keys.find(unverified.kid.as_deref(), unverified.algorithm).cloned();
        let held = self.held();
        let usable = held.as_ref().filter(|held| held.fetched.elapsed() < FRESH);
        let key = match usable.and_then(find) {
            Some(key) => key,
            None => {
                let fetched = self.refresh(held.as_ref().map(|held| held.number)).await;
                // Keys that were good a moment ago still are when the issuer is out of reach.
                let stale = || self.held().filter(|held| held.fetched.elapsed() < STALE_MAX);
                let (found, reached) = match fetched {
                    Ok(held) => (find(&held), true),
                    Err(Refused::TooOften) => (stale().as_ref().and_then(find), stale().is_some()),
                    Err(Refused::Unreachable) => (stale().as_ref().and_then(find), false),
                };
                found.ok_or_else(|| match reached {
                    true => Said::TokenKeyUnknown { kid: unverified.kid.clone() },
                    false => Said::KeySetUnreachable { seconds: RETRY_SECONDS },
                })?
            }
        };
        let claims = unverified.verify(&key)?;
        token::caller(&claims, &self.rules, (self.now_ms)() / 1_000)
    }

    fn held(&self) -> Option<Held> {
        self.held.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Fetches the keys, unless somebody else just did; `known` is the fetch whose keys were not enough.
    async fn refresh(&self, known: Option<u64>) -> Result<Held, Refused> {
        let mut allowance = self.fetching.lock().await;
        if let Some(held) = self.held().filter(|held| Some(held.number) != known) {
            return Ok(held);
        }
        if !allowance.take(Instant::now()) {
            return Err(Refused::TooOften);
        }
        let read = match self.source.fetch().await {
            Ok(text) => KeySet::read(&text).map_err(Into::into),
            Err(error) => Err(error),
        };
        match read {
            Ok(keys) => {
                let number = known.map_or(0, |number| number.wrapping_add(1));
                let held = Held { keys: Arc::new(keys), fetched: Instant::now(), number };
                *self.held.write().unwrap_or_else(PoisonError::into_inner) = Some(held.clone());
                Ok(held)
            }
            Err(error) => {
                tracing::warn!(error = &*error as &dyn std::error::Error, "fetching the keys of tokens");
                Err(Refused::Unreachable)
            }
        }
    }
}

enum Refused {
    TooOften,
    Unreachable,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fetches_are_bounded_and_come_back_with_time() {
        let start = Instant::now();
        let mut allowance = Allowance { left: FETCHES_MAX, since: start };
        let at_once = (0..100).filter(|_| allowance.take(start)).count();
        assert_eq!(at_once, FETCHES_MAX as usize);
        assert!(!allowance.take(start + FETCH_EVERY / 2));
        assert!(allowance.take(start + FETCH_EVERY));
        assert!(!allowance.take(start + FETCH_EVERY));
        let later = start + FETCH_EVERY * 1_000;
        assert_eq!((0..100).filter(|_| allowance.take(later)).count(), FETCHES_MAX as usize);
    }
}
