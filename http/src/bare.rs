//! Gives the bare refusals of the HTTP reader a body, so that also a request that is no HTTP gets a problem.
//!
//! What cannot be parsed (a malformed request line, too many headers) never reaches a route: hyper answers
//! it by itself, without a body. Such an answer is recognised on its way out and completed here. An HTTP/2
//! stream that is refused so early stays without a body.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::door::long_id;
use crate::language::Language;
use crate::message::Message;
use crate::problem::{Kind, Problem};
use crate::silence::Silence;

/// A connection whose bare refusals get a body.
pub(crate) struct Spoken<S> {
    stream: S,
    silence: Arc<Silence>,
    /// A completed refusal, and how much of it is written.
    refusal: Option<(Vec<u8>, usize)>,
}

impl<S> Spoken<S> {
    /// `stream`, of whose answers `silence` is told.
    pub(crate) fn new(stream: S, silence: Arc<Silence>) -> Self {
        Self { stream, silence, refusal: None }
    }

    fn noted(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(_) => self.silence.told(),
            Poll::Pending => self.silence.unread(),
        }
        written
    }
}

/// The refusal that `head` is, completed; `None` when it is any other answer.
fn completed(head: &[u8]) -> Option<Vec<u8>> {
    // Nearly every answer ends here.
    let kind = match head.get(..12)? {
        b"HTTP/1.1 400" | b"HTTP/1.0 400" => Kind::MalformedRequest,
        b"HTTP/1.1 414" | b"HTTP/1.0 414" => Kind::AddressTooLong,
        b"HTTP/1.1 431" | b"HTTP/1.0 431" => Kind::HeadersTooLarge,
        _ => return None,
    };
    let text = std::str::from_utf8(head).ok()?.strip_suffix("\r\n\r\n")?;
    let named = |name: &str| {
        let mut names = text.lines().skip(1).filter_map(|line| line.split(':').next());
        names.any(|found| found.eq_ignore_ascii_case(name))
    };
    // Every answer of a route carries its id.
    if named("x-request-id") {
        return None;
    }
    let request_id = long_id();
    let message = match kind {
        Kind::AddressTooLong => Message::AddressTooLong,
        Kind::HeadersTooLarge => Message::HeadersTooLarge,
        _ => Message::RequestMalformed,
    };
    // The languages that the client reads could not be parsed either.
    let body = Problem::new(kind, message).body(Language::English, "", &request_id);
    let body = serde_json::to_string(&body).ok()?;
    let kept = text.lines().filter(|line| !line.to_ascii_lowercase().starts_with("content-length:"));
    let mut answer = kept.collect::<Vec<_>>().join("\r\n");
    answer.push_str(&format!(
        "\r\ncontent-type: application/problem+json; charset=utf-8\r\ncontent-language: en\r\n\
         cache-control: no-store\r\nx-request-id: {request_id}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    ));
    Some(answer.into_bytes())
}

impl<S: AsyncWrite + Unpin> Spoken<S> {
    fn poll_refusal(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some((bytes, written)) = &mut self.refusal {
            let rest = bytes.get(*written..).unwrap_or_default();
            if rest.is_empty() {
                self.refusal = None;
                break;
            }
            match ready!(Pin::new(&mut self.stream).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                more => *written += more,
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Spoken<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Spoken<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_refusal(cx))?;
        if let Some(refusal) = completed(buf) {
            self.refusal = Some((refusal, 0));
            return Poll::Ready(Ok(buf.len()));
        }
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.noted(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_refusal(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_refusal(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_refusal(cx))?;
        let mut filled = bufs.iter().filter(|buf| !buf.is_empty());
        if let (Some(head), None) = (filled.next(), filled.next())
            && let Some(refusal) = completed(head)
        {
            self.refusal = Some((refusal, 0));
            return Poll::Ready(Ok(head.len()));
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.noted(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    const BARE: &[u8] =
        b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

    async fn sent(written: &[u8]) -> String {
        // Smaller than an answer, so that writing has to go on where it stopped.
        let (near, mut far) = tokio::io::duplex(64);
        let writing = async move {
            let mut near = Spoken::new(near, Arc::new(Silence::begun()));
            near.write_all(written).await.unwrap();
            near.shutdown().await.unwrap();
        };
        let reading = async {
            let mut text = String::new();
            far.read_to_string(&mut text).await.unwrap();
            text
        };
        tokio::join!(writing, reading).1
    }

    #[tokio::test]
    async fn a_bare_refusal_leaves_with_a_problem() {
        let text = sent(BARE).await;
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 431 "), "{head}");
        assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
        assert!(!head.contains("content-length: 0") && head.contains("connection: close"), "{head}");
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!((&body["code"], &body["status"]), (&"headers_too_large".into(), &431.into()));
    }

    #[tokio::test]
    async fn every_other_answer_leaves_as_it_was_written() {
        let ours = b"HTTP/1.1 400 Bad Request\r\nx-request-id: 1\r\ncontent-length: 2\r\n\r\n";
        let body = b"HTTP/1.1 4";
        let fine = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        for bytes in [&ours[..], body, fine, b""] {
            assert_eq!(sent(bytes).await.as_bytes(), bytes);
        }
    }
}
