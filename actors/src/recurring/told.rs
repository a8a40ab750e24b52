//! What operators are told of recurring work: every job, how its last run ended, when the next one is, who runs it.

use std::time::Duration;

use enabler_cluster::decide::agenda::{self, Due};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::record::{self, JobRecord};
use super::{JOBS, erasures, letters, quality, refresh, retention, standing};
use crate::operator::Panel;

/// How long the store may take to tell.
const TELL_TIME_MAX: Duration = Duration::from_secs(3);

/// How often each job runs, in hours; 0 for only when asked.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pauses {
    /// The retention.
    pub retention_hours: u64,
    /// The sweep of dead letters.
    pub dead_letters_hours: u64,
    /// Erasures that are open.
    pub erasure_hours: u64,
    /// Documents that were made with another model or chunker.
    pub index_refresh_hours: u64,
    /// Runs of the suites of questions.
    pub quality_hours: u64,
}

impl Pauses {
    /// Whether nothing recurs here: there is no scheduler, and nobody who would run what is asked for.
    pub(crate) fn are_none(&self) -> bool {
        JOBS.iter().all(|job| self.hours_of(job) == 0)
    }

    fn hours_of(&self, job: &str) -> u64 {
        match job {
            retention::NAME => self.retention_hours,
            letters::NAME => self.dead_letters_hours,
            erasures::NAME => self.erasure_hours,
            refresh::NAME => self.index_refresh_hours,
            quality::NAME => self.quality_hours,
            _ => 0,
        }
    }
}

impl Panel {
    /// Every recurring job and who runs them.
    pub async fn recurring(&self) -> Value {
        let now_ms = self.now_ms();
        let told = timeout(TELL_TIME_MAX, async {
            let lease = record::read_lease(self.store()).await?;
            let mut jobs = Vec::new();
            for name in JOBS {
                let (found, _) = record::read_job(self.store(), name).await?;
                jobs.push(job(name, self.pauses().hours_of(name), &found, now_ms));
            }
            let lease = lease.map(|(lease, _)| lease).filter(|lease| !lease.is_free);
            let epoch = lease.as_ref().map(|lease| lease.epoch);
            Ok::<_, String>(json!({ "holder": lease.map(|lease| lease.node), "epoch": epoch, "jobs": jobs }))
        });
        let (mut told, trouble) = match told.await {
            Ok(Ok(told)) => (told, None),
            Ok(Err(why)) => (Value::Null, Some(why)),
            Err(_) => (Value::Null, Some("it does not answer".to_owned())),
        };
        if let Some(why) = trouble {
            let unseen = [json!({ "what": "store", "why": why })];
            told = json!({ "holder": null, "epoch": null, "jobs": [], "cannot_see": unseen });
        } else {
            told["cannot_see"] = json!([]);
        }
        told["taken_at_ms"] = now_ms.into();
        told
    }
}

fn job(name: &str, hours: u64, found: &JobRecord, now_ms: u64) -> Value {
    let next = match agenda::due((hours > 0).then(|| hours * 3_600_000), &standing(found), now_ms) {
        Due::At(at_ms) => Some(at_ms),
        Due::Run(_) => Some(now_ms),
        Due::GiveUp | Due::Never => None,
    };
    let running = found.begun.as_ref().map(|begun| {
        json!({
            "node": begun.node,
            "epoch": begun.epoch,
            "since_ms": begun.at_ms,
            "tries": begun.tries,
            "left": begun.left,
        })
    });
    let last = found.last.as_ref().map(|last| {
        json!({
            "number": last.number,
            "node": last.node,
            "epoch": last.epoch,
            "began_ms": last.began_ms,
            "ended_ms": last.ended_ms,
            "outcome": if last.has_failed { "failed" } else { "done" },
            "touched": last.touched,
            "detail": last.detail,
        })
    });
    json!({
        "job": name,
        "every_hours": hours,
        "runs": found.runs,
        "running": running,
        "last": last,
        "next_ms": next,
    })
}
