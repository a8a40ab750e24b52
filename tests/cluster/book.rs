//! What clients were told, for a test that fails at the first broken promise.

use enabler_sim_live::{Book, Door};

use super::truth::Truth;

/// What a test holds a book to.
pub(super) trait MustHold {
    /// Every request that was sent to a node to which nothing was done has succeeded.
    fn expect_no_refusal(&self);
    /// Asks every node for everything, once nothing is under way: nothing lost, nothing twice, nothing back.
    async fn settle(&mut self, doors: &[Door], truth: &Truth);
}

impl MustHold for Book {
    fn expect_no_refusal(&self) {
        assert!(self.refusals().is_empty(), "{}:\n{}", self.summary(), self.refusals().join("\n"));
    }

    async fn settle(&mut self, doors: &[Door], truth: &Truth) {
        self.look_everywhere(doors, truth).await;
        assert!(self.violations().is_empty(), "{}:\n{}", self.summary(), self.violations().join("\n"));
    }
}
