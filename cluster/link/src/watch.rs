//! A stream that fails when its peer is silent, when it takes nothing, or when the link is cut.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Fires when nothing moved for too long. Moving is only noted; the timer is set again when it fires.
struct Stall {
    moved: Instant,
    max: Duration,
    timer: Pin<Box<Sleep>>,
}

impl Stall {
    fn new(max: Duration) -> Self {
        let moved = Instant::now();
        Stall { moved, max, timer: Box::pin(tokio::time::sleep_until(moved + max)) }
    }

    fn moved(&mut self) {
        self.moved = Instant::now();
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while self.timer.as_mut().poll(context).is_ready() {
            let due = self.moved + self.max;
            if Instant::now() >= due {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(due);
        }
        Poll::Pending
    }
}

/// One half's view of the cut.
type Cut = Pin<Box<WaitForCancellationFutureOwned>>;

/// The stream. Both directions are watched, each by itself.
pub(crate) struct Watch<S> {
    stream: S,
    silence: Stall,
    /// Only while the stream takes nothing: an idle link writes nothing and is not stalled.
    stall: Option<Stall>,
    max: Duration,
    cut_read: Cut,
    cut_write: Cut,
    /// Where it is noted that the peer was silent or took nothing.
    silent: Arc<AtomicBool>,
}

impl<S> Watch<S> {
    /// Watches `stream`; `cut` ends both directions at once.
    pub(crate) fn new(stream: S, max: Duration, cut: &CancellationToken, silent: &Arc<AtomicBool>) -> Self {
        let watched = || Box::pin(cut.clone().cancelled_owned());
        let (cut_read, cut_write) = (watched(), watched());
        let silent = silent.clone();
        Watch { stream, silence: Stall::new(max), stall: None, max, cut_read, cut_write, silent }
    }
}

fn was_cut() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the link was cut")
}

fn timed_out(silent: &AtomicBool, why: &str) -> io::Error {
    silent.store(true, Ordering::Relaxed);
    io::Error::new(io::ErrorKind::TimedOut, why)
}

impl<S: AsyncRead + Unpin> AsyncRead for Watch<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.cut_read.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(was_cut()));
        }
        let before = buffer.filled().len();
        // What has arrived counts before the clock: a node that was itself stopped must not blame its peer.
        match Pin::new(&mut this.stream).poll_read(context, buffer) {
            Poll::Ready(done) => {
                if buffer.filled().len() > before {
                    this.silence.moved();
                }
                Poll::Ready(done)
            }
            Poll::Pending => {
                this.silence.poll(context).map(|()| Err(timed_out(&this.silent, "the peer is silent")))
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> Watch<S> {
    fn write<T>(
        &mut self,
        context: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if self.cut_write.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(was_cut()));
        }
        match write(Pin::new(&mut self.stream), context) {
            Poll::Ready(done) => {
                self.stall = None;
                Poll::Ready(done)
            }
            Poll::Pending => {
                let max = self.max;
                let stall = self.stall.get_or_insert_with(|| Stall::new(max));
                let silent = &self.silent;
                stall.poll(context).map(|()| Err(timed_out(silent, "the peer takes nothing")))
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watch<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().write(context, |stream, context| stream.poll_write(context, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().write(context, |stream, context| stream.poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().write(context, |stream, context| stream.poll_shutdown(context))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const MAX: Duration = Duration::from_secs(2);

    #[tokio::test(start_paused = true)]
    async fn a_silent_peer_fails_the_read_and_a_talking_one_does_not() {
        let (near, mut far) = tokio::io::duplex(64);
        let silent = Arc::default();
        let mut near = Watch::new(near, MAX, &CancellationToken::new(), &silent);
        let talk = tokio::spawn(async move {
            for _ in 0..5 {
                tokio::time::sleep(Duration::from_millis(1_500)).await;
                far.write_all(b"x").await.unwrap();
            }
            far
        });
        let mut byte = [0];
        for _ in 0..5 {
            near.read_exact(&mut byte).await.unwrap();
        }
        let _far = talk.await.unwrap();
        assert!(!silent.load(Ordering::Relaxed));
        assert_eq!(near.read(&mut byte).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(silent.load(Ordering::Relaxed));
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_nothing_fails_the_write() {
        let (near, _far) = tokio::io::duplex(4);
        let mut near = Watch::new(near, MAX, &CancellationToken::new(), &Arc::default());
        assert_eq!(near.write_all(b"too much").await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cut_ends_a_read_that_waits() {
        let (near, _far) = tokio::io::duplex(4);
        let cut = CancellationToken::new();
        let mut near = Watch::new(near, MAX, &cut, &Arc::default());
        let read = tokio::spawn(async move { near.read(&mut [0]).await.map_err(|error| error.kind()) });
        tokio::task::yield_now().await;
        cut.cancel();
        assert_eq!(read.await.unwrap(), Err(io::ErrorKind::ConnectionAborted));
    }
}
