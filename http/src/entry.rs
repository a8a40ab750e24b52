//! Where the requests of one connection come in: WebSockets go through warp's filter, all others straight to the service.

use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;

use hyper::body::Incoming as HyperBody;
use hyper::service::{Service as _, service_fn};
use hyper_util::service::TowerToHyperService;
use tokio::time::Instant;
use warp::Filter as _;
use warp::http::{HeaderMap, Request, Version, header};
use warp::reply::Response;

use crate::body::Body;
use crate::service::{Incoming, Service};
use crate::silence::Silence;
use crate::stream::sse::Ending;

/// The one address at which a connection becomes a WebSocket.
const SOCKET_PATH: &str = "/v1/stream";

struct Connection {
    service: Arc<Service>,
    /// The address of whoever holds its other end.
    peer: IpAddr,
    silence: Arc<Silence>,
}

/// What answers the requests of one connection, whose other end is at `peer`.
pub(crate) fn entry(
    service: Arc<Service>,
    peer: IpAddr,
    silence: Arc<Silence>,
) -> impl hyper::service::Service<
    Request<HyperBody>,
    Response = Response,
    Error = Infallible,
    Future: Future<Output = Result<Response, Infallible>> + Send + 'static,
> + Send
+ 'static {
    let connection = Arc::new(Connection { service, peer, silence });
    service_fn(move |request| {
        let connection = Arc::clone(&connection);
        async move { Ok(connection.answer(request).await) }
    })
}

impl Connection {
    async fn answer(&self, request: Request<HyperBody>) -> Response {
        let (began, work) = (Instant::now(), self.silence.work());
        if request.version() == Version::HTTP_2 {
            self.silence.left_to_others();
        }
        if is_socket(&request) {
            return Box::pin(self.socket(request, began)).await;
        }
        let (parts, body) = request.into_parts();
        let incoming = Incoming { parts, body: Body::new(body), peer: self.peer, began };
        let response = self.service.answer_by_workers(incoming).await;
        if let Some(ending) = response.extensions().get::<Ending>() {
            ending.keeps(work);
        }
        response
    }

    /// Takes a WebSocket in; what is none after all is answered as any other request.
    async fn socket(&self, request: Request<HyperBody>, began: Instant) -> Response {
        let (parts, body) = request.into_parts();
        let (kept, peer) = (parts.clone(), self.peer);
        let (sockets, service) = (Arc::clone(&self.service), Arc::clone(&self.service));
        let socket = warp::ws().and(warp::header::headers_cloned()).then(
            move |upgrade: warp::ws::Ws, headers: HeaderMap| {
                Arc::clone(&sockets).socket_by_workers(upgrade, headers, peer)
            },
        );
        let other = warp::any().then(move || {
            let (service, parts) = (Arc::clone(&service), kept.clone());
            async move { service.answer_by_workers(Incoming { parts, body: Body::none(), peer, began }).await }
        });
        let filter = TowerToHyperService::new(warp::service(socket.or(other).unify()));
        match filter.call(Request::from_parts(parts, body)).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

/// Whether `request` wants to become a WebSocket.
fn is_socket(request: &Request<HyperBody>) -> bool {
    let path = request.uri().path();
    path.strip_suffix('/').unwrap_or(path) == SOCKET_PATH && request.headers().contains_key(header::UPGRADE)
}
