//! Which trace a request's id stands for, for those that came to this node lately.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Requests that are remembered: a minute of a busy node.
const REQUESTS_MAX: usize = 4_096;

/// A request's id and its trace.
type Known = (Arc<str>, Arc<str>);

#[derive(Debug, Clone, Default)]
pub(super) struct Requests(Arc<Mutex<VecDeque<Known>>>);

impl Requests {
    pub(super) fn note(&self, request: &Arc<str>, trace: &Arc<str>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() == REQUESTS_MAX {
            all.pop_front();
        }
        all.push_back((request.clone(), trace.clone()));
    }

    /// The trace of the newest request with this id, or of this trace itself.
    pub(super) fn trace_of(&self, id: &str) -> Option<Arc<str>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut newest = all.iter().rev();
        newest.find(|(request, trace)| **request == *id || **trace == *id).map(|(_, trace)| trace.clone())
    }
}
