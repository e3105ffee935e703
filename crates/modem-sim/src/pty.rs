//! **Pty**: modems reached as terminals, `DIR/modem0` and so on, by any program.
//!
//! Unplugging closes the master, so that a host reads the end of its line as from a USB stick that is pulled.
//! Our own slave end stays open meanwhile: without it the master would read EIO whenever no host is there.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::task::{Context, Poll, ready};

use inotify::{Inotify, WatchDescriptor, WatchMask};
use rustix::fs::{FlockOperation, Mode, OFlags, flock};
use rustix::io::Errno;
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, ioctl_tiocexcl, ioctl_tiocnxcl, tcgetattr, tcsetattr};
use tokio::io::unix::AsyncFd;

use crate::wire::{Ports, Wire};

/// One end of a pty: the modem's own, or that of a host in this process.
#[derive(Debug)]
pub(crate) struct Tty(AsyncFd<OwnedFd>);

impl Tty {
    /// Opens a port as a host does, locked against others who ask for the lock. How it talks is left as it is.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let end = rustix::fs::open(path, flags, Mode::empty())?;
        flock(&end, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Self(watched(end)?))
    }

    /// 0 octets, or EIO, when the modem's end is gone.
    pub(crate) async fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        poll_fn(|cx| self.poll_in(cx, buf)).await
    }

    pub(crate) async fn write(&self, octets: &[u8]) -> io::Result<usize> {
        poll_fn(|cx| self.poll_out(cx, octets)).await
    }

    fn poll_in(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            match rustix::io::read(&self.0, &mut *buf) {
                Err(Errno::AGAIN) => ready!(self.0.poll_read_ready(cx))?.clear_ready(),
                Err(Errno::INTR) => {}
                read => return Poll::Ready(read.map_err(io::Error::from)),
            }
        }
    }

    fn poll_out(&self, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            match rustix::io::write(&self.0, octets) {
                // A full pty takes 0 octets without an error on some kernels.
                Ok(0) | Err(Errno::AGAIN) => ready!(self.0.poll_write_ready(cx))?.clear_ready(),
                Err(Errno::INTR) => {}
                written => return Poll::Ready(written.map_err(io::Error::from)),
            }
        }
    }
}

impl Wire for Tty {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        self.poll_in(cx, buf)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_out(cx, octets)
    }
}

/// The symlinks in a folder, and the slave ends behind them.
#[derive(Debug)]
pub(crate) struct PtyPorts {
    dir: PathBuf,
    slaves: HashMap<usize, Slave>,
    /// Ports that are held as by another program.
    occupied: HashSet<usize>,
    closings: AsyncFd<Inotify>,
}

#[derive(Debug)]
struct Slave {
    end: OwnedFd,
    watch: WatchDescriptor,
}

impl PtyPorts {
    /// Must be called inside the runtime that is to drive the ports.
    pub(crate) fn new(dir: &Path) -> io::Result<Self> {
        Ok(Self {
            dir: dir.to_owned(),
            slaves: HashMap::new(),
            occupied: HashSet::new(),
            closings: watched(Inotify::init()?)?,
        })
    }

    pub(crate) fn path(&self, modem: usize) -> PathBuf {
        port_path(&self.dir, modem)
    }

    /// A host that died may have left TIOCEXCL set, which lives as long as our own end; the next host could
    /// then not open the port. It may also have left echo on, and the modem would hear itself.
    fn tidy(&self, watch: &WatchDescriptor) {
        let mut slaves = self.slaves.iter();
        let Some((port, slave)) = slaves.find(|(_, slave)| slave.watch == *watch) else {
            return;
        };
        if let Err(error) = ioctl_tiocnxcl(&slave.end).and_then(|()| make_raw(&slave.end)) {
            tracing::debug!(%error, "a port could not be put in order after its host closed it");
        }
        if self.occupied.contains(port) {
            hold(&slave.end, true);
        }
    }
}

impl Ports for PtyPorts {
    type Wire = Tty;

    fn raise(&mut self, modem: usize) -> io::Result<Tty> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let name = ptsname(&master, Vec::new())?;
        let name = Path::new(OsStr::from_bytes(name.as_bytes())).to_owned();
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let end = ioctl_tiocgptpeer(&master, flags)?;
        make_raw(&end)?;
        rustix::io::ioctl_fionbio(&master, true)?;
        let watch = self
            .closings
            .get_ref()
            .watches()
            .add(&name, WatchMask::CLOSE)?;
        std::os::unix::fs::symlink(&name, self.path(modem))?;
        hold(&end, self.occupied.contains(&modem));
        self.slaves.insert(modem, Slave { end, watch });
        Ok(Tty(watched(master)?))
    }

    fn hang_up(&mut self, modem: usize) {
        if let Some(slave) = self.slaves.remove(&modem) {
            // The node may be gone already, and its watch with it.
            let _ = self.closings.get_ref().watches().remove(slave.watch);
            if let Err(error) = std::fs::remove_file(self.path(modem)) {
                tracing::debug!(%error, modem, "the link to a port was gone already");
            }
        }
    }

    fn occupy(&mut self, modem: usize, on: bool) {
        let changed = match on {
            true => self.occupied.insert(modem),
            false => self.occupied.remove(&modem),
        };
        if let (true, Some(slave)) = (changed, self.slaves.get(&modem)) {
            hold(&slave.end, on);
        }
    }

    fn name(&self, modem: usize) -> String {
        self.path(modem).display().to_string()
    }

    fn poll_tidy(&mut self, cx: &mut Context<'_>) {
        loop {
            let mut buffer = [0; 1024];
            let read = self.closings.get_mut().read_events(&mut buffer);
            match read {
                Ok(events) => {
                    let closed: Vec<_> = events.map(|event| event.wd).collect();
                    closed.iter().for_each(|watch| self.tidy(watch));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    match self.closings.poll_read_ready(cx) {
                        Poll::Ready(Ok(mut guard)) => guard.clear_ready(),
                        _ => return,
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    tracing::error!(%error, "closing of ports cannot be watched any more");
                    return;
                }
            }
        }
    }
}

impl Drop for PtyPorts {
    fn drop(&mut self) {
        let modems: Vec<usize> = self.slaves.keys().copied().collect();
        modems.into_iter().for_each(|modem| self.hang_up(modem));
    }
}

pub(crate) fn port_path(dir: &Path, modem: usize) -> PathBuf {
    dir.join(format!("modem{modem}"))
}

/// `AsyncFd::new` cannot promise for every type that its descriptor stays the same, and its successor asks for
/// `unsafe`. The two types here own theirs until they are dropped.
#[expect(
    deprecated,
    reason = "the successor needs unsafe, which this crate forbids"
)]
fn watched<T: AsRawFd>(owner: T) -> io::Result<AsyncFd<T>> {
    AsyncFd::new(owner)
}

/// As a program that has the port for itself: TIOCEXCL for everybody but root, a lock for those who ask.
fn hold(slave: &OwnedFd, on: bool) {
    let held = match on {
        true => ioctl_tiocexcl(slave)
            .and_then(|()| flock(slave, FlockOperation::NonBlockingLockExclusive)),
        false => ioctl_tiocnxcl(slave).and_then(|()| flock(slave, FlockOperation::Unlock)),
    };
    if let Err(error) = held {
        tracing::debug!(%error, on, "a port could not be held as by another program");
    }
}

fn make_raw(slave: &OwnedFd) -> rustix::io::Result<()> {
    let mut mode = tcgetattr(slave)?;
    mode.make_raw();
    tcsetattr(slave, OptionalActions::Now, &mode)
}
