//! Keys of objects, checked once so that no key can leave the store's directory or exceed what S3 takes.

use std::fmt;

/// Longest key in bytes; S3 takes 1,024 and a path component on ext4 255, our own longest is under 200.
pub const KEY_BYTES_MAX: usize = 512;

/// Longest part between slashes in bytes, below ext4's 255 so that a temporary name still fits beside it.
const PART_BYTES_MAX: usize = 200;

/// A relative, slash-separated key of lowercase-safe characters: letters, digits, `-`, `_`, `.` and `=`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(String);

/// A key that the store does not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the key `{shown}` is not usable: {why}")]
pub struct InvalidKey {
    /// The key, cut to a readable length.
    pub shown: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl Key {
    /// Checks `key`.
    ///
    /// # Errors
    ///
    /// If it is empty, too long, absolute, has an empty, hidden or `..` part, or characters outside the set.
    pub fn new(key: impl Into<String>) -> Result<Self, InvalidKey> {
        let key = key.into();
        match fault_of(&key) {
            None => Ok(Self(key)),
            Some(why) => Err(InvalidKey { shown: key.chars().take(80).collect(), why }),
        }
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn fault_of(key: &str) -> Option<&'static str> {
    if key.is_empty() {
        return Some("it is empty");
    }
    if key.len() > KEY_BYTES_MAX {
        return Some("it is longer than 512 bytes");
    }
    if !key.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.=/".contains(&b)) {
        return Some("it has characters other than letters, digits, `-`, `_`, `.`, `=` and `/`");
    }
    key.split('/').find_map(|part| match part {
        "" => Some("it starts or ends with `/`, or has `//`"),
        // Dot files are the directory store's own: temporary files and its lock.
        _ if part.starts_with('.') => Some("a part starts with `.`"),
        _ if part.len() > PART_BYTES_MAX => Some("a part is longer than 200 bytes"),
        _ => None,
    })
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Key {
    type Error = InvalidKey;
    fn try_from(key: String) -> Result<Self, InvalidKey> {
        Self::new(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_cannot_leave_the_store() {
        for bad in ["", "/a", "a/", "a//b", "..", "a/../b", ".tmp/x", "a/.hidden", "a\\b", "a b", "a\0", "é"]
        {
            assert!(Key::new(bad).is_err(), "{bad:?}");
        }
        assert!(Key::new("x".repeat(201)).is_err());
        assert!(Key::new("x/".repeat(256) + "y").is_err());
    }

    #[test]
    fn our_own_keys_are_taken() {
        for good in ["v1/cluster", "v1/s/0001/log/00000000000000000042", "v1/n/node-1/7f.a_b=c"] {
            assert_eq!(Key::new(good).unwrap().as_str(), good);
        }
    }
}
