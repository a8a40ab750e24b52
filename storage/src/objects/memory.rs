//! A store in memory with a schedule of faults, for tests and simulations.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use super::{ETag, Head, Key, LIST_LIMIT_MAX, Listed, Object, ObjectStore, PutOutcome, StoreError};

/// What happens to one operation of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing; the operation is done.
    None,
    /// The request never arrives: a write is `Unknown` and not applied, a read fails.
    Lost,
    /// The write is applied but its answer is lost; a read fails.
    AnswerLost,
    /// The condition of a write is ignored, as some servers do; for testing the probe.
    ConditionIgnored,
    /// One bit of what is read (not of what is kept) is flipped.
    BitFlipped,
}

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<Key, (Bytes, u64)>,
    next_version: u64,
    faults: VecDeque<Fault>,
    forever: Option<Fault>,
    now_ms: u64,
}

/// Objects in memory. Faults strike operations in the order in which they were scheduled.
#[derive(Debug, Default)]
pub struct Memory(Mutex<State>);

impl Memory {
    /// An empty store without faults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The next operations meet these faults, one each, after those scheduled before.
    pub fn schedule(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state().faults.extend(faults);
    }

    /// Every operation without a scheduled fault meets this one; `None` ends that.
    pub fn always(&self, fault: Option<Fault>) {
        self.state().forever = fault;
    }

    /// Sets what the store gives as the time of a modification.
    pub fn set_now_ms(&self, now_ms: u64) {
        self.state().now_ms = now_ms;
    }

    /// Damages the object that is kept: flips the bit `bit` (counted from the first byte, modulo the length).
    pub fn flip(&self, key: &Key, bit: usize) {
        if let Some((bytes, _)) = self.state().objects.get_mut(key) {
            *bytes = flipped(bytes, bit);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(
        &self,
        key: &Key,
        bytes: Bytes,
        refused: impl Fn(Option<u64>) -> Option<PutOutcome>,
    ) -> PutOutcome {
        let mut state = self.state();
        let fault = state.fault();
        if fault == Fault::Lost {
            return PutOutcome::Unknown(lost());
        }
        let held = state.objects.get(key).map(|(_, version)| *version);
        if fault != Fault::ConditionIgnored
            && let Some(refusal) = refused(held)
        {
            return if fault == Fault::AnswerLost { PutOutcome::Unknown(lost()) } else { refusal };
        }
        state.next_version += 1;
        let version = state.next_version;
        state.objects.insert(key.clone(), (bytes, version));
        if fault == Fault::AnswerLost { PutOutcome::Unknown(lost()) } else { PutOutcome::Done(tag(version)) }
    }
}

impl State {
    fn fault(&mut self) -> Fault {
        self.faults.pop_front().or(self.forever).unwrap_or(Fault::None)
    }

    /// The fault of a read, or the error that it means.
    fn read_fault(&mut self) -> Result<Fault, StoreError> {
        match self.fault() {
            Fault::Lost | Fault::AnswerLost => Err(lost()),
            fault => Ok(fault),
        }
    }
}

fn lost() -> StoreError {
    StoreError::Unreachable { what: "the answer was lost (scheduled fault)".to_owned() }
}

fn tag(version: u64) -> ETag {
    ETag(version.to_string())
}

fn flipped(bytes: &Bytes, bit: usize) -> Bytes {
    let mut bytes = bytes.to_vec();
    let length = bytes.len().max(1);
    if let Some(byte) = bytes.get_mut(bit / 8 % length) {
        *byte ^= 1 << (bit % 8);
    }
    bytes.into()
}

#[async_trait]
impl ObjectStore for Memory {
    async fn put_new(&self, key: &Key, bytes: Bytes) -> PutOutcome {
        // A yield where a real store would wait, so that racing tasks do interleave.
        tokio::task::yield_now().await;
        self.write(key, bytes, |held| held.map(|_| PutOutcome::Exists))
    }

    async fn put_if(&self, key: &Key, etag: &ETag, bytes: Bytes) -> PutOutcome {
        tokio::task::yield_now().await;
        self.write(key, bytes, |held| (held.map(tag).as_ref() != Some(etag)).then_some(PutOutcome::Changed))
    }

    async fn put_file_new(&self, key: &Key, file: &Path) -> PutOutcome {
        match tokio::fs::read(file).await {
            Ok(bytes) => self.put_new(key, bytes.into()).await,
            Err(e) => PutOutcome::Unknown(StoreError::Io {
                doing: "reading",
                path: file.to_path_buf(),
                source: std::sync::Arc::new(e),
            }),
        }
    }

    async fn get(&self, key: &Key) -> Result<Option<Object>, StoreError> {
        tokio::task::yield_now().await;
        let mut state = self.state();
        let fault = state.read_fault()?;
        Ok(state.objects.get(key).map(|(bytes, version)| Object {
            bytes: if fault == Fault::BitFlipped { flipped(bytes, 8 * 7 + 3) } else { bytes.clone() },
            etag: tag(*version),
        }))
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Option<Bytes>, StoreError> {
        let Some(object) = self.get(key).await? else { return Ok(None) };
        let size_bytes = object.bytes.len() as u64;
        if range.start > range.end || range.end > size_bytes {
            return Err(StoreError::Range {
                key: key.clone(),
                start: range.start,
                end: range.end,
                size_bytes,
            });
        }
        // Within the length of something that is in memory, so both fit.
        #[expect(clippy::cast_possible_truncation, reason = "checked against the length just above")]
        Ok(Some(object.bytes.slice(range.start as usize..range.end as usize)))
    }

    async fn head(&self, key: &Key) -> Result<Option<Head>, StoreError> {
        let mut state = self.state();
        state.read_fault()?;
        let modified_ms = state.now_ms;
        Ok(state.objects.get(key).map(|(bytes, version)| Head {
            size_bytes: bytes.len() as u64,
            etag: Some(tag(*version)),
            modified_ms,
        }))
    }

    async fn list_after(
        &self,
        prefix: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Listed>, StoreError> {
        tokio::task::yield_now().await;
        let mut state = self.state();
        state.read_fault()?;
        let wanted = |key: &Key| key.as_str().starts_with(prefix) && after.is_none_or(|after| key > after);
        let found = state.objects.iter().filter(|(key, _)| wanted(key));
        let listed =
            found.map(|(key, (bytes, _))| Listed { key: key.clone(), size_bytes: bytes.len() as u64 });
        Ok(listed.take(limit.min(LIST_LIMIT_MAX)).collect())
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        let mut state = self.state();
        match state.fault() {
            Fault::Lost => Err(lost()),
            fault => {
                state.objects.remove(key);
                if fault == Fault::AnswerLost { Err(lost()) } else { Ok(()) }
            }
        }
    }
}
