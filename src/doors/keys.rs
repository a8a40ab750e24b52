//! API keys in the object store, with what this node knows of them.
//!
//! A key's object is named by its hash, so that a key made on another node is found by one reading at its first use. What
//! was read is believed for [`TRUST_MS_MAX`], so that a revoked key is refused by every node after that; while the store is
//! away a key that cannot be confirmed opens nothing.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use enabler_http::{
    KeyError, KeyHash, KeyStanding, KeyState, KeyStore, MadeKey, NewKey, StoredKey, Tenant, key_of,
};
use enabler_storage::chance::Chance;
use enabler_storage::clock::Clock;
use enabler_storage::objects::{ETag, Key, LIST_LIMIT_MAX, ObjectStore, PutOutcome, StoreError};
use enabler_storage::sealed;
use futures_util::{StreamExt as _, TryStreamExt as _};
use uuid::Uuid;

use super::Doors;
use super::record::{PREFIX, Record, SHOWN_CHARS, hex, object_key};

/// How long what was read of a key is believed: the longest that a revoked key still opens elsewhere.
const TRUST_MS_MAX: u64 = 5_000;
/// When it is read again beside the request that uses it, so that requests seldom wait for the store.
const CONFIRM_AFTER_MS: u64 = 2_000;
/// How long a key is remembered as unknown. A key cannot be shown before it was made, so that this harms nobody.
const UNKNOWN_FOR_MS: u64 = 60_000;
/// Keys of which something is remembered; beyond it the oldest are looked up again.
const HELD_MAX: usize = 20_000;
/// Keys that nobody here has seen before and that may be looked for in one second: whoever guesses keys asks this node,
/// not the store. More hear "later".
const LOOKS_PER_SECOND_MAX: u32 = 50;
/// Keys in one store, ended ones included; a list reads each.
const KEYS_MAX: usize = LIST_LIMIT_MAX;
/// How long an ended key stays in the list before it may make room for a new one.
const ENDED_KEPT_MS: u64 = 30 * 86_400_000;
/// Records read at one time for a list.
const READS_AT_ONCE: usize = 16;
/// How often a change is tried again that another one came before.
const ATTEMPTS_MAX: usize = 5;

/// The keys of all tenants.
pub(super) struct Keys(Arc<Inner>);

struct Inner {
    doors: Doors,
    clock: Arc<dyn Clock>,
    chance: Arc<dyn Chance>,
    held: Mutex<HashMap<Uuid, Arc<Held>>>,
    looks: Mutex<Looks>,
}

/// How many unknown keys were looked for in the second that began at `since_ms`.
#[derive(Default)]
struct Looks {
    since_ms: u64,
    count: u32,
}

/// What is known of a key.
struct Held {
    record: Option<Record>,
    /// When the reading began that said so, by the time that the machine has been up: a node that slept trusts nothing
    /// from before.
    read_ms: u64,
    /// Whether it is being read again.
    confirming: AtomicBool,
}

fn unavailable(doing: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> KeyError {
    KeyError::Unavailable { doing, source: Some(source.into()) }
}

impl Held {
    fn age_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.read_ms)
    }

    /// Whether it may still be believed.
    fn is_current(&self, now_ms: u64) -> bool {
        self.age_ms(now_ms) < if self.record.is_some() { TRUST_MS_MAX } else { UNKNOWN_FOR_MS }
    }
}

impl Keys {
    pub(super) fn new(doors: Doors, clock: Arc<dyn Clock>, chance: Arc<dyn Chance>) -> Self {
        let (held, looks) = (Mutex::default(), Mutex::default());
        Self(Arc::new(Inner { doors, clock, chance, held, looks }))
    }
}

impl Inner {
    fn store(&self) -> Result<Arc<dyn ObjectStore>, KeyError> {
        let means = self.doors.means();
        Ok(means.ok_or(KeyError::Unavailable { doing: "waiting for the node to start", source: None })?.store)
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Uuid, Arc<Held>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, id: Uuid, record: Option<Record>, read_ms: u64) {
        let now_ms = self.clock.uptime_ms();
        let mut held = self.held();
        if held.len() >= HELD_MAX && !held.contains_key(&id) {
            held.retain(|_, one| one.is_current(now_ms));
            if held.len() >= HELD_MAX {
                held.retain(|_, one| one.record.is_some());
            }
            if held.len() >= HELD_MAX {
                return;
            }
        }
        // A reading that began earlier knows less.
        if held.get(&id).is_none_or(|one| one.read_ms <= read_ms) {
            held.insert(id, Arc::new(Held { record, read_ms, confirming: AtomicBool::new(false) }));
        }
    }

    /// Reads a key's record, and remembers what was found.
    async fn read(&self, id: Uuid) -> Result<Option<Record>, KeyError> {
        let began = self.clock.uptime_ms();
        let found = read(&*self.store()?, id).await?.map(|(record, _)| record);
        self.remember(id, found.clone(), began);
        Ok(found)
    }

    /// Takes one look for a key that is not known here.
    fn may_look(&self) -> bool {
        let now_ms = self.clock.uptime_ms();
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        if now_ms.saturating_sub(looks.since_ms) >= 1_000 {
            *looks = Looks { since_ms: now_ms, count: 0 };
        }
        looks.count = looks.count.saturating_add(1);
        looks.count <= LOOKS_PER_SECOND_MAX
    }

    /// Changes a record; what `change` refuses stays as it is.
    async fn change(
        &self,
        tenant: Option<&Tenant>,
        id: Uuid,
        change: impl Fn(&Record) -> Result<Record, KeyError>,
    ) -> Result<Record, KeyError> {
        const DOING: &str = "changing an API key";
        let store = self.store()?;
        let key = object_key(id).map_err(|error| unavailable(DOING, error))?;
        for _ in 0..ATTEMPTS_MAX {
            let began = self.clock.uptime_ms();
            let found = read(&*store, id).await?;
            let found = found.filter(|(record, _)| tenant.is_none_or(|own| own.name() == record.tenant));
            let (record, etag) = found.ok_or(KeyError::NotFound { id })?;
            let changed = change(&record)?;
            if changed == record {
                self.remember(id, Some(record.clone()), began);
                return Ok(record);
            }
            let began = self.clock.uptime_ms();
            match store.put_if(&key, &etag, text(&changed)?).await {
                PutOutcome::Done(_) => {
                    self.remember(id, Some(changed.clone()), began);
                    return Ok(changed);
                }
                // Somebody was faster, or nobody knows: what stands there now says what is left to do.
                PutOutcome::Exists | PutOutcome::Changed => {}
                PutOutcome::Unknown(error) => match read(&*store, id).await? {
                    Some((standing, _)) if standing == changed => {
                        self.remember(id, Some(changed.clone()), began);
                        return Ok(changed);
                    }
                    _ => tracing::warn!(%error, %id, "changing an API key; trying again"),
                },
            }
        }
        Err(KeyError::Unavailable { doing: DOING, source: None })
    }

    async fn create(&self, secret: &str, record: Record) -> Result<StoredKey, KeyError> {
        const DOING: &str = "keeping a new API key";
        let store = self.store()?;
        let id = KeyHash::of(secret).id();
        let key = object_key(id).map_err(|error| unavailable(DOING, error))?;
        let began = self.clock.uptime_ms();
        match store.put_new(&key, text(&record)?).await {
            PutOutcome::Done(_) => {}
            PutOutcome::Unknown(error) => match read(&*store, id).await? {
                Some((standing, _)) if standing == record => {}
                _ => return Err(unavailable(DOING, error)),
            },
            // 122 random bits were there before.
            PutOutcome::Exists | PutOutcome::Changed => {
                return Err(KeyError::Unavailable { doing: DOING, source: None });
            }
        }
        self.remember(id, Some(record.clone()), began);
        Ok(record.stored(id, self.clock.now_ms()))
    }

    /// Every key with its id.
    async fn all(&self) -> Result<Vec<(Uuid, Record)>, KeyError> {
        let store = &*self.store()?;
        let ids = ids(store).await?;
        let reads = futures_util::stream::iter(ids).map(|id| async move {
            Ok::<_, KeyError>(read(store, id).await?.map(|(record, _)| (id, record)))
        });
        let all: Vec<Option<(Uuid, Record)>> = reads.buffered(READS_AT_ONCE).try_collect().await?;
        let mut all: Vec<(Uuid, Record)> = all.into_iter().flatten().collect();
        all.sort_by_key(|(id, record)| (record.created_ms, *id));
        Ok(all)
    }

    /// Makes sure that there is room for one more key; keys that ended long ago give way.
    async fn make_room(&self) -> Result<(), KeyError> {
        let store = self.store()?;
        let count = ids(&*store).await?.len();
        if count < KEYS_MAX {
            return Ok(());
        }
        let now_ms = self.clock.now_ms();
        let mut left = count;
        for (id, record) in self.all().await? {
            let is_old =
                record.ended_ms(now_ms).is_some_and(|end| end.saturating_add(ENDED_KEPT_MS) <= now_ms);
            if let Some(key) = object_key(id).ok().filter(|_| is_old) {
                store
                    .delete(&key)
                    .await
                    .map_err(|error| unavailable("removing an API key that has ended", error))?;
                left -= 1;
            }
        }
        if left < KEYS_MAX { Ok(()) } else { Err(KeyError::TooMany { max: KEYS_MAX }) }
    }

    fn mint(&self) -> String {
        let mut random = [0; 32];
        self.chance.fill(&mut random);
        key_of(random)
    }

    fn record(&self, secret: &str, new: &NewKey) -> Record {
        let now_ms = self.clock.now_ms();
        let valid_ms = new.valid_for.map(|valid| u64::try_from(valid.as_millis()).unwrap_or(u64::MAX));
        Record {
            version: 1,
            sha256: hex(KeyHash::of(secret).bytes()),
            name: new.name.clone(),
            tenant: new.tenant.name().to_owned(),
            scopes: new.scopes.names().into_iter().map(str::to_owned).collect(),
            shown: secret.get(secret.len().saturating_sub(SHOWN_CHARS)..).unwrap_or_default().to_owned(),
            created_ms: now_ms,
            created_by: new.created_by.to_string(),
            valid_ms,
            expires_ms: valid_ms.map(|valid| now_ms.saturating_add(valid)),
            revoked_ms: None,
        }
    }
}

fn text(record: &Record) -> Result<bytes::Bytes, KeyError> {
    sealed::seal(record).map_err(|error| unavailable("writing an API key as JSON", error))
}

async fn read(store: &dyn ObjectStore, id: Uuid) -> Result<Option<(Record, ETag)>, KeyError> {
    const DOING: &str = "reading an API key";
    let key = object_key(id).map_err(|error| unavailable(DOING, error))?;
    let Some(object) = store.get(&key).await.map_err(|error| unavailable(DOING, error))? else {
        return Ok(None);
    };
    let record = sealed::open(&object.bytes).map_err(|error| unavailable(DOING, error))?;
    Ok(Some((record, object.etag)))
}

async fn ids(store: &dyn ObjectStore) -> Result<Vec<Uuid>, KeyError> {
    let failed = |error: StoreError| unavailable("listing the API keys", error);
    let (mut ids, mut after): (Vec<Uuid>, Option<Key>) = (Vec::new(), None);
    loop {
        let listed = store.list_after(PREFIX, after.as_ref(), LIST_LIMIT_MAX).await.map_err(failed)?;
        let id = |key: &Key| key.as_str().strip_prefix(PREFIX)?.strip_suffix(".json")?.parse::<Uuid>().ok();
        ids.extend(listed.iter().filter_map(|one| id(&one.key)));
        let is_last = listed.len() < LIST_LIMIT_MAX;
        after = listed.into_iter().next_back().map(|one| one.key);
        // Nodes that make keys at the same moment may exceed the bound by a few.
        if is_last || ids.len() >= 2 * KEYS_MAX {
            return Ok(ids);
        }
    }
}

#[async_trait]
impl KeyStore for Keys {
    async fn find(&self, hash: &KeyHash) -> Result<KeyStanding, KeyError> {
        let id = hash.id();
        let standing = |record: Option<&Record>| {
            record.map_or(KeyStanding::Unknown, |record| record.standing(hash, self.0.clock.now_ms()))
        };
        let now_ms = self.0.clock.uptime_ms();
        let held = self.0.held().get(&id).cloned();
        match held {
            Some(held) if held.is_current(now_ms) => {
                let is_due = held.record.is_some() && held.age_ms(now_ms) >= CONFIRM_AFTER_MS;
                if is_due && !held.confirming.swap(true, Ordering::Relaxed) {
                    let (inner, held) = (Arc::clone(&self.0), Arc::clone(&held));
                    tokio::spawn(async move {
                        if let Err(error) = inner.read(id).await {
                            tracing::warn!(error = &error as &dyn std::error::Error, "confirming an API key");
                            held.confirming.store(false, Ordering::Relaxed);
                        }
                    });
                }
                Ok(standing(held.record.as_ref()))
            }
            held => {
                let is_known = held.is_some_and(|held| held.record.is_some());
                if !is_known && !self.0.may_look() {
                    return Err(KeyError::Busy);
                }
                Ok(standing(self.0.read(id).await?.as_ref()))
            }
        }
    }

    async fn list(&self, tenant: Option<&Tenant>) -> Result<Vec<StoredKey>, KeyError> {
        let now_ms = self.0.clock.now_ms();
        let all = self.0.all().await?.into_iter();
        let own = all.filter(|(_, record)| tenant.is_none_or(|own| own.name() == record.tenant));
        Ok(own.map(|(id, record)| record.stored(id, now_ms)).collect())
    }

    async fn make(&self, new: NewKey) -> Result<MadeKey, KeyError> {
        self.0.make_room().await?;
        let secret = self.0.mint();
        let stored = self.0.create(&secret, self.0.record(&secret, &new)).await?;
        Ok(MadeKey { secret, stored })
    }

    async fn rotate(
        &self,
        tenant: Option<&Tenant>,
        id: Uuid,
        grace: Duration,
        by: &str,
    ) -> Result<(MadeKey, StoredKey), KeyError> {
        let inner = &self.0;
        let is_own = |record: &Record| tenant.is_none_or(|own| own.name() == record.tenant);
        let old = inner.read(id).await?.filter(is_own).ok_or(KeyError::NotFound { id })?;
        if old.state(inner.clock.now_ms()) != KeyState::Active {
            return Err(KeyError::Ended { id });
        }
        let new = NewKey {
            name: old.name.clone(),
            tenant: Tenant::new(&old.tenant),
            scopes: old.scopes(),
            valid_for: old.valid_ms.map(Duration::from_millis),
            created_by: by.into(),
        };
        // The new one first: whatever fails then, one of the two opens.
        let made = self.make(new).await?;
        let end_ms =
            inner.clock.now_ms().saturating_add(u64::try_from(grace.as_millis()).unwrap_or(u64::MAX));
        let ended = inner.change(tenant, id, |record| {
            let expires_ms = Some(record.expires_ms.map_or(end_ms, |own| own.min(end_ms)));
            Ok(Record { expires_ms, ..record.clone() })
        });
        match ended.await {
            Ok(record) => Ok((made, record.stored(id, inner.clock.now_ms()))),
            Err(error) => {
                // Nobody has seen the new key, and nobody will.
                if let (Ok(store), Ok(key)) = (inner.store(), object_key(made.stored.id)) {
                    let _left_over = store.delete(&key).await;
                    inner.remember(made.stored.id, None, inner.clock.uptime_ms());
                }
                Err(error)
            }
        }
    }

    async fn revoke(&self, tenant: Option<&Tenant>, id: Uuid) -> Result<(), KeyError> {
        let now_ms = self.0.clock.now_ms();
        let revoked = self.0.change(tenant, id, |record| {
            Ok(Record { revoked_ms: record.revoked_ms.or(Some(now_ms)), ..record.clone() })
        });
        revoked.await.map(drop)
    }
}

#[cfg(test)]
mod tests;
