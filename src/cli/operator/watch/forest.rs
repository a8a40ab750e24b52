//! What the watcher knows of the tree: nodes, and the children of what is open. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::cli::operator::shape::{Actor, NodePart, ROOT, Tree};

/// Nodes that are open from the start; of more than these the names are the overview.
const OPEN_NODES_MAX: usize = 12;

/// A node and a path in it; the empty path is the node itself.
pub(crate) type Place = (String, String);

/// The children of one parent, as far as they were asked for.
#[derive(Debug, Default)]
struct Kids {
    actors: Vec<Actor>,
    more_after: Option<String>,
}

/// The tree as far as it is known.
#[derive(Debug, Default)]
pub(crate) struct Forest {
    nodes: Vec<NodePart>,
    kids: BTreeMap<Place, Kids>,
    open: BTreeSet<Place>,
    found: Option<BTreeMap<String, Vec<Actor>>>,
}

/// One line of what is open.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Row<'a> {
    /// A node, and whether it is open.
    Node(&'a NodePart, bool),
    /// An actor, how deep it is, and whether it is open.
    Actor(&'a Actor, usize, bool),
    /// There are more children behind `after`.
    More { node: &'a str, parent: &'a str, after: &'a str, level: usize },
}

impl Row<'_> {
    /// What tells it from other rows, whatever moves above it.
    pub(crate) fn place(&self) -> Place {
        match self {
            Self::Node(node, _) => (node.name.clone(), String::new()),
            Self::Actor(actor, ..) => (actor.node.clone(), actor.path.clone()),
            Self::More { node, parent, .. } => ((*node).to_owned(), format!("{parent}/\u{10ffff}")),
        }
    }
}

impl Forest {
    /// Takes the nodes with their first actors. A node that does not answer keeps its last picture.
    pub(crate) fn take_roots(&mut self, tree: Tree) {
        let is_first = self.nodes.is_empty();
        let mut nodes = Vec::new();
        for mut node in tree.nodes {
            let actors = std::mem::take(&mut node.actors);
            if node.answered {
                self.put(&node.name, "", None, actors, node.more_after.take());
            }
            nodes.push(node);
        }
        nodes.sort_by(|one, other| one.name.cmp(&other.name));
        self.nodes = nodes;
        if is_first && self.nodes.len() <= OPEN_NODES_MAX {
            self.open.extend(self.nodes.iter().map(|node| (node.name.clone(), String::new())));
        }
    }

    /// Takes the children of `under`, from behind `after` on.
    pub(crate) fn take_below(&mut self, under: &str, after: Option<&str>, tree: Tree) {
        for node in tree.nodes.into_iter().filter(|node| node.answered) {
            self.put(&node.name, under, after, node.actors, node.more_after);
        }
    }

    /// Shows what a search found in place of the tree, or the tree again.
    pub(crate) fn take_found(&mut self, found: Option<Tree>) {
        self.found = found.map(|tree| tree.nodes.into_iter().map(|node| (node.name, node.actors)).collect());
    }

    fn put(
        &mut self,
        node: &str,
        under: &str,
        after: Option<&str>,
        actors: Vec<Actor>,
        more: Option<String>,
    ) {
        let kids = self.kids.entry((node.to_owned(), under.to_owned())).or_default();
        let is_child = |actor: &Actor| {
            let parent = actor.parent.as_deref().unwrap_or_else(|| parent_of(&actor.path));
            parent == under && actor.path != ROOT
        };
        let mut fresh: Vec<Actor> = actors.into_iter().filter(is_child).collect();
        for actor in &mut fresh {
            // Answers of one node need not repeat its name in every actor.
            node.clone_into(&mut actor.node);
        }
        let known = std::mem::take(&mut kids.actors);
        let last = fresh.last().map(|actor| actor.path.clone());
        let (before, behind): (Vec<Actor>, Vec<Actor>) =
            known.into_iter().partition(|actor| after.is_some_and(|after| actor.path.as_str() <= after));
        // What was known behind the end of a cut answer stays known.
        let behind = behind.into_iter().filter(|actor| more.is_some() && Some(&actor.path) > last.as_ref());
        let behind: Vec<Actor> = behind.collect();
        if behind.is_empty() {
            kids.more_after = more;
        }
        kids.actors = before.into_iter().chain(fresh).chain(behind).collect();
    }

    /// Everything that is open, in order.
    pub(crate) fn rows(&self) -> Vec<Row<'_>> {
        let mut rows = Vec::new();
        for node in &self.nodes {
            let is_open = self.is_open(&node.name, "");
            rows.push(Row::Node(node, is_open));
            match &self.found {
                Some(found) => {
                    let found = found.get(&node.name).map(Vec::as_slice).unwrap_or_default();
                    rows.extend(found.iter().map(|actor| Row::Actor(actor, 1, false)));
                }
                None if is_open => self.rows_below(&mut rows, &node.name, "", 1),
                None => {}
            }
        }
        rows
    }

    fn rows_below<'a>(&'a self, rows: &mut Vec<Row<'a>>, node: &'a str, parent: &'a str, level: usize) {
        let Some(kids) = self.kids.get(&(node.to_owned(), parent.to_owned())) else { return };
        for actor in &kids.actors {
            let is_open = actor.children > 0 && self.is_open(node, &actor.path);
            rows.push(Row::Actor(actor, level, is_open));
            if is_open {
                self.rows_below(rows, node, &actor.path, level + 1);
            }
        }
        if let Some(after) = &kids.more_after {
            rows.push(Row::More { node, parent, after, level });
        }
    }

    fn is_open(&self, node: &str, path: &str) -> bool {
        self.open.contains(&(node.to_owned(), path.to_owned()))
    }

    /// Opens a place, or closes it; whether its children are still to be asked for.
    pub(crate) fn open(&mut self, place: &Place, wish: bool) -> bool {
        if wish {
            self.open.insert(place.clone());
            return !self.kids.contains_key(place);
        }
        self.open.remove(place);
        false
    }

    /// The actors that are open, whose children are to be kept fresh.
    pub(crate) fn opened(&self) -> Vec<Place> {
        self.open.iter().filter(|(_, path)| !path.is_empty()).cloned().collect()
    }

    /// Nodes, and actors on them.
    pub(crate) fn counts(&self) -> (usize, u64) {
        (self.nodes.len(), self.nodes.iter().map(|node| node.actors_total).sum())
    }

    /// Whether a search is shown.
    pub(crate) fn is_search(&self) -> bool {
        self.found.is_some()
    }
}

/// The path of the parent; empty for a root.
fn parent_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actor(path: &str, children: u64) -> Actor {
        Actor { path: path.into(), children, status: "running".into(), ..Actor::default() }
    }

    fn tree(name: &str, actors: Vec<Actor>, more_after: Option<&str>) -> Tree {
        let more_after = more_after.map(str::to_owned);
        let node = NodePart { name: name.into(), answered: true, actors, more_after, ..NodePart::default() };
        Tree { nodes: vec![node], ..Tree::default() }
    }

    fn paths(forest: &Forest) -> Vec<String> {
        let name = |row: &Row<'_>| match row {
            Row::Node(node, _) => node.name.clone(),
            Row::Actor(actor, ..) => actor.path.clone(),
            Row::More { after, .. } => format!("more after {after}"),
        };
        forest.rows().iter().map(name).collect()
    }

    #[test]
    fn children_are_asked_for_once_and_shown_where_they_belong() {
        let mut forest = Forest::default();
        forest.take_roots(tree("n1", vec![actor("http", 0), actor("ocr", 2)], None));
        assert_eq!(paths(&forest), ["n1", "http", "ocr"]);
        let ocr = ("n1".to_owned(), "ocr".to_owned());
        assert!(forest.open(&ocr, true));
        forest.take_below("ocr", None, tree("n1", vec![actor("ocr/a", 0), actor("ocr/b", 0)], Some("ocr/b")));
        assert_eq!(paths(&forest), ["n1", "http", "ocr", "ocr/a", "ocr/b", "more after ocr/b"]);
        forest.take_below("ocr", Some("ocr/b"), tree("n1", vec![actor("ocr/c", 0)], None));
        assert_eq!(paths(&forest), ["n1", "http", "ocr", "ocr/a", "ocr/b", "ocr/c"]);
        forest.open(&ocr, false);
        assert_eq!(paths(&forest), ["n1", "http", "ocr"]);
        assert!(!forest.open(&ocr, true), "they are known");
    }

    #[test]
    fn a_fresh_first_page_keeps_the_pages_behind_it() {
        let mut forest = Forest::default();
        forest.take_roots(tree("n1", vec![actor("d", 3)], None));
        forest.open(&("n1".into(), "d".into()), true);
        forest.take_below("d", None, tree("n1", vec![actor("d/a", 0), actor("d/b", 0)], Some("d/b")));
        forest.take_below("d", Some("d/b"), tree("n1", vec![actor("d/c", 0)], None));
        forest.take_below("d", None, tree("n1", vec![actor("d/b", 0)], Some("d/b")));
        assert_eq!(paths(&forest), ["n1", "d", "d/b", "d/c"], "d/a has gone, d/c was not asked about");
    }

    #[test]
    fn a_node_that_does_not_answer_keeps_its_last_picture() {
        let mut forest = Forest::default();
        forest.take_roots(tree("n1", vec![actor("http", 0)], None));
        let mut silent = tree("n1", Vec::new(), None);
        silent.nodes[0].answered = false;
        forest.take_roots(silent);
        assert_eq!(paths(&forest), ["n1", "http"]);
    }
}
