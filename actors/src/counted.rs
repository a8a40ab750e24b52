//! Counts what was looked for in the cache and how long the stages of an answer take.

use std::future::Future;

use bytes::Bytes;
use enabler_storage::cache::Cache;
use enabler_telemetry::{metrics, trace};
use tokio::time::Instant;

use crate::question::{Answer, AskFailure};

/// The value of `key`, counted as a look for a thing of this kind.
pub(crate) async fn look(cache: &dyn Cache, kind: &'static str, key: &str) -> Option<Bytes> {
    let found = cache.get(key).await;
    let outcome = match &found {
        Some(_) => "hit",
        // A miss and a failure look the same to whoever asks, and not to an operator.
        None if cache.is_up().await => "miss",
        None => "error",
    };
    metrics::CACHE_LOOKUPS.one([kind, outcome]);
    found
}

/// Counts how long one stage of an answer takes, which is a span of its own.
pub(crate) async fn stage<T>(name: &'static str, work: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let done = trace::step(name, work).await;
    metrics::QUESTION_STAGE_SECONDS.took([name], began.elapsed());
    done
}

/// Counts one question to a document with this template, or to all.
pub(crate) fn question(template: &str, tenant: &str, answered: &Result<Answer, AskFailure>, began: Instant) {
    let outcome = match answered {
        Ok(answer) if answer.cached => "cached",
        Ok(answer) if answer.answered => "answered",
        Ok(_) => "not_in_document",
        // Whoever only wants what is remembered asks again when nothing is.
        Err(AskFailure::NotRemembered) => return,
        Err(_) => "failed",
    };
    metrics::QUESTIONS.one([template, tenant, outcome]);
    metrics::QUESTION_SECONDS.took([template], began.elapsed());
}
