//! An API key as it lies in the object store. Pure.

use std::sync::Arc;

use enabler_http::{Caller, KeyHash, KeyStanding, KeyState, Scope, Scopes, StoredKey, Tenant};
use enabler_storage::objects::{InvalidKey, Key};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

/// Where all keys lie.
pub(super) const PREFIX: &str = "v1/keys/";

/// Where the key `id` lies.
///
/// # Errors
///
/// Never; the type says that keys of objects are checked.
pub(super) fn object_key(id: Uuid) -> Result<Key, InvalidKey> {
    Key::new(format!("{PREFIX}{id}.json"))
}

/// A key's record. What it does not know it keeps out, so that an older node never weakens what a newer one wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    /// The format, 1.
    pub(super) version: u32,
    /// SHA-256 of the key, hexadecimal.
    pub(super) sha256: String,
    pub(super) name: String,
    pub(super) tenant: String,
    pub(super) scopes: Vec<String>,
    /// The last characters of the key.
    pub(super) shown: String,
    pub(super) created_ms: u64,
    pub(super) created_by: String,
    /// How long it was made for, so that the key that replaces it lives as long.
    pub(super) valid_ms: Option<u64>,
    pub(super) expires_ms: Option<u64>,
    pub(super) revoked_ms: Option<u64>,
}

/// The characters of a key that stay visible: enough to tell keys apart, too few to guess one.
pub(super) const SHOWN_CHARS: usize = 4;

impl Record {
    /// The standing of the key with the hash `given`, whose record this is.
    pub(super) fn standing(&self, given: &KeyHash, now_ms: u64) -> KeyStanding {
        // The id is only half of the hash.
        if !unhex(&self.sha256).is_some_and(|own| KeyHash::from_bytes(own).is(given)) {
            return KeyStanding::Unknown;
        }
        match self.state(now_ms) {
            KeyState::Revoked => KeyStanding::Revoked,
            KeyState::Expired => KeyStanding::Expired,
            KeyState::Active => {
                let caller = Caller::new(&given.id().to_string(), Tenant::new(&self.tenant), self.scopes());
                KeyStanding::Valid(Arc::new(caller))
            }
        }
    }

    pub(super) fn state(&self, now_ms: u64) -> KeyState {
        if self.revoked_ms.is_some() {
            KeyState::Revoked
        } else if self.expires_ms.is_some_and(|end| end <= now_ms) {
            KeyState::Expired
        } else {
            KeyState::Active
        }
    }

    /// When the key ended, if it has.
    pub(super) fn ended_ms(&self, now_ms: u64) -> Option<u64> {
        self.revoked_ms.or(self.expires_ms.filter(|end| *end <= now_ms))
    }

    pub(super) fn scopes(&self) -> Scopes {
        self.scopes.iter().filter_map(|name| Scope::named(name)).collect()
    }

    /// What is shown of it.
    pub(super) fn stored(&self, id: Uuid, now_ms: u64) -> StoredKey {
        StoredKey {
            id,
            name: self.name.clone(),
            tenant: Tenant::new(&self.tenant),
            scopes: self.scopes(),
            shown: self.shown.clone(),
            created_at: moment(self.created_ms),
            created_by: self.created_by.clone(),
            expires_at: self.expires_ms.map(moment),
            revoked_at: self.revoked_ms.map(moment),
            state: self.state(now_ms),
        }
    }
}

fn moment(ms: u64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

pub(super) fn hex(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; 32];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(index * 2..index * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(hash: &KeyHash) -> Record {
        Record {
            version: 1,
            sha256: hex(hash.bytes()),
            name: "ingest".into(),
            tenant: "bank".into(),
            scopes: vec!["read".into(), "fly".into()],
            shown: "beef".into(),
            created_ms: 1_000,
            created_by: "k".into(),
            valid_ms: Some(4_000),
            expires_ms: Some(5_000),
            revoked_ms: None,
        }
    }

    #[test]
    fn a_key_opens_until_it_ends() {
        let hash = KeyHash::of("key");
        let own = record(&hash);
        match own.standing(&hash, 4_999) {
            KeyStanding::Valid(caller) => {
                assert_eq!((caller.tenant.name(), caller.scopes.names()), ("bank", vec!["read"]));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(own.standing(&hash, 5_000), KeyStanding::Expired);
        let revoked = Record { revoked_ms: Some(2_000), ..own };
        assert_eq!(revoked.standing(&hash, 2_000), KeyStanding::Revoked);
        assert_eq!(revoked.ended_ms(9_000), Some(2_000));
    }

    #[test]
    fn a_record_opens_only_for_the_whole_hash() {
        let hash = KeyHash::of("key");
        let mut other = *hash.bytes();
        other[31] ^= 1;
        assert_eq!(KeyHash::from_bytes(other).id(), hash.id());
        assert_eq!(record(&hash).standing(&KeyHash::from_bytes(other), 0), KeyStanding::Unknown);
        let damaged = Record { sha256: "zz".into(), ..record(&hash) };
        assert_eq!(damaged.standing(&hash, 0), KeyStanding::Unknown);
    }

    #[test]
    fn what_is_kept_holds_no_key() {
        let key = enabler_http::key_of([7; 32]);
        let text = serde_json::to_string(&record(&KeyHash::of(&key))).unwrap();
        assert!(!text.contains(&key) && !text.contains(&key[10..40]));
        assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record(&KeyHash::of(&key)));
    }
}
