//! Sections of modems that were read again: what of them is to begin, to end, or to begin anew.
//!
//! Everything that may fail is tried before anything is changed; a modem of which nothing has changed is not touched.

use std::path::PathBuf;
use std::sync::Arc;

use tracing::info;

use super::{Roster, Running};
use crate::app::{StartError, modem_settings, profiles};
use crate::config::{Config, Modem};
use crate::dispatch::{Arrival, Parting};
use crate::domain::ModemName;
use crate::modem::profile::Profiles;
use crate::modem::{ModemSettings, Sighting, Sightings};
use crate::usb;

/// What is to be carried out of a config that was read again.
pub(super) struct Plan {
    config: Arc<Config>,
    profiles: Profiles,
    /// All that are to be run from now on.
    modems: Vec<(Modem, ModemSettings)>,
}

impl Roster {
    /// Everything that may fail is done here; nothing is changed yet.
    pub(super) async fn plan(&self, new: Config) -> Result<Plan, StartError> {
        let config = Config {
            modems: new.modems,
            adopts: new.adopts,
            profiles_dir: new.profiles_dir,
            ..Config::clone(&self.config)
        };
        let profiles = profiles(&config)?;
        let seen = Sightings::clone(&self.search.sightings().borrow());
        let mut modems = Vec::new();
        for modem in self.modems_of(&config) {
            if self.adopted.iter().any(|one| one.modem == modem.name)
                && gives_way(&config, &modem, &seen)
            {
                continue;
            }
            let settings = modem_settings(self, (&config, &profiles), &modem).await?;
            modems.push((modem, settings));
        }
        Ok(Plan {
            config: Arc::new(config),
            profiles,
            modems,
        })
    }

    /// A modem of which nothing has changed is not touched.
    pub(super) async fn carry_out(&mut self, plan: Plan) {
        let before = &self.profiles;
        let is = |one: &Running, (modem, new): &(Modem, ModemSettings)| {
            one.is(modem, new) && is_same_profile(modem, before, &plan.profiles)
        };
        let stays = |one: &&Running| plan.modems.iter().any(|new| is(one, new));
        let gone = self.running.iter().filter(|one| !stays(one));
        let parting = |name: &ModemName| match plan.modems.iter().any(|(one, _)| one.name == *name)
        {
            true => Parting::ToBeginAnew,
            false => Parting::ForGood,
        };
        let gone: Vec<(ModemName, Parting)> = gone
            .map(|one| (one.modem.name.clone(), parting(&one.modem.name)))
            .collect();
        self.config = plan.config;
        self.profiles = plan.profiles;
        // Whoever reads the config again wants what it says.
        self.forgotten.clear();
        self.let_go(&gone).await;
        // Or a modem that begins anew would listen for the result of a part that has one.
        self.store.caught_up().await;
        // Those that a section names are not run any more.
        self.bequeath_all(&[]).await;
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
}

/// Whether its stick, wherever it is seen, is at the port of a section: as long as the one had the port open the other could
/// not open it.
fn gives_way(config: &Config, adopted: &Modem, seen: &Sightings) -> bool {
    let ports = config.modems.iter().filter_map(Modem::port);
    let ports: Vec<PathBuf> = ports.map(usb::node).collect();
    let is_its = |one: &&Sighting| adopted.sought().is_some_and(|sought| one.meets(sought));
    let mut sticks = seen.iter().filter(is_its).peekable();
    sticks.peek().is_some() && sticks.all(|stick| ports.contains(&usb::node(&stick.node)))
}

/// Whether the profile of a modem says the same. Without one of its own it has whichever fits what it says it is.
fn is_same_profile(modem: &Modem, before: &Profiles, after: &Profiles) -> bool {
    match &modem.profile {
        Some(name) => before.get(name) == after.get(name),
        None => before == after,
    }
}

impl Running {
    /// Whether it is run as this section wants it.
    fn is(&self, modem: &Modem, settings: &ModemSettings) -> bool {
        let same_pin = match (&self.pin, &settings.pin) {
            (Some(one), Some(other)) => one.is(other),
            (one, other) => one.is_none() && other.is_none(),
        };
        self.modem == *modem && same_pin && self.is_left_alone == settings.left_alone.is_some()
    }
}
