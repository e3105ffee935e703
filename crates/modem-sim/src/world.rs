//! **World**: all modems and their network, as one pure core.
//!
//! Octets, requests and time go in; octets, ledger entries and the coming and going of ports come out. Real
//! ptys and in-memory pipes are driven by the same world; what differs is in the edges only.
//!
//! One input, then drain [`World::poll`]; then sleep until [`World::deadline`].

mod requests;
mod wiring;

use std::collections::VecDeque;
use std::time::Instant;

use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::identity::Identity;
use crate::ledger::Entry;
use crate::modem::{self, Modem, Verdict};
use crate::moment::Moment;
use crate::network::{self, Flight, Network};
use crate::scenario::Play;
use crate::settings::Settings;
use crate::verbs::{ModemStats, Refusal};
use wiring::Wiring;

/// Ports are counted like modems, and are the modems' own unless two were swapped.
#[derive(Debug)]
pub(crate) enum Output {
    Write {
        port: usize,
        octets: Vec<u8>,
    },
    Accepted(Box<Entry>),
    /// The port goes: whoever has it open reads its end.
    HangUp {
        port: usize,
    },
    /// The port is back.
    Raise {
        port: usize,
    },
    /// Another program holds the port, or has let it go.
    Busy {
        port: usize,
        on: bool,
    },
}

#[derive(Debug)]
pub(crate) struct World {
    seats: Vec<Seat>,
    wiring: Wiring,
    network: Network,
    play: Play,
    outbox: VecDeque<Output>,
}

#[derive(Debug)]
struct Seat {
    modem: Modem,
    accepted: u64,
    replug: Option<Instant>,
}

impl World {
    /// The settings have been checked.
    pub(crate) fn new(settings: &Settings) -> Self {
        let seats: Vec<Seat> = (0..settings.modems)
            .map(|index| {
                let identity = Identity::of(settings.seed, index);
                let chance = chance(settings.seed, index);
                let mut modem = Modem::new(identity, settings.personality(index), chance);
                modem.prompt_latency = settings.network.prompt;
                Seat {
                    modem,
                    accepted: 0,
                    replug: None,
                }
            })
            .collect();
        let numbers = seats.iter().map(|seat| seat.modem.identity.number.clone());
        let network = settings.network.clone();
        Self {
            network: Network::new(network, numbers.collect(), settings.seed),
            wiring: Wiring::straight(seats.len()),
            play: Play::default(),
            seats,
            outbox: VecDeque::new(),
        }
    }

    /// The clock begins to run.
    pub(crate) fn begin(&mut self, now: Moment, settings: &Settings) {
        for seat in &mut self.seats {
            seat.modem.begin(now);
        }
        if let Some(scenario) = &settings.scenario {
            self.play = Play::begin(now.instant, scenario, self.seats.len());
        }
        self.settle(now);
    }

    pub(crate) fn poll(&mut self) -> Option<Output> {
        self.outbox.pop_front()
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        let modems = self.seats.iter().filter_map(|seat| seat.modem.deadline());
        let replugs = self.seats.iter().filter_map(|seat| seat.replug);
        let rest = self.network.deadline().into_iter();
        let times = modems.chain(replugs).chain(rest);
        times.chain(self.play.deadline()).min()
    }

    /// The deadline that [`World::deadline`] announced has come.
    pub(crate) fn expire(&mut self, now: Moment) {
        while let Some((modem, step)) = self.play.next(now.instant) {
            self.perform(now, modem, step);
        }
        self.network.expire(now);
        self.settle(now);
        for index in 0..self.seats.len() {
            let seat = &mut self.seats[index];
            if seat.modem.deadline().is_some_and(|due| due <= now.instant) {
                seat.modem.expire(now);
                self.offer(now, index);
            }
            let seat = &mut self.seats[index];
            if seat.replug.is_some_and(|due| due <= now.instant) {
                self.plug(now, index);
                self.offer(now, index);
            }
        }
        self.settle(now);
    }

    /// The host of one port has written.
    pub(crate) fn take(&mut self, now: Moment, port: usize, octets: &[u8]) {
        let Some(modem) = self.wiring.modem_at(port) else {
            return;
        };
        self.seats[modem].modem.take(now, octets);
        self.offer(now, modem);
        self.settle(now);
    }

    /// How many texts the network has accepted.
    pub(crate) fn accepted(&self) -> u64 {
        self.seats.iter().map(|seat| seat.accepted).sum()
    }

    pub(crate) fn port_of(&self, modem: usize) -> usize {
        self.wiring.port_of(modem)
    }

    pub(crate) fn stats(&self) -> Vec<ModemStats> {
        let seats = self.seats.iter().enumerate();
        seats.map(|(index, seat)| seat.stats(index)).collect()
    }

    fn seat(&mut self, modem: usize) -> Result<&mut Seat, Refusal> {
        let last = self.seats.len().saturating_sub(1);
        let seat = self.seats.get_mut(modem);
        seat.ok_or(Refusal::NoSuchModem { modem, last })
    }

    /// Carries between modems and network until neither has anything more to say.
    fn settle(&mut self, now: Moment) {
        loop {
            let mut quiet = true;
            for index in 0..self.seats.len() {
                while let Some(output) = self.seats[index].modem.poll() {
                    quiet = false;
                    self.carry_from_modem(now, index, output);
                }
            }
            while let Some(output) = self.network.poll() {
                quiet = false;
                self.carry_from_network(now, output);
            }
            if quiet {
                return;
            }
        }
    }

    fn carry_from_modem(&mut self, now: Moment, modem: usize, output: modem::Output) {
        match output {
            modem::Output::Write(octets) => self.write(modem, octets),
            modem::Output::Submit {
                send,
                submission,
                fate,
            } => self.network.submit(
                now,
                Flight {
                    modem,
                    send,
                    submission,
                    fate,
                },
            ),
            modem::Output::Vanish { for_ms } => self.vanish(now, modem, Some(for_ms)),
            modem::Output::PowerOff => self.vanish(now, modem, None),
            modem::Output::GiveBack(parcel) => self.network.take_back(now, modem, parcel),
        }
    }

    fn write(&mut self, modem: usize, octets: Vec<u8>) {
        let port = self.wiring.port_of(modem);
        self.outbox.push_back(Output::Write { port, octets });
    }

    fn carry_from_network(&mut self, now: Moment, output: network::Output) {
        match output {
            network::Output::Accepted { modem } => self.seats[modem].accepted += 1,
            network::Output::Waiting { modem } => self.offer(now, modem),
            network::Output::Answer {
                flight,
                verdict,
                accepted,
            } => {
                let index = flight.modem;
                let told = self.seats[index].modem.answer(now, flight.send, verdict);
                self.flush(now, index);
                if accepted {
                    let told = told && verdict == Verdict::Accepted;
                    self.record(&flight, told.then_some(now.mono_ns));
                }
                self.seats[index].modem.resume(now);
                self.offer(now, index);
            }
        }
    }

    /// What a modem has said so far leaves before anything is recorded about it.
    fn flush(&mut self, now: Moment, modem: usize) {
        while let Some(output) = self.seats[modem].modem.poll() {
            self.carry_from_modem(now, modem, output);
        }
    }

    fn record(&mut self, flight: &Flight, answer_ns: Option<u64>) {
        let identity = &self.seats[flight.modem].modem.identity;
        let entry = Entry::new(flight.modem, &identity.imsi, &flight.submission, answer_ns);
        self.outbox.push_back(Output::Accepted(Box::new(entry)));
    }

    /// Gives a modem what waits for it in the network, as far as it can take it.
    fn offer(&mut self, now: Moment, index: usize) {
        let modem = &mut self.seats[index].modem;
        let Some(line) = self.network.line(index) else {
            return;
        };
        loop {
            if modem.takes_report(now)
                && let Some(pdu) = line.take_report()
            {
                modem.take_report(now, pdu);
                continue;
            }
            let Some(next) = line.next_text() else {
                return;
            };
            if !modem.takes_text(now, next) {
                return modem.tell_of_waiting(now, next);
            }
            if let Some(pdu) = line.take_text() {
                modem.take_text(now, pdu);
            }
        }
    }
}

impl Seat {
    fn stats(&self, modem: usize) -> ModemStats {
        let (identity, counts) = (&self.modem.identity, self.modem.counts);
        ModemStats {
            modem,
            port: String::new(),
            imei: identity.imei.clone(),
            imsi: identity.imsi.clone(),
            iccid: identity.iccid.clone(),
            number: identity.number.clone(),
            at_lines: counts.at_lines,
            cmgs: counts.cmgs,
            accepted: self.accepted,
            refused: counts.refused,
            aborted: counts.aborted,
            plugged: self.modem.is_plugged(),
        }
    }
}

/// One stream of chances per modem, apart from the one its identity is drawn from.
fn chance(seed: u64, modem: usize) -> StdRng {
    StdRng::seed_from_u64(seed ^ (modem as u64 + 1).wrapping_mul(0xD1B5_4A32_D192_ED03))
}

#[cfg(test)]
mod player;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod text_mode;
