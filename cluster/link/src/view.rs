//! From what is seen of each start of each node to the view of who is in the cluster.

use std::collections::BTreeMap;
use std::time::Duration;

use enabler_cluster::net::{Member, NodeId, Reach, View};
use tokio::time::Instant;

/// How long a silent member stays listed: long enough for people to see that it is gone.
const SILENT_LISTED_MAX: Duration = Duration::from_secs(600);

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
    use crate::id::id_text;

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
        let ids: Vec<_> = view.members.iter().map(|member| id_text(&member.id)).collect();
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
}
