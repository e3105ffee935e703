//! **Player**: plays conversations with modem 0 of a world, for tests.
//!
//! `> AT` the host writes a line and CR; `> 00…^Z` or `> ^[` without CR. `< OK` the modem says a line between
//! CR LF; `< >` the prompt; `<< text` exactly these octets (`\r`, `\n`). `~ 20` so many milliseconds pass.
//! Nothing else may be said: whatever is not expected before the next `>` or `~` fails the test.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Output, World};
use crate::identity::Identity;
use crate::ledger::Entry;
use crate::modem::Modem;
use crate::moment::Moment;
use crate::personality::Personality;
use crate::settings::Settings;
use crate::verbs::Request;

pub(super) struct Player {
    pub(super) world: World,
    now: Moment,
    heard: String,
    pub(super) entries: Vec<Entry>,
}

impl Player {
    /// One modem whose next reference is 64, 20 ms to the prompt, 500 ms to the answer, 1 s to the report.
    pub(super) fn new() -> Self {
        Self::with_modems(1)
    }

    pub(super) fn with_modems(modems: usize) -> Self {
        let settings = Settings {
            modems,
            ..Settings::default()
        };
        let mut world = World::new(&settings);
        let identity = Identity {
            first_reference: 64,
            ..Identity::of(0, 0)
        };
        let prompt_latency = settings.network.prompt;
        let chance = super::chance(0, 0);
        world.seats[0].modem = Modem::new(identity, Personality::default(), chance);
        world.seats[0].modem.prompt_latency = prompt_latency;
        Self {
            world,
            now: Moment::fixed(),
            heard: String::new(),
            entries: Vec::new(),
        }
    }

    #[track_caller]
    pub(super) fn play(&mut self, conversation: &str) {
        for line in conversation.lines().map(str::trim) {
            let Some((mark, rest)) = line.split_once(' ') else {
                assert_eq!(line, "", "a line has a mark and a text");
                continue;
            };
            match mark {
                ">" => self.write(rest),
                "<" if rest == ">" => self.expect("\r\n> "),
                "<" => self.expect(&format!("\r\n{rest}\r\n")),
                "<<" => self.expect(&rest.replace("\\r", "\r").replace("\\n", "\n")),
                "~" => self.pass(rest.parse().unwrap()),
                _ => panic!("unknown mark {mark:?}"),
            }
        }
        assert_eq!(self.heard, "", "said and not expected");
    }

    #[track_caller]
    pub(super) fn obey(&mut self, request: Value) -> Value {
        let request: Request = serde_json::from_value(request).unwrap();
        let answer = self.world.obey(self.now, &request).unwrap();
        self.drain();
        answer
    }

    #[track_caller]
    pub(super) fn fault(&mut self, fault: Value) {
        self.obey(json!({ "do": "fault", "modem": 0, "fault": fault }));
    }

    pub(super) fn reads(&mut self, number: &str) -> Vec<String> {
        let texts = self.world.network.texts(number);
        texts.into_iter().map(|received| received.text).collect()
    }

    #[track_caller]
    fn write(&mut self, text: &str) {
        assert_eq!(self.heard, "", "said and not expected, before {text:?}");
        let octets = match (text.strip_suffix("^Z"), text.strip_suffix("^[")) {
            (Some(text), _) => format!("{text}\u{1A}"),
            (_, Some(text)) => format!("{text}\u{1B}"),
            _ => format!("{text}\r"),
        };
        self.world.take(self.now, 0, octets.as_bytes());
        self.drain();
    }

    #[track_caller]
    fn expect(&mut self, expected: &str) {
        let heard = self.heard.strip_prefix(expected);
        let Some(rest) = heard else {
            panic!("expected {expected:?}, heard {:?}", self.heard);
        };
        self.heard = rest.to_owned();
    }

    /// Goes from deadline to deadline, as an edge does.
    #[track_caller]
    fn pass(&mut self, ms: u64) {
        assert_eq!(self.heard, "", "said and not expected, before {ms} ms");
        let end = self.now.after(Duration::from_millis(ms));
        while let Some(due) = self.world.deadline().filter(|due| *due <= end.instant) {
            let step = due.saturating_duration_since(self.now.instant);
            self.now = self.now.after(step);
            self.world.expire(self.now);
            self.drain();
        }
        self.now = end;
    }

    fn drain(&mut self) {
        while let Some(output) = self.world.poll() {
            match output {
                Output::Write { port: 0, octets } => {
                    self.heard.push_str(&String::from_utf8_lossy(&octets));
                }
                Output::Accepted(entry) => self.entries.push(*entry),
                _ => {}
            }
        }
    }
}
