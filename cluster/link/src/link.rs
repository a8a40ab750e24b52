//! One link: its books (credit, calls under way, answers not yet taken) and what its frames do to them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use enabler_cluster::decide::credit::{Ledger, Window};
use enabler_cluster::net::{CallError, NodeId};
use enabler_cluster::request::Request;
use enabler_telemetry::trace::{self, Attribute, Kind, Span, Step, Word};
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

use crate::id::{id_of, place_of};
use crate::peer::PeerLink;
use crate::wire::{self, Header, Hello, Lane, Status, Traced, What};

/// The code of a refusal because the peer does not understand the version of the frame.
pub const CODE_VERSION: u16 = u16::MAX;

/// What a frame costs beside its body, in bytes.
const FRAME_COST: u64 = 256;

/// The bounds that both nodes of a link keep to: the smaller of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) calls_max: u32,
    pub(crate) bytes_max: u64,
    pub(crate) frame_max: u32,
}

impl Bounds {
    pub(crate) fn agreed(mine: &Hello, theirs: &Hello) -> Self {
        Bounds {
            calls_max: mine.calls_max.min(theirs.calls_max).max(4),
            bytes_max: mine.bytes_max.min(theirs.bytes_max),
            frame_max: mine.frame_max.min(theirs.frame_max),
        }
    }

    fn window(&self, lane: Lane) -> Window {
        let large = self.calls_max / 4;
        match lane {
            Lane::Small => {
                let count = self.calls_max - large;
                Window::new(count, u64::from(count) * (Lane::SMALL_BYTES_MAX as u64 + FRAME_COST))
            }
            Lane::Large => Window::new(large, self.bytes_max),
        }
    }
}

fn cost(body: usize) -> u64 {
    body as u64 + FRAME_COST
}

type Outcome = Result<Bytes, CallError>;

struct Pending {
    lane: Lane,
    cost: u64,
    /// Gone when nobody waits any more; the place in the window stays taken until the peer has answered.
    answer: Option<oneshot::Sender<Outcome>>,
}

struct Serving {
    lane: Lane,
    cost: u64,
    cancel: CancellationToken,
}

struct Books {
    ended: bool,
    small: Window,
    large: Window,
    pending: HashMap<u64, Pending>,
    /// Answers that the peer has not yet taken.
    answers: Ledger,
    /// Bytes of answers that wait for the peer to take earlier ones.
    waiting: u64,
    small_in: Window,
    large_in: Window,
    serving: HashMap<u64, Serving>,
    /// Bytes of answers taken from the peer, and how many of them it was told of.
    taken: u64,
    told: u64,
}

impl Books {
    fn window(&mut self, lane: Lane) -> &mut Window {
        if lane == Lane::Small { &mut self.small } else { &mut self.large }
    }

    fn window_in(&mut self, lane: Lane) -> &mut Window {
        if lane == Lane::Small { &mut self.small_in } else { &mut self.large_in }
    }
}

/// A link to one start of one peer.
pub(crate) struct Link {
    pub(crate) peer: NodeId,
    pub(crate) address: String,
    pub(crate) token: u128,
    pub(crate) dialed: bool,
    pub(crate) bounds: Bounds,
    /// Ends the link and everything on it.
    pub(crate) cut: CancellationToken,
    /// Whether the peer was silent, or took nothing, for too long.
    pub(crate) silent: Arc<AtomicBool>,
    pub(crate) carrier: OnceLock<Arc<dyn PeerLink>>,
    /// Told when answers may have room, and when the carrier is there.
    room: Notify,
    next_id: AtomicU64,
    books: Mutex<Books>,
}

/// How a call travels when it is not for the peer itself.
#[derive(Default)]
pub(crate) struct Route {
    pub(crate) flags: u8,
    pub(crate) hops: u8,
    pub(crate) to: Option<NodeId>,
    pub(crate) origin: Option<NodeId>,
}

/// Gives up a call when its caller is gone.
struct Waiter<'a> {
    link: &'a Link,
    id: u64,
    done: bool,
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let waits =
            self.link.lock().pending.get_mut(&self.id).is_some_and(|call| call.answer.take().is_some());
        if waits {
            let _ = self.link.send(What::Cancel, self.id, Header::default(), &[], Lane::Small);
        }
    }
}

impl Link {
    pub(crate) fn new(hello: &Hello, dialed: bool, token: u128, bounds: Bounds) -> Self {
        let books = Books {
            ended: false,
            small: bounds.window(Lane::Small),
            large: bounds.window(Lane::Large),
            pending: HashMap::new(),
            answers: Ledger::new(bounds.bytes_max),
            waiting: 0,
            small_in: bounds.window(Lane::Small),
            large_in: bounds.window(Lane::Large),
            serving: HashMap::new(),
            taken: 0,
            told: 0,
        };
        Link {
            peer: id_of(hello.node.clone()),
            address: hello.advertise.clone(),
            token,
            dialed,
            bounds,
            cut: CancellationToken::new(),
            silent: Arc::default(),
            carrier: OnceLock::new(),
            room: Notify::new(),
            next_id: AtomicU64::new(1),
            books: Mutex::new(books),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The link can carry frames from now on.
    pub(crate) fn ready(&self, carrier: Arc<dyn PeerLink>) {
        let _ = self.carrier.set(carrier);
        self.room.notify_waiters();
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.carrier.get().is_some() && !self.cut.is_cancelled()
    }

    /// Frames and bytes under way in both directions, for people.
    pub(crate) fn load(&self) -> (u32, u64) {
        let books = self.lock();
        let all = [books.small, books.large, books.small_in, books.large_in];
        all.iter().map(Window::used).fold((0, 0), |sum, used| (sum.0 + used.0, sum.1 + used.1))
    }

    /// Ends the link: whoever waits on it hears at once that the outcome is unknown.
    pub(crate) fn end(&self) {
        self.cut.cancel();
        let (pending, serving) = {
            let mut books = self.lock();
            books.ended = true;
            (std::mem::take(&mut books.pending), std::mem::take(&mut books.serving))
        };
        for call in pending.into_values().filter_map(|call| call.answer) {
            let lost =
                CallError::Unknown(format!("the link to `{}` ended before it answered", self.peer.name));
            let _ = call.send(Err(lost));
        }
        for call in serving.into_values() {
            call.cancel.cancel();
        }
        self.room.notify_waiters();
    }

    fn send(
        &self,
        what: What,
        id: u64,
        mut header: Header,
        body: &[u8],
        lane: Lane,
    ) -> Result<(), CallError> {
        let carrier = self.carrier.get().ok_or(CallError::NoLink)?;
        header.taken = {
            let mut books = self.lock();
            books.told = books.taken;
            books.taken
        };
        let frame = wire::encode(what, self.token, id, &header, body);
        carrier.send(lane, frame).map_err(|_| CallError::NoLink)
    }

    /// A frame beside all credit: small, rare, and bounded by whoever calls this.
    pub(crate) fn signal(&self, what: What, body: &[u8]) -> Result<(), CallError> {
        self.send(what, 0, Header::default(), body, Lane::Small)
    }

    /// A sign of life on both connections.
    pub(crate) fn beat(&self) -> Result<(), CallError> {
        self.send(What::Beat, 0, Header::default(), &[], Lane::Small)?;
        self.send(What::Beat, 0, Header::default(), &[], Lane::Large)
    }

    fn begin(
        &self,
        what: What,
        kind: u16,
        body: &Bytes,
        route: Route,
        request: Option<&Request>,
        answer: Option<oneshot::Sender<Outcome>>,
    ) -> Result<u64, CallError> {
        let (bytes, bytes_max) = (body.len() as u64, u64::from(self.bounds.frame_max));
        if bytes > bytes_max {
            return Err(CallError::TooLarge { bytes, bytes_max });
        }
        if !self.is_ready() {
            return Err(CallError::NoLink);
        }
        let (lane, cost) = (Lane::of(body.len()), cost(body.len()));
        let id = self.enter(lane, cost, answer)?;
        let header = Header {
            kind,
            flags: route.flags,
            hops: route.hops,
            left_ms: request
                .map_or(0, |request| u32::try_from(request.left().as_millis()).unwrap_or(u32::MAX)),
            trace: request.map(|request| request.trace.to_string()).unwrap_or_default(),
            to: route.to.as_ref().map(place_of),
            origin: route.origin.as_ref().map(place_of),
            worked_for: Traced(trace::current()),
            ..Header::default()
        };
        let sent = self.send(what, id, header, body, lane);
        if sent.is_err() {
            self.settle(id);
        }
        sent.map(|()| id)
    }

    /// Enters a call into the books, if there is credit for it.
    pub(crate) fn enter(
        &self,
        lane: Lane,
        cost: u64,
        answer: Option<oneshot::Sender<Outcome>>,
    ) -> Result<u64, CallError> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let mut books = self.lock();
        if books.ended {
            return Err(CallError::NoLink);
        }
        books.window(lane).take(cost).map_err(|_| CallError::Overloaded)?;
        books.pending.insert(id, Pending { lane, cost, answer });
        Ok(id)
    }

    /// Ends the books of one call and returns whoever waits for it.
    fn settle(&self, id: u64) -> Option<oneshot::Sender<Outcome>> {
        let mut books = self.lock();
        let Pending { lane, cost, answer } = books.pending.remove(&id)?;
        books.window(lane).give(cost);
        answer
    }

    pub(crate) async fn call(&self, kind: u16, body: &Bytes, request: &Request, route: Route) -> Outcome {
        let mut span = Span::below(trace::current(), Kind::Client, "link call");
        if span.is_recorded() {
            span.note(Attribute::Peer(Word::of(&self.peer.name)));
            span.note(Attribute::Call(u64::from(kind)));
        }
        Step::of(span, self.exchange(kind, body, request, route)).await
    }

    async fn exchange(&self, kind: u16, body: &Bytes, request: &Request, route: Route) -> Outcome {
        if let Some(ended) = request.ended() {
            return Err(ended.into());
        }
        let (sender, answer) = oneshot::channel();
        let id = self.begin(What::Call, kind, body, route, Some(request), Some(sender))?;
        let mut waiter = Waiter { link: self, id, done: false };
        let answer = request.run(answer).await?;
        waiter.done = true;
        answer.unwrap_or_else(|_| Err(CallError::Unknown("the link dropped the call".to_owned())))
    }

    pub(crate) fn cast(&self, kind: u16, body: &Bytes, route: Route) -> Result<(), CallError> {
        self.begin(What::Cast, kind, body, route, None, None).map(|_| ())
    }

    /// The peer says how many bytes of answers it has taken. False when that cannot be.
    pub(crate) fn confirmed(&self, taken: u64) -> bool {
        let honest = self.lock().answers.confirm(taken);
        self.room.notify_waiters();
        honest
    }

    /// An answer arrived. False when it is none of ours or above what was agreed.
    pub(crate) fn answered(&self, id: u64, status: Status, code: u16, body: Bytes) -> bool {
        let tell = {
            let mut books = self.lock();
            books.taken += cost(body.len());
            // Often enough for the peer to go on, seldom enough to cost nothing.
            books.taken - books.told > self.bounds.bytes_max / 8
        };
        if tell {
            let _ = self.signal(What::Beat, &[]);
        }
        if let Some(waiter) = self.settle(id) {
            let _ = waiter.send(outcome(status, code, body));
        }
        self.lock().ended || id < self.next_id.load(Ordering::Relaxed)
    }

    /// A call or cast arrived: its cancel token, or `None` when the peer has no credit for it.
    pub(crate) fn admit(&self, id: u64, body: usize) -> Option<CancellationToken> {
        let (lane, cost) = (Lane::of(body), cost(body));
        let cancel = self.cut.child_token();
        let mut books = self.lock();
        if body > self.bounds.frame_max as usize || books.serving.contains_key(&id) {
            return None;
        }
        books.window_in(lane).take(cost).ok()?;
        books.serving.insert(id, Serving { lane, cost, cancel: cancel.clone() });
        Some(cancel)
    }

    /// The peer's caller no longer waits.
    pub(crate) fn cancelled(&self, id: u64) {
        if let Some(serving) = self.lock().serving.get(&id) {
            serving.cancel.cancel();
        }
    }

    /// Sends the answer to a call that was admitted; waits while the peer takes earlier ones.
    pub(crate) async fn answer(&self, id: u64, status: Status, code: u16, body: Bytes) {
        let (status, code, body) = if body.len() > self.bounds.frame_max as usize {
            let text =
                format!("the answer of {} bytes is above the limit of {}", body.len(), self.bounds.frame_max);
            (Status::Unknown, 0, Bytes::from(text))
        } else {
            (status, code, body)
        };
        let (mut status, mut code, mut body) = (status, code, body);
        let mut queued = 0;
        loop {
            let room = self.room.notified();
            tokio::pin!(room);
            room.as_mut().enable();
            {
                let mut books = self.lock();
                if books.ended {
                    return;
                }
                if self.carrier.get().is_some() && books.answers.enter(cost(body.len())) {
                    books.waiting -= queued;
                    // Before the peer hears of it: its window must never be wider than ours.
                    if let Some(Serving { lane, cost, .. }) = books.serving.remove(&id) {
                        books.window_in(lane).give(cost);
                    }
                    break;
                }
                if queued == 0 {
                    if books.waiting + cost(body.len()) > self.bounds.bytes_max {
                        // Bounded memory before completeness: the peer takes its answers too slowly.
                        (status, code) = (Status::Unknown, 0);
                        body = Bytes::from_static(b"served, but too many answers wait to be taken");
                    }
                    queued = cost(body.len());
                    books.waiting += queued;
                }
            }
            room.await;
        }
        let header = Header { kind: code, status: status as u8, ..Header::default() };
        let _ = self.send(What::Answer, id, header, &body, Lane::of(body.len()));
    }

    /// Answers a frame that could not even be read: there is nothing in the books about it.
    pub(crate) fn refuse_unread(&self, id: u64, why: &str) {
        if self.lock().answers.enter(cost(why.len())) {
            let header = Header { status: Status::Version as u8, ..Header::default() };
            let _ = self.send(What::Answer, id, header, why.as_bytes(), Lane::Small);
        }
    }

    /// Whether calls are under way in either direction.
    pub(crate) fn is_busy(&self) -> bool {
        let books = self.lock();
        !books.pending.is_empty() || !books.serving.is_empty()
    }
}

fn outcome(status: Status, code: u16, body: Bytes) -> Outcome {
    let text = || String::from_utf8_lossy(&body).into_owned();
    match status {
        Status::Ok => Ok(body),
        Status::Unsupported => Err(CallError::Unsupported),
        Status::Busy => Err(CallError::Overloaded),
        Status::Refused => Err(CallError::Refused(code, text())),
        Status::NoLink => Err(CallError::NoLink),
        Status::Version => Err(CallError::Refused(CODE_VERSION, text())),
        Status::Unknown => Err(CallError::Unknown(text())),
    }
}
