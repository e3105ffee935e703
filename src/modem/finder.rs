//! Finds modems by what they are, wherever they are plugged in: looks what there is, asks each who it is, and says so.
//!
//! A port is asked once for as long as its device stays plugged in. What does not answer is asked again later, at ever
//! longer intervals, and so is a modem that nobody uses while a SIM is sought that is nowhere; otherwise nothing happens
//! between two changes of what is plugged in.
//!
//! Never: opens a port that [`usb`] does not call a modem's, or that a section of the config names; sends anything.

pub(super) mod hold;
mod register;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{mpsc, watch};
use tokio::time::Interval;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::actor;
use super::examination::{Wanted, examine};
use super::profile::Profiles;
use crate::domain::Sought;
use crate::usb::{self, Roots, Watch};
use hold::{Hold, Holds};
use register::{Asked, Identity, Register};

/// A modem that is plugged in and has said who it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Sighting {
    /// Its port for AT commands.
    pub(crate) node: PathBuf,
    pub(crate) imei: Option<String>,
    pub(crate) iccid: Option<String>,
    /// What the device calls itself.
    pub(crate) name: String,
    /// Another number each time that it is plugged in.
    pub(crate) plug: u64,
}

impl Sighting {
    pub(crate) fn meets(&self, sought: &Sought) -> bool {
        sought.is_met_by(self.imei.as_deref(), self.iccid.as_deref())
    }
}

/// All of them, as of the last look.
pub(crate) type Sightings = Arc<[Sighting]>;

/// What is wanted of the finder.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Aims {
    /// Modems that nobody seeks are of use too.
    pub(crate) all: bool,
    /// Ports that sections of the config name, and their devices with them, are left alone.
    pub(crate) taken: Vec<PathBuf>,
    pub(crate) sought: Vec<Sought>,
}

impl Aims {
    fn is_any(&self) -> bool {
        self.all || !self.sought.is_empty()
    }
}

/// The way from the finder to whoever waits for one modem.
#[derive(Clone, Debug)]
pub(crate) struct Seeking {
    pub(crate) sought: Sought,
    pub(crate) sightings: watch::Receiver<Sightings>,
    /// Who is at this port is to be asked anew.
    pub(crate) doubts: mpsc::Sender<PathBuf>,
    holds: Arc<watch::Sender<Holds>>,
    held: watch::Receiver<Holds>,
}

/// What is known of a modem that is sought.
#[derive(Debug)]
pub(super) enum Found {
    Nowhere,
    /// Another modem of the house has its port open.
    Held(PathBuf),
    Here(PathBuf, Hold),
}

impl Seeking {
    /// Where it is now. Its port is this one's as long as the hold lives.
    pub(super) fn find(&mut self) -> Found {
        self.held.mark_unchanged();
        let sightings = self.sightings.borrow_and_update();
        let Some(seen) = sightings.iter().find(|seen| seen.meets(&self.sought)) else {
            return Found::Nowhere;
        };
        let node = seen.node.clone();
        match Hold::take(node.clone(), Arc::clone(&self.holds)) {
            Some(hold) => Found::Here(node, hold),
            None => Found::Held(node),
        }
    }

    /// Returns when it may be somewhere else, or its port be let go.
    pub(super) async fn changes(&mut self) {
        tokio::select! {
            Ok(()) = self.sightings.changed() => {}
            Ok(()) = self.held.changed() => {}
            // The finder ends only with the gateway.
            else => std::future::pending().await,
        }
    }

    /// Returns when what is sought is at another port, and at this one no more.
    pub(super) async fn moves_from(&mut self, node: &Path) {
        loop {
            let is_elsewhere = {
                let sightings = self.sightings.borrow_and_update();
                let mut nodes = sightings.iter().filter(|seen| seen.meets(&self.sought));
                let elsewhere = nodes.next().is_some_and(|seen| seen.node != node);
                elsewhere && nodes.all(|seen| seen.node != node)
            };
            if is_elsewhere {
                return;
            }
            if self.sightings.changed().await.is_err() {
                // The finder ends only with the gateway.
                std::future::pending().await
            }
        }
    }
}

/// What is plugged in, and who it is.
pub(crate) struct Finder {
    roots: Roots,
    profiles: Profiles,
    aims: watch::Receiver<Aims>,
    holds: watch::Receiver<Holds>,
    register: Register,
    sightings: watch::Sender<Sightings>,
    doubts: mpsc::Receiver<PathBuf>,
    asking: FuturesUnordered<BoxFuture<'static, (Asked, Option<Identity>)>>,
}

/// How sections and adopted modems reach the finder.
#[derive(Clone, Debug)]
pub(crate) struct Search {
    aims: Arc<watch::Sender<Aims>>,
    sightings: watch::Receiver<Sightings>,
    doubts: mpsc::Sender<PathBuf>,
    holds: Arc<watch::Sender<Holds>>,
}

impl Search {
    pub(crate) fn of(&self, sought: Sought) -> Seeking {
        Seeking {
            sought,
            sightings: self.sightings.clone(),
            doubts: self.doubts.clone(),
            holds: Arc::clone(&self.holds),
            held: self.holds.subscribe(),
        }
    }

    /// From now on this is wanted.
    pub(crate) fn aim(&self, aims: Aims) {
        self.aims.send_replace(aims);
    }

    pub(crate) fn sightings(&self) -> watch::Receiver<Sightings> {
        self.sightings.clone()
    }
}

/// Doubts of all modems at once; one more is a doubt that is told again.
const DOUBTS: usize = 64;
/// A healthy modem has told who it is in one or two seconds, one that has just been plugged in after some more.
const PATIENCE: Duration = Duration::from_secs(30);
/// Where inotify is not to be had.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// udev sets owner and mode of a new node, and a modem that has just got power is not spoken to at once.
const SETTLE: Duration = Duration::from_millis(500);

impl Finder {
    /// It asks nobody before it is told by [`Search::aim`] what is wanted.
    pub(crate) fn new(roots: Roots, profiles: Profiles) -> (Self, Search) {
        let (aims, aimed) = watch::channel(Aims::default());
        let (holds, held) = watch::channel(Holds::default());
        let (sightings, seen) = watch::channel(Sightings::default());
        let (doubting, doubts) = mpsc::channel(DOUBTS);
        let finder = Self {
            roots,
            profiles,
            aims: aimed,
            holds: held,
            register: Register::default(),
            sightings,
            doubts,
            asking: FuturesUnordered::new(),
        };
        let search = Search {
            aims: Arc::new(aims),
            sightings: seen,
            doubts: doubting,
            holds: Arc::new(holds),
        };
        (finder, search)
    }

    /// Runs until `stop`. Nothing is looked at before something is wanted.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => return,
            aims = self.aims.wait_for(Aims::is_any) => if aims.is_err() {
                return;
            },
        }
        // It stands before the first look, or what comes between the two is missed.
        let mut watch = Watch::new(&self.roots);
        if let Err(error) = &watch {
            warn!(%error, "what is plugged in cannot be watched: it is looked for every 10 s");
        }
        self.look().await;
        let mut looks = tokio::time::interval(LOOK_EVERY);
        loop {
            self.ask();
            tokio::select! {
                () = stop.cancelled() => return,
                () = changed(&mut watch, &mut looks) => self.look().await,
                Some((asked, identity)) = self.asking.next() => self.told(&asked, identity),
                Some(node) = self.doubts.recv() => self.register.doubt(&node, actor::now()),
                Ok(()) = self.aims.changed() => self.look().await,
                Ok(()) = self.holds.changed() => {
                    let holds = self.holds.borrow_and_update().clone();
                    self.register.heed(holds);
                }
                () = actor::until(self.register.asks_again_at()) => {}
            }
            self.publish();
        }
    }

    async fn look(&mut self) {
        let (roots, aims) = (self.roots.clone(), self.aims.borrow_and_update().clone());
        let taken = aims.taken.clone();
        self.register.aim(aims);
        let scanned = tokio::task::spawn_blocking(move || {
            let taken: Vec<PathBuf> = taken.iter().map(|port| usb::node(port)).collect();
            usb::scan(&roots).map(|devices| (devices, taken))
        });
        match scanned.await {
            Ok(Ok((devices, taken))) => self.register.see(&devices, &taken, actor::now()),
            Ok(Err(error)) => warn!(%error, "what is plugged in cannot be seen"),
            // The runtime ends.
            Err(_) => {}
        }
    }

    fn ask(&mut self) {
        for asked in self.register.next_to_ask(actor::now()) {
            let (profiles, roots) = (self.profiles.clone(), self.roots.clone());
            self.asking.push(Box::pin(async move {
                tokio::time::sleep(SETTLE).await;
                let identity = identify(&asked.ports, &profiles, &roots).await;
                (asked, identity)
            }));
        }
    }

    fn told(&mut self, asked: &Asked, identity: Option<Identity>) {
        match (&identity, self.register.known(asked)) {
            (Some(identity), Some(known)) => {
                if identity.iccid.is_some() && identity.iccid != known.iccid {
                    info!(port = %identity.node.display(), device = asked.name, "a SIM was put into a modem");
                }
            }
            // Another program may have it for a while.
            (None, Some(_)) => {}
            (Some(identity), None) => {
                info!(port = %identity.node.display(), device = asked.name, "a modem is plugged in");
            }
            (None, None) => {
                let ports: Vec<_> = asked.ports.iter().map(|port| port.display()).collect();
                warn!(
                    ?ports,
                    device = asked.name,
                    "a modem that does not say who it is: cellpost doctor tells more"
                );
            }
        }
        self.register.told(asked, identity, actor::now());
    }

    fn publish(&self) {
        let seen: Sightings = self.register.sightings().collect();
        self.sightings.send_if_modified(|known| {
            let changed = *known != seen;
            if changed {
                *known = seen;
            }
            changed
        });
    }
}

/// Given up and called again it has lost nothing.
async fn changed(watch: &mut io::Result<Watch>, looks: &mut Interval) {
    match watch {
        Ok(watch) => watch.changed().await,
        Err(_) => {
            looks.tick().await;
        }
    }
}

/// The first port that says who is there.
async fn identify(ports: &[PathBuf], profiles: &Profiles, roots: &Roots) -> Option<Identity> {
    for port in ports {
        let found = examine(Wanted {
            device: port.clone(),
            baud: 115_200,
            profiles: profiles.clone(),
            profile: None,
            storage: None,
            patience: PATIENCE,
            roots: roots.clone(),
        })
        .await;
        let Some(status) = found.status else {
            continue;
        };
        if status.imei.is_some() {
            return Some(Identity {
                node: port.clone(),
                imei: status.imei,
                iccid: status.iccid,
            });
        }
    }
    None
}
