//! One connection's socket, and what it has been waiting for since when.
//!
//! hyper reads and writes through [`Wire`], which notes what passes; [`Line::expired`] tells when something takes
//! too long. hyper's own timeout for a head closes without a word, and counts the pause between two requests as
//! slowness.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// One connection, shared by hyper's half ([`Wire`]), the requests under way ([`Underway`]) and whoever watches.
#[derive(Debug)]
pub(super) struct Line {
    /// Locked for one read or write at a time, all of them from the connection's own task.
    socket: Mutex<TcpStream>,
    watch: Mutex<Watch>,
    changed: Notify,
    clock: fn() -> Instant,
}

/// How long the other end may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) head: Duration,
    pub(super) idle: Duration,
}

/// What took too long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Expired {
    /// A request's head, begun or expected: HTTP/1 can be told so.
    Head,
    /// The next request, or the reading of the last answer.
    Idle,
}

/// What is known of a connection: pure, time is an argument.
#[derive(Debug)]
struct Watch {
    phase: Phase,
    version: Version,
    /// The other end has closed its half.
    ended: bool,
    /// The other end does not read what we write.
    blocked: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    /// A head is due: of a new connection, or one whose first octet has come.
    Head { since: Instant },
    /// That many requests are being answered.
    Busy { requests: usize },
    /// Between requests.
    Idle { since: Instant },
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Version {
    /// That many octets of HTTP/2's preface have come, and nothing else.
    Unknown {
        matched: usize,
    },
    One,
    Two,
}

// RFC 9113 §3.4: what a client with prior knowledge says first.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

impl Watch {
    fn new(now: Instant) -> Self {
        Self {
            phase: Phase::Head { since: now },
            version: Version::Unknown { matched: 0 },
            ended: false,
            blocked: false,
        }
    }

    fn received(&mut self, octets: &[u8], now: Instant) {
        self.ended = octets.is_empty();
        if let Version::Unknown { matched } = self.version {
            self.recognise(matched, octets, now);
        }
        // Frames of HTTP/2 come between requests too; only a request counts there.
        if let (Phase::Idle { .. }, Version::One) = (self.phase, self.version)
            && !self.ended
        {
            self.phase = Phase::Head { since: now };
        }
    }

    fn recognise(&mut self, matched: usize, octets: &[u8], now: Instant) {
        let rest = &PREFACE[matched..];
        let compared = rest.len().min(octets.len());
        self.version = match octets[..compared] == rest[..compared] {
            false => Version::One,
            true if compared < rest.len() => Version::Unknown {
                matched: matched + compared,
            },
            true => {
                self.phase = Phase::Idle { since: now };
                Version::Two
            }
        };
    }

    /// Whether the other end took some octets, or must be waited for.
    fn wrote(&mut self, took: bool, now: Instant) {
        self.blocked = !took;
        if let Phase::Idle { since } = &mut self.phase
            && took
        {
            *since = now;
        }
    }

    fn request_begins(&mut self) {
        self.phase = Phase::Busy {
            requests: self.requests() + 1,
        };
    }

    fn request_ends(&mut self, now: Instant) {
        self.phase = match self.requests() {
            0 | 1 => Phase::Idle { since: now },
            more => Phase::Busy { requests: more - 1 },
        };
    }

    fn requests(&self) -> usize {
        match self.phase {
            Phase::Busy { requests } => requests,
            _ => 0,
        }
    }

    fn deadline(&self, patience: Patience) -> Option<(Instant, Expired)> {
        match self.phase {
            Phase::Head { since } => Some((since + patience.head, Expired::Head)),
            Phase::Idle { since } => Some((since + patience.idle, Expired::Idle)),
            Phase::Busy { .. } => None,
        }
    }
}

impl Line {
    pub(super) fn new(socket: TcpStream, clock: fn() -> Instant) -> Arc<Self> {
        Arc::new(Self {
            socket: Mutex::new(socket),
            watch: Mutex::new(Watch::new(clock())),
            changed: Notify::new(),
            clock,
        })
    }

    /// Returns when the other end has taken too long. What expired is still so then.
    pub(super) async fn expired(&self, patience: Patience) -> Expired {
        loop {
            let deadline = self.watch().deadline(patience);
            match deadline {
                Some((at, what)) if at <= (self.clock)() => return what,
                Some((at, _)) => tokio::select! {
                    () = sleep_until(at) => {}
                    () = self.changed.notified() => {}
                },
                None => self.changed.notified().await,
            }
        }
    }

    pub(super) fn request_begins(self: &Arc<Self>) -> Underway {
        self.change(Watch::request_begins);
        Underway(Arc::clone(self))
    }

    pub(super) fn is_busy(&self) -> bool {
        self.watch().requests() > 0
    }

    /// The socket, when everybody else has let go of it; with it, what the other end still wants from it.
    pub(super) fn into_socket(self: Arc<Self>) -> Option<(TcpStream, Remainder)> {
        let line = Arc::into_inner(self)?;
        let watch = line
            .watch
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let socket = line
            .socket
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let remainder = Remainder {
            sends: !watch.ended,
            understands_http1: watch.version != Version::Two && !watch.blocked,
        };
        Some((socket, remainder))
    }

    /// Wakes the watcher only if there is another deadline now, or an earlier one.
    fn change(&self, change: impl FnOnce(&mut Watch)) {
        let mut watch = self.watch();
        let before = watch.phase;
        change(&mut watch);
        let is_other = std::mem::discriminant(&before) != std::mem::discriminant(&watch.phase);
        drop(watch);
        if is_other {
            self.changed.notify_one();
        }
    }

    fn watch(&self) -> MutexGuard<'_, Watch> {
        // A few plain values, whole at every line.
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn socket(&self) -> MutexGuard<'_, TcpStream> {
        self.socket.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_write(&self, written: &Poll<io::Result<usize>>) {
        let (took, now) = (written.is_ready(), (self.clock)());
        self.change(|watch| watch.wrote(took, now));
    }
}

/// What is left to do with a socket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Remainder {
    /// The other end may still be sending.
    pub(super) sends: bool,
    /// An answer of HTTP/1 would be read, and understood.
    pub(super) understands_http1: bool,
}

/// A request that is being answered; over when it is dropped.
#[derive(Debug)]
pub(super) struct Underway(Arc<Line>);

impl Drop for Underway {
    fn drop(&mut self) {
        let now = (self.0.clock)();
        self.0.change(|watch| watch.request_ends(now));
    }
}

/// The socket as hyper has it.
#[derive(Debug)]
pub(super) struct Wire(pub(super) Arc<Line>);

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut *self.0.socket()).poll_read(cx, buf);
        if let Poll::Ready(Ok(())) = read {
            let octets = &buf.filled()[before..];
            let now = (self.0.clock)();
            self.0.change(|watch| watch.received(octets, now));
        }
        read
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut *self.0.socket()).poll_write(cx, octets);
        self.0.note_write(&written);
        written
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut *self.0.socket()).poll_write_vectored(cx, octets);
        self.0.note_write(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.socket()).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.socket()).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        head: Duration::from_secs(10),
        idle: Duration::from_secs(75),
    };

    /// Seconds until the deadline from `start`, and what it is.
    fn due(watch: &Watch, start: Instant) -> Option<(u64, Expired)> {
        let (at, what) = watch.deadline(PATIENCE)?;
        Some(((at - start).as_secs(), what))
    }

    #[test]
    fn a_head_is_due_from_the_connect_and_later_from_its_first_octet() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut watch = Watch::new(start);
        assert_eq!(due(&watch, start), Some((10, Expired::Head)));
        watch.received(b"POST /v1", at(3));
        assert_eq!(due(&watch, start), Some((10, Expired::Head)));
        watch.request_begins();
        watch.received(b"its body", at(4));
        assert_eq!(due(&watch, start), None);
        watch.request_ends(at(5));
        assert_eq!(due(&watch, start), Some((80, Expired::Idle)));
        watch.wrote(true, at(6));
        assert_eq!(due(&watch, start), Some((81, Expired::Idle)));
        watch.received(b"G", at(70));
        watch.received(b"E", at(79));
        assert_eq!(due(&watch, start), Some((80, Expired::Head)));
    }

    #[test]
    fn between_requests_of_http2_only_a_request_counts() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut watch = Watch::new(start);
        watch.received(&PREFACE[..5], at(1));
        assert_eq!(watch.version, Version::Unknown { matched: 5 });
        watch.received(&[&PREFACE[5..], b"frames"].concat(), at(2));
        assert_eq!(watch.version, Version::Two);
        watch.received(b"ping", at(60));
        assert_eq!(due(&watch, start), Some((77, Expired::Idle)));
        watch.request_begins();
        watch.request_begins();
        watch.request_ends(at(61));
        assert_eq!(due(&watch, start), None);
        watch.request_ends(at(62));
        assert_eq!(due(&watch, start), Some((137, Expired::Idle)));
    }

    #[test]
    fn a_post_begins_like_the_preface_and_is_none() {
        let mut watch = Watch::new(Instant::now());
        watch.received(b"P", Instant::now());
        assert_eq!(watch.version, Version::Unknown { matched: 1 });
        watch.received(b"OST / HTTP/1.1", Instant::now());
        assert_eq!(watch.version, Version::One);
    }
}
