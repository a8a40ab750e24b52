//! What the product does for API keys: finds, lists, makes, rotates and revokes them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use time::OffsetDateTime;
use uuid::Uuid;

use super::caller::{Caller, Scopes};
use crate::context::Tenant;
use crate::keys::KeyHash;

/// The longest that a rotated key may go on: a day is enough for any deployment to take the new one.
pub const GRACE_SECONDS_MAX: u64 = 86_400;

/// Whether a key opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyStanding {
    /// It does, for this caller.
    Valid(Arc<Caller>),
    /// There is no such key.
    Unknown,
    /// It was valid until a moment that has passed.
    Expired,
    /// It was taken back.
    Revoked,
}

/// How a key in a list is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// It opens.
    Active,
    /// Its time is over.
    Expired,
    /// It was taken back.
    Revoked,
}

impl KeyState {
    /// Its name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

/// A key that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// What people call it.
    pub name: String,
    /// Whose documents it opens.
    pub tenant: Tenant,
    /// What it may do.
    pub scopes: Scopes,
    /// How long it is valid; for ever if it is not said.
    pub valid_for: Option<Duration>,
    /// The id of the caller who makes it.
    pub created_by: Arc<str>,
}

/// A key as it is kept: everything but the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// Its id, which follows from the key.
    pub id: Uuid,
    /// What people call it.
    pub name: String,
    /// Whose documents it opens.
    pub tenant: Tenant,
    /// What it may do.
    pub scopes: Scopes,
    /// Its last characters, by which its owner knows it again.
    pub shown: String,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// By whom.
    pub created_by: String,
    /// When it ends, if it does.
    pub expires_at: Option<OffsetDateTime>,
    /// When it was taken back, if it was.
    pub revoked_at: Option<OffsetDateTime>,
    /// How it is now.
    pub state: KeyState,
}

/// A key just made: the only moment in which the key itself is there.
#[derive(Clone)]
pub struct MadeKey {
    /// The key, to be shown once.
    pub secret: String,
    /// What is kept of it.
    pub stored: StoredKey,
}

/// Why a key could not be found or changed.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// There is no such key for this caller: 404.
    #[error("no key {id}")]
    NotFound {
        /// The key that was asked for.
        id: Uuid,
    },
    /// A key that was revoked or has expired cannot be rotated: 409.
    #[error("the key {id} has ended")]
    Ended {
        /// The key.
        id: Uuid,
    },
    /// No more keys are taken: 409.
    #[error("there are {max} keys already")]
    TooMany {
        /// How many there may be.
        max: usize,
    },
    /// Too many unknown keys were shown within the last moment; this one was not looked for: 503.
    #[error("too many unknown keys at once")]
    Busy,
    /// The keys cannot be reached: 503.
    #[error("{doing}")]
    Unavailable {
        /// What we were doing.
        doing: &'static str,
        /// The cause, for the log.
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

/// Keeps API keys. `tenant` limits a call to the keys of one tenant; without it every key is meant.
#[async_trait]
pub trait KeyStore: Send + Sync + 'static {
    /// Whether the key with this hash opens. What it says was true within the last five seconds.
    ///
    /// # Errors
    ///
    /// [`KeyError::Unavailable`] when that cannot be found out, [`KeyError::Busy`] when it is not tried.
    async fn find(&self, hash: &KeyHash) -> Result<KeyStanding, KeyError>;

    /// The keys, oldest first.
    ///
    /// # Errors
    ///
    /// [`KeyError::Unavailable`] when they cannot be read.
    async fn list(&self, tenant: Option<&Tenant>) -> Result<Vec<StoredKey>, KeyError>;

    /// Makes a key.
    ///
    /// # Errors
    ///
    /// [`KeyError::TooMany`], [`KeyError::Unavailable`].
    async fn make(&self, new: NewKey) -> Result<MadeKey, KeyError>;

    /// Makes a key of the same name, tenant and scopes; the old one ends after `grace`. Gives both.
    ///
    /// # Errors
    ///
    /// [`KeyError::NotFound`], [`KeyError::Ended`], [`KeyError::TooMany`], [`KeyError::Unavailable`].
    async fn rotate(
        &self,
        tenant: Option<&Tenant>,
        id: Uuid,
        grace: Duration,
        by: &str,
    ) -> Result<(MadeKey, StoredKey), KeyError>;

    /// Takes a key back; doing so again changes nothing.
    ///
    /// # Errors
    ///
    /// [`KeyError::NotFound`], [`KeyError::Unavailable`].
    async fn revoke(&self, tenant: Option<&Tenant>, id: Uuid) -> Result<(), KeyError>;
}
