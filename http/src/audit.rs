//! Who wrote what, when and from where: one note per write, handed to whoever keeps them.

use std::net::IpAddr;
use std::sync::Arc;

use uuid::Uuid;

use crate::auth::Caller;

/// The status of a note whose client went away before it was answered; the write may have been done.
pub const STATUS_GONE: u16 = 499;

/// Keeps notes of writes. Must return at once.
pub trait Audit: Send + Sync + 'static {
    /// Keeps `note`.
    fn record(&self, note: Note);
}

/// One write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// What was asked for, such as `upload`.
    pub action: &'static str,
    /// Who asked.
    pub caller: Arc<Caller>,
    /// From which address.
    pub address: IpAddr,
    /// The request's id.
    pub request_id: Arc<str>,
    /// The document or key that it was about, when it is known.
    pub about: Option<Uuid>,
    /// The HTTP status of the answer, or [`STATUS_GONE`].
    pub status: u16,
    /// What an operator did, to what and why, as JSON.
    pub detail: Option<Arc<str>>,
}

/// What an operator did; its handler puts it into the answer's extensions.
#[derive(Debug, Clone)]
pub(crate) struct Detailed(pub(crate) Arc<str>);

/// What an answer is about; handlers put it into the answer's extensions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Touched(pub(crate) Uuid);

/// A note that is kept even when its request is dropped half-way.
pub(crate) struct Pending {
    audit: Arc<dyn Audit>,
    note: Option<Note>,
}

impl Pending {
    pub(crate) fn new(audit: Arc<dyn Audit>, note: Note) -> Self {
        Self { audit, note: Some(note) }
    }

    /// The request was answered.
    pub(crate) fn answered(mut self, status: u16, touched: Option<Touched>, detail: Option<Detailed>) {
        if let Some(note) = self.note.take() {
            let about = touched.map(|touched| touched.0).or(note.about);
            let detail = detail.map(|detail| detail.0);
            self.audit.record(Note { status, about, detail, ..note });
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(note) = self.note.take() {
            self.audit.record(note);
        }
    }
}
