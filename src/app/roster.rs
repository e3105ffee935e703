//! Which modems there are: those of the config, simulated ones, and those that are adopted when they are plugged in.
//!
//! An adopted modem keeps the name it was given, `m` and the last digits of its IMEI, also while it is away and over
//! restarts, until it is forgotten.

use std::path::Path;
use std::sync::Arc;

use futures_util::future::join_all;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{StartError, care, modem_settings, profiles, route};
use crate::care::Rules;
use crate::config::{Config, Modem};
use crate::dispatch::{Arrival, Bell, Route};
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
    pub(super) adopted: Vec<Adopted>,
    /// Whatever the config says of others.
    pub(super) simulated: Vec<Modem>,
    pub(super) running: Vec<Running>,
    pub(super) rules: watch::Sender<Rules>,
}

/// A modem that was taken on, and as what.
pub(super) struct Running {
    modem: Modem,
    pin: Option<Pin>,
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

/// What is to be carried out of a config that was read again.
struct Plan {
    config: Arc<Config>,
    profiles: Profiles,
    adopted: Vec<Adopted>,
    /// All that are to be run from now on.
    modems: Vec<(Modem, ModemSettings)>,
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
        });
        let handle = self.recruiter.take_on(settings);
        self.handles.add(handle.clone());
        route(&self.config, &self.patience, modem, handle)
    }

    /// They are given nothing more, finish what they have in hand within `server.shutdown_grace`, and are gone.
    async fn let_go(&mut self, modems: &[ModemName]) {
        let mut hands_full = Vec::with_capacity(modems.len());
        for modem in modems {
            let (rests, rested) = oneshot::channel();
            // Dispatch ends after this does.
            let _ = self
                .arrivals
                .send(Arrival::Goes(modem.clone(), rests))
                .await;
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
        for modem in modems {
            self.running.retain(|one| one.modem.name != *modem);
            self.handles.remove(modem);
            self.recruiter.let_go(modem).await;
        }
    }

    /// All that are to be run: those of the config that are enabled, those that are simulated, those that were adopted.
    pub(super) fn modems(&self) -> Vec<Modem> {
        self.modems_of(&self.config, &self.adopted)
    }

    fn modems_of(&self, config: &Config, adopted: &[Adopted]) -> Vec<Modem> {
        let named = config.modems.iter().filter(|modem| modem.enabled).cloned();
        let others = self.simulated.iter().cloned();
        named
            .chain(others)
            .chain(without_section(config, adopted))
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

    /// Runs until `stop`.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut sightings = self.search.sightings();
        let mut watches = true;
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
                            self.adopt_all(&seen).await;
                        }
                        Err(error) => {
                            let _ = answer.send(Err(error));
                        }
                    },
                },
            }
        }
    }

    /// Everything that may fail is done here; nothing is changed yet.
    async fn plan(&self, new: Config) -> Result<Plan, StartError> {
        let config = Config {
            modems: new.modems,
            adopts: new.adopts,
            profiles_dir: new.profiles_dir,
            ..Config::clone(&self.config)
        };
        let profiles = profiles(&config)?;
        let adopted = match config.adopts {
            true => self
                .store
                .adopted()
                .await
                .map_err(|error| StartError::Store {
                    path: config.database_path(),
                    error,
                })?,
            false => Vec::new(),
        };
        let mut modems = Vec::new();
        for modem in self.modems_of(&config, &adopted) {
            let settings = modem_settings(self, (&config, &profiles), &modem).await?;
            modems.push((modem, settings));
        }
        Ok(Plan {
            config: Arc::new(config),
            profiles,
            adopted,
            modems,
        })
    }

    /// A modem of which nothing has changed is not touched.
    async fn carry_out(&mut self, plan: Plan) {
        let stays = |one: &&Running| plan.modems.iter().any(|(modem, new)| one.is(modem, new));
        let gone = self.running.iter().filter(|one| !stays(one));
        let gone: Vec<ModemName> = gone.map(|one| one.modem.name.clone()).collect();
        self.config = plan.config;
        self.profiles = plan.profiles;
        self.adopted = plan.adopted;
        self.let_go(&gone).await;
        self.aim();
        let order: Vec<ModemName> = plan
            .modems
            .iter()
            .map(|(one, _)| one.name.clone())
            .collect();
        let mut begun = 0;
        for (modem, settings) in plan.modems {
            if self.running.iter().any(|one| one.modem.name == modem.name) {
                continue;
            }
            begun += 1;
            // What its predecessor left unsettled is known by now.
            let terms = (&*self.config, &self.profiles);
            let settings = modem_settings(self, terms, &modem)
                .await
                .unwrap_or(settings);
            let route = self.begin(&modem, settings);
            let _ = self.arrivals.send(Arrival::Comes(Box::new(route))).await;
        }
        self.recruiter.arrange(&order);
        if begun > 0 || !gone.is_empty() {
            info!(
                ended = gone.len(),
                begun, "modems as the config has them now"
            );
            let _ = self.publish_rules();
        }
    }

    async fn adopt_all(&mut self, seen: &[Sighting]) {
        if !self.config.adopts {
            return;
        }
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
            self.let_go(std::slice::from_ref(modem)).await;
        }
        Ok(ended)
    }
}

impl Running {
    /// Whether it is run as this section wants it.
    fn is(&self, modem: &Modem, settings: &ModemSettings) -> bool {
        let same_pin = match (&self.pin, &settings.pin) {
            (Some(one), Some(other)) => one.is(other),
            (one, other) => one.is_none() && other.is_none(),
        };
        self.modem == *modem && same_pin
    }
}

/// Those that were adopted before and that no section means by now, as sections with everything at its default.
fn without_section(config: &Config, adopted: &[Adopted]) -> Vec<Modem> {
    let has_section = |one: &Adopted| {
        let means = |modem: &Modem| {
            let sought = modem.sought().and_then(|sought| sought.imei.as_ref());
            modem.name == one.modem || sought == Some(&one.imei)
        };
        config.modems.iter().any(means)
    };
    let known = adopted.iter().filter(|one| !has_section(one));
    known
        .map(|one| Modem::adopted(one.modem.clone(), &one.imei))
        .collect()
}

/// It cannot send, and not because it is about to.
fn is_away(modem: &ModemStatus) -> bool {
    use ModemState::{Absent, Failed, NoSim, PinRequired, Quarantined};
    matches!(
        modem.state,
        Absent | Failed | NoSim | PinRequired | Quarantined
    )
}
