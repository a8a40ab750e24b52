//! The values of one label: each gets a number, without a lock, and only so many are named.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What values are counted under for which there is no name left.
pub(crate) const OTHER: &str = "other";
/// The longest value that is told as it is, in bytes; names that people choose are shorter.
const VALUE_BYTES_MAX: usize = 120;

/// How many values a label may have, beside those that the list names. What has no bound here is bounded by the program.
pub(crate) fn values_max(label: &str, tenants_max: usize) -> usize {
    match label {
        "tenant" => tenants_max,
        // Routes, kinds of problems and kinds of actors are those of the program.
        "route" | "kind" => 128,
        "status" => 64,
        // Templates, models, stages, suites: as many as a person reads in one legend.
        _ => 20,
    }
}

/// Values in the order in which they came.
#[derive(Debug)]
pub(crate) enum Values {
    /// Those of the list and no other.
    Fixed(Vec<String>),
    /// Whatever comes, up to a bound.
    Open(Open),
}

/// A value, and its number.
type Slot = OnceLock<(Box<str>, usize)>;

/// A hash table that only grows: looking a value up takes no lock and allocates nothing.
#[derive(Debug)]
pub(crate) struct Open {
    slots: Box<[Slot]>,
    count: AtomicUsize,
    max: usize,
}

impl Values {
    pub(crate) fn fixed(values: &[String]) -> Self {
        Values::Fixed(values.to_vec())
    }

    pub(crate) fn open(max: usize) -> Self {
        // Twice the places, so that a look ends after few steps.
        let slots = (0..(max * 2).next_power_of_two()).map(|_| OnceLock::new()).collect();
        Values::Open(Open { slots, count: AtomicUsize::new(0), max })
    }

    /// How many numbers there are.
    pub(crate) fn width(&self) -> usize {
        match self {
            Values::Fixed(values) => values.len(),
            // The last one is for all others.
            Values::Open(open) => open.max + 1,
        }
    }

    /// The number of `value`; none for one that the list does not have.
    pub(crate) fn number(&self, value: &str) -> Option<usize> {
        match self {
            Values::Fixed(values) => values.iter().position(|own| own == value),
            Values::Open(open) => Some(open.number(value)),
        }
    }

    /// The value with this number.
    pub(crate) fn value(&self, number: usize) -> String {
        match self {
            Values::Fixed(values) => values.get(number).cloned().unwrap_or_default(),
            Values::Open(open) => {
                let known = open.slots.iter().filter_map(OnceLock::get).find(|(_, own)| *own == number);
                known.filter(|_| number < open.max).map_or(OTHER, |(value, _)| value).to_owned()
            }
        }
    }
}

impl Open {
    fn number(&self, value: &str) -> usize {
        if value.len() > VALUE_BYTES_MAX || value == OTHER {
            return self.max;
        }
        let mask = self.slots.len() - 1;
        let start = hash(value) as usize;
        for step in 0..self.slots.len() {
            let Some(slot) = self.slots.get(start.wrapping_add(step) & mask) else { break };
            if slot.get().is_none() && self.count.load(Ordering::Relaxed) >= self.max {
                return self.max;
            }
            // Of two who come at one time one is first; the other sees what it has left here.
            let (own, number) = slot.get_or_init(|| {
                let number = self.count.fetch_add(1, Ordering::Relaxed);
                (value.into(), number.min(self.max))
            });
            if **own == *value {
                return *number;
            }
        }
        self.max
    }
}

/// FNV-1a: short texts, no adversary that could do more than be counted under `other`.
fn hash(value: &str) -> u64 {
    value.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_value_keeps_its_number_and_only_so_many_have_one(
            said in prop::collection::vec("[a-d]{0,3}", 0..80), max in 1_usize..20,
        ) {
            let values = Values::open(max);
            let first: Vec<_> = said.iter().map(|value| values.number(value).unwrap()).collect();
            let again: Vec<_> = said.iter().map(|value| values.number(value).unwrap()).collect();
            prop_assert_eq!(&first, &again);
            for (value, number) in said.iter().zip(first) {
                prop_assert!(number < values.width());
                let told = values.value(number);
                let wanted = if number == max { OTHER } else { value.as_str() };
                prop_assert_eq!(told, wanted);
            }
        }
    }

    #[test]
    fn those_who_come_at_one_time_agree() {
        let values = Values::open(50);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for n in 0..200 {
                        let _ = values.number(&format!("tenant-{n}"));
                    }
                });
            }
        });
        let named = (0..200).filter(|n| values.number(&format!("tenant-{n}")) != Some(50)).count();
        assert!(named <= 50);
        for n in 0..200 {
            let value = format!("tenant-{n}");
            let number = values.number(&value).unwrap();
            assert!(number == 50 || values.value(number) == value);
        }
    }

    #[test]
    fn a_value_that_the_list_does_not_have_is_not_told() {
        let values = Values::fixed(&["hit".to_owned(), "miss".to_owned()]);
        assert_eq!((values.number("miss"), values.number("maybe")), (Some(1), None));
    }
}
