//! Wakes a task of the engine: its number goes to those that are ready, once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Wake;

/// What wakes one task.
pub(super) struct Signal {
    number: u64,
    is_woken: AtomicBool,
    ready: Arc<Mutex<Vec<u64>>>,
}

impl Signal {
    /// A signal of a task that is ready already.
    pub(super) fn new(number: u64, ready: Arc<Mutex<Vec<u64>>>) -> Self {
        Signal { number, is_woken: AtomicBool::new(true), ready }
    }

    /// The task runs now: it can be woken again.
    pub(super) fn take(&self) {
        self.is_woken.store(false, Ordering::Relaxed);
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_woken.swap(true, Ordering::Relaxed) {
            self.ready.lock().unwrap_or_else(PoisonError::into_inner).push(self.number);
        }
    }
}
