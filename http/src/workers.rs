//! Who works for the requests: the product's own threads, told apart from those that only read and write on connections.

use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinError;
use tokio::time::{Instant, sleep};
use tokio_util::task::AbortOnDropHandle;

/// How often the workers show that they move.
const SHOWN_EVERY: Duration = Duration::from_secs(1);
/// Workers that have shown nothing for so long, ten times in a row, may be stuck.
const SHOWN_WITHIN: Duration = Duration::from_secs(10);

/// The runtime on which the product runs, and when it was last seen moving.
#[derive(Debug)]
pub(crate) struct Workers {
    runtime: Handle,
    began: Instant,
    /// When they last showed that they move, in milliseconds after the beginning.
    shown_ms: AtomicU64,
}

impl Workers {
    /// Those of `runtime`.
    pub(crate) fn of(runtime: Handle) -> Arc<Self> {
        let workers = Self { runtime, began: Instant::now(), shown_ms: AtomicU64::new(0) };
        let workers = Arc::new(workers);
        workers.runtime.spawn(show(Arc::downgrade(&workers)));
        workers
    }

    /// Has `work` done, which ends with whoever waits for it. Nothing is given once the runtime itself has ended.
    pub(crate) fn have_done<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = Option<T>> + Send {
        // Handed over at once: what waits for it is light, whatever the work is.
        let task = AbortOnDropHandle::new(self.runtime.spawn(work));
        async move {
            match task.await.map_err(JoinError::try_into_panic) {
                Ok(done) => Some(done),
                Err(Ok(panic)) => std::panic::resume_unwind(panic),
                Err(Err(_)) => None,
            }
        }
    }

    /// Whether they were seen moving of late.
    pub(crate) fn move_on(&self) -> bool {
        let shown = Duration::from_millis(self.shown_ms.load(Ordering::Relaxed));
        self.began.elapsed() < shown + SHOWN_WITHIN
    }
}

/// Shows that the runtime moves, as long as somebody may ask.
async fn show(workers: Weak<Workers>) {
    while let Some(workers) = workers.upgrade() {
        let elapsed = u64::try_from(workers.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        workers.shown_ms.store(elapsed, Ordering::Relaxed);
        drop(workers);
        sleep(SHOWN_EVERY).await;
    }
}

/// Threads that read and write on connections and do no other work.
#[derive(Debug)]
pub(crate) struct Wire(Option<Runtime>);

impl Wire {
    /// As many as half of the cores, because speaking HTTP takes less than what is asked for.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub(crate) fn begun() -> io::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
        let threads = (cores / 2).max(1);
        Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("wire")
            .enable_all()
            .build()
            .map(|runtime| Self(Some(runtime)))
    }

    /// `listener`, from now on of these threads.
    ///
    /// # Errors
    /// When the system lets it not be watched by them.
    pub(crate) fn take(&self, listener: TcpListener) -> io::Result<TcpListener> {
        let _here = self.0.as_ref().map(Runtime::enter);
        TcpListener::from_std(listener.into_std()?)
    }

    /// Runs `work` on these threads; nothing is given when they ended before it.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let runtime = self.0.as_ref()?;
        AbortOnDropHandle::new(runtime.spawn(work)).await.ok()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // A runtime must not wait for its threads on a thread of another one.
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[tokio::test(start_paused = true)]
    async fn workers_are_trusted_as_long_as_they_show_that_they_move() {
        let workers = Workers::of(Handle::current());
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(workers.move_on());
    }

    #[test]
    fn workers_that_stand_still_are_not_trusted_and_the_wire_goes_on() {
        let stuck = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let workers = Workers::of(stuck.handle().clone());
        let ((busy, is_busy), (release, held)) = (mpsc::channel(), mpsc::channel::<()>());
        stuck.spawn(async move {
            busy.send(()).unwrap();
            held.recv()
        });
        is_busy.recv().unwrap();
        let wire = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        wire.block_on(async {
            let waits = workers.have_done(async { 1 });
            assert!(tokio::time::timeout(SHOWN_WITHIN + SHOWN_EVERY, waits).await.is_err());
            assert!(!workers.move_on());
            release.send(()).unwrap();
            assert_eq!(workers.have_done(async { 2 }).await, Some(2));
        });
    }

    #[tokio::test]
    async fn work_ends_with_whoever_waits_for_it_and_its_panics_are_his() {
        let workers = Workers::of(Handle::current());
        let (held, ended) = tokio::sync::oneshot::channel::<()>();
        let work = workers.have_done(async move {
            std::future::pending::<()>().await;
            drop(held);
        });
        assert!(tokio::time::timeout(Duration::from_millis(20), work).await.is_err());
        let ended = tokio::time::timeout(Duration::from_secs(30), ended);
        assert!(ended.await.unwrap().is_err());
        let panics =
            tokio::spawn(async move { workers.have_done(async { panic!("as the test wants it") }).await });
        let panicked: Result<Option<()>, _> = panics.await;
        assert!(panicked.unwrap_err().is_panic());
    }
}
