//! A node in this process, with a service that answers what tests ask.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use enabler_cluster::decide::restart::Policy;
use enabler_cluster::net::{CallError, Incoming, Net, NodeId, Reach, Refused, Service, View};
use enabler_cluster::request::Request;
use enabler_cluster::supervisor;
use enabler_cluster::tree::Tree;
use enabler_link::{Links, Settings, certs};
use enabler_storage::clock::SystemClock;

pub(crate) const ECHO: u16 = 1;
pub(crate) const PANIC: u16 = 2;
pub(crate) const HANG: u16 = 3;
pub(crate) const WHO: u16 = 4;
pub(crate) const REFUSE: u16 = 5;
pub(crate) const COUNT: u16 = 6;
/// Answers with as many bytes as the body says.
pub(crate) const GROW: u16 = 7;

#[derive(Default)]
pub(crate) struct Desk {
    pub(crate) served: AtomicUsize,
    pub(crate) dropped: Arc<AtomicUsize>,
}

struct Dropped(Arc<AtomicUsize>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Service for Desk {
    async fn serve(&self, from: &NodeId, call: Incoming) -> Result<Bytes, Refused> {
        match call.kind {
            ECHO => Ok(call.body),
            PANIC => panic!("broken on purpose"),
            HANG => {
                let _dropped = Dropped(self.dropped.clone());
                self.served.fetch_add(1, Ordering::SeqCst);
                std::future::pending().await
            }
            WHO => Ok(Bytes::from(format!("{}.{:x} {}", from.name, from.generation, call.request.trace))),
            REFUSE => Err(Refused::Code(7, "not today".to_owned())),
            COUNT => {
                self.served.fetch_add(1, Ordering::SeqCst);
                Ok(Bytes::new())
            }
            GROW => {
                let size = std::str::from_utf8(&call.body).unwrap().parse().unwrap();
                Ok(Bytes::from(vec![7; size]))
            }
            _ => Err(Refused::Unsupported),
        }
    }
}

pub(crate) struct Node {
    pub(crate) id: NodeId,
    pub(crate) links: Links,
    pub(crate) desk: Arc<Desk>,
    pub(crate) tree: Tree,
    root: supervisor::Handle,
}

pub(crate) fn settings(dir: &Path, name: &str, generation: u128, seeds: &[String]) -> Settings {
    let files = certs::files(dir, name);
    if !files.certificate.exists() {
        certs::write(dir, &[name.to_owned()], &["127.0.0.1".to_owned()]).unwrap();
    }
    let mut settings = Settings::new(name, generation, "127.0.0.1:0".parse().unwrap(), files, "test");
    settings.seeds = seeds.to_vec();
    settings
}

impl Node {
    pub(crate) async fn start(dir: &Path, name: &str, seeds: &[String]) -> Node {
        Node::with(settings(dir, name, 1, seeds)).await
    }

    pub(crate) async fn with(settings: Settings) -> Node {
        let id = NodeId { name: settings.node.clone(), generation: settings.generation };
        let tree = Tree::new(Arc::new(SystemClock));
        let root = supervisor::spawn("node", Policy::default(), Vec::new(), &tree, None).await.unwrap();
        let desk = Arc::new(Desk::default());
        let links = Links::start(settings, desk.clone(), &tree, root.cell()).await.unwrap();
        Node { id, links, desk, tree, root }
    }

    pub(crate) fn address(&self) -> String {
        self.links.local_address().to_string()
    }

    pub(crate) async fn ask(&self, to: &Node, kind: u16, body: &[u8]) -> Result<Bytes, CallError> {
        let request = Request::new("trace-1", Duration::from_secs(10));
        self.links.call(&to.id, kind, Bytes::copy_from_slice(body), &request).await
    }

    /// Waits until the view satisfies `look`.
    pub(crate) async fn sees(&self, what: &str, look: impl Fn(&View) -> bool) {
        let mut view = self.links.view();
        let seen = tokio::time::timeout(Duration::from_secs(20), view.wait_for(|view| look(view)));
        assert!(seen.await.is_ok(), "`{}` never saw {what}: {:#?}", self.id, self.links.view().borrow());
    }

    pub(crate) async fn sees_as(&self, other: &Node, reach: Reach) {
        self.sees(&format!("{} {reach:?}", other.id), |view| reach_of(view, &other.id) == Some(reach)).await;
    }

    /// Ends without a word to anybody, as far as one process can.
    pub(crate) async fn stop(self) {
        self.links.stop(Duration::from_secs(2)).await;
        self.root.stop(Duration::from_secs(2)).await;
    }
}

pub(crate) fn reach_of(view: &View, id: &NodeId) -> Option<Reach> {
    view.members.iter().find(|member| member.id == *id).map(|member| member.reach)
}

/// Two linked nodes.
pub(crate) async fn pair(dir: &Path) -> (Node, Node) {
    let a = Node::start(dir, "a", &[]).await;
    let b = Node::start(dir, "b", &[a.address()]).await;
    a.sees_as(&b, Reach::Linked).await;
    b.sees_as(&a, Reach::Linked).await;
    (a, b)
}

pub(crate) async fn until(what: &str, mut look: impl FnMut() -> bool) {
    for _ in 0..2_000 {
        if look() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never came: {what}");
}
