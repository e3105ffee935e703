//! **Errors** of starting and ordering a simulated cloud.

use std::io;
use std::net::SocketAddr;

/// Why a simulated cloud could not be started or ordered.
#[derive(Debug, thiserror::Error)]
pub enum CloudSimError {
    #[error(
        "{address} cannot be listened on: {error}; choose another address, or port 0 for a free one"
    )]
    Listen {
        address: SocketAddr,
        error: io::Error,
    },
    #[error("{address} is not a loopback address: a simulated cloud is for this machine only")]
    NotLoopback { address: SocketAddr },
    #[error("the thread of the simulated cloud cannot be started: {0}")]
    Thread(io::Error),
    #[error("the simulated cloud has ended")]
    Ended,
}
