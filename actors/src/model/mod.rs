//! A model host: owns one language model and writes many answers at once.

mod engine;
pub mod far;
pub mod installed;
pub mod schedule;

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use enabler_cluster::actor::{Behaviour, Context, Fault};
use enabler_cluster::address::Reply;
use enabler_cluster::request::Request;
use enabler_inference::catalogue::{self, Location};
use enabler_inference::language::{LanguageModel, Options};
use enabler_telemetry::trace::{Attribute, Span, Word};
use tokio::sync::mpsc;

use engine::{Order, Stream};

/// A prompt in parts, so that what many questions share is computed once.
#[derive(Debug, Clone)]
pub struct Prompt {
    /// Instructions and passages: shared by all questions about the same ones.
    pub system: String,
    /// The question.
    pub user: String,
}

/// An answer as the model wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The text.
    pub text: String,
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// Tokens of the prompt that were computed for an earlier question.
    pub shared_tokens: usize,
    /// Tokens of the answer.
    pub answer_tokens: usize,
}

/// Why a model wrote nothing.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failure {
    /// The model is not there, or cannot be loaded; the text says where it was looked for.
    #[error("{0}")]
    NoModel(String),
    /// Every stream and every place in the queue is taken.
    #[error("the model host is at its limit")]
    Overloaded,
    /// The prompt does not fit, or the model refused it.
    #[error("the model could not answer: {0}")]
    Model(String),
}

/// What a model host is told.
pub enum Message {
    /// Write an answer.
    Write {
        /// The prompt.
        prompt: Prompt,
        /// Tokens that the answer may have.
        answer_tokens_max: usize,
        /// Whoever waits: when they are gone, the stream's place is free within one token.
        request: Request,
        /// The answer.
        reply: Reply<Result<Draft, Failure>>,
    },
    /// Load the model now, so that the first question need not wait.
    Warm,
    /// Forget what was computed of earlier prompts; how many beginnings of them there were.
    Forget(Reply<usize>),
    /// The model was loaded, or was not.
    Loaded(Result<Arc<LanguageModel>, String>),
    /// The compute thread ended.
    EngineEnded,
}

/// Whether a model is loaded, as others see it, over restarts of its host.
#[derive(Clone, Default)]
pub struct Standing {
    loaded: Arc<Mutex<Option<Result<(), String>>>>,
    busy: Arc<AtomicUsize>,
    waiting: Arc<AtomicUsize>,
}

impl Standing {
    /// Whether it is loaded; `None` while it was not tried, else why it could not be.
    pub fn get(&self) -> Option<Result<(), String>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether both are of one host.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.loaded, &other.loaded)
    }

    /// How many answers are being written now.
    pub fn busy(&self) -> usize {
        self.busy.load(Ordering::Relaxed)
    }

    /// How many prompts wait for a stream.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    fn set(&self, standing: Option<Result<(), String>>) {
        *self.loaded.lock().unwrap_or_else(PoisonError::into_inner) = standing;
    }
}

/// One model host.
#[derive(Clone)]
pub struct ModelHost {
    /// Where models are.
    pub models_dir: PathBuf,
    /// Which model.
    pub model: String,
    /// How it is loaded.
    pub options: Options,
    /// Answers written at one time.
    pub streams_max: usize,
    /// Prompts that may wait for a stream.
    pub queue_max: usize,
    /// Where it shows whether it is loaded.
    pub standing: Standing,
}

/// What a host remembers.
pub enum State {
    /// Not asked yet, or the model was not there when last looked for.
    Unloaded,
    /// Being loaded; these wait for it.
    Loading(Vec<Stream>),
    /// At work.
    Running(mpsc::Sender<Order>),
}

impl Behaviour for ModelHost {
    type Message = Message;
    type State = State;
    const KIND: &'static str = "model host";

    fn name(message: &Message) -> &'static str {
        match message {
            Message::Write { .. } => "write",
            Message::Warm => "warm",
            Message::Forget(_) => "forget",
            Message::Loaded(_) => "loaded",
            Message::EngineEnded => "engine ended",
        }
    }

    fn trace(message: &Message) -> Option<Arc<str>> {
        match message {
            Message::Write { request, .. } => Some(request.trace.clone()),
            _ => None,
        }
    }

    async fn start(&self, context: &Context<Message>) -> Result<State, Fault> {
        context.seat().note("not loaded");
        self.standing.set(None);
        Ok(State::Unloaded)
    }

    async fn handle(
        &self,
        context: &Context<Message>,
        state: &mut State,
        message: Message,
    ) -> Result<(), Fault> {
        match message {
            Message::Warm => {
                if matches!(state, State::Unloaded) {
                    self.load(context);
                    *state = State::Loading(Vec::new());
                }
            }
            Message::Forget(reply) => match state {
                State::Running(sender) => {
                    // A queue that is full, or a thread that has ended, drops the reply: whoever waits hears of it.
                    let _ = sender.try_send(Order::Forget(reply));
                }
                State::Unloaded | State::Loading(_) => reply.send(0),
            },
            Message::Write { prompt, answer_tokens_max, request, reply } => {
                self.write(
                    context,
                    state,
                    Stream::new(prompt, answer_tokens_max, request, reply, span(&self.model)),
                );
            }
            Message::Loaded(Ok(model)) => {
                context.seat().note(format!("{}, {} MB", model.model_id(), model.bytes() >> 20));
                let waiting = match std::mem::replace(state, State::Unloaded) {
                    State::Loading(waiting) => waiting,
                    State::Unloaded | State::Running(_) => Vec::new(),
                };
                let sender = self.run(context, model);
                for stream in waiting {
                    offer(&sender, stream);
                }
                *state = State::Running(sender);
                self.standing.set(Some(Ok(())));
            }
            Message::Loaded(Err(why)) => {
                context.seat().note(why.clone());
                self.standing.set(Some(Err(why.clone())));
                if let State::Loading(waiting) = std::mem::replace(state, State::Unloaded) {
                    waiting.into_iter().for_each(|stream| stream.refuse(Failure::NoModel(why.clone())));
                }
            }
            Message::EngineEnded => return Err(Fault::new("the model's compute thread panicked")),
        }
        Ok(())
    }
}

impl ModelHost {
    fn write(&self, context: &Context<Message>, state: &mut State, stream: Stream) {
        match state {
            State::Running(sender) => offer(sender, stream),
            State::Loading(waiting) if waiting.len() < self.queue_max => waiting.push(stream),
            State::Loading(_) => stream.refuse(Failure::Overloaded),
            State::Unloaded => {
                self.load(context);
                *state = State::Loading(vec![stream]);
            }
        }
    }

    fn load(&self, context: &Context<Message>) {
        context.seat().note("loading");
        let (host, address) = (self.clone(), context.address().clone());
        tokio::spawn(async move {
            let loaded = tokio::task::spawn_blocking(move || host.load_model()).await;
            let loaded = loaded.unwrap_or_else(|_| Err("loading the language model crashed".to_owned()));
            let _ = address.send(Message::Loaded(loaded)).await;
        });
    }

    fn load_model(&self) -> Result<Arc<LanguageModel>, String> {
        match catalogue::locate(&self.models_dir, &self.model).map_err(|error| error.to_string())? {
            Location::Found { weights, .. } => {
                let loaded = LanguageModel::load(&weights, self.options);
                let doing = format!("the model `{}` cannot be used", self.model);
                loaded.map(Arc::new).map_err(|error| Fault::from_error(&doing, &error).reason)
            }
            found => Err(missing(&found)),
        }
    }

    fn run(&self, context: &Context<Message>, model: Arc<LanguageModel>) -> mpsc::Sender<Order> {
        let (sender, streams) = mpsc::channel(self.queue_max.max(1));
        let (address, streams_max) = (context.address().clone(), self.streams_max.max(1));
        let (alive, ended) = tokio::sync::oneshot::channel::<()>();
        let (name, standing) = (self.model.clone(), self.standing.clone());
        engine::spawn(&self.model, move || {
            let _alive = alive;
            engine::run(&model, &name, &standing, streams, streams_max);
        });
        let closing = sender.downgrade();
        tokio::spawn(async move {
            let _ = ended.await;
            // When the host itself is gone its sender is too, and the thread ended as it should.
            if closing.upgrade().is_some() {
                let _ = address.send(Message::EngineEnded).await;
            }
        });
        sender
    }
}

/// The span of an answer that the model `name` writes, waiting included.
fn span(name: &str) -> Span {
    let mut span = Span::of("chat");
    if span.is_recorded() {
        let system = crate::far::system(name);
        span.note(Attribute::GenAiOperation("chat"));
        span.note(Attribute::GenAiSystem(system));
        span.note(Attribute::GenAiProvider(system));
        span.note(Attribute::GenAiModel(Word::of(name)));
    }
    span
}

fn offer(sender: &mpsc::Sender<Order>, stream: Stream) {
    // Of a thread that has ended the reply is dropped with the stream: the caller hears that its request was lost.
    let sent = sender.try_send(Order::Write(Box::new(stream)));
    if let Err(mpsc::error::TrySendError::Full(Order::Write(stream))) = sent {
        stream.refuse(Failure::Overloaded);
    }
}

/// What to say about a model that is not there.
pub(crate) fn missing(location: &Location) -> String {
    match location {
        Location::Found { .. } => String::new(),
        Location::Missing { model, looked_in, how_to_get } => {
            let places: Vec<_> = looked_in.iter().map(|path| path.display().to_string()).collect();
            format!(
                "the model `{}` is not installed; looked in {}; {how_to_get}",
                model.name,
                places.join(", ")
            )
        }
    }
}
