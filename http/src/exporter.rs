//! The other port: what a node tells those who watch it, on an address of its own and without a key.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use warp::Filter as _;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::Response;

use crate::server::{ACCEPT_PAUSE, HEADERS_TIME_MAX};

/// Watchers that may be connected at one time: each asks once in some seconds.
const CONNECTIONS_MAX: usize = 16;
/// How long one answer may take; those who watch give up after ten seconds.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(8);

/// Tells a node's metrics.
#[async_trait]
pub trait Metrics: Send + Sync {
    /// All of them in the text format of Prometheus, and the name of that format.
    async fn text(&self) -> (String, &'static str);
}

/// Answers `GET /metrics` on `listener` until `shutdown` completes.
pub async fn serve_metrics(
    listener: TcpListener,
    metrics: Arc<dyn Metrics>,
    shutdown: impl Future<Output = ()>,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    // One at a time: what is looked up for two at once would be looked up twice.
    let turn = Arc::new(tokio::sync::Mutex::new(()));
    let told = warp::path!("metrics").and(warp::get()).then(move || {
        let (metrics, turn) = (Arc::clone(&metrics), Arc::clone(&turn));
        async move {
            let text = async {
                let _turn = turn.lock().await;
                metrics.text().await
            };
            answer(tokio::time::timeout(ANSWER_TIME_MAX, text).await.ok())
        }
    });
    let elsewhere =
        warp::any().map(|| plain(StatusCode::NOT_FOUND, "Only GET /metrics is answered here.\n".into()));
    let filter = told.or(elsewhere).unify().boxed();
    // Without the choice of HTTP/2 the time of the headers begins with the connection.
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADERS_TIME_MAX);
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accept = async {
            let place = Arc::clone(&places).acquire_owned().await.ok();
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            accepted = accept => accepted,
            () = &mut shutdown => return,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let service = TowerToHyperService::new(warp::service(filter.clone()));
        let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
        tokio::spawn(async move {
            let _place = place;
            if let Err(error) = connection.await {
                tracing::debug!(error, "a watcher's connection broke off");
            }
        });
    }
}

fn answer(text: Option<(String, &'static str)>) -> Response {
    match text {
        Some((text, format)) => {
            let mut response = plain(StatusCode::OK, text);
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(format));
            response
        }
        None => plain(StatusCode::SERVICE_UNAVAILABLE, "The metrics could not be gathered in time.\n".into()),
    }
}

fn plain(status: StatusCode, text: String) -> Response {
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    response
}
