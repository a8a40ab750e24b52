//! Takes connections, bounded, until it is told to stop; then lets the requests in work end.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;

use crate::api::Api;
use crate::auth::Door;
use crate::bare::Spoken;
use crate::entry::entry;
use crate::limits::Limits;
use crate::service::Service;
use crate::silence::Silence;
use crate::workers::{Wire, Workers};

/// How long a client may take for its request line and headers, and may leave a connection idle.
pub(crate) const HEADERS_TIME_MAX: Duration = Duration::from_secs(20);
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
    let service = Service::new(api, door.into(), limits, None);
    serve_with(listener, Arc::new(service), shutdown).await
}

/// As [`serve`], on threads that do nothing else; what a request needs of `api` is done where this is called.
///
/// # Errors
/// When the system gives no threads, or does not let the listener go.
pub fn serve_apart(
    listener: TcpListener,
    api: Arc<dyn Api>,
    door: impl Into<Door>,
    limits: Limits,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<impl Future<Output = bool> + Send> {
    let wire = Wire::begun()?;
    let listener = wire.take(listener)?;
    let service = Arc::new(Service::new(api, door.into(), limits, Some(Workers::of(Handle::current()))));
    Ok(async move {
        let served = wire.run(async move { serve_with(listener, service, shutdown).await });
        served.await.unwrap_or(false)
    })
}

async fn serve_with(
    listener: TcpListener,
    service: Arc<Service>,
    shutdown: impl Future<Output = ()> + Send,
) -> bool {
    let limits = service.limits();
    let connections = Arc::new(Semaphore::new(limits.connections_max));
    let shutdown_time_max = limits.shutdown_time_max;
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
        let silence = Arc::new(Silence::begun());
        let entry = entry(Arc::clone(&service), peer, Arc::clone(&silence));
        let mut stream = Box::pin(TimeoutStream::new(stream));
        stream.as_mut().set_write_timeout_pinned(Some(UNREAD_TIME_MAX));
        let stream = Spoken::new(stream, Arc::clone(&silence));
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), entry);
        let connection = graceful.watch(connection.into_owned());
        tokio::spawn(async move {
            let _place = place;
            tokio::select! {
                // What was sent counts before it is asked since when nothing was.
                biased;
                ended = connection => {
                    if let Err(error) = ended {
                        tracing::debug!(error, "a connection broke off");
                    }
                }
                () = silence.lasts(HEADERS_TIME_MAX) => tracing::debug!("a client was silent for too long"),
            }
        });
    }
    drop(listener);
    tokio::time::timeout(shutdown_time_max, graceful.shutdown()).await.is_ok()
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(HEADERS_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEADERS_BYTES_MAX as u32)
        .keep_alive_interval(HEADERS_TIME_MAX);
    builder
}
