//! Goes on with erasures that could not be ended, and looks at ended ones again: a node or a store was away.

use async_trait::async_trait;
use enabler_cluster::actor::Fault;

use super::{Done, Hold, Job};
use crate::operator::Panel;

pub(super) const NAME: &str = "erasure";

/// The erasures that are open.
pub(super) struct Erasures {
    pub(super) panel: Panel,
}

#[async_trait]
impl Job for Erasures {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn run(&self, hold: &Hold) -> Result<Done, Fault> {
        let mut unseen = None;
        for watched in self.panel.watched_erasures().await.map_err(Fault::new)? {
            hold.check()?;
            if let Err(why) = self.panel.look_again(watched).await {
                unseen = Some(why);
            }
        }
        let open = self.panel.open_erasures().await.map_err(Fault::new)?;
        let (mut ended, mut left) = (0_u64, Vec::new());
        for subject in &open {
            hold.check()?;
            let receipt = self.panel.erase_what_is_left(subject, &[]).await;
            if receipt["complete"] == true { ended += 1 } else { left.push(subject.document.clone()) }
        }
        if !left.is_empty() {
            let count = left.len();
            left.truncate(10);
            return Err(Fault::new(format!("{count} erasures are still open: {}", left.join(", "))));
        }
        if let Some(why) = unseen {
            return Err(Fault::new(format!("an erasure that had ended could not be looked at again: {why}")));
        }
        Ok(Done { touched: ended, detail: format!("{ended} erasures were brought to their end") })
    }
}
