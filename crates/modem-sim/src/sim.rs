//! **Sim**: a running simulation behind ptys, on a thread of its own.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use tokio::net::UnixListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::control;
use crate::door::Door;
use crate::error::SimError;
use crate::folder::Folder;
use crate::ledger::Ledger;
use crate::moment::Clock;
use crate::pty::{PtyPorts, port_path};
use crate::run::Driver;
use crate::settings::Settings;

/// Ends with [`Sim::stop`], or when it is dropped.
#[derive(Debug)]
pub struct Sim {
    ports: Vec<PathBuf>,
    control: PathBuf,
    ledger: PathBuf,
    doors: Vec<SocketAddr>,
    /// Dropping it ends the thread.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Starts a simulation on a thread of its own.
///
/// Ports are links `DIR/modem0` and so on, the control socket is `DIR/ctl`, the ledger `DIR/ledger.jsonl`; all of
/// them exist when this returns. The folder is made when missing. What a dead simulation left is replaced; a
/// living one is [`SimError::AlreadyRunning`].
pub fn start(dir: &Path, settings: Settings) -> Result<Sim, SimError> {
    if settings.modems == 0 || settings.modems > MOST_MODEMS {
        return Err(SimError::ModemCount { most: MOST_MODEMS });
    }
    settings.check()?;
    let folder = Folder::claim(dir)?;
    let (stop, stopped) = oneshot::channel();
    let (ready, is_ready) = std::sync::mpsc::channel();
    let mut sim = Sim {
        ports: (0..settings.modems).map(|n| port_path(dir, n)).collect(),
        control: folder.control(),
        ledger: folder.ledger(),
        doors: Vec::new(),
        stop: Some(stop),
        thread: None,
    };
    let thread = thread::Builder::new()
        .name("modem-sim".into())
        .spawn(move || live(folder, &settings, &ready, stopped))
        .map_err(SimError::at(dir))?;
    sim.thread = Some(thread);
    sim.doors = is_ready.recv().unwrap_or(Err(SimError::Ended))?;
    Ok(sim)
}

impl Sim {
    /// The paths that hosts open.
    pub fn ports(&self) -> &[PathBuf] {
        &self.ports
    }

    /// The path of the control socket.
    pub fn control(&self) -> &Path {
        &self.control
    }

    pub fn ledger(&self) -> &Path {
        &self.ledger
    }

    /// Where modems are reached over TCP, in the order of the settings; a port that was 0 is the one that was drawn.
    pub fn doors(&self) -> &[SocketAddr] {
        &self.doors
    }

    /// Ends the thread and waits for it; the links and the socket are gone when this returns.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the simulation's thread had panicked");
        }
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.end();
    }
}

/// The life of the thread.
fn live(
    folder: Folder,
    settings: &Settings,
    ready: &std::sync::mpsc::Sender<Result<Vec<SocketAddr>, SimError>>,
    stopped: oneshot::Receiver<()>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            let path = folder.control();
            // Who started us is waiting for this; nobody else could be told.
            let _ = ready.send(Err(SimError::Io { path, error }));
            return;
        }
    };
    runtime.block_on(async {
        let set = Stage::set(folder, settings)
            .and_then(|stage| stage.addresses().map(|addresses| (stage, addresses)));
        match set {
            Ok((stage, addresses)) => {
                let _ = ready.send(Ok(addresses));
                stage.play(stopped).await;
            }
            Err(error) => {
                let _ = ready.send(Err(error));
            }
        }
    });
}

/// Everything that has to exist before `start` may return.
struct Stage {
    driver: Driver<PtyPorts>,
    listener: UnixListener,
    doors: Vec<Door>,
    /// Dropped last: it holds the lock that keeps others out.
    folder: Folder,
}

impl Stage {
    fn set(mut folder: Folder, settings: &Settings) -> Result<Self, SimError> {
        let dir = folder.dir().to_owned();
        let at = |error: io::Error| SimError::at(&dir)(error);
        let ledger_path = folder.ledger();
        let ledger = Ledger::open(&ledger_path).map_err(SimError::at(&ledger_path))?;
        let ports = PtyPorts::new(&dir).map_err(at)?;
        let driver = Driver::new(settings, ports, ledger, Clock::real()).map_err(at)?;
        let doors = settings.doors.iter().enumerate();
        let doors = doors.map(|(modem, address)| Door::open(*address, port_path(&dir, modem)));
        let doors = doors.collect::<Result<_, _>>()?;
        // Last, so that whoever can connect finds everything else in place.
        let listener = UnixListener::from_std(folder.listen()?).map_err(at)?;
        Ok(Self {
            driver,
            listener,
            doors,
            folder,
        })
    }

    fn addresses(&self) -> Result<Vec<SocketAddr>, SimError> {
        let addresses = self.doors.iter().map(Door::address);
        let addresses = addresses.collect::<io::Result<_>>();
        addresses.map_err(SimError::at(self.folder.dir()))
    }

    async fn play(self, stopped: oneshot::Receiver<()>) {
        let Self {
            driver,
            listener,
            doors,
            folder,
        } = self;
        // Dropped, and the doors closed with it, when the play is over.
        let mut open = JoinSet::new();
        doors.into_iter().for_each(|door| {
            open.spawn(door.serve());
        });
        let accepted = driver.accepted();
        // Requests wait here for one turn of the loop; a connection waits when it is full.
        let (orders, received) = mpsc::channel(16);
        tokio::select! {
            _ = stopped => {}
            () = driver.run(received) => {}
            () = control::serve(listener, orders, accepted) => {}
        }
        drop(folder);
    }
}

/// Each has a pty; the kernel's default is 4096 of them for everybody.
const MOST_MODEMS: usize = 256;
