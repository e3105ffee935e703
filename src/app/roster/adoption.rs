//! Modems that no section names: they are adopted when the config lets them be, keep their name, and yield to a section that
//! has their stick.
//!
//! Never: opens a port, adopts what a section means, adopts while the config does not.

use std::path::Path;

use tracing::{info, warn};

use super::Roster;
use crate::config::{Config, Modem};
use crate::dispatch::{Arrival, Parting};
use crate::domain::{FleetView, ModemName, ModemState, ModemStatus, Sought};
use crate::modem::Sighting;
use crate::store::Adopted;
use crate::usb;

impl Roster {
    /// What is plugged in, or the fleet, is another than before.
    pub(super) async fn look_at(&mut self, seen: &[Sighting]) {
        self.bequeath_all(seen).await;
        self.adopt_all(seen).await;
    }

    async fn adopt_all(&mut self, seen: &[Sighting]) {
        if !self.config.adopts {
            return;
        }
        for sighting in seen {
            let Some(imei) = &sighting.imei else {
                continue;
            };
            if self.is_known(sighting) || self.was_forgotten(sighting) {
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
        let is_meant = |modem: &Modem| modem.sought().is_some_and(|sought| sighting.meets(sought));
        self.config.modems.iter().any(is_meant)
            || self
                .adopted
                .iter()
                .any(|one| Some(&one.imei) == sighting.imei.as_ref())
    }

    /// It was plugged in when somebody forgot it, and has been ever since.
    fn was_forgotten(&self, sighting: &Sighting) -> bool {
        let mut forgotten = self.forgotten.iter();
        forgotten.any(|one| one.plug == sighting.plug && one.imei == sighting.imei)
    }

    /// It is adopted no more, and not again before it has been pulled out.
    pub(super) fn forget_adopted(&mut self, modem: &ModemName) -> bool {
        let Some(at) = self.adopted.iter().position(|one| one.modem == *modem) else {
            return false;
        };
        let imei = Some(self.adopted.remove(at).imei);
        let seen = self.search.sightings();
        let seen = seen.borrow();
        let plugged_in = seen.iter().filter(|sighting| sighting.imei == imei);
        self.forgotten.extend(plugged_in.cloned());
        true
    }

    /// `m` and the last six digits; more of them where that is another's name.
    fn name_of(&self, imei: &str) -> Option<ModemName> {
        let view = self.view.borrow();
        let is_free = |name: &ModemName| {
            let sections = self.config.modems.iter().map(|modem| &modem.name);
            let adopted = self.adopted.iter().map(|one| &one.modem);
            let shown = view.iter().map(|status| &status.name);
            let mut names = sections.chain(adopted).chain(shown);
            !names.any(|other| other == name)
        };
        (6..=imei.len())
            .filter_map(|digits| ModemName::parse(&format!("m{}", &imei[imei.len() - digits..])))
            .find(is_free)
    }

    /// Whether a section may come to have the stick of an adopted modem.
    pub(super) fn has_heirs(&self) -> bool {
        !self.adopted.is_empty() && !self.config.modems.is_empty()
    }

    /// Adopted modems whose sticks sections have are no more; what waits for them waits for the sections.
    pub(in crate::app) async fn bequeath_all(&mut self, seen: &[Sighting]) {
        let fleet = FleetView::clone(&self.view.borrow());
        for one in self.adopted.clone() {
            if let Some(section) = heir(&one, &self.config.modems, seen, &fleet) {
                let section = section.clone();
                self.bequeath(&one.modem, &section).await;
            }
        }
    }

    async fn bequeath(&mut self, adopted: &ModemName, section: &ModemName) {
        let to_section = || self.store.bequeath(adopted.clone(), section.clone());
        let failed = |error| {
            warn!(modem = %adopted, %section, %error, "an adopted modem could not be made the section that has its stick: tried again at the next change");
        };
        let mut messages = match to_section().await {
            Ok(messages) => messages,
            Err(error) => return failed(error),
        };
        if adopted != section && self.running.iter().any(|one| one.modem.name == *adopted) {
            self.let_go(&[(adopted.clone(), Parting::ForGood)]).await;
            // Those that came for it while it finished what it had in hand.
            let to_section = self.store.bequeath(adopted.clone(), section.clone());
            match to_section.await {
                Ok(late) => messages += late,
                Err(error) => return failed(error),
            }
        }
        self.adopted.retain(|one| one.modem != *adopted);
        self.aim();
        let _ = self.publish_rules();
        self.bell.ring();
        info!(modem = %adopted, %section, messages, "an adopted modem is the section's that has its stick, and so are the messages that wait for it");
    }

    /// Why this modem is not opened; `None`: it is.
    pub(in crate::app) fn leaves_alone(
        &self,
        config: &Config,
        modem: &ModemName,
    ) -> Option<String> {
        let is_adopted = self.adopted.iter().any(|one| one.modem == *modem)
            && !config.modems.iter().any(|section| section.name == *modem);
        (is_adopted && !config.adopts).then(|| {
            format!(
                "adopted before, and not opened while the config adopts no modems: name it in a section by match_imei, set modems.adopt = true, or end its wait: cellpost modem forget {modem}"
            )
        })
    }
}

/// Those that were adopted and that no section means by name, as sections with everything at its default.
pub(super) fn without_section(config: &Config, adopted: &[Adopted]) -> Vec<Modem> {
    let known = adopted
        .iter()
        .filter(|one| !config.modems.iter().any(|section| names(section, one)));
    known
        .map(|one| Modem::adopted(one.modem.clone(), &one.imei))
        .collect()
}

/// The section that has the stick of an adopted modem: it names it, or runs on it, or means the stick with the SIM that is
/// in it now.
fn heir<'a>(
    one: &Adopted,
    sections: &'a [Modem],
    seen: &[Sighting],
    fleet: &[ModemStatus],
) -> Option<&'a ModemName> {
    let mut all = sections.iter();
    let named = all.find(|section| names(section, one));
    let runs_on_it = || {
        sections.iter().find(|section| {
            let mut of_section = fleet.iter().filter(|status| status.name == section.name);
            of_section
                .any(|status| runs_on(section, status, one) && !is_elsewhere(one, status, seen))
        })
    };
    let means_it = || {
        sections.iter().find(|section| {
            let mut sticks = seen
                .iter()
                .filter(|seen| seen.meets(&Sought::imei(&one.imei)));
            section
                .sought()
                .is_some_and(|sought| sticks.any(|stick| stick.meets(sought)))
        })
    };
    let section = named.or_else(runs_on_it).or_else(means_it)?;
    Some(&section.name)
}

/// By the name that it was given, or by its IMEI whatever SIM is in it.
fn names(section: &Modem, one: &Adopted) -> bool {
    let by_imei = |sought: &Sought| sought.is_met_by(Some(&one.imei), None);
    section.name == one.modem || section.sought().is_some_and(by_imei)
}

/// Its port is open, and this is the stick behind it.
fn runs_on(section: &Modem, status: &ModemStatus, one: &Adopted) -> bool {
    use ModemState::{NoNetwork, NoSim, PinRequired, Ready, Registering, Starting};
    // In every other state it may be known from before, and at another port by now.
    let is_open = matches!(
        status.state,
        Starting | PinRequired | NoSim | Registering | NoNetwork | Ready
    );
    let (imei, iccid) = (status.imei.as_deref(), status.iccid.as_deref());
    is_open
        && Sought::imei(&one.imei).is_met_by(imei, None)
        && section
            .sought()
            .is_none_or(|sought| sought.is_met_by(imei, iccid))
}

/// A stick of this IMEI is behind another port than this modem's: cheap sticks share one, and the adopted one is that.
/// Devices of ports that sections name are not among those that are seen.
fn is_elsewhere(one: &Adopted, status: &ModemStatus, seen: &[Sighting]) -> bool {
    let port = usb::node(Path::new(&status.device));
    let sought = Sought::imei(&one.imei);
    let mut sticks = seen.iter().filter(|stick| stick.meets(&sought));
    sticks.any(|stick| usb::node(&stick.node) != port)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::config::Whereabouts;
    use crate::domain::UnixMillis;

    const IMEI: &str = "860000000000017";
    const TWIN: &str = "860000000000025";
    const ICCID: &str = "89860012345678901234";

    fn name(name: &str) -> ModemName {
        ModemName::parse(name).unwrap()
    }

    fn at_port() -> Modem {
        Modem::at_port(name("port"), PathBuf::from("/dev/ttyUSB2"))
    }

    fn sought(imei: Option<&str>, iccid: Option<&str>) -> Modem {
        let sought = Sought {
            imei: imei.map(str::to_owned),
            iccid: iccid.map(str::to_owned),
        };
        Modem {
            at: Whereabouts::Sought(sought),
            ..Modem::at_port(name("sought"), PathBuf::new())
        }
    }

    fn sighting(imei: &str, iccid: Option<&str>) -> Sighting {
        Sighting {
            node: "/dev/ttyUSB2".into(),
            imei: Some(imei.to_owned()),
            iccid: iccid.map(str::to_owned),
            name: "EC25".to_owned(),
            plug: 1,
        }
    }

    fn status(of: &Modem, state: ModemState, imei: Option<&str>) -> ModemStatus {
        ModemStatus {
            state,
            imei: imei.map(str::to_owned),
            ..ModemStatus::absent(of.name.clone(), String::new(), UnixMillis(0))
        }
    }

    fn heir_is(section: &Modem, seen: &[Sighting], fleet: &[ModemStatus]) -> bool {
        let adopted = Adopted {
            modem: name("m000017"),
            imei: IMEI.to_owned(),
        };
        heir(&adopted, std::slice::from_ref(section), seen, fleet).is_some()
    }

    #[test]
    fn a_section_has_the_stick_that_it_names() {
        assert!(heir_is(&sought(Some(IMEI), None), &[], &[]));
        assert!(!heir_is(&sought(Some(TWIN), None), &[], &[]));
        let same_name = Modem {
            name: name("m000017"),
            ..at_port()
        };
        assert!(heir_is(&same_name, &[], &[]));
    }

    #[test]
    fn a_section_has_the_stick_in_which_its_sim_is_seen() {
        let by_sim = sought(None, Some(ICCID));
        assert!(heir_is(&by_sim, &[sighting(IMEI, Some(ICCID))], &[]));
        assert!(!heir_is(&by_sim, &[sighting(TWIN, Some(ICCID))], &[]));
        assert!(!heir_is(&by_sim, &[sighting(IMEI, None)], &[]));
        let both = sought(Some(IMEI), Some(ICCID));
        assert!(!heir_is(&both, &[sighting(IMEI, None)], &[]));
        assert!(heir_is(&both, &[sighting(IMEI, Some(ICCID))], &[]));
    }

    #[test]
    fn a_section_has_the_stick_that_is_behind_its_port_now_and_none_that_was() {
        let section = at_port();
        for (state, imei, has) in [
            (ModemState::Ready, Some(IMEI), true),
            (ModemState::NoSim, Some(IMEI), true),
            (ModemState::Ready, Some(TWIN), false),
            (ModemState::Starting, None, false),
            (ModemState::Absent, Some(IMEI), false),
            (ModemState::Failed, Some(IMEI), false),
            (ModemState::Recovering, Some(IMEI), false),
            (ModemState::Paused, Some(IMEI), false),
        ] {
            let fleet = [status(&section, state, imei)];
            assert_eq!(heir_is(&section, &[], &fleet), has, "{state:?} {imei:?}");
        }
        // Before it has told its SIM it may be a stick that the section will leave again.
        let by_sim = sought(None, Some(ICCID));
        let fleet = [status(&by_sim, ModemState::Starting, Some(IMEI))];
        assert!(!heir_is(&by_sim, &[], &fleet));
    }

    #[test]
    fn a_section_does_not_take_the_texts_of_a_twin_with_the_same_imei() {
        let section = at_port();
        let running = ModemStatus {
            device: "/dev/ttyUSB7".into(),
            ..status(&section, ModemState::Ready, Some(IMEI))
        };
        let twin = sighting(IMEI, None);
        assert!(!heir_is(
            &section,
            std::slice::from_ref(&twin),
            std::slice::from_ref(&running)
        ));
        let moved = Sighting {
            node: "/dev/ttyUSB7".into(),
            ..twin
        };
        assert!(heir_is(&section, &[moved], std::slice::from_ref(&running)));
        assert!(heir_is(&section, &[sighting(TWIN, None)], &[running]));
    }
}
