//! What the API's door needs of the product: where keys lie, who counts requests, who fetches an issuer's keys, and where
//! writes are noted.

mod audit;
mod counters;
mod issuer;
mod keys;
mod record;
#[cfg(test)]
mod stopped;

use std::sync::{Arc, PoisonError, RwLock};

use enabler_cluster::net::NodeId;
use enabler_config::{Secret, Settings};
use enabler_http::{
    Door, KeyHash, KeyRing, Network, NowMs, OPERATOR_TENANT, Rates, Tenant, TokenRules, Tokens,
};
use enabler_storage::cache::Counters;
use enabler_storage::chance::Chance;
use enabler_storage::clock::Clock;
use enabler_storage::objects::ObjectStore;

use crate::node::NodeError;

pub(crate) use audit::Waiting;

/// What one generation of the node brings.
#[derive(Clone)]
pub(crate) struct Means {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) counters: Arc<dyn Counters>,
    pub(crate) node: NodeId,
}

/// The part of the latest generation that the door uses. The door itself outlives generations.
#[derive(Clone, Default)]
pub(crate) struct Doors(Arc<RwLock<Option<Means>>>);

impl Doors {
    /// What the latest generation brings, once there was one.
    fn means(&self) -> Option<Means> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A generation begins.
    pub(crate) fn open(&self, means: Means) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(means);
    }
}

/// The door of a node, and what notes its writes.
pub(crate) fn door(
    settings: &Settings,
    key: &Secret,
    doors: &Doors,
    clock: Arc<dyn Clock>,
    chance: Arc<dyn Chance>,
) -> Result<(Door, audit::AuditLog), NodeError> {
    let http = &settings.http;
    let now_ms: NowMs = {
        let clock = Arc::clone(&clock);
        Arc::new(move || clock.now_ms())
    };
    let counted = Arc::new(counters::Shared(doors.clone()));
    let rates = Rates::new(http.rate_per_address, http.rate_per_key, counted, Arc::clone(&now_ms));
    let (notes, log) = audit::start(doors.clone(), Arc::clone(&clock));
    let door = Door {
        ring: KeyRing::new([(KeyHash::of(key.reveal()), Tenant::new(OPERATOR_TENANT))]),
        keys: Some(Arc::new(keys::Keys::new(doors.clone(), clock, chance))),
        tokens: tokens(settings, now_ms)?,
        rates: Some(rates),
        audit: Some(Arc::new(notes)),
        trusted_proxies: http.trusted_proxies.iter().filter_map(|text| Network::parse(text)).collect(),
    };
    Ok((door, log))
}

fn tokens(settings: &Settings, now_ms: NowMs) -> Result<Option<Tokens>, NodeError> {
    let auth = &settings.auth;
    if auth.jwks_url.is_empty() {
        return Ok(None);
    }
    for (name, value) in [("issuer", &auth.issuer), ("audience", &auth.audience)] {
        if value.is_empty() {
            return Err(format!(
                "`auth.{name}` is not set: without it a token that was meant for another service would open this one; \
                 set it, or leave `auth.jwks_url` empty to take no tokens"
            )
            .into());
        }
    }
    let rules = TokenRules {
        issuer: auth.issuer.clone(),
        audience: auth.audience.clone(),
        tenant_claim: auth.tenant_claim.clone(),
    };
    Ok(Some(Tokens::new(rules, Box::new(issuer::Issuer::new(&auth.jwks_url)?), now_ms)))
}
