//! What a key is called in the Redis, and what is stored under it. Pure.
//!
//! A group's values, its index and its tomb share the hash tag `{group}`, so that a cluster keeps them in one slot.

use bytes::{BufMut, Bytes, BytesMut};
use enabler_storage::cache::Group;

/// The member of an index whose score is the group's generation; no value is named so.
pub(crate) const GENERATION: &str = "!";

/// The sorted set that names the values of a group (or the groups of a tenant), each with the second of its expiry,
/// and carries the generation.
pub(crate) fn index(prefix: &str) -> String {
    format!("{{{prefix}}}#")
}

/// The index of what is being deleted.
pub(crate) fn tomb(prefix: &str) -> String {
    format!("{{{prefix}}}!")
}

/// The value `name` of a group.
pub(crate) fn value(prefix: &str, name: &str) -> String {
    format!("{{{prefix}}}={name}")
}

/// The generations that a value was computed under. A deletion removes them, and what carries another pair than the
/// present one is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Generations {
    pub(crate) tenant: u64,
    pub(crate) group: u64,
}

/// Smallest generation: above every second of expiry, so that dropping expired names never drops a generation.
const GENERATION_MIN: u64 = 1 << 52;

/// A generation from a random number. It is random, not counted, so that one that was evicted never comes back.
/// Scores are doubles, which hold 53 bits exactly.
pub(crate) fn generation_of(random: u64) -> u64 {
    GENERATION_MIN | (random >> 12)
}

/// A generation as a score.
#[expect(clippy::cast_precision_loss, reason = "generations have 53 bits")]
pub(crate) fn to_score(generation: u64) -> f64 {
    generation as f64
}

/// A score as a generation.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be in range")]
pub(crate) fn from_score(score: f64) -> Option<u64> {
    let range = to_score(GENERATION_MIN)..to_score(GENERATION_MIN * 2);
    (range.contains(&score) && score.fract() == 0.0).then_some(score as u64)
}

/// Bytes before a value.
const HEAD_BYTES: usize = 16;

/// A value with the generations that it was computed under.
pub(crate) fn sealed(under: Generations, value: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(HEAD_BYTES + value.len());
    bytes.put_u64(under.tenant);
    bytes.put_u64(under.group);
    bytes.put_slice(value);
    bytes.freeze()
}

/// The value, if it was computed under the present generations.
pub(crate) fn opened(present: Generations, mut stored: Bytes) -> Option<Bytes> {
    let value = (stored.len() >= HEAD_BYTES).then(|| stored.split_off(HEAD_BYTES))?;
    (stored == sealed(present, &[])).then_some(value)
}

/// The name of a group's value.
pub(crate) fn value_of(group: &Group<'_>) -> String {
    value(group.prefix, group.name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_group_lies_in_one_slot() {
        let slot = |name: &str| fred::util::redis_keyslot(name.as_bytes());
        let prefix = "dq:1:t:abc:qa:def:";
        assert_eq!(slot(&index(prefix)), slot(&value(prefix, "x")));
        assert_eq!(slot(&tomb(prefix)), slot(&value(prefix, "y")));
    }

    proptest! {
        #[test]
        fn a_value_is_there_under_its_own_generations_only(
            random in any::<[u64; 4]>(),
            value in prop::collection::vec(any::<u8>(), 0..64),
        ) {
            let of = |tenant, group| Generations { tenant: generation_of(tenant), group: generation_of(group) };
            let (put, now) = (of(random[0], random[1]), of(random[2], random[3]));
            let stored = sealed(put, &value);
            prop_assert_eq!(opened(put, stored.clone()), Some(Bytes::from(value.clone())));
            prop_assert_eq!(opened(now, stored).is_some(), put == now);
            prop_assert_eq!(opened(put, Bytes::from(value).slice(0..0)), None);
        }

        #[test]
        fn a_generation_survives_being_a_score(random in any::<u64>()) {
            let generation = generation_of(random);
            prop_assert_eq!(from_score(to_score(generation)), Some(generation));
            prop_assert!(to_score(generation) > 1e12);
        }

        #[test]
        fn no_second_of_expiry_is_a_generation(second in 0_u32..) {
            prop_assert_eq!(from_score(f64::from(second)), None);
        }
    }
}
