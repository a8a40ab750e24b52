//! Decides which texts make the next batch: urgent ones first, each line in order, up to a budget of tokens.

use std::collections::VecDeque;

/// Bytes of Portuguese text per token of the model, rounded down so that estimates err on the large side.
const BYTES_PER_TOKEN: usize = 3;

/// A text of a waiting request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// The request.
    pub id: u64,
    /// Which of its texts.
    pub index: usize,
}

/// The texts that wait.
#[derive(Debug, Default)]
pub struct Line {
    urgent: VecDeque<(Item, usize)>,
    patient: VecDeque<(Item, usize)>,
}

impl Line {
    /// Puts a text of `bytes` bytes at the end of its line.
    pub fn push(&mut self, item: Item, bytes: usize, urgent: bool) {
        let tokens = bytes / BYTES_PER_TOKEN + 2;
        if urgent { self.urgent.push_back((item, tokens)) } else { self.patient.push_back((item, tokens)) }
    }

    /// Takes the next batch: at least one text, then as many as fit into about `tokens_max` tokens.
    ///
    /// While urgent texts wait, a batch takes no other ones: a person would wait for their tokens.
    pub fn take(&mut self, tokens_max: usize) -> Vec<Item> {
        let line = if self.urgent.is_empty() { &mut self.patient } else { &mut self.urgent };
        let (mut batch, mut sum) = (Vec::new(), 0);
        while let Some((item, tokens)) = line.front().copied() {
            if !batch.is_empty() && sum + tokens > tokens_max {
                break;
            }
            line.pop_front();
            batch.push(item);
            sum += tokens;
        }
        batch
    }

    /// Forgets texts whose request is gone.
    pub fn retain(&mut self, keep: impl Fn(&Item) -> bool) {
        self.urgent.retain(|(item, _)| keep(item));
        self.patient.retain(|(item, _)| keep(item));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_question_goes_before_a_thousand_passages() {
        let mut line = Line::default();
        for index in 0..1000 {
            line.push(Item { id: 1, index }, 600, false);
        }
        line.push(Item { id: 2, index: 0 }, 40, true);
        assert_eq!(line.take(4096), [Item { id: 2, index: 0 }]);
        assert!(line.take(4096).iter().all(|item| item.id == 1));
    }

    proptest! {
        #[test]
        fn every_text_is_taken_once_in_order_and_within_the_budget(sizes in prop::collection::vec((0usize..9000, any::<bool>()), 0..80)) {
            let mut line = Line::default();
            for (index, (bytes, urgent)) in sizes.iter().enumerate() {
                line.push(Item { id: u64::from(*urgent), index }, *bytes, *urgent);
            }
            let mut taken = Vec::new();
            loop {
                let batch = line.take(1000);
                if batch.is_empty() { break; }
                let sum: usize = batch.iter().map(|item| sizes[item.index].0 / BYTES_PER_TOKEN + 2).sum();
                prop_assert!(batch.len() == 1 || sum <= 1000);
                taken.extend(batch);
            }
            let expected = [true, false].into_iter().flat_map(|kind| {
                sizes.iter().enumerate().filter(move |(_, size)| size.1 == kind).map(|(index, _)| index)
            });
            prop_assert_eq!(taken.iter().map(|item| item.index).collect::<Vec<_>>(), expected.collect::<Vec<_>>());
        }
    }
}
