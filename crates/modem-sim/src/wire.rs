//! **Wire**: the line between a modem and its host, and what waits to be written to it.
//!
//! Two kinds exist: a pty for other processes, a pipe in memory for tests.

use std::collections::VecDeque;
use std::io;
use std::task::{Context, Poll, Waker};

/// One end of a line. Like a socket that is never blocked on; 0 octets read is its end.
pub(crate) trait Wire {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>>;
    fn poll_write(&mut self, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>>;
}

/// Where wires come from and go to.
pub(crate) trait Ports {
    type Wire: Wire;

    /// A new line for this modem; a host can find its other end when this returns.
    fn raise(&mut self, modem: usize) -> io::Result<Self::Wire>;
    /// The line is about to be dropped for good.
    fn hang_up(&mut self, modem: usize);
    /// Holds the port as another program would, or lets it go: nobody can open it meanwhile.
    fn occupy(&mut self, modem: usize, on: bool);
    /// What the port is called; empty in memory.
    fn name(&self, modem: usize) -> String;
    /// Looks after what hosts leave behind; asks to be called again through `cx`.
    fn poll_tidy(&mut self, cx: &mut Context<'_>);
}

/// A wire and the octets that did not fit into it yet.
#[derive(Debug)]
pub(crate) struct Line<W> {
    wire: W,
    waiting: VecDeque<u8>,
}

impl<W: Wire> Line<W> {
    pub(crate) fn new(wire: W) -> Self {
        Self {
            wire,
            waiting: VecDeque::new(),
        }
    }

    /// Writes at once what fits. When nobody reads, the oldest octets are lost, as in a UART.
    pub(crate) fn put(&mut self, octets: &[u8]) {
        self.waiting.extend(octets);
        // No waker: whoever drives the line polls it before sleeping.
        let _ = self.poll_flush(&mut Context::from_waker(Waker::noop()));
        let over = self.waiting.len().saturating_sub(MOST_WAITING);
        self.waiting.drain(..over);
    }

    /// Flushes, and reads what the host wrote.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Err(error)) = self.poll_flush(cx) {
            return Poll::Ready(Err(error));
        }
        self.wire.poll_read(cx, buf)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.waiting.is_empty() {
            let written = match self.wire.poll_write(cx, self.waiting.as_slices().0) {
                Poll::Ready(Ok(written)) => written,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            };
            self.waiting.drain(..written);
        }
        Poll::Ready(Ok(()))
    }
}

/// What waits for a host that does not read, beyond the 4 KiB or so that the kernel keeps.
const MOST_WAITING: usize = 64 * 1024;
