//! What the cluster asks of the links between nodes: who is there, and a message that is answered or whose fate is known.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::Instant;

pub use crate::decide::custody::NodeId;
use crate::request::{Ended, Request};

/// How a member can be reached at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Over a link of our own.
    Linked,
    /// It lives, as others say, and there is no link of our own: calls go through one of them.
    Heard,
    /// Nobody that we hear has heard it lately, or it left.
    Silent,
}

/// A node as this one sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Which one.
    pub id: NodeId,
    /// Where it takes links, `host:port`.
    pub address: String,
    /// How it can be reached.
    pub reach: Reach,
    /// Since when `reach` is what it is.
    pub since: Instant,
    /// What it says about itself; see [`Net::tell`].
    pub facts: BTreeMap<String, String>,
}

impl Member {
    /// Whether it can be asked.
    pub fn is_alive(&self) -> bool {
        self.reach != Reach::Silent
    }

    /// What it says under `key`, or nothing.
    pub fn fact(&self, key: &str) -> &str {
        self.facts.get(key).map_or("", String::as_str)
    }

    /// Whether it runs `role`.
    pub fn has_role(&self, role: &str) -> bool {
        self.fact(ROLES).split(',').any(|own| own == role)
    }
}

/// The fact that names a member's roles, separated by commas.
pub const ROLES: &str = "roles";

/// The cluster as this node sees it at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// This node.
    pub me: NodeId,
    /// Every node heard of lately, this one included, by id; of a name only its newest generation.
    pub members: Vec<Member>,
}

impl View {
    /// The member called `name`, whichever generation of it is there.
    pub fn named(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.id.name == name)
    }

    /// The member `id`, if that generation is the one that is there.
    pub fn member(&self, id: &NodeId) -> Option<&Member> {
        self.named(&id.name).filter(|member| member.id == *id)
    }
}

/// Why a call brought no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// There is no way to the node now; nothing was sent.
    #[error("there is no link to the node")]
    NoLink,
    /// Too much is under way to the node or at it; nothing was begun.
    #[error("too much is under way to the node")]
    Overloaded,
    /// The message is larger than a frame; nothing was sent.
    #[error("the message takes {bytes} bytes, a frame at most {bytes_max}")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// What the two nodes agreed on.
        bytes_max: u64,
    },
    /// The node does not know this kind of call.
    #[error("the node does not know this kind of call; it may run an older version")]
    Unsupported,
    /// The node refused, with a code of the called part and its reason for people.
    #[error("{1}")]
    Refused(u16, String),
    /// It was sent and no answer came: it may have happened.
    #[error("the outcome is unknown: {0}")]
    Unknown(String),
    /// The caller's own time was up, or it gave up: it may have happened.
    #[error(transparent)]
    Ended(#[from] Ended),
}

/// A call or cast from another node.
#[derive(Debug)]
pub struct Incoming {
    /// What is asked, in the service's own numbering.
    pub kind: u16,
    /// The question.
    pub body: Bytes,
    /// The caller's deadline and trace; cancelled when the caller is gone, or the link to it.
    pub request: Request,
}

/// Why a call from another node is not answered with a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// This version does not know the kind.
    Unsupported,
    /// Too much to do, and nothing was begun: try another node, or later.
    Busy,
    /// A code of the called part, and a text for people.
    Code(u16, String),
}

/// What answers the calls of other nodes.
#[async_trait]
pub trait Service: Send + Sync {
    /// Answers one call, on a task of its own; it is dropped when the deadline passes or the caller goes.
    async fn serve(&self, from: &NodeId, call: Incoming) -> Result<Bytes, Refused>;
}

/// The links of this node.
#[async_trait]
pub trait Net: Send + Sync {
    /// The cluster as it is seen now, and whenever that changes.
    fn view(&self) -> watch::Receiver<Arc<View>>;

    /// Tells every node a fact about this one.
    fn tell(&self, key: &str, value: &str);

    /// Asks `to` and waits for its answer, as long as the request lives. Without a link of our own the call goes
    /// through a third node, if one has a link to both.
    ///
    /// # Errors
    /// See [`CallError`].
    async fn call(&self, to: &NodeId, kind: u16, body: Bytes, request: &Request) -> Result<Bytes, CallError>;

    /// Tells `to` something: it arrives at most once, and nobody says whether it did.
    ///
    /// # Errors
    /// See [`CallError`]; nothing was sent then.
    async fn cast(&self, to: &NodeId, kind: u16, body: Bytes) -> Result<(), CallError>;
}

/// The links of a node that has no peers.
#[derive(Debug)]
pub struct Alone(watch::Sender<Arc<View>>);

impl Alone {
    /// A cluster of `me`, which says `facts` about itself.
    pub fn new(me: NodeId, facts: BTreeMap<String, String>) -> Self {
        let myself = Member {
            id: me.clone(),
            address: String::new(),
            reach: Reach::Linked,
            since: Instant::now(),
            facts,
        };
        Alone(watch::Sender::new(Arc::new(View { me, members: vec![myself] })))
    }
}

#[async_trait]
impl Net for Alone {
    fn view(&self) -> watch::Receiver<Arc<View>> {
        self.0.subscribe()
    }

    fn tell(&self, key: &str, value: &str) {
        self.0.send_modify(|view| {
            for member in &mut Arc::make_mut(view).members {
                member.facts.insert(key.to_owned(), value.to_owned());
            }
        });
    }

    async fn call(&self, _: &NodeId, _: u16, _: Bytes, _: &Request) -> Result<Bytes, CallError> {
        Err(CallError::NoLink)
    }

    async fn cast(&self, _: &NodeId, _: u16, _: Bytes) -> Result<(), CallError> {
        Err(CallError::NoLink)
    }
}
