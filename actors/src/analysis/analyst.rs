//! Analyses one document: its pages, the profile, the model's help, the rules, the memory of it.

use std::sync::Arc;

use enabler_analysis::{Choice, Page, Profile, Profiles, analyze, colours, shipped};
use enabler_cluster::actor::Fault;
use enabler_cluster::request::{Ended, Request};
use enabler_storage::cache::{self, AnswerKey};
use enabler_storage::objects::ObjectStore;
use enabler_storage::record::{self, BlobRef, DocumentRecord};
use tokio::sync::Semaphore;

use super::{Analysed, Analyze, AnalyzeFailure, judged, model, pages};
use crate::documents::pages::{TEMPLATE_OPEN, chosen};
use crate::question::{AskFailure, Desk};
use crate::shard::Index;

/// The version of how documents are analysed; raised with every change that may alter a result.
const VERSION: &str = "analysis-2";
/// Analyses that wait for their turn, for each that runs; each holds a document's text.
const WAITING_PER_SLOT: usize = 16;

/// Analyses documents of the shards of this node. Cheap to clone.
#[derive(Clone)]
pub struct Analyst {
    desk: Desk,
    store: Arc<dyn ObjectStore>,
    profiles: &'static Profiles,
    /// Analyses that run at one time: they compute, and other work wants the cores too.
    slots: Arc<Semaphore>,
    /// Analyses that run or wait.
    places: Arc<Semaphore>,
}

impl Analyst {
    /// An analyst that runs `slots` analyses at one time.
    pub fn new(desk: Desk, store: Arc<dyn ObjectStore>, slots: usize) -> Self {
        let slots = slots.max(1);
        Analyst {
            desk,
            store,
            profiles: shipped(),
            slots: Arc::new(Semaphore::new(slots)),
            places: Arc::new(Semaphore::new(slots * WAITING_PER_SLOT)),
        }
    }

    /// Analyses a document of `index`.
    ///
    /// # Errors
    /// See [`AnalyzeFailure`].
    pub async fn analyze(
        &self,
        request: &Request,
        wanted: &Analyze,
        index: Arc<Index>,
    ) -> Result<Analysed, AnalyzeFailure> {
        let record = self.desk.ready_for(&index, &wanted.tenant, wanted.document_id)?;
        let named = self.named(wanted, &record)?;
        let key = self.key(wanted, &record, named.as_ref());
        if let Some(bytes) = self.desk.cache.get(&key).await
            && let Ok(analysed) = serde_json::from_slice::<Analysed>(&bytes)
        {
            return Ok(Analysed { cached: true, ..analysed });
        }
        let analysed = self.read(request, wanted, &record, named, &index).await?;
        // The document may have been deleted meanwhile: what is gone says nothing and is not remembered.
        self.desk.ready_for(&index, &wanted.tenant, wanted.document_id)?;
        if let Ok(bytes) = serde_json::to_vec(&analysed) {
            self.desk.cache.put(&key, bytes.into(), self.desk.answer_ttl).await;
        }
        Ok(analysed)
    }

    /// The profile that was asked for, that the uploader chose, or that was chosen when the document was read.
    fn named(&self, wanted: &Analyze, record: &DocumentRecord) -> Result<Option<Choice>, AnalyzeFailure> {
        if let Some(name) = &wanted.profile {
            let known = self.profiles.named(name).is_some();
            let reason = "O perfil foi pedido na requisição.".to_owned();
            return match known {
                true => Ok(Some(Choice { template: name.clone(), reason })),
                false => Err(self.none(Some(name.clone()))),
            };
        }
        let template = &record.template;
        if template != TEMPLATE_OPEN && self.profiles.named(template).is_some() {
            let reason = "O modelo foi escolhido no envio do documento.".to_owned();
            return Ok(Some(Choice { template: template.clone(), reason }));
        }
        // What was read by an earlier version is looked at anew.
        Ok(chosen(record).filter(|choice| self.profiles.named(&choice.template).is_some()))
    }

    fn none(&self, wanted: Option<String>) -> AnalyzeFailure {
        AnalyzeFailure::NoProfile { wanted, known: self.profiles.names().map(str::to_owned).collect() }
    }

    fn key(&self, wanted: &Analyze, record: &DocumentRecord, named: Option<&Choice>) -> String {
        let profile = named.map_or("", |choice| &choice.template);
        let model = if wanted.use_model { self.desk.preferred.as_str() } else { "" };
        cache::answer_key(&AnswerKey {
            tenant: &wanted.tenant,
            document_id: Some(wanted.document_id),
            revision: u64::from(record.revision),
            question: profile,
            model,
            // A document whose profile is still to be chosen has the rules of none.
            rules_hash: &self.desk.crew.rules_hash(profile),
            prompt_version: &self.desk.recipe,
            top_k: 0,
            extra: VERSION,
        })
    }

    async fn read(
        &self,
        request: &Request,
        wanted: &Analyze,
        record: &DocumentRecord,
        named: Option<Choice>,
        index: &Arc<Index>,
    ) -> Result<Analysed, AnalyzeFailure> {
        let blob = record.status.pages.as_ref();
        let blob = blob.ok_or_else(|| AskFailure::NotReady(Box::new(record.clone())))?;
        let pages = self.pages(blob).await?;
        let choice = match named {
            Some(choice) => choice,
            None => self.profiles.choose(&pages),
        };
        // The one that all share: a copy would compile its patterns anew.
        let profile = self.profiles.named(&choice.template).ok_or_else(|| self.none(None))?;
        let (pages, mut analysed) = self.compute(request, pages, profile, choice).await?;
        if wanted.use_model {
            model::fill(&self.desk, request, record, index, &pages, profile, &mut analysed).await;
        }
        let case = judged::case(record, &analysed, &pages);
        match self.desk.crew.judge_answer(request, &case).await {
            Ok(ruled) => analysed.rules = judged::of(ruled),
            Err(error) => tracing::warn!(%error, template = %case.template, "the rules were not applied"),
        }
        Ok(analysed)
    }

    async fn pages(&self, blob: &BlobRef) -> Result<Vec<Page>, AskFailure> {
        let internal = |doing: &str, error: &dyn std::error::Error| {
            AskFailure::Internal(Fault::from_error(doing, error).reason)
        };
        let read = record::read_blob(&*self.store, blob).await;
        let bytes = read.map_err(|error| match error {
            record::BlobError::Store { .. } => AskFailure::Unavailable("the object store".to_owned()),
            error => internal("reading the pages", &error),
        })?;
        let decode = move || record::decode_pages(&bytes).map(|blob| pages(&blob));
        let decoded = tokio::task::spawn_blocking(decode).await;
        let decoded = decoded.map_err(|_| AskFailure::Internal("decoding the pages panicked".to_owned()))?;
        decoded.map_err(|error| internal("decoding the pages", &error))
    }

    /// The analysis itself, on a thread of its own.
    async fn compute(
        &self,
        request: &Request,
        pages: Vec<Page>,
        profile: &'static Profile,
        choice: Choice,
    ) -> Result<(Vec<Page>, Analysed), AskFailure> {
        let _place = self.places.clone().try_acquire_owned().map_err(|_| AskFailure::Overloaded)?;
        let slot = request.run(self.slots.clone().acquire_owned()).await?;
        let slot = slot.map_err(|_| AskFailure::Ended(Ended::Cancelled))?;
        let work = move || {
            // Held until the work is done, also when nobody waits for it any more.
            let _slot = slot;
            let found = analyze(&pages, profile);
            let analysed = Analysed {
                profile: found.profile,
                template_reason: choice.reason,
                result: found.result,
                values: found.values,
                checks: found.checks,
                tables: found.tables,
                colours: colours(profile).to_vec(),
                rules: super::Judged::default(),
                confidence: found.confidence,
                cached: false,
            };
            (pages, analysed)
        };
        let done = request.run(tokio::task::spawn_blocking(work)).await?;
        done.map_err(|_| AskFailure::Internal("analysing the document panicked".to_owned()))
    }
}
