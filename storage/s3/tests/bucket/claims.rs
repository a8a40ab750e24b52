//! Many claimants fight for one shard in a real bucket, and every epoch has one owner.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use enabler_cluster::net::NodeId;
use enabler_cluster::owner::{FollowError, Follower, Means, OwnError, Owner};
use enabler_s3::{Bucket, Settings, Timeouts};
use enabler_sim_servers::{Line, Mode};
use enabler_storage::chance::{Chance, SeededChance};
use enabler_storage::clock::SystemClock;
use enabler_storage::log::{self, LogError, Position, SealedEntry};
use enabler_storage::objects::{ETag, Head, Key, Listed, Object, ObjectStore, PutOutcome, StoreError};
use enabler_storage::record::{DocumentId, Op};

use crate::store::{open, own_server, server, settings};

/// Claimants and claims of a test, and of a soak (`RAG_ENABLER_SOAK`).
const SMALL: (usize, u64) = (50, 500);
const SOAK: (usize, u64) = (1_000, 20_000);
const SHARD: u32 = 7;
/// The longest rest between two claims of one claimant.
const REST_MS_MAX: u64 = 50;

/// A claim that ended in ownership: its fence, and what it wrote then, if that was acknowledged.
#[derive(Debug)]
struct Reign {
    epoch: u64,
    writer: u128,
    fence: u64,
    written: Option<u64>,
}

#[derive(Debug, Default)]
struct Fight {
    /// Claims that were begun.
    begun: AtomicU64,
    yielded: AtomicU64,
    /// Claims that ended without an answer of the store. They are claimed again and do not count.
    unanswered: AtomicU64,
    reigns: Mutex<Vec<Reign>>,
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
        if let Some(entry) = self.entries.lock().unwrap().get(key) {
            return Ok(Some(entry.clone()));
        }
        let found = self.bucket.get(key).await?;
        if let Some(found) = &found
            && key.as_str().starts_with(&log::entry_prefix(SHARD))
        {
            self.entries.lock().unwrap().insert(key.clone(), found.clone());
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_claimants_every_epoch_has_one_owner() {
    #[expect(clippy::disallowed_methods, reason = "a soak is asked for this way")]
    let (claimants, claims) = if std::env::var_os("RAG_ENABLER_SOAK").is_some() { SOAK } else { SMALL };
    let server = own_server().await;
    // A busy machine takes its time; an answer that comes late would only be asked for again.
    let second = Duration::from_secs(1);
    let timeouts = Timeouts { connect: 20 * second, attempt: 60 * second, operation: 300 * second };
    let bucket = open(Settings { timeouts, ..settings(&server.url()) }).await;
    let store = Arc::new(Shared { bucket: bucket.clone(), entries: Mutex::default() });
    let fight = Arc::new(Fight::default());
    let began = tokio::time::Instant::now();
    let fighters: Vec<_> = (0..claimants)
        .map(|number| tokio::spawn(claim_again_and_again(number, claims, store.clone(), fight.clone())))
        .collect();
    for fighter in fighters {
        fighter.await.unwrap();
    }
    let reigns = std::mem::take(&mut *fight.reigns.lock().unwrap());
    let yielded = fight.yielded.load(Ordering::SeqCst);
    assert_eq!(reigns.len() as u64 + yielded, claims);
    assert!(!reigns.is_empty() && yielded > 0, "there was no fight");
    let length = one_owner_per_epoch(&bucket, &store, &reigns).await;
    eprintln!(
        "{claimants} claimants, {claims} claims in {:.0?}: {} owned, {yielded} yielded, {} unanswered; {} entries were \
         acknowledged after the fence; the log has {length} entries",
        began.elapsed(),
        reigns.len(),
        fight.unanswered.load(Ordering::SeqCst),
        reigns.iter().filter(|reign| reign.written.is_some()).count(),
    );
}

async fn claim_again_and_again(number: usize, claims: u64, store: Arc<Shared>, fight: Arc<Fight>) {
    let chance = Arc::new(SeededChance::new(number as u64));
    let mut end = End::default();
    loop {
        let begun = fight.begun.fetch_add(1, Ordering::SeqCst);
        if begun >= claims {
            return;
        }
        if begun > 0 && begun.is_multiple_of(1_000) {
            eprintln!("{begun} of {claims} claims begun");
        }
        let means = Means {
            store: store.clone(),
            clock: Arc::new(SystemClock),
            chance: chance.clone(),
            node: NodeId { name: format!("claimant-{number}"), generation: 1 },
            keeps: log::MIN_AGE,
        };
        match Owner::claim(means, SHARD, &mut end).await {
            Ok(owner) => {
                let reign = reign(owner, &mut end).await;
                fight.reigns.lock().unwrap().push(reign);
            }
            Err(OwnError::Superseded { .. }) => {
                fight.yielded.fetch_add(1, Ordering::SeqCst);
            }
            Err(error) if is_silence(&error) => {
                fight.unanswered.fetch_add(1, Ordering::SeqCst);
                fight.begun.fetch_sub(1, Ordering::SeqCst);
            }
            Err(error) => panic!("claimant {number}: {error:?}"),
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
async fn reign(mut owner: Owner, end: &mut End) -> Reign {
    let fence = end.last.clone().expect("an owner has applied its own fence").entry;
    assert_eq!((fence.epoch, &fence.ops), (owner.epoch(), &vec![Op::Fence]));
    let id = DocumentId(u128::from(fence.epoch).to_be_bytes());
    let op = Op::Deleted { document_id: id, reason: "requested".to_owned() };
    let written = match owner.append(vec![op], end).await {
        Ok(seq) => Some(seq),
        Err(OwnError::Superseded { epoch, .. }) => {
            assert!(epoch > fence.epoch);
            None
        }
        Err(error) if is_silence(&error) => None,
        Err(error) => panic!("the owner of epoch {}: {error:?}", fence.epoch),
    };
    Reign { epoch: fence.epoch, writer: fence.writer, fence: fence.seq, written }
}

#[tokio::test]
async fn what_an_owner_appends_over_a_line_that_loses_answers_is_in_the_log_once() {
    let server = server().await;
    let line = Line::to(SocketAddr::from(([127, 0, 0, 1], server.port()))).await.unwrap();
    let place = settings(&format!("http://127.0.0.1:{}", line.port()));
    let far = open(place.clone()).await;
    let near = open(Settings { endpoint: Some(server.url()), ..place }).await;
    let means = Means {
        store: Arc::new(far),
        clock: Arc::new(SystemClock),
        chance: Arc::new(SeededChance::new(1)),
        node: NodeId { name: "node".to_owned(), generation: 1 },
        keeps: log::MIN_AGE,
    };
    let mut end = End::default();
    let mut owner = Owner::claim(means, SHARD, &mut end).await.unwrap();
    let mut acknowledged = Vec::new();
    for number in 0..30_u8 {
        // The answer to the append is lost, and every third time the answer to the first read-back as well.
        line.set(Mode::CutAnswers);
        let until = line.struck() + if number % 3 == 0 { 2 } else { 1 };
        let heal = async {
            while line.struck() < until {
                tokio::task::yield_now().await;
            }
            line.set(Mode::Pass);
        };
        let op = Op::Deleted { document_id: DocumentId([number; 16]), reason: "requested".to_owned() };
        let (appended, ()) = tokio::join!(owner.append(vec![op.clone()], &mut end), heal);
        acknowledged.push((appended.unwrap(), vec![op]));
    }
    let mut replay = log::replay(Arc::new(near), SHARD, Position::default());
    assert_eq!(replay.next().await.unwrap().unwrap().entry.ops, [Op::Fence]);
    for (seq, ops) in acknowledged {
        let entry = replay.next().await.unwrap().unwrap().entry;
        assert_eq!((entry.seq, entry.ops), (seq, ops));
    }
    assert!(replay.next().await.unwrap().is_none(), "an entry is there twice");
}

/// Reads the whole log from the server, which verifies its chain, and holds what the claimants were told to it.
async fn one_owner_per_epoch(bucket: &Bucket, store: &Shared, reigns: &[Reign]) -> usize {
    let mut entries = Vec::new();
    let mut replay = log::replay(Arc::new(bucket.clone()), SHARD, Position::default());
    while let Some(entry) = replay.next().await.unwrap() {
        entries.push(entry);
    }
    let mut writers = BTreeMap::new();
    for SealedEntry { entry, .. } in &entries {
        let is_fence = entry.ops == [Op::Fence];
        let is_new = !writers.contains_key(&entry.epoch);
        let writer = *writers.entry(entry.epoch).or_insert(entry.writer);
        assert_eq!(writer, entry.writer, "two writers in epoch {}", entry.epoch);
        // The first entry of an epoch is its fence, and it has no other.
        assert_eq!(is_fence, is_new, "entry {} of epoch {}", entry.seq, entry.epoch);
    }
    let mut owners = BTreeMap::new();
    for reign in reigns {
        let before = owners.insert(reign.epoch, reign.writer);
        assert_eq!(before, None, "two owners of epoch {}", reign.epoch);
        assert_eq!(writers.get(&reign.epoch), Some(&reign.writer), "{reign:?}");
        for seq in [Some(reign.fence), reign.written].into_iter().flatten() {
            let entry = &entries[usize::try_from(seq).unwrap() - 1].entry;
            assert_eq!((entry.seq, entry.epoch, entry.writer), (seq, reign.epoch, reign.writer));
        }
    }
    let manifest = log::read_manifest(bucket, SHARD).await.unwrap().unwrap().value;
    assert!(manifest.epoch >= *writers.keys().next_back().unwrap());
    // What the claimants have read on their way is what the log still says.
    for (key, read) in store.entries.lock().unwrap().iter() {
        let seq: usize = key.as_str().rsplit('/').next().unwrap().parse().unwrap();
        assert_eq!(read.bytes, entries[seq - 1].bytes, "{key} has changed");
    }
    entries.len()
}
