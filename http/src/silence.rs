//! Knows since when a connection waits for its client alone, so that one which waits in vain is ended.
//!
//! hyper times a request's head only once it knows the version of HTTP, so that a client that sends nothing would keep its
//! place for ever; and it sets and removes a timer with each request. Here a connection has one timer, which is looked at
//! when it has run off.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Since when one connection waits for its client.
#[derive(Debug)]
pub(crate) struct Silence {
    began: Instant,
    /// When the client was last sent something, in milliseconds after the beginning.
    since_ms: AtomicU64,
    /// Requests that are answered now.
    in_work: AtomicU32,
    /// Something is left that the client does not read; how long it may do so is bounded elsewhere.
    is_unread: AtomicBool,
    /// Others see to it that it ends.
    is_watched: AtomicBool,
}

/// A request that is answered, until the last of its answer was taken.
#[derive(Debug)]
pub(crate) struct Work(Arc<Silence>);

impl Drop for Work {
    fn drop(&mut self) {
        self.0.in_work.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Silence {
    /// A connection that begins now.
    pub(crate) fn begun() -> Self {
        Self {
            began: Instant::now(),
            since_ms: AtomicU64::new(0),
            in_work: AtomicU32::new(0),
            is_unread: AtomicBool::new(false),
            is_watched: AtomicBool::new(false),
        }
    }

    /// A request is in work until what is given is dropped.
    pub(crate) fn work(self: &Arc<Self>) -> Work {
        self.in_work.fetch_add(1, Ordering::Relaxed);
        Work(Arc::clone(self))
    }

    /// The client was sent something: its time begins anew.
    pub(crate) fn told(&self) {
        let elapsed = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.since_ms.store(elapsed, Ordering::Relaxed);
        self.is_unread.store(false, Ordering::Relaxed);
    }

    /// The client does not read what it is sent.
    pub(crate) fn unread(&self) {
        self.is_unread.store(true, Ordering::Relaxed);
    }

    /// From now on others watch over the connection, as HTTP/2 does with its pings.
    pub(crate) fn left_to_others(&self) {
        self.is_watched.store(true, Ordering::Relaxed);
    }

    /// How much of `max` the client has left.
    fn left(&self, max: Duration) -> Duration {
        let is_ours = self.in_work.load(Ordering::Relaxed) > 0
            || self.is_unread.load(Ordering::Relaxed)
            || self.is_watched.load(Ordering::Relaxed);
        if is_ours {
            return max;
        }
        let since = Duration::from_millis(self.since_ms.load(Ordering::Relaxed));
        (since + max).saturating_sub(self.began.elapsed())
    }

    /// Completes when the client alone was waited for, longer than `max`.
    pub(crate) async fn lasts(&self, max: Duration) {
        loop {
            let left = self.left(max);
            if left.is_zero() {
                return;
            }
            sleep(left).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::sse::{self, Ending};

    const MAX: Duration = Duration::from_secs(20);

    async fn ended_after(silence: &Silence) -> Option<u64> {
        let began = silence.began;
        let lasted = tokio::time::timeout(MAX * 10, silence.lasts(MAX)).await;
        lasted.ok().map(|()| began.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_never_sends_anything_is_waited_for_so_long_and_no_longer() {
        assert_eq!(ended_after(&Silence::begun()).await, Some(20));
    }

    #[tokio::test(start_paused = true)]
    async fn each_answer_begins_the_time_anew() {
        let silence = Silence::begun();
        let telling = async {
            for _ in 0..3 {
                sleep(Duration::from_secs(15)).await;
                silence.told();
            }
        };
        assert_eq!(tokio::join!(ended_after(&silence), telling).0, Some(65));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_not_ended_over_its_own_work_nor_where_others_watch() {
        let silence = Arc::new(Silence::begun());
        let work = silence.work();
        assert_eq!(ended_after(&silence).await, None);
        drop(work);
        silence.unread();
        assert_eq!(ended_after(&silence).await, None);
        silence.told();
        assert_eq!(ended_after(&silence).await, Some(2 * 200 + 20));
        silence.left_to_others();
        assert_eq!(ended_after(&silence).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_is_work_until_the_last_of_it_was_taken() {
        let silence = Arc::new(Silence::begun());
        let (events, response) = sse::body();
        response.extensions().get::<Ending>().unwrap().keeps(silence.work());
        let (_, body) = response.into_parts();
        assert_eq!(ended_after(&silence).await, None);
        drop((events, body));
        assert_eq!(ended_after(&silence).await, Some(200));
    }
}
