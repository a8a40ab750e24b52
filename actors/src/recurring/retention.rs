//! Deletes documents whose time is over, like their user would, a few at a time.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use enabler_cluster::actor::Fault;
use enabler_cluster::request::Request;
use enabler_storage::record::DocumentId;

use super::audit::{AuditDesk, Deed};
use super::{Done, Hold, Job};
use crate::calls::EXPIRED;
use crate::operator::Panel;
use crate::router::RouteError;

pub(super) const NAME: &str = "retention";
/// Documents that are deleted before it is noted.
const PORTION: usize = 32;
/// Portions of one run; the next run goes on.
const PORTIONS_MAX: usize = 2_000;
/// The pause between two portions: people wait for the same store.
const PAUSE: Duration = Duration::from_millis(200);
/// How long one deletion may take.
const DELETE_TIME_MAX: Duration = Duration::from_secs(30);
/// Deletions that may fail in one run before it gives up.
const FAILURES_MAX: usize = 100;

/// The retention of all documents.
pub(super) struct Retention {
    pub(super) panel: Panel,
    pub(super) desk: AuditDesk,
    /// How old a document may be, also one that was promised longer when it came.
    pub(super) age_ms: u64,
}

#[async_trait]
impl Job for Retention {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn run(&self, hold: &Hold) -> Result<Done, Fault> {
        let (mut deleted, mut failed) = (0_u64, BTreeSet::new());
        let (mut why, mut silent) = (String::new(), 0);
        for part in 0..PORTIONS_MAX {
            hold.check()?;
            let limit = PORTION + failed.len();
            let (outdated, unheard) = self.panel.outdated(self.age_ms, limit).await;
            silent = unheard;
            let due: Vec<_> =
                outdated.into_iter().filter(|one| !failed.contains(&one.0)).take(PORTION).collect();
            if due.is_empty() {
                break;
            }
            let mut deeds = Vec::new();
            for (id, tenant) in due {
                hold.check()?;
                match self.delete(&id, &tenant).await {
                    Ok(()) => {
                        deleted += 1;
                        deeds.push(Deed { tenant, about: id, reason: "its time is over".to_owned() });
                    }
                    Err(error) => {
                        why = error;
                        failed.insert(id);
                    }
                }
            }
            self.desk.note(NAME, hold, part, &deeds).await?;
            if failed.len() >= FAILURES_MAX {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        if !failed.is_empty() {
            return Err(Fault::new(format!(
                "{deleted} documents were deleted and {} were not: {why}",
                failed.len()
            )));
        }
        let rest = if silent > 0 { format!("; {silent} nodes did not answer") } else { String::new() };
        Ok(Done { touched: deleted, detail: format!("{deleted} documents were deleted{rest}") })
    }
}

impl Retention {
    async fn delete(&self, id: &str, tenant: &str) -> Result<(), String> {
        let document: DocumentId = id.parse().map_err(|_| format!("{id} is no document's id"))?;
        let request = Request::new(id, DELETE_TIME_MAX);
        match self.panel.router.delete(&request, tenant, document, EXPIRED).await {
            // Its user was faster.
            Ok(()) | Err(RouteError::Unknown) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }
}
