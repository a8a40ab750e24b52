//! The compute thread of a model host: continuous batching over one model.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use enabler_cluster::address::Reply;
use enabler_cluster::request::Request;
use enabler_inference::language::{
    Detokenizer, LanguageModel, Message, Prefix, STEP_TOKENS_MAX, Sequence, Speaker, Work, sample,
};
use enabler_telemetry::metrics;
use enabler_telemetry::trace::{Attribute, Span};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::schedule::{Need, plan};
use super::{Draft, Failure, Prompt, Standing};

/// Memory of computed beginnings that are kept for the next question about the same passages.
const PREFIX_BYTES_MAX: usize = 96 << 20;
/// A shorter common beginning is computed again: keeping it costs more than it saves.
const PREFIX_TOKENS_MIN: usize = 64;

/// One answer that is wanted.
pub struct Stream {
    prompt: Prompt,
    answer_tokens_max: usize,
    request: Request,
    reply: Reply<Result<Draft, Failure>>,
    since: Instant,
    /// Over when the answer is written or refused.
    span: Span,
}

impl Stream {
    pub(super) fn new(
        prompt: Prompt,
        answer_tokens_max: usize,
        request: Request,
        reply: Reply<Result<Draft, Failure>>,
        span: Span,
    ) -> Self {
        Stream { prompt, answer_tokens_max, request, reply, since: Instant::now(), span }
    }

    pub(super) fn refuse(mut self, failure: Failure) {
        self.span.fail();
        self.reply.send(Err(failure));
    }

    fn is_wanted(&self) -> bool {
        !self.reply.is_abandoned() && self.request.ended().is_none()
    }
}

/// What the compute thread is told.
pub enum Order {
    /// Write an answer.
    Write(Box<Stream>),
    /// Forget every computed beginning: one of them may hold passages that were erased. How many were forgotten.
    Forget(Reply<usize>),
}

/// Starts a named compute thread.
#[expect(clippy::disallowed_methods, reason = "this is the door: one thread per loaded model, named")]
pub(super) fn spawn(model: &str, work: impl FnOnce() + Send + 'static) {
    let name: String = format!("model-{model}").chars().take(15).collect();
    // A machine that cannot start a thread drops `work`, and with it the channel whose end the host watches.
    if let Err(error) = std::thread::Builder::new().name(name).spawn(work) {
        tracing::error!(%error, "starting the thread of a model");
    }
}

/// Serves streams until the host lets go of its sender; `standing` says how many at each moment.
pub(super) fn run(
    model: &LanguageModel,
    name: &str,
    standing: &Standing,
    mut orders: mpsc::Receiver<Order>,
    streams_max: usize,
) {
    let mut active: Vec<Active> = Vec::new();
    let mut prefixes = Prefixes::default();
    loop {
        // Whoever waits for the next one is not busy.
        standing.busy.store(active.len(), Ordering::Relaxed);
        while active.len() < streams_max {
            let next = if active.is_empty() { orders.blocking_recv() } else { orders.try_recv().ok() };
            match next {
                None => break,
                Some(Order::Forget(reply)) => {
                    reply.send(prefixes.0.len());
                    prefixes.0.clear();
                }
                Some(Order::Write(stream)) => {
                    if stream.is_wanted()
                        && let Some(begun) = Active::begin(model, *stream, &mut prefixes)
                    {
                        active.push(begun);
                    }
                }
            }
        }
        standing.busy.store(active.len(), Ordering::Relaxed);
        standing.waiting.store(orders.len(), Ordering::Relaxed);
        if active.is_empty() {
            if orders.is_closed() {
                return;
            }
            continue;
        }
        active.retain(|stream| stream.stream.is_wanted());
        step(model, name, &mut active, &mut prefixes);
    }
}

/// A stream that is being computed.
struct Active {
    stream: Stream,
    began: Instant,
    tokens: Vec<u32>,
    /// Where the part of the prompt ends that other questions may share.
    shared_end: usize,
    shared_tokens: usize,
    done: usize,
    sequence: Sequence,
    next: Option<u32>,
    written: usize,
    text: String,
    detokenizer: Detokenizer,
}

impl Active {
    fn begin(model: &LanguageModel, stream: Stream, prefixes: &mut Prefixes) -> Option<Self> {
        let began = Instant::now();
        metrics::QUEUE_WAIT_SECONDS.took(["generation"], began.saturating_duration_since(stream.since));
        let Prompt { system, user } = &stream.prompt;
        let system = Message { speaker: Speaker::System, text: system };
        let encoded =
            model.encode_chat(&[system, Message { speaker: Speaker::User, text: user }]).and_then(|tokens| {
                let beginning = model.encode_chat(&[system, Message { speaker: Speaker::User, text: "" }])?;
                Ok((tokens, beginning))
            });
        let (tokens, beginning) = match encoded {
            Ok(both) => both,
            Err(error) => {
                stream.refuse(Failure::Model(error.to_string()));
                return None;
            }
        };
        if tokens.len() + stream.answer_tokens_max > model.context_tokens() {
            let why = format!(
                "the prompt has {} tokens, which with an answer of {} is over the model's {}",
                tokens.len(),
                stream.answer_tokens_max,
                model.context_tokens()
            );
            stream.refuse(Failure::Model(why));
            return None;
        }
        // The closing tokens of the shorter chat differ, so that only what both agree on is shared.
        let shared_end = tokens.iter().zip(&beginning).take_while(|(a, b)| a == b).count();
        let shared_end = shared_end.min(tokens.len().saturating_sub(1));
        let prefix = prefixes.find(&tokens);
        let done = prefix.as_ref().map_or(0, |prefix| prefix.len());
        Some(Active {
            sequence: model.sequence(prefix.as_deref()),
            detokenizer: model.tokenizer().detokenizer(),
            stream,
            began,
            tokens,
            shared_end,
            shared_tokens: done,
            done,
            next: None,
            written: 0,
            text: String::new(),
        })
    }

    fn need(&self) -> Need {
        if self.next.is_some() {
            return Need::Token;
        }
        // The shared part ends a step of its own, so that it can be kept before the question follows.
        let end = if self.done < self.shared_end { self.shared_end } else { self.tokens.len() };
        Need::Prompt(end - self.done)
    }

    fn finish(mut self, model: &str) {
        metrics::GENERATION_SECONDS.took([model], self.began.elapsed());
        metrics::TOKENS.add([model, "read"], self.tokens.len() as u64);
        metrics::TOKENS.add([model, "written"], self.written as u64);
        self.stream.span.note(Attribute::GenAiInputTokens(self.tokens.len() as u64));
        self.stream.span.note(Attribute::GenAiOutputTokens(self.written as u64));
        self.text.push_str(&self.detokenizer.finish());
        let draft = Draft {
            text: self.text.trim().to_owned(),
            prompt_tokens: self.tokens.len(),
            shared_tokens: self.shared_tokens,
            answer_tokens: self.written,
        };
        drop(self.stream.span);
        self.stream.reply.send(Ok(draft));
    }

    /// Takes the logits after its last token; says whether the answer is over.
    fn advance(&mut self, model: &LanguageModel, logits: &[f32]) -> bool {
        let token = sample::greedy(logits);
        if model.tokenizer().stop_tokens().contains(&token) || self.written >= self.stream.answer_tokens_max {
            return true;
        }
        self.text.push_str(&self.detokenizer.push(token));
        self.written += 1;
        self.next = Some(token);
        repeats(&self.text)
    }
}

/// Whether a small model has begun to say the same thing again and again.
fn repeats(text: &str) -> bool {
    let mut lines = text.rsplit(['\n', '.']).map(str::trim).filter(|line| line.len() > 8);
    match (lines.next(), lines.next(), lines.next()) {
        (Some(a), Some(b), Some(c)) => a == b && b == c,
        _ => false,
    }
}

fn step(model: &LanguageModel, name: &str, active: &mut Vec<Active>, prefixes: &mut Prefixes) {
    let needs: Vec<_> = active.iter().map(Active::need).collect();
    let sizes = plan(&needs, STEP_TOKENS_MAX);
    let mut work = Vec::with_capacity(active.len());
    let mut who = Vec::with_capacity(active.len());
    for (n, (stream, size)) in active.iter_mut().zip(&sizes).enumerate() {
        if *size == 0 {
            continue;
        }
        let (tokens, logits) = match &stream.next {
            Some(token) => (std::slice::from_ref(token), true),
            None => {
                let end = (stream.done + size).min(stream.tokens.len());
                (&stream.tokens[stream.done..end], end == stream.tokens.len())
            }
        };
        who.push((n, tokens.len()));
        work.push(Work { sequence: &mut stream.sequence, tokens, logits });
    }
    let outcome = model.step(&mut work);
    drop(work);
    let logits = match outcome {
        Ok(logits) => logits,
        Err(error) => {
            let why = error.to_string();
            for (n, _) in who.into_iter().rev() {
                active.swap_remove(n).stream.refuse(Failure::Model(why.clone()));
            }
            return;
        }
    };
    let mut over = Vec::new();
    for ((n, size), logits) in who.into_iter().zip(logits) {
        let stream = &mut active[n];
        if stream.next.is_none() {
            stream.done += size;
            if stream.done == stream.shared_end && stream.shared_end < stream.tokens.len() {
                prefixes.keep(model, stream);
                continue;
            }
        }
        if !logits.is_empty() {
            if stream.next.is_none() {
                metrics::FIRST_TOKEN_SECONDS.took([name], stream.began.elapsed());
            }
            if stream.advance(model, &logits) {
                over.push(n);
            }
        }
    }
    for n in over.into_iter().rev() {
        active.swap_remove(n).finish(name);
    }
}

/// Computed beginnings of prompts, the last used at the back.
#[derive(Default)]
struct Prefixes(VecDeque<(Vec<u32>, Arc<Prefix>)>);

impl Prefixes {
    fn find(&mut self, tokens: &[u32]) -> Option<Arc<Prefix>> {
        let fits =
            |(known, _): &&(Vec<u32>, Arc<Prefix>)| known.len() < tokens.len() && tokens.starts_with(known);
        let best = self.0.iter().filter(fits).max_by_key(|(known, _)| known.len())?.0.clone();
        let at = self.0.iter().position(|(known, _)| *known == best)?;
        let found = self.0.remove(at)?;
        let prefix = found.1.clone();
        self.0.push_back(found);
        Some(prefix)
    }

    /// Turns what a stream has computed so far into a shared beginning that it goes on from itself.
    fn keep(&mut self, model: &LanguageModel, stream: &mut Active) {
        if stream.done < PREFIX_TOKENS_MIN || stream.shared_tokens > 0 {
            return;
        }
        let computed = std::mem::replace(&mut stream.sequence, model.sequence(None));
        let prefix = match computed.into_prefix() {
            Ok(prefix) => Arc::new(prefix),
            Err(unshared) => {
                stream.sequence = unshared;
                return;
            }
        };
        stream.sequence = model.sequence(Some(&prefix));
        self.0.push_back((stream.tokens[..stream.done].to_vec(), prefix));
        while self.0.iter().map(|(_, prefix)| prefix.bytes()).sum::<usize>() > PREFIX_BYTES_MAX {
            self.0.pop_front();
        }
    }
}
