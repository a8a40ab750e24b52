//! What was done under which `Idempotency-Key`, in the object store: one object per key, changed only on condition.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use enabler_http::{ApiError, Begun, Done, LEASE, Ledger, OnceKey, REMEMBERED, Ticket};
use enabler_storage::chance::Chance;
use enabler_storage::clock::Clock;
use enabler_storage::objects::{ETag, Key, LIST_LIMIT_MAX, ObjectStore, PutOutcome, StoreError};
use enabler_storage::sealed::{self, SealError};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Where the objects are.
const PREFIX: &str = "v1/once/";
/// When a client whose key could not be looked up should come back.
const RETRY_AFTER_SECONDS: u64 = 2;
/// How often a race for one key is run again before it is left to the client.
const TRIES_MAX: usize = 4;

/// What stands in one object. Fields are only ever added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
enum Entry {
    Running { holder: String, until_ms: u64 },
    Done { at_ms: u64, fingerprint: String, status: u16, location: Option<String>, body: String },
    // Nothing was done: as if the object were not there.
    Free,
}

/// The ledger of all nodes that share a store.
pub(crate) struct StoreLedger {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) chance: Arc<dyn Chance>,
}

/// What to do about what stands in an object. Pure.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Take { may_have_happened: bool },
    Wait,
    Tell(Done),
}

fn step(entry: Entry, now_ms: u64) -> Step {
    match entry {
        Entry::Free => Step::Take { may_have_happened: false },
        Entry::Running { until_ms, .. } if until_ms > now_ms => Step::Wait,
        Entry::Running { .. } => Step::Take { may_have_happened: true },
        Entry::Done { at_ms, .. } if at_ms.saturating_add(millis(REMEMBERED)) <= now_ms => {
            Step::Take { may_have_happened: false }
        }
        Entry::Done { fingerprint, status, location, body, .. } => {
            Step::Tell(Done { fingerprint, status, location, body: body.into() })
        }
    }
}

fn millis(of: Duration) -> u64 {
    of.as_millis() as u64
}

fn place(key: &OnceKey) -> Result<Key, ApiError> {
    let hex = |text: &str, bytes: usize| -> String {
        Sha256::digest(text).iter().take(bytes).map(|byte| format!("{byte:02x}")).collect()
    };
    let name = format!("{PREFIX}{}/{}.json", hex(key.tenant.name(), 16), hex(&key.key, 32));
    Key::new(name).map_err(|error| ApiError::Internal {
        doing: "naming an idempotency key's object".to_owned(),
        source: Some(error.into()),
    })
}

fn unavailable(error: StoreError) -> ApiError {
    ApiError::Unavailable {
        what: "the object store".to_owned(),
        retry_after_seconds: RETRY_AFTER_SECONDS,
        source: Some(error.into()),
    }
}

fn bytes(entry: &Entry) -> Bytes {
    // Texts and numbers can always be written.
    sealed::seal(entry).unwrap_or_default()
}

impl StoreLedger {
    async fn read(&self, at: &Key) -> Result<Option<(Entry, ETag)>, ApiError> {
        let Some(object) = self.store.get(at).await.map_err(unavailable)? else { return Ok(None) };
        let entry = match sealed::open(&object.bytes) {
            Ok(entry) => entry,
            // What no version of this program can read says nothing that could be repeated.
            Err(SealError::Unknown(_)) => Entry::Free,
            // Whatever was done under the key must not be done again.
            Err(damaged @ SealError::Damaged) => {
                let doing = format!("reading `{at}`, what was answered under this Idempotency-Key");
                return Err(ApiError::Internal { doing, source: Some(damaged.into()) });
            }
        };
        Ok(Some((entry, object.etag)))
    }

    /// Puts `entry` in the place of what `was` read; whether it stands there now.
    async fn put(&self, at: &Key, was: Option<&ETag>, entry: &Entry) -> Result<bool, ApiError> {
        let put = match was {
            None => self.store.put_new(at, bytes(entry)).await,
            Some(etag) => self.store.put_if(at, etag, bytes(entry)).await,
        };
        match put {
            PutOutcome::Done(_) => Ok(true),
            // A refusal may be that of a repetition by the store's client: what stands there decides.
            PutOutcome::Exists | PutOutcome::Changed | PutOutcome::Unknown(_) => {
                Ok(self.read(at).await?.is_some_and(|(found, _)| found == *entry))
            }
        }
    }

    /// What stands under the ticket's key, if its holder still has it.
    async fn held(&self, ticket: &Ticket) -> Result<Option<(Key, ETag)>, ApiError> {
        let at = place(&ticket.key)?;
        Ok(match self.read(&at).await? {
            Some((Entry::Running { holder, .. }, etag)) if holder == ticket.holder => Some((at, etag)),
            _ => None,
        })
    }

    fn running(&self, holder: &str) -> Entry {
        let until_ms = self.clock.now_ms().saturating_add(millis(LEASE));
        Entry::Running { holder: holder.to_owned(), until_ms }
    }
}

#[async_trait]
impl Ledger for StoreLedger {
    async fn begin(&self, key: &OnceKey) -> Result<Begun, ApiError> {
        let at = place(key)?;
        let holder = format!("{:032x}", self.chance.next_u128());
        for _ in 0..TRIES_MAX {
            let found = self.read(&at).await?;
            let (next, etag) = match found {
                None => (Step::Take { may_have_happened: false }, None),
                Some((entry, etag)) => (step(entry, self.clock.now_ms()), Some(etag)),
            };
            match next {
                Step::Wait => return Ok(Begun::Running),
                Step::Tell(done) => return Ok(Begun::Done(done)),
                Step::Take { may_have_happened } => {
                    if self.put(&at, etag.as_ref(), &self.running(&holder)).await? {
                        return Ok(Begun::Fresh(Ticket { key: key.clone(), holder, may_have_happened }));
                    }
                }
            }
        }
        Ok(Begun::Running)
    }

    async fn renew(&self, ticket: &Ticket) -> Result<bool, ApiError> {
        match self.held(ticket).await? {
            Some((at, etag)) => self.put(&at, Some(&etag), &self.running(&ticket.holder)).await,
            None => Ok(false),
        }
    }

    async fn finish(&self, ticket: &Ticket, done: Done) -> Result<(), ApiError> {
        let Done { fingerprint, status, location, body } = done;
        let body = String::from_utf8_lossy(&body).into_owned();
        let entry = Entry::Done { at_ms: self.clock.now_ms(), fingerprint, status, location, body };
        for _ in 0..TRIES_MAX {
            // Somebody else holds the key now: he tells the same answer, for the effect is the same.
            let Some((at, etag)) = self.held(ticket).await? else { return Ok(()) };
            if self.put(&at, Some(&etag), &entry).await? {
                return Ok(());
            }
        }
        Err(ApiError::Unavailable {
            what: "the object store".to_owned(),
            retry_after_seconds: RETRY_AFTER_SECONDS,
            source: None,
        })
    }

    async fn abandon(&self, ticket: &Ticket) {
        match self.held(ticket).await {
            Ok(Some((at, etag))) => {
                if let Err(error) = self.put(&at, Some(&etag), &Entry::Free).await {
                    tracing::debug!(%error, "an idempotency key is free only when its lease ends");
                }
            }
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, "an idempotency key is free only when its lease ends"),
        }
    }
}

/// Removes what need no longer be remembered; says how many.
///
/// # Errors
/// If the store fails; what was removed stays removed.
pub(crate) async fn prune(store: &dyn ObjectStore, now_ms: u64) -> Result<usize, StoreError> {
    // Twice the time that counts: a clock that is a day off removes nothing that a client may still ask for.
    let before_ms = now_ms.saturating_sub(2 * millis(REMEMBERED));
    let (mut after, mut removed) = (None::<Key>, 0);
    loop {
        let listed = store.list_after(PREFIX, after.as_ref(), LIST_LIMIT_MAX).await?;
        let Some(last) = listed.last() else { return Ok(removed) };
        after = Some(last.key.clone());
        for object in listed {
            let head = store.head(&object.key).await?;
            if head.is_some_and(|head| head.modified_ms < before_ms) {
                store.delete(&object.key).await?;
                removed += 1;
            }
        }
    }
}

/// A ledger of a node that is starting or stopping.
pub(crate) struct Closed;

#[async_trait]
impl Ledger for Closed {
    async fn begin(&self, _: &OnceKey) -> Result<Begun, ApiError> {
        Err(ApiError::Unavailable {
            what: "the node, which is starting or stopping,".to_owned(),
            retry_after_seconds: RETRY_AFTER_SECONDS,
            source: None,
        })
    }

    async fn renew(&self, _: &Ticket) -> Result<bool, ApiError> {
        Ok(true)
    }

    async fn finish(&self, _: &Ticket, _: Done) -> Result<(), ApiError> {
        Ok(())
    }

    async fn abandon(&self, _: &Ticket) {}
}

#[cfg(test)]
mod tests {
    use enabler_http::Tenant;
    use enabler_storage::chance::SeededChance;
    use enabler_storage::clock::ManualClock;
    use enabler_storage::objects::Memory;

    use super::*;

    const NOW: u64 = 1_732_000_000_000;

    fn ledger(clock: &Arc<ManualClock>, store: &Arc<Memory>, seed: u64) -> StoreLedger {
        let (store, clock) = (Arc::clone(store) as Arc<dyn ObjectStore>, Arc::clone(clock) as Arc<dyn Clock>);
        StoreLedger { store, clock, chance: Arc::new(SeededChance::new(seed)) }
    }

    fn key(tenant: &str, key: &str) -> OnceKey {
        OnceKey { tenant: Tenant::new(tenant), key: key.to_owned() }
    }

    fn done() -> Done {
        Done {
            fingerprint: "f".into(),
            status: 202,
            location: Some("/v1/documents/1".into()),
            body: "{}".into(),
        }
    }

    async fn ticket(ledger: &StoreLedger, key: &OnceKey) -> Ticket {
        match ledger.begin(key).await.unwrap() {
            Begun::Fresh(ticket) => ticket,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn what_was_done_on_one_node_is_told_on_another_for_a_day() {
        let (clock, store) = (Arc::new(ManualClock::at(NOW)), Arc::new(Memory::new()));
        let (one, other) = (ledger(&clock, &store, 1), ledger(&clock, &store, 2));
        let a = key("ana", "a");
        let held = ticket(&one, &a).await;
        assert_eq!(other.begin(&a).await.unwrap(), Begun::Running);
        one.finish(&held, done()).await.unwrap();
        assert_eq!(other.begin(&a).await.unwrap(), Begun::Done(done()));
        // Another tenant's key of the same name is another key.
        assert!(matches!(other.begin(&key("rui", "a")).await.unwrap(), Begun::Fresh(_)));
        clock.advance(millis(REMEMBERED));
        let again = ticket(&other, &a).await;
        assert!(!again.may_have_happened);
    }

    #[tokio::test]
    async fn a_holder_that_is_gone_is_replaced_and_cannot_speak_afterwards() {
        let (clock, store) = (Arc::new(ManualClock::at(NOW)), Arc::new(Memory::new()));
        let (one, other) = (ledger(&clock, &store, 1), ledger(&clock, &store, 2));
        let a = key("ana", "a");
        let frozen = ticket(&one, &a).await;
        clock.advance(millis(LEASE / 2));
        assert!(one.renew(&frozen).await.unwrap());
        clock.advance(millis(LEASE * 3 / 4));
        assert_eq!(other.begin(&a).await.unwrap(), Begun::Running);
        clock.advance(millis(LEASE));
        let next = ticket(&other, &a).await;
        assert!(next.may_have_happened);
        assert!(!one.renew(&frozen).await.unwrap());
        one.finish(&frozen, Done { fingerprint: "wrong".into(), ..done() }).await.unwrap();
        one.abandon(&frozen).await;
        assert_eq!(one.begin(&a).await.unwrap(), Begun::Running);
        other.finish(&next, done()).await.unwrap();
        assert_eq!(one.begin(&a).await.unwrap(), Begun::Done(done()));
    }

    #[tokio::test]
    async fn what_was_refused_begins_afresh() {
        let (clock, store) = (Arc::new(ManualClock::at(NOW)), Arc::new(Memory::new()));
        let one = ledger(&clock, &store, 1);
        let a = key("ana", "a");
        let held = ticket(&one, &a).await;
        one.abandon(&held).await;
        assert!(!ticket(&one, &a).await.may_have_happened);
    }

    #[tokio::test]
    async fn of_many_that_begin_at_once_one_does_it() {
        let (clock, store) = (Arc::new(ManualClock::at(NOW)), Arc::new(Memory::new()));
        let a = key("ana", "a");
        let tries = (0..32).map(|seed| {
            let (ledger, a) = (ledger(&clock, &store, seed), a.clone());
            tokio::spawn(async move { ledger.begin(&a).await.unwrap() })
        });
        let mut fresh = 0;
        for one in tries.collect::<Vec<_>>() {
            fresh += usize::from(matches!(one.await.unwrap(), Begun::Fresh(_)));
        }
        assert_eq!(fresh, 1);
    }
}
