//! The place that a thread works for, and work that takes its place along.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::place::Place;
use super::span::{Name, Span};

thread_local! {
    static CURRENT: Cell<Option<Place>> = const { Cell::new(None) };
}

/// The place that this thread works for now, if that is recorded.
pub fn current() -> Option<Place> {
    CURRENT.get()
}

/// Puts back what was before, also when the work panics.
struct Before(Option<Place>);

impl Drop for Before {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

pin_project! {
    /// Work for a place, whichever thread does it.
    #[must_use = "work does nothing until it is awaited"]
    pub struct Within<F> {
        place: Option<Place>,
        #[pin]
        work: F,
    }
}

impl<F> Within<F> {
    /// `work` for `place`; without one it goes on for whatever its thread works for.
    pub fn of(place: Option<Place>, work: F) -> Self {
        Within { place, work }
    }
}

impl<F: Future> Future for Within<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let Some(place) = *this.place else { return this.work.poll(context) };
        let _before = Before(CURRENT.replace(Some(place)));
        this.work.poll(context)
    }
}

pin_project! {
    /// Work with a span of its own, which ends with it.
    #[must_use = "work does nothing until it is awaited"]
    pub struct Step<F> {
        span: Span,
        #[pin]
        work: Within<F>,
    }
}

/// `work` with a span of its own, below what is done now.
pub fn step<F: Future>(name: impl Into<Name>, work: F) -> Step<F> {
    Step::of(Span::of(name), work)
}

impl<F> Step<F> {
    /// `work` for `span`.
    pub fn of(span: Span, work: F) -> Self {
        Step { work: Within::of(span.place(), work), span }
    }
}

impl<F: Future> Future for Step<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let done = ready!(this.work.poll(context));
        drop(std::mem::replace(this.span, Span::NONE));
        Poll::Ready(done)
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::{LazyLock, Mutex, MutexGuard};
    use std::task::Waker;

    use super::super::span::Ended;
    use super::super::{Attribute, Kind, Remote, Sink, install};
    use super::*;

    static TAKEN: Mutex<Vec<Ended>> = Mutex::new(Vec::new());
    static TURN: LazyLock<Mutex<()>> = LazyLock::new(|| {
        assert!(install(Box::new(Keep), 1_000_000, 7));
        Mutex::new(())
    });

    struct Keep;

    impl Sink for Keep {
        fn take(&self, span: Ended) {
            TAKEN.lock().unwrap().push(span);
        }
    }

    /// The spans of one test, which are those of the process.
    fn turn() -> MutexGuard<'static, ()> {
        let turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        TAKEN.lock().unwrap().clear();
        turn
    }

    fn done<F: Future>(work: F) -> F::Output {
        match std::pin::pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(done) => done,
            Poll::Pending => panic!("it waits"),
        }
    }

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn a_step_is_below_what_it_is_done_for_and_the_thread_forgets_it() {
        let _turn = turn();
        let mut root = Span::request(TRACE, "00f067aa0ba902b7", None, Name("POST", "ask"));
        root.note(Attribute::Route("ask"));
        let outer = Span::below(root.place(), Kind::Server, "serve");
        let inner = done(Within::of(outer.place(), async { step("search", async { current() }).await }));
        assert_eq!(current(), None);
        let (root_id, outer_id) = (root.place().unwrap().span(), outer.place().unwrap().span());
        drop((outer, root));
        let taken = std::mem::take(&mut *TAKEN.lock().unwrap());
        let told: Vec<(String, u64)> = taken.iter().map(|one| (one.name.to_string(), one.parent)).collect();
        let told: Vec<(&str, u64)> = told.iter().map(|(name, parent)| (name.as_str(), *parent)).collect();
        assert_eq!(told, [("search", outer_id), ("serve", root_id), ("POST ask", 0)]);
        assert_eq!(taken[0].place, inner.unwrap());
        assert!(taken.iter().all(|one| one.place.trace() == u128::from_str_radix(TRACE, 16).unwrap()));
        assert_eq!(taken[2].attributes, [Attribute::Route("ask")]);
    }

    #[test]
    fn whoever_asks_decides_whether_a_request_is_recorded() {
        let _turn = turn();
        let remote = Remote { trace: TRACE, span: 9, is_sampled: false };
        let span = |remote| Span::request(TRACE, "00f067aa0ba902b7", Some(&remote), "x".into());
        assert!(!span(remote).is_recorded());
        drop(span(Remote { is_sampled: true, ..remote }));
        assert_eq!(TAKEN.lock().unwrap()[0].parent, 9);
    }

    #[test]
    fn work_for_nobody_has_no_spans() {
        let _turn = turn();
        done(Within::of(None, step("search", async { assert_eq!(current(), None) })));
        drop(Span::of("hold"));
        assert!(TAKEN.lock().unwrap().is_empty());
    }

    #[test]
    fn a_panic_leaves_no_place_behind() {
        let _turn = turn();
        let place = Place::new(1, 2);
        let outcome =
            catch_unwind(AssertUnwindSafe(|| done(Within::of(place, async { panic!("on purpose") }))));
        assert!(outcome.is_err());
        assert_eq!(current(), None);
    }
}
