//! What parent and child say to each other: frames of a length and a bincode message, bounded both ways.

use std::io::{self, Read, Write};

use bincode::{Decode, Encode};

use crate::highlight::{Highlights, Marked};
use crate::page::{DocumentInfo, Page};
use crate::picture::Picture;
use crate::problem::{DocumentProblem, PageProblem};
use crate::settings::{Limits, Settings};
use crate::unread::Unread;

/// Bytes of a request: a path and settings, or the marks of a whole document.
pub(crate) const REQUEST_BYTES_MAX: u32 = 4 << 20;

/// What a parent asks.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) enum Request {
    /// The first: the limits that the child sets itself.
    Begin(Limits),
    /// Open the file at this path, whose bytes are as the system has them.
    Open(Vec<u8>),
    /// Read a page of the open document.
    Read(u32, Settings),
    /// Draw a page of the open document.
    Draw(Picture),
    /// Mark passages in the open document.
    Mark(Highlights),
}

/// What a child answers, one answer for each request.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) enum Answer {
    /// The limits are set.
    Ready,
    /// To [`Request::Open`].
    Opened(Result<DocumentInfo, DocumentProblem>),
    /// To [`Request::Read`].
    Read(Result<Page, PageProblem>),
    /// To [`Request::Draw`]: a PNG.
    Drawn(Result<Vec<u8>, PageProblem>),
    /// To [`Request::Mark`].
    Marked(Result<Marked, DocumentProblem>),
    /// To [`Request::Read`], of a page that somebody else recognises.
    Unread(Box<Unread>),
}

/// The bytes of a frame, or `None` where the message is longer than `bytes_max`.
pub(crate) fn frame<M: Encode>(message: &M, bytes_max: u32) -> Option<Vec<u8>> {
    let mut bytes = vec![0; 4];
    bincode::encode_into_std_write(message, &mut bytes, bincode::config::standard()).ok()?;
    let length = u32::try_from(bytes.len() - 4).ok().filter(|length| *length <= bytes_max)?;
    bytes.iter_mut().zip(length.to_le_bytes()).for_each(|(into, byte)| *into = byte);
    Some(bytes)
}

/// What decoding one message may allocate, in bytes: without a bound, a frame of 14 bytes that claims a long list
/// aborts the process that reads it. A page's answer of 16 MiB unpacks to well below this.
const DECODED_BYTES_MAX: usize = 256 << 20;

/// The message of a frame's body.
pub(crate) fn message<M: Decode<()>>(body: &[u8]) -> Option<M> {
    let bounded = bincode::config::standard().with_limit::<DECODED_BYTES_MAX>();
    let (message, length) = bincode::decode_from_slice(body, bounded).ok()?;
    (length == body.len()).then_some(message)
}

/// Reads the next message, or `None` at the end of the stream.
pub(crate) fn receive<M: Decode<()>>(from: &mut impl Read, bytes_max: u32) -> io::Result<Option<M>> {
    let mut length = [0; 4];
    if let Err(error) = from.read_exact(&mut length) {
        return if error.kind() == io::ErrorKind::UnexpectedEof { Ok(None) } else { Err(error) };
    }
    let length = u32::from_le_bytes(length);
    if length > bytes_max {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame longer than allowed"));
    }
    let mut body = vec![0; length as usize];
    from.read_exact(&mut body)?;
    let message = message(&body);
    message.map(Some).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "a frame that is no message"))
}

/// Writes one frame.
pub(crate) fn send(into: &mut impl Write, frame: &[u8]) -> io::Result<()> {
    into.write_all(frame)?;
    into.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_message_longer_than_allowed_is_not_framed() {
        let answer =
            Answer::Opened(Ok(DocumentInfo { title: Some("x".repeat(200)), ..DocumentInfo::default() }));
        assert!(frame(&answer, 100).is_none());
        assert!(frame(&answer, 1_000).is_some());
    }

    #[test]
    fn a_short_frame_that_claims_a_huge_list_is_refused_and_not_allocated() {
        assert!(message::<Request>(&[1, 0xfd, 0xff, 0xff, 0xff, 1, 0, 0, 2, 0]).is_none());
        assert!(message::<Request>(&[1, 0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]).is_none());
    }

    proptest! {
        #[test]
        fn what_is_sent_arrives(number: u32, dpi: u32, languages in ".{0,20}") {
            let request = Request::Read(number, Settings { dpi, languages, ..Settings::default() });
            let bytes = frame(&request, REQUEST_BYTES_MAX).unwrap();
            prop_assert_eq!(receive::<Request>(&mut bytes.as_slice(), REQUEST_BYTES_MAX).unwrap(), Some(request));
        }

        #[test]
        fn any_bytes_are_refused_or_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = receive::<Answer>(&mut bytes.as_slice(), 200);
        }
    }
}
