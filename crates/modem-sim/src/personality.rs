//! **Personality**: what distinguishes one make of modem from another, as data.
//!
//! The modem asks questions of it and never for a vendor's name. A personality is a file in `personalities/`,
//! compiled in; what it leaves out is as 27.005 and 27.007 have it, which is what `generic` does throughout.
//! Faults that are traits (echo, line ends, …) change the modem's own copy.

mod traits;

use std::error::Error;

use serde::Deserialize;

pub(crate) use traits::{
    Announced, Boot, BootLine, CardTraits, Chatter, Effect, Flood, Interjection, Make,
    NoticeTraits, Prompt, RadioTraits, SendingTraits, Slow, SpeechTraits, StoreTraits, UssdTraits,
    VendorCommand, VendorCommands,
};
pub use traits::{EmptySlot, Escape, LineEnds, ReadForm, RegistrationForm, Technology, UssdForm};

/// The names that `--personality` and scenarios take.
pub const PERSONALITIES: &[&str] = &[
    "generic",
    "huawei-e-series",
    "huawei-e3372",
    "zte",
    "simcom-sim800",
    "simcom-sim7600",
    "simcom-a7670",
    "quectel-ec25",
    "quectel-m26",
    "sierra-mc",
    "telit",
    "u-blox",
    "wavecom",
    "cinterion",
];

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Personality {
    pub(crate) make: Make,
    pub(crate) speech: SpeechTraits,
    pub(crate) boot: Boot,
    pub(crate) card: CardTraits,
    pub(crate) radio: RadioTraits,
    pub(crate) stores: StoreTraits,
    pub(crate) notices: NoticeTraits,
    pub(crate) sending: SendingTraits,
    pub(crate) ussd: UssdTraits,
    /// What it says unasked until it is quieted.
    pub(crate) chatter: Vec<Chatter>,
    pub(crate) interjections: Vec<Interjection>,
    /// Commands beyond the standard's.
    pub(crate) commands: VendorCommands,
}

impl Personality {
    pub(crate) fn named(name: &str) -> Option<Self> {
        let text = match name {
            "generic" => include_str!("../personalities/generic.toml"),
            "huawei-e-series" => include_str!("../personalities/huawei-e-series.toml"),
            "huawei-e3372" => include_str!("../personalities/huawei-e3372.toml"),
            "zte" => include_str!("../personalities/zte.toml"),
            "simcom-sim800" => include_str!("../personalities/simcom-sim800.toml"),
            "simcom-sim7600" => include_str!("../personalities/simcom-sim7600.toml"),
            "simcom-a7670" => include_str!("../personalities/simcom-a7670.toml"),
            "quectel-ec25" => include_str!("../personalities/quectel-ec25.toml"),
            "quectel-m26" => include_str!("../personalities/quectel-m26.toml"),
            "sierra-mc" => include_str!("../personalities/sierra-mc.toml"),
            "telit" => include_str!("../personalities/telit.toml"),
            "u-blox" => include_str!("../personalities/u-blox.toml"),
            "wavecom" => include_str!("../personalities/wavecom.toml"),
            "cinterion" => include_str!("../personalities/cinterion.toml"),
            _ => return None,
        };
        Some(Self::read(text).expect("compiled in, and a test reads every one"))
    }

    /// By way of JSON's values, which faults and requests are read from too: to read so many shapes from TOML itself is
    /// 0.2 MB of program, for lines to complain of that no user writes.
    fn read(text: &str) -> Result<Self, Box<dyn Error>> {
        let table: toml::Table = text.parse()?;
        Ok(serde_json::from_value(serde_json::to_value(table)?)?)
    }

    /// What the personality does with a command of its own, written as `+NAME`, `+NAME?` or `+NAME=…`.
    pub(crate) fn own_command(&self, written: &str) -> Option<&VendorCommand> {
        let fits = |command: &&VendorCommand| match command.is.strip_suffix('*') {
            Some(beginning) => starts_with_ignoring_case(written, beginning),
            None => command.is.eq_ignore_ascii_case(written),
        };
        self.commands.0.iter().find(fits)
    }

    pub(crate) fn refuses(&self, name: &str) -> bool {
        self.speech.refuses.iter().any(|refused| refused == name)
    }
}

fn starts_with_ignoring_case(text: &str, beginning: &str) -> bool {
    let head = text.as_bytes().get(..beginning.len());
    head.is_some_and(|head| head.eq_ignore_ascii_case(beginning.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_personality_of_its_own() {
        let models: Vec<String> = PERSONALITIES
            .iter()
            .map(|name| Personality::named(name).unwrap().make.model)
            .collect();
        let expected = [
            "SIM-1",
            "E1752",
            "E3372",
            "MF626",
            "SIMCOM_SIM800L",
            "SIMCOM_SIM7600E-H",
            "A7670E-FASE",
            "EC25",
            "Quectel_M26",
            "MC7304",
            "LE910C4-NF",
            "SARA-U201",
            " MULTIBAND  900E  1800",
            "MC75i",
        ];
        assert_eq!(models, expected);
        assert!(Personality::named("nokia").is_none());
    }

    #[test]
    fn a_command_is_known_whole_or_by_its_beginning() {
        let huawei = Personality::named("huawei-e-series").unwrap();
        let effect = |written| huawei.own_command(written).map(|command| command.does);
        assert_eq!(effect("^CURC=0"), Some(Effect::Quiet));
        assert_eq!(effect("^curc=0"), Some(Effect::Quiet));
        assert_eq!(effect("^SYSCFG=13,0,3FFFFFFF,0,3"), Some(Effect::Gsm));
        assert_eq!(effect("^CURC=2"), None);
        assert_eq!(effect("^CUR"), None);
    }
}
