//! Who serves and who follows which shard, as the nodes themselves have it: looked at now and then, for whoever draws a run.

use std::collections::BTreeMap;

use enabler_cluster::decide::custody::Part;
use enabler_cluster::net::NodeId;

use crate::book::{Book, Event, Kind};
use crate::gate::Phase;
use crate::node::Node;

/// What a node was to each shard when it was last looked at: what it does, and under which epoch.
#[derive(Default)]
pub(crate) struct Standings(BTreeMap<(NodeId, u32), (Kind, Option<u64>)>);

impl Standings {
    /// Looks at all nodes and writes down what has changed; one that is frozen is seen when it goes on.
    pub(crate) fn look(&mut self, nodes: &[Node], book: &Book) {
        for node in nodes {
            let serving = node.serving();
            let id = serving.as_ref().map(|serving| &serving.gate.id);
            // Whatever a generation held has ended with it.
            self.0.retain(|(of, _), _| of.name != node.name || Some(of) == id);
            let Some(serving) = serving.filter(|serving| serving.gate.phase() == Phase::Running) else {
                continue;
            };
            for (shard, (_, view)) in (0..).zip(serving.actors.shards.local.iter()) {
                let standing = view.standing();
                let now = match standing.part {
                    Part::Owner if view.index().is_some() => Some((Kind::Owns, Some(standing.epoch))),
                    Part::Replica => Some((Kind::Follows, None)),
                    Part::Owner | Part::None => None,
                };
                self.take((serving.gate.id.clone(), shard), now, book);
            }
        }
    }

    fn take(&mut self, key: (NodeId, u32), now: Option<(Kind, Option<u64>)>, book: &Book) {
        let before = match now {
            Some(now) => self.0.insert(key.clone(), now),
            None => self.0.remove(&key),
        };
        if before == now {
            return;
        }
        let (kind, epoch) = now.unwrap_or((Kind::Leaves, None));
        let what = match kind {
            Kind::Owns => "serves the shard",
            Kind::Follows => "follows the shard",
            _ => "leaves the shard",
        };
        let (who, what, shard) = (key.0.name, what.to_owned(), Some(key.1));
        book.write(Event { kind, who, what, shard, epoch, ..Event::default() });
    }
}
