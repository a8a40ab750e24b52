//! API keys: kept as hashes, compared in constant time.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

use uuid::Uuid;

use crate::auth::{Caller, Scopes};
use crate::context::Tenant;

/// The SHA-256 of an API key. Keys are long and random, so no slow hash is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// The hash of `key`.
    pub fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }

    /// A hash that was computed before.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The id of the key: the first half of the hash, so that a key is found by one reading. It tells nothing that
    /// helps to guess the key.
    pub fn id(&self) -> Uuid {
        let mut id = [0; 16];
        id.copy_from_slice(&self.0[..16]);
        uuid::Builder::from_custom_bytes(id).into_uuid()
    }

    /// Whether both are the same; takes the same time either way.
    pub fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// The keys that a node was started with, each with its caller. They open everything, and no call can revoke them.
#[derive(Debug, Clone, Default)]
pub struct KeyRing(Vec<(KeyHash, Arc<Caller>)>);

impl KeyRing {
    /// A ring of `keys`.
    pub fn new(keys: impl IntoIterator<Item = (KeyHash, Tenant)>) -> Self {
        let caller = |hash: &KeyHash, tenant| {
            let caller = Caller::new(&hash.id().to_string(), tenant, Scopes::all());
            Arc::new(Caller { is_operator: true, ..caller })
        };
        Self(keys.into_iter().map(|(hash, tenant)| (hash, caller(&hash, tenant))).collect())
    }

    /// The caller whose key has the hash `given`. Takes the same time whichever key matches, or none.
    pub(crate) fn caller(&self, given: &KeyHash) -> Option<&Arc<Caller>> {
        let mut found = u32::MAX;
        for (index, (hash, _)) in (0u32..).zip(&self.0) {
            let same: Choice = hash.0.ct_eq(&given.0);
            found.conditional_assign(&index, same);
        }
        self.0.get(usize::try_from(found).ok()?).map(|(_, caller)| caller)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_opens_its_own_tenant_and_no_other_key_opens_any() {
        let ring = KeyRing::new([
            (KeyHash::of("key of ana"), Tenant::new("ana")),
            (KeyHash::of("key of rui"), Tenant::new("rui")),
        ]);
        let tenant = |ring: &KeyRing, key| Some(ring.caller(&KeyHash::of(key))?.tenant.clone());
        assert_eq!(tenant(&ring, "key of ana"), Some(Tenant::new("ana")));
        assert_eq!(tenant(&ring, "key of rui"), Some(Tenant::new("rui")));
        assert_eq!(tenant(&ring, "key of an"), None);
        assert_eq!(tenant(&ring, ""), None);
        assert_eq!(tenant(&KeyRing::default(), "key of ana"), None);
    }

    #[test]
    fn an_id_follows_from_the_key_and_is_a_sound_uuid() {
        let (one, two) = (KeyHash::of("one").id(), KeyHash::of("two").id());
        assert_eq!(one, KeyHash::of("one").id());
        assert_ne!(one, two);
        assert_eq!(one.get_version_num(), 8);
    }
}
