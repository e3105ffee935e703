//! **Modem**: one simulated GSM modem, from the octets a host writes to the octets it reads.
//!
//! A pure core: it is told what happens and when, and what it wants done comes out of [`Modem::poll`]. It knows
//! nothing of ports and asks no clock. What the network is for, it does not do: [`Output::Submit`] goes there
//! and comes back through [`Modem::answer`]. How it differs from other makes, its [`Personality`] says.
//!
//! One input, then drain; then sleep until [`Modem::deadline`].

mod boot;
mod card;
mod commands;
mod mouth;
mod orders;
mod radio;
mod reading;
mod receiving;
mod sending;
mod setup;
mod speech;
mod terminal;
mod text_mode;
mod texts;
mod ussd;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;

use crate::diary::Diary;
use crate::encode::Parcel;
use crate::fate::{SendFate, Wording};
use crate::identity::Identity;
use crate::moment::Moment;
use crate::personality::{Flood, Personality};
use crate::script::Script;
use crate::storage::Memories;
use crate::submission::{Entry, Submission};
use crate::syntax::Form;
use crate::timeline::Timeline;
use card::{Card, CardState};
use mouth::Mouth;
use radio::Radio;
use setup::Setup;
pub(crate) use setup::Store;
pub(crate) use text_mode::Addressed;

#[derive(Debug)]
pub(crate) enum Output {
    /// For the host.
    Write(Vec<u8>),
    /// For the network; its answer comes back with the same number.
    Submit {
        send: u64,
        submission: Box<Submission>,
        fate: SendFate,
    },
    /// The port is to go and to come back.
    Vanish { for_ms: u64 },
    /// The modem has switched itself off.
    PowerOff,
    /// Nobody said thank you for it: it is the network's again.
    GiveBack(Parcel),
}

/// What the network decided about a submission.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verdict {
    Accepted,
    Refused {
        code: u16,
    },
    /// Accepted, and the modem is not to tell.
    Untold,
}

#[derive(Debug)]
pub(crate) struct Modem {
    pub(crate) identity: Identity,
    pub(crate) counts: Counts,
    pub(crate) script: Script,
    pub(crate) diary: Diary,
    /// From `AT+CMGS` to its prompt.
    pub(crate) prompt_latency: Duration,
    /// As ordered by now.
    traits: Personality,
    /// As it was made.
    born: Personality,
    chance: StdRng,
    setup: Setup,
    memories: Memories,
    card: Card,
    radio: Radio,
    service_centre: String,
    /// The reference of the next text.
    reference: u8,
    sends: u64,
    power: Power,
    silence: Option<Silence>,
    phase: Phase,
    /// What the host wrote and the modem has not yet looked at.
    input: VecDeque<u8>,
    line: Vec<u8>,
    /// Until then nothing is heard: a result has just been said.
    deaf_until: Option<Instant>,
    /// Unsolicited lines that wait for a moment at which they split nothing.
    unasked: VecDeque<String>,
    /// A directly delivered text or report that waits for `+CNMA`.
    unacknowledged: Option<Unacknowledged>,
    mouth: Mouth,
    timeline: Timeline<Later>,
    sms_ready_at: Option<Instant>,
    flood: Option<Flood>,
    /// It says by itself what its personality has for that.
    is_chatty: bool,
    /// How many commands of each interjection there have been.
    interjected: Vec<u32>,
    /// Answers that come before the next one.
    held_back: Vec<u8>,
    /// The answer that is being given is one of those.
    holds_back: bool,
    /// A full store has been told of, and nothing deleted since.
    told_full: bool,
    outbox: VecDeque<Output>,
}

/// What a modem has seen since the simulation began.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) at_lines: u64,
    pub(crate) cmgs: u64,
    pub(crate) refused: u64,
    pub(crate) aborted: u64,
}

#[derive(Debug, PartialEq)]
enum Power {
    Plugged,
    Unplugged,
}

#[derive(Debug)]
struct Silence {
    until: Option<Instant>,
}

#[derive(Debug)]
enum Phase {
    /// Reading command lines.
    Command,
    /// A line that takes its time; nothing is read meanwhile.
    Working { due: Instant, line: Vec<u8> },
    /// `AT+CMGS` has been read; without `due` the prompt never comes.
    Prompting { due: Option<Instant>, entry: Entry },
    /// After the prompt, before Ctrl-Z.
    Entry(Entry),
    /// The network has the text; nothing is read until it answers.
    InFlight {
        send: u64,
        reference: u8,
        wording: Wording,
    },
}

#[derive(Debug)]
struct Unacknowledged {
    due: Instant,
    parcel: Parcel,
}

/// What happens to the modem by itself.
#[derive(Debug)]
enum Later {
    Unasked(String),
    SmsReady,
    /// Behind a failing supply.
    PowerReturns,
    Chatter(usize),
    Flood,
    CardRecovers,
    Vanish {
        for_ms: u64,
    },
    ForeignHost {
        text: String,
        every_ms: u64,
        left: u32,
    },
    Reboot {
        every_ms: u64,
        gone_ms: u64,
    },
    UssdFails,
    RegistrationChanges,
}

/// What one command comes to.
enum Answer {
    Ok,
    Lines(String),
    /// The OK, and this unasked.
    OkAndThen(String),
    /// Lines without an OK.
    Unfinished(String),
    Failed(Failure),
}

#[derive(Clone, Copy)]
enum Failure {
    /// The command is not known here.
    Unknown,
    TooMany,
    Plain,
    Cme(u16),
    Cms(u16),
}

impl Modem {
    pub(crate) fn new(identity: Identity, personality: Personality, chance: StdRng) -> Self {
        Self {
            counts: Counts::default(),
            script: Script::default(),
            diary: Diary::default(),
            prompt_latency: Duration::ZERO,
            setup: Setup::of(&personality),
            memories: Memories::new(&personality.stores),
            card: Card::new(),
            radio: Radio::new(),
            service_centre: personality.card.service_centre.clone(),
            reference: identity.first_reference,
            sends: 0,
            power: Power::Plugged,
            silence: None,
            phase: Phase::Command,
            input: VecDeque::new(),
            line: Vec::new(),
            deaf_until: None,
            unasked: VecDeque::new(),
            unacknowledged: None,
            mouth: Mouth::default(),
            timeline: Timeline::default(),
            sms_ready_at: None,
            flood: personality.boot.flood.clone(),
            is_chatty: true,
            interjected: vec![0; personality.interjections.len()],
            held_back: Vec::new(),
            holds_back: false,
            told_full: false,
            outbox: VecDeque::new(),
            identity,
            born: personality.clone(),
            traits: personality,
            chance,
        }
    }

    pub(crate) fn poll(&mut self) -> Option<Output> {
        self.outbox.pop_front()
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        let phase = match self.phase {
            Phase::Prompting { due, .. } => due,
            Phase::Working { due, .. } => Some(due),
            _ => None,
        };
        let silence = self.silence.as_ref().and_then(|silence| silence.until);
        let thanks = self.unacknowledged.as_ref().map(|waiting| waiting.due);
        let times = [
            phase,
            silence,
            thanks,
            self.mouth.deadline(),
            self.timeline.next_due(),
        ];
        times.into_iter().flatten().min()
    }

    /// The deadline that [`Modem::deadline`] announced has come.
    pub(crate) fn expire(&mut self, now: Moment) {
        let passed = |due: Option<Instant>| due.is_some_and(|due| due <= now.instant);
        if passed(self.silence.as_ref().and_then(|silence| silence.until)) {
            self.silence = None;
        }
        self.speak_due(now);
        if passed(self.unacknowledged.as_ref().map(|waiting| waiting.due)) {
            self.miss_acknowledgement();
        }
        match &self.phase {
            Phase::Prompting { due, .. } if passed(*due) => self.prompt(now),
            Phase::Working { due, .. } if passed(Some(*due)) => self.finish_work(now),
            _ => {}
        }
        while let Some(later) = self.timeline.take_due(now.instant) {
            self.happen(now, later);
        }
        self.read(now);
    }

    /// The host has written.
    pub(crate) fn take(&mut self, now: Moment, octets: &[u8]) {
        let is_deaf = self.deaf_until.is_some_and(|until| now.instant < until);
        if self.silence.is_some() || is_deaf {
            return;
        }
        let room = LONGEST_INPUT.saturating_sub(self.input.len());
        self.input.extend(octets.iter().take(room));
        self.read(now);
    }

    /// Goes on with what the host wrote meanwhile; to be called after [`Modem::answer`].
    pub(crate) fn resume(&mut self, now: Moment) {
        self.read(now);
    }

    pub(crate) fn is_plugged(&self) -> bool {
        self.power == Power::Plugged
    }

    fn later(&mut self, now: Moment, after_ms: u64, what: Later) {
        if self.timeline.len() < MOST_LATER
            && let Some(due) = now.instant.checked_add(Duration::from_millis(after_ms))
        {
            self.timeline.put(due, what);
        }
    }

    fn happen(&mut self, now: Moment, what: Later) {
        match what {
            Later::Unasked(line) => self.announce(now, line),
            Later::SmsReady => self.texts_are_ready(now),
            Later::PowerReturns => self.power_returns(now),
            Later::Chatter(index) => self.chatter(now, index),
            Later::Flood => self.flood(now),
            Later::CardRecovers => self.card_recovers(now),
            Later::Vanish { for_ms } => self.outbox.push_back(Output::Vanish { for_ms }),
            Later::ForeignHost {
                text,
                every_ms,
                left,
            } => self.foreign_host(now, text, every_ms, left),
            Later::Reboot { every_ms, gone_ms } => self.reboot_again(now, every_ms, gone_ms),
            Later::RegistrationChanges => self.tell_registration(now),
            Later::UssdFails => {
                let failed = Answer::Failed(Failure::Cme(132));
                self.finish(now, failed);
            }
        }
    }
}

fn line(text: &str) -> Answer {
    Answer::Lines(text.to_owned())
}

/// A command whose value is a number from 0 to `highest`.
fn choice(name: &str, form: &Form<'_>, now: u8, highest: u8, set: impl FnOnce(u8)) -> Answer {
    match form {
        Form::Read => line(&format!("{name}: {now}")),
        Form::Test => line(&format!("{name}: (0-{highest})")),
        Form::Write(written) => match written.trim().parse() {
            Ok(value) if value <= highest => {
                set(value);
                Answer::Ok
            }
            _ => Answer::Failed(Failure::Cme(3)),
        },
        Form::Run => Answer::Failed(Failure::Unknown),
    }
}

/// A command line; longer ones are answered with ERROR.
const LONGEST_LINE: usize = 4096;
/// What a host may write ahead; the rest is lost, as in a modem without flow control.
const LONGEST_INPUT: usize = 64 * 1024;
/// Unsolicited lines that wait; the network holds back before this is full, injected lines push the oldest out.
const MOST_UNASKED: usize = 64;
/// What is still to happen to one modem: boot lines and a few faults that repeat.
const MOST_LATER: usize = 256;
