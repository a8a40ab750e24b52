//! One link per peer: which of two connections stays, and which link a frame belongs to.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use enabler_cluster::net::NodeId;
use tokio::sync::{Notify, oneshot};

use crate::link::Link;
use crate::peer::Stream;

/// A link that exists, as far as the choice looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Existing {
    pub(crate) generation: u128,
    pub(crate) token: u128,
    pub(crate) dialed: bool,
}

/// A connection on which both nodes have said who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) generation: u128,
    pub(crate) dialed: bool,
    /// The link that the peer no longer holds, if it said so; zero for none.
    pub(crate) instead_of: u128,
}

/// What becomes of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    /// It becomes the link; an existing one ends.
    Install,
    /// The existing link with this token stays.
    Keep(u128),
    /// It is from an earlier start of the peer than the link that exists.
    Stale,
}

/// Chooses. Both nodes come to the same end, and a link that one side has lost can always be replaced:
/// an accepting node keeps what it has only until the peer says that it does not hold it.
pub(crate) fn choose(existing: Option<Existing>, candidate: Candidate, me: &str, peer: &str) -> Choice {
    let Some(existing) = existing else { return Choice::Install };
    match candidate.generation.cmp(&existing.generation) {
        std::cmp::Ordering::Greater => Choice::Install,
        std::cmp::Ordering::Less => Choice::Stale,
        std::cmp::Ordering::Equal if !candidate.dialed => {
            let lost = candidate.instead_of == existing.token;
            if lost { Choice::Install } else { Choice::Keep(existing.token) }
        }
        // The peer took our connection while we took its own: the one that the first name dialed stays.
        std::cmp::Ordering::Equal if existing.dialed || me < peer => Choice::Install,
        std::cmp::Ordering::Equal => Choice::Keep(existing.token),
    }
}

/// Hands the second connection of a link to whoever waits for it.
type Second = oneshot::Sender<Box<dyn Stream>>;

#[derive(Default)]
struct Inner {
    by_name: BTreeMap<String, Arc<Link>>,
    by_token: HashMap<u128, Arc<Link>>,
    seconds: HashMap<u128, Second>,
}

/// The links of this node.
#[derive(Default)]
pub(crate) struct Table {
    inner: Mutex<Inner>,
    pub(crate) changed: Notify,
}

/// How an offer to the table ended.
pub(crate) enum Offered {
    /// The link is in the table.
    Installed,
    /// Another one stays.
    Kept(Arc<Link>),
    /// The peer has started anew since.
    Stale,
    /// There are as many peers as there may be.
    Full,
}

impl Table {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Offers a link; what it replaces is ended.
    pub(crate) fn offer(
        &self,
        link: &Arc<Link>,
        instead_of: u128,
        second: Option<Second>,
        me: &NodeId,
        peers_max: usize,
    ) -> Offered {
        let replaced = {
            let mut inner = self.lock();
            let current = inner.by_name.get(&link.peer.name).cloned();
            let existing = current.as_ref().map(|link| Existing {
                generation: link.peer.generation,
                token: link.token,
                dialed: link.dialed,
            });
            let candidate = Candidate { generation: link.peer.generation, dialed: link.dialed, instead_of };
            match (choose(existing, candidate, &me.name, &link.peer.name), current) {
                (Choice::Stale, _) => return Offered::Stale,
                (Choice::Keep(_), Some(current)) => return Offered::Kept(current),
                (_, None) if inner.by_name.len() >= peers_max => return Offered::Full,
                (_, current) => {
                    if let Some(current) = &current {
                        inner.by_token.remove(&current.token);
                        inner.seconds.remove(&current.token);
                    }
                    inner.by_name.insert(link.peer.name.clone(), link.clone());
                    inner.by_token.insert(link.token, link.clone());
                    if let Some(second) = second {
                        inner.seconds.insert(link.token, second);
                    }
                    current
                }
            }
        };
        if let Some(replaced) = replaced {
            replaced.end();
        }
        self.changed.notify_waiters();
        Offered::Installed
    }

    /// Takes a link that has ended, or must, out of the table.
    pub(crate) fn remove(&self, link: &Arc<Link>) {
        {
            let mut inner = self.lock();
            inner.by_token.remove(&link.token);
            inner.seconds.remove(&link.token);
            if inner.by_name.get(&link.peer.name).is_some_and(|current| current.token == link.token) {
                inner.by_name.remove(&link.peer.name);
            }
        }
        link.end();
        self.changed.notify_waiters();
    }

    /// Who waits for the second connection of the link with this token, if `peer` is at its other end.
    pub(crate) fn second(&self, token: u128, peer: &NodeId) -> Option<Second> {
        let mut inner = self.lock();
        inner.by_token.get(&token).filter(|link| link.peer == *peer)?;
        inner.seconds.remove(&token)
    }

    pub(crate) fn by_token(&self, token: u128) -> Option<Arc<Link>> {
        self.lock().by_token.get(&token).cloned()
    }

    /// The link to any start of this node, ready or not.
    pub(crate) fn by_name(&self, name: &str) -> Option<Arc<Link>> {
        self.lock().by_name.get(name).cloned()
    }

    /// The link to this node if it can carry frames.
    pub(crate) fn ready(&self, id: &NodeId) -> Option<Arc<Link>> {
        self.by_name(&id.name).filter(|link| link.peer == *id && link.is_ready())
    }

    pub(crate) fn all(&self) -> Vec<Arc<Link>> {
        self.lock().by_name.values().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINE: Existing = Existing { generation: 5, token: 7, dialed: true };
    const THEIRS: Existing = Existing { dialed: false, ..MINE };

    fn dialed(generation: u128) -> Candidate {
        Candidate { generation, dialed: true, instead_of: 0 }
    }

    fn accepted(generation: u128, instead_of: u128) -> Candidate {
        Candidate { generation, dialed: false, instead_of }
    }

    #[test]
    fn a_later_start_replaces_an_earlier_one_at_once_and_never_the_reverse() {
        for existing in [MINE, THEIRS] {
            assert_eq!(choose(Some(existing), accepted(6, 0), "a", "b"), Choice::Install);
            assert_eq!(choose(Some(existing), dialed(6), "a", "b"), Choice::Install);
            assert_eq!(choose(Some(existing), accepted(4, 7), "a", "b"), Choice::Stale);
        }
    }

    #[test]
    fn a_link_that_the_peer_has_lost_is_replaced_in_either_direction() {
        for (me, peer) in [("a", "b"), ("b", "a")] {
            for existing in [MINE, THEIRS] {
                assert_eq!(choose(Some(existing), accepted(5, 0), me, peer), Choice::Keep(7));
                assert_eq!(choose(Some(existing), accepted(5, 7), me, peer), Choice::Install);
            }
        }
    }

    #[test]
    fn two_that_dial_each_other_keep_the_same_connection() {
        // Both accepted the other's connection before they heard of their own.
        let at_a = choose(Some(THEIRS), dialed(5), "a", "b");
        let at_b = choose(Some(THEIRS), dialed(5), "b", "a");
        assert_eq!((at_a, at_b), (Choice::Install, Choice::Keep(7)));
    }
}
