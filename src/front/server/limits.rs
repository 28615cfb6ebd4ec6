//! What a listener allows.

use std::time::Duration;

/// Limits of one listener. [`Limits::default`] suits hospital clients: long transfers, slow disks, many connections.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Open connections at once; further ones wait unaccepted.
    pub connections: usize,
    /// Of these, from one address on which no request was found to be a known client's; further ones are closed at once.
    pub strangers_of_address: usize,
    /// Of these, and of requests under way on them, of one client; further requests are answered 503.
    pub connections_of_client: usize,
    /// Time for a TLS handshake.
    pub handshake: Duration,
    /// Time for the header of an HTTP/1.1 request, counted from the end of the one before it: so it bounds the pause
    /// between requests too.
    pub header: Duration,
    /// Largest header (request line and fields), in bytes; what is more is not read: HTTP/1.1 gets what [`Answer::unread`] says,
    /// HTTP/2 gets 431. At least 8,192.
    ///
    /// [`Answer::unread`]: super::Answer::unread
    pub header_bytes: usize,
    /// Longest pause within a request body.
    pub request_stall: Duration,
    /// Longest time for which a client may leave a response unread before its connection is aborted.
    pub response_stall: Duration,
    /// How long a connection without a request stays open (HTTP/2, and any that never sent a first byte).
    pub idle: Duration,
    /// Concurrent streams of an HTTP/2 connection (RFC 9113 §5.1.2).
    pub streams: u32,
    /// Pause between HTTP/2 keep-alive pings, and time for their answer.
    pub ping: Duration,
    /// Time for in-flight requests once the listener shuts down.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            strangers_of_address: 4096,
            connections_of_client: 4096,
            handshake: Duration::from_secs(10),
            header: Duration::from_secs(60),
            header_bytes: 64 * 1024,
            request_stall: Duration::from_secs(60),
            response_stall: Duration::from_secs(120),
            idle: Duration::from_secs(60),
            streams: 128,
            ping: Duration::from_secs(20),
            drain: Duration::from_secs(30),
        }
    }
}

impl Limits {
    /// How often a connection looks at its clocks.
    pub(super) fn tick(&self) -> Duration {
        (self.idle.min(self.response_stall) / 4).clamp(Duration::from_millis(20), Duration::from_secs(5))
    }
}
