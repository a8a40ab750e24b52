//! The id of a node's start as text and on the wire; for people its name alone is enough.

use enabler_cluster::net::NodeId;

use crate::settings::name_is_good;
use crate::wire::Place;

/// `name.generation`, the generation in hexadecimal: what tells the starts of a node apart in gossip, in sessions
/// and in the log.
pub(crate) fn id_text(id: &NodeId) -> String {
    format!("{}.{:x}", id.name, id.generation)
}

/// Reads [`id_text`] back.
pub(crate) fn parse(text: &str) -> Option<NodeId> {
    let (name, generation) = text.rsplit_once('.')?;
    let generation = u128::from_str_radix(generation, 16).ok()?;
    name_is_good(name).then(|| NodeId { name: name.to_owned(), generation })
}

pub(crate) fn place_of(id: &NodeId) -> Place {
    Place { name: id.name.clone(), generation: id.generation }
}

pub(crate) fn id_of(place: Place) -> NodeId {
    NodeId { name: place.name, generation: place.generation }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_back_from_its_text() {
        let id = NodeId { name: "node-1".to_owned(), generation: u128::MAX };
        assert_eq!(parse(&id_text(&id)), Some(id));
        assert_eq!(parse("Node.1"), None);
    }

    #[test]
    fn two_starts_of_a_node_never_share_a_text() {
        let id = |generation| NodeId { name: "a".to_owned(), generation };
        assert_eq!(id_text(&id(26)), "a.1a");
        assert_ne!(id_text(&id(1)), id_text(&id(2)));
        // A name alone, which is what a node shows to people, is no id.
        assert_eq!(parse(&id(1).to_string()), None);
    }

    #[test]
    fn an_id_is_the_same_after_the_wire() {
        let id = NodeId { name: "a".to_owned(), generation: 7 };
        assert_eq!(id_of(place_of(&id)), id);
    }
}
