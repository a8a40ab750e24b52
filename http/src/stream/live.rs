//! The streams that this node produces now: what each has said, who listens, and how it is ended.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::event::Event;
use crate::context::Tenant;

/// How far a stream is.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    count: u64,
    is_over: bool,
}

/// One stream that this node produces.
pub(crate) struct Live {
    tenant: Tenant,
    // Bounded by the pieces and passages of one answer.
    said: Mutex<Vec<Event>>,
    progress: watch::Sender<Progress>,
    listeners: AtomicUsize,
    /// Ends its work.
    pub(crate) cancel: CancellationToken,
}

impl Live {
    /// Says the next thing; its number.
    pub(crate) fn say(&self, event: Event) -> u64 {
        let mut said = lock(&self.said);
        said.push(event);
        let count = said.len() as u64;
        drop(said);
        self.progress.send_modify(|progress| progress.count = count);
        count
    }

    /// How much was said.
    pub(crate) fn count(&self) -> u64 {
        self.progress.borrow().count
    }

    /// Nothing more will be said.
    fn end(&self) {
        self.progress.send_modify(|progress| progress.is_over = true);
    }

    /// Whether anybody listens.
    pub(crate) fn is_heard(&self) -> bool {
        self.listeners.load(Ordering::Relaxed) > 0
    }

    fn event(&self, seq: u64) -> Option<Event> {
        let place = usize::try_from(seq).ok()?.checked_sub(1)?;
        lock(&self.said).get(place).cloned()
    }
}

/// Hears one stream from some place on; while it is there, the stream is not given up.
pub(crate) struct Listener {
    live: Arc<Live>,
    progress: watch::Receiver<Progress>,
}

impl Listener {
    /// Event number `seq`, as soon as it is said; `None` when the stream ends before it.
    pub(crate) async fn hear(&mut self, seq: u64) -> Option<Event> {
        let _ = self.progress.wait_for(|progress| progress.count >= seq || progress.is_over).await;
        self.live.event(seq)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.live.listeners.fetch_sub(1, Ordering::Relaxed);
    }
}

/// All of them, at most `places`.
pub(crate) struct Table {
    live: Mutex<HashMap<Uuid, Arc<Live>>>,
    places: usize,
}

impl Table {
    pub(crate) fn new(places: usize) -> Self {
        Self { live: Mutex::new(HashMap::new()), places }
    }

    /// Begins the stream `id`, or takes the one that is under way; `None` when every place is taken.
    pub(crate) fn open(&self, id: Uuid, tenant: &Tenant) -> Option<Opened> {
        let mut live = lock(&self.live);
        if let Some(known) = live.get(&id) {
            return (known.tenant == *tenant).then(|| Opened::UnderWay(listener(known)));
        }
        if live.len() >= self.places {
            return None;
        }
        let fresh = Arc::new(Live {
            tenant: tenant.clone(),
            said: Mutex::default(),
            progress: watch::Sender::default(),
            listeners: AtomicUsize::new(0),
            cancel: CancellationToken::new(),
        });
        live.insert(id, Arc::clone(&fresh));
        let listener = listener(&fresh);
        Some(Opened::Fresh(fresh, listener))
    }

    /// Hears the stream `id` of `tenant`, if this node produces it.
    pub(crate) fn listen(&self, id: Uuid, tenant: &Tenant) -> Option<Listener> {
        let live = lock(&self.live);
        live.get(&id).filter(|known| known.tenant == *tenant).map(listener)
    }

    /// Ends the work of the stream `id` of `tenant`; whether this node produces it.
    pub(crate) fn cancel(&self, id: Uuid, tenant: &Tenant) -> bool {
        let live = lock(&self.live);
        let known = live.get(&id).filter(|known| known.tenant == *tenant);
        known.is_some_and(|known| {
            known.cancel.cancel();
            true
        })
    }

    /// The stream is over; those who listen still hear its end.
    pub(crate) fn close(&self, id: Uuid) {
        if let Some(live) = lock(&self.live).remove(&id) {
            live.end();
        }
    }
}

/// A stream that was asked for.
pub(crate) enum Opened {
    /// It is new: whoever opened it says something.
    Fresh(Arc<Live>, Listener),
    /// Somebody else on this node says something.
    UnderWay(Listener),
}

fn listener(live: &Arc<Live>) -> Listener {
    live.listeners.fetch_add(1, Ordering::Relaxed);
    Listener { live: Arc::clone(live), progress: live.progress.subscribe() }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(text: &str) -> Event {
        Event { name: "delta", data: json!({ "text": text }) }
    }

    #[tokio::test]
    async fn whoever_listens_from_anywhere_hears_the_same() {
        let (table, tenant, id) = (Table::new(1), Tenant::new("ana"), Uuid::from_u128(1));
        let Some(Opened::Fresh(live, mut first)) = table.open(id, &tenant) else { panic!("it is new") };
        live.say(event("a"));
        assert_eq!(first.hear(1).await, Some(event("a")));
        let mut second = table.listen(id, &tenant).unwrap();
        live.say(event("b"));
        table.close(id);
        drop(live);
        assert_eq!(second.hear(1).await, Some(event("a")));
        assert_eq!((first.hear(2).await, second.hear(2).await), (Some(event("b")), Some(event("b"))));
        assert_eq!(first.hear(3).await, None);
        drop(first);
        assert!(table.listen(id, &tenant).is_none());
    }

    #[test]
    fn a_stream_of_another_tenant_is_neither_heard_nor_ended() {
        let (table, ana, rui, id) =
            (Table::new(2), Tenant::new("ana"), Tenant::new("rui"), Uuid::from_u128(1));
        let Some(Opened::Fresh(live, _listener)) = table.open(id, &ana) else { panic!("it is new") };
        assert!(table.listen(id, &rui).is_none() && table.open(id, &rui).is_none());
        assert!(!table.cancel(id, &rui) && !live.cancel.is_cancelled());
        assert!(table.cancel(id, &ana) && live.cancel.is_cancelled());
    }

    #[test]
    fn beyond_the_bound_no_stream_begins_until_one_is_over() {
        let (table, tenant) = (Table::new(1), Tenant::new("ana"));
        let one = table.open(Uuid::from_u128(1), &tenant);
        assert!(one.is_some() && table.open(Uuid::from_u128(2), &tenant).is_none());
        table.close(Uuid::from_u128(1));
        assert!(table.open(Uuid::from_u128(2), &tenant).is_some());
    }

    #[test]
    fn a_stream_is_heard_while_a_listener_is_there() {
        let (table, tenant, id) = (Table::new(1), Tenant::new("ana"), Uuid::from_u128(1));
        let Some(Opened::Fresh(live, listener)) = table.open(id, &tenant) else { panic!("it is new") };
        assert!(live.is_heard());
        drop(listener);
        assert!(!live.is_heard());
    }
}
