//! The door itself: who is let in, how often, and for what.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use enabler_telemetry::metrics;
use warp::http::HeaderMap;

use super::caller::{Caller, OPERATOR_TENANT, Scope};
use super::credential::{self, Credential};
use super::said::{Counted, Said};
use super::store::{KeyError, KeyStanding, KeyStore};
use super::tokens::Tokens;
use crate::audit::Audit;
use crate::keys::{KeyHash, KeyRing};
use crate::rate::{Network, Quotas, Rates, client_address};
use crate::route::Route;

/// How long looking for a key or fetching an issuer's keys may take before the client hears "later".
const LOOK_TIME_MAX: Duration = Duration::from_secs(10);
/// When a client should come back whose key could not be looked for.
const RETRY_SECONDS: u64 = 1;

/// Everything by which callers are let in. Made of a [`KeyRing`] alone, it knows those keys and counts nothing.
#[derive(Default)]
pub struct Door {
    /// Keys that the node was started with; they open everything.
    pub ring: KeyRing,
    /// Keys that are made and revoked while the node runs.
    pub keys: Option<Arc<dyn KeyStore>>,
    /// Tokens of an issuer.
    pub tokens: Option<Tokens>,
    /// How often each caller may come.
    pub rates: Option<Rates>,
    /// Where writes are noted.
    pub audit: Option<Arc<dyn Audit>>,
    /// The proxies whose word counts about where a request comes from.
    pub trusted_proxies: Vec<Network>,
}

impl From<KeyRing> for Door {
    fn from(ring: KeyRing) -> Self {
        Self { ring, ..Self::default() }
    }
}

impl Door {
    /// Where a request really comes from.
    pub(crate) fn address(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        client_address(peer, headers, &self.trusted_proxies)
    }

    /// Lets a caller in to `route`, or says why not; `quotas` learns what it has left either way.
    pub(crate) async fn admit(
        &self,
        route: Route,
        headers: &HeaderMap,
        address: IpAddr,
        quotas: &mut Quotas,
    ) -> Result<Option<Arc<Caller>>, Said> {
        let admitted = self.let_in(route, headers, address, quotas).await;
        admitted.inspect_err(|said| match said.counted() {
            Counted::Refused(reason) => metrics::HTTP_REFUSED.one([reason]),
            Counted::NotLetIn(reason) => metrics::CALLERS_REFUSED.one([reason]),
        })
    }

    async fn let_in(
        &self,
        route: Route,
        headers: &HeaderMap,
        address: IpAddr,
        quotas: &mut Quotas,
    ) -> Result<Option<Arc<Caller>>, Said> {
        let Some(needed) = route.scope() else { return Ok(None) };
        // Before the key is looked at, so that whoever guesses keys is slowed down too.
        if let Some(rates) = &self.rates {
            rates.take_address(address, quotas).await?;
        }
        let caller = match tokio::time::timeout(LOOK_TIME_MAX, self.caller(headers)).await {
            Ok(caller) => caller?,
            Err(_) => return Err(Said::KeysUnreachable { seconds: RETRY_SECONDS }),
        };
        if let Some(rates) = &self.rates {
            rates.take_caller(&caller, quotas).await?;
        }
        permit(&caller, route, needed)?;
        Ok(Some(caller))
    }

    async fn caller(&self, headers: &HeaderMap) -> Result<Arc<Caller>, Said> {
        match credential::of(headers)? {
            Credential::Key(key) => self.key(key).await,
            Credential::Token(token) => match &self.tokens {
                // Whoever shows a key does not carry what fetching a key set needs.
                Some(tokens) => Box::pin(tokens.caller(token)).await.map(Arc::new),
                None => Err(Said::TokensNotTaken),
            },
        }
    }

    async fn key(&self, key: &str) -> Result<Arc<Caller>, Said> {
        let hash = KeyHash::of(key);
        if let Some(caller) = self.ring.caller(&hash) {
            return Ok(Arc::clone(caller));
        }
        let Some(keys) = &self.keys else { return Err(Said::KeyWrong) };
        // Ours all look alike; anything else is not worth a question to the store.
        if !is_key(key) {
            return Err(Said::KeyWrong);
        }
        match keys.find(&hash).await {
            Ok(KeyStanding::Valid(caller)) => Ok(caller),
            Ok(KeyStanding::Unknown) => Err(Said::KeyWrong),
            Ok(KeyStanding::Expired) => Err(Said::KeyExpired),
            Ok(KeyStanding::Revoked) => Err(Said::KeyRevoked),
            Err(KeyError::Busy) => Err(Said::KeysBusy { seconds: RETRY_SECONDS }),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "looking for an API key");
                Err(Said::KeysUnreachable { seconds: RETRY_SECONDS })
            }
        }
    }
}

/// Whether `caller` may use `route`, which needs the scope `needed`.
fn permit(caller: &Caller, route: Route, needed: Scope) -> Result<(), Said> {
    if !caller.scopes.has(needed) {
        return Err(Said::ScopeMissing { needed });
    }
    if route.is_operators() && caller.tenant.name() != OPERATOR_TENANT {
        return Err(Said::OperatorOnly);
    }
    Ok(())
}

/// How every key begins that is made here.
const KEY_PREFIX: &str = "re_";
/// How many hexadecimal digits follow: 256 random bits.
const KEY_DIGITS: usize = 64;

/// Whether `text` looks like a key that is made here.
fn is_key(text: &str) -> bool {
    text.strip_prefix(KEY_PREFIX)
        .is_some_and(|digits| digits.len() == KEY_DIGITS && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// The key of these random bytes.
pub fn key_of(random: [u8; KEY_DIGITS / 2]) -> String {
    random.iter().fold(KEY_PREFIX.to_owned(), |key, byte| format!("{key}{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_look_at_the_nodes_may_not_act_on_them() {
        let caller = |tenant, scopes: &[Scope]| {
            Caller::new("k", crate::context::Tenant::new(tenant), scopes.iter().copied().collect())
        };
        let permit = |caller: &Caller, route: Route| permit(caller, route, route.scope().unwrap()).is_ok();
        let looks = caller(OPERATOR_TENANT, &[Scope::Inspect]);
        let acts = caller(OPERATOR_TENANT, &[Scope::Operate]);
        let stranger = caller("ana", &[Scope::Inspect, Scope::Operate]);
        let reader = caller(OPERATOR_TENANT, &[Scope::Read, Scope::Write]);
        for (route, expected) in [
            (Route::OperatorTree, [true, true, false, false]),
            (Route::OperatorActions, [true, true, false, false]),
            (Route::Tree, [true, true, false, false]),
            (Route::OperatorAct, [false, true, false, false]),
            (Route::KeyList, [false, true, true, false]),
        ] {
            let found = [&looks, &acts, &stranger, &reader].map(|caller| permit(caller, route));
            assert_eq!(found, expected, "{route:?}");
        }
    }

    #[test]
    fn a_key_made_here_looks_like_one() {
        assert!(is_key(&key_of([0xAB; 32])));
        for other in ["", "re_", "re_zz", "sk-123", &"a".repeat(67), &format!("re_{}", "g".repeat(64))] {
            assert!(!is_key(other), "{other}");
        }
    }
}
