//! The identifier of a document: 128 bits that sort by the time of upload, shown as a UUID.

use std::fmt;
use std::str::FromStr;

use bincode::{Decode, Encode};

use crate::chance::{Chance, mint_id};
use crate::clock::Clock;

/// Names one document for ever, over all its revisions.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct DocumentId(pub [u8; 16]);

/// Text that is not a document id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a document id; expected the form 01890a5d-ac96-774b-bcce-b302099a8057")]
pub struct InvalidDocumentId(String);

impl DocumentId {
    /// A new id.
    #[must_use]
    pub fn mint(clock: &dyn Clock, chance: &dyn Chance) -> Self {
        Self(mint_id(clock, chance))
    }

    /// The shard of this document, of `shard_count` (at least 1), in a store whose hash seed is `seed`.
    #[must_use]
    pub fn shard(&self, seed: u64, shard_count: u32) -> u32 {
        let mut hash = blake3::Hasher::new();
        hash.update(&seed.to_le_bytes()).update(&self.0);
        let mut number = [0; 8];
        hash.finalize_xof().fill(&mut number);
        u32::try_from(u64::from_le_bytes(number) % u64::from(shard_count.max(1))).unwrap_or(0)
    }
}

impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for DocumentId {
    type Err = InvalidDocumentId;

    fn from_str(text: &str) -> Result<Self, InvalidDocumentId> {
        let wrong = || InvalidDocumentId(text.chars().take(60).collect());
        let digits: Vec<u8> = text.bytes().filter(|b| *b != b'-').collect();
        let number = std::str::from_utf8(&digits).ok().filter(|digits| digits.len() == 32);
        // The sign that `from_str_radix` would take is not part of an id.
        let number = number.filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let number = number.and_then(|digits| u128::from_str_radix(digits, 16).ok()).ok_or_else(wrong)?;
        let id = Self(number.to_be_bytes());
        // One spelling per id, so that one document has one address and one cache entry.
        if id.to_string() == text { Ok(id) } else { Err(wrong()) }
    }
}
