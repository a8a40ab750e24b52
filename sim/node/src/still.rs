//! A runtime on which one seed gives one order: paused time, and blocking work that runs only while nothing else does.
//!
//! tokio hands blocking work to a thread, whose end comes between two steps of the async work by chance. Here there is
//! one such thread, it lives for one batch of work, and it begins only when the root future lets it, which then waits
//! for its end. As the root is polled after each step of any task, nothing happens beside the blocking work.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Whose turn it is.
#[derive(Default)]
struct Turns {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Threads that were asked for, that may work, and that have ended.
    asked: u64,
    allowed: u64,
    ended: u64,
    root: Option<Waker>,
    /// The root is done: what is still asked for need not wait.
    is_over: bool,
}

impl Turns {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Called where blocking work is handed over, before its thread exists.
    fn ask(&self) {
        let mut state = self.state();
        state.asked += 1;
        if let Some(root) = &state.root {
            root.wake_by_ref();
        }
    }

    /// Called on the thread before its work.
    fn wait_for_the_turn(&self) {
        let mut state = self.state();
        while !state.is_over && state.allowed <= state.ended {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Called on the thread after its work.
    fn end(&self) {
        self.state().ended += 1;
        self.changed.notify_all();
    }

    /// Lets everything run that was asked for, and waits for its end.
    fn run_all(&self) {
        let mut state = self.state();
        while state.ended < state.asked {
            state.allowed = state.asked;
            self.changed.notify_all();
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

struct Root<F> {
    work: Pin<Box<F>>,
    turns: Arc<Turns>,
}

impl<F: Future> Future for Root<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.turns.state().root = Some(context.waker().clone());
        self.turns.run_all();
        let polled = self.work.as_mut().poll(context);
        self.turns.run_all();
        polled
    }
}

impl<F> Drop for Root<F> {
    fn drop(&mut self) {
        self.turns.state().is_over = true;
        self.turns.changed.notify_all();
    }
}

/// How long blocking work that the end of a run still asks for may take.
const END_PATIENCE: Duration = Duration::from_secs(10);

/// Runs `work` to its end on a runtime of its own; whatever it has spawned ends with it.
///
/// # Errors
/// If the runtime cannot be made.
pub(crate) fn block_on<F: Future>(work: impl FnOnce() -> F) -> std::io::Result<F::Output> {
    let turns = Arc::new(Turns::default());
    let (asked, begins, ends) = (turns.clone(), turns.clone(), turns.clone());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        // The root has its turn after every step of a task.
        .event_interval(1)
        .max_blocking_threads(1)
        .thread_keep_alive(Duration::ZERO)
        .thread_name_fn(move || {
            asked.ask();
            "blocking".to_owned()
        })
        .on_thread_start(move || begins.wait_for_the_turn())
        .on_thread_stop(move || ends.end())
        .build()?;
    let output = runtime.block_on(async move { Root { work: Box::pin(work()), turns }.await });
    runtime.shutdown_timeout(END_PATIENCE);
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn race(worker: u64, order: Arc<Mutex<Vec<(u64, u64, u64)>>>, began: tokio::time::Instant) {
        for step in 0..20 {
            let spins = (worker * 7 + step) % 5 * 3_000;
            let work = move || (0..spins).fold(0_u64, |sum, n| std::hint::black_box(sum ^ n));
            let _ = tokio::task::spawn_blocking(work).await;
            order.lock().unwrap().push((worker, step, began.elapsed().as_millis() as u64));
            if step % 3 == worker % 3 {
                tokio::time::sleep(Duration::from_millis(worker)).await;
            }
            tokio::task::yield_now().await;
        }
    }

    fn order() -> Vec<(u64, u64, u64)> {
        let order = Arc::new(Mutex::new(Vec::new()));
        let seen = order.clone();
        block_on(|| async move {
            let began = tokio::time::Instant::now();
            let workers = (0..8).map(|worker| tokio::spawn(race(worker, order.clone(), began)));
            for worker in workers.collect::<Vec<_>>() {
                worker.await.unwrap();
            }
        })
        .unwrap();
        let seen = seen.lock().unwrap().clone();
        assert_eq!(seen.len(), 160);
        seen
    }

    #[test]
    fn blocking_work_of_many_tasks_ends_in_one_order_and_time_goes_on_after_it() {
        let first = order();
        for _ in 0..20 {
            assert_eq!(order(), first);
        }
        assert!(first.iter().any(|(_, _, at_ms)| *at_ms > 10));
    }
}
