//! The metrics that are recorded where something happens; all others of the list are looked up when somebody asks.

use crate::family::{Counter, Gauge, Histogram, Recorded};

macro_rules! metrics {
    ($($(#[$doc:meta])* $name:ident: $shape:ident<$labels:literal> = $text:literal;)*) => {
        $($(#[$doc])* pub static $name: $shape<$labels> = $shape::named($text);)*

        /// Every one of them.
        pub(crate) fn all() -> Vec<&'static dyn Recorded> {
            vec![$(&$name),*]
        }
    };
}

metrics! {
    /// Route, status.
    HTTP_REQUESTS: Counter<2> = "rag_enabler_http_requests_total";
    /// Route.
    HTTP_SECONDS: Histogram<1> = "rag_enabler_http_request_seconds";
    /// Requests in work.
    HTTP_IN_WORK: Gauge<0> = "rag_enabler_http_requests_in_work";
    /// Reason.
    HTTP_REFUSED: Counter<1> = "rag_enabler_http_refused_total";
    /// Streams.
    HTTP_STREAMS: Gauge<0> = "rag_enabler_http_streams";
    /// Kind of problem.
    ERRORS: Counter<1> = "rag_enabler_errors_total";
    /// Reason.
    CALLERS_REFUSED: Counter<1> = "rag_enabler_callers_refused_total";
    /// Template, tenant, outcome.
    QUESTIONS: Counter<3> = "rag_enabler_questions_total";
    /// Template.
    QUESTION_SECONDS: Histogram<1> = "rag_enabler_question_seconds";
    /// Stage.
    QUESTION_STAGE_SECONDS: Histogram<1> = "rag_enabler_question_stage_seconds";
    /// Template, tenant, outcome.
    UPLOADS: Counter<3> = "rag_enabler_uploads_total";
    /// Template.
    INGEST_ESTIMATED_SECONDS: Histogram<1> = "rag_enabler_ingest_estimated_seconds";
    /// Template, outcome.
    INGEST_SECONDS: Histogram<2> = "rag_enabler_ingest_seconds";
    /// Method, outcome.
    PAGES: Counter<2> = "rag_enabler_pages_total";
    /// Method.
    PAGE_SECONDS: Histogram<1> = "rag_enabler_page_seconds";
    /// Reason.
    READING_CHILDREN_ENDED: Counter<1> = "rag_enabler_reading_children_ended_total";
    /// Role.
    QUEUE_WAIT_SECONDS: Histogram<1> = "rag_enabler_queue_wait_seconds";
    /// Role.
    QUEUE_REFUSED: Counter<1> = "rag_enabler_queue_refused_total";
    /// Model.
    GENERATION_SECONDS: Histogram<1> = "rag_enabler_generation_seconds";
    /// Model.
    FIRST_TOKEN_SECONDS: Histogram<1> = "rag_enabler_generation_first_token_seconds";
    /// Model, direction.
    TOKENS: Counter<2> = "rag_enabler_generation_tokens_total";
    /// Model.
    EMBEDDING_SECONDS: Histogram<1> = "rag_enabler_embedding_seconds";
    /// Model.
    EMBEDDING_TEXTS: Counter<1> = "rag_enabler_embedding_texts_total";
    /// Kind, outcome.
    CACHE_LOOKUPS: Counter<2> = "rag_enabler_cache_lookups_total";
    /// Template, verdict.
    RULES_JUDGED: Counter<2> = "rag_enabler_rules_judged_total";
    /// Operation, outcome.
    STORE_REQUESTS: Counter<2> = "rag_enabler_store_requests_total";
    /// Operation.
    STORE_SECONDS: Histogram<1> = "rag_enabler_store_request_seconds";
    /// Reason.
    SHARD_TAKEOVERS: Counter<1> = "rag_enabler_shard_takeovers_total";
    /// Reason.
    LINK_CUTS: Counter<1> = "rag_enabler_link_cuts_total";
    /// Kind of actor.
    ACTOR_FAILURES: Counter<1> = "rag_enabler_actor_failures_total";
    /// Kind of actor.
    ACTOR_RESTARTS: Counter<1> = "rag_enabler_actor_restarts_total";
    /// Kind of actor.
    ACTOR_ESCALATIONS: Counter<1> = "rag_enabler_actor_escalations_total";
    /// Job, outcome.
    JOB_RUNS: Counter<2> = "rag_enabler_job_runs_total";
    /// Job; in seconds since 1970.
    JOB_LAST_SUCCESS: Gauge<1> = "rag_enabler_job_last_success_timestamp_seconds";
    /// Suite, measure.
    QUALITY_SCORE: Gauge<2> = "rag_enabler_quality_score";
    /// Suite.
    QUALITY_REGRESSED: Gauge<1> = "rag_enabler_quality_regressed";
    /// Outcome.
    SPANS: Counter<1> = "rag_enabler_spans_total";
    /// Reason, outcome.
    ERASURES: Counter<2> = "rag_enabler_erasures_total";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::list::list;

    #[test]
    fn whatever_is_recorded_is_in_the_list_once_with_its_labels() {
        let mut names = BTreeSet::new();
        for recorded in all() {
            let listed = list().find(recorded.name());
            let listed = listed.unwrap_or_else(|| panic!("{} is not listed", recorded.name()));
            assert_eq!(listed.labels.len(), recorded.labels(), "{}", recorded.name());
            assert_eq!(listed.shape, recorded.shape(), "{}", recorded.name());
            assert!(names.insert(recorded.name()), "{} is recorded twice", recorded.name());
        }
    }
}
