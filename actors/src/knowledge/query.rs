//! Answers a question from whatever of a tenant's documents holds the answer.

use std::collections::BTreeMap;

use enabler_cluster::request::{Ended, Request};
use enabler_storage::cache::{self, AnswerKey};
use enabler_storage::record::DocumentId;
use futures_util::future::try_join_all;
use tokio::time::Instant;

use super::Seek;
use crate::counted;
use crate::question::{Answer, AskFailure, Choice, Found, How, PASSAGES_MIN, RULES_DEFAULT};
use crate::remembered;
use crate::router::{RouteError, Router};
use crate::session::Talk;
use crate::wire::Hit;

/// The part of a question's time in which every shard must have answered; the rest is for the answer.
const SEARCH_SHARE: f64 = 0.5;
/// What stands for a template where questions to all documents are counted.
const ALL: &str = "all";
/// Answers that are thrown away because a document of theirs went while they were written; then it is asked later.
const TRIES_MAX: usize = 2;

/// A question to everything that a tenant has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inquiry {
    /// Whose documents.
    pub tenant: String,
    /// The question.
    pub question: String,
    /// Which model writes.
    pub model: Choice,
    /// Whether rules are applied.
    pub use_rules: bool,
    /// Sources wanted, 1 to 20.
    pub top_k: usize,
    /// Facts that a document must have; see [`super::facts::fit`].
    pub filters: Vec<(String, String)>,
    /// The conversation that the question belongs to, in the client's own words.
    pub session_id: Option<String>,
    /// Questions before this one that the client itself remembers, oldest first.
    pub earlier: Vec<String>,
    /// Whether only an answer that is remembered is wanted.
    pub only_remembered: bool,
    /// The version of the prompts that is tried out, if one is: then nothing is recalled and nothing remembered.
    pub trial: Option<String>,
}

impl Router {
    /// Answers `inquiry`; each source says which document it is from.
    ///
    /// What is remembered is the answer to a question *and what was found for it*: every document is searched each time,
    /// so that a new, changed or deleted one counts at once.
    ///
    /// # Errors
    /// See [`AskFailure`]; also when a single shard cannot be asked.
    pub async fn query(&self, request: &Request, inquiry: &Inquiry) -> Result<Answer, AskFailure> {
        let began = Instant::now();
        let answered = self.answer(request, inquiry).await;
        if inquiry.trial.is_none() {
            counted::question(ALL, &inquiry.tenant, &answered, began);
        }
        answered
    }

    async fn answer(&self, request: &Request, inquiry: &Inquiry) -> Result<Answer, AskFailure> {
        let desk = &self.calls.desk;
        let model = desk.choose(&inquiry.model)?;
        let talk = Talk::of(&inquiry.tenant, None, inquiry.session_id.as_deref());
        let question = desk.in_full(&talk, &inquiry.question, &inquiry.earlier).await;
        desk.remember(&talk, &question).await;
        let prompt = match &inquiry.trial {
            Some(version) => desk.tried(version).await?,
            None => desk.prompts.now(),
        };
        let how = How { model: &model, use_rules: inquiry.use_rules, top_k: inquiry.top_k, prompt: &prompt };
        for _ in 0..TRIES_MAX {
            let found = self.find(request, inquiry, &question).await?;
            if inquiry.trial.is_some() {
                return desk.conclude(request, &found, &how).await;
            }
            let key = self.key(inquiry, &found, &how);
            let known = counted::stage("cache", counted::look(&*desk.cache, "answer", &key)).await;
            if let Some(answer) = known.and_then(|bytes| remembered::unpacked(&bytes)) {
                return Ok(answer);
            }
            if inquiry.only_remembered {
                return Err(AskFailure::NotRemembered);
            }
            let answer = desk.conclude(request, &found, &how).await?;
            if self.are_there(request, &inquiry.tenant, &found.hits).await? {
                desk.cache.put(&key, remembered::packed(&answer), desk.answer_ttl).await;
                return Ok(answer);
            }
        }
        Err(AskFailure::Unavailable("a document that went while it was read".to_owned()))
    }

    async fn find<'q>(
        &self,
        request: &Request,
        inquiry: &Inquiry,
        question: &'q str,
    ) -> Result<Found<'q>, AskFailure> {
        let desk = &self.calls.desk;
        let part = request.part(request.left().mul_f64(SEARCH_SHARE));
        // Whose rules answer is known when it is known whose document does; the words to look for are general.
        let template = inquiry.use_rules.then_some(RULES_DEFAULT);
        let words = counted::stage("expand", desk.expanded(&part, template, question)).await;
        let meant = counted::stage("embed", desk.vector_of(&part, question)).await?;
        let seek = Seek {
            tenant: inquiry.tenant.clone(),
            text: question.to_owned(),
            filters: inquiry.filters.clone(),
            top_k: inquiry.top_k.max(PASSAGES_MIN),
        };
        match counted::stage("search", self.scatter(&part, &seek, &words, &meant)).await {
            Ok(hits) => Ok(Found { question, meant, hits, of_many: true }),
            Err(AskFailure::Ended(Ended::TimedOut)) if request.ended().is_none() => {
                Err(AskFailure::Unavailable("a shard of the knowledge base, which is slow,".to_owned()))
            }
            Err(failure) => Err(failure),
        }
    }

    /// Whether every document that was read is still there as it was.
    async fn are_there(&self, request: &Request, tenant: &str, hits: &[Hit]) -> Result<bool, AskFailure> {
        let documents: BTreeMap<DocumentId, u32> =
            hits.iter().map(|hit| (hit.document_id, hit.revision)).collect();
        let looks = documents.into_iter().map(|(id, revision)| async move {
            match self.document(request, tenant, id).await {
                Ok(found) => Ok(found.record.revision == revision),
                Err(RouteError::Unknown) => Ok(false),
                Err(error) => Err(super::not_searched(self.shards.of(id), error)),
            }
        });
        // No more than the passages of one prompt.
        Ok(try_join_all(looks).await?.into_iter().all(|is_there| is_there))
    }

    fn key(&self, inquiry: &Inquiry, found: &Found<'_>, how: &How<'_>) -> String {
        let desk = &self.calls.desk;
        let mut templates: Vec<&str> = found.hits.iter().map(|hit| hit.template.as_str()).collect();
        templates.sort_unstable();
        templates.dedup();
        let hashes = templates.iter().map(|template| desk.crew.rules_hash(template));
        let rules = if inquiry.use_rules { hashes.collect::<Vec<_>>().join("+") } else { String::new() };
        cache::answer_key(&AnswerKey {
            tenant: &inquiry.tenant,
            document_id: None,
            revision: 0,
            question: found.question,
            model: how.model,
            rules_hash: &rules,
            prompt_version: &desk.recipe_of(&how.prompt.name),
            top_k: inquiry.top_k as u32,
            extra: &fingerprint(&found.hits),
        })
    }
}

/// Names what was found: the passages in their order, each with its score, which may decide between two.
fn fingerprint(hits: &[Hit]) -> String {
    let mut hash = blake3::Hasher::new();
    for hit in hits {
        hash.update(&hit.document_id.0)
            .update(&hit.revision.to_le_bytes())
            .update(&hit.ordinal.to_le_bytes())
            .update(&hit.score.to_bits().to_le_bytes());
    }
    hash.finalize().to_hex().to_string()
}
