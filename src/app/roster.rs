//! Which modems there are: those of the config, simulated ones, and those that are adopted when they are plugged in.
//!
//! An adopted modem keeps the name it was given, `m` and the last digits of its IMEI, also while it is away and over
//! restarts, until it is forgotten or a section has its stick. It is listed, and not opened, while the config adopts none.

mod adoption;
mod reload;

use std::path::Path;
use std::sync::Arc;

use futures_util::future::join_all;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{StartError, care, modem_settings, route};
use crate::care::Rules;
use crate::config::{Config, Modem};
use crate::dispatch::{Arrival, Bell, Parting, Route};
use crate::domain::forget::{CannotForget, Forget};
use crate::domain::{
    Clock, FleetView, ModemName, ModemState, ModemStatus, Patience, Pepper, Sought,
};
use crate::modem::fleet::Recruiter;
use crate::modem::profile::Profiles;
use crate::modem::{Aims, Handles, ModemSettings, Pin, Search, Sighting, Sightings};
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
    /// All of them, whether or not the config adopts any now.
    pub(super) adopted: Vec<Adopted>,
    /// Adopted modems that were forgotten while they were plugged in: as they were seen then.
    pub(super) forgotten: Vec<Sighting>,
    /// Whatever the config says of others.
    pub(super) simulated: Vec<Modem>,
    pub(super) running: Vec<Running>,
    pub(super) rules: watch::Sender<Rules>,
}

/// A modem that was taken on, and as what.
pub(super) struct Running {
    modem: Modem,
    pin: Option<Pin>,
    /// It is not opened.
    is_left_alone: bool,
}

/// What somebody wants of the roster.
pub(super) enum Request {
    Forget(ModemName, oneshot::Sender<Result<usize, CannotForget>>),
    /// The config was read again. It is answered before what has changed is carried out.
    Reload(Box<Config>, oneshot::Sender<Result<(), StartError>>),
}

/// The way for a config that was read again.
pub(super) struct Door(mpsc::Sender<Request>);

impl Door {
    /// # Errors
    /// When it cannot be carried out: then nothing of it is.
    pub(super) async fn reload(&self, config: Config) -> Result<(), StartError> {
        let (answer, answered) = oneshot::channel();
        let request = Request::Reload(Box::new(config), answer);
        // The roster ends only with the gateway, and then nothing holds any more.
        let _ = self.0.send(request).await;
        answered.await.unwrap_or(Ok(()))
    }
}

/// At once, of all callers; one more waits.
const REQUESTS: usize = 4;

/// The doors for a config that was read again and for whoever wants a modem forgotten, and where their requests arrive.
pub(super) fn door() -> (Door, Forget, mpsc::Receiver<Request>) {
    let (sender, requests) = mpsc::channel(REQUESTS);
    let door = Door(sender.clone());
    let forget = Forget::new(move |modem| {
        let sender = sender.clone();
        Box::pin(async move {
            let (answer, answered) = oneshot::channel();
            let asked = sender.send(Request::Forget(modem, answer)).await;
            asked.map_err(|_| CannotForget::Stopping)?;
            answered.await.unwrap_or(Err(CannotForget::Stopping))
        })
    });
    (door, forget, requests)
}

impl Roster {
    /// In the fleet and known by name from now on; the route is for dispatch.
    pub(super) async fn take_on(&mut self, modem: &Modem) -> Result<Route, StartError> {
        let terms = (&*self.config, &self.profiles);
        let settings = modem_settings(self, terms, modem).await?;
        Ok(self.begin(modem, settings))
    }

    fn begin(&mut self, modem: &Modem, settings: ModemSettings) -> Route {
        self.running.push(Running {
            modem: modem.clone(),
            pin: settings.pin.clone(),
            is_left_alone: settings.left_alone.is_some(),
        });
        let handle = self.recruiter.take_on(settings);
        self.handles.add(handle.clone());
        route(&self.config, &self.patience, modem, handle)
    }

    /// They are given nothing more, finish what they have in hand within `server.shutdown_grace`, and are gone.
    async fn let_go(&mut self, modems: &[(ModemName, Parting)]) {
        let mut hands_full = Vec::with_capacity(modems.len());
        for (modem, parting) in modems {
            let (rests, rested) = oneshot::channel();
            let goes = Arrival::Goes(modem.clone(), *parting, rests);
            // Dispatch ends after this does.
            let _ = self.arrivals.send(goes).await;
            hands_full.push(rested);
        }
        let grace = self.config.server.shutdown_grace;
        if tokio::time::timeout(grace, join_all(hands_full))
            .await
            .is_err()
        {
            warn!(
                "a modem that goes still has a part without its result: it is recorded as uncertain"
            );
        }
        for (modem, parting) in modems {
            self.running.retain(|one| one.modem.name != *modem);
            self.handles.remove(modem);
            match parting {
                Parting::ForGood => self.recruiter.let_go(modem).await,
                Parting::ToBeginAnew => self.recruiter.suspend(modem).await,
            }
        }
    }

    /// All that are to be run: those of the config that are enabled, those that are simulated, those that were adopted.
    pub(super) fn modems(&self) -> Vec<Modem> {
        self.modems_of(&self.config)
    }

    fn modems_of(&self, config: &Config) -> Vec<Modem> {
        let named = config.modems.iter().filter(|modem| modem.enabled).cloned();
        let others = self.simulated.iter().cloned();
        named
            .chain(others)
            .chain(adoption::without_section(config, &self.adopted))
            .collect()
    }

    /// What is cared for from now on.
    pub(super) fn publish_rules(&self) -> watch::Receiver<Rules> {
        let modems: Vec<Modem> = self.running.iter().map(|one| one.modem.clone()).collect();
        self.rules.send_replace(care::rules(&self.config, &modems));
        self.rules.subscribe()
    }

    /// Tells the finder what is wanted. Ports that sections name, also those that are not enabled, are theirs.
    pub(super) fn aim(&self) {
        let ports = self.config.modems.iter().filter_map(Modem::port);
        let enabled = self.config.modems.iter().filter(|modem| modem.enabled);
        let adopted = self.adopted.iter().filter(|_| self.config.adopts);
        self.search.aim(Aims {
            all: self.config.adopts,
            taken: ports.map(Path::to_path_buf).collect(),
            sought: enabled
                .filter_map(Modem::sought)
                .cloned()
                .chain(adopted.map(|one| Sought::imei(&one.imei)))
                .collect(),
        });
    }

    /// Runs until `stop`.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut sightings = self.search.sightings();
        let mut watches = true;
        loop {
            let has_heirs = self.has_heirs();
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                seen = sightings.changed(), if watches => match seen {
                    Ok(()) => {
                        let seen = Sightings::clone(&sightings.borrow_and_update());
                        self.look_at(&seen).await;
                    }
                    Err(_) => watches = false,
                },
                // A section says which stick is behind its port. The fleet ends after this does.
                Ok(()) = self.view.changed(), if has_heirs => {
                    let seen = Sightings::clone(&sightings.borrow());
                    self.bequeath_all(&seen).await;
                }
                // Whoever asked may be gone.
                Some(request) = self.requests.recv() => match request {
                    Request::Forget(modem, answer) => {
                        let _ = answer.send(self.forget(&modem).await);
                    }
                    Request::Reload(config, answer) => match self.plan(*config).await {
                        Ok(plan) => {
                            let _ = answer.send(Ok(()));
                            self.carry_out(plan).await;
                            let seen = Sightings::clone(&sightings.borrow_and_update());
                            self.look_at(&seen).await;
                        }
                        Err(error) => {
                            let _ = answer.send(Err(error));
                        }
                    },
                },
            }
        }
    }

    async fn forget(&mut self, modem: &ModemName) -> Result<usize, CannotForget> {
        let fleet = FleetView::clone(&self.view.borrow());
        let status = fleet.iter().find(|status| status.name == *modem);
        let status = status.ok_or(CannotForget::Unknown)?;
        let mut running = self.running.iter();
        let is_left_alone = running.any(|one| one.modem.name == *modem && one.is_left_alone);
        if !is_left_alone && !is_away(status) {
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
        if self.forget_adopted(modem) {
            self.aim();
            self.let_go(&[(modem.clone(), Parting::ForGood)]).await;
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
