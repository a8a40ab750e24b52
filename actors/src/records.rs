//! Keeps a record of each answer in the store, when the settings ask for it: for analysts, and gone with its document.

use std::sync::Arc;

use enabler_cluster::owner::Means;
use enabler_storage::chance::Chance;
use enabler_storage::objects::{ObjectStore, PutOutcome};
use enabler_storage::record::{Answered, DocumentRecord, Stood, Words, answer_record_key, question_id};
use enabler_storage::sealed;
use tokio::sync::Semaphore;

use crate::documents::pages::template_of;
use crate::question::{Answer, Ask, Desk};
use crate::shard::Index;

/// Records that are being written at one time; while a store is slow, further ones are left out and counted in the log.
const WRITES_MAX: usize = 64;

/// What is kept of answers. Cheap to clone.
#[derive(Clone)]
pub struct Records {
    store: Arc<dyn ObjectStore>,
    chance: Arc<dyn Chance>,
    /// Whether anything is kept, and whether words are.
    keeps: Option<bool>,
    places: Arc<Semaphore>,
}

impl Records {
    /// Keeps what `setting` says: `off`, `facts` or `words`.
    pub fn new(setting: &str, means: &Means) -> Self {
        let keeps = match setting {
            "facts" => Some(false),
            "words" => Some(true),
            _ => None,
        };
        let (store, chance) = (means.store.clone(), means.chance.clone());
        Records { store, chance, keeps, places: Arc::new(Semaphore::new(WRITES_MAX)) }
    }

    /// Has the record of `answer` written; nobody waits for it.
    pub(crate) fn keep(
        &self,
        desk: &Desk,
        ask: &Ask,
        record: &DocumentRecord,
        answer: &Answer,
        index: &Arc<Index>,
        began_ms: u64,
    ) {
        let Some(with_words) = self.keeps else { return };
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            tracing::warn!(document = %ask.document_id, "an answer is not recorded: the store is slow");
            return;
        };
        let at_ms = desk.clock.now_ms();
        let template = if ask.use_rules { template_of(record) } else { String::new() };
        let rules_hash = if ask.use_rules { desk.crew.rules_hash(&template) } else { String::new() };
        let words = || Words {
            question: ask.question.clone(),
            answer: answer.text.clone(),
            corrections: answer.corrections.clone(),
        };
        let stood = answer.sources.iter().map(|source| Stood {
            page: source.page,
            start: source.start,
            end: source.end,
            score: source.score,
        });
        let answered = Answered {
            at_ms,
            revision: record.revision,
            question_id: question_id(&ask.tenant, &ask.question),
            answered: answer.answered,
            confidence: answer.confidence,
            model: answer.model.clone(),
            cached: answer.cached,
            sources: stood.collect(),
            template,
            rules_hash,
            rules_applied: answer.rules_applied,
            corrections: answer.corrections.len() as u32,
            recipe: desk.recipe_of(&answer.prompt),
            took_ms: desk.clock.uptime_ms().saturating_sub(began_ms),
            words: with_words.then(words),
        };
        let key = answer_record_key(&ask.tenant, ask.document_id, at_ms, self.chance.next_u64());
        let (Ok(key), Ok(bytes)) = (key, sealed::seal(&answered)) else { return };
        let (store, index, document) = (self.store.clone(), index.clone(), ask.document_id);
        tokio::spawn(async move {
            let _place = place;
            if let PutOutcome::Unknown(error) = store.put_new(&key, bytes).await {
                tracing::warn!(%error, %document, "recording an answer");
            }
            // A deletion that came meanwhile has not seen this record.
            let gone =
                tokio::task::spawn_blocking(move || matches!(index.document(document), Ok(None))).await;
            if gone.unwrap_or(false)
                && let Err(error) = store.delete(&key).await
            {
                tracing::warn!(%error, %document, "removing the record of an answer; the next start tries again");
            }
        });
    }
}
