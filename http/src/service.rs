//! What happens to every request: ids, key, bounds, deadline, panics, log, and the headers of its answer.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use warp::http::{HeaderMap, HeaderValue, Method, header};
use warp::reply::Response;

use crate::accept;
use crate::api::Api;
use crate::body::Body;
use crate::context::{Context, Tenant, is_request_id, trace_id};
use crate::door::random_hex;
use crate::error::{ApiError, Queue};
use crate::handlers::{self, Call};
use crate::keys::KeyRing;
use crate::language::Language;
use crate::limits::Limits;
use crate::message::Message;
use crate::problem::{Kind, Problem};
use crate::route::{self, Route};
use crate::upload::Refusal;

/// When a client should come back after every place for a request was taken.
const REQUEST_RETRY_SECONDS: u64 = 1;

/// Everything that answers requests.
pub(crate) struct Service {
    api: Arc<dyn Api>,
    keys: KeyRing,
    limits: Limits,
    requests: Semaphore,
    uploads: Semaphore,
}

/// A request before anything is known about it.
pub(crate) struct Incoming {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
}

impl Service {
    pub(crate) fn new(api: Arc<dyn Api>, keys: KeyRing, limits: Limits) -> Self {
        let requests = Semaphore::new(limits.requests_max);
        let uploads = Semaphore::new(limits.uploads_max);
        Self { api, keys, limits, requests, uploads }
    }

    /// Answers a request. Dropped before it is done, the request's cancel token fires.
    pub(crate) async fn answer(&self, incoming: Incoming) -> Response {
        let began = Instant::now();
        let Incoming { method, path, query, headers, body } = incoming;
        let context = self.context(&headers, began);
        let _cancel = context.cancel.clone().drop_guard();
        let rest = body.clone();
        let work = self.work(&method, &path, &query, &headers, body, &context);
        let outcome = AssertUnwindSafe(work).catch_unwind().await;
        let problem = match outcome {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(problem)) => Err(problem),
            Err(_) => {
                tracing::error!(request_id = &*context.request_id, %method, path, "a handler panicked");
                Err(Problem::internal(&context.request_id))
            }
        };
        let mut response = match problem {
            Ok(response) => response,
            Err(problem) => {
                // A client that waits to be told to go on has sent nothing that would have to be drained.
                if !headers.contains_key(header::EXPECT) {
                    rest.drain().await;
                }
                problem.response(context.language, &path, &context.request_id)
            }
        };
        add_headers(response.headers_mut(), &context);
        let (status, elapsed) = (response.status().as_u16(), began.elapsed());
        tracing::info!(
            request_id = &*context.request_id,
            trace_id = &*context.trace_id,
            %method,
            path,
            status,
            ms = elapsed.as_millis(),
            "answered"
        );
        response
    }

    async fn work(
        &self,
        method: &Method,
        path: &str,
        query: &str,
        headers: &HeaderMap,
        body: Body,
        context: &Context,
    ) -> Result<Response, Problem> {
        let route = route::find(method, path)?;
        let tenant = if route.needs_key() { self.tenant(headers)? } else { context.tenant.clone() };
        let limit = match route {
            Route::Upload => self.limits.upload_time_max,
            _ => self.limits.request_time_max,
        };
        let context = &Context { tenant, deadline: context.deadline + limit, ..context.clone() };
        let _permit = match self.requests.try_acquire() {
            Ok(permit) => Some(permit),
            Err(_) if route.is_probe() => None,
            Err(_) => {
                let retry_after_seconds = REQUEST_RETRY_SECONDS;
                let error = ApiError::Overloaded { queue: Queue::Requests, retry_after_seconds };
                return Err(self.refused(Refusal::Api(error), route, context, limit.as_secs()));
            }
        };
        accept::check(route, headers)?;
        let (api, limits, uploads) = (&*self.api, &self.limits, &self.uploads);
        let call = Call { api, limits, uploads, context, headers, query, body };
        match tokio::time::timeout_at(context.deadline, handlers::handle(route, call)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(refusal)) => Err(self.refused(refusal, route, context, limit.as_secs())),
            Err(_) if route == Route::Upload => Err(Problem::new(Kind::BodySlow, Message::BodySlow)),
            Err(_) => Err(Problem::from_api(ApiError::Deadline, &context.request_id, limit.as_secs())),
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

    fn tenant(&self, headers: &HeaderMap) -> Result<Tenant, Problem> {
        let Some(key) = headers.get("x-api-key").filter(|key| !key.is_empty()) else {
            return Err(Problem::new(Kind::KeyMissing, Message::KeyMissing));
        };
        let tenant = key.to_str().ok().and_then(|key| self.keys.tenant(key));
        tenant.cloned().ok_or_else(|| Problem::new(Kind::KeyWrong, Message::KeyWrong))
    }

    fn context(&self, headers: &HeaderMap, now: Instant) -> Context {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let request_id = text("x-request-id").filter(|id| is_request_id(id));
        let trace = text("traceparent").and_then(trace_id);
        Context {
            request_id: request_id.map_or_else(random_hex::<16>, str::to_owned).into(),
            trace_id: trace.map_or_else(random_hex::<16>, str::to_owned).into(),
            span_id: random_hex::<8>().into(),
            deadline: now,
            tenant: Tenant::new(""),
            language: Language::accepted(text("accept-language").unwrap_or_default()),
            cancel: CancellationToken::new(),
        }
    }
}

fn add_headers(headers: &mut HeaderMap, context: &Context) {
    let trace = format!("00-{}-{}-01", context.trace_id, context.span_id);
    for (name, text) in [("x-request-id", &*context.request_id), ("traceparent", &trace)] {
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(name, value);
        }
    }
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(context.language.tag()));
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Language"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}
