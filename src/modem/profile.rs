//! What is known of a model of modem, as answers to named questions.
//!
//! The answers are data: `hardware/profiles/*.toml`, compiled in, and files of the same form in
//! `modems.profiles_dir`. What a file leaves out has the answer that the standards give (`generic`). Code asks
//! a question; it never asks for a vendor's name. The form of the files: `hardware/README.md`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::ussd::Coding;

/// Vendor knowledge of one model, or of many.
#[derive(Debug, PartialEq)]
pub(crate) struct Profile {
    name: String,
    matches: Match,
    written: Written,
}

/// All profiles there are, by name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Profiles(Arc<BTreeMap<String, Arc<Profile>>>);

/// Why a profile file cannot be used.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("{file}:{line}: {key}{why}")]
pub(crate) struct ProfileError {
    file: String,
    line: usize,
    /// With a colon behind it; empty when no key is to blame.
    key: String,
    why: String,
}

/// Where the number of tries that a PIN has left is read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Counter {
    pub(super) command: String,
    pub(super) field: usize,
}

/// The profile of a modem that keeps to the standards.
pub(crate) const GENERIC: &str = "generic";

const BUILT_IN: [(&str, &str); 14] = [
    (
        GENERIC,
        include_str!("../../hardware/profiles/generic.toml"),
    ),
    (
        "huawei-e-series",
        include_str!("../../hardware/profiles/huawei-e-series.toml"),
    ),
    (
        "huawei-e3372",
        include_str!("../../hardware/profiles/huawei-e3372.toml"),
    ),
    ("zte", include_str!("../../hardware/profiles/zte.toml")),
    (
        "simcom-sim800",
        include_str!("../../hardware/profiles/simcom-sim800.toml"),
    ),
    (
        "simcom-sim7600",
        include_str!("../../hardware/profiles/simcom-sim7600.toml"),
    ),
    (
        "simcom-a7670",
        include_str!("../../hardware/profiles/simcom-a7670.toml"),
    ),
    (
        "quectel-ec25",
        include_str!("../../hardware/profiles/quectel-ec25.toml"),
    ),
    (
        "quectel-m26",
        include_str!("../../hardware/profiles/quectel-m26.toml"),
    ),
    (
        "sierra-mc",
        include_str!("../../hardware/profiles/sierra-mc.toml"),
    ),
    ("telit", include_str!("../../hardware/profiles/telit.toml")),
    (
        "u-blox",
        include_str!("../../hardware/profiles/u-blox.toml"),
    ),
    (
        "wavecom",
        include_str!("../../hardware/profiles/wavecom.toml"),
    ),
    (
        "cinterion",
        include_str!("../../hardware/profiles/cinterion.toml"),
    ),
];

impl Profiles {
    /// Those compiled in.
    pub(crate) fn built_in() -> Self {
        let profiles = BUILT_IN.iter().map(|(name, text)| {
            let profile = Profile::parse(name, name, text);
            // A test reads each of them.
            let profile = profile.expect("a profile that is compiled in is sound");
            ((*name).to_owned(), Arc::new(profile))
        });
        Self(Arc::new(profiles.collect()))
    }

    /// Adds the profile that stands in `text`; one of the same name gives way to it.
    ///
    /// # Errors
    /// When the text is no profile: with the line and the key.
    pub(crate) fn add(&mut self, name: &str, file: &str, text: &str) -> Result<(), ProfileError> {
        let profile = Profile::parse(name, file, text)?;
        Arc::make_mut(&mut self.0).insert(name.to_owned(), Arc::new(profile));
        Ok(())
    }

    pub(crate) fn get(&self, name: &str) -> Option<Arc<Profile>> {
        self.0.get(name).cloned()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(super) fn generic(&self) -> Arc<Profile> {
        self.get(GENERIC)
            .expect("generic is compiled in, and is replaced but never removed")
    }

    /// The profile that says most exactly what the modem says it is; `generic` when none does.
    pub(super) fn of(&self, maker: &str, model: &str, revision: &str) -> Arc<Profile> {
        self.0
            .values()
            .filter_map(|profile| Some((profile.matches.fit(maker, model, revision)?, profile)))
            .max_by_key(|(fit, _)| *fit)
            .map_or_else(|| self.generic(), |(_, profile)| Arc::clone(profile))
    }
}

impl Profile {
    fn parse(name: &str, file: &str, text: &str) -> Result<Self, ProfileError> {
        let raw: Raw = toml::from_str(text).map_err(|error| {
            let position = error.span().map_or(0, |span| span.start);
            ProfileError::at(file, text, position, error.message())
        })?;
        raw.check(file, text)?;
        Ok(Self {
            name: name.to_owned(),
            matches: raw.matches,
            written: Written {
                start: raw.start,
                sim: raw.sim,
                messages: raw.messages,
                radio: raw.radio,
                ussd: raw.ussd,
                restart: raw.restart,
            },
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What keeps it from talking unasked, and whatever else it wants before it is used. Refusals do not matter.
    pub(super) fn prepares_with(&self) -> impl Iterator<Item = &str> {
        self.written
            .start
            .prepare
            .iter()
            .map(|one| one.get_ref().as_str())
    }

    /// Whether this line means that it has just started by itself, beside the words that many modems share (`RDY`).
    pub(super) fn says_it_started(&self, line: &str) -> bool {
        let words = &self.written.start.words;
        words.iter().any(|word| line.starts_with(word.get_ref()))
    }

    /// From a restart to its first answer.
    pub(super) fn boots_within(&self) -> Duration {
        seconds(self.written.start.boots_within, 30)
    }

    /// How long it may refuse PDU mode because its message service is not up yet.
    pub(super) fn messages_within(&self) -> Duration {
        seconds(self.written.start.messages_within, 10)
    }

    /// Between a final result and the next line.
    pub(super) fn gap(&self) -> Duration {
        Duration::from_millis(u64::from(self.written.start.gap_ms.unwrap_or(0)))
    }

    /// The ways to ask for the ICCID that are tried before the usual ones.
    pub(super) fn iccid_commands(&self) -> impl Iterator<Item = &str> {
        self.written
            .sim
            .iccid
            .iter()
            .map(|one| one.get_ref().as_str())
    }

    /// How it tells what a PIN has left. `+CPINR` where nothing else is known (27.007 §8.65).
    pub(super) fn pin_counter(&self) -> Counter {
        match &self.written.sim.pin_counter {
            Some(counter) => Counter {
                command: counter.command.get_ref().clone(),
                field: counter.field,
            },
            None => Counter {
                command: "+CPINR".to_owned(),
                field: 1,
            },
        }
    }

    /// What makes it look for a SIM that was put in later; empty where it does so by itself.
    pub(super) fn looks_for_sim_with(&self) -> impl Iterator<Item = &str> {
        self.written
            .sim
            .look
            .iter()
            .map(|one| one.get_ref().as_str())
    }

    /// `<mode>` of `+CNMI`, best first.
    pub(super) fn announcement_modes(&self) -> &[u8] {
        or(&self.written.messages.modes, &[2, 1, 3])
    }

    /// `<ds>` of `+CNMI`, best first: 1 is `+CDS`, 2 is `+CDSI`, 0 is nothing.
    pub(super) fn report_modes(&self) -> &[u8] {
        or(&self.written.messages.reports, &[1, 2, 0])
    }

    /// Whether texts come as `+CMT` and wait for `+CNMA`, in place of being stored and announced.
    ///
    /// For a modem whose memories cannot be read. Any other is better off without: a text that is not acknowledged in
    /// time makes a modem stop giving any (27.005 §3.4.1).
    pub(super) fn delivers_directly(&self) -> bool {
        self.written.messages.direct.unwrap_or(false)
    }

    /// Where texts are stored, best first.
    pub(super) fn storages(&self) -> Vec<&str> {
        match &self.written.messages.storages {
            Some(storages) => storages.get_ref().iter().map(String::as_str).collect(),
            None => vec!["ME", "SM", "MT"],
        }
    }

    /// Whether an OK without `+CMGS:` means that the part was accepted: this model leaves the line out.
    pub(super) fn omits_reference(&self) -> bool {
        self.written.messages.omits_reference.unwrap_or(false)
    }

    /// Whether `+CMMS` is worth a question.
    pub(super) fn keeps_link(&self) -> bool {
        self.written.messages.keeps_link.unwrap_or(true)
    }

    /// What puts it on another radio technology when messages over LTE fail, and back.
    pub(super) fn avoids_lte_with(&self) -> Option<&str> {
        self.written
            .radio
            .avoid_lte
            .as_ref()
            .map(|one| one.get_ref().as_str())
    }

    /// How a USSD code is written, unless [`Profile::ussd_text_mode`] was taken.
    pub(super) fn ussd_coding(&self) -> Coding {
        let written = self.written.ussd.coding.as_ref();
        // Checked when it was read.
        written
            .and_then(|word| Coding::parse(word.get_ref()))
            .unwrap_or(Coding::Text)
    }

    /// What makes it take USSD codes as text, where it may know it; a stick that refuses this keeps its own coding.
    pub(super) fn ussd_text_mode(&self) -> Option<&str> {
        let line = self.written.ussd.text_mode.as_ref();
        line.map(|line| line.get_ref().as_str())
    }

    /// What restarts it as pulling the plug would.
    pub(super) fn restarts_with(&self) -> &str {
        let command = self.written.restart.command.as_ref();
        command.map_or("+CFUN=1,1", |command| command.get_ref())
    }
}

fn seconds(written: Option<u16>, usual: u16) -> Duration {
    Duration::from_secs(written.unwrap_or(usual).into())
}

fn or<'a, T>(written: &'a Option<Spanned<Vec<T>>>, usual: &'a [T]) -> &'a [T] {
    written.as_ref().map_or(usual, |written| written.get_ref())
}

/// Words of which one must be in what the modem says; an empty list asks for nothing.
#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
struct Match {
    maker: Vec<String>,
    model: Vec<String>,
    revision: Vec<String>,
}

impl Match {
    /// The letters of all that fits: the more, the more exactly it is meant. `None`: it is not this one.
    fn fit(&self, maker: &str, model: &str, revision: &str) -> Option<usize> {
        let rules = [
            (&self.maker, maker),
            (&self.model, model),
            (&self.revision, revision),
        ];
        let mut letters = 0;
        for (words, said) in rules {
            if words.is_empty() {
                continue;
            }
            let said = said.to_ascii_lowercase();
            let fits = |word: &&String| said.contains(&word.to_ascii_lowercase());
            letters += words.iter().filter(fits).map(String::len).max()?;
        }
        (letters > 0).then_some(letters)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(default, rename = "match")]
    matches: Match,
    #[serde(default)]
    start: Start,
    #[serde(default)]
    sim: Sim,
    #[serde(default)]
    messages: Messages,
    #[serde(default)]
    radio: Radio,
    #[serde(default)]
    ussd: Ussd,
    #[serde(default)]
    restart: Restart,
}

#[derive(Debug, PartialEq)]
struct Written {
    start: Start,
    sim: Sim,
    messages: Messages,
    radio: Radio,
    ussd: Ussd,
    restart: Restart,
}

/// What follows `AT`.
type Line = Spanned<String>;

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
struct Start {
    prepare: Vec<Line>,
    words: Vec<Line>,
    boots_within: Option<u16>,
    messages_within: Option<u16>,
    gap_ms: Option<u16>,
}

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
struct Sim {
    iccid: Vec<Line>,
    pin_counter: Option<WrittenCounter>,
    look: Vec<Line>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct WrittenCounter {
    command: Line,
    field: usize,
}

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
struct Messages {
    modes: Option<Spanned<Vec<u8>>>,
    reports: Option<Spanned<Vec<u8>>>,
    storages: Option<Spanned<Vec<String>>>,
    direct: Option<bool>,
    omits_reference: Option<bool>,
    keeps_link: Option<bool>,
}

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
struct Radio {
    avoid_lte: Option<Line>,
}

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
struct Ussd {
    coding: Option<Line>,
    text_mode: Option<Line>,
}

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
struct Restart {
    command: Option<Line>,
}

impl Raw {
    /// What serde cannot know: what may follow `AT`, and which numbers `+CNMI` takes.
    fn check(&self, file: &str, text: &str) -> Result<(), ProfileError> {
        let counter = self
            .sim
            .pin_counter
            .as_ref()
            .map(|counter| &counter.command);
        let lines = self
            .start
            .prepare
            .iter()
            .chain(&self.sim.iccid)
            .chain(&self.sim.look)
            .chain(counter)
            .chain(&self.radio.avoid_lte)
            .chain(&self.ussd.text_mode)
            .chain(&self.restart.command);
        for line in lines {
            if !may_follow_at(line.get_ref()) {
                let why = "must be what follows AT: printable ASCII, such as \"^CURC=0\"; nothing that sends";
                return Err(ProfileError::at(file, text, line.span().start, why));
            }
        }
        for word in &self.start.words {
            if !is_word_of_a_modem(word.get_ref()) {
                let why = "must be what the modem says when it has started, such as \"^SYSSTART\"; no result, and nothing of 27.005 or 27.007";
                return Err(ProfileError::at(file, text, word.span().start, why));
            }
        }
        if let Some(coding) = &self.ussd.coding
            && Coding::parse(coding.get_ref()).is_none()
        {
            let why = "must be \"text\", \"packed\" or \"ucs2\"";
            return Err(ProfileError::at(file, text, coding.span().start, why));
        }
        let numbers = [(&self.messages.modes, 3), (&self.messages.reports, 2)];
        for (written, most) in numbers {
            let Some(written) = written else { continue };
            if written.get_ref().is_empty() || written.get_ref().iter().any(|one| *one > most) {
                let why = format!("must be numbers of +CNMI from 0 to {most}");
                return Err(ProfileError::at(file, text, written.span().start, &why));
            }
        }
        if let Some(storages) = &self.messages.storages {
            let is_storage = |word: &String| {
                (2..=4).contains(&word.len())
                    && word
                        .bytes()
                        .all(|octet| octet.is_ascii_alphanumeric() || octet == b'_')
            };
            if storages.get_ref().is_empty() || !storages.get_ref().iter().all(is_storage) {
                let why = "must be storages as +CPMS names them, such as \"SM\"";
                return Err(ProfileError::at(file, text, storages.span().start, why));
            }
        }
        Ok(())
    }
}

/// A line that can neither begin a text, nor dial, nor hold two commands that are answered as one.
fn may_follow_at(line: &str) -> bool {
    const SENDS: [&str; 5] = ["+CMGS", "+CMSS", "+CMGW", "+CMGC", "+CNMA"];
    let upper = line.to_ascii_uppercase();
    let prompts = SENDS.iter().any(|word| upper.contains(word));
    !line.is_empty()
        && line.len() <= 100
        && line.bytes().all(|octet| (0x20..0x7F).contains(&octet))
        && !upper.starts_with("AT")
        && !upper.starts_with('D')
        && !prompts
        && !line.contains(';')
}

/// What can be told from an answer: `OK` and `+CMTI` begin a line as well.
fn is_word_of_a_modem(word: &str) -> bool {
    let answers = ["OK", "ERROR", "+C", ">"];
    (2..=40).contains(&word.len())
        && word.bytes().all(|octet| (0x20..0x7F).contains(&octet))
        && !answers.iter().any(|answer| word.starts_with(answer))
}

impl ProfileError {
    fn at(file: &str, text: &str, position: usize, why: &str) -> Self {
        let before = text.get(..position).unwrap_or(text);
        let begins = before.rfind('\n').map_or(0, |at| at + 1);
        let line = text[begins..].lines().next().unwrap_or_default();
        let key = line.split_once('=').map(|(key, _)| key.trim());
        Self {
            file: file.to_owned(),
            line: before.matches('\n').count() + 1,
            key: key.map_or_else(String::new, |key| format!("{key}: ")),
            why: why.replace('\n', "; "),
        }
    }
}

#[cfg(test)]
mod tests;
