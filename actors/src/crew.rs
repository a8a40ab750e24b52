//! Finds whoever does a piece of work: this node or another one with the role, the least loaded first.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use enabler_cluster::address::{Address, AskError, Refusal};
use enabler_cluster::decide::route::{self, Worker};
use enabler_cluster::net::{CallError, Net, NodeId};
use enabler_cluster::pool::Queue;
use enabler_cluster::request::{Ended, Request};
use enabler_inference::embedding::InputKind;
use enabler_reading::{DocumentInfo, DocumentProblem, Highlights, Marked, Page, PageProblem, Picture};
use enabler_rules::verdict::Verdict;
use enabler_storage::record::BlobRef;
use enabler_telemetry::metrics;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::embedding::{self, Text};
use crate::evaluator;
use crate::files::{FileError, Files};
use crate::model::{self, Prompt};
use crate::ocr::Job;
use crate::question::Judge;
use crate::wire::{self, refusal};

/// The fact that lists the language models a node has, the one that `auto` takes first.
pub const MODELS: &str = "models";
/// How long a piece of work that a person waits for looks for a node that takes it.
pub const URGENT_WAIT_MAX: Duration = Duration::from_secs(5);
/// The pause between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Tries of work whose answer was lost on the way.
const LOST_MAX: u32 = 3;
/// The longest that a rule set may take over one answer.
const RULES_TIME_MAX: Duration = Duration::from_secs(2);

/// What a node can be set to run.
pub mod role {
    /// Takes requests over HTTP.
    pub const API: &str = "api";
    /// Owns and follows shards.
    pub const DOCUMENTS: &str = "documents";
    /// Reads pages.
    pub const OCR: &str = "ocr";
    /// Embeds texts.
    pub const EMBEDDING: &str = "embedding";
    /// Writes drafts.
    pub const GENERATION: &str = "generation";
    /// Applies rules.
    pub const RULES: &str = "rules";
}

/// Why work was not done.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CrewError {
    /// No node with the role takes work now.
    #[error("no node with the role `{role}` takes work now")]
    Nobody {
        /// The role.
        role: &'static str,
    },
    /// Too much waits everywhere.
    #[error("too much waits")]
    Overloaded,
    /// The model is not there.
    #[error("{explanation}")]
    NoModel {
        /// The model.
        model: String,
        /// Where it was looked for.
        explanation: String,
    },
    /// Whoever did it ended before the answer.
    #[error("`{0}` ended before it answered")]
    Lost(String),
    /// The request ended.
    #[error(transparent)]
    Ended(#[from] Ended),
    /// It failed.
    #[error("{0}")]
    Failed(String),
    /// The uploaded file cannot be fetched.
    #[error("the uploaded file is damaged or gone: {0}")]
    Original(String),
}

/// An answer and what the rules may look at, on its way to an evaluator.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Case {
    /// The rule set.
    pub template: String,
    /// What was asked.
    pub question: String,
    /// What was answered.
    pub answer: String,
    /// What was retrieved, the best first, each with its page.
    pub passages: Vec<(Option<u32>, String)>,
    /// How sure the answer is, 0 to 1.
    pub confidence: Option<f64>,
    /// The document's metadata.
    pub metadata: Vec<(String, String)>,
    /// Whether rules act.
    pub correct: bool,
}

/// What the rules made of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruled {
    /// The answer.
    pub text: String,
    /// What was changed or objected to, one sentence each.
    pub corrections: Vec<String>,
    /// Whether rules were applied.
    pub applied: bool,
    /// Whether a rule objects to the answer.
    pub disputed: bool,
}

/// The model hosts of a node by the name of their model.
pub type Hosts = Arc<Vec<(String, Address<model::Message>)>>;

/// What this node itself runs.
#[derive(Clone, Default)]
pub struct Here {
    /// Reads pages: the queue, where uploads are found, and how many workers there are.
    pub reading: Option<(Queue<Job>, Files, u32)>,
    /// Embeds texts.
    pub embedding: Option<(Address<embedding::Message>, embedding::Shared)>,
    /// Writes drafts: a host for each model, and how many streams each has.
    pub hosts: Option<(Hosts, u32)>,
    /// Applies rules.
    pub judges: Option<Arc<Vec<Judge>>>,
}

struct Inner {
    net: Arc<dyn Net>,
    here: Here,
    spin: AtomicUsize,
}

/// Everybody who does work for documents and questions, on this node and on others. Cheap to clone.
#[derive(Clone)]
pub struct Crew(Arc<Inner>);

/// How long to look for somebody.
#[derive(Debug, Clone, Copy)]
enum Patience {
    Until(Duration),
    WholeRequest,
}

impl Crew {
    /// The crew of a node that runs `here` itself.
    pub fn new(net: Arc<dyn Net>, here: Here) -> Self {
        Crew(Arc::new(Inner { net, here, spin: AtomicUsize::new(0) }))
    }

    /// What this node itself runs.
    pub fn here(&self) -> &Here {
        &self.0.here
    }

    /// What waits on this node, as facts for the others: key and `waiting/width`.
    pub fn loads(&self) -> Vec<(String, String)> {
        let here = &self.0.here;
        let mut loads = Vec::new();
        let mut add = |role: &str, waiting: usize, width: u32| {
            loads.push((load_key(role), format!("{waiting}/{width}")));
        };
        if let Some((queue, _, workers)) = &here.reading {
            add(role::OCR, queue.depth().0, *workers);
        }
        if let Some((address, _)) = &here.embedding {
            add(role::EMBEDDING, address.depth(), 1);
        }
        if let Some((hosts, streams)) = &here.hosts {
            add(role::GENERATION, hosts.iter().map(|(_, address)| address.depth()).sum(), *streams);
        }
        loads
    }

    /// Opens an uploaded file.
    ///
    /// # Errors
    /// See [`CrewError`]; why the file cannot be read is part of the answer.
    pub async fn open(
        &self,
        request: &Request,
        blob: &BlobRef,
    ) -> Result<Result<DocumentInfo, DocumentProblem>, CrewError> {
        let body = || wire::encode(&wire::Open { blob: blob.clone() });
        match self.elsewhere(request, role::OCR, Patience::WholeRequest, wire::OPEN, &body).await? {
            None => self.open_here(request, blob).await,
            Some(bytes) => Ok(read::<wire::Opened>(&bytes)?.outcome),
        }
    }

    /// Opens an uploaded file on this node.
    ///
    /// # Errors
    /// As [`Crew::open`].
    pub async fn open_here(
        &self,
        request: &Request,
        blob: &BlobRef,
    ) -> Result<Result<DocumentInfo, DocumentProblem>, CrewError> {
        let (queue, file) = self.file(blob).await?;
        let path = file.path().to_owned();
        let asked =
            queue.ask_patiently(request, |reply| Job::Open { file: path, request: request.clone(), reply });
        asked.await.map_err(refused)
    }

    /// Reads one page of an uploaded file.
    ///
    /// # Errors
    /// See [`CrewError`]; why the page cannot be read is part of the answer.
    pub async fn page(
        &self,
        request: &Request,
        blob: &BlobRef,
        number: u32,
    ) -> Result<Result<Page, PageProblem>, CrewError> {
        let body = || wire::encode(&wire::ReadPage { blob: blob.clone(), number });
        match self.elsewhere(request, role::OCR, Patience::WholeRequest, wire::PAGE, &body).await? {
            None => self.page_here(request, blob, number).await,
            Some(bytes) => Ok(read::<wire::PageRead>(&bytes)?.outcome),
        }
    }

    /// Reads one page on this node.
    ///
    /// # Errors
    /// As [`Crew::page`].
    pub async fn page_here(
        &self,
        request: &Request,
        blob: &BlobRef,
        number: u32,
    ) -> Result<Result<Page, PageProblem>, CrewError> {
        let (queue, held) = self.file(blob).await?;
        let file = held.path().to_owned();
        let asked =
            queue.ask_patiently(request, |reply| Job::Page { file, number, request: request.clone(), reply });
        asked.await.map_err(refused)
    }

    /// Draws one page of an uploaded file as a PNG.
    ///
    /// # Errors
    /// See [`CrewError`]; why the page cannot be drawn is part of the answer.
    pub async fn draw(
        &self,
        request: &Request,
        blob: &BlobRef,
        picture: &Picture,
    ) -> Result<Result<Vec<u8>, PageProblem>, CrewError> {
        let body = || wire::encode(&wire::Draw { blob: blob.clone(), picture: picture.clone() });
        match self.elsewhere(request, role::OCR, Patience::WholeRequest, wire::DRAW, &body).await? {
            None => self.draw_here(request, blob, picture.clone()).await,
            Some(bytes) => Ok(read::<wire::Drawn>(&bytes)?.outcome),
        }
    }

    /// Draws one page on this node.
    ///
    /// # Errors
    /// As [`Crew::draw`].
    pub async fn draw_here(
        &self,
        request: &Request,
        blob: &BlobRef,
        picture: Picture,
    ) -> Result<Result<Vec<u8>, PageProblem>, CrewError> {
        let (queue, held) = self.file(blob).await?;
        let file = held.path().to_owned();
        let asked = queue.ask_patiently(request, |reply| Job::Draw {
            file,
            picture,
            request: request.clone(),
            reply,
        });
        asked.await.map_err(refused)
    }

    /// Marks passages in an uploaded file.
    ///
    /// # Errors
    /// See [`CrewError`]; why the file cannot be marked is part of the answer.
    pub async fn mark(
        &self,
        request: &Request,
        blob: &BlobRef,
        highlights: Highlights,
    ) -> Result<Result<Marked, DocumentProblem>, CrewError> {
        let body = || wire::encode(&wire::Mark { blob: blob.clone(), highlights: highlights.clone() });
        match self.elsewhere(request, role::OCR, Patience::WholeRequest, wire::MARK, &body).await? {
            None => self.mark_here(request, blob, highlights).await,
            Some(bytes) => Ok(read::<wire::MarkedWire>(&bytes)?.outcome),
        }
    }

    /// Marks passages on this node.
    ///
    /// # Errors
    /// As [`Crew::mark`].
    pub async fn mark_here(
        &self,
        request: &Request,
        blob: &BlobRef,
        highlights: Highlights,
    ) -> Result<Result<Marked, DocumentProblem>, CrewError> {
        let (queue, held) = self.file(blob).await?;
        let file = held.path().to_owned();
        let asked = queue.ask_patiently(request, |reply| Job::Mark {
            file,
            highlights: Box::new(highlights),
            request: request.clone(),
            reply,
        });
        asked.await.map_err(refused)
    }

    async fn file(&self, blob: &BlobRef) -> Result<(&Queue<Job>, Arc<crate::files::LocalFile>), CrewError> {
        let nobody = CrewError::Nobody { role: role::OCR };
        let (queue, files, _) = self.0.here.reading.as_ref().ok_or(nobody)?;
        let file = files.get(blob).await.map_err(|error| {
            let damaged = matches!(
                &error,
                FileError::Blob(
                    enabler_storage::record::BlobError::Damaged { .. }
                        | enabler_storage::record::BlobError::Missing { .. }
                )
            );
            let reason = enabler_cluster::actor::Fault::from_error("fetching the upload", &error).reason;
            if damaged { CrewError::Original(error.to_string()) } else { CrewError::Failed(reason) }
        })?;
        Ok((queue, file))
    }

    /// Embeds `texts`: the model's name and a vector of unit length for each.
    ///
    /// # Errors
    /// See [`CrewError`].
    pub async fn embed(
        &self,
        request: &Request,
        texts: &[Text],
        urgent: bool,
    ) -> Result<(String, Vec<Vec<f32>>), CrewError> {
        let body = || {
            let texts = texts.iter().map(|text| (text.kind == InputKind::Query, text.text.clone())).collect();
            wire::encode(&wire::Embed { texts, urgent })
        };
        let patience = if urgent { Patience::Until(URGENT_WAIT_MAX) } else { Patience::WholeRequest };
        match self.elsewhere(request, role::EMBEDDING, patience, wire::EMBED, &body).await? {
            None => self.embed_here(request, texts.to_vec(), urgent).await,
            Some(bytes) => {
                let wire::Embedded { model_id, vectors } = read(&bytes)?;
                Ok((model_id, vectors))
            }
        }
    }

    /// Embeds `texts` on this node.
    ///
    /// # Errors
    /// As [`Crew::embed`].
    pub async fn embed_here(
        &self,
        request: &Request,
        texts: Vec<Text>,
        urgent: bool,
    ) -> Result<(String, Vec<Vec<f32>>), CrewError> {
        let nobody = CrewError::Nobody { role: role::EMBEDDING };
        let (address, shared) = self.0.here.embedding.as_ref().ok_or(nobody)?;
        let message = |reply| embedding::Message::Embed { texts, urgent, request: request.clone(), reply };
        let asked = if urgent {
            address.ask(request, message).await
        } else {
            address.ask_patiently(request, message).await
        };
        match asked.map_err(|error| refused_by(role::EMBEDDING, error))? {
            Ok(vectors) => {
                let model = shared.model().map(|model| model.model_id().to_owned()).unwrap_or_default();
                Ok((model, vectors))
            }
            Err(embedding::Failure::NoModel(explanation)) => {
                Err(CrewError::NoModel { model: "embedding".to_owned(), explanation })
            }
            Err(embedding::Failure::Busy(why)) => {
                tracing::warn!(why, "texts are embedded later");
                Err(CrewError::Overloaded)
            }
            Err(failure) => Err(CrewError::Failed(failure.to_string())),
        }
    }

    /// The model's own words.
    ///
    /// # Errors
    /// See [`CrewError`].
    pub async fn write(
        &self,
        request: &Request,
        model: &str,
        prompt: &Prompt,
        answer_tokens_max: usize,
    ) -> Result<String, CrewError> {
        let body = || {
            wire::encode(&wire::Write {
                model: model.to_owned(),
                system: prompt.system.clone(),
                user: prompt.user.clone(),
                answer_tokens_max: answer_tokens_max as u32,
            })
        };
        let patience = Patience::Until(URGENT_WAIT_MAX);
        match self.elsewhere(request, role::GENERATION, patience, wire::WRITE, &body).await? {
            None => self.write_here(request, model, prompt.clone(), answer_tokens_max).await,
            Some(bytes) => Ok(read::<wire::Written>(&bytes)?.text),
        }
    }

    /// The words of a model of this node.
    ///
    /// # Errors
    /// As [`Crew::write`].
    pub async fn write_here(
        &self,
        request: &Request,
        model: &str,
        prompt: Prompt,
        answer_tokens_max: usize,
    ) -> Result<String, CrewError> {
        let nobody = || CrewError::Nobody { role: role::GENERATION };
        let (hosts, _) = self.0.here.hosts.as_ref().ok_or_else(nobody)?;
        let (_, host) = hosts.iter().find(|(name, _)| name == model).ok_or_else(nobody)?;
        let asked = host.ask(request, |reply| model::Message::Write {
            prompt,
            answer_tokens_max,
            request: request.clone(),
            reply,
        });
        match asked.await.map_err(|error| refused_by(role::GENERATION, error))? {
            Ok(draft) => Ok(draft.text),
            Err(model::Failure::NoModel(explanation)) => {
                Err(CrewError::NoModel { model: model.to_owned(), explanation })
            }
            Err(model::Failure::Overloaded) => {
                metrics::QUEUE_REFUSED.one([role::GENERATION]);
                Err(CrewError::Overloaded)
            }
            Err(failure) => Err(CrewError::Failed(failure.to_string())),
        }
    }

    /// The question with the words that its intent adds to a search.
    ///
    /// # Errors
    /// See [`CrewError`].
    pub async fn expand(
        &self,
        request: &Request,
        template: &str,
        question: &str,
    ) -> Result<String, CrewError> {
        let part = request.part(RULES_TIME_MAX);
        let body =
            || wire::encode(&wire::Expand { template: template.to_owned(), question: question.to_owned() });
        let patience = Patience::Until(RULES_TIME_MAX);
        match self.elsewhere(&part, role::RULES, patience, wire::EXPAND, &body).await? {
            None => self.expand_here(&part, template, question).await,
            Some(bytes) => Ok(read::<wire::Expanded>(&bytes)?.text),
        }
    }

    /// As [`Crew::expand`], by an evaluator of this node.
    ///
    /// # Errors
    /// As [`Crew::expand`].
    pub async fn expand_here(
        &self,
        request: &Request,
        template: &str,
        question: &str,
    ) -> Result<String, CrewError> {
        let judge = self.judge(template)?;
        let asked = question.to_owned();
        let detected =
            judge.address.ask(request, |reply| evaluator::Message::Detect { question: asked, reply }).await;
        Ok(detected.map_err(refused)?.expanded(question))
    }

    /// What the rules make of an answer.
    ///
    /// # Errors
    /// See [`CrewError`].
    pub async fn judge_answer(&self, request: &Request, case: &Case) -> Result<Ruled, CrewError> {
        let part = request.part(RULES_TIME_MAX);
        let body = || serde_json::to_vec(case).unwrap_or_default().into();
        let patience = Patience::Until(RULES_TIME_MAX);
        match self.elsewhere(&part, role::RULES, patience, wire::JUDGE, &body).await? {
            None => self.judge_here(&part, case.clone()).await,
            Some(bytes) => {
                serde_json::from_slice(&bytes).map_err(|error| CrewError::Failed(error.to_string()))
            }
        }
    }

    /// As [`Crew::judge_answer`], by an evaluator of this node.
    ///
    /// # Errors
    /// As [`Crew::judge_answer`].
    pub async fn judge_here(&self, request: &Request, case: Case) -> Result<Ruled, CrewError> {
        let judge = self.judge(&case.template)?;
        let Case { question, answer, passages, confidence, metadata, correct, .. } = case;
        let case = Box::new(evaluator::Case { question, answer, passages, confidence, metadata, correct });
        let asked = judge.address.ask(request, |reply| evaluator::Message::Apply { case, reply });
        let outcome = asked.await.map_err(refused)?;
        let was_corrected = outcome.was_corrected() || !outcome.normalisations.is_empty();
        let corrections = crate::question::told(&outcome);
        let disputed = matches!(outcome.verdict, Verdict::Contradicted | Verdict::Unsupported);
        let verdict = match (disputed, was_corrected) {
            (true, _) => "disputed",
            (false, true) => "corrected",
            (false, false) => "unchanged",
        };
        metrics::RULES_JUDGED.one([&judge.name, verdict]);
        Ok(Ruled { text: outcome.answer, corrections, applied: true, disputed })
    }

    /// The language model that answers to `name` on some node; `auto` is what the first such node takes.
    pub fn model(&self, name: &str) -> Option<String> {
        let view = self.0.net.view().borrow().clone();
        let hosts =
            view.members.iter().filter(|member| member.is_alive() && member.has_role(role::GENERATION));
        let mut installed = hosts.map(|member| member.fact(MODELS)).filter(|models| !models.is_empty());
        match name {
            // The best one comes first in each node's list.
            "auto" => installed.next()?.split(',').next().map(str::to_owned),
            name => installed.any(|models| models.split(',').any(|own| own == name)).then(|| name.to_owned()),
        }
    }

    /// The language models that some node has, each once, the one that `auto` takes first.
    pub fn models(&self) -> Vec<String> {
        let view = self.0.net.view().borrow().clone();
        let hosts =
            view.members.iter().filter(|member| member.is_alive() && member.has_role(role::GENERATION));
        let mut names: Vec<String> = Vec::new();
        for name in hosts.flat_map(|member| member.fact(MODELS).split(',')) {
            if !name.is_empty() && !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        names
    }

    /// The hash of the rule set that answers for `template`, here or on another node; part of remembered answers' keys.
    pub fn rules_hash(&self, template: &str) -> String {
        if let Ok(judge) = self.judge(template) {
            return judge.standing.hash();
        }
        let view = self.0.net.view().borrow().clone();
        let hash = |name: &str| {
            let key = rules_key(name);
            view.members
                .iter()
                .map(|member| member.fact(&key))
                .find(|hash| !hash.is_empty())
                .map(str::to_owned)
        };
        hash(template).or_else(|| hash(crate::question::RULES_DEFAULT)).unwrap_or_default()
    }

    /// The versions in force on this node, as facts for the others.
    pub fn rules_facts(&self) -> Vec<(String, String)> {
        let judges = self.0.here.judges.iter().flat_map(|judges| judges.iter());
        judges.map(|judge| (rules_key(&judge.name), judge.standing.hash())).collect()
    }

    fn judge(&self, template: &str) -> Result<&Judge, CrewError> {
        let nobody = || CrewError::Nobody { role: role::RULES };
        let judges = self.0.here.judges.as_ref().ok_or_else(nobody)?;
        let named = |name: &str| judges.iter().find(|judge| judge.name == name);
        named(template).or_else(|| named(crate::question::RULES_DEFAULT)).ok_or_else(nobody)
    }

    /// Has a piece of work done by the least loaded node that has the role; `None` if that is this one.
    async fn elsewhere(
        &self,
        request: &Request,
        role: &'static str,
        patience: Patience,
        kind: u16,
        body: &(dyn Fn() -> Bytes + Sync),
    ) -> Result<Option<Bytes>, CrewError> {
        let began = Instant::now();
        let mut lost = 0;
        loop {
            let failure = match self.choose(role) {
                None => CrewError::Nobody { role },
                Some(None) => return Ok(None),
                Some(Some(node)) => match self.0.net.call(&node, kind, body(), request).await {
                    Ok(bytes) => return Ok(Some(bytes)),
                    Err(CallError::NoLink) => CrewError::Nobody { role },
                    Err(CallError::Overloaded) => CrewError::Overloaded,
                    Err(CallError::Unknown(_)) => CrewError::Lost(node.name.clone()),
                    Err(error) => self.failure(error),
                },
            };
            if matches!(failure, CrewError::Lost(_)) {
                lost += 1;
            }
            let again = match &failure {
                CrewError::Nobody { .. } | CrewError::Overloaded => match patience {
                    Patience::Until(longest) => began.elapsed() < longest,
                    Patience::WholeRequest => true,
                },
                CrewError::Lost(_) => lost < LOST_MAX,
                _ => false,
            };
            if !again {
                return Err(failure);
            }
            request.run(tokio::time::sleep(LOOK_AGAIN)).await?;
        }
    }

    /// `None` if nobody has the role, `Some(None)` for this node.
    fn choose(&self, role: &str) -> Option<Option<NodeId>> {
        let view = self.0.net.view().borrow().clone();
        let key = load_key(role);
        let own = match role {
            role::OCR => self.0.here.reading.is_some(),
            role::EMBEDDING => self.0.here.embedding.is_some(),
            role::GENERATION => self.0.here.hosts.is_some(),
            _ => self.0.here.judges.is_some(),
        };
        let mut nodes: Vec<Option<&NodeId>> = Vec::new();
        let mut workers = Vec::new();
        if own {
            let load = self.loads().into_iter().find(|(name, _)| *name == key).map(|(_, load)| load);
            let (waiting, width) = load_of(load.as_deref().unwrap_or(""));
            nodes.push(None);
            workers.push(Worker { waiting, width, is_here: true });
        }
        for member in &view.members {
            if member.id != view.me
                && member.is_alive()
                && member.has_role(role)
                && member.fact("draining").is_empty()
            {
                let (waiting, width) = load_of(member.fact(&key));
                nodes.push(Some(&member.id));
                workers.push(Worker { waiting, width, is_here: false });
            }
        }
        let chosen = route::pick(&workers, self.0.spin.fetch_add(1, Ordering::Relaxed))?;
        nodes.get(chosen).map(|node| node.cloned())
    }

    fn failure(&self, error: CallError) -> CrewError {
        match error {
            CallError::Refused(refusal::NO_MODEL, text) => {
                let (model, explanation) = text.split_once('\n').unwrap_or(("", &text));
                CrewError::NoModel { model: model.to_owned(), explanation: explanation.to_owned() }
            }
            CallError::Refused(refusal::ORIGINAL, why) => CrewError::Original(why),
            CallError::Refused(refusal::OVERLOADED, _) => CrewError::Overloaded,
            CallError::Refused(refusal::ENDED, _) => CrewError::Ended(Ended::TimedOut),
            CallError::Ended(ended) => CrewError::Ended(ended),
            error => CrewError::Failed(error.to_string()),
        }
    }
}

/// What another node answered, if it can be read.
fn read<T: bincode::Decode<()>>(answer: &[u8]) -> Result<T, CrewError> {
    wire::decode(answer).map_err(|error| CrewError::Failed(error.to_string()))
}

fn load_key(role: &str) -> String {
    format!("load.{role}")
}

fn rules_key(name: &str) -> String {
    format!("rules.{name}")
}

fn load_of(fact: &str) -> (u32, u32) {
    let (waiting, width) = fact.split_once('/').unwrap_or(("0", "1"));
    (waiting.parse().unwrap_or(0), width.parse().unwrap_or(1))
}

/// As [`refused`]; a queue that is full is counted.
fn refused_by(role: &'static str, error: AskError) -> CrewError {
    let error = refused(error);
    if matches!(error, CrewError::Overloaded) {
        metrics::QUEUE_REFUSED.one([role]);
    }
    error
}

fn refused(error: AskError) -> CrewError {
    match error {
        AskError::Refused(Refusal::Full { .. }) => CrewError::Overloaded,
        AskError::Refused(Refusal::Down { path }) | AskError::Lost { path } => CrewError::Lost(path),
        AskError::Ended(ended) => CrewError::Ended(ended),
    }
}
