//! Answers a question: search, draft, check against the text, rules, cache.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bincode::{Decode, Encode};
use enabler_cluster::address::Address;
use enabler_cluster::request::{Ended, Request};
use enabler_grounding::answer;
use enabler_grounding::answer::How as Borne;
use enabler_grounding::evidence::{self, Passage};
use enabler_grounding::question::Question;
use enabler_inference::embedding::InputKind;
use enabler_rules::apply::Outcome;
use enabler_storage::cache::{self, AnswerKey, Cache};
use enabler_storage::clock::Clock;
use enabler_storage::record::{DocumentId, DocumentRecord, Vector};
use enabler_storage::shard::{Hit, Query};
use enabler_telemetry::metrics;
use enabler_telemetry::trace::{self, Attribute, Span, Step, Word};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::counted;
use crate::crew::{Case, Crew, CrewError, Ruled};
use crate::documents::pages::template_of;
use crate::embedding::Text;
use crate::evaluator;
use crate::knowledge::passage_of;
use crate::model;
use crate::model::installed::Installed;
use crate::prompts::{Prompts, Version};
use crate::records::Records;
use crate::remembered;
use crate::session::Talk;
use crate::shard::{Index, Shards};
use crate::wire;

/// Passages that are searched beyond those asked for, because the check may find its proof in one of them.
pub(crate) const PASSAGES_MIN: usize = 8;
/// Tokens of passages in a prompt: what a small model on a CPU reads within a second.
const PROMPT_TOKENS_MAX: usize = 900;
/// Tokens of a prompt around its passages at least: instructions, numbers, the question.
const PROMPT_TOKENS_FRAME: usize = 200;
/// Those of them that are not the prompt's own: numbers, the question.
const PROMPT_TOKENS_ASKED: usize = 50;
/// The part of the remaining time that a draft may take; an answer can be given without one.
const DRAFT_SHARE: f64 = 0.7;
/// The rule set of documents whose template has none of its own.
pub(crate) const RULES_DEFAULT: &str = "generic";
/// What is left of the confidence in an answer that a rule objects to.
const DISPUTED_SHARE: f32 = 0.5;

/// Which model writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Choice {
    /// The best one that is installed.
    Auto,
    /// This one, by its name in the catalogue.
    Named(String),
}

/// A question about one document.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ask {
    /// Whose document.
    pub tenant: String,
    /// The document.
    #[serde(with = "as_text")]
    pub document_id: DocumentId,
    /// The question.
    pub question: String,
    /// Which model writes.
    pub model: Choice,
    /// Whether rules are applied.
    pub use_rules: bool,
    /// Sources wanted, 1 to 20.
    pub top_k: usize,
    /// The stream that tells the answer, if one does.
    #[serde(default)]
    pub stream: Option<String>,
    /// The conversation that the question belongs to, in the client's own words.
    #[serde(default)]
    pub session_id: Option<String>,
    /// Questions before this one that the client itself remembers, oldest first.
    #[serde(default)]
    pub earlier: Vec<String>,
    /// Whether only an answer that is remembered is wanted.
    #[serde(default)]
    pub only_remembered: bool,
    /// The version of the prompts that is tried out, if one is: then nothing is recalled and nothing remembered.
    #[serde(default)]
    pub trial: Option<String>,
}

/// How long passages are left for the stream that tells them.
const FOUND_TTL: Duration = Duration::from_secs(120);
/// Under which name they are left.
const FOUND: &str = "found";

/// The passages that were found for a stream, if that is known already.
pub async fn found(
    cache: &dyn Cache,
    tenant: &str,
    document: DocumentId,
    stream: &str,
) -> Option<Vec<Source>> {
    let key = cache::stream_key(tenant, Some(document), stream, FOUND);
    serde_json::from_slice(&cache.get(&key).await?).ok()
}

/// Which document a passage is from, where that is not plain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Encode, Decode)]
pub struct Origin {
    /// The document.
    #[serde(with = "as_text")]
    pub document_id: DocumentId,
    /// The name of the uploaded file.
    pub filename: String,
}

/// A passage that an answer rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Encode, Decode)]
pub struct Source {
    /// The page, from 1.
    pub page: u32,
    /// The passage.
    pub text: String,
    /// 0 to 1.
    pub score: f32,
    /// First character in the page's text.
    pub start: u32,
    /// End in the page's text, in characters, exclusive.
    pub end: u32,
    /// Left, top, right, bottom of each line, in points from the page's top left corner.
    pub boxes: Vec<[f32; 4]>,
    /// Its document, when more than one was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Encode, Decode)]
pub struct Answer {
    /// The text.
    pub text: String,
    /// Whether the document answers the question.
    pub answered: bool,
    /// 0 to 1.
    pub confidence: f32,
    /// Best first.
    pub sources: Vec<Source>,
    /// Whether a rule set was applied.
    pub rules_applied: bool,
    /// What it changed.
    pub corrections: Vec<String>,
    /// The model that wrote the draft.
    pub model: String,
    /// Whether it was remembered.
    pub cached: bool,
    /// The version of the prompts that it was drafted with; empty for one that an older node made.
    #[serde(default)]
    pub prompt: String,
    /// Whether it is the model's own words, which its passages bear.
    #[serde(default)]
    pub drafted: bool,
}

/// Why a question was not answered.
#[derive(Debug, thiserror::Error)]
pub enum AskFailure {
    /// There is no such document for this tenant.
    #[error("there is no such document")]
    Unknown,
    /// The document is still being read, or could not be.
    #[error("the document is not ready")]
    NotReady(Box<DocumentRecord>),
    /// The model is not there; the text says where it was looked for.
    #[error("{explanation}")]
    NoModel {
        /// The model.
        model: String,
        /// Where it was looked for and how to get it.
        explanation: String,
    },
    /// Too many questions wait.
    #[error("too many questions wait")]
    Overloaded,
    /// A part of the node is not there now.
    #[error("{0} is not available")]
    Unavailable(String),
    /// The request ended.
    #[error(transparent)]
    Ended(#[from] Ended),
    /// Only a remembered answer was wanted, and there is none.
    #[error("no answer is remembered")]
    NotRemembered,
    /// An operator has taken the document out of service.
    #[error("an operator has taken the document out of service")]
    Quarantined,
    /// Our own fault.
    #[error("{0}")]
    Internal(String),
}

/// What answering works with.
#[derive(Clone)]
pub struct Desk {
    /// Where documents are.
    pub shards: Shards,
    /// Embeds, writes and applies rules, here or on another node.
    pub crew: Crew,
    /// The name of the embedding model.
    pub embedding_model: String,
    /// The version of it that other nodes embed with.
    pub used: Used,
    /// The models on disk.
    pub models: Installed,
    /// Which model `auto` takes; `auto` itself means the best that is there.
    pub preferred: String,
    /// Answers that may be remembered.
    pub cache: Arc<dyn Cache>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Tokens that a draft may have.
    pub answer_tokens_max: usize,
    /// How long answers are remembered.
    pub answer_ttl: Duration,
    /// How long embeddings are remembered.
    pub embedding_ttl: Duration,
    /// How long a conversation that has gone silent is remembered.
    pub session_ttl: Duration,
    /// A version of the program, which changes answers.
    pub recipe: String,
    /// What drafts are asked for with.
    pub prompts: Prompts,
    /// What is kept of answers.
    pub records: Records,
}

/// The embedding model that texts were last embedded with. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Used(Arc<Mutex<Option<String>>>);

impl Used {
    fn get(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, model_id: &str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(model_id.to_owned());
    }
}

/// The evaluator of one rule set.
#[derive(Clone)]
pub struct Judge {
    /// The rule set's name.
    pub name: String,
    /// The evaluator.
    pub address: Address<evaluator::Message>,
    /// Its version in force.
    pub standing: evaluator::Standing,
}

impl Desk {
    /// Answers `ask` from `index`, which holds the document.
    ///
    /// # Errors
    /// See [`AskFailure`].
    pub async fn answer(
        &self,
        request: &Request,
        ask: &Ask,
        index: Arc<Index>,
    ) -> Result<Answer, AskFailure> {
        let record = self.ready(&index, ask)?;
        let began = Instant::now();
        let answering = self.answer_about(request, ask, &record, index);
        let answered = trace::step("answer", answering).await;
        if ask.trial.is_none() {
            counted::question(&record.template, &ask.tenant, &answered, began);
        }
        answered
    }

    async fn answer_about(
        &self,
        request: &Request,
        ask: &Ask,
        record: &DocumentRecord,
        index: Arc<Index>,
    ) -> Result<Answer, AskFailure> {
        let model = self.choose(&ask.model)?;
        if let Some(version) = &ask.trial {
            let prompt = self.tried(version).await?;
            let answer = self.think(request, ask, record, &index, &How::of(ask, &model, &prompt)).await?;
            self.ready(&index, ask)?;
            return Ok(answer);
        }
        let talk = Talk::of(&ask.tenant, Some(ask.document_id), ask.session_id.as_deref());
        let question = self.in_full(&talk, &ask.question, &ask.earlier).await;
        let ask = &Ask { question, ..ask.clone() };
        self.remember(&talk, &ask.question).await;
        let prompt = self.prompts.now();
        let key = self.key(ask, record, &model, &prompt);
        let began_ms = self.clock.uptime_ms();
        if let Some(answer) = self.recall(&key).await {
            self.records.keep(self, ask, record, &answer, &index, began_ms);
            return Ok(answer);
        }
        if ask.only_remembered {
            return Err(AskFailure::NotRemembered);
        }
        let answer = self.think(request, ask, record, &index, &How::of(ask, &model, &prompt)).await?;
        // The document may have been deleted meanwhile: what is gone answers nothing and is not remembered.
        self.ready(&index, ask)?;
        trace::step("remember", self.cache.put(&key, remembered::packed(&answer), self.answer_ttl)).await;
        self.records.keep(self, ask, record, &answer, &index, began_ms);
        Ok(answer)
    }

    /// The answer to `ask`, which is part of no conversation, if it is remembered.
    pub(crate) async fn remembered(&self, ask: &Ask, index: &Arc<Index>) -> Option<Answer> {
        let record = self.ready(index, ask).ok()?;
        let (model, began) = (self.choose(&ask.model).ok()?, Instant::now());
        let key = self.key(ask, &record, &model, &self.prompts.now());
        // One that is not remembered is looked for once more by whoever answers it.
        let found = counted::stage("cache", self.cache.get(&key)).await?;
        metrics::CACHE_LOOKUPS.one(["answer", "hit"]);
        let answered = Ok(remembered::unpacked(&found)?);
        counted::question(&record.template, &ask.tenant, &answered, began);
        answered.ok()
    }

    async fn recall(&self, key: &str) -> Option<Answer> {
        remembered::unpacked(&counted::stage("cache", counted::look(&*self.cache, "answer", key)).await?)
    }

    /// The version of the prompts that a question on trial is to be answered with.
    pub(crate) async fn tried(&self, version: &str) -> Result<Arc<Version>, AskFailure> {
        self.prompts.named(version).await.map_err(|why| {
            tracing::warn!(why, "a prompt on trial cannot be read");
            AskFailure::Unavailable(format!("the prompt {version}"))
        })
    }

    /// Names the program and the prompts in the keys of remembered answers.
    pub(crate) fn recipe_of(&self, prompt: &str) -> String {
        format!("{}/{prompt}", self.recipe)
    }

    fn key(&self, ask: &Ask, record: &DocumentRecord, model: &str, prompt: &Version) -> String {
        let rules = if ask.use_rules { self.crew.rules_hash(&template_of(record)) } else { String::new() };
        cache::answer_key(&AnswerKey {
            tenant: &ask.tenant,
            document_id: Some(ask.document_id),
            revision: u64::from(record.revision),
            question: &ask.question,
            model,
            rules_hash: &rules,
            prompt_version: &self.recipe_of(&prompt.name),
            top_k: ask.top_k as u32,
            extra: "",
        })
    }

    fn ready(&self, index: &Arc<Index>, ask: &Ask) -> Result<DocumentRecord, AskFailure> {
        self.ready_for(index, &ask.tenant, ask.document_id)
    }

    /// The document `id` of `tenant`, if it can be asked.
    pub(crate) fn ready_for(
        &self,
        index: &Arc<Index>,
        tenant: &str,
        id: DocumentId,
    ) -> Result<DocumentRecord, AskFailure> {
        // One row, some pages of mapped memory: sooner done than handed to another thread.
        let found = self.was_read(id, index.document(id))?;
        let now_ms = self.clock.now_ms();
        let mine = found.filter(|record| record.tenant == tenant && record.is_live(now_ms));
        let record = mine.ok_or(AskFailure::Unknown)?;
        if crate::documents::document::is_ready(&record) {
            Ok(record)
        } else {
            Err(AskFailure::NotReady(Box::new(record)))
        }
    }

    pub(crate) fn choose(&self, choice: &Choice) -> Result<String, AskFailure> {
        let name = match choice {
            Choice::Named(name) => name,
            Choice::Auto => &self.preferred,
        };
        if self.crew.here().hosts.is_none() {
            return self.crew.model(name).ok_or_else(|| {
                AskFailure::Unavailable(format!("the language model `{name}`, which no node has ready,"))
            });
        }
        // One that a provider has is in no catalogue; the settings name it, and its host is there.
        if crate::far::is_named(name) && name == &self.preferred {
            return Ok(name.clone());
        }
        match self.models.named(name) {
            Ok(Ok(model)) => Ok(model.to_owned()),
            Ok(Err(missing)) => Err(AskFailure::NoModel {
                model: missing.model().name.to_owned(),
                explanation: model::missing(&missing),
            }),
            Err(error) => Err(AskFailure::NoModel { model: name.clone(), explanation: error.to_string() }),
        }
    }

    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        id: DocumentId,
        work: impl FnOnce() -> Result<T, enabler_storage::shard::ShardError> + Send + 'static,
    ) -> Result<T, AskFailure> {
        let done = tokio::task::spawn_blocking(work).await;
        self.was_read(id, done.map_err(|_| AskFailure::Internal("reading the index panicked".to_owned()))?)
    }

    fn was_read<T>(
        &self,
        id: DocumentId,
        read: Result<T, enabler_storage::shard::ShardError>,
    ) -> Result<T, AskFailure> {
        read.map_err(|error| {
            if error.is_damage() {
                // Refused now, rebuilt next: a damaged index never answers.
                self.shards.damaged(id, error.to_string());
                return AskFailure::Unavailable("the shard, whose index is being rebuilt".to_owned());
            }
            let fault = enabler_cluster::actor::Fault::from_error("reading the index", &error);
            AskFailure::Internal(fault.reason)
        })
    }

    async fn think(
        &self,
        request: &Request,
        ask: &Ask,
        record: &DocumentRecord,
        index: &Arc<Index>,
        how: &How<'_>,
    ) -> Result<Answer, AskFailure> {
        let template = ask.use_rules.then(|| template_of(record));
        let wanted = self.expanded(request, template.as_deref(), &ask.question);
        let wanted = counted::stage("expand", wanted).await;
        let meant = counted::stage("embed", self.vector_of(request, &ask.question)).await?;
        let hits = counted::stage("search", self.search(ask, index, wanted, meant.clone())).await?;
        let hits: Vec<_> = hits.into_iter().map(|hit| passage_of(hit, record)).collect();
        self.leave(ask, &hits).await;
        let found = Found { question: &ask.question, meant, hits, of_many: false };
        self.conclude(request, &found, how).await
    }

    /// The embedding of a question.
    pub(crate) async fn vector_of(&self, request: &Request, question: &str) -> Result<Meant, AskFailure> {
        let (model_id, mut vectors) = self.embed(request, vec![asked(question)]).await?;
        Ok(Meant { model_id, vector: vectors.pop().unwrap_or_default() })
    }

    /// How near each text is to the question, by one model.
    async fn cosines(
        &self,
        request: &Request,
        found: &Found<'_>,
        texts: Vec<Text>,
    ) -> Result<Vec<f32>, AskFailure> {
        let (model_id, vectors) = self.embed(request, texts.clone()).await?;
        if model_id == found.meant.model_id || texts.is_empty() {
            return Ok(vectors.iter().map(|other| cosine(&found.meant.vector, other)).collect());
        }
        // Nodes are being restarted with another model: one message is embedded by one node.
        let together = std::iter::once(asked(found.question)).chain(texts).collect();
        let (_, vectors) = self.compute(request, together).await?;
        let (question, texts) =
            vectors.split_first().ok_or_else(|| AskFailure::Internal("no vector came back".to_owned()))?;
        Ok(texts.iter().map(|other| cosine(question, other)).collect())
    }

    /// Answers from what was found.
    pub(crate) async fn conclude(
        &self,
        request: &Request,
        found: &Found<'_>,
        how: &How<'_>,
    ) -> Result<Answer, AskFailure> {
        let (hits, model) = (&found.hits, how.model);
        let question = Question::read(found.question);
        let passages: Vec<Passage> = hits.iter().map(|hit| passage(hit, found.of_many)).collect();
        let candidates = evidence::candidates(&question, &passages);
        let texts = candidates
            .iter()
            .map(|candidate| Text { kind: InputKind::Passage, text: candidate.text_to_embed.clone() })
            .collect();
        let draft = self.draft(request, &question, &passages, how);
        let cosines = counted::stage("embed", self.cosines(request, found, texts));
        let (cosines, draft) = tokio::join!(cosines, counted::stage("draft", draft));
        let (holding, held) = (Instant::now(), Span::of("hold"));
        let (cosines, draft) = (cosines?, draft?);
        let decided = answer::decide(&question, &passages, &candidates, &cosines, draft.as_deref());
        metrics::QUESTION_STAGE_SECONDS.took(["hold"], holding.elapsed());
        drop(held);
        // The rules of the document that the answer rests on.
        let first = decided.sources.first().and_then(|first| hits.get(*first));
        let case = Case {
            template: first.map_or(RULES_DEFAULT, |hit| &hit.template).to_owned(),
            question: found.question.to_owned(),
            answer: decided.text,
            passages: hits.iter().map(|hit| (Some(hit.page), hit.text.clone())).collect(),
            confidence: Some(f64::from(decided.confidence)),
            metadata: first.map(|hit| metadata(&hit.metadata_json)).unwrap_or_default(),
            // Rules correct what was answered; they do not answer in the document's place.
            correct: decided.answered,
        };
        let corrected = counted::stage("judge", self.rules(request, how.use_rules, case)).await;
        let doubt = if corrected.disputed { DISPUTED_SHARE } else { 1.0 };
        Ok(Answer {
            text: corrected.text,
            answered: decided.answered,
            confidence: decided.confidence.clamp(0.0, 1.0) * doubt,
            sources: sources(found, &decided.sources, how.top_k),
            rules_applied: corrected.applied,
            corrections: corrected.corrections,
            model: model.to_owned(),
            cached: false,
            prompt: how.prompt.name.clone(),
            drafted: decided.support.iter().any(|support| support.how == Borne::Draft),
        })
    }

    /// Leaves what was found for the stream that tells the answer, before anything is written.
    async fn leave(&self, ask: &Ask, hits: &[wire::Hit]) {
        let Some(stream) = &ask.stream else { return };
        let found: Vec<Source> = hits.iter().take(ask.top_k).map(|hit| source(hit, false)).collect();
        if let Ok(bytes) = serde_json::to_vec(&found) {
            let key = cache::stream_key(&ask.tenant, Some(ask.document_id), stream, FOUND);
            self.cache.put(&key, bytes.into(), FOUND_TTL).await;
        }
    }

    /// Embeds `texts` with one model, which is told, those that it embedded lately from memory: questions about one
    /// document look at the same sentences again and again.
    async fn embed(
        &self,
        request: &Request,
        texts: Vec<Text>,
    ) -> Result<(String, Vec<Vec<f32>>), AskFailure> {
        let model = self.model_in_use();
        let mut vectors = Vec::with_capacity(texts.len());
        for text in &texts {
            let known = match &model {
                Some(model) => counted::look(&*self.cache, "embedding", &embedding_key(model, text)).await,
                None => None,
            };
            vectors.push(known.map(|bytes| Vector::from_bytes(bytes.to_vec()).to_f32()));
        }
        let missing: Vec<Text> = texts
            .iter()
            .zip(&vectors)
            .filter(|(_, known)| known.is_none())
            .map(|(text, _)| text.clone())
            .collect();
        if missing.is_empty() {
            return Ok((model.unwrap_or_default(), vectors.into_iter().flatten().collect()));
        }
        let is_all = missing.len() == texts.len();
        let (mut fresh_model, mut fresh) = self.compute(request, missing).await?;
        if !is_all && model.as_ref() != Some(&fresh_model) {
            // What is remembered is of another model than the node embeds with that was asked.
            vectors.fill(None);
            (fresh_model, fresh) = self.compute(request, texts.clone()).await?;
        }
        let mut fresh = fresh.into_iter();
        for (place, text) in vectors.iter_mut().zip(&texts).filter(|(place, _)| place.is_none()) {
            let vector = fresh.next().unwrap_or_default();
            let kept = Vector::from_f32(&vector);
            let key = embedding_key(&fresh_model, text);
            self.cache.put(&key, kept.as_bytes().to_vec().into(), self.embedding_ttl).await;
            // As it will be remembered: the same question then finds the same, bit for bit, whoever answers it again.
            *place = Some(kept.to_f32());
        }
        self.used.note(&fresh_model);
        Ok((fresh_model, vectors.into_iter().flatten().collect()))
    }

    /// The embedding model by its version: that of this node, else the one that another node last embedded with.
    fn model_in_use(&self) -> Option<String> {
        let here = self.crew.here().embedding.as_ref().and_then(|(_, shared)| shared.model().ok());
        here.map(|model| model.model_id().to_owned()).or_else(|| self.used.get())
    }

    /// Embeds `texts` by one message, and so with one model, which is told.
    async fn compute(
        &self,
        request: &Request,
        texts: Vec<Text>,
    ) -> Result<(String, Vec<Vec<f32>>), AskFailure> {
        self.crew.embed(request, &texts, true).await.map_err(refused)
    }

    async fn search(
        &self,
        ask: &Ask,
        index: &Arc<Index>,
        wanted: String,
        meant: Meant,
    ) -> Result<Vec<Hit>, AskFailure> {
        let (index, ask_again, now_ms) = (index.clone(), ask.clone(), self.clock.now_ms());
        let search = move || {
            index.search(&Query {
                text: &wanted,
                vector: Some(&meant.vector),
                model: &meant.model_id,
                tenant: &ask_again.tenant,
                documents: Some(&[ask_again.document_id]),
                metadata: &[],
                top_k: ask_again.top_k.max(PASSAGES_MIN),
                now_ms,
                merge_neighbours: false,
            })
        };
        self.blocking(ask.document_id, search).await
    }

    /// The model's own words, if it finds some in time. A model that fails costs the draft, not the answer.
    async fn draft(
        &self,
        request: &Request,
        question: &Question,
        passages: &[Passage],
        how: &How<'_>,
    ) -> Result<Option<String>, AskFailure> {
        if passages.is_empty() {
            return Ok(None);
        }
        let (model, template) = (how.model, how.prompt.template(question.language));
        let frame = (template.size(&tokens) + PROMPT_TOKENS_ASKED).max(PROMPT_TOKENS_FRAME);
        let passages = for_prompt(passages, frame);
        let built = template.fill(question, &passages, PROMPT_TOKENS_MAX, &tokens);
        let part = request.part(request.left().mul_f64(DRAFT_SHARE));
        let prompt = model::Prompt { system: built.system, user: built.user };
        let mut span = Span::of("prompt");
        if span.is_recorded() {
            span.note(Attribute::PromptVersion(Word::of(&built.version)));
            span.note(Attribute::GenAiModel(Word::of(model)));
        }
        match Step::of(span, self.crew.write(&part, model, &prompt, self.answer_tokens_max)).await {
            Ok(text) => Ok(Some(text).filter(|text| !text.is_empty())),
            Err(CrewError::Failed(failure)) => {
                tracing::warn!(failure, "no draft");
                Ok(None)
            }
            Err(CrewError::Ended(Ended::TimedOut)) if request.ended().is_none() => {
                tracing::warn!(model, "the draft took too long; the answer goes without it");
                Ok(None)
            }
            Err(error @ (CrewError::Lost(_) | CrewError::Nobody { .. })) => {
                tracing::warn!(%error, "the draft was lost; the answer goes without it");
                Ok(None)
            }
            Err(error) => Err(refused(error)),
        }
    }

    /// The question with the words that its intent adds to a search.
    pub(crate) async fn expanded(&self, request: &Request, template: Option<&str>, question: &str) -> String {
        let Some(template) = template else { return question.to_owned() };
        match self.crew.expand(request, template, question).await {
            Ok(expanded) => expanded,
            Err(error) => {
                tracing::warn!(%error, template, "the question was not expanded");
                question.to_owned()
            }
        }
    }

    async fn rules(&self, request: &Request, use_rules: bool, case: Case) -> Ruled {
        let unruled = |text| Ruled { text, ..Ruled::default() };
        if !use_rules {
            return unruled(case.answer);
        }
        match self.crew.judge_answer(request, &case).await {
            Ok(ruled) => ruled,
            Err(error) => {
                tracing::warn!(%error, template = %case.template, "the rules were not applied");
                unruled(case.answer)
            }
        }
    }
}

/// What the rules changed and what they object to, one sentence each.
pub(crate) fn told(outcome: &Outcome) -> Vec<String> {
    let corrections = outcome.corrected_by.iter().map(|rule| format!("Regra '{rule}': Resposta corrigida"));
    let objections =
        outcome.objections.iter().map(|objection| format!("Regra '{}': {}", objection.rule, objection.text));
    outcome.normalisations.iter().cloned().chain(corrections).chain(objections).collect()
}

/// The top level of a document's metadata, as texts.
pub(crate) fn metadata(json: &str) -> Vec<(String, String)> {
    let Ok(serde_json::Value::Object(map)) = serde_json::from_str(json) else { return Vec::new() };
    map.into_iter()
        .map(|(key, value)| match value {
            serde_json::Value::String(text) => (key, text),
            other => (key, other.to_string()),
        })
        .collect()
}

/// About how many tokens a text has; on the large side, because a prompt that is too long is slow.
pub(crate) fn tokens(text: &str) -> usize {
    text.len() / 3 + 1
}

/// The best passages that fit a prompt, in the order of the document: another question about the same
/// passages then begins with the same tokens, which the model host need not compute again.
fn for_prompt(passages: &[Passage], frame_tokens: usize) -> Vec<Passage> {
    let mut left = PROMPT_TOKENS_MAX.saturating_sub(frame_tokens);
    let mut chosen: Vec<&Passage> = Vec::new();
    for passage in passages {
        let size = tokens(&passage.text) + tokens(&passage.context);
        if size > left {
            break;
        }
        left -= size;
        chosen.push(passage);
    }
    chosen.extend(passages.first().filter(|_| chosen.is_empty()));
    chosen.sort_by(|a, b| (a.page, &a.text).cmp(&(b.page, &b.text)));
    chosen.into_iter().cloned().collect()
}

pub(crate) fn refused(error: CrewError) -> AskFailure {
    match error {
        CrewError::Overloaded => AskFailure::Overloaded,
        CrewError::NoModel { model, explanation } => AskFailure::NoModel { model, explanation },
        CrewError::Ended(ended) => AskFailure::Ended(ended),
        CrewError::Nobody { role } => AskFailure::Unavailable(format!("a node with the role `{role}`")),
        CrewError::Lost(path) => AskFailure::Unavailable(path),
        error @ (CrewError::Failed(_) | CrewError::Original(_)) => AskFailure::Internal(error.to_string()),
    }
}

/// Document ids as people and JSON write them.
pub(crate) mod as_text {
    use enabler_storage::record::DocumentId;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(id: &DocumentId, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(id)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<DocumentId, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(|_| serde::de::Error::custom("this is no document id"))
    }
}

fn embedding_key(model: &str, text: &Text) -> String {
    let kind = if text.kind == InputKind::Query { "query" } else { "passage" };
    cache::embedding_key(model, &format!("{kind}: {}", text.text))
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The embedding of a question, and the model that it is of.
#[derive(Debug, Clone)]
pub(crate) struct Meant {
    pub(crate) model_id: String,
    pub(crate) vector: Vec<f32>,
}

fn asked(question: &str) -> Text {
    Text { kind: InputKind::Query, text: question.to_owned() }
}

/// What was found for a question.
pub(crate) struct Found<'a> {
    pub(crate) question: &'a str,
    /// The question's embedding.
    pub(crate) meant: Meant,
    /// Best first.
    pub(crate) hits: Vec<wire::Hit>,
    /// Whether more than one document was searched.
    pub(crate) of_many: bool,
}

/// How an answer is made of it.
pub(crate) struct How<'a> {
    pub(crate) model: &'a str,
    pub(crate) use_rules: bool,
    /// Sources wanted.
    pub(crate) top_k: usize,
    /// The version of the prompts.
    pub(crate) prompt: &'a Version,
}

impl<'a> How<'a> {
    fn of(ask: &Ask, model: &'a str, prompt: &'a Version) -> Self {
        How { model, use_rules: ask.use_rules, top_k: ask.top_k, prompt }
    }
}

fn passage(hit: &wire::Hit, of_many: bool) -> Passage {
    // Among many documents a passage is also about what its file is called.
    let title = if of_many { title(&hit.filename) } else { String::new() };
    let parts = [title.as_str(), &hit.context].into_iter().filter(|part| !part.is_empty());
    Passage {
        page: hit.page,
        text: hit.text.clone(),
        context: parts.collect::<Vec<_>>().join("\n"),
        score: hit.score,
    }
}

fn title(filename: &str) -> String {
    let stem = filename.rsplit_once('.').map_or(filename, |(stem, _)| stem);
    stem.split(['_', '-', ' ']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The passages that the answer rests on first, then the others as they were ranked.
fn sources(found: &Found<'_>, supporting: &[usize], top_k: usize) -> Vec<Source> {
    let rest = (0..found.hits.len()).filter(|n| !supporting.contains(n));
    let order = supporting.iter().copied().chain(rest);
    let hits = order.filter_map(|n| found.hits.get(n)).take(top_k);
    hits.map(|hit| source(hit, found.of_many)).collect()
}

fn source(hit: &wire::Hit, of_many: bool) -> Source {
    let origin = || Origin { document_id: hit.document_id, filename: hit.filename.clone() };
    Source {
        page: hit.page,
        text: hit.text.clone(),
        score: hit.score.clamp(0.0, 1.0),
        start: hit.start,
        end: hit.end,
        boxes: hit.boxes.clone(),
        origin: of_many.then(origin),
    }
}
