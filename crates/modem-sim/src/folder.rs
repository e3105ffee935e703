//! **Folder**: where a simulation shows itself: ports, control socket, ledger.
//!
//! One simulation per folder, held by a lock on the folder itself, which ends with the process whatever happens.
//! What a dead simulation left is cleared away; what is not ours is never touched.

use std::fs::{DirBuilder, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use crate::error::SimError;

#[derive(Debug)]
pub(crate) struct Folder {
    dir: PathBuf,
    /// Holds the lock.
    _lock: File,
    socket: Socket,
}

#[derive(Debug, PartialEq)]
enum Socket {
    None,
    Bound,
}

impl Folder {
    pub(crate) fn claim(dir: &Path) -> Result<Self, SimError> {
        if !dir.is_dir() {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
            made.map_err(SimError::at(dir))?;
        }
        let lock = File::open(dir).map_err(SimError::at(dir))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(running(dir)),
            Err(TryLockError::Error(error)) => return Err(SimError::at(dir)(error)),
        }
        let folder = Self {
            dir: dir.to_owned(),
            _lock: lock,
            socket: Socket::None,
        };
        folder.clear_socket()?;
        folder.clear_ports()?;
        Ok(folder)
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn control(&self) -> PathBuf {
        self.dir.join("ctl")
    }

    pub(crate) fn ledger(&self) -> PathBuf {
        self.dir.join("ledger.jsonl")
    }

    /// Nobody but the owner can connect at any moment: the mode is set before the socket listens.
    pub(crate) fn listen(&mut self) -> Result<UnixListener, SimError> {
        let path = self.control();
        let bound = || -> io::Result<UnixListener> {
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            let socket =
                rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
            rustix::net::bind(&socket, &SocketAddrUnix::new(&path)?)?;
            std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
            rustix::net::listen(&socket, 128)?;
            Ok(socket.into())
        };
        let listener = bound().map_err(SimError::at(&path))?;
        self.socket = Socket::Bound;
        Ok(listener)
    }

    fn clear_socket(&self) -> Result<(), SimError> {
        let path = self.control();
        match path.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(SimError::at(&path)(error)),
            Ok(found) if !found.file_type().is_socket() => return Err(SimError::InTheWay { path }),
            Ok(_) => {}
        }
        if UnixStream::connect(&path).is_ok() {
            return Err(running(&self.dir));
        }
        std::fs::remove_file(&path).map_err(SimError::at(&path))
    }

    fn clear_ports(&self) -> Result<(), SimError> {
        let at = || SimError::at(&self.dir);
        for entry in std::fs::read_dir(&self.dir).map_err(at())? {
            let path = entry.map_err(at())?.path();
            if !is_port_name(&path) {
                continue;
            }
            match std::fs::read_link(&path) {
                Ok(target) if target.starts_with("/dev/pts") => {
                    std::fs::remove_file(&path).map_err(SimError::at(&path))?;
                }
                _ => return Err(SimError::InTheWay { path }),
            }
        }
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.socket == Socket::Bound {
            // Somebody may have cleared the folder already.
            let _ = std::fs::remove_file(self.control());
        }
    }
}

fn is_port_name(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let digits = name.and_then(|name| name.strip_prefix("modem"));
    digits.is_some_and(|digits| {
        !digits.is_empty() && digits.bytes().all(|octet| octet.is_ascii_digit())
    })
}

fn running(dir: &Path) -> SimError {
    SimError::AlreadyRunning {
        dir: dir.to_owned(),
    }
}
