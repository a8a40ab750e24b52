//! A request's body as it arrives: bounded in size, and in the time between two pieces.

use std::future::Future as _;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use http_body_util::BodyDataStream;
use hyper::body::Body as _;
use tokio::time::{Instant, Sleep, sleep};
use warp::http::{HeaderMap, header};

use crate::message::Message;
use crate::problem::{Kind, Problem};

/// How long a body may pause: a client on a bad line sends again within seconds, a stuck one never.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// How much of an unwanted body is still read so that its sender gets to see the answer.
const DRAIN_BYTES_MAX: usize = 64 << 20;
/// How long an unwanted body is still read.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(5);

/// Why a body broke off.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("reading the request's body")]
    Read(#[from] hyper::Error),
    #[error("the request's body paused for too long")]
    Paused,
}

struct Arriving {
    frames: BodyDataStream<hyper::body::Incoming>,
    /// Begun when the client is waited for: most requests have no body, or have sent it all.
    pause: Option<Pin<Box<Sleep>>>,
    ended: bool,
}

/// A body that is arriving, if there is one. Clones share it, so that what a reader leaves can still be drained.
#[derive(Clone)]
pub(crate) struct Body(Option<Arc<Mutex<Arriving>>>);

impl Body {
    /// The body of a request.
    pub(crate) fn new(body: hyper::body::Incoming) -> Self {
        if body.is_end_stream() {
            return Self::none();
        }
        let frames = BodyDataStream::new(body);
        Self(Some(Arc::new(Mutex::new(Arriving { frames, pause: None, ended: false }))))
    }

    /// That of a request which has none.
    pub(crate) fn none() -> Self {
        Self(None)
    }

    /// The whole body, which may have at most `limit` bytes.
    pub(crate) async fn read(&mut self, headers: &HeaderMap, limit: usize) -> Result<Bytes, Problem> {
        let too_large = || {
            let limit = u64::try_from(limit).unwrap_or(u64::MAX);
            Problem::new(Kind::TooLarge, Message::BodyTooLarge { limit })
        };
        if content_length(headers).is_some_and(|length| length > limit as u64) {
            return Err(too_large());
        }
        let mut whole = BytesMut::new();
        while let Some(piece) = self.next().await {
            let piece = piece.map_err(|error| broken(&error))?;
            if whole.len() + piece.len() > limit {
                return Err(too_large());
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole.freeze())
    }

    /// Reads what is left and throws it away, within bounds: a client that is still sending would see a
    /// broken connection rather than the answer.
    pub(crate) async fn drain(mut self) {
        let mut left = DRAIN_BYTES_MAX;
        let all = async {
            while let Some(Ok(piece)) = self.next().await {
                left = left.saturating_sub(piece.len());
                if left == 0 {
                    break;
                }
            }
        };
        let _ = tokio::time::timeout(DRAIN_TIME_MAX, all).await;
    }
}

/// What a client hears about a body that broke off.
pub(crate) fn broken(error: &BodyError) -> Problem {
    match error {
        BodyError::Read(_) => Problem::new(Kind::InvalidRequest, Message::BodyBroken),
        BodyError::Paused => Problem::new(Kind::BodySlow, Message::BodySlow),
    }
}

/// The body's length as the client gives it.
pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

impl Stream for Body {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(arriving) = &self.0 else { return Poll::Ready(None) };
        let mut arriving = arriving.lock().unwrap_or_else(PoisonError::into_inner);
        if arriving.ended {
            return Poll::Ready(None);
        }
        match arriving.frames.poll_next_unpin(cx) {
            Poll::Ready(Some(Ok(piece))) => {
                if let Some(pause) = &mut arriving.pause {
                    pause.as_mut().reset(Instant::now() + PAUSE_MAX);
                }
                Poll::Ready(Some(Ok(piece)))
            }
            Poll::Ready(Some(Err(error))) => {
                arriving.ended = true;
                Poll::Ready(Some(Err(error.into())))
            }
            Poll::Ready(None) => {
                arriving.ended = true;
                Poll::Ready(None)
            }
            Poll::Pending => {
                let pause = arriving.pause.get_or_insert_with(|| Box::pin(sleep(PAUSE_MAX)));
                if pause.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                arriving.ended = true;
                Poll::Ready(Some(Err(BodyError::Paused)))
            }
        }
    }
}
