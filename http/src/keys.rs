//! API keys: kept as hashes, compared in constant time.

use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

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
}

/// The keys that are let in, each with its tenant.
#[derive(Debug, Clone, Default)]
pub struct KeyRing(Vec<(KeyHash, Tenant)>);

impl KeyRing {
    /// A ring of `keys`.
    pub fn new(keys: impl IntoIterator<Item = (KeyHash, Tenant)>) -> Self {
        Self(keys.into_iter().collect())
    }

    /// The tenant of `key`. Takes the same time whichever key matches, or none.
    pub(crate) fn tenant(&self, key: &str) -> Option<&Tenant> {
        let given = KeyHash::of(key);
        let mut found = u32::MAX;
        for (index, (hash, _)) in (0u32..).zip(&self.0) {
            let same: Choice = hash.0.ct_eq(&given.0);
            found.conditional_assign(&index, same);
        }
        self.0.get(usize::try_from(found).ok()?).map(|(_, tenant)| tenant)
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
        assert_eq!(ring.tenant("key of ana"), Some(&Tenant::new("ana")));
        assert_eq!(ring.tenant("key of rui"), Some(&Tenant::new("rui")));
        assert_eq!(ring.tenant("key of an"), None);
        assert_eq!(ring.tenant(""), None);
        assert_eq!(KeyRing::default().tenant("key of ana"), None);
    }
}
