//! One value from one task to another, and a mailbox of them.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};

#[derive(Debug)]
struct Inner<T> {
    values: VecDeque<T>,
    waiting: Option<Waker>,
    is_closed: bool,
}

/// A mailbox with places for so many; what comes when it is full is refused.
#[derive(Debug)]
pub struct Slots<T> {
    inner: Arc<Mutex<Inner<T>>>,
    places: usize,
}

impl<T> Clone for Slots<T> {
    fn clone(&self) -> Self {
        Slots { inner: self.inner.clone(), places: self.places }
    }
}

impl<T> Slots<T> {
    /// An empty mailbox.
    #[must_use]
    pub fn new(places: usize) -> Self {
        let inner = Inner { values: VecDeque::new(), waiting: None, is_closed: false };
        Slots { inner: Arc::new(Mutex::new(inner)), places }
    }

    /// Puts a value in; gives it back if there is no place.
    ///
    /// # Errors
    /// The value, if the mailbox is full or closed.
    pub fn offer(&self, value: T) -> Result<(), T> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.is_closed || inner.values.len() >= self.places {
            return Err(value);
        }
        inner.values.push_back(value);
        if let Some(waiting) = inner.waiting.take() {
            waiting.wake();
        }
        Ok(())
    }

    /// Values that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).values.len()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The next value, once there is one; nothing once it is closed.
    pub async fn next(&self) -> Option<T> {
        poll_fn(|context| {
            let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            match inner.values.pop_front() {
                Some(value) => Poll::Ready(Some(value)),
                None if inner.is_closed => Poll::Ready(None),
                None => {
                    inner.waiting = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// Nothing more comes.
    pub fn close(&self) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.is_closed = true;
        if let Some(waiting) = inner.waiting.take() {
            waiting.wake();
        }
    }
}

/// A place for one value.
#[derive(Debug)]
pub struct Slot<T>(Slots<T>);

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Slot(Slots::new(1))
    }
}

impl<T> Slot<T> {
    /// What fills it: without a value it is closed when this is dropped.
    #[must_use]
    pub fn pair() -> (Fill<T>, Slot<T>) {
        let slots = Slots::new(1);
        (Fill(slots.clone()), Slot(slots))
    }

    /// The value; nothing if nobody is left to give one.
    pub async fn taken(self) -> Option<T> {
        self.0.next().await
    }
}

/// The one that fills a slot.
#[derive(Debug)]
pub struct Fill<T>(Slots<T>);

impl<T> Fill<T> {
    /// Gives the value.
    pub fn with(self, value: T) {
        let _ = self.0.offer(value);
    }
}

impl<T> Drop for Fill<T> {
    fn drop(&mut self) {
        self.0.close();
    }
}
