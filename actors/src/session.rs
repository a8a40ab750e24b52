//! Conversations: the last questions of a session, and the question that a follow-up means.

use std::sync::Arc;
use std::time::Duration;

use enabler_grounding::question::follow_up;
use enabler_storage::cache::{self, Cache};
use enabler_storage::record::DocumentId;

use crate::counted;
use crate::question::Desk;

/// Questions of a session that are kept: a follow-up takes its subject from one of the last few.
pub const TURNS_MAX: usize = 6;

/// A conversation of a tenant about a document, or about everything.
#[derive(Debug, Clone)]
pub(crate) struct Talk {
    key: Option<String>,
}

impl Talk {
    /// The conversation `session_id`; without one nothing is remembered.
    ///
    /// The key lies under the tenant and the document, so that deleting the document forgets it.
    pub(crate) fn of(tenant: &str, document_id: Option<DocumentId>, session_id: Option<&str>) -> Self {
        Talk { key: session_id.map(|session| cache::session_key(tenant, document_id, session)) }
    }
}

/// The question that `asked` means after `earlier`, oldest first, each of which may itself follow the one before.
pub fn in_full(earlier: &[String], asked: &str) -> String {
    let mut last: Option<String> = None;
    let skipped = earlier.len().saturating_sub(TURNS_MAX);
    for turn in earlier.iter().skip(skipped).map(String::as_str).chain([asked]) {
        let whole = last.as_deref().and_then(|previous| follow_up(previous, turn));
        last = Some(whole.unwrap_or_else(|| turn.to_owned()));
    }
    last.unwrap_or_default()
}

impl Desk {
    /// The question in full: what `earlier` says comes before what the session remembers.
    pub(crate) async fn in_full(&self, talk: &Talk, asked: &str, earlier: &[String]) -> String {
        match &talk.key {
            Some(key) if earlier.is_empty() => in_full(&turns(&self.cache, key).await, asked),
            _ => in_full(earlier, asked),
        }
    }

    /// Adds a question, in full, to its conversation. Only questions are kept: no text of a document outlives it here.
    ///
    /// Of two questions of one session at one time the later alone may be kept; each is answered all the same.
    pub(crate) async fn remember(&self, talk: &Talk, question: &str) {
        let Some(key) = &talk.key else { return };
        let mut turns = turns(&self.cache, key).await;
        turns.push(question.to_owned());
        turns.drain(..turns.len().saturating_sub(TURNS_MAX));
        keep(&self.cache, key, &turns, self.session_ttl).await;
    }
}

async fn turns(cache: &Arc<dyn Cache>, key: &str) -> Vec<String> {
    let kept = counted::look(&**cache, "session", key).await;
    kept.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

async fn keep(cache: &Arc<dyn Cache>, key: &str, turns: &[String], ttl: Duration) {
    if let Ok(bytes) = serde_json::to_vec(turns) {
        cache.put(key, bytes.into(), ttl).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(turns: &[&str]) -> Vec<String> {
        turns.iter().map(|turn| (*turn).to_owned()).collect()
    }

    #[test]
    fn a_follow_up_of_a_follow_up_has_the_first_subject() {
        let earlier = said(&["Qual o prazo do contrato da sala 12?", "E qual é o valor?"]);
        assert_eq!(in_full(&earlier, "E quem é o fiador?"), "quem é o fiador do contrato da sala 12?");
        assert_eq!(in_full(&[], "E quem é o fiador?"), "E quem é o fiador?");
    }

    #[test]
    fn what_lies_further_back_than_the_bound_is_forgotten() {
        let mut earlier = said(&["Qual o prazo do contrato da sala 12?"]);
        earlier.extend(std::iter::repeat_n("Quem assinou a ata da assembleia?".to_owned(), TURNS_MAX));
        assert_eq!(in_full(&earlier, "E quando?"), "quando assinou a ata da assembleia?");
    }

    #[test]
    fn a_session_belongs_to_its_tenant_and_document() {
        let document = Some(DocumentId([1; 16]));
        let talk = Talk::of("ana", document, Some("s")).key.unwrap();
        assert!(talk.starts_with(&cache::session_prefix("ana", document)));
        for other in [
            Talk::of("rui", document, Some("s")),
            Talk::of("ana", None, Some("s")),
            Talk::of("ana", document, Some("t")),
        ] {
            assert_ne!(other.key.unwrap(), talk);
        }
        assert_eq!(Talk::of("ana", document, None).key, None);
    }
}
