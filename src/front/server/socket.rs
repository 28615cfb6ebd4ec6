//! A TCP stream that is reset, not closed, when its connection was aborted.
//!
//! A close looks like the end of the body to a client that reads until the end of the connection (HTTP/1.0, or
//! `Connection: close` without a length). A reset looks like what it is.
//!
//! The other way round, a socket that is closed while something that its peer sent is unread is reset by the kernel, and what
//! was still on its way to the peer is thrown away. So where a request's body was not read to its end, the stream outlives the
//! socket ([`Activity::leave`]), and what comes is read away until the peer has its answer.
//!
//! In one poll of its connection it moves [`STRIDE_BYTES`](super::pace::STRIDE_BYTES) at most; then others have a turn.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::connection::Activity;

/// The socket of one connection.
pub(super) struct Socket {
    /// There until this is dropped.
    stream: Option<TcpStream>,
    activity: Arc<Activity>,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, activity: Arc<Activity>) -> Self {
        Self { stream: Some(stream), activity }
    }

    fn stream(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        self.stream.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let Some(stream) = self.stream.take() else { return };
        if !self.activity.is_aborted() && !std::thread::panicking() {
            return self.activity.leave(stream);
        }
        if let Err(error) = stream.set_zero_linger() {
            tracing::debug!(%error, "cannot reset a connection");
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(self.activity.poll_stride(cx));
        let before = buf.filled().len();
        let polled = self.stream()?.poll_read(cx, buf);
        self.activity.moved(buf.filled().len().saturating_sub(before));
        polled
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.activity.poll_stride(cx));
        let written = ready!(self.stream()?.poll_write(cx, buf))?;
        self.activity.moved(written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.activity.is_aborted() {
            // No close_notify, no FIN: dropping the socket resets it.
            return Poll::Ready(Ok(()));
        }
        self.stream()?.poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.activity.poll_stride(cx));
        let written = ready!(self.stream()?.poll_write_vectored(cx, bufs))?;
        self.activity.moved(written);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }
}
