//! Peers that break the rules, seen from inside: no honest node can be made to do this.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use enabler_cluster::decide::restart::Policy;
use enabler_cluster::net::{Incoming, Refused};
use enabler_cluster::supervisor;
use enabler_cluster::tree::Tree;
use enabler_storage::clock::SystemClock;

use super::*;
use crate::link::Link;
use crate::wire::{Header, Lane};

struct Hang;

#[async_trait]
impl Service for Hang {
    async fn serve(&self, _: &NodeId, _: Incoming) -> Result<Bytes, Refused> {
        std::future::pending().await
    }
}

async fn start(dir: &Path, name: &str, seeds: Vec<String>) -> (Links, supervisor::Handle) {
    certs::write(dir, &[name.to_owned()], &[]).unwrap();
    let files = certs::files(dir, name);
    let mut settings = Settings::new(name, 1, "127.0.0.1:0".parse().unwrap(), files, "test");
    settings.seeds = seeds;
    let tree = Tree::new(Arc::new(SystemClock));
    let root = supervisor::spawn("node", Policy::default(), Vec::new(), &tree, None).await.unwrap();
    (Links::start(settings, Arc::new(Hang), &tree, root.cell()).await.unwrap(), root)
}

/// Two linked nodes, and the link as the first one holds it.
async fn pair(dir: &Path) -> ([(Links, supervisor::Handle); 2], Arc<Link>) {
    let a = start(dir, "a", Vec::new()).await;
    let b = start(dir, "b", vec![a.0.local_address().to_string()]).await;
    for (links, other) in [(&a.0, "b"), (&b.0, "a")] {
        let mut view = links.view();
        let linked = |view: &Arc<View>| view.named(other).is_some_and(|member| member.reach == Reach::Linked);
        tokio::time::timeout(Duration::from_secs(10), view.wait_for(linked)).await.unwrap().unwrap();
    }
    let id = NodeId { name: "b".to_owned(), generation: 1 };
    let link = a.0.core.table.ready(&id).unwrap();
    ([a, b], link)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_ignores_its_credit_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    let (_nodes, link) = pair(dir.path()).await;
    let header = Header { left_ms: 60_000, ..Header::default() };
    for id in 0..192 {
        link.send_raw(What::Call, 1_000 + id, header.clone(), b"");
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!link.cut.is_cancelled(), "the whole window is its right");
    link.send_raw(What::Call, 2_000, header, b"");
    tokio::time::timeout(Duration::from_secs(5), link.cut.cancelled()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_confirms_what_was_never_sent_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    let (_nodes, link) = pair(dir.path()).await;
    link.send_raw(What::Beat, 0, Header { taken: 1, ..Header::default() }, b"");
    tokio::time::timeout(Duration::from_secs(5), link.cut.cancelled()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_of_a_later_version_is_refused_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let (_nodes, link) = pair(dir.path()).await;
    let mut frame = wire::encode(What::Call, link.token, 0, &Header::default(), b"later");
    frame[0] = wire::VERSION_MAX + 1;
    let outcome = link.call_raw(frame).await;
    let Err(CallError::Refused(CODE_VERSION, why)) = outcome else { panic!("{outcome:?}") };
    assert!(why.contains("understands"), "{why}");
    assert!(!link.cut.is_cancelled());
}

impl Link {
    /// Sends a frame beside all books.
    fn send_raw(&self, what: What, id: u64, header: Header, body: &[u8]) {
        let frame = wire::encode(what, self.token, id, &header, body);
        self.carrier.get().unwrap().send(Lane::of(body.len()), frame).unwrap();
    }

    /// Sends a finished frame as a call and waits for its answer.
    async fn call_raw(&self, mut frame: Vec<u8>) -> Result<Bytes, CallError> {
        let (answer, outcome) = tokio::sync::oneshot::channel();
        let id = self.enter(Lane::Small, 0, Some(answer)).unwrap();
        frame[18..26].copy_from_slice(&id.to_be_bytes());
        self.carrier.get().unwrap().send(Lane::Small, frame).unwrap();
        tokio::time::timeout(Duration::from_secs(5), outcome).await.unwrap().unwrap()
    }
}
