//! The embedding pool: micro-batches of texts from many documents, questions before documents.

pub mod batch;
mod model;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use enabler_cluster::actor::{Behaviour, Context, Fault};
use enabler_cluster::address::Reply;
use enabler_cluster::request::Request;
use enabler_inference::catalogue::{self, Location};
use enabler_inference::embedding::{Embedder, InputKind, Options};
use enabler_providers::Embeds;
use enabler_telemetry::metrics;
use enabler_telemetry::trace::{Attribute, Span, Word};
use tokio::time::Instant;

use batch::{Item, Line};
pub use model::Model;

/// How often a model that is not there is looked for again.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// One text to embed.
#[derive(Debug, Clone)]
pub struct Text {
    /// What it is to the model: a question or a passage.
    pub kind: InputKind,
    /// The text.
    pub text: String,
}

/// Why texts were not embedded.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failure {
    /// The model is not there, or cannot be loaded.
    #[error("{0}")]
    NoModel(String),
    /// The model refused a text.
    #[error("embedding failed: {0}")]
    Model(String),
    /// The provider of the model has too much to do, or is away for a moment.
    #[error("{0}")]
    Busy(String),
}

/// What the embedding pool is told.
pub enum Message {
    /// Embed `texts`; the answer holds a vector of unit length for each, in order.
    Embed {
        /// The texts.
        texts: Vec<Text>,
        /// Whether a person waits: goes before everything that is not urgent.
        urgent: bool,
        /// Whoever waits.
        request: Request,
        /// The vectors.
        reply: Reply<Result<Vec<Vec<f32>>, Failure>>,
    },
    /// A batch came back from the compute thread.
    Computed(Vec<Item>, Result<Vec<Vec<f32>>, Failure>),
    /// The compute thread panicked.
    Crashed(String),
    /// The model was loaded, or was not.
    Loaded(Loaded),
    /// Look for the model.
    Look,
}

/// A model that was loaded, or why it was not.
type Loaded = Result<Model, String>;

/// The model as others see it, over restarts of the pool.
#[derive(Clone, Default)]
pub struct Shared {
    loaded: Arc<Mutex<Option<Loaded>>>,
    busy: Arc<AtomicBool>,
    waiting: Arc<AtomicUsize>,
}

impl Shared {
    /// The loaded model, or why there is none (yet).
    pub fn model(&self) -> Loaded {
        let known = self.loaded.lock().unwrap_or_else(PoisonError::into_inner).clone();
        known.unwrap_or_else(|| Err("the embedding model is being loaded".to_owned()))
    }

    /// Whether a batch is being computed now.
    pub fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed)
    }

    /// Jobs whose texts are not all embedded yet.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    fn set(&self, model: Loaded) {
        *self.loaded.lock().unwrap_or_else(PoisonError::into_inner) = Some(model);
    }
}

/// The embedding pool.
#[derive(Clone)]
pub struct EmbeddingPool {
    /// Where models are.
    pub models_dir: PathBuf,
    /// Which model.
    pub model: String,
    /// The provider that has it, if it is not one of ours.
    pub far: Option<Result<Arc<dyn Embeds>, String>>,
    /// How it is loaded.
    pub options: Options,
    /// Tokens in one batch.
    pub batch_tokens_max: usize,
    /// Where the loaded model is shown.
    pub shared: Shared,
}

struct Waiting {
    texts: Vec<Text>,
    vectors: Vec<Option<Vec<f32>>>,
    missing: usize,
    request: Request,
    reply: Reply<Result<Vec<Vec<f32>>, Failure>>,
    since: Instant,
    begun: bool,
    /// Over when it is.
    span: Span,
}

/// What the pool remembers.
#[derive(Default)]
pub struct State {
    model: Option<Model>,
    waiting: BTreeMap<u64, Waiting>,
    line: Line,
    next_id: u64,
    busy: bool,
}

impl Behaviour for EmbeddingPool {
    type Message = Message;
    type State = State;
    const KIND: &'static str = "embedding pool";

    fn name(message: &Message) -> &'static str {
        match message {
            Message::Embed { .. } => "embed",
            Message::Computed(..) => "computed",
            Message::Crashed(_) => "crashed",
            Message::Loaded(_) => "loaded",
            Message::Look => "look",
        }
    }

    fn trace(message: &Message) -> Option<Arc<str>> {
        match message {
            Message::Embed { request, .. } => Some(request.trace.clone()),
            _ => None,
        }
    }

    async fn start(&self, context: &Context<Message>) -> Result<State, Fault> {
        self.load(context);
        self.shared.busy.store(false, Ordering::Relaxed);
        Ok(State::default())
    }

    async fn handle(
        &self,
        context: &Context<Message>,
        state: &mut State,
        message: Message,
    ) -> Result<(), Fault> {
        match message {
            Message::Embed { texts, urgent, request, reply } => match self.shared.model() {
                Err(why) if state.model.is_none() => reply.send(Err(Failure::NoModel(why))),
                _ if texts.is_empty() => reply.send(Ok(Vec::new())),
                _ => {
                    let span = self.span(&texts);
                    state.admit(texts, urgent, request, reply, span);
                }
            },
            Message::Computed(items, outcome) => {
                state.busy = false;
                self.shared.busy.store(false, Ordering::Relaxed);
                state.settle(items, outcome);
            }
            Message::Crashed(reason) => return Err(Fault::new(reason)),
            Message::Loaded(Ok(model)) => {
                context.seat().note(model.note());
                self.shared.set(Ok(model.clone()));
                state.model = Some(model);
            }
            Message::Loaded(Err(why)) => {
                context.seat().note(why.clone());
                self.shared.set(Err(why));
                let address = context.address().clone();
                tokio::spawn(async move {
                    tokio::time::sleep(LOOK_AGAIN).await;
                    let _ = address.send(Message::Look).await;
                });
            }
            Message::Look => self.load(context),
        }
        self.compute(context, state);
        self.shared.waiting.store(state.waiting.len(), Ordering::Relaxed);
        Ok(())
    }
}

impl EmbeddingPool {
    /// The span of texts that the model embeds, from now until the last one is.
    fn span(&self, texts: &[Text]) -> Span {
        let mut span = Span::of("embeddings");
        if span.is_recorded() {
            let system = crate::far::system(&self.model);
            span.note(Attribute::GenAiOperation("embeddings"));
            span.note(Attribute::GenAiSystem(system));
            span.note(Attribute::GenAiProvider(system));
            span.note(Attribute::GenAiModel(Word::of(&self.model)));
            span.note(Attribute::Texts(texts.len() as u64));
        }
        span
    }

    fn load(&self, context: &Context<Message>) {
        let (pool, address) = (self.clone(), context.address().clone());
        tokio::spawn(async move {
            let loaded = match pool.far.clone() {
                Some(far) => Model::of_provider(far).await,
                None => {
                    let loaded = tokio::task::spawn_blocking(move || pool.load_model()).await;
                    loaded.unwrap_or_else(|_| Err("loading the embedding model crashed".to_owned()))
                }
            };
            // The address is attached once the start is over; a send before that would find nobody.
            while address.send(Message::Loaded(loaded.clone())).await.is_err() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
    }

    fn load_model(&self) -> Loaded {
        let place = catalogue::locate(&self.models_dir, &self.model).map_err(|error| error.to_string())?;
        match place {
            Location::Found { dir, .. } => {
                let loaded = Embedder::load(&dir, self.options);
                loaded
                    .map(|own| Model::Own(Arc::new(own)))
                    .map_err(|error| Fault::from_error("the embedding model cannot be used", &error).reason)
            }
            missing @ Location::Missing { .. } => Err(crate::model::missing(&missing)),
        }
    }

    fn compute(&self, context: &Context<Message>, state: &mut State) {
        let Some(model) = state.model.clone().filter(|_| !state.busy) else { return };
        state.forget_abandoned();
        let items = state.line.take(self.batch_tokens_max);
        if items.is_empty() {
            return;
        }
        state.begin(&items);
        let texts: Vec<Text> = items.iter().filter_map(|item| state.text(item)).collect();
        state.busy = true;
        self.shared.busy.store(true, Ordering::Relaxed);
        let name = self.model.clone();
        let address = context.address().clone();
        tokio::spawn(async move {
            let (began, count) = (Instant::now(), texts.len() as u64);
            let outcome = model.embed(texts).await;
            metrics::EMBEDDING_SECONDS.took([&name], began.elapsed());
            metrics::EMBEDDING_TEXTS.add([&name], count);
            let message = match outcome {
                Some(outcome) => Message::Computed(items, outcome),
                None => Message::Crashed("the embedding model panicked".to_owned()),
            };
            let _ = address.send(message).await;
        });
    }
}

impl State {
    fn admit(
        &mut self,
        texts: Vec<Text>,
        urgent: bool,
        request: Request,
        reply: Reply<Result<Vec<Vec<f32>>, Failure>>,
        span: Span,
    ) {
        let id = self.next_id;
        self.next_id += 1;
        for (index, text) in texts.iter().enumerate() {
            self.line.push(Item { id, index }, text.text.len(), urgent);
        }
        let missing = texts.len();
        let (vectors, since) = (vec![None; missing], Instant::now());
        let begun = false;
        self.waiting.insert(id, Waiting { vectors, texts, missing, request, reply, since, begun, span });
    }

    /// Counts how long those have waited whose first texts are taken now.
    fn begin(&mut self, items: &[Item]) {
        for item in items {
            if let Some(waiting) = self.waiting.get_mut(&item.id).filter(|waiting| !waiting.begun) {
                waiting.begun = true;
                metrics::QUEUE_WAIT_SECONDS.took(["embedding"], waiting.since.elapsed());
            }
        }
    }

    fn text(&self, item: &Item) -> Option<Text> {
        self.waiting.get(&item.id)?.texts.get(item.index).cloned()
    }

    fn forget_abandoned(&mut self) {
        let gone = |waiting: &Waiting| waiting.reply.is_abandoned() || waiting.request.ended().is_some();
        self.waiting.retain(|_, waiting| !gone(waiting));
        let waiting = &self.waiting;
        self.line.retain(|item| waiting.contains_key(&item.id));
    }

    fn settle(&mut self, items: Vec<Item>, outcome: Result<Vec<Vec<f32>>, Failure>) {
        match outcome {
            Ok(vectors) => {
                for (item, vector) in items.into_iter().zip(vectors) {
                    let Some(waiting) = self.waiting.get_mut(&item.id) else { continue };
                    if let Some(place) = waiting.vectors.get_mut(item.index) {
                        waiting.missing -= usize::from(place.is_none());
                        *place = Some(vector);
                    }
                    if waiting.missing == 0
                        && let Some(done) = self.waiting.remove(&item.id)
                    {
                        drop(done.span);
                        done.reply.send(Ok(done.vectors.into_iter().flatten().collect()));
                    }
                }
            }
            Err(failure) => {
                for item in items {
                    if let Some(mut waiting) = self.waiting.remove(&item.id) {
                        waiting.span.fail();
                        waiting.reply.send(Err(failure.clone()));
                    }
                }
                let waiting = &self.waiting;
                self.line.retain(|item| waiting.contains_key(&item.id));
            }
        }
    }
}
