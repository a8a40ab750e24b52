//! The one shape of an actor: a behaviour (what it does) in a shell (containment, vitals, bounded mailbox).

use std::backtrace::Backtrace;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use enabler_telemetry::trace::{Attribute, Kind, Name, Place, Span, Within, Word};
use futures_util::FutureExt;
use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, SupervisionEvent};

use crate::address::{Address, Envelope};
use crate::panics;
use crate::supervisor::CHILDREN_PATIENCE;
use crate::tree::{STUCK_AFTER, Seat, Tree};

/// Why an actor cannot go on; its supervisor decides what follows.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct Fault {
    /// What went wrong, in one line, causes included.
    pub reason: String,
    noticed: Noticed,
}

/// Where a fault was noticed: the frames alone, because naming them takes milliseconds and most faults are only told in words.
#[derive(Debug)]
struct Noticed(Backtrace);

impl Noticed {
    fn here() -> Self {
        Noticed(Backtrace::force_capture())
    }
}

impl Fault {
    /// A fault in words.
    pub fn new(reason: impl Into<String>) -> Self {
        Fault { reason: reason.into(), noticed: Noticed::here() }
    }

    /// A fault from an error: its causes are spelled out once, here.
    pub fn from_error(doing: &str, error: &dyn std::error::Error) -> Self {
        let mut reason = format!("{doing}: {error}");
        let mut cause = error.source();
        while let Some(inner) = cause {
            reason.push_str(&format!(": {inner}"));
            cause = inner.source();
        }
        Fault { reason, noticed: Noticed::here() }
    }

    /// Where it was noticed, from the innermost frame outwards, cut where operators stop reading.
    pub fn backtrace(&self) -> String {
        panics::told(&self.noticed.0)
    }
}

/// What an actor may touch of the world around it.
pub struct Context<M> {
    address: Address<M>,
    cell: ActorCell,
    seat: Arc<Seat>,
    tree: Tree,
}

impl<M: Send + 'static> Context<M> {
    /// Its own address: give it to whoever should answer later.
    pub fn address(&self) -> &Address<M> {
        &self.address
    }

    /// Its seat in the tree.
    pub fn seat(&self) -> &Arc<Seat> {
        &self.seat
    }

    /// The tree of this node.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Its cell: children are linked to it.
    pub fn cell(&self) -> ActorCell {
        self.cell.clone()
    }

    /// Ends this actor in peace after the message in hand.
    pub fn retire(&self) {
        self.cell.stop(None);
    }
}

/// What an actor does. The shell around it contains panics and keeps the vitals.
pub trait Behaviour: Send + Sync + Sized + 'static {
    /// What it is told.
    type Message: Send + 'static;
    /// What it remembers between messages.
    type State: Send + 'static;

    /// The kind shown to operators.
    const KIND: &'static str;

    /// How long one message may take before operators are told that the actor is stuck.
    const STUCK_AFTER: Duration = STUCK_AFTER;

    /// The kind of a message, for records of failures.
    fn name(message: &Self::Message) -> &'static str;

    /// The trace of the request that a message belongs to, if it belongs to one.
    fn trace(_message: &Self::Message) -> Option<Arc<str>> {
        None
    }

    /// Makes the state. An error fails the start.
    fn start(
        &self,
        context: &Context<Self::Message>,
    ) -> impl Future<Output = Result<Self::State, Fault>> + Send;

    /// Handles one message. An error fails the actor.
    fn handle(
        &self,
        context: &Context<Self::Message>,
        state: &mut Self::State,
        message: Self::Message,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// A child that was spawned under this actor ended; `fault` says why if not in peace.
    fn child_ended(
        &self,
        _context: &Context<Self::Message>,
        _state: &mut Self::State,
        _child: ActorCell,
        _fault: Option<String>,
    ) -> impl Future<Output = Result<(), Fault>> + Send {
        async { Ok(()) }
    }

    /// Called when the actor stops in peace.
    fn stopped(&self, _context: &Context<Self::Message>, _state: &mut Self::State) {}
}

struct Shell<B>(B);

struct Running<B: Behaviour> {
    context: Context<B::Message>,
    state: B::State,
}

impl<B: Behaviour> Actor for Shell<B> {
    type Msg = Envelope<B::Message>;
    type State = Running<B>;
    type Arguments = (Address<B::Message>, Tree);

    async fn pre_start(
        &self,
        myself: ActorRef<Self::Msg>,
        (address, tree): Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        let gauge = address.clone();
        let gauge = move || (gauge.depth(), gauge.depth_max(), gauge.oldest_us());
        let seat = tree.seat(address.path(), B::KIND, Some(Box::new(gauge)));
        let context = Context { address, cell: myself.get_cell(), seat, tree };
        let state = contain(&context.seat, "start", None, self.0.start(&context)).await?;
        context.seat.started(B::STUCK_AFTER);
        context.address.attach(myself);
        Ok(Running { context, state })
    }

    async fn handle(
        &self,
        _myself: ActorRef<Self::Msg>,
        envelope: Self::Msg,
        running: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        let Envelope { message, place } = envelope;
        let Running { context, state } = running;
        let seat = context.seat.clone();
        if seat.is_paused() {
            seat.until_resumed().await;
        }
        let (queued_us, worked_for) = (place.waiting.waited_us(), place.waiting.place());
        drop(place);
        let (name, trace) = (B::name(&message), B::trace(&message));
        let mut told = handling(worked_for, &seat, B::KIND, name, queued_us);
        seat.takes_up(name, queued_us);
        let span = trace.as_deref().map(|trace| seat.span(trace, name, queued_us));
        let handle = Within::of(told.place(), self.0.handle(context, state, message));
        let handled = contain(&seat, name, trace.as_deref(), handle).await;
        if handled.is_err() {
            told.fail();
        }
        let took_us = seat.lays_down(handled.is_err());
        if let Some(span) = span {
            seat.span_over(&span, took_us, handled.is_err());
        }
        handled
    }

    async fn handle_supervisor_evt(
        &self,
        _myself: ActorRef<Self::Msg>,
        event: SupervisionEvent,
        running: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        let (child, fault) = match event {
            SupervisionEvent::ActorTerminated(child, _, _) => (child, None),
            SupervisionEvent::ActorFailed(child, error) => (child, Some(error.to_string())),
            _ => return Ok(()),
        };
        let Running { context, state } = running;
        contain(&context.seat, "child_ended", None, self.0.child_ended(context, state, child, fault)).await
    }

    async fn post_stop(
        &self,
        myself: ActorRef<Self::Msg>,
        running: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        myself.stop_children_and_wait(None, Some(CHILDREN_PATIENCE)).await;
        let Running { context, state } = running;
        self.0.stopped(context, state);
        context.address.detach(myself.get_id());
        context.tree.leave(context.address.path());
        Ok(())
    }
}

/// The span of one message that an actor handles for `place`, if that is recorded.
pub(crate) fn handling(
    place: Option<Place>,
    seat: &Seat,
    kind: &'static str,
    message: &'static str,
    queued_us: u64,
) -> Span {
    let mut span = Span::below(place, Kind::Internal, Name(kind, message));
    if span.is_recorded() {
        span.note(Attribute::ActorKind(kind));
        span.note(Attribute::ActorPath(Word::of(seat.path())));
        span.note(Attribute::Message(message));
        span.note(Attribute::Waited(queued_us));
    }
    span
}

/// Runs a step of an actor: a panic or fault is recorded on its seat and becomes its failure.
async fn contain<T>(
    seat: &Seat,
    message: &'static str,
    trace: Option<&str>,
    step: impl Future<Output = Result<T, Fault>>,
) -> Result<T, ActorProcessingErr> {
    let (reason, backtrace) = match AssertUnwindSafe(step).catch_unwind().await {
        Ok(Ok(done)) => return Ok(done),
        Ok(Err(fault)) => {
            let backtrace = fault.backtrace();
            (fault.reason, Some(backtrace))
        }
        Err(panic) => {
            let (text, place) = panics::describe(&*panic);
            (format!("panic: {text}"), place)
        }
    };
    // A worker says itself what it has in hand; its message is only that it works.
    let in_hand = seat.in_hand();
    let own = seat.works_for(None);
    let trace = trace.or(own.as_deref());
    seat.failed_for(in_hand.unwrap_or(message), reason.clone(), backtrace, trace);
    if let Some(message) = in_hand {
        seat.lost(message, &reason, trace);
    }
    Err(Box::new(Fault::new(reason)))
}

/// Starts an actor behind `address`, linked under `supervisor`.
///
/// # Errors
/// The fault of its start.
pub async fn spawn<B: Behaviour>(
    behaviour: B,
    address: Address<B::Message>,
    tree: &Tree,
    supervisor: ActorCell,
) -> Result<ActorCell, Fault> {
    let arguments = (address, tree.clone());
    match Actor::spawn_linked(None, Shell(behaviour), arguments, supervisor).await {
        Ok((actor, _)) => Ok(actor.get_cell()),
        Err(ractor::SpawnErr::StartupFailed(error)) => Err(Fault::new(error.to_string())),
        Err(error) => Err(Fault::new(error.to_string())),
    }
}
