//! Hands large frames over a few at a time, as fast as the stream takes them.
//!
//! The library gathers everything that it is handed into one buffer before it writes. A whole window in that buffer
//! is memory held twice, and a copy long enough to keep small frames waiting for the processor.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Another frame is handed over while fewer bytes than this are not yet written.
const UNWRITTEN_MAX: u64 = 512 << 10;

/// Takes a frame for good.
type Hand = Box<dyn Fn(Vec<u8>) + Send>;

#[derive(Default)]
struct State {
    hand: Option<Hand>,
    /// Bounded by the credit of the link.
    waiting: VecDeque<Vec<u8>>,
    unwritten: u64,
}

/// The frames of one connection that wait for their turn.
#[derive(Default)]
pub(crate) struct Pace(Mutex<State>);

impl Pace {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Frames go to `hand` from now on.
    pub(crate) fn open(&self, hand: Hand) {
        let mut state = self.lock();
        state.hand = Some(hand);
        state.pass();
    }

    pub(crate) fn send(&self, frame: Vec<u8>) {
        let mut state = self.lock();
        state.waiting.push_back(frame);
        state.pass();
    }

    /// The stream took so many bytes. The library's own few bytes count as ours, which only hastens the next frame.
    fn wrote(&self, bytes: usize) {
        let mut state = self.lock();
        state.unwritten = state.unwritten.saturating_sub(bytes as u64);
        state.pass();
    }
}

impl State {
    fn pass(&mut self) {
        let Some(hand) = &self.hand else { return };
        while self.unwritten < UNWRITTEN_MAX {
            let Some(frame) = self.waiting.pop_front() else { return };
            self.unwritten += frame.len() as u64;
            hand(frame);
        }
    }
}

/// A stream that tells the pace what it took.
pub(crate) struct Paced<S> {
    pub(crate) stream: S,
    pub(crate) pace: Arc<Pace>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        if let Poll::Ready(Ok(count)) = written {
            this.pace.wrote(count);
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_frame_is_handed_over_once_in_order_and_few_are_unwritten(
            sizes in prop::collection::vec(1usize..900_000, 1..40),
            writes in prop::collection::vec(1usize..400_000, 0..60),
        ) {
            let (pace, handed) = (Pace::default(), Arc::new(Mutex::new(Vec::new())));
            let sink = handed.clone();
            pace.open(Box::new(move |frame| sink.lock().unwrap().push(frame.len())));
            for size in &sizes {
                pace.send(vec![0; *size]);
            }
            let mut written = 0;
            for write in writes {
                let open = handed.lock().unwrap().iter().sum::<usize>() - written;
                prop_assert!(open < UNWRITTEN_MAX as usize + 900_000);
                let write = write.min(open);
                written += write;
                pace.wrote(write);
            }
            let before = handed.lock().unwrap().clone();
            prop_assert_eq!(&before[..], &sizes[..before.len()]);
            for _ in 0..sizes.len() {
                pace.wrote(900_000);
            }
            prop_assert_eq!(&*handed.lock().unwrap(), &sizes);
        }
    }
}
