//! **Duplex**: modems reached through memory, for tests that move the clock themselves.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::mpsc;

use crate::wire::{Ports, Wire};

impl Wire for DuplexStream {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buf = ReadBuf::new(buf);
        AsyncRead::poll_read(Pin::new(self), cx, &mut buf).map_ok(|()| buf.filled().len())
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        AsyncWrite::poll_write(Pin::new(self), cx, octets)
    }
}

/// Hands each modem's far end to whoever holds the receiver.
#[derive(Debug)]
pub(crate) struct MemoryPorts {
    far_ends: Vec<mpsc::Sender<DuplexStream>>,
}

impl MemoryPorts {
    pub(crate) fn new(modems: usize) -> (Self, Vec<mpsc::Receiver<DuplexStream>>) {
        // A test takes each port before the next unplug; one that is not taken for so long is dropped.
        let (far_ends, receivers) = (0..modems).map(|_| mpsc::channel(16)).unzip();
        (Self { far_ends }, receivers)
    }
}

impl Ports for MemoryPorts {
    type Wire = DuplexStream;

    fn raise(&mut self, modem: usize) -> io::Result<DuplexStream> {
        let (near, far) = tokio::io::duplex(64 * 1024);
        // Nobody waits for it any more, or too many were never taken: the host then finds a dead line.
        let _ = self.far_ends[modem].try_send(far);
        Ok(near)
    }

    fn hang_up(&mut self, _modem: usize) {}

    /// A pipe is not opened; who asks for a new one is told no by the loop.
    fn occupy(&mut self, _modem: usize, _on: bool) {}

    fn name(&self, _modem: usize) -> String {
        String::new()
    }

    fn poll_tidy(&mut self, _cx: &mut Context<'_>) {}
}
