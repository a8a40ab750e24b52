//! Walks a tree of any size without copying more of it than is told.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::seat::{Seat, Vitals};
use super::status::Status;
use super::{Seats, Tree};

/// Seats that are looked at before those who come and go get their turn.
const AT_ONCE: usize = 4_096;
/// Children that are counted one by one, by what each is doing at this moment; of more it is told what changes seldom.
const COUNTED_MAX: u32 = 256;

/// What of a tree is wanted.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// Only what is below this path, which may be empty for everything.
    pub under: String,
    /// How many levels below it; 0 for all.
    pub depth: usize,
    /// How many actors at most.
    pub limit: usize,
    /// Only those after this path.
    pub after: Option<String>,
    /// Only those whose path has this text in it, in small letters.
    pub text: Option<String>,
    /// Only those that are doing this.
    pub status: Option<Status>,
}

/// An actor, and what its children are doing.
#[derive(Debug, Clone)]
pub struct Found {
    /// The actor.
    pub vitals: Vitals,
    /// How many of its children are doing what.
    pub child_status: Vec<(Status, u32)>,
}

impl Tree {
    /// What is wanted of the tree, in path order, and the last path if there is more.
    pub fn look(&self, look: &Look) -> (Vec<Found>, Option<String>) {
        let mut seats = self.chosen(look);
        let has_more = seats.len() > look.limit;
        seats.truncate(look.limit);
        let more_after = seats.last().filter(|_| has_more).map(|seat| seat.path().to_owned());
        let found = seats
            .iter()
            .map(|seat| Found { vitals: seat.vitals(), child_status: self.child_status_of(seat) });
        (found.collect(), more_after)
    }

    /// The seats that are wanted, one more than the limit if there are more.
    fn chosen(&self, look: &Look) -> Vec<Arc<Seat>> {
        let below = if look.under.is_empty() { String::new() } else { format!("{}/", look.under) };
        let levels = below.matches('/').count();
        let is_wanted = |seat: &Seat| {
            let text = look.text.as_ref().is_none_or(|text| seat.path().to_lowercase().contains(text));
            text && look.status.is_none_or(|status| seat.status() == status)
        };
        let mut chosen = Vec::new();
        let mut from = match &look.after {
            Some(after) if *after >= below => Bound::Excluded(after.clone()),
            _ => Bound::Included(below.clone()),
        };
        loop {
            let seats = self.seats();
            let mut looked = 0;
            loop {
                // Each step of this loop is one range; a subtree that is too deep is stepped over as a whole.
                let mut over = None;
                let range = (from.as_ref().map(String::as_str), Bound::Unbounded);
                for (path, seat) in seats.range::<str, _>(range) {
                    if !path.starts_with(&below) || chosen.len() > look.limit {
                        return chosen;
                    }
                    looked += 1;
                    let deep = path.matches('/').count() - levels;
                    if look.depth > 0 && deep >= look.depth {
                        over = Some(behind(path, levels + look.depth));
                        break;
                    }
                    if is_wanted(seat) {
                        chosen.push(seat.clone());
                    }
                    if looked >= AT_ONCE {
                        from = Bound::Excluded(path.to_string());
                        break;
                    }
                }
                match over {
                    Some(next) => from = Bound::Included(next),
                    None => break,
                }
            }
            if looked < AT_ONCE {
                return chosen;
            }
        }
    }

    /// How many of the children of `seat` are doing what.
    pub fn child_status_of(&self, seat: &Seat) -> Vec<(Status, u32)> {
        let count = seat.children.count.load(Ordering::Relaxed);
        let told = |count: &dyn Fn(Status) -> u32| {
            let all = Status::ALL.into_iter().map(|status| (status, count(status)));
            all.filter(|(_, count)| *count > 0).collect()
        };
        match count {
            0 => Vec::new(),
            1..=COUNTED_MAX => {
                let look = Look {
                    under: seat.path().to_owned(),
                    depth: 1,
                    limit: COUNTED_MAX as usize,
                    ..Look::default()
                };
                let children: Vec<Status> = self.chosen(&look).iter().map(|seat| seat.status()).collect();
                told(&|status| children.iter().filter(|own| **own == status).count() as u32)
            }
            _ => told(&|status| {
                let by = seat.children.by.get(usize::from(status.number()));
                by.map_or(0, |count| count.load(Ordering::Relaxed))
            }),
        }
    }

    /// Every actor that is doing `status`, at most `limit`: their paths and kinds.
    pub fn all_that_are(&self, status: Status, limit: usize) -> Vec<(String, &'static str)> {
        let look = Look { limit, status: Some(status), ..Look::default() };
        let seats = self.chosen(&look);
        seats.iter().take(limit).map(|seat| (seat.path().to_owned(), seat.kind())).collect()
    }

    /// How many actors there are of each kind.
    pub fn kinds(&self) -> BTreeMap<&'static str, usize> {
        let mut kinds = BTreeMap::new();
        for seat in self.seats().values() {
            *kinds.entry(seat.kind()).or_default() += 1;
        }
        kinds
    }

    /// The actors at and below `path`, at most `limit`.
    pub fn subtree(&self, path: &str, limit: usize) -> Vec<Arc<Seat>> {
        let look = Look { under: path.to_owned(), limit, ..Look::default() };
        let mut all: Vec<_> = self.find(path).into_iter().collect();
        all.extend(self.chosen(&look));
        all.truncate(limit);
        all
    }

    fn seats(&self) -> std::sync::RwLockReadGuard<'_, Seats> {
        self.0.seats.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The first path behind the subtree of the ancestor of `path` that has `slashes` slashes before its end.
fn behind(path: &str, slashes: usize) -> String {
    let end = path.match_indices('/').nth(slashes - 1).map_or(path.len(), |(at, _)| at);
    // `0` is the character behind `/`.
    format!("{}0", path.get(..end).unwrap_or(path))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use enabler_storage::clock::SystemClock;
    use proptest::prelude::*;

    use super::*;

    fn tree(paths: &BTreeSet<String>) -> Tree {
        let tree = Tree::new(Arc::new(SystemClock));
        for path in paths {
            tree.seat(path, "test", None);
        }
        tree
    }

    fn paths() -> impl Strategy<Value = BTreeSet<String>> {
        prop::collection::btree_set("[ab](/[ab0.-]{1,2}){0,3}", 0..40)
    }

    fn all_of(tree: &Tree, look: &Look) -> Vec<String> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let (found, more) = tree.look(&Look { after: after.clone(), ..look.clone() });
            assert!(found.len() <= look.limit);
            all.extend(found.into_iter().map(|found| found.vitals.path));
            match more {
                Some(more) => after = Some(more),
                None => return all,
            }
        }
    }

    proptest! {
        #[test]
        fn page_by_page_a_look_tells_what_a_reading_of_all_paths_does(
            paths in paths(), depth in 0_usize..4, limit in 1_usize..9, under in "|[ab]|[ab]/[ab]",
        ) {
            let tree = tree(&paths);
            let below = if under.is_empty() { String::new() } else { format!("{under}/") };
            let levels = below.matches('/').count();
            let is_wanted = |path: &&String| {
                path.starts_with(&below) && (depth == 0 || path.matches('/').count() - levels < depth)
            };
            let expected: Vec<String> = paths.iter().filter(is_wanted).cloned().collect();
            let look = Look { under, depth, limit, ..Look::default() };
            prop_assert_eq!(all_of(&tree, &look), expected);
        }
    }

    #[test]
    fn a_shallow_look_counts_what_it_does_not_tell() {
        let tree = Tree::new(Arc::new(SystemClock));
        tree.seat("node", "supervisor", None);
        tree.seat("node/shards", "supervisor", None);
        for number in 0..1_000 {
            tree.seat(&format!("node/shards/document-{number:04}"), "document", None)
                .set_status(Status::Running);
        }
        tree.leave("node/shards/document-0007");
        let look = Look { depth: 2, limit: 10, ..Look::default() };
        let (found, more) = tree.look(&look);
        assert_eq!((found.len(), more), (2, None));
        assert_eq!((found[1].vitals.children, &*found[1].child_status), (999, &[(Status::Running, 999)][..]));
        let stuck = Look { limit: 10, status: Some(Status::Starting), ..Look::default() };
        assert_eq!(all_of(&tree, &stuck), ["node", "node/shards"]);
        let named = Look { limit: 10, text: Some("ment-0999".to_owned()), ..Look::default() };
        assert_eq!(all_of(&tree, &named), ["node/shards/document-0999"]);
    }
}
