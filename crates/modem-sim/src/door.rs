//! **Door**: a modem's port reached over TCP, as a serial server has it (ser2net in its raw mode, a terminal server).
//!
//! Who connects gets the port: it is opened for the connection and closed with it, and octets go both ways as they
//! are. One connection at a time; another one is told so and closed, as is one to a modem that is not there.
//!
//! Never: speaks telnet, or knows what the octets mean.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::error::SimError;
use crate::pty::Tty;

#[derive(Debug)]
pub(crate) struct Door {
    listener: TcpListener,
    port: PathBuf,
}

impl Door {
    /// Must be called inside the runtime that is to serve it. Port 0 draws one.
    pub(crate) fn open(address: SocketAddr, port: PathBuf) -> Result<Self, SimError> {
        let listener = || {
            let listener = std::net::TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            TcpListener::from_std(listener)
        };
        let listener = listener().map_err(|error| SimError::Door { address, error })?;
        Ok(Self { listener, port })
    }

    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until it is dropped, and its connection with it.
    pub(crate) async fn serve(self) {
        loop {
            let socket = self.accept().await;
            let visit = carry(socket, &self.port);
            tokio::pin!(visit);
            loop {
                tokio::select! {
                    biased;
                    // First: who leaves makes room for who comes in the same moment.
                    () = &mut visit => break,
                    other = self.accept() => turn_away(&other, "Port already in use"),
                }
            }
        }
    }

    async fn accept(&self) -> TcpStream {
        loop {
            match self.listener.accept().await {
                Ok((socket, _)) => return socket,
                Err(error) => {
                    // Out of descriptors, most likely: the connection stays in the backlog.
                    tracing::warn!(%error, "a connection to a modem could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

/// Until either end is gone.
async fn carry(mut socket: TcpStream, port: &Path) {
    let tty = match Tty::open(port) {
        Ok(tty) => tty,
        Err(error) => return turn_away(&socket, &format!("The port cannot be opened: {error}")),
    };
    // An answer of a few octets is not to wait for the next one.
    let _ = socket.set_nodelay(true);
    let (mut from_host, mut to_host) = socket.split();
    let to_modem = async {
        let mut buf = [0; BLOCK];
        loop {
            let read = from_host.read(&mut buf).await?;
            let mut octets = &buf[..read];
            while !octets.is_empty() {
                octets = &octets[tty.write(octets).await?..];
            }
            if read == 0 {
                return io::Result::Ok(());
            }
        }
    };
    let from_modem = async {
        let mut buf = [0; BLOCK];
        loop {
            match tty.read(&mut buf).await? {
                0 => return io::Result::Ok(()),
                read => to_host.write_all(&buf[..read]).await?,
            }
        }
    };
    let ended = tokio::select! {
        ended = to_modem => ended,
        ended = from_modem => ended,
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection to a modem ended");
    }
}

/// In the words of ser2net, where it has some. Who is gone already does not hear it.
fn turn_away(socket: &TcpStream, why: &str) {
    let _ = socket.try_write(format!("{why}\r\n").as_bytes());
}

/// What is carried at once; a long text is some 350 octets.
const BLOCK: usize = 1024;
