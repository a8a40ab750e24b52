//! Takes connections, bounded, until it is told to stop; then lets the requests in work end.

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;
use warp::Filter as _;
use warp::http::{HeaderMap, Method};
use warp::reply::Response;

use crate::api::Api;
use crate::auth::Door;
use crate::bare::Spoken;
use crate::body::Body;
use crate::limits::Limits;
use crate::service::{Incoming, Service};

/// How long a client may take for its request line and headers, and may leave a connection idle.
const HEADERS_TIME_MAX: Duration = Duration::from_secs(20);
/// The largest request line with headers; hyper answers 431 beyond it.
const HEADERS_BYTES_MAX: usize = 64 * 1024;
/// Requests that one HTTP/2 connection may have in work.
const STREAMS_MAX: u32 = 64;
/// How long a client may leave what it is sent unread: its connection holds a place and some buffers.
const UNREAD_TIME_MAX: Duration = Duration::from_secs(30);
/// How long to wait after the system refused a connection, mostly because it has no more file handles.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Serves `api` behind `door` on `listener` until `shutdown` completes; then takes no more connections and waits for the
/// requests in work, at most [`Limits::shutdown_time_max`]. Returns whether all of them ended by themselves.
pub async fn serve(
    listener: TcpListener,
    api: Arc<dyn Api>,
    door: impl Into<Door>,
    limits: Limits,
    shutdown: impl Future<Output = ()> + Send,
) -> bool {
    let connections = Arc::new(Semaphore::new(limits.connections_max));
    let shutdown_time_max = limits.shutdown_time_max;
    let service = Arc::new(Service::new(api, door.into(), limits));
    let builder = builder();
    let graceful = GracefulShutdown::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accept = async {
            // The place is taken first, so that a flood of connections waits in the kernel's queue.
            let place = Arc::clone(&connections).acquire_owned().await.ok();
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            accepted = accept => accepted,
            () = &mut shutdown => break,
        };
        let (stream, peer) = match accepted {
            Ok((stream, peer)) => (stream, peer.ip()),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "accepting a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Answers are short and wait for nothing; only the option itself can fail, on a closed socket.
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(warp::service(filter(Arc::clone(&service), peer)));
        let mut stream = Box::pin(TimeoutStream::new(stream));
        stream.as_mut().set_write_timeout_pinned(Some(UNREAD_TIME_MAX));
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(Spoken::new(stream)), service);
        let connection = graceful.watch(connection.into_owned());
        tokio::spawn(async move {
            let _place = place;
            if let Err(error) = connection.await {
                tracing::debug!(error, "a connection broke off");
            }
        });
    }
    drop(listener);
    tokio::time::timeout(shutdown_time_max, graceful.shutdown()).await.is_ok()
}

pub(crate) fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_TIME_MAX)
        .max_buf_size(HEADERS_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEADERS_BYTES_MAX as u32)
        .keep_alive_interval(HEADERS_TIME_MAX);
    builder
}

/// One filter takes every request whole; addresses are told apart in `route`, so that an unknown one, a
/// wrong method and a wrong body each get their own answer. Each connection has its own, which knows its peer.
fn filter(service: Arc<Service>, peer: IpAddr) -> warp::filters::BoxedFilter<(Response,)> {
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    let sockets = Arc::clone(&service);
    let socket = warp::path!("v1" / "stream").and(warp::ws()).and(warp::header::headers_cloned()).then(
        move |upgrade: warp::ws::Ws, headers: HeaderMap| Arc::clone(&sockets).socket(upgrade, headers, peer),
    );
    let request = warp::any()
        .and(warp::method())
        .and(warp::path::full())
        .and(query)
        .and(warp::header::headers_cloned())
        .and(warp::body::stream())
        .then(move |method: Method, path: warp::path::FullPath, query, headers: HeaderMap, body| {
            let service = Arc::clone(&service);
            let body = Body::new(body);
            async move {
                let path = path.as_str().to_owned();
                service.answer(Incoming { method, path, query, headers, body, peer }).await
            }
        });
    socket.or(request).unify().boxed()
}
