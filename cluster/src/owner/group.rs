//! Appends that share an entry: those that came while an entry was being written go into the next one together. Pure.

use enabler_storage::plant;
use enabler_storage::record::Op;

/// Operations of one entry; more would make whoever comes last wait for the others to be applied.
const OPS_MAX: usize = 1_024;

/// Bytes of one entry with the blobs that applying it reads, which are in memory together.
const BYTES_MAX: u64 = 16 << 20;

/// Appends that wait for the next entry, with what answers each of them.
#[derive(Debug)]
pub struct Group<Reply> {
    ops: Vec<Op>,
    replies: Vec<Reply>,
    bytes: u64,
}

impl<Reply> Default for Group<Reply> {
    fn default() -> Self {
        Self { ops: Vec::new(), replies: Vec::new(), bytes: 0 }
    }
}

impl<Reply> Group<Reply> {
    /// Whether an append of `ops` may join; if not, [`Group::take`] first. An empty group takes any.
    #[must_use]
    pub fn has_room_for(&self, ops: &[Op]) -> bool {
        let fits =
            self.ops.len() + ops.len() <= OPS_MAX && self.bytes.saturating_add(size_of(ops)) <= BYTES_MAX;
        fits || self.replies.is_empty()
    }

    /// Takes an append in, behind the others.
    pub fn add(&mut self, ops: Vec<Op>, reply: Reply) {
        self.bytes = self.bytes.saturating_add(size_of(&ops));
        let is_lost = plant::here("late-joiner-is-lost") && !self.replies.is_empty();
        self.ops.extend(ops.into_iter().filter(|_| !is_lost));
        self.replies.push(reply);
    }

    /// The operations of the next entry in the order in which they came, and whom it answers; the group is empty then.
    #[must_use]
    pub fn take(&mut self) -> (Vec<Op>, Vec<Reply>) {
        let Self { ops, replies, .. } = std::mem::take(self);
        (ops, replies)
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.replies.is_empty()
    }
}

fn size_of(ops: &[Op]) -> u64 {
    ops.iter().fold(0, |bytes, op| bytes.saturating_add(op.size_bytes()))
}

#[cfg(test)]
mod tests {
    use enabler_storage::record::{BlobRef, DocumentId};
    use proptest::prelude::*;

    use super::*;

    fn delete(number: u8, reason_bytes: usize) -> Op {
        Op::Deleted { document_id: DocumentId([number; 16]), reason: "r".repeat(reason_bytes) }
    }

    #[test]
    fn a_blob_counts_with_the_operation_that_reads_it() {
        let chunks = BlobRef { key: "k".to_owned(), sha256: [0; 32], size_bytes: BYTES_MAX };
        let ready = Op::Ready { document_id: DocumentId([1; 16]), revision: 1, chunks, processed_ms: 0 };
        let mut group = Group::default();
        assert!(group.has_room_for(std::slice::from_ref(&ready)));
        group.add(vec![ready], ());
        assert!(!group.has_room_for(&[delete(2, 1)]));
    }

    #[test]
    fn an_operation_that_cannot_be_written_fails_alone() {
        let mut group = Group::default();
        group.add(vec![delete(1, 1)], ());
        assert!(!group.has_room_for(&[delete(2, 5 << 20)]));
        let _ = group.take();
        group.add(vec![delete(2, 5 << 20)], ());
        assert!(!group.has_room_for(&[delete(1, 1)]));
    }

    proptest! {
        #[test]
        fn appends_keep_their_order_and_no_entry_exceeds_its_bounds(
            sizes in prop::collection::vec((1_usize..200, 1_usize..200_000), 0..60),
        ) {
            let mut group = Group::default();
            let (mut entries, mut expected) = (Vec::new(), Vec::new());
            for (number, (count, reason_bytes)) in sizes.into_iter().enumerate() {
                let ops: Vec<Op> = (0..count).map(|_| delete(number as u8, reason_bytes / count)).collect();
                expected.extend(ops.clone());
                if !group.has_room_for(&ops) {
                    entries.push(group.take());
                }
                group.add(ops, number);
            }
            entries.push(group.take());
            prop_assert!(group.is_empty());
            for (ops, replies) in &entries {
                let fits = ops.len() <= OPS_MAX && size_of(ops) <= BYTES_MAX;
                prop_assert!(fits || replies.len() == 1);
            }
            let ops: Vec<Op> = entries.iter().flat_map(|(ops, _)| ops.clone()).collect();
            prop_assert_eq!(ops, expected);
            let replies: Vec<usize> = entries.into_iter().flat_map(|(_, replies)| replies).collect();
            prop_assert!(replies.is_sorted());
        }
    }
}
