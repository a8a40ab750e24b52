//! What changes on the nodes, as server-sent events.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep};
use warp::reply::Response;

use super::{Change, Watch};
use crate::stream::sse;

/// How often it is looked what has changed: an operator sees it as at once.
const LOOK_EVERY: Duration = Duration::from_millis(700);
/// How long one stream lives; whoever wants more connects again, with a key that is looked at again.
const LIVES: Duration = Duration::from_secs(600);

/// The answer that tells what changes, as long as somebody listens.
pub(super) fn reply(mut watch: Box<dyn Watch>, place: OwnedSemaphorePermit) -> Response {
    let (sender, response) = sse::body();
    tokio::spawn(async move {
        let _place = place;
        let until = Instant::now() + LIVES;
        let (mut number, mut spoken) = (0_u64, Instant::now());
        while Instant::now() < until {
            for change in watch.changes().await {
                number += 1;
                if !sse::send(&sender, lines(number, &change)).await {
                    return;
                }
                spoken = Instant::now();
            }
            if spoken.elapsed() >= sse::HEARTBEAT {
                if !sse::send(&sender, sse::beat()).await {
                    return;
                }
                spoken = Instant::now();
            }
            tokio::select! {
                () = sleep(LOOK_EVERY) => {}
                () = sender.closed() => return,
            }
        }
    });
    response
}

fn lines(number: u64, change: &Change) -> Bytes {
    // The name comes from another node: a line break in it would begin a line of its own.
    let event: String =
        change.event.chars().filter(|char| char.is_ascii_alphanumeric() || *char == '_').collect();
    format!("id: {number}\nevent: {event}\ndata: {}\n\n", change.data).into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_change_is_one_block_of_lines_whatever_a_node_says() {
        let change = Change { event: "actor\ndata: x".to_owned(), data: json!({ "path": "a\nb" }) };
        let text = String::from_utf8(lines(3, &change).to_vec()).unwrap();
        assert_eq!(text, "id: 3\nevent: actordatax\ndata: {\"path\":\"a\\nb\"}\n\n");
    }
}
