//! Who is in the cluster, as this node sees it.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::wire::Place;

/// How long a silent member stays listed: long enough for people to see that it is gone.
const SILENT_LISTED_MAX: Duration = Duration::from_secs(600);

/// One start of one node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId {
    /// The node's name.
    pub name: String,
    /// The start; a later one has a larger number.
    pub generation: u128,
}

impl std::fmt::Display for NodeId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:x}", self.name, self.generation)
    }
}

impl NodeId {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (name, generation) = text.rsplit_once('.')?;
        let generation = u128::from_str_radix(generation, 16).ok()?;
        crate::settings::name_is_good(name).then(|| NodeId { name: name.to_owned(), generation })
    }

    pub(crate) fn place(&self) -> Place {
        Place { name: self.name.clone(), generation: self.generation }
    }
}

impl From<Place> for NodeId {
    fn from(place: Place) -> Self {
        NodeId { name: place.name, generation: place.generation }
    }
}

/// How a member can be reached now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Over a link of our own.
    Linked,
    /// Alive by gossip, without a link of our own now: calls are relayed.
    Heard,
    /// Nothing was heard of it lately, or it left.
    Silent,
}

/// One node of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who it is.
    pub id: NodeId,
    /// `host:port` of its listener.
    pub address: String,
    /// How it can be reached.
    pub reach: Reach,
    /// Since when it can be reached so.
    pub since: Instant,
    /// What it tells about itself; see [`crate::Links::tell`].
    pub facts: BTreeMap<String, String>,
}

/// All nodes that this node knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// This node.
    pub me: NodeId,
    /// Every member, in the order of their ids, this node included; of each name its newest start.
    pub members: Vec<Member>,
}

impl View {
    /// The member of this name.
    pub fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.id.name == name)
    }
}

/// What is known of one start of one node at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Sight {
    pub(crate) id: NodeId,
    pub(crate) address: String,
    pub(crate) reach: Reach,
    pub(crate) facts: BTreeMap<String, String>,
}

/// Makes the next view of what is seen now; what it knew before keeps its time.
pub(crate) fn next(before: &View, seen: Vec<Sight>, members_max: usize, now: Instant) -> View {
    let mut newest: BTreeMap<String, Sight> = BTreeMap::new();
    for sight in seen {
        match newest.get(&sight.id.name) {
            Some(known) if known.id.generation >= sight.id.generation => {}
            _ => {
                newest.insert(sight.id.name.clone(), sight);
            }
        }
    }
    let mut members = Vec::new();
    for sight in newest.into_values() {
        let known = before.members.iter().find(|member| member.id == sight.id);
        let since = known.filter(|known| known.reach == sight.reach).map_or(now, |known| known.since);
        let forgotten = sight.reach == Reach::Silent && now.duration_since(since) >= SILENT_LISTED_MAX;
        if !forgotten || sight.id == before.me {
            let Sight { id, address, reach, facts } = sight;
            members.push(Member { id, address, reach, since, facts });
        }
    }
    if members.len() > members_max {
        tracing::warn!(
            known = members.len(),
            members_max,
            "more nodes than `peers_max` allows; some are ignored"
        );
        members.sort_by_key(|member| {
            (member.id != before.me, member.reach != Reach::Linked, member.reach != Reach::Heard)
        });
        members.truncate(members_max);
        members.sort_by(|left, right| left.id.cmp(&right.id));
    }
    View { me: before.me.clone(), members }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sight(name: &str, generation: u128, reach: Reach) -> Sight {
        let id = NodeId { name: name.to_owned(), generation };
        Sight { id, address: format!("{name}:1"), reach, facts: BTreeMap::new() }
    }

    fn empty() -> View {
        View { me: NodeId { name: "a".to_owned(), generation: 1 }, members: Vec::new() }
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_newest_start_of_a_name_is_a_member() {
        let seen =
            vec![sight("b", 2, Reach::Heard), sight("b", 9, Reach::Silent), sight("a", 1, Reach::Linked)];
        let view = next(&empty(), seen, 10, Instant::now());
        let ids: Vec<_> = view.members.iter().map(|member| member.id.to_string()).collect();
        assert_eq!(ids, ["a.1", "b.9"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_member_is_forgotten_after_its_time_and_never_this_node() {
        let begin = Instant::now();
        let seen = || vec![sight("a", 1, Reach::Linked), sight("b", 2, Reach::Silent)];
        let first = next(&empty(), seen(), 10, begin);
        let later = next(&first, seen(), 10, begin + SILENT_LISTED_MAX - Duration::from_secs(1));
        assert_eq!(later.members, first.members);
        let gone = next(&later, seen(), 10, begin + SILENT_LISTED_MAX);
        assert_eq!(gone.members.len(), 1);
    }

    #[test]
    fn an_id_is_read_back_from_its_text() {
        let id = NodeId { name: "node-1".to_owned(), generation: u128::MAX };
        assert_eq!(NodeId::parse(&id.to_string()), Some(id));
        assert_eq!(NodeId::parse("Node.1"), None);
    }
}
