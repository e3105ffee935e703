//! **Errors** of starting and of talking to a simulation.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a simulation could not be started or reached.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    #[error("{path}: {error}")]
    Io { path: PathBuf, error: io::Error },
    #[error("another simulation is running in {dir}; stop it or choose another folder")]
    AlreadyRunning { dir: PathBuf },
    #[error(
        "{path} exists and is not ours (neither a socket nor a link to a pty); remove it or choose another folder"
    )]
    InTheWay { path: PathBuf },
    #[error("no simulation listens on {path}: {error}")]
    NotRunning { path: PathBuf, error: io::Error },
    #[error("the simulation refused: {why}")]
    Refused { why: String },
    #[error("the simulation's answer cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    #[error("the simulation has ended")]
    Ended,
    #[error("a simulation has at least one modem and at most {most}")]
    ModemCount { most: usize },
    #[error("no personality is called {name:?}; there are {known}")]
    UnknownPersonality { name: String, known: String },
    #[error("there are {doors} addresses for {modems} modem(s); give one for each at most")]
    MoreDoors { doors: usize, modems: usize },
    #[error("a modem cannot be reached at {address}: {error}; choose another address with --tcp")]
    Door {
        address: SocketAddr,
        error: io::Error,
    },
    #[error("another program holds the port of modem {modem}")]
    PortBusy { modem: usize },
}

impl SimError {
    /// For `map_err`: an I/O error with the path it happened at.
    pub(crate) fn at(path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self::Io { path, error }
    }
}
