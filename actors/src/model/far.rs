//! A model host whose model a provider has: as many answers at one time, and as many waiting, as any other host.

use std::sync::Arc;
use std::time::Duration;

use enabler_cluster::actor::{Behaviour, Context, Fault};
use enabler_providers::{ProviderError, Writes};
use enabler_telemetry::trace::{Attribute, Span, Within};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::{Draft, Failure, Message, Prompt, Standing};

/// How long the provider may take to say that it has the model.
const PRESENT_TIME_MAX: Duration = Duration::from_secs(30);
/// How often a provider that is away is looked for again.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// The host of one model of a provider.
#[derive(Clone)]
pub struct FarHost {
    /// Which model, as the settings name it.
    pub model: String,
    /// The provider, or why the settings name none.
    pub far: Result<Arc<dyn Writes>, String>,
    /// Answers written at one time.
    pub streams_max: usize,
    /// Prompts that may wait.
    pub queue_max: usize,
    /// Where it shows whether the provider has the model.
    pub standing: Standing,
}

/// What it remembers: places for answers that are being written, and for all that wait or are written.
pub struct State {
    streams: Arc<Semaphore>,
    all: Arc<Semaphore>,
}

impl Behaviour for FarHost {
    type Message = Message;
    type State = State;
    const KIND: &'static str = "model host";

    fn name(message: &Message) -> &'static str {
        super::ModelHost::name(message)
    }

    fn trace(message: &Message) -> Option<Arc<str>> {
        super::ModelHost::trace(message)
    }

    async fn start(&self, context: &Context<Message>) -> Result<State, Fault> {
        context.seat().note("not asked yet");
        self.standing.set(None);
        let streams = self.streams_max.max(1);
        let all = Semaphore::new(streams + self.queue_max);
        Ok(State { streams: Arc::new(Semaphore::new(streams)), all: Arc::new(all) })
    }

    async fn handle(
        &self,
        context: &Context<Message>,
        state: &mut State,
        message: Message,
    ) -> Result<(), Fault> {
        match message {
            Message::Warm => self.look(context),
            Message::Write { prompt, answer_tokens_max, request, reply } => {
                let far = match &self.far {
                    Ok(far) => far.clone(),
                    Err(why) => {
                        reply.send(Err(Failure::NoModel(why.clone())));
                        return Ok(());
                    }
                };
                let Ok(place) = state.all.clone().try_acquire_owned() else {
                    reply.send(Err(Failure::Overloaded));
                    return Ok(());
                };
                let streams = state.streams.clone();
                let mut span = super::span(&self.model);
                tokio::spawn(Within::of(span.place(), async move {
                    let _place = place;
                    let write = async {
                        let _stream = streams.acquire().await;
                        let until = Instant::now() + request.left();
                        write(&*far, &prompt, answer_tokens_max, until).await
                    };
                    // Whoever gives up ends the request to the provider with it.
                    tokio::select! {
                        biased;
                        () = request.cancel.cancelled() => {}
                        written = write => {
                            told(&mut span, &written);
                            drop(span);
                            reply.send(written);
                        }
                    }
                }));
            }
            // Nothing is computed here, and so nothing remembered.
            Message::Forget(reply) => reply.send(0),
            // Nothing is loaded here.
            Message::Loaded(_) | Message::EngineEnded => {}
        }
        Ok(())
    }
}

impl FarHost {
    /// Asks the provider whether it has the model, again and again until it has.
    fn look(&self, context: &Context<Message>) {
        let (host, address, seat) = (self.clone(), context.address().clone(), context.seat().clone());
        tokio::spawn(async move {
            let found = match &host.far {
                Ok(far) => {
                    far.present(Instant::now() + PRESENT_TIME_MAX).await.map_err(|error| error.to_string())
                }
                Err(why) => Err(why.clone()),
            };
            match found {
                Ok(name) => {
                    seat.note(name);
                    host.standing.set(Some(Ok(())));
                }
                Err(why) => {
                    seat.note(why.clone());
                    host.standing.set(Some(Err(why)));
                    tokio::time::sleep(LOOK_AGAIN).await;
                    let _ = address.send(Message::Warm).await;
                }
            }
        });
    }
}

fn told(span: &mut Span, written: &Result<Draft, Failure>) {
    match written {
        Ok(draft) => {
            span.note(Attribute::GenAiInputTokens(draft.prompt_tokens as u64));
            span.note(Attribute::GenAiOutputTokens(draft.answer_tokens as u64));
        }
        Err(_) => span.fail(),
    }
}

async fn write(
    far: &dyn Writes,
    prompt: &Prompt,
    answer_tokens_max: usize,
    until: Instant,
) -> Result<Draft, Failure> {
    let written = far.write(&prompt.system, &prompt.user, answer_tokens_max, until).await;
    match written {
        Ok(written) => Ok(Draft {
            text: written.text,
            prompt_tokens: written.prompt_tokens,
            shared_tokens: 0,
            answer_tokens: written.answer_tokens,
        }),
        Err(ProviderError::Overloaded { .. }) => Err(Failure::Overloaded),
        Err(error) => Err(Failure::Model(error.to_string())),
    }
}
