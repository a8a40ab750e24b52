//! Messages out of a stream of bytes, each within bounds; one that is not understood is skipped, not fatal.

use std::io::{BufRead as _, BufReader, Error, ErrorKind, Read as Input, Result};

use lsp_server::Message;

/// Bytes that are taken in at once; what is typed while an answer is worked out arrives together.
const BUFFER: usize = 64 << 10;
/// Bytes of one message: the largest document, written as JSON with every letter escaped, and more.
const MESSAGE_MAX: usize = 64 << 20;
/// Bytes of one line of a header, and lines of it; the protocol knows two short ones.
const HEADER_LINE_MAX: u64 = 1024;
const HEADER_LINES_MAX: usize = 16;

/// What was read.
pub(super) enum Read {
    /// A message.
    Message(Message),
    /// As many bytes as it said, which are no message.
    Garbled(String),
}

/// Reads messages.
pub(super) struct Reader<R> {
    input: BufReader<R>,
}

impl<R: Input> Reader<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input: BufReader::with_capacity(BUFFER, input) }
    }

    /// Whether a message, or its beginning, has arrived already.
    pub(super) fn waits(&self) -> bool {
        !self.input.buffer().is_empty()
    }

    /// The next message; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Read>> {
        let Some(length) = self.header()? else { return Ok(None) };
        if length > MESSAGE_MAX {
            let text = format!("a message of {length} bytes; at most {MESSAGE_MAX} are taken");
            return Err(Error::new(ErrorKind::InvalidData, text));
        }
        // Grows with what arrives, because the header may promise more than ever comes.
        let mut bytes = Vec::new();
        let read = self.input.by_ref().take(length as u64).read_to_end(&mut bytes)?;
        if read < length {
            let text = format!("the input ended after {read} of {length} bytes of a message");
            return Err(Error::new(ErrorKind::UnexpectedEof, text));
        }
        Ok(Some(match serde_json::from_slice(&bytes) {
            Ok(message) => Read::Message(message),
            Err(error) => Read::Garbled(error.to_string()),
        }))
    }

    /// The length of the message that follows; `None` at the end of the input.
    fn header(&mut self) -> Result<Option<usize>> {
        let wrong = |text: String| Error::new(ErrorKind::InvalidData, text);
        let mut length = None;
        for count in 0..HEADER_LINES_MAX {
            let mut line = Vec::new();
            self.input.by_ref().take(HEADER_LINE_MAX).read_until(b'\n', &mut line)?;
            if line.is_empty() && count == 0 {
                return Ok(None);
            }
            let text = String::from_utf8_lossy(&line);
            let Some(text) = text.strip_suffix('\n').map(|text| text.trim_end_matches('\r')) else {
                return Err(wrong(format!("no header of a message: {text:?}")));
            };
            match text.split_once(':') {
                None if text.is_empty() => {
                    return length
                        .map(Some)
                        .ok_or_else(|| wrong("a header without Content-Length".to_owned()));
                }
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    let value = value.trim().parse();
                    length = Some(value.map_err(|_| wrong(format!("no length of a message: {text:?}")))?);
                }
                Some(_) => {}
                None => return Err(wrong(format!("no header of a message: {text:?}"))),
            }
        }
        Err(wrong(format!("a header of more than {HEADER_LINES_MAX} lines")))
    }
}
