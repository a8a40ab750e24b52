//! Finds out at start, by racing, whether a store keeps its conditions; several S3 servers quietly ignore them.

use bytes::Bytes;
use futures_util::future::join_all;

use super::{ETag, InvalidKey, Key, ObjectStore, PutOutcome, StoreError};
use crate::chance::Chance;

/// Writers that race for one key; enough that a server with a gap between check and write shows it.
const RACERS: usize = 8;

/// Races of each kind; a server with a small gap lost 1 in 100, so a start catches it sooner or later, and
/// a server that ignores conditions is caught by the first.
const ROUNDS: usize = 5;

/// Why a store may not be used.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// Several writers created one object.
    #[error(
        "the object store let {winners} of 8 racing writers create the same object: it ignores `If-None-Match`; use a store with conditional writes"
    )]
    CreateNotExclusive {
        /// Writers that were told that they had created it.
        winners: usize,
    },
    /// Several writers replaced one version, or a stale version was accepted.
    #[error(
        "the object store let {winners} of 8 racing writers replace the same version: it ignores `If-Match`; use a store with conditional writes"
    )]
    ReplaceNotExclusive {
        /// Writers that were told that they had replaced it.
        winners: usize,
    },
    /// A write naming an outdated version was applied.
    #[error(
        "the object store replaced an object although the version named was outdated: it ignores `If-Match`"
    )]
    StaleAccepted,
    /// What was read is not what was acknowledged.
    #[error("the object store did not give back what it had acknowledged, at `{key}`")]
    NotReadBack {
        /// The object.
        key: Key,
    },
    /// A listing or deletion did not show what had been acknowledged before.
    #[error("the object store's listing does not show the state that it had acknowledged")]
    ListingLate,
    /// The store did not answer.
    #[error("probing the object store")]
    Store(#[from] StoreError),
    /// A key for the probe was refused.
    #[error("probing the object store")]
    Key(#[from] InvalidKey),
}

/// Races writers under `v1/probe/{random}` and refuses a store that does not keep the contract.
///
/// # Errors
///
/// A [`ProbeError`] that names what the store does wrong, or that it did not answer.
pub async fn probe(store: &dyn ObjectStore, chance: &dyn Chance) -> Result<(), ProbeError> {
    let prefix = format!("v1/probe/{:032x}", chance.next_u128());
    let mut keys = Vec::new();
    let mut verdict = Ok(());
    for round in 0..ROUNDS {
        let key = Key::new(format!("{prefix}/{round}"))?;
        keys.push(key.clone());
        verdict = round_of(store, &key).await;
        if verdict.is_err() {
            break;
        }
    }
    if verdict.is_ok() {
        let listed = store.list_after(&format!("{prefix}/"), None, ROUNDS + 1).await?;
        let same = listed.len() == keys.len() && listed.iter().zip(&keys).all(|(a, b)| a.key == *b);
        verdict = if same { Ok(()) } else { Err(ProbeError::ListingLate) };
    }
    for key in &keys {
        store.delete(key).await?;
    }
    verdict?;
    let left = store.list_after(&format!("{prefix}/"), None, 1).await?;
    if left.is_empty() { Ok(()) } else { Err(ProbeError::ListingLate) }
}

async fn round_of(store: &dyn ObjectStore, key: &Key) -> Result<(), ProbeError> {
    let body = |writer: usize| Bytes::from(format!("writer {writer}").repeat(50));
    let created = join_all((0..RACERS).map(|writer| store.put_new(key, body(writer)))).await;
    let (winner, first) =
        sole_winner(created)?.map_err(|winners| ProbeError::CreateNotExclusive { winners })?;
    let held = store.get(key).await?.ok_or_else(|| ProbeError::NotReadBack { key: key.clone() })?;
    if held.bytes != body(winner) || held.etag != first {
        return Err(ProbeError::NotReadBack { key: key.clone() });
    }
    let replaced = join_all((0..RACERS).map(|writer| store.put_if(key, &first, body(RACERS + writer)))).await;
    let (winner, second) =
        sole_winner(replaced)?.map_err(|winners| ProbeError::ReplaceNotExclusive { winners })?;
    match store.put_if(key, &first, body(99)).await {
        PutOutcome::Changed => {}
        PutOutcome::Unknown(e) => return Err(e.into()),
        PutOutcome::Done(_) | PutOutcome::Exists => return Err(ProbeError::StaleAccepted),
    }
    let held = store.get(key).await?.ok_or_else(|| ProbeError::NotReadBack { key: key.clone() })?;
    if held.bytes != body(RACERS + winner) || held.etag != second {
        return Err(ProbeError::NotReadBack { key: key.clone() });
    }
    Ok(())
}

/// The one writer that won and its version, or how many won.
fn sole_winner(outcomes: Vec<PutOutcome>) -> Result<Result<(usize, ETag), usize>, StoreError> {
    let mut winners = Vec::new();
    for (writer, outcome) in outcomes.into_iter().enumerate() {
        match outcome {
            PutOutcome::Done(etag) => winners.push((writer, etag)),
            PutOutcome::Unknown(e) => return Err(e),
            PutOutcome::Exists | PutOutcome::Changed => {}
        }
    }
    let count = winners.len();
    Ok(winners.pop().filter(|_| count == 1).ok_or(count))
}
