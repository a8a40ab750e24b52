//! Many claimants fight for one shard in a real bucket, and every epoch must have one owner.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use enabler_cluster::decide::claim::WHOEVER_HOLDS;
use enabler_cluster::net::NodeId;
use enabler_cluster::owner::{FollowError, Follower, Means, OwnError, Owner};
use enabler_config::Secret;
use enabler_s3::{Bucket, Settings, Timeouts};
use enabler_sim_servers::Ministack;
use enabler_storage::chance::{Chance, SeededChance};
use enabler_storage::clock::SystemClock;
use enabler_storage::log::{self, LogError, Position, SealedEntry};
use enabler_storage::objects::{ETag, Head, Key, Listed, Object, ObjectStore, PutOutcome, StoreError};
use enabler_storage::record::{DocumentId, Op};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::error::LiveError;

const BUCKET: &str = "claims";
const SHARD: u32 = 7;
/// The longest rest between two claims of one claimant.
const REST_MS_MAX: u64 = 50;
/// Claims between two words of progress.
const TOLD_EVERY: u64 = 1_000;
/// Broken promises that are written out; the rest is only counted.
const WRITTEN_MAX: usize = 20;

/// How many fight, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fight {
    /// Claimants, all of them in this process.
    pub claimants: usize,
    /// Claims that end with an answer, all together.
    pub claims: u64,
}

/// What a fight came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fought {
    /// Claims that ended in ownership.
    pub owned: u64,
    /// Claims that gave way to somebody else's.
    pub yielded: u64,
    /// Claims that ended without an answer of the store; they were made again.
    pub unanswered: u64,
    /// Owners whose entry behind the fence was acknowledged.
    pub acknowledged: u64,
    /// Entries of the log in the end.
    pub entries: u64,
    /// How long they fought.
    pub took: Duration,
    /// The first broken promises.
    pub violations: Vec<String>,
    /// Broken promises, all told.
    pub violations_count: usize,
}

/// A claim that ended in ownership: its fence, and what it wrote then, if that was acknowledged.
#[derive(Debug)]
struct Reign {
    epoch: u64,
    writer: u128,
    fence: u64,
    written: Option<u64>,
}

#[derive(Debug, Default)]
struct Field {
    /// Claims that were begun.
    begun: AtomicU64,
    yielded: AtomicU64,
    unanswered: AtomicU64,
    reigns: Mutex<Vec<Reign>>,
    violations: Mutex<Violations>,
}

#[derive(Debug, Default)]
struct Violations {
    written: Vec<String>,
    count: usize,
}

impl Violations {
    fn add(&mut self, what: String) {
        self.count += 1;
        if self.written.len() < WRITTEN_MAX {
            self.written.push(what);
        }
    }
}

fn open<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets them fight for one shard of a bucket on a server of their own, then reads its log and holds what they were told to
/// it. `tell` hears how many claims were begun.
///
/// # Errors
/// When the server cannot be started or its bucket not be read in the end. A broken promise is no error.
pub async fn fight(
    fight: Fight,
    tell: impl Fn(u64) + Clone + Send + Sync + 'static,
) -> Result<Fought, LiveError> {
    let server = Ministack::start().await?;
    server.create_bucket(BUCKET).await?;
    let bucket = bucket(&server.url()).await?;
    let store = Arc::new(Shared { bucket: bucket.clone(), entries: Mutex::default() });
    let field = Arc::new(Field::default());
    let began = Instant::now();
    let mut claimants = JoinSet::new();
    for number in 0..fight.claimants {
        let (store, field, tell) = (store.clone(), field.clone(), tell.clone());
        claimants.spawn(async move { again_and_again(number, fight.claims, &store, &field, tell).await });
    }
    while let Some(ended) = claimants.join_next().await {
        if let Err(error) = ended {
            open(&field.violations).add(format!("a claimant has failed: {error}"));
        }
    }
    let took = began.elapsed();
    let reigns = std::mem::take(&mut *open(&field.reigns));
    let entries = whole_log(&bucket, &field).await?;
    judge(&entries, &reigns, &field);
    what_was_read(&entries, &store, &field);
    let manifest = log::read_manifest(&bucket, SHARD).await;
    let manifest = manifest.map_err(LiveError::store("reading the manifest"))?;
    let epoch = manifest.map_or(0, |found| found.value.epoch);
    if entries.iter().any(|entry| entry.entry.epoch > epoch) {
        open(&field.violations).add(format!("the log is beyond epoch {epoch} of the manifest"));
    }
    let violations = std::mem::take(&mut *open(&field.violations));
    let (yielded, unanswered) = (&field.yielded, &field.unanswered);
    Ok(Fought {
        owned: reigns.len() as u64,
        yielded: yielded.load(Ordering::SeqCst),
        unanswered: unanswered.load(Ordering::SeqCst),
        acknowledged: reigns.iter().filter(|reign| reign.written.is_some()).count() as u64,
        entries: entries.len() as u64,
        took,
        violations: violations.written,
        violations_count: violations.count,
    })
}

async fn bucket(endpoint: &str) -> Result<Bucket, LiveError> {
    // A busy machine takes its time; an answer that comes late would only be asked for again.
    let second = Duration::from_secs(1);
    let settings = Settings {
        endpoint: Some(endpoint.to_owned()),
        path_style: true,
        access_key: Some(Secret::new("test")),
        secret_key: Some(Secret::new("test")),
        timeouts: Timeouts { connect: 20 * second, attempt: 60 * second, operation: 300 * second },
        ..Settings::new(BUCKET, "us-east-1")
    };
    Bucket::open(settings).await.map_err(LiveError::store("opening the bucket"))
}

/// Follows the log by remembering where it ends.
#[derive(Default)]
struct End {
    position: Position,
    last: Option<SealedEntry>,
}

impl Follower for End {
    fn position(&self) -> Position {
        self.position
    }

    async fn apply(&mut self, entry: &SealedEntry) -> Result<(), FollowError> {
        self.position = self.position.follow(entry).map_err(|error| FollowError::Index(error.to_string()))?;
        self.last = Some(entry.clone());
        Ok(())
    }
}

/// The bucket, with every entry of the log read from it once: a thousand claimants of one process would
/// otherwise each read the whole log, and the server would do nothing else. Everything else goes to the server.
#[derive(Debug)]
struct Shared {
    bucket: Bucket,
    entries: Mutex<BTreeMap<Key, Object>>,
}

#[async_trait]
impl ObjectStore for Shared {
    async fn put_new(&self, key: &Key, bytes: Bytes) -> PutOutcome {
        self.bucket.put_new(key, bytes).await
    }

    async fn put_if(&self, key: &Key, etag: &ETag, bytes: Bytes) -> PutOutcome {
        self.bucket.put_if(key, etag, bytes).await
    }

    async fn put_file_new(&self, key: &Key, file: &Path) -> PutOutcome {
        self.bucket.put_file_new(key, file).await
    }

    async fn get(&self, key: &Key) -> Result<Option<Object>, StoreError> {
        if let Some(entry) = open(&self.entries).get(key) {
            return Ok(Some(entry.clone()));
        }
        let found = self.bucket.get(key).await?;
        if let Some(found) = &found
            && key.as_str().starts_with(&log::entry_prefix(SHARD))
        {
            open(&self.entries).insert(key.clone(), found.clone());
        }
        Ok(found)
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Option<Bytes>, StoreError> {
        self.bucket.get_range(key, range).await
    }

    async fn head(&self, key: &Key) -> Result<Option<Head>, StoreError> {
        self.bucket.head(key).await
    }

    async fn list_after(
        &self,
        prefix: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Listed>, StoreError> {
        self.bucket.list_after(prefix, after, limit).await
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        self.bucket.delete(key).await
    }
}

async fn again_and_again(
    number: usize,
    claims: u64,
    store: &Arc<Shared>,
    field: &Field,
    tell: impl Fn(u64) + Send,
) {
    let chance = Arc::new(SeededChance::new(number as u64));
    let mut end = End::default();
    loop {
        let begun = field.begun.fetch_add(1, Ordering::SeqCst);
        if begun >= claims {
            return;
        }
        if begun > 0 && begun.is_multiple_of(TOLD_EVERY) {
            tell(begun);
        }
        let means = Means {
            store: store.clone(),
            clock: Arc::new(SystemClock),
            chance: chance.clone(),
            node: NodeId { name: format!("claimant-{number}"), generation: 1 },
            keeps: log::MIN_AGE,
        };
        match Owner::claim(means, SHARD, WHOEVER_HOLDS, &mut end).await {
            Ok(owner) => {
                if let Some(reign) = reign(owner, &mut end, field).await {
                    open(&field.reigns).push(reign);
                }
            }
            Err(OwnError::Superseded { .. }) => {
                field.yielded.fetch_add(1, Ordering::SeqCst);
            }
            Err(error) if is_silence(&error) => {
                field.unanswered.fetch_add(1, Ordering::SeqCst);
                field.begun.fetch_sub(1, Ordering::SeqCst);
            }
            Err(error) => {
                return open(&field.violations).add(format!("claimant {number} was told: {error:?}"));
            }
        }
        tokio::time::sleep(Duration::from_millis(chance.next_u64() % REST_MS_MAX)).await;
    }
}

fn is_silence(error: &OwnError) -> bool {
    matches!(
        error,
        OwnError::Unavailable { .. }
            | OwnError::Undecided { .. }
            | OwnError::Log { source: LogError::Store { .. }, .. }
    )
}

/// Writes one entry as the owner, which a later owner may prevent.
async fn reign(mut owner: Owner, end: &mut End, field: &Field) -> Option<Reign> {
    let wrong = |what: String| {
        open(&field.violations).add(what);
        None
    };
    let Some(fence) = end.last.clone().map(|last| last.entry) else {
        return wrong(format!("the owner of epoch {} has not applied its own fence", owner.epoch()));
    };
    if (fence.epoch, &fence.ops[..]) != (owner.epoch(), &[Op::Fence][..]) {
        return wrong(format!("the owner of epoch {} begins behind {fence:?}", owner.epoch()));
    }
    let id = DocumentId(u128::from(fence.epoch).to_be_bytes());
    let op = Op::Deleted { document_id: id, reason: "requested".to_owned() };
    let written = match owner.append(vec![op], end).await {
        Ok(seq) => Some(seq),
        Err(OwnError::Superseded { epoch, .. }) if epoch > fence.epoch => None,
        Err(error) if is_silence(&error) => None,
        Err(error) => return wrong(format!("the owner of epoch {} was told: {error:?}", fence.epoch)),
    };
    Some(Reign { epoch: fence.epoch, writer: fence.writer, fence: fence.seq, written })
}

/// Reads the whole log from the server, which verifies its chain.
async fn whole_log(bucket: &Bucket, field: &Field) -> Result<Vec<SealedEntry>, LiveError> {
    let mut entries = Vec::new();
    let mut replay = log::replay(Arc::new(bucket.clone()), SHARD, Position::default());
    loop {
        match replay.next().await {
            Ok(Some(entry)) => entries.push(entry),
            Ok(None) => return Ok(entries),
            Err(error @ LogError::Store { .. }) => return Err(LiveError::store("reading the log")(error)),
            Err(error) => {
                open(&field.violations).add(format!("the log is no chain: {error}"));
                return Ok(entries);
            }
        }
    }
}

/// Every epoch has one writer, who begins it with its fence, and every owner finds in the log what it was told.
fn judge(entries: &[SealedEntry], reigns: &[Reign], field: &Field) {
    let mut violations = open(&field.violations);
    let mut writers: BTreeMap<u64, u128> = BTreeMap::new();
    for SealedEntry { entry, .. } in entries {
        let is_new = !writers.contains_key(&entry.epoch);
        let writer = *writers.entry(entry.epoch).or_insert(entry.writer);
        if writer != entry.writer {
            violations.add(format!("two writers in epoch {}", entry.epoch));
        }
        if (entry.ops == [Op::Fence]) != is_new {
            violations.add(format!("entry {} of epoch {} should be its one fence", entry.seq, entry.epoch));
        }
    }
    let mut owners = BTreeMap::new();
    for reign in reigns {
        if owners.insert(reign.epoch, reign.writer).is_some() {
            violations.add(format!("two owners of epoch {}", reign.epoch));
        }
        for seq in [Some(reign.fence), reign.written].into_iter().flatten() {
            let place = usize::try_from(seq).ok().and_then(|seq| seq.checked_sub(1));
            let entry = place.and_then(|place| entries.get(place)).map(|sealed| &sealed.entry);
            let is_its_own =
                entry.is_some_and(|entry| (entry.epoch, entry.writer) == (reign.epoch, reign.writer));
            if !is_its_own {
                violations.add(format!("entry {seq} was acknowledged to {reign:?} and is {entry:?}"));
            }
        }
    }
}

/// What the claimants have read on their way is what the log still says.
fn what_was_read(entries: &[SealedEntry], store: &Shared, field: &Field) {
    for (key, read) in open(&store.entries).iter() {
        let seq = key.as_str().rsplit('/').next().and_then(|seq| seq.parse::<usize>().ok());
        let entry = seq.and_then(|seq| entries.get(seq.checked_sub(1)?));
        if entry.is_none_or(|entry| entry.bytes != read.bytes) {
            open(&field.violations).add(format!("`{key}` has changed"));
        }
    }
}

#[cfg(test)]
mod tests;
