//! **Scenario**: a file that says which modems there are and what befalls them when.
//!
//! ```toml
//! [[modem]]
//! personality = "huawei-e3372"
//! sim_slots = 10
//!
//! [[at]]
//! after_ms = 2000
//! modem = 0
//! fault = { kind = "silence", for_ms = 30000 }
//!
//! [[at]]
//! after_ms = 5000
//! deliver = [{ from = "+8613800138000", text = "hello" }]
//!
//! [random]
//! every_ms = 60000
//! seed = 7
//! faults = [{ kind = "answer_late", ms = 41000 }, { kind = "brown_out", for_ms = 3000 }]
//! ```
//!
//! `[[modem]]` tables stand for the modems in order, and begin anew when there are more modems than tables. What
//! is random comes to a modem drawn from the seed, half to one and a half times `every_ms` after the one before.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::Deserialize;
use serde::de::Error as _;
use toml::Spanned;

use crate::fault::Fault;
use crate::mobile::MobileText;
use crate::personality::PERSONALITIES;
use crate::timeline::Timeline;

/// A scenario that has been read and makes sense.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scenario {
    #[serde(rename = "modem")]
    pub(crate) modems: Vec<ModemOf>,
    at: Vec<At>,
    random: Option<Random>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModemOf {
    #[serde(default = "generic", deserialize_with = "known_personality")]
    pub(crate) personality: String,
    #[serde(default)]
    pub(crate) sim_slots: Option<usize>,
    /// What is wrong with it from the beginning.
    #[serde(default)]
    faults: Vec<Fault>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct At {
    after_ms: u64,
    #[serde(default)]
    modem: Option<Spanned<usize>>,
    #[serde(default)]
    fault: Option<Spanned<Fault>>,
    #[serde(default)]
    deliver: Option<Vec<MobileText>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Random {
    every_ms: u64,
    seed: u64,
    faults: Vec<Fault>,
    #[serde(default)]
    until_ms: Option<u64>,
}

/// Where a scenario cannot be read, and why.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("line {line}{}: {why}", key_of(key))]
pub struct ScenarioError {
    pub line: usize,
    /// The key of that line; empty when there is none.
    pub key: String,
    pub why: String,
}

fn key_of(key: &str) -> String {
    match key {
        "" => String::new(),
        key => format!(", {key}"),
    }
}

fn generic() -> String {
    "generic".into()
}

fn known_personality<'de, D: serde::Deserializer<'de>>(raw: D) -> Result<String, D::Error> {
    let name = String::deserialize(raw)?;
    match PERSONALITIES.contains(&name.as_str()) {
        true => Ok(name),
        false => Err(D::Error::custom(format!(
            "no personality is called {name:?}; there are {}",
            PERSONALITIES.join(", ")
        ))),
    }
}

impl Scenario {
    /// Reads a scenario for so many modems.
    pub fn parse(text: &str, modems: usize) -> Result<Self, ScenarioError> {
        let scenario: Self = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            objection(text, at, error.message())
        })?;
        for step in &scenario.at {
            if let Some(modem) = &step.modem
                && *modem.get_ref() >= modems
            {
                let why = format!(
                    "there is no modem {}; the last is {}",
                    modem.get_ref(),
                    modems.saturating_sub(1)
                );
                return Err(objection(text, modem.span().start, &why));
            }
            if step.fault.is_none() == step.deliver.is_none() {
                let after = format!("after_ms = {}", step.after_ms);
                let at = step
                    .fault
                    .as_ref()
                    .map(|fault| fault.span().start)
                    .or_else(|| text.find(&after))
                    .unwrap_or(0);
                return Err(objection(
                    text,
                    at,
                    "a step has either `fault` or `deliver`",
                ));
            }
        }
        if let Some(random) = &scenario.random
            && (random.every_ms == 0 || random.faults.is_empty())
        {
            let at = text.find("[random]").unwrap_or(0);
            let why = "every_ms must be more than 0, and faults must not be empty";
            return Err(objection(text, at, why));
        }
        Ok(scenario)
    }
}

/// Names the line at this octet, and the key that stands there.
fn objection(text: &str, at: usize, why: &str) -> ScenarioError {
    let before = text.get(..at).unwrap_or(text);
    let number = before.matches('\n').count() + 1;
    let line = text.lines().nth(number - 1).unwrap_or_default();
    let key = line.split_once('=').map_or("", |(key, _)| key.trim());
    ScenarioError {
        line: number,
        key: key.to_owned(),
        why: why.trim().to_owned(),
    }
}

/// One thing to be done to a modem.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Fault(Fault),
    Deliver(Vec<MobileText>),
}

/// A scenario in the course of being played.
#[derive(Debug, Default)]
pub(crate) struct Play {
    steps: Timeline<(usize, Step)>,
    random: Option<Draw>,
}

#[derive(Debug)]
struct Draw {
    faults: Vec<Fault>,
    every_ms: u64,
    chance: StdRng,
    modems: usize,
    next: Instant,
    until: Option<Instant>,
}

impl Play {
    pub(crate) fn begin(now: Instant, scenario: &Scenario, modems: usize) -> Self {
        let mut steps = Timeline::default();
        let kinds = scenario.modems.iter().cycle();
        for (modem, kind) in (0..modems).zip(kinds) {
            for fault in &kind.faults {
                steps.put(now, (modem, Step::Fault(fault.clone())));
            }
        }
        for step in &scenario.at {
            let Some(due) = now.checked_add(Duration::from_millis(step.after_ms)) else {
                continue;
            };
            let modem = step.modem.as_ref().map_or(0, |modem| *modem.get_ref());
            if let Some(fault) = &step.fault {
                steps.put(due, (modem, Step::Fault(fault.get_ref().clone())));
            }
            if let Some(texts) = &step.deliver {
                steps.put(due, (modem, Step::Deliver(texts.clone())));
            }
        }
        let random = scenario.random.as_ref().map(|random| {
            let mut draw = Draw {
                faults: random.faults.clone(),
                every_ms: random.every_ms,
                chance: StdRng::seed_from_u64(random.seed),
                modems,
                next: now,
                until: random
                    .until_ms
                    .and_then(|ms| now.checked_add(Duration::from_millis(ms))),
            };
            draw.advance();
            draw
        });
        Self { steps, random }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        let random = self.random.as_ref().map(|draw| draw.next);
        self.steps.next_due().into_iter().chain(random).min()
    }

    /// The next step whose time has come, and for which modem.
    pub(crate) fn next(&mut self, now: Instant) -> Option<(usize, Step)> {
        if let Some(step) = self.steps.take_due(now) {
            return Some(step);
        }
        let draw = self.random.as_mut().filter(|draw| draw.next <= now)?;
        if draw.until.is_some_and(|until| draw.next > until) {
            self.random = None;
            return None;
        }
        Some(draw.draw())
    }
}

impl Draw {
    fn draw(&mut self) -> (usize, Step) {
        let modem = self.chance.random_range(0..self.modems.max(1));
        let fault = self.faults[self.chance.random_range(0..self.faults.len())].clone();
        self.advance();
        (modem, Step::Fault(fault))
    }

    fn advance(&mut self) {
        let (from, to) = (
            self.every_ms.div_ceil(2),
            self.every_ms.saturating_mul(3) / 2,
        );
        let ms = self.chance.random_range(from..=to.max(from)).max(1);
        self.next += Duration::from_millis(ms.min(YEAR_MS));
    }
}

const YEAR_MS: u64 = 365 * 86_400_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn objection(text: &str) -> String {
        Scenario::parse(text, 2).unwrap_err().to_string()
    }

    #[test]
    fn the_example_of_the_documentation_is_read() {
        let text = include_str!("scenario.rs");
        let example: String = text
            .lines()
            .skip_while(|line| *line != "//! ```toml")
            .skip(1)
            .take_while(|line| *line != "//! ```")
            .map(|line| format!("{}\n", line.trim_start_matches("//!").trim()))
            .collect();
        let scenario = Scenario::parse(&example, 1).unwrap();
        assert_eq!(scenario.modems[0].sim_slots, Some(10));
        assert_eq!(scenario.at.len(), 2);
        assert_eq!(scenario.random.unwrap().faults.len(), 2);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_told_by_line_and_key() {
        let unknown = objection("[[at]]\nafter_ms = 1\nfault = { kind = \"silense\" }");
        assert!(
            unknown.starts_with("line 3, fault: unknown variant `silense`"),
            "{unknown}"
        );
        let parameter = objection("[[at]]\nafter_ms = 1\nfault = { kind = \"silence\", for = 1 }");
        assert!(
            parameter.starts_with("line 3, fault: unknown field `for`"),
            "{parameter}"
        );
        assert_eq!(
            objection("[[at]]\nafter_ms = 1\nmodem = 2\nfault = { kind = \"clear\" }"),
            "line 3, modem: there is no modem 2; the last is 1"
        );
        assert_eq!(
            objection("\n[[at]]\nafter_ms = 5\n"),
            "line 3, after_ms: a step has either `fault` or `deliver`"
        );
        let kind = objection("[[modem]]\npersonality = \"nokia\"");
        assert!(
            kind.starts_with("line 2, personality: no personality is called \"nokia\""),
            "{kind}"
        );
        let key = objection("[[modem]]\nsim_slot = 10");
        assert!(
            key.starts_with("line 2, sim_slot: unknown field `sim_slot`"),
            "{key}"
        );
        assert!(objection("[random\n").starts_with("line 1"));
        assert_eq!(
            objection("[random]\nevery_ms = 0\nseed = 1\nfaults = []"),
            "line 1: every_ms must be more than 0, and faults must not be empty"
        );
    }

    #[test]
    fn random_faults_are_those_of_the_seed() {
        let text = "[random]\nevery_ms = 1000\nseed = 7\nuntil_ms = 100000\n\
            faults = [{ kind = \"silence_ends\" }, { kind = \"clear\" }]";
        let scenario = Scenario::parse(text, 2).unwrap();
        let now = Instant::now();
        let draw = |count: usize| {
            let mut play = Play::begin(now, &scenario, 2);
            let mut drawn = Vec::new();
            while drawn.len() < count
                && let Some(due) = play.deadline()
            {
                if let Some((modem, Step::Fault(fault))) = play.next(due) {
                    let ms = due.duration_since(now).as_millis();
                    drawn.push((ms, modem, fault.name()));
                }
            }
            drawn
        };
        let first = draw(20);
        assert_eq!(first, draw(20));
        assert!(first.iter().any(|(_, modem, _)| *modem == 1));
        assert!(first.iter().any(|(.., name)| *name == "clear"));
        let all = draw(1000);
        assert!((70..140).contains(&all.len()), "{} in 100 s", all.len());
    }
}
