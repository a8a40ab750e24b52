//! Which keys are forgotten together: read off a key, so that a cache that cannot list its keys can still find them.

use std::time::Duration;

use super::{ANSWER_TTL, OCR_TTL, SESSION_TTL, STREAM_TTL};

/// What the keys of all tenants start with; everything else is nobody's and is never deleted by prefix.
pub const TENANTS_PREFIX: &str = "dq:1:t:";

/// Where a key belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    /// To nobody, such as an embedding: only time forgets it.
    Free,
    /// To a group of a tenant; either can be deleted.
    In(Group<'a>),
    /// To a tenant, but to no group in which a deletion would find it: it must not be kept.
    Nowhere,
}

/// A group of keys that are deleted together, such as the answers about one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group<'a> {
    /// The prefix of everything of the tenant.
    pub tenant: &'a str,
    /// The prefix of the group.
    pub prefix: &'a str,
    /// The rest of the key.
    pub name: &'a str,
    /// The longest that a value of this group is kept.
    pub ttl_max: Duration,
    /// Whether a value changes under its key, so that only the shared copy is the latest.
    pub changes: bool,
}

/// How far a deletion by prefix reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// One group.
    Group,
    /// Every group of a tenant.
    Tenant,
}

/// Reads off `key` where it belongs.
#[must_use]
pub fn place_of(key: &str) -> Place<'_> {
    let Some(rest) = key.strip_prefix(TENANTS_PREFIX) else { return Place::Free };
    let mut parts = rest.splitn(4, ':');
    let (Some(tenant), Some(kind), Some(of), Some(name)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Place::Nowhere;
    };
    if tenant.is_empty() || kind.is_empty() || of.is_empty() || name.is_empty() {
        return Place::Nowhere;
    }
    let (Some(prefix), Some(tenant)) =
        (key.strip_suffix(name), key.get(..TENANTS_PREFIX.len() + tenant.len() + 1))
    else {
        return Place::Nowhere;
    };
    let (ttl_max, changes) = match kind {
        "qa" => (ANSWER_TTL, false),
        "session" => (SESSION_TTL, true),
        "stream" => (STREAM_TTL, true),
        "ocr" => (OCR_TTL, false),
        _ => (OCR_TTL, true),
    };
    Place::In(Group { tenant, prefix, name, ttl_max, changes })
}

/// How far a deletion of `prefix` reaches, or `None` if it is not a prefix that is deleted.
#[must_use]
pub fn reach_of(prefix: &str) -> Option<Reach> {
    let parts: Vec<&str> = prefix.strip_prefix(TENANTS_PREFIX)?.split(':').collect();
    match parts.as_slice() {
        [tenant, ""] if !tenant.is_empty() => Some(Reach::Tenant),
        [tenant, kind, of, ""] if !tenant.is_empty() && !kind.is_empty() && !of.is_empty() => {
            Some(Reach::Group)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{
        answer_prefix, embedding_key, ocr_key, ocr_prefix, session_key, session_prefix, stream_key,
        stream_prefix, tenant_prefix,
    };
    use super::*;
    use crate::record::DocumentId;

    #[test]
    fn every_prefix_that_is_deleted_finds_its_keys() {
        let document = Some(DocumentId([3; 16]));
        let answer = format!("{}{}", answer_prefix("acme", document), "hash");
        let all = format!("{}{}", answer_prefix("acme", None), "hash");
        let keys = [
            (answer, answer_prefix("acme", document), false),
            (all, answer_prefix("acme", None), false),
            (session_key("acme", document, "s"), session_prefix("acme", document), true),
            (stream_key("acme", document, "s", "1"), stream_prefix("acme", document), true),
            (ocr_key("acme", &[7; 32], 3, "por", ""), ocr_prefix("acme", &[7; 32]), false),
        ];
        for (key, prefix, changes) in keys {
            let Place::In(group) = place_of(&key) else { panic!("{key} has no group") };
            assert_eq!((group.prefix, group.tenant), (prefix.as_str(), tenant_prefix("acme").as_str()));
            assert_eq!(format!("{}{}", group.prefix, group.name), key);
            assert_eq!(group.changes, changes);
            assert_eq!(
                (reach_of(group.prefix), reach_of(group.tenant)),
                (Some(Reach::Group), Some(Reach::Tenant))
            );
        }
        assert_eq!(place_of(&embedding_key("m", "text")), Place::Free);
    }

    #[test]
    fn what_no_deletion_would_find_has_no_place() {
        for key in [
            "dq:1:t:",
            "dq:1:t:acme",
            "dq:1:t:acme:",
            "dq:1:t:acme:qa:d",
            "dq:1:t:acme:qa:d:",
            "dq:1:t:a:::x",
        ] {
            assert_eq!(place_of(key), Place::Nowhere, "{key}");
        }
        for prefix in
            ["", "dq:1:", "dq:1:t:", "dq:1:t:acme", "dq:1:t:acme:qa:", "dq:1:t:acme:qa:d", "dq:1:emb:m:"]
        {
            assert_eq!(reach_of(prefix), None, "{prefix}");
        }
    }

    proptest! {
        #[test]
        fn a_key_lies_under_prefixes_that_can_be_deleted(key in "dq:1:t:[a-c:]{0,12}") {
            if let Place::In(group) = place_of(&key) {
                prop_assert!(key.starts_with(group.prefix) && group.prefix.starts_with(group.tenant));
                prop_assert_eq!(reach_of(group.prefix), Some(Reach::Group));
                prop_assert_eq!(reach_of(group.tenant), Some(Reach::Tenant));
            }
        }
    }
}
