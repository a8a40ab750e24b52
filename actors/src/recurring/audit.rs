//! Notes in the audit log what recurring work does to documents, in the same lines as what callers do.

use std::sync::Arc;

use enabler_cluster::actor::Fault;
use enabler_cluster::net::NodeId;
use enabler_storage::clock::Clock;
use enabler_storage::objects::{Key, ObjectStore, PutOutcome};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

use super::Hold;

/// Writes notes.
#[derive(Clone)]
pub(super) struct AuditDesk {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) me: NodeId,
}

/// One thing that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Deed {
    pub(super) tenant: String,
    /// The document, by its id alone.
    pub(super) about: String,
    /// Why, without a word of the document.
    pub(super) reason: String,
}

impl AuditDesk {
    /// Writes what `job` did as one object that is never changed; `part` tells the objects of one run apart.
    pub(super) async fn note(
        &self,
        job: &'static str,
        hold: &Hold,
        part: usize,
        deeds: &[Deed],
    ) -> Result<(), Fault> {
        if deeds.is_empty() {
            return Ok(());
        }
        let at_ms = self.clock.now_ms();
        let text: String = deeds.iter().map(|deed| line(job, hold, deed, at_ms).to_string() + "\n").collect();
        let (day, number, epoch) = (day(at_ms), hold.number, hold.epoch);
        let (name, generation) = (&self.me.name, self.me.generation);
        let key =
            format!("v1/audit/{day}/{name}-{generation:032x}-{job}-{epoch:08}-{number:08}-{part:06}.jsonl");
        let key = Key::new(key).map_err(|error| Fault::from_error("naming a note", &error))?;
        match self.store.put_new(&key, text.into()).await {
            // The name is this node's own: an earlier try whose answer was lost.
            PutOutcome::Done(_) | PutOutcome::Exists | PutOutcome::Changed => Ok(()),
            PutOutcome::Unknown(error) => Err(Fault::from_error("writing the audit log", &error)),
        }
    }
}

fn line(job: &'static str, hold: &Hold, deed: &Deed, at_ms: u64) -> Value {
    json!({
        "at": moment(at_ms).format(&Rfc3339).unwrap_or_default(),
        "action": job,
        "caller": "recurring",
        "tenant": deed.tenant,
        "about": deed.about,
        "address": null,
        "request_id": format!("{job}-{}", hold.number),
        "status": 204,
        "detail": { "epoch": hold.epoch, "reason": deed.reason },
    })
}

fn moment(at_ms: u64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(at_ms) * 1_000_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

fn day(at_ms: u64) -> String {
    moment(at_ms).format(format_description!("[year]-[month]-[day]")).unwrap_or_default()
}
