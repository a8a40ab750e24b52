//! A bounded mailbox that outlives the actor behind it.
//!
//! ractor's own mailboxes have no bound, so admission happens before the send: a message takes one place of
//! its mailbox and gives it back when the actor takes the message up. The address stays valid over restarts.

use std::sync::{Arc, PoisonError, RwLock};

use ractor::ActorRef;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::request::{Ended, Request};
use crate::tree::{Line, Waiting};

/// A message on its way, with the place that it holds in the mailbox.
#[derive(Debug)]
pub struct Envelope<M> {
    pub(crate) message: M,
    pub(crate) place: Place,
}

/// A place in a mailbox, and since when it is held.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) waiting: Waiting,
    _permit: OwnedSemaphorePermit,
}

impl<M: Send + 'static> ractor::Message for Envelope<M> {}

/// Where an answer goes. Dropping it tells the caller that none will come.
#[derive(Debug)]
pub struct Reply<R>(oneshot::Sender<R>);

impl<R> Reply<R> {
    /// A reply and the place where its answer arrives.
    pub fn pair() -> (Self, oneshot::Receiver<R>) {
        let (sender, receiver) = oneshot::channel();
        (Reply(sender), receiver)
    }

    /// Sends the answer; a caller that no longer waits is no error.
    pub fn send(self, answer: R) {
        let _ = self.0.send(answer);
    }

    /// Whether the caller has stopped waiting.
    pub fn is_abandoned(&self) -> bool {
        self.0.is_closed()
    }
}

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Every place of the mailbox is taken: try again later.
    #[error("the mailbox of `{path}` is full")]
    Full {
        /// The actor's place in the supervision tree.
        path: String,
    },
    /// The actor is not running (yet, or any more).
    #[error("`{path}` is not running")]
    Down {
        /// The actor's place in the supervision tree.
        path: String,
    },
}

/// Why a question to an actor brought no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// The message was not taken; nothing happened.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The actor took the message and ended before it answered: what it did is unknown.
    #[error("`{path}` ended before it answered")]
    Lost {
        /// The actor's place in the supervision tree.
        path: String,
    },
    /// The request ended first.
    #[error(transparent)]
    Ended(#[from] Ended),
}

struct Inner<M> {
    path: String,
    places: Arc<Semaphore>,
    places_max: usize,
    line: Arc<Line>,
    target: RwLock<Option<ActorRef<Envelope<M>>>>,
}

/// The address of an actor: clone it freely.
pub struct Address<M>(Arc<Inner<M>>);

impl<M> Clone for Address<M> {
    fn clone(&self) -> Self {
        Address(self.0.clone())
    }
}

impl<M> std::fmt::Debug for Address<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Address({})", self.0.path)
    }
}

impl<M: Send + 'static> Address<M> {
    /// An address with room for `places_max` messages; the actor behind it comes later.
    pub fn new(path: impl Into<String>, places_max: usize) -> Self {
        Address(Arc::new(Inner {
            path: path.into(),
            places: Arc::new(Semaphore::new(places_max)),
            places_max,
            line: Line::of(places_max),
            target: RwLock::new(None),
        }))
    }

    /// The actor's place in the supervision tree.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// Messages that wait.
    pub fn depth(&self) -> usize {
        self.0.places_max.saturating_sub(self.0.places.available_permits())
    }

    /// How long the oldest message has waited, in microseconds, if one waits.
    pub fn oldest_us(&self) -> Option<u64> {
        self.0.line.oldest_us()
    }

    /// The bound of the mailbox.
    pub fn depth_max(&self) -> usize {
        self.0.places_max
    }

    /// Hands the message over if there is room now.
    ///
    /// # Errors
    /// [`Refusal::Full`] or [`Refusal::Down`]; nothing was sent then.
    pub fn offer(&self, message: M) -> Result<(), Refusal> {
        match self.0.places.clone().try_acquire_owned() {
            Ok(place) => self.post(message, place),
            Err(_) => Err(Refusal::Full { path: self.0.path.clone() }),
        }
    }

    /// Waits for room, then hands the message over: back-pressure for callers that are themselves bounded.
    ///
    /// # Errors
    /// [`Refusal::Down`] when no actor is behind the address.
    pub async fn send(&self, message: M) -> Result<(), Refusal> {
        match self.0.places.clone().acquire_owned().await {
            Ok(place) => self.post(message, place),
            Err(_) => Err(Refusal::Down { path: self.0.path.clone() }),
        }
    }

    /// Asks and waits for the answer, as long as the request lives; a full mailbox refuses at once.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn ask<R>(&self, request: &Request, make: impl FnOnce(Reply<R>) -> M) -> Result<R, AskError> {
        let (reply, answer) = Reply::pair();
        self.offer(make(reply))?;
        request.run(answer).await?.map_err(|_| AskError::Lost { path: self.0.path.clone() })
    }

    /// As [`Address::ask`], but waits for room: for work that was admitted already and is bounded elsewhere.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn ask_patiently<R>(
        &self,
        request: &Request,
        make: impl FnOnce(Reply<R>) -> M,
    ) -> Result<R, AskError> {
        let (reply, answer) = Reply::pair();
        request.run(self.send(make(reply))).await??;
        request.run(answer).await?.map_err(|_| AskError::Lost { path: self.0.path.clone() })
    }

    pub(crate) fn attach(&self, target: ActorRef<Envelope<M>>) {
        *self.0.target.write().unwrap_or_else(PoisonError::into_inner) = Some(target);
    }

    pub(crate) fn detach(&self, id: ractor::ActorId) {
        let mut target = self.0.target.write().unwrap_or_else(PoisonError::into_inner);
        // A late end of an earlier incarnation must not unhook the one that replaced it.
        if target.as_ref().is_some_and(|actor| actor.get_id() == id) {
            *target = None;
        }
    }

    fn post(&self, message: M, permit: OwnedSemaphorePermit) -> Result<(), Refusal> {
        let target = self.0.target.read().unwrap_or_else(PoisonError::into_inner).clone();
        let down = || Refusal::Down { path: self.0.path.clone() };
        let target = target.ok_or_else(down)?;
        let place = Place { waiting: self.0.line.join(), _permit: permit };
        target.cast(Envelope { message, place }).map_err(|_| down())
    }
}
