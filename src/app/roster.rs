//! Which modems there are: those of the config, simulated ones, and those that are adopted when they are plugged in.
//!
//! An adopted modem keeps the name it was given, `m` and the last digits of its IMEI, also while it is away and over
//! restarts, until it is forgotten.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{StartError, modem_settings, route};
use crate::config::{Config, Modem};
use crate::dispatch::{Arrival, Bell, Route};
use crate::domain::forget::{CannotForget, Forget};
use crate::domain::{
    Clock, FleetView, ModemName, ModemState, ModemStatus, Patience, Pepper, Sought,
};
use crate::modem::fleet::Recruiter;
use crate::modem::profile::Profiles;
use crate::modem::{Aims, Handles, Search, Sighting, Sightings};
use crate::store::{Adopted, Lost, Store};

/// Everything that a modem is taken on with.
pub(super) struct Roster {
    pub(super) config: Arc<Config>,
    pub(super) store: Store,
    pub(super) pepper: Pepper,
    pub(super) profiles: Profiles,
    pub(super) patience: Arc<Patience>,
    pub(super) clock: Clock,
    pub(super) bell: Bell,
    pub(super) recruiter: Recruiter,
    pub(super) handles: Handles,
    pub(super) search: Search,
    pub(super) view: watch::Receiver<FleetView>,
    pub(super) arrivals: mpsc::Sender<Arrival>,
    pub(super) requests: mpsc::Receiver<Request>,
    pub(super) adopted: Vec<Adopted>,
}

/// Somebody wants a modem forgotten.
pub(super) struct Request {
    modem: ModemName,
    answer: oneshot::Sender<Result<usize, CannotForget>>,
}

/// At once, of all callers; one more waits.
const REQUESTS: usize = 4;

/// The door for whoever wants a modem forgotten, and where its requests arrive.
pub(super) fn forgetting() -> (Forget, mpsc::Receiver<Request>) {
    let (sender, requests) = mpsc::channel(REQUESTS);
    let forget = Forget::new(move |modem| {
        let sender = sender.clone();
        Box::pin(async move {
            let (answer, answered) = oneshot::channel();
            let asked = sender.send(Request { modem, answer }).await;
            asked.map_err(|_| CannotForget::Stopping)?;
            answered.await.unwrap_or(Err(CannotForget::Stopping))
        })
    });
    (forget, requests)
}

impl Roster {
    /// In the fleet and known by name from now on; the route is for dispatch.
    pub(super) async fn take_on(&mut self, modem: &Modem) -> Result<Route, StartError> {
        let settings = modem_settings(self, modem).await?;
        let handle = self.recruiter.take_on(settings);
        self.handles.add(handle.clone());
        Ok(route(&self.config, &self.patience, modem, handle))
    }

    /// Tells the finder what is wanted. Ports that sections name, also those that are not enabled, are theirs.
    pub(super) fn aim(&self) {
        let ports = self.config.modems.iter().filter_map(Modem::port);
        let enabled = self.config.modems.iter().filter(|modem| modem.enabled);
        let adopted = self.adopted.iter().map(|one| Sought::imei(&one.imei));
        self.search.aim(Aims {
            all: self.config.adopts,
            taken: ports.map(Path::to_path_buf).collect(),
            sought: enabled
                .filter_map(Modem::sought)
                .cloned()
                .chain(adopted)
                .collect(),
        });
    }

    /// Those that were adopted before and that no section means by now, as sections with everything at its default.
    pub(super) fn adopted(&self) -> Vec<Modem> {
        let has_section = |one: &Adopted| {
            let means = |modem: &Modem| {
                let sought = modem.sought().and_then(|sought| sought.imei.as_ref());
                modem.name == one.modem || sought == Some(&one.imei)
            };
            self.config.modems.iter().any(means)
        };
        let known = self.adopted.iter().filter(|one| !has_section(one));
        known
            .map(|one| Modem::adopted(one.modem.clone(), &one.imei))
            .collect()
    }

    /// Runs until `stop`.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut sightings = self.search.sightings();
        let mut watches = self.config.adopts;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                seen = sightings.changed(), if watches => match seen {
                    Ok(()) => {
                        let seen = Sightings::clone(&sightings.borrow_and_update());
                        self.adopt_all(&seen).await;
                    }
                    Err(_) => watches = false,
                },
                Some(Request { modem, answer }) = self.requests.recv() => {
                    // Whoever asked may be gone.
                    let _ = answer.send(self.forget(&modem).await);
                }
            }
        }
    }

    async fn adopt_all(&mut self, seen: &[Sighting]) {
        for sighting in seen {
            let Some(imei) = &sighting.imei else {
                continue;
            };
            if self.is_known(sighting) {
                continue;
            }
            let Some(name) = self.name_of(imei) else {
                continue;
            };
            let adopted = Adopted {
                modem: name.clone(),
                imei: imei.clone(),
            };
            if let Err(error) = self.store.adopt(adopted.clone(), (self.clock)()).await {
                warn!(%error, "a modem could not be adopted: plug it in again when the disk works");
                continue;
            }
            self.adopted.push(adopted);
            self.aim();
            match self.take_on(&Modem::adopted(name.clone(), imei)).await {
                Ok(route) => {
                    info!(modem = %name, device = sighting.name, port = %sighting.node.display(), "adopted");
                    // Dispatch ends after this does.
                    let _ = self.arrivals.send(Arrival::Comes(Box::new(route))).await;
                }
                Err(error) => warn!(modem = %name, %error, "a modem could not be adopted"),
            }
        }
    }

    /// A section means it, also one that is not enabled, or it was adopted before.
    fn is_known(&self, sighting: &Sighting) -> bool {
        let (imei, iccid) = (sighting.imei.as_deref(), sighting.iccid.as_deref());
        let is_meant = |modem: &Modem| {
            let sought = modem.sought();
            sought.is_some_and(|sought| sought.is_met_by(imei, iccid))
        };
        self.config.modems.iter().any(is_meant)
            || self
                .adopted
                .iter()
                .any(|one| Some(one.imei.as_str()) == imei)
    }

    /// `m` and the last six digits; more of them where that is another's name.
    fn name_of(&self, imei: &str) -> Option<ModemName> {
        let view = self.view.borrow();
        let is_free = |name: &ModemName| {
            let sections = self.config.modems.iter().map(|modem| &modem.name);
            let mut names = sections.chain(view.iter().map(|status| &status.name));
            !names.any(|other| other == name)
        };
        (6..=imei.len())
            .filter_map(|digits| ModemName::parse(&format!("m{}", &imei[imei.len() - digits..])))
            .find(is_free)
    }

    async fn forget(&mut self, modem: &ModemName) -> Result<usize, CannotForget> {
        let fleet = FleetView::clone(&self.view.borrow());
        let status = fleet.iter().find(|status| status.name == *modem);
        let status = status.ok_or(CannotForget::Unknown)?;
        if !is_away(status) {
            return Err(CannotForget::IsHere);
        }
        let others = fleet.iter().filter(|status| status.name != *modem);
        let lost = Lost {
            modem: modem.clone(),
            elsewhere: others.filter_map(ModemStatus::sim).collect(),
            policies: self.config.message.uncertain,
        };
        let ended = self.store.forget_modem(lost, (self.clock)()).await;
        self.bell.ring();
        let ended = ended.map_err(|error| {
            warn!(%modem, %error, "a modem could not be forgotten");
            CannotForget::Disk
        })?;
        info!(%modem, messages = ended, "forgotten");
        if self.adopted.iter().any(|one| one.modem == *modem) {
            self.adopted.retain(|one| one.modem != *modem);
            self.aim();
            let _ = self.arrivals.send(Arrival::Goes(modem.clone())).await;
            self.handles.remove(modem);
            self.recruiter.let_go(modem);
        }
        Ok(ended)
    }
}

/// It cannot send, and not because it is about to.
fn is_away(modem: &ModemStatus) -> bool {
    use ModemState::{Absent, Failed, NoSim, PinRequired, Quarantined};
    matches!(
        modem.state,
        Absent | Failed | NoSim | PinRequired | Quarantined
    )
}
