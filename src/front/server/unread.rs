//! What hyper answers by itself, in the words of the listener's protocol: a head that it could not read never becomes a request,
//! so it says 400, 414 or 431 without a body. Here its answer is taken from it, and the front's is sent.
//!
//! # Invariants
//! - Only what hyper writes while no request is in flight, and after all that was written for requests has gone out, is taken.
//!   Under HTTP/2 nothing that is written begins so.
//! - What the peer sends afterwards is read away, so that it finds the answer: [`MOST_READ_AWAY`] and [`LONGEST_READ_AWAY`] at
//!   most. Nothing of it is kept.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use http::{Response, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::connection::Activity;
use super::{Answer, RequestId};
use crate::front::http_date;
use crate::model::Timestamp;

/// How the answers of hyper's own begin that are taken: all of them are 4xx.
const BEGINNING: &[u8] = b"HTTP/1.1 4";
const STATUS_AT: std::ops::Range<usize> = 9..12;
/// Most bytes that are read away.
const MOST_READ_AWAY: usize = 1024 * 1024;
/// Longest time for it.
const LONGEST_READ_AWAY: Duration = Duration::from_secs(2);

/// Why a request's head could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// It is not HTTP.
    Malformed,
    /// Its target is too long.
    Target,
    /// It has too many bytes, or too many lines.
    TooLarge,
}

impl Unreadable {
    fn of(status: StatusCode) -> Option<Self> {
        match status {
            StatusCode::BAD_REQUEST => Some(Self::Malformed),
            StatusCode::URI_TOO_LONG => Some(Self::Target),
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Some(Self::TooLarge),
            _ => None,
        }
    }
}

/// Makes the whole answer, head and body, to a head that got that status.
pub(super) type Tells = Box<dyn Fn(StatusCode) -> Option<Bytes> + Send>;

/// What a front answers by, as bytes.
pub(super) fn told<B>(listener: &'static str, remote: SocketAddr, front: impl Answer<B>) -> Tells {
    Box::new(move |status| {
        let fault = Unreadable::of(status)?;
        let id = RequestId::generate();
        let answer = front.unread(fault, &id)?;
        tracing::debug!(request = %id, listener, %remote, ?fault, "a request's head cannot be read");
        Some(written(&answer))
    })
}

/// An answer that ends its connection, as HTTP/1.1 has it.
fn written(answer: &Response<Bytes>) -> Bytes {
    let mut bytes = format!("HTTP/1.1 {}\r\n", answer.status()).into_bytes();
    let date = http_date::written(Timestamp::now());
    let (length, close) = (answer.body().len().to_string(), "close");
    let ours = [("date", date.as_bytes()), ("connection", close.as_bytes()), ("content-length", length.as_bytes())];
    let theirs = answer.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    for (name, value) in theirs.chain(ours) {
        for piece in [name.as_bytes(), b": ", value, b"\r\n"] {
            bytes.extend_from_slice(piece);
        }
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(answer.body());
    bytes.into()
}

/// A connection's bytes, on their way between hyper and the socket.
pub(super) struct Unread<I> {
    io: I,
    activity: Arc<Activity>,
    tells: Tells,
    stage: Stage,
}

enum Stage {
    /// All goes through. `Some`: everything that was written for so many requests has gone out.
    Passing(Option<u64>),
    /// This goes out instead of what hyper writes.
    Telling(Bytes),
    /// It is out, and so many bytes may still be read away, until then.
    Told(usize, Pin<Box<Sleep>>),
}

impl<I> Unread<I> {
    pub(super) fn new(io: I, activity: Arc<Activity>, tells: Tells) -> Self {
        Self { io, activity, tells, stage: Stage::Passing(Some(0)) }
    }

    /// Whether these bytes are not to be written: they are hyper's own answer, or what follows it.
    fn takes(&mut self, written: &[u8]) -> bool {
        let Stage::Passing(out) = &mut self.stage else { return true };
        if out.is_some() && written.starts_with(BEGINNING) && self.activity.answered() == *out {
            let status = written.get(STATUS_AT).and_then(|status| StatusCode::from_bytes(status).ok());
            if let Some(answer) = status.and_then(&self.tells) {
                self.stage = Stage::Telling(answer);
                return true;
            }
        }
        *out = None;
        false
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> Unread<I> {
    fn poll_tell(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Stage::Telling(rest) = &mut self.stage {
            while rest.has_remaining() {
                match ready!(Pin::new(&mut self.io).poll_write(cx, rest))? {
                    0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    written => rest.advance(written),
                }
            }
        }
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_read_away(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Stage::Told(left, deadline) = &mut self.stage else { return Poll::Ready(()) };
        let mut scratch = [0; 4096];
        while *left > 0 && deadline.as_mut().poll(cx).is_pending() {
            let mut read = ReadBuf::new(&mut scratch);
            match ready!(Pin::new(&mut self.io).poll_read(cx, &mut read)) {
                Ok(()) if !read.filled().is_empty() => *left = left.saturating_sub(read.filled().len()),
                Ok(()) | Err(_) => break,
            }
        }
        Poll::Ready(())
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Unread<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Unread<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.takes(buf) {
            return Poll::Ready(Ok(buf.len()));
        }
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = bufs.iter().find(|buf| !buf.is_empty()).map_or(&[][..], |buf| buf);
        if self.takes(first) {
            return Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()));
        }
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Hyper flushes when it has handed out all that it had.
        if let Stage::Passing(None) = self.stage {
            self.stage = Stage::Passing(self.activity.answered());
        }
        self.poll_tell(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.stage {
            Stage::Passing(_) => return Pin::new(&mut self.io).poll_shutdown(cx),
            Stage::Telling(_) => {
                ready!(self.poll_tell(cx))?;
                ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
                self.stage = Stage::Told(MOST_READ_AWAY, Box::pin(tokio::time::sleep(LONGEST_READ_AWAY)));
            }
            Stage::Told(..) => {}
        }
        self.poll_read_away(cx).map(Ok)
    }
}
