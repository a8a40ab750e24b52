//! Decides which nodes a shard belongs on: weighted rendezvous hashing, so that a node that comes or goes moves its share alone.
//!
//! Weights as in Schindelhauer and Schomaker, "Weighted Distributed Hash Tables" (2005): `-weight / ln(hash)`.

use enabler_storage::plant;

/// A node that may hold shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// Its name: a restarted node gets its shards back.
    pub name: &'a str,
    /// Its share relative to the others; 0 takes none.
    pub weight: u32,
}

/// The candidates' numbers for `shard`, best first: the first should own it, those behind should follow it.
#[must_use]
pub fn rank(shard: u32, candidates: &[Candidate<'_>]) -> Vec<usize> {
    let mut scored: Vec<(f64, usize)> = candidates
        .iter()
        .enumerate()
        .filter(|(_, candidate)| candidate.weight > 0)
        .map(|(number, candidate)| (score(shard, candidate), number))
        .collect();
    // Equal scores are all but impossible, and then the name decides: every node must come to the same order.
    let name = |number: usize| candidates.get(number).map_or("", |candidate| candidate.name);
    if plant::here("rank-by-order-of-arrival") {
        return scored.into_iter().map(|(_, number)| number).collect();
    }
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| name(a.1).cmp(name(b.1))));
    scored.into_iter().map(|(_, number)| number).collect()
}

fn score(shard: u32, candidate: &Candidate<'_>) -> f64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in candidate.name.bytes().chain([0xff]).chain(shard.to_le_bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    // 53 bits of a mixed hash: a number above 0 and below 1.
    let unit = ((mix(hash) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
    -f64::from(candidate.weight) / unit.ln()
}

/// The finaliser of splitmix64 (Steele, Lea and Flood, 2014): FNV alone leaves similar names similar.
fn mix(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("node-{number}")).collect()
    }

    fn candidates(names: &[String]) -> Vec<Candidate<'_>> {
        names.iter().map(|name| Candidate { name, weight: 1 }).collect()
    }

    fn owners<'a>(candidates: &[Candidate<'a>]) -> Vec<&'a str> {
        (0..4096).map(|shard| candidates[rank(shard, candidates)[0]].name).collect()
    }

    #[test]
    fn shards_are_spread_by_weight() {
        let names = names(3);
        let mut candidates = candidates(&names);
        candidates[2].weight = 2;
        let owners = owners(&candidates);
        let share = |name: &str| owners.iter().filter(|owner| **owner == name).count();
        assert!((900..1150).contains(&share("node-0")), "{}", share("node-0"));
        assert!((1900..2200).contains(&share("node-2")), "{}", share("node-2"));
    }

    #[test]
    fn a_node_without_weight_gets_nothing() {
        let candidates = [Candidate { name: "a", weight: 0 }, Candidate { name: "b", weight: 1 }];
        assert_eq!(rank(7, &candidates), [1]);
        assert_eq!(rank(7, &candidates[..1]), Vec::<usize>::new());
    }

    proptest! {
        #[test]
        fn a_node_that_leaves_moves_its_own_shards_alone(count in 2_usize..9, leaves in 0_usize..9) {
            let names = names(count);
            let before = candidates(&names);
            let gone = names[leaves % count].as_str();
            let after: Vec<_> = before.iter().copied().filter(|candidate| candidate.name != gone).collect();
            for (old, new) in owners(&before).into_iter().zip(owners(&after)) {
                prop_assert!(old == gone || old == new);
            }
        }

        #[test]
        fn every_node_comes_to_the_same_order(count in 1_usize..9, shard: u32, turn in 0_usize..9) {
            let names = names(count);
            let mine = candidates(&names);
            let mut theirs = mine.clone();
            theirs.rotate_left(turn % count);
            let order = |of: &[Candidate<'_>]| -> Vec<String> {
                rank(shard, of).into_iter().map(|number| of[number].name.to_owned()).collect()
            };
            prop_assert_eq!(order(&mine), order(&theirs));
        }
    }
}
