//! Serves what peers ask: each call on its own task, contained, bounded by credit, and always answered.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use enabler_cluster::net::{CallError, Incoming, Refused};
use enabler_cluster::request::{Ended, Request};
use enabler_telemetry::trace::{Attribute, Kind, Span, Step, Word};
use futures_util::FutureExt;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::core::Core;
use crate::id::{id_of, id_text};
use crate::link::{Link, Route};
use crate::wire::{FLAG_RELAY, Frame, Status, What};

/// Time for a cast, which brings no deadline.
const CAST_TIME_MAX: Duration = Duration::from_secs(60);
/// A frame is passed on once at most.
const HOPS_MAX: u8 = 1;

type Answer = (Status, u16, Bytes);

fn text(status: Status, code: u16, text: impl Into<String>) -> Answer {
    (status, code, Bytes::from(text.into()))
}

pub(crate) fn begin(core: &Arc<Core>, link: &Arc<Link>, frame: Frame, cancel: CancellationToken) {
    let (core, link) = (core.clone(), link.clone());
    tokio::spawn(async move {
        let id = frame.id;
        let (status, code, body) = if core.is_leaving() {
            text(Status::Busy, 0, "the node is leaving")
        } else {
            let span = serving(&link, &frame);
            Step::of(span, answer(&core, &link, frame, cancel)).await
        };
        link.answer(id, status, code, body).await;
    });
}

/// The span of a call that is served, if whoever asks records it.
fn serving(link: &Link, frame: &Frame) -> Span {
    let mut span = Span::below(frame.header.worked_for.0, Kind::Server, "link serve");
    if span.is_recorded() {
        span.note(Attribute::Peer(Word::of(&link.peer.name)));
        span.note(Attribute::Call(u64::from(frame.header.kind)));
    }
    span
}

async fn answer(core: &Arc<Core>, link: &Link, frame: Frame, cancel: CancellationToken) -> Answer {
    let left = if frame.what == What::Cast {
        CAST_TIME_MAX
    } else {
        Duration::from_millis(u64::from(frame.header.left_ms))
    };
    let request =
        Request { deadline: Instant::now() + left, trace: frame.header.trace.as_str().into(), cancel };
    if frame.header.flags & FLAG_RELAY != 0 {
        return relay(core, link, frame, &request).await;
    }
    let from = frame.header.origin.map_or_else(|| link.peer.clone(), id_of);
    let incoming = Incoming { kind: frame.header.kind, body: frame.body, request: request.clone() };
    let serve = AssertUnwindSafe(core.service.serve(&from, incoming)).catch_unwind();
    match request.run(serve).await {
        Ok(Ok(Ok(body))) => (Status::Ok, 0, body),
        Ok(Ok(Err(Refused::Unsupported))) => text(Status::Unsupported, 0, ""),
        Ok(Ok(Err(Refused::Busy))) => text(Status::Busy, 0, ""),
        Ok(Ok(Err(Refused::Code(code, why)))) => text(Status::Refused, code, why),
        Ok(Err(panic)) => {
            let words = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let words = words.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            tracing::error!(
                peer = id_text(&from),
                kind = frame.header.kind,
                panic = words,
                "serving a call panicked"
            );
            text(Status::Unknown, 0, format!("`{}` failed while it served the call: {words}", core.me.name))
        }
        Err(Ended::TimedOut) => text(Status::Unknown, 0, "the deadline passed while the call was served"),
        Err(Ended::Cancelled) => text(Status::Unknown, 0, "the call was cancelled while it was served"),
    }
}

/// Passes a call on to a peer of ours.
async fn relay(core: &Arc<Core>, link: &Link, frame: Frame, request: &Request) -> Answer {
    let header = frame.header;
    let target = header.to.map(id_of).filter(|_| header.hops < HOPS_MAX);
    let Some(next) = target.and_then(|to| core.table.ready(&to)) else {
        return text(Status::NoLink, 0, "");
    };
    let route = Route { flags: 0, hops: header.hops + 1, to: None, origin: Some(link.peer.clone()) };
    let outcome = if frame.what == What::Cast {
        next.cast(header.kind, &frame.body, route).map(|()| Bytes::new())
    } else {
        next.call(header.kind, &frame.body, request, route).await
    };
    match outcome {
        Ok(body) => (Status::Ok, 0, body),
        Err(CallError::NoLink) => text(Status::NoLink, 0, ""),
        Err(CallError::Overloaded) => text(Status::Busy, 0, ""),
        Err(CallError::Unsupported) => text(Status::Unsupported, 0, ""),
        Err(CallError::Refused(code, why)) => text(Status::Refused, code, why),
        Err(error @ CallError::TooLarge { .. }) => text(Status::Refused, 0, error.to_string()),
        Err(error @ (CallError::Unknown(_) | CallError::Ended(_))) => {
            text(Status::Unknown, 0, format!("relayed by `{}`: {error}", core.me.name))
        }
    }
}
