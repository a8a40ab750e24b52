//! What nodes say to each other, byte by byte: the only place that knows the layout.
//!
//! A frame is a preamble that never changes, a header whose length it gives, and a body:
//! `version u8 | what u8 | token u128 | id u64 | header length u16 | header | body`, numbers big-endian.
//! The header is bincode; bytes after the fields that this version knows are fields of a later one and skipped.

use bincode::de::Decoder;
use bincode::enc::Encoder;
use bincode::error::{DecodeError, EncodeError};
use bincode::{Decode, Encode};
use bytes::Bytes;
use enabler_telemetry::trace;

/// The oldest version of frames that is understood.
pub const VERSION_MIN: u8 = 1;
/// The version of frames that is spoken.
pub const VERSION_MAX: u8 = 1;

const PREAMBLE_BYTES: usize = 28;
/// Longest header: two names, a trace and a few numbers.
const HEADER_BYTES_MAX: usize = 1 << 10;
/// Longest trace that travels; the rest is cut.
const TRACE_BYTES_MAX: usize = 128;
/// Longest first message of a connection.
const HELLO_BYTES_MAX: usize = 4 << 10;
/// Begins every first message, so that a stray client is told apart at once.
const MAGIC: [u8; 4] = *b"RAEL";
/// The caller wants the frame passed on to [`Header::to`].
pub const FLAG_RELAY: u8 = 1;

/// What a frame is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum What {
    /// A question that wants an answer.
    Call = 1,
    /// A message that wants none; its end is told so that its credit returns.
    Cast = 2,
    /// The answer to a call, or the end of a cast.
    Answer = 3,
    /// The caller no longer waits.
    Cancel = 4,
    /// Nothing but a sign of life, and how many bytes of answers were taken.
    Beat = 5,
    /// A message of the membership.
    Gossip = 6,
    /// The node leaves.
    Bye = 7,
}

impl What {
    fn from_code(code: u8) -> Option<Self> {
        [What::Call, What::Cast, What::Answer, What::Cancel, What::Beat, What::Gossip, What::Bye]
            .into_iter()
            .find(|what| *what as u8 == code)
    }
}

/// How a call ended, as far as the answering node knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Status {
    /// Served; the body is the answer.
    Ok = 0,
    /// The service does not know this kind.
    Unsupported = 1,
    /// Not begun: too much is under way.
    Busy = 2,
    /// Refused by the service: the header's kind is its code, the body a text.
    Refused = 3,
    /// Begun, and nobody knows how it ended; the body says more.
    Unknown = 4,
    /// A relay has no link to the node; nothing was sent there.
    NoLink = 5,
    /// The frame's version is not understood; the body says more.
    Version = 6,
}

impl Status {
    /// The status with this code; one of a later version means that the outcome is unknown.
    pub fn from_code(code: u8) -> Self {
        [Status::Ok, Status::Unsupported, Status::Busy, Status::Refused, Status::NoLink, Status::Version]
            .into_iter()
            .find(|status| *status as u8 == code)
            .unwrap_or(Status::Unknown)
    }
}

/// One start of one node, on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Place {
    /// The node's name.
    pub name: String,
    /// The start.
    pub generation: u128,
}

/// The span that a call belongs to, if its trace is recorded. Where a header ends before it, as of a node
/// that does not know it, there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traced(pub Option<trace::Place>);

impl Encode for Traced {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        self.0.map(trace::Place::to_bytes).encode(encoder)
    }
}

impl<C> Decode<C> for Traced {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        match Option::<[u8; trace::Place::BYTES]>::decode(decoder) {
            Ok(bytes) => Ok(Traced(bytes.as_ref().and_then(trace::Place::from_bytes))),
            Err(DecodeError::UnexpectedEnd { .. }) => Ok(Traced(None)),
            Err(error) => Err(error),
        }
    }
}

bincode::impl_borrow_decode!(Traced);

/// What is known of a frame beside its body. New fields are appended, never inserted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Header {
    /// The kind of a call, or the code of a refusal.
    pub kind: u16,
    /// See [`Status`].
    pub status: u8,
    /// See [`FLAG_RELAY`].
    pub flags: u8,
    /// Nodes that passed the frame on.
    pub hops: u8,
    /// Milliseconds until the caller stops waiting.
    pub left_ms: u32,
    /// Bytes of answers that the sender has taken on this link so far.
    pub taken: u64,
    /// The caller's trace.
    pub trace: String,
    /// Where a relayed frame goes.
    pub to: Option<Place>,
    /// Where a relayed frame came from.
    pub origin: Option<Place>,
    /// What the caller works for.
    pub worked_for: Traced,
}

/// The part of a frame that every version can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preamble {
    /// The version of the header.
    pub version: u8,
    /// What the frame is for; a code that this version may not know.
    pub what: u8,
    /// The link that the frame belongs to; known to its two nodes alone.
    pub token: u128,
    /// Pairs a call with its answer.
    pub id: u64,
}

/// A frame that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What it is for.
    pub what: What,
    /// Its link.
    pub token: u128,
    /// Its number.
    pub id: u64,
    /// What is known of it.
    pub header: Header,
    /// Its body.
    pub body: Bytes,
}

/// Why bytes are not a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Too short, or its header is longer than itself.
    #[error("the frame is cut short")]
    Truncated,
    /// A version outside of what is understood.
    #[error("the frame has version {}; this node understands {VERSION_MIN} to {VERSION_MAX}", .0.version)]
    Version(Preamble),
    /// A purpose that this version does not know.
    #[error("the frame has the unknown purpose {}", .0.what)]
    What(Preamble),
    /// The header does not decode.
    #[error("the header of the frame cannot be read")]
    Header(Preamble),
    /// A first message that is none of ours, too long, or cannot be read.
    #[error("the first message of the connection cannot be read")]
    Hello,
}

fn encode_header(header: &Header) -> Vec<u8> {
    let mut header = header.clone();
    let cut =
        (0..=TRACE_BYTES_MAX.min(header.trace.len())).rev().find(|at| header.trace.is_char_boundary(*at));
    header.trace.truncate(cut.unwrap_or(0));
    // Encoding to memory fails for no value of this type; an empty header would be refused by the reader.
    bincode::encode_to_vec(&header, bincode::config::standard()).unwrap_or_default()
}

/// The bytes of a frame.
pub fn encode(what: What, token: u128, id: u64, header: &Header, body: &[u8]) -> Vec<u8> {
    let header = encode_header(header);
    let mut frame = Vec::with_capacity(PREAMBLE_BYTES + header.len() + body.len());
    frame.extend_from_slice(&[VERSION_MAX, what as u8]);
    frame.extend_from_slice(&token.to_be_bytes());
    frame.extend_from_slice(&id.to_be_bytes());
    frame.extend_from_slice(&(header.len() as u16).to_be_bytes());
    frame.extend_from_slice(&header);
    frame.extend_from_slice(body);
    frame
}

fn preamble(bytes: &[u8]) -> Option<(Preamble, usize)> {
    let (version, rest) = bytes.split_first()?;
    let (what, rest) = rest.split_first()?;
    let (token, rest) = rest.split_first_chunk()?;
    let (id, rest) = rest.split_first_chunk()?;
    let (length, _) = rest.split_first_chunk()?;
    let preamble = Preamble {
        version: *version,
        what: *what,
        token: u128::from_be_bytes(*token),
        id: u64::from_be_bytes(*id),
    };
    Some((preamble, usize::from(u16::from_be_bytes(*length))))
}

/// Reads a frame; the body shares the bytes.
///
/// # Errors
/// See [`WireError`].
pub fn decode(bytes: &Bytes) -> Result<Frame, WireError> {
    let (preamble, header_bytes) = preamble(bytes).ok_or(WireError::Truncated)?;
    if !(VERSION_MIN..=VERSION_MAX).contains(&preamble.version) {
        return Err(WireError::Version(preamble));
    }
    let body_at = PREAMBLE_BYTES + header_bytes;
    let header = bytes.get(PREAMBLE_BYTES..body_at).ok_or(WireError::Truncated)?;
    let what = What::from_code(preamble.what).ok_or(WireError::What(preamble))?;
    let config = bincode::config::standard().with_limit::<HEADER_BYTES_MAX>();
    let (header, _) = bincode::decode_from_slice(header, config).map_err(|_| WireError::Header(preamble))?;
    Ok(Frame { what, token: preamble.token, id: preamble.id, header, body: bytes.slice(body_at..) })
}

/// Which of a peer's two connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// For small frames.
    Small,
    /// For large ones, so that no small one waits behind them.
    Large,
}

impl Lane {
    /// Frames with longer bodies take the large lane.
    pub const SMALL_BYTES_MAX: usize = 16 << 10;

    /// The lane of a body of so many bytes.
    pub fn of(body_bytes: usize) -> Self {
        if body_bytes <= Self::SMALL_BYTES_MAX { Lane::Small } else { Lane::Large }
    }
}

/// The first message of whoever dialed. New fields are appended, never inserted.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Hello {
    /// Must be the same on both sides.
    pub cluster: String,
    /// Who dials.
    pub node: Place,
    /// Where who dials can be dialed.
    pub advertise: String,
    /// The number of its gateway.
    pub gateway: u64,
    /// Whether this is the connection for large frames of the link with this token.
    pub large: bool,
    /// The token of the link to make.
    pub token: u128,
    /// A link that the other side may still hold and this side does not; zero for none.
    pub instead_of: u128,
    /// See [`crate::Limits`].
    pub calls_max: u32,
    /// See [`crate::Limits`].
    pub bytes_max: u64,
    /// See [`crate::Limits`].
    pub frame_max: u32,
}

/// What the accepting node makes of a [`Hello`]. New fields are appended, never inserted.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Welcome {
    /// The link is made.
    pub accepted: bool,
    /// The token of the link that exists already; zero for none.
    pub existing: u128,
    /// Why not, for people.
    pub refusal: String,
    /// The accepting node, with its own limits.
    pub hello: Hello,
}

/// A first message with its length in front.
pub fn encode_first(message: &impl Encode) -> Vec<u8> {
    let message = bincode::encode_to_vec(message, bincode::config::standard()).unwrap_or_default();
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&[VERSION_MIN, VERSION_MAX]);
    bytes.extend_from_slice(&(message.len() as u16).to_be_bytes());
    bytes.extend_from_slice(&message);
    bytes
}

/// Bytes in front of a first message.
pub const FIRST_BYTES: usize = 8;

/// What stands in front of a first message: the versions that its sender understands, and its length.
///
/// # Errors
/// [`WireError::Hello`].
pub fn decode_first_head(head: [u8; FIRST_BYTES]) -> Result<((u8, u8), usize), WireError> {
    let [m0, m1, m2, m3, low, high, l0, l1] = head;
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    if [m0, m1, m2, m3] != MAGIC || length > HELLO_BYTES_MAX {
        return Err(WireError::Hello);
    }
    Ok(((low, high), length))
}

/// Reads a first message.
///
/// # Errors
/// [`WireError::Hello`].
pub fn decode_first<T: Decode<()>>(bytes: &[u8]) -> Result<T, WireError> {
    let config = bincode::config::standard().with_limit::<HELLO_BYTES_MAX>();
    bincode::decode_from_slice(bytes, config).map(|(message, _)| message).map_err(|_| WireError::Hello)
}

/// Whether two nodes have a version in common.
pub fn versions_meet(theirs: (u8, u8)) -> bool {
    theirs.0 <= VERSION_MAX && VERSION_MIN <= theirs.1
}

#[cfg(test)]
mod tests;
