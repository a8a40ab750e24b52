//! One span: it begins when it is made and is over when it is dropped.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::attribute::Attribute;
use super::place::{Place, Remote};
use super::{sink, within};

/// Attributes of one span; the largest kind has ten.
const ATTRIBUTES_MAX: usize = 16;

/// On which side of a call a span is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Within a node.
    Internal,
    /// It answers.
    Server,
    /// It asks another node, or a provider.
    Client,
}

/// What a span is called: one or two fixed words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name(pub &'static str, pub &'static str);

impl From<&'static str> for Name {
    fn from(name: &'static str) -> Self {
        Name(name, "")
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Name(first, second) = self;
        if second.is_empty() { f.write_str(first) } else { write!(f, "{first} {second}") }
    }
}

/// A span that is over.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Which span of which trace.
    pub place: Place,
    /// The span that it belongs to; zero for none.
    pub parent: u64,
    /// What it is called.
    pub name: Name,
    /// On which side of a call it is.
    pub kind: Kind,
    /// When it began, in nanoseconds since 1970.
    pub began_ns: u64,
    /// How long it took, in nanoseconds.
    pub took_ns: u64,
    /// What is known of it.
    pub attributes: Vec<Attribute>,
    /// Whether what it stands for failed.
    pub has_failed: bool,
}

struct Open {
    ended: Ended,
    since: Instant,
}

/// A span under way, or none where nothing is recorded.
#[must_use = "a span is over when it is dropped"]
pub struct Span(Option<Box<Open>>);

impl Span {
    /// No span.
    pub const NONE: Span = Span(None);

    /// A span of what is done now, if that is recorded.
    pub fn of(name: impl Into<Name>) -> Self {
        Span::below(within::current(), Kind::Internal, name)
    }

    /// A span below `parent`, if there is one.
    pub fn below(parent: Option<Place>, kind: Kind, name: impl Into<Name>) -> Self {
        match parent {
            None => Span::NONE,
            Some(parent) => Span::begin(parent.trace(), parent.span(), sink::next_id(), kind, name.into()),
        }
    }

    /// The first span of a request here: `trace` and `span` are its ids in hexadecimal digits, `remote` whoever asks.
    /// It is recorded if whoever asks records it; when nobody says so, as many are as the settings want.
    pub fn request(trace: &str, span: &str, remote: Option<&Remote<'_>>, name: Name) -> Self {
        if !sink::is_on() {
            return Span::NONE;
        }
        let trace = u128::from_str_radix(trace, 16).unwrap_or_default();
        let span = u64::from_str_radix(span, 16).unwrap_or_default();
        match remote {
            Some(remote) if remote.is_sampled => Span::begin(trace, remote.span, span, Kind::Server, name),
            None if sink::begins(trace) => Span::begin(trace, 0, span, Kind::Server, name),
            _ => Span::NONE,
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a span says when it was; nothing is decided by it")]
    fn begin(trace: u128, parent: u64, span: u64, kind: Kind, name: Name) -> Self {
        let Some(place) = Place::new(trace, span) else { return Span::NONE };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let began_ns = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        let ended = Ended {
            place,
            parent,
            name,
            kind,
            began_ns,
            took_ns: 0,
            attributes: Vec::new(),
            has_failed: false,
        };
        Span(Some(Box::new(Open { ended, since: Instant::now() })))
    }

    /// Where what belongs to it stands.
    pub fn place(&self) -> Option<Place> {
        self.0.as_ref().map(|open| open.ended.place)
    }

    /// Whether it is recorded: what is only made for it need not be made else.
    pub fn is_recorded(&self) -> bool {
        self.0.is_some()
    }

    /// Adds what is known of it.
    pub fn note(&mut self, attribute: Attribute) {
        if let Some(open) = &mut self.0
            && open.ended.attributes.len() < ATTRIBUTES_MAX
        {
            open.ended.attributes.push(attribute);
        }
    }

    /// Gives it another name, when more is known than at its beginning.
    pub fn rename(&mut self, name: Name) {
        if let Some(open) = &mut self.0 {
            open.ended.name = name;
        }
    }

    /// What it stands for failed.
    pub fn fail(&mut self) {
        if let Some(open) = &mut self.0 {
            open.ended.has_failed = true;
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(open) = self.0.take() {
            let Open { mut ended, since } = *open;
            ended.took_ns = u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX);
            sink::hand_over(ended);
        }
    }
}
