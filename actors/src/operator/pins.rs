//! Where operators want shards: told by every node to every other, so that it is known as long as one of them lives.
//!
//! It is a wish, and safe to lose or to differ about: who owns a shard is decided by its epoch alone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Shards with a wish; a store has seldom more shards in all.
const PINS_MAX: usize = 1_024;

/// The wishes that this node knows. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Pins(Arc<Mutex<BTreeMap<u32, (u64, String)>>>);

impl Pins {
    fn all(&self) -> MutexGuard<'_, BTreeMap<u32, (u64, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The node that a shard is wanted on.
    pub fn of(&self, shard: u32) -> Option<String> {
        self.all().get(&shard).map(|(_, node)| node.clone()).filter(|node| !node.is_empty())
    }

    /// From now on `shard` is wanted on `node`; where it belongs by itself when there is none.
    pub fn set(&self, shard: u32, node: Option<&str>, at_ms: u64) {
        let mut all = self.all();
        if all.len() >= PINS_MAX && !all.contains_key(&shard) {
            return;
        }
        let wish = all.entry(shard).or_default();
        if at_ms > wish.0 {
            *wish = (at_ms, node.unwrap_or_default().to_owned());
        }
    }

    /// Hears what another node tells; of two wishes the later one counts.
    pub(crate) fn hear(&self, told: &str) {
        for item in told.split(',') {
            let read = || {
                let (shard, rest) = item.split_once('=')?;
                let (node, at_ms) = rest.split_once('@')?;
                Some((shard.parse().ok()?, node, at_ms.parse().ok()?))
            };
            if let Some((shard, node, at_ms)) = read() {
                self.set(shard, Some(node), at_ms);
            }
        }
    }

    /// Tells what is known here.
    pub(crate) fn told(&self) -> String {
        let all = self.all();
        all.iter().map(|(shard, (at_ms, node))| format!("{shard}={node}@{at_ms},")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_wish_counts_wherever_it_was_heard() {
        let (one, other) = (Pins::default(), Pins::default());
        one.set(3, Some("n2"), 10);
        other.set(3, Some("n1"), 20);
        other.set(7, Some("n3"), 5);
        one.hear(&other.told());
        other.hear(&one.told());
        assert_eq!(
            (one.of(3), other.of(3), one.of(7)),
            (Some("n1".into()), Some("n1".into()), Some("n3".into()))
        );
        one.set(3, None, 30);
        other.hear(&one.told());
        assert_eq!(other.of(3), None);
        other.hear("x,1=,2=n@y,=n@1,5=n9@1");
        assert_eq!((other.of(1), other.of(5)), (None, Some("n9".into())));
    }
}
