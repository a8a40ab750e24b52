//! Permits that a node has taken out of a shared limit. Pure.
//!
//! A node adds a few permits at a time to the shared counter; those of them that lie within the limit are its own.
//! The ranges that nodes take never overlap, so that all of them together never let more through than the limit.

/// A node takes one sixteenth of what is left at a time: little is lost in the stock of a node that is not asked again,
/// and the last of a limit are counted one by one.
const SHARE: u64 = 16;
/// The most that is taken at a time, however large the limit.
const BATCH_MAX: u64 = 64;

/// What a node holds of one limit in one window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Stock {
    /// Permits taken and not used yet.
    permits: u64,
    /// The highest sum of the shared counter that was seen.
    sum: u64,
}

/// What is to be done about one more request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// A permit of the stock was used.
    Through,
    /// The limit is used up, here and everywhere.
    Refused,
    /// So many permits are to be taken from the shared counter.
    Ask(u64),
}

/// How many permits the first request of a window takes.
pub(super) fn first(limit: u64) -> u64 {
    batch(limit, 0)
}

fn batch(limit: u64, sum: u64) -> u64 {
    (limit.saturating_sub(sum) / SHARE).clamp(1, BATCH_MAX)
}

impl Stock {
    /// What is to be done about one more request.
    pub(super) fn next(&mut self, limit: u64) -> Next {
        if self.permits > 0 {
            self.permits -= 1;
            Next::Through
        } else if self.sum >= limit {
            Next::Refused
        } else {
            Next::Ask(batch(limit, self.sum))
        }
    }

    /// Notes that adding `by` made the shared counter `sum`; gives whether the request that asked may pass.
    pub(super) fn granted(&mut self, limit: u64, by: u64, sum: u64) -> bool {
        self.sum = self.sum.max(sum);
        self.permits += by - sum.saturating_sub(limit).min(by);
        let through = self.permits > 0;
        self.permits -= u64::from(through);
        through
    }

    /// How many requests are left, as far as this node knows.
    pub(super) fn remaining(&self, limit: u64) -> u64 {
        limit.saturating_sub(self.sum) + self.permits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// One request at `stock`; `counter` is shared.
    fn request(stock: &mut Stock, counter: &mut u64, limit: u64) -> bool {
        match stock.next(limit) {
            Next::Through => true,
            Next::Refused => false,
            Next::Ask(by) => {
                *counter += by;
                stock.granted(limit, by, *counter)
            }
        }
    }

    proptest! {
        #[test]
        fn nodes_together_never_exceed_the_limit_and_one_node_reaches_it(
            limit in 1_u64..500,
            asked in prop::collection::vec(0_usize..4, 1..1_500),
        ) {
            let (mut stocks, mut counter) = ([Stock::default(); 4], 0);
            let through = asked.iter().filter(|node| request(&mut stocks[**node], &mut counter, limit)).count() as u64;
            prop_assert!(through <= limit);
            let unused: u64 = stocks.iter().map(|stock| stock.permits).sum();
            // Whatever was refused was refused because the rest was in stock elsewhere.
            prop_assert!(through == asked.len() as u64 || through + unused == limit);

            let (mut alone, mut counter) = (Stock::default(), 0);
            let through = asked.iter().filter(|_| request(&mut alone, &mut counter, limit)).count() as u64;
            prop_assert_eq!(through, limit.min(asked.len() as u64));
        }

        #[test]
        fn answers_that_come_late_and_in_any_order_give_no_more_than_the_limit(
            limit in 1_u64..200,
            batches in prop::collection::vec(1_u64..20, 1..60).prop_shuffle(),
        ) {
            let mut sums: Vec<(u64, u64)> = batches.iter().scan(0, |sum, by| { *sum += by; Some((*by, *sum)) }).collect();
            sums.reverse();
            let mut stock = Stock::default();
            let mut through = sums.iter().filter(|(by, sum)| stock.granted(limit, *by, *sum)).count() as u64;
            through += stock.permits;
            prop_assert!(through <= limit);
        }
    }
}
