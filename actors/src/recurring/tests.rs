use std::ops::Range;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use enabler_cluster::address::Address;
use enabler_cluster::decide::restart::Policy;
use enabler_cluster::supervisor::{self, Child, Handle};
use enabler_cluster::tree::Tree;
use enabler_storage::objects::{Head, Key, Listed, Memory, Object, PutOutcome, StoreError};
use tokio::time::Instant;

use super::*;

const LEASE: Duration = Duration::from_secs(30);

/// The time of the test, which passes as fast as nobody works.
struct TestClock(Instant);

impl Clock for TestClock {
    fn now_ms(&self) -> u64 {
        1_800_000_000_000 + self.uptime_ms()
    }

    fn uptime_ms(&self) -> u64 {
        self.0.elapsed().as_millis() as u64
    }
}

/// One node's way to the store, which can be cut.
#[derive(Debug, Default)]
struct Line {
    store: Arc<Memory>,
    is_cut: AtomicBool,
}

impl Line {
    fn open(&self) -> Result<&Memory, StoreError> {
        if self.is_cut.load(Ordering::SeqCst) {
            return Err(StoreError::Unreachable { what: "the line is cut".to_owned() });
        }
        Ok(&self.store)
    }
}

#[async_trait]
impl ObjectStore for Line {
    async fn put_new(&self, key: &Key, bytes: Bytes) -> PutOutcome {
        match self.open() {
            Ok(store) => store.put_new(key, bytes).await,
            Err(error) => PutOutcome::Unknown(error),
        }
    }

    async fn put_if(&self, key: &Key, etag: &ETag, bytes: Bytes) -> PutOutcome {
        match self.open() {
            Ok(store) => store.put_if(key, etag, bytes).await,
            Err(error) => PutOutcome::Unknown(error),
        }
    }

    async fn put_file_new(&self, key: &Key, file: &Path) -> PutOutcome {
        match self.open() {
            Ok(store) => store.put_file_new(key, file).await,
            Err(error) => PutOutcome::Unknown(error),
        }
    }

    async fn get(&self, key: &Key) -> Result<Option<Object>, StoreError> {
        self.open()?.get(key).await
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Option<Bytes>, StoreError> {
        self.open()?.get_range(key, range).await
    }

    async fn head(&self, key: &Key) -> Result<Option<Head>, StoreError> {
        self.open()?.head(key).await
    }

    async fn list_after(
        &self,
        prefix: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Listed>, StoreError> {
        self.open()?.list_after(prefix, after, limit).await
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        self.open()?.delete(key).await
    }
}

/// A job of 100 steps of a second each, which notes who works when.
#[derive(Default)]
struct Work {
    at_work: AtomicU64,
    steps: AtomicU64,
    ended: AtomicU64,
    met: AtomicBool,
}

struct AtWork<'a>(&'a Work);

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.0.at_work.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Job for Work {
    fn name(&self) -> &'static str {
        "work"
    }

    async fn run(&self, hold: &Hold) -> Result<Done, Fault> {
        if self.at_work.fetch_add(1, Ordering::SeqCst) > 0 {
            self.met.store(true, Ordering::SeqCst);
        }
        let _at_work = AtWork(self);
        for _ in 0..100 {
            hold.check()?;
            self.steps.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        hold.check()?;
        self.ended.fetch_add(1, Ordering::SeqCst);
        Ok(Done { touched: 100, detail: "100 steps".to_owned() })
    }
}

struct Node {
    line: Arc<Line>,
    handle: Handle,
}

async fn node(number: u64, store: &Arc<Memory>, clock: &Arc<dyn Clock>, work: &Arc<Work>) -> Node {
    let line = Arc::new(Line { store: store.clone(), is_cut: AtomicBool::new(false) });
    let me = NodeId { name: format!("n{number}"), generation: u128::from(number) << 64 };
    let jobs = vec![Entry { job: work.clone() as Arc<dyn Job>, every_ms: Some(24 * 3_600_000) }];
    let scheduler = Scheduler { store: line.clone(), clock: clock.clone(), me, lease: LEASE, jobs };
    let tree = Tree::new(clock.clone());
    let address = Address::new("node/scheduler", 8);
    let own = tree.clone();
    let child = Child::new("node/scheduler", move |above| {
        let (scheduler, address, tree) = (scheduler.clone(), address.clone(), own.clone());
        async move { enabler_cluster::actor::spawn(scheduler, address, &tree, above).await }
    });
    let handle = supervisor::spawn("node", Policy::default(), vec![child], &tree, None).await.unwrap();
    Node { line, handle }
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

async fn lease(store: &Memory) -> LeaseRecord {
    record::read_lease(store).await.unwrap().unwrap().0
}

#[tokio::test(start_paused = true)]
async fn a_job_whose_node_is_cut_off_goes_on_on_another_and_ends_once() {
    let (store, work) = (Arc::new(Memory::new()), Arc::new(Work::default()));
    let clock: Arc<dyn Clock> = Arc::new(TestClock(Instant::now()));
    let mut nodes = Vec::new();
    for number in 1..=3 {
        nodes.push(node(number, &store, &clock, &work).await);
    }
    pass(40).await;
    let first = lease(&store).await;
    assert_eq!(work.at_work.load(Ordering::SeqCst), 1);
    let holder: usize = first.node.trim_start_matches('n').parse().unwrap();
    nodes[holder - 1].line.is_cut.store(true, Ordering::SeqCst);
    pass(20).await;
    let stopped = work.steps.load(Ordering::SeqCst);
    assert_eq!(work.at_work.load(Ordering::SeqCst), 0, "who reaches no store stops before the others begin");
    pass(30).await;
    let second = lease(&store).await;
    assert!(second.epoch > first.epoch && second.node != first.node, "{second:?} after {first:?}");
    assert!(work.steps.load(Ordering::SeqCst) > stopped);
    // It comes back while the other is at work, and finds itself fenced.
    nodes[holder - 1].line.is_cut.store(false, Ordering::SeqCst);
    pass(200).await;
    assert!(!work.met.load(Ordering::SeqCst), "two nodes were at work at once");
    assert_eq!(work.ended.load(Ordering::SeqCst), 1);
    let (found, _) = record::read_job(&*store, "work").await.unwrap();
    let last = found.last.unwrap();
    assert_eq!((found.runs, found.begun, last.number, &*last.node), (1, None, 1, &*second.node));
    assert_eq!((last.has_failed, last.touched), (false, 100));
    for node in &nodes {
        node.handle.stop(Duration::from_secs(5)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_that_stops_in_peace_hands_the_work_over_at_once_and_who_asks_gets_a_run() {
    let (store, work) = (Arc::new(Memory::new()), Arc::new(Work::default()));
    let clock: Arc<dyn Clock> = Arc::new(TestClock(Instant::now()));
    let one = node(1, &store, &clock, &work).await;
    pass(150).await;
    assert_eq!(record::read_job(&*store, "work").await.unwrap().0.runs, 1);
    let two = node(2, &store, &clock, &work).await;
    pass(10).await;
    one.handle.stop(Duration::from_secs(5)).await;
    pass(6).await;
    assert_eq!(&*lease(&store).await.node, "n2");
    ask_for(&*store, "work", "ana", "to see it", clock.now_ms()).await.unwrap();
    pass(150).await;
    let (found, _) = record::read_job(&*store, "work").await.unwrap();
    assert_eq!((found.runs, found.asked), (2, None));
    assert_eq!(&*found.last.unwrap().node, "n2");
    two.handle.stop(Duration::from_secs(5)).await;
}
