//! **Settings**: how many modems, what they are like, and what their network is like.

use std::net::SocketAddr;
use std::time::Duration;

use crate::error::SimError;
use crate::personality::{PERSONALITIES, Personality};
use crate::scenario::Scenario;

/// What a simulation is made of.
#[derive(Clone, Debug)]
pub struct Settings {
    pub modems: usize,
    /// Identities, first message references and all chances are drawn from it; the same seed gives the same.
    pub seed: u64,
    pub network: NetworkSettings,
    /// One of [`PERSONALITIES`] for each modem in turn; none is `generic`.
    pub personalities: Vec<String>,
    /// Slots of each SIM's store, in place of the personality's.
    pub sim_slots: Option<usize>,
    /// What befalls the modems; its own `[[modem]]` tables count before `personalities` and `sim_slots`.
    pub scenario: Option<Scenario>,
    /// Where the modems in turn are reached over TCP, beside their ports; not in memory.
    pub doors: Vec<SocketAddr>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            modems: 1,
            seed: 0,
            network: NetworkSettings::default(),
            personalities: Vec::new(),
            sim_slots: None,
            scenario: None,
            doors: Vec::new(),
        }
    }
}

impl Settings {
    /// Whether every personality exists, and a modem behind every door.
    pub(crate) fn check(&self) -> Result<(), SimError> {
        let (doors, modems) = (self.doors.len(), self.modems);
        if doors > modems {
            return Err(SimError::MoreDoors { doors, modems });
        }
        let unknown = self
            .personalities
            .iter()
            .find(|name| !PERSONALITIES.contains(&name.as_str()));
        match unknown {
            Some(name) => Err(SimError::UnknownPersonality {
                name: name.clone(),
                known: PERSONALITIES.join(", "),
            }),
            None => Ok(()),
        }
    }

    /// What this modem is like.
    pub(crate) fn personality(&self, modem: usize) -> Personality {
        let kinds = self.scenario.as_ref().map(|scenario| &scenario.modems[..]);
        let kind = kinds.and_then(|kinds| in_turn(kinds, modem));
        let name = kind
            .map(|kind| &kind.personality)
            .or_else(|| in_turn(&self.personalities, modem));
        let name = name.map_or("generic", String::as_str);
        let mut personality = Personality::named(name).unwrap_or_default();
        let slots = kind.and_then(|kind| kind.sim_slots).or(self.sim_slots);
        if let Some(slots) = slots {
            personality.stores.sim_slots = slots.min(MOST_SLOTS);
        }
        personality
    }
}

fn in_turn<T>(list: &[T], n: usize) -> Option<&T> {
    list.get(n.checked_rem(list.len())?)
}

/// No SIM has as many.
const MOST_SLOTS: usize = 1000;

/// What a text takes on its way. Can be changed while the simulation runs; what is under way keeps its time.
#[derive(Clone, Debug)]
pub struct NetworkSettings {
    /// From Ctrl-Z to `+CMGS`, for each modem by itself.
    pub latency: Duration,
    /// From `AT+CMGS` to its prompt.
    pub prompt: Duration,
    /// From acceptance to the report.
    pub report_after: Duration,
    /// TP-ST of the reports; 0x00 is "received by the handset".
    pub report_status: u8,
}

impl Default for NetworkSettings {
    fn default() -> Self {
        Self {
            latency: Duration::from_millis(500),
            prompt: Duration::from_millis(20),
            report_after: Duration::from_secs(1),
            report_status: 0x00,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mixed_fleet_takes_its_personalities_in_turn() {
        let mut settings = Settings {
            personalities: vec!["zte".into(), "wavecom".into()],
            sim_slots: Some(10),
            ..Settings::default()
        };
        let model = |settings: &Settings, modem| settings.personality(modem).make.model;
        assert_eq!(model(&settings, 0), "MF626");
        assert_eq!(model(&settings, 1), " MULTIBAND  900E  1800");
        assert_eq!(model(&settings, 2), "MF626");
        assert_eq!(settings.personality(0).stores.sim_slots, 10);
        assert!(settings.check().is_ok());

        let file = "[[modem]]\npersonality = \"quectel-ec25\"\nsim_slots = 30";
        settings.scenario = Some(Scenario::parse(file, 2).unwrap());
        assert_eq!(model(&settings, 1), "EC25");
        assert_eq!(settings.personality(1).stores.sim_slots, 30);

        settings.personalities.push("nokia".into());
        let refused = settings.check().unwrap_err().to_string();
        assert!(refused.starts_with("no personality is called \"nokia\"; there are generic, "));
    }
}
