//! **Modem**: one simulated GSM modem, from the octets a host writes to the octets it reads.
//!
//! A pure core: it is told what happens and when, and what it wants done comes out of [`Modem::poll`]. It knows
//! nothing of ports and asks no clock. What the network is for, it does not do: [`Output::Submit`] goes there
//! and comes back through [`Modem::answer`].
//!
//! One input, then drain; then sleep until [`Modem::deadline`].

mod commands;
mod reading;
mod setup;
mod speech;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::encode::Pdu;
use crate::identity::Identity;
use crate::moment::Moment;
use crate::personality::Personality;
use crate::script::{Fault, Script, SendFate};
use crate::storage::Storage;
use crate::submission::{Entry, Submission};
use setup::{Setup, Store};

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
    /// From `AT+CMGS` to its prompt.
    pub(crate) prompt_latency: Duration,
    personality: Personality,
    setup: Setup,
    storage: Storage,
    service_centre: String,
    /// The reference of the next text.
    reference: u8,
    sends: u64,
    power: Power,
    coverage: Coverage,
    silence: Option<Silence>,
    phase: Phase,
    /// What the host wrote and the modem has not yet looked at.
    input: VecDeque<u8>,
    line: Vec<u8>,
    /// Unsolicited lines that wait for a moment at which they split nothing.
    unasked: VecDeque<String>,
    /// Set while a directly delivered text waits for `+CNMA`.
    unacknowledged: Option<Instant>,
    /// Pieces that are due later, when output is fragmented.
    pieces: VecDeque<(Instant, Vec<u8>)>,
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

#[derive(Debug, PartialEq)]
enum Coverage {
    Home,
    Lost,
}

#[derive(Debug)]
struct Silence {
    until: Option<Instant>,
}

#[derive(Debug)]
enum Phase {
    /// Reading command lines.
    Command,
    /// `AT+CMGS` has been read; without `due` the prompt never comes.
    Prompting { due: Option<Instant>, entry: Entry },
    /// After the prompt, before Ctrl-Z.
    Entry(Entry),
    /// The network has the text; nothing is read until it answers.
    InFlight { send: u64, reference: u8 },
}

/// What one command comes to.
enum Answer {
    Ok,
    Lines(String),
    Failed(Failure),
}

#[derive(Clone, Copy)]
enum Failure {
    /// The command is not known here.
    Unknown,
    Cme(u16),
    Cms(u16),
}

impl Modem {
    pub(crate) fn new(identity: Identity, personality: Personality) -> Self {
        Self {
            counts: Counts::default(),
            script: Script::default(),
            prompt_latency: Duration::ZERO,
            setup: Setup::default(),
            storage: Storage::new(personality.sim_slots, personality.first_slot),
            service_centre: personality.service_centre.to_owned(),
            reference: identity.first_reference,
            sends: 0,
            power: Power::Plugged,
            coverage: Coverage::Home,
            silence: None,
            phase: Phase::Command,
            input: VecDeque::new(),
            line: Vec::new(),
            unasked: VecDeque::new(),
            unacknowledged: None,
            pieces: VecDeque::new(),
            outbox: VecDeque::new(),
            identity,
            personality,
        }
    }

    pub(crate) fn poll(&mut self) -> Option<Output> {
        self.outbox.pop_front()
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        let prompt = match self.phase {
            Phase::Prompting { due, .. } => due,
            _ => None,
        };
        let silence = self.silence.as_ref().and_then(|silence| silence.until);
        let piece = self.pieces.front().map(|(due, _)| *due);
        [prompt, silence, piece, self.unacknowledged]
            .into_iter()
            .flatten()
            .min()
    }

    /// The deadline that [`Modem::deadline`] announced has come.
    pub(crate) fn expire(&mut self, now: Moment) {
        let passed = |due: Option<Instant>| due.is_some_and(|due| due <= now.instant);
        if passed(self.silence.as_ref().and_then(|silence| silence.until)) {
            self.silence = None;
        }
        while passed(self.pieces.front().map(|(due, _)| *due)) {
            if let Some((_, octets)) = self.pieces.pop_front() {
                self.outbox.push_back(Output::Write(octets));
            }
        }
        if passed(self.unacknowledged) {
            // Telit, Siemens, Quectel: an unacknowledged text turns direct delivery off, silently.
            self.unacknowledged = None;
            if let Some(cnmi) = &mut self.setup.cnmi {
                (cnmi.mt, cnmi.ds) = (0, 0);
            }
        }
        if matches!(self.phase, Phase::Prompting { due, .. } if passed(due)) {
            self.prompt(now);
        }
        self.read(now);
    }

    /// The host has written.
    pub(crate) fn take(&mut self, now: Moment, octets: &[u8]) {
        if self.silence.is_some() {
            return;
        }
        let room = LONGEST_INPUT.saturating_sub(self.input.len());
        self.input.extend(octets.iter().take(room));
        self.read(now);
    }

    /// The network's word about a submission. Whether the host has been told.
    pub(crate) fn answer(&mut self, now: Moment, send: u64, verdict: Verdict) -> bool {
        let reference = match self.phase {
            Phase::InFlight {
                send: pending,
                reference,
            } if pending == send => reference,
            _ => return false,
        };
        self.phase = Phase::Command;
        if self.silence.is_some() {
            return false;
        }
        match verdict {
            Verdict::Accepted => {
                let answer = Answer::Lines(format!("+CMGS: {reference}"));
                self.finish(now, answer);
            }
            Verdict::Refused { code } => {
                self.counts.refused += 1;
                self.finish(now, Answer::Failed(Failure::Cms(code)));
            }
            Verdict::Untold => {}
        }
        verdict != Verdict::Untold
    }

    /// Goes on with what the host wrote meanwhile; to be called after [`Modem::answer`].
    pub(crate) fn resume(&mut self, now: Moment) {
        self.read(now);
    }

    pub(crate) fn order(&mut self, now: Moment, fault: &Fault) {
        self.script.order(fault);
        match fault {
            Fault::Silence { for_ms } => {
                let span = for_ms.map(Duration::from_millis);
                self.silence = Some(Silence {
                    until: span.and_then(|span| now.instant.checked_add(span)),
                });
                self.line.clear();
                self.input.clear();
            }
            Fault::SilenceEnds => self.silence = None,
            Fault::Urc { text } if text.len() <= LONGEST_LINE => self.announce(now, text.clone()),
            Fault::Unregistered { on: true } => self.cover(now, Coverage::Lost),
            Fault::Unregistered { on: false } => self.cover(now, Coverage::Home),
            Fault::Clear => {
                self.silence = None;
                self.cover(now, Coverage::Home);
            }
            _ => {}
        }
    }

    pub(crate) fn unplug(&mut self) {
        self.power = Power::Unplugged;
        self.restart();
        self.phase = Phase::Command;
        self.input.clear();
        self.pieces.clear();
    }

    pub(crate) fn plug(&mut self) {
        self.power = Power::Plugged;
    }

    pub(crate) fn is_plugged(&self) -> bool {
        self.power == Power::Plugged
    }

    /// Whether a text from a handset can be handed over now.
    pub(crate) fn takes_text(&self) -> bool {
        self.is_reachable()
            && match self.setup.notices().mt {
                2 => self.takes_directly(),
                _ => self.receives_into_room(),
            }
    }

    pub(crate) fn take_text(&mut self, now: Moment, pdu: Pdu) {
        match self.setup.notices().mt {
            2 => self.route("+CMT: ,", now, &pdu),
            mt => {
                if let Some(index) = self.storage.keep(pdu.hex, pdu.length)
                    && mt == 1
                {
                    self.announce(now, format!("+CMTI: \"SM\",{index}"));
                }
            }
        }
    }

    /// Whether a report can be handed over now. As long as nobody has said what is to become of reports since
    /// the modem started, they wait; a host that says "none" (ds 0) gets its wish.
    pub(crate) fn takes_report(&self) -> bool {
        self.is_reachable()
            && match self.setup.cnmi {
                None => false,
                Some(cnmi) if cnmi.ds == 1 => self.takes_directly(),
                Some(cnmi) if cnmi.ds == 2 => self.receives_into_room(),
                Some(_) => true,
            }
    }

    pub(crate) fn take_report(&mut self, now: Moment, pdu: Pdu) {
        match self.setup.notices().ds {
            1 => self.route("+CDS: ", now, &pdu),
            2 => {
                if let Some(index) = self.storage.keep(pdu.hex, pdu.length) {
                    self.announce(now, format!("+CDSI: \"SM\",{index}"));
                }
            }
            _ => {}
        }
    }

    fn is_reachable(&self) -> bool {
        self.is_plugged()
            && self.silence.is_none()
            && self.is_registered()
            && self.unasked.len() < MOST_UNASKED
    }

    fn is_registered(&self) -> bool {
        self.coverage == Coverage::Home && self.setup.functionality == 1
    }

    /// What would only wait for the end of a prompt stays in the network: an unplug there must not lose it.
    fn takes_directly(&self) -> bool {
        self.unacknowledged.is_none() && self.may_speak()
    }

    fn receives_into_room(&self) -> bool {
        self.setup.stores[2] == Store::Sim && !self.script.storage_full && self.storage.has_room()
    }

    fn used_slots(&self) -> usize {
        match self.script.storage_full {
            true => self.storage.capacity(),
            false => self.storage.used(),
        }
    }

    /// What power-up and `AT+CFUN=1,1` leave: the SIM's contents, and nothing the host has set.
    fn restart(&mut self) {
        self.setup = Setup::default();
        self.unacknowledged = None;
        self.unasked.clear();
        self.line.clear();
    }

    fn cover(&mut self, now: Moment, coverage: Coverage) {
        if self.coverage == coverage {
            return;
        }
        self.coverage = coverage;
        for (domain, name) in ["+CREG", "+CGREG", "+CEREG"].into_iter().enumerate() {
            let level = self.setup.registration[domain];
            if level > 0 {
                let state = self.registration_state(level);
                self.announce(now, format!("{name}: {state}"));
            }
        }
    }

    fn registration_state(&self, level: u8) -> &'static str {
        match (self.setup.functionality, &self.coverage, level) {
            (1, Coverage::Home, 2) => "1,\"18D8\",\"0B88E350\",7",
            (1, Coverage::Home, _) => "1",
            (1, Coverage::Lost, _) => "2",
            _ => "0",
        }
    }

    /// Directly to the host, which has to say thank you under `+CSMS=1`.
    fn route(&mut self, head: &str, now: Moment, pdu: &Pdu) {
        if self.setup.csms == 1 {
            self.unacknowledged = Some(now.instant + PATIENCE_FOR_CNMA);
        }
        self.announce(now, format!("{head}{}\r\n{}", pdu.length, pdu.hex));
    }

    fn acknowledge(&mut self) -> Answer {
        match self.unacknowledged.take() {
            Some(_) => Answer::Ok,
            None => Answer::Failed(Failure::Cms(340)),
        }
    }

    fn forget_acknowledgement(&mut self) {
        self.unacknowledged = None;
    }
}

/// A command line; longer ones are answered with ERROR.
const LONGEST_LINE: usize = 4096;
/// What a host may write ahead; the rest is lost, as in a modem without flow control.
const LONGEST_INPUT: usize = 64 * 1024;
/// Unsolicited lines that wait; the network holds back before this is full, injected lines push the oldest out.
const MOST_UNASKED: usize = 64;
/// Telit LE910: 17 s without +CNMA.
const PATIENCE_FOR_CNMA: Duration = Duration::from_secs(17);
