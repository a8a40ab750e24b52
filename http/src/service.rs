//! What happens to every request: ids, key, bounds, deadline, panics, log, and the headers of its answer.

use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use enabler_telemetry::metrics;
use enabler_telemetry::trace::{self, Attribute, Name, Remote, Span, Within};
use futures_util::FutureExt as _;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use uuid::Uuid;
use warp::Reply as _;
use warp::http::header::Entry;
use warp::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use warp::reply::Response;
use warp::ws::Ws;

use crate::accept;
use crate::api::Api;
use crate::audit::{Note, Pending, STATUS_GONE};
use crate::auth::{Caller, Door};
use crate::body::Body;
use crate::context::{Cancel, Context, Tenant, is_request_id};
use crate::door::{long_id, short_id};
use crate::error::{ApiError, Queue};
use crate::handlers::{self, Call};
use crate::language::Language;
use crate::limits::Limits;
use crate::message::Message;
use crate::problem::{Kind, Problem};
use crate::rate::Quotas;
use crate::route::{self, Route};
use crate::stream::Streams;
use crate::stream::socket::{self, Guest, MESSAGE_BYTES_MAX};
use crate::stream::sse::Ending;
use crate::upload::Refusal;
use crate::workers::Workers;

/// When a client should come back after every place for a request was taken.
const REQUEST_RETRY_SECONDS: u64 = 1;

/// Everything that answers requests.
pub(crate) struct Service {
    api: Arc<dyn Api>,
    door: Door,
    limits: Limits,
    requests: Semaphore,
    uploads: Semaphore,
    streams: Arc<Streams>,
    /// Who works for the requests, unless whoever reads them does.
    workers: Option<Arc<Workers>>,
}

/// A request before anything is known about it.
pub(crate) struct Incoming {
    pub(crate) parts: warp::http::request::Parts,
    pub(crate) body: Body,
    /// The address of whoever holds the other end of the connection.
    pub(crate) peer: IpAddr,
    /// When its headers were there: to wait for the workers is a part of its time.
    pub(crate) began: Instant,
}

/// The addresses at which one asks whether anybody is there.
const LIVE_PATHS: [&str; 2] = ["/live", "/v1/live"];

/// The route of requests that lead nowhere, for those who count.
const NO_ROUTE: &str = "none";

/// What became known of a request on its way in; its answer and the audit log want it whatever happens.
struct Seen {
    quotas: Quotas,
    pending: Option<Pending>,
    /// The id in its path.
    about: Option<Uuid>,
    /// Its caller was let in.
    is_known: bool,
    route: &'static str,
}

impl Service {
    pub(crate) fn new(api: Arc<dyn Api>, door: Door, limits: Limits, workers: Option<Arc<Workers>>) -> Self {
        let requests = Semaphore::new(limits.requests_max);
        let uploads = Semaphore::new(limits.uploads_max);
        let streams = Arc::new(Streams::new(Arc::clone(&api), &limits));
        Self { api, door, limits, requests, uploads, streams, workers }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Answers a request by the workers. Whoever only asks whether anybody is there is answered at once, as long as they move:
    /// a node that is stuck must not say that it lives.
    pub(crate) async fn answer_by_workers(self: &Arc<Self>, incoming: Incoming) -> Response {
        let is_at_hand = LIVE_PATHS.contains(&incoming.parts.uri.path());
        match self.workers.as_ref().filter(|workers| !(is_at_hand && workers.move_on())) {
            None => Box::pin(self.answer(incoming)).await,
            Some(workers) => {
                let service = Arc::clone(self);
                given(workers.have_done(async move { service.answer(incoming).await })).await
            }
        }
    }

    /// Takes a WebSocket in, or says why not, by the workers.
    pub(crate) async fn socket_by_workers(
        self: Arc<Self>,
        upgrade: Ws,
        headers: HeaderMap,
        peer: IpAddr,
    ) -> Response {
        match self.workers.clone() {
            None => self.socket(upgrade, headers, peer).await,
            Some(workers) => given(workers.have_done(self.socket(upgrade, headers, peer))).await,
        }
    }

    /// Answers a request. Dropped before it is done, the request's cancel token fires.
    pub(crate) async fn answer(&self, incoming: Incoming) -> Response {
        let _in_work = metrics::HTTP_IN_WORK.held([]);
        let Incoming { parts, body, peer, began } = incoming;
        let (method, headers) = (&parts.method, &parts.headers);
        let (path, query) = (parts.uri.path(), parts.uri.query().unwrap_or_default());
        let mut whole = Whole(self.context(headers, self.door.address(peer, headers), began));
        let context = &mut whole.0;
        let rest = body.clone();
        let mut seen =
            Seen { quotas: Quotas::default(), pending: None, about: None, is_known: false, route: NO_ROUTE };
        let span = span(headers, context);
        let outcome = {
            // Pinned where it is made: it is large, and what is put around it would move it each time.
            let work = pin!(self.work(method, path, query, headers, body, context, &mut seen));
            Within::of(span.place(), AssertUnwindSafe(work).catch_unwind()).await
        };
        let context = &whole.0;
        let problem = match outcome {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(problem)) => Err(problem),
            Err(_) => {
                let route = seen.route;
                tracing::error!(request_id = &*context.request_id, %method, route, "a handler panicked");
                Err(Problem::internal(&context.request_id))
            }
        };
        if seen.is_known {
            let failed = !problem.as_ref().is_ok_and(|response| !response.status().is_server_error());
            self.api.request_ended(context, seen.route, began.elapsed(), failed);
        }
        let mut response = match problem {
            Ok(response) => response,
            Err(problem) => {
                metrics::ERRORS.one([problem.kind.code()]);
                // A client that waits to be told to go on has sent nothing that would have to be drained.
                if !headers.contains_key(header::EXPECT) {
                    Box::pin(rest.drain()).await;
                }
                problem.response(context.language, path, &context.request_id)
            }
        };
        add_headers(response.headers_mut(), context, span.is_recorded());
        seen.quotas.write(response.headers_mut());
        if let Some(pending) = seen.pending.take() {
            let detail = response.extensions().get().cloned();
            pending.answered(response.status().as_u16(), response.extensions().get().copied(), detail);
        }
        let (status, elapsed) = (response.status().as_u16(), began.elapsed());
        metrics::HTTP_REQUESTS.one([seen.route, response.status().as_str()]);
        match response.extensions().get::<Ending>() {
            Some(ending) => ending.times(seen.route, began),
            None => metrics::HTTP_SECONDS.took([seen.route], elapsed),
        }
        tracing::info!(
            request_id = &*context.request_id,
            trace_id = &*context.trace_id,
            %method,
            // Not the path, which may hold anything that a client sent.
            route = seen.route,
            about = seen.about.map(tracing::field::display),
            status,
            ms = elapsed.as_millis() as u64,
            "answered"
        );
        told(span, method, seen.route, status);
        response
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one request, taken apart once")]
    async fn work(
        &self,
        method: &Method,
        path: &str,
        query: &str,
        headers: &HeaderMap,
        body: Body,
        context: &mut Context,
        seen: &mut Seen,
    ) -> Result<Response, Problem> {
        let route = route::find(method, path)?;
        (seen.route, seen.about) = (route.name(), route.id());
        let caller = match route.scope() {
            Some(_) => {
                let admission = self.door.admit(route, headers, context.address, &mut seen.quotas);
                trace::step("admit", admission).await?
            }
            None => None,
        };
        seen.pending = self.pending(route, caller.as_ref(), context);
        seen.is_known = caller.is_some();
        if caller.is_some() {
            self.api.request_begins(context);
        }
        if let Some(caller) = &caller {
            context.tenant = caller.tenant.clone();
        }
        context.caller = caller;
        let limit = match route {
            Route::Upload | Route::Batch => self.limits.upload_time_max,
            _ => self.limits.request_time_max,
        };
        context.deadline += limit;
        let context = &*context;
        let _permit = match self.requests.try_acquire() {
            Ok(permit) => Some(permit),
            Err(_) if route.is_probe() => None,
            Err(_) => {
                metrics::HTTP_REFUSED.one(["requests_max"]);
                let retry_after_seconds = REQUEST_RETRY_SECONDS;
                let error = ApiError::Overloaded { queue: Queue::Requests, retry_after_seconds };
                return Err(self.refused(Refusal::Api(error), route, context, limit.as_secs()));
            }
        };
        accept::check(route, headers)?;
        let (api, limits, uploads) = (&*self.api, &self.limits, &self.uploads);
        let (keys, streams) = (self.door.keys.as_deref(), &self.streams);
        let call = Call { api, keys, limits, uploads, streams, context, headers, query, body };
        let handling = pin!(handlers::handle(route, call));
        match by(context.deadline, handling).await {
            Some(Ok(response)) => Ok(response),
            Some(Err(refusal)) => Err(self.refused(refusal, route, context, limit.as_secs())),
            None if route == Route::Upload => Err(Problem::new(Kind::BodySlow, Message::BodySlow)),
            None => Err(Problem::from_api(ApiError::Deadline, &context.request_id, limit.as_secs())),
        }
    }

    /// Takes a WebSocket in, or says why not.
    async fn socket(self: Arc<Self>, upgrade: Ws, headers: HeaderMap, peer: IpAddr) -> Response {
        let context = self.context(&headers, self.door.address(peer, &headers), Instant::now());
        let mut quotas = Quotas::default();
        let admitted = self.door.admit(Route::Stream, &headers, context.address, &mut quotas).await;
        let mut response = match admitted.map_err(Problem::from) {
            Ok(caller) => {
                let tenant = caller.as_ref().map_or_else(Tenant::default, |caller| caller.tenant.clone());
                let guest = Guest {
                    streams: Arc::clone(&self.streams),
                    context: Context { tenant, caller, ..context.clone() },
                    question_chars_max: self.limits.question_chars_max,
                    headers,
                    service: Arc::clone(&self),
                };
                let upgrade = upgrade.max_message_size(MESSAGE_BYTES_MAX).max_frame_size(MESSAGE_BYTES_MAX);
                upgrade.on_upgrade(move |socket| socket::serve(guest, socket)).into_response()
            }
            Err(problem) => {
                metrics::ERRORS.one([problem.kind.code()]);
                problem.response(context.language, "/v1/stream", &context.request_id)
            }
        };
        add_headers(response.headers_mut(), &context, false);
        quotas.write(response.headers_mut());
        metrics::HTTP_REQUESTS.one([Route::Stream.name(), response.status().as_str()]);
        let status = response.status().as_u16();
        tracing::info!(request_id = &*context.request_id, status, "answered a WebSocket's request");
        response
    }

    /// Lets a question in that comes over a WebSocket: it counts as any other, and its key may have ended meanwhile.
    pub(crate) async fn admit(&self, headers: &HeaderMap, address: IpAddr) -> Result<(), Problem> {
        let mut quotas = Quotas::default();
        trace::step("admit", self.door.admit(Route::Stream, headers, address, &mut quotas)).await?;
        Ok(())
    }

    /// A message that comes over a WebSocket is a request of its own: with its own time, its own place in a trace, and a span
    /// if it is recorded. It continues the trace that `traceparent` names, or else that of its connection's headers.
    pub(crate) fn message(
        &self,
        headers: &HeaderMap,
        name: &'static str,
        traceparent: Option<&str>,
        connection: &Context,
    ) -> (Context, Span) {
        let remote = traceparent.and_then(Remote::read).or_else(|| remote(headers));
        let context = Context {
            trace_id: remote.map_or_else(long_id, |remote| remote.trace.into()),
            span_id: short_id(),
            deadline: Instant::now() + self.limits.request_time_max,
            ..connection.clone()
        };
        self.api.request_begins(&context);
        let name = Name("WebSocket", name);
        let span = if trace::is_on() {
            Span::request(&context.trace_id, &context.span_id, remote.as_ref(), name)
        } else {
            Span::NONE
        };
        (context, span)
    }

    /// Notes that a message over a WebSocket was answered, as `status` says it over HTTP.
    pub(crate) fn message_ended(&self, context: &Context, mut span: Span, took: Duration, status: u16) {
        let (route, failed) = (Route::Stream.name(), status >= 500);
        self.api.request_ended(context, route, took, failed);
        let (request_id, trace_id) = (&*context.request_id, &*context.trace_id);
        let ms = took.as_millis() as u64;
        tracing::info!(request_id, trace_id, status, ms, "answered a message over a WebSocket");
        span.note(Attribute::Route(route));
        span.note(Attribute::Status(u64::from(status)));
        if failed {
            span.fail();
        }
    }

    fn refused(&self, refusal: Refusal, route: Route, context: &Context, limit_seconds: u64) -> Problem {
        let error = match refusal {
            Refusal::Problem(problem) => return problem,
            Refusal::Api(error) => error,
        };
        let request_id = &*context.request_id;
        match &error {
            ApiError::Internal { .. } => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(request_id, route = route.name(), error, "failed");
            }
            ApiError::Unavailable { .. } => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(request_id, route = route.name(), error, "unavailable");
            }
            _ => tracing::debug!(request_id, route = route.name(), %error, "refused"),
        }
        Problem::from_api(error, request_id, limit_seconds)
    }

    /// The note of a write that begins now.
    fn pending(&self, route: Route, caller: Option<&Arc<Caller>>, context: &Context) -> Option<Pending> {
        let (audit, caller) = (self.door.audit.as_ref()?, caller?);
        let note = Note {
            action: route.name(),
            caller: Arc::clone(caller),
            address: context.address,
            request_id: Arc::clone(&context.request_id),
            about: route.id(),
            status: STATUS_GONE,
            detail: None,
        };
        route.is_write().then(|| Pending::new(Arc::clone(audit), note))
    }

    fn context(&self, headers: &HeaderMap, address: IpAddr, now: Instant) -> Context {
        let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let request_id = text(&X_REQUEST_ID).filter(|id| is_request_id(id));
        let remote = remote(headers);
        let trace_id = remote.map_or_else(long_id, |remote| remote.trace.into());
        let request_id = match (request_id, remote) {
            (Some(request_id), _) => request_id.into(),
            // A trace may have many requests, unless it begins with this one.
            (None, Some(_)) => long_id(),
            (None, None) => Arc::clone(&trace_id),
        };
        Context {
            request_id,
            trace_id,
            span_id: short_id(),
            deadline: now,
            tenant: Tenant::default(),
            caller: None,
            address,
            language: text(&header::ACCEPT_LANGUAGE).map(Language::accepted).unwrap_or_default(),
            cancel: Cancel::default(),
        }
    }
}

/// What the workers gave; without them nobody is left to answer, and the process is about to end.
async fn given(response: impl Future<Output = Option<Response>>) -> Response {
    match response.await {
        Some(response) => response,
        None => std::future::pending().await,
    }
}

/// A request's context; whoever still works for it is told when this is dropped.
struct Whole(Context);

impl Drop for Whole {
    fn drop(&mut self) {
        self.0.cancel.fire();
    }
}

/// What `work` gives, unless it still waits at `deadline`. Most work never waits, and no clock is set for it.
async fn by<F: Future>(deadline: Instant, mut work: Pin<&mut F>) -> Option<F::Output> {
    if let Poll::Ready(done) = poll_fn(|cx| Poll::Ready(work.as_mut().poll(cx))).await {
        return Some(done);
    }
    tokio::time::timeout_at(deadline, work).await.ok()
}

/// Who asks, as the request's `traceparent` says.
fn remote(headers: &HeaderMap) -> Option<Remote<'_>> {
    headers.get(&TRACEPARENT).and_then(|value| value.to_str().ok()).and_then(Remote::read)
}

/// The span of a request, if it is recorded.
fn span(headers: &HeaderMap, context: &Context) -> Span {
    if !trace::is_on() {
        return Span::NONE;
    }
    Span::request(&context.trace_id, &context.span_id, remote(headers).as_ref(), "request".into())
}

/// Adds what is known of a request once it is answered.
fn told(mut span: Span, method: &Method, route: &'static str, status: u16) {
    if !span.is_recorded() {
        return;
    }
    let method = match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    };
    span.rename(Name(method, route));
    span.note(Attribute::Method(method));
    span.note(Attribute::Route(route));
    span.note(Attribute::Status(u64::from(status)));
    if status >= 500 {
        span.fail();
    }
}

/// A `traceparent` without its ids: its version, 32 and 16 digits, and its flags.
const TRACEPARENT_EMPTY: &[u8; 55] = b"00-00000000000000000000000000000000-0000000000000000-00";
static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

fn add_headers(headers: &mut HeaderMap, context: &Context, is_recorded: bool) {
    // Without spans of our own nobody is told that there are none: whoever asks may record it.
    let flags = if is_recorded || !trace::is_on() { "01" } else { "00" };
    let mut trace = *TRACEPARENT_EMPTY;
    for (place, part) in [(3..35, &*context.trace_id), (36..52, &*context.span_id), (53..55, flags)] {
        if let Some(place) = trace.get_mut(place).filter(|place| place.len() == part.len()) {
            place.copy_from_slice(part.as_bytes());
        }
    }
    for (name, value) in [(&X_REQUEST_ID, context.request_id.as_bytes()), (&TRACEPARENT, &trace)] {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.insert(name, value);
        }
    }
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(context.language.tag()));
    match headers.entry(header::CACHE_CONTROL) {
        // What nobody may keep needs no word on whom it may be given to.
        Entry::Vacant(none) => drop(none.insert(HeaderValue::from_static("no-store"))),
        Entry::Occupied(_) => drop(headers.insert(header::VARY, HeaderValue::from_static("Accept-Language"))),
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a request's future may take, in bytes.
    const FUTURE_BYTES_MAX: usize = 4_096;
    /// What of it a connection keeps, also while it is idle, and moves about with each request.
    const KEPT_BYTES_MAX: usize = 1_024;

    /// The size of what a function gives, which is not called.
    fn size_of_what<A, B, F>(_: impl FnOnce(A, B) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_request_is_light_until_it_needs_more() {
        let bytes = size_of_what(|service: &'static Service, incoming| service.answer(incoming));
        assert!(bytes <= FUTURE_BYTES_MAX, "{bytes} bytes");
        let bytes =
            size_of_what(|service: &'static Arc<Service>, incoming| service.answer_by_workers(incoming));
        assert!(bytes <= KEPT_BYTES_MAX, "{bytes} bytes");
    }
}
