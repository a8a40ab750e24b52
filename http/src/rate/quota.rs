//! What a caller has left, as headers of its answer.
//!
//! Source: draft-ietf-httpapi-ratelimit-headers-10, sections 3 and 4.

use std::fmt::Write as _;

use warp::http::{HeaderMap, HeaderValue};

/// Which limit it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Policy {
    Address,
    Key,
}

/// One limit and what is left of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quota {
    pub(super) policy: Policy,
    pub(super) limit: u64,
    pub(super) window_seconds: u64,
    pub(super) remaining: u64,
    pub(super) reset_seconds: u64,
}

/// The limits that a request was counted against.
#[derive(Debug, Default)]
pub(crate) struct Quotas(Vec<Quota>);

impl Quotas {
    pub(super) fn add(&mut self, quota: Quota) {
        self.0.push(quota);
    }

    /// Says them in `headers`.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        if self.0.is_empty() {
            return;
        }
        let (mut policies, mut left) = (String::new(), String::new());
        for quota in &self.0 {
            let name = match quota.policy {
                Policy::Address => "address",
                Policy::Key => "key",
            };
            let comma = if policies.is_empty() { "" } else { ", " };
            let Quota { limit, window_seconds, remaining, reset_seconds, .. } = quota;
            // Writing into a text cannot fail.
            let _ = write!(policies, "{comma}\"{name}\";q={limit};w={window_seconds}");
            let _ = write!(left, "{comma}\"{name}\";r={remaining};t={reset_seconds}");
        }
        for (name, text) in [("ratelimit-policy", policies), ("ratelimit", left)] {
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.insert(name, value);
            }
        }
    }
}
