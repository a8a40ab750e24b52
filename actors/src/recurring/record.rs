//! What stands in the store of recurring work: who holds the lease, and one small record for each job.

use enabler_cluster::decide::tenure::Held;
use enabler_cluster::net::NodeId;
use enabler_storage::objects::{ETag, ObjectStore, PutOutcome};
use serde::{Deserialize, Serialize};

use super::Hold;
use crate::kept::{self, bytes, key, read};

/// Where the lease is.
const LEASE: &str = "v1/recurring/lease.json";
/// Where the records of the jobs are.
const JOBS: &str = "v1/recurring/jobs/";
/// How often a change of a record is tried that somebody else changes at the same time.
const TRIES_MAX: usize = 6;

/// The lease. Fields are only ever added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LeaseRecord {
    pub(super) epoch: u64,
    /// Hexadecimal.
    holder: String,
    /// The holder's node, for people.
    pub(super) node: String,
    beat: u64,
    #[serde(default)]
    pub(super) is_free: bool,
}

impl LeaseRecord {
    pub(super) fn of(held: &Held, node: &NodeId) -> Self {
        let Held { epoch, holder, beat, is_free } = *held;
        LeaseRecord { epoch, holder: format!("{holder:032x}"), node: node.name.clone(), beat, is_free }
    }

    pub(super) fn held(&self) -> Held {
        // A holder that cannot be read is nobody's, and is waited for like any other.
        let holder = u128::from_str_radix(&self.holder, 16).unwrap_or(0);
        Held { epoch: self.epoch, holder, beat: self.beat, is_free: self.is_free }
    }
}

/// What is known of a job. Fields are only ever added.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct JobRecord {
    /// Somebody wants it to run now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) asked: Option<Asked>,
    /// A run that has not ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) begun: Option<Begun>,
    /// The number of the last run that ended.
    pub(super) runs: u64,
    /// That run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last: Option<Last>,
    /// When a run last ended well, Unix milliseconds; 0 for never.
    pub(super) ended_well_ms: u64,
}

/// Who wants a run, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Asked {
    at_ms: u64,
    by: String,
    reason: String,
}

/// A run that has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Begun {
    pub(super) number: u64,
    pub(super) epoch: u64,
    pub(super) node: String,
    pub(super) at_ms: u64,
    pub(super) tries: u32,
    /// What is left for it to do, as far as that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) left: Option<u64>,
}

/// A run that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Last {
    pub(super) number: u64,
    pub(super) epoch: u64,
    pub(super) node: String,
    pub(super) began_ms: u64,
    pub(super) ended_ms: u64,
    pub(super) has_failed: bool,
    pub(super) touched: u64,
    pub(super) detail: String,
}

/// The lease as it stands, with its version.
pub(super) async fn read_lease(store: &dyn ObjectStore) -> Result<Option<(LeaseRecord, ETag)>, String> {
    read(store, &key(LEASE)?).await
}

/// Puts the lease in the place of the version `etag`; its own version, or nothing if it was refused.
pub(super) async fn put_lease(
    store: &dyn ObjectStore,
    etag: Option<&ETag>,
    lease: &LeaseRecord,
) -> Result<Option<ETag>, String> {
    let (key, bytes) = (key(LEASE)?, bytes(lease)?);
    let put = match etag {
        None => store.put_new(&key, bytes).await,
        Some(etag) => store.put_if(&key, etag, bytes).await,
    };
    match put {
        PutOutcome::Done(etag) => Ok(Some(etag)),
        PutOutcome::Exists | PutOutcome::Changed => Ok(None),
        PutOutcome::Unknown(error) => Err(error.to_string()),
    }
}

/// What is known of a job; nothing yet is as good as an empty record.
pub(super) async fn read_job(
    store: &dyn ObjectStore,
    name: &str,
) -> Result<(JobRecord, Option<ETag>), String> {
    Ok(match read(store, &key(format!("{JOBS}{name}.json"))?).await? {
        Some((record, etag)) => (record, Some(etag)),
        None => (JobRecord::default(), None),
    })
}

/// Puts a record in the place of the version `etag`; whether it stands there now.
pub(super) async fn put_job(
    store: &dyn ObjectStore,
    name: &str,
    etag: Option<&ETag>,
    record: &JobRecord,
) -> Result<bool, String> {
    kept::put(store, &key(format!("{JOBS}{name}.json"))?, etag, record).await
}

/// Changes a record, if `change` says so of what stands there; whether it was changed.
pub(super) async fn change_job(
    store: &dyn ObjectStore,
    name: &str,
    change: impl Fn(&mut JobRecord) -> bool,
) -> Result<bool, String> {
    for _ in 0..TRIES_MAX {
        let (mut record, etag) = read_job(store, name).await?;
        if !change(&mut record) {
            return Ok(false);
        }
        if put_job(store, name, etag.as_ref(), &record).await? {
            return Ok(true);
        }
    }
    Err("others kept changing it".to_owned())
}

/// Notes how much is left for the run that `hold` is for, if it is still the one under way.
pub(super) async fn note_left(
    store: &dyn ObjectStore,
    name: &str,
    hold: &Hold,
    left: u64,
) -> Result<bool, String> {
    change_job(store, name, |record| match &mut record.begun {
        Some(begun) if (begun.number, begun.epoch) == (hold.number, hold.epoch) => {
            begun.left.replace(left) != Some(left)
        }
        _ => false,
    })
    .await
}

/// Asks for a run of the job `name` as soon as whoever runs the recurring work looks.
///
/// # Errors
/// If it cannot be written down.
pub(crate) async fn ask_for(
    store: &dyn ObjectStore,
    name: &str,
    by: &str,
    reason: &str,
    at_ms: u64,
) -> Result<(), String> {
    let asked = Asked { at_ms, by: by.to_owned(), reason: reason.to_owned() };
    change_job(store, name, |record| {
        record.asked = Some(asked.clone());
        true
    })
    .await
    .map(drop)
}
