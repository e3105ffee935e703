//! **World**: all modems and their network, as one pure core.
//!
//! Octets, requests and time go in; octets, ledger entries and the coming and going of ports come out. Real
//! ptys and in-memory pipes are driven by the same world; what differs is in the edges only.
//!
//! One input, then drain [`World::poll`]; then sleep until [`World::deadline`].

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::identity::Identity;
use crate::ledger::Entry;
use crate::modem::{self, Modem, Verdict};
use crate::moment::Moment;
use crate::network::{self, Flight, Network, Parcel};
use crate::personality::Personality;
use crate::script::Fault;
use crate::settings::Settings;
use crate::verbs::{ModemStats, Refusal, Request};

#[derive(Debug)]
pub(crate) enum Output {
    Write {
        modem: usize,
        octets: Vec<u8>,
    },
    Accepted(Box<Entry>),
    /// The port goes: whoever has it open reads its end.
    HangUp {
        modem: usize,
    },
    /// The port is back.
    Raise {
        modem: usize,
    },
}

#[derive(Debug)]
pub(crate) struct World {
    seats: Vec<Seat>,
    network: Network,
    outbox: VecDeque<Output>,
}

#[derive(Debug)]
struct Seat {
    modem: Modem,
    accepted: u64,
    replug: Option<Instant>,
}

impl World {
    pub(crate) fn new(settings: &Settings) -> Self {
        let seats: Vec<Seat> = (0..settings.modems)
            .map(|index| {
                let identity = Identity::of(settings.seed, index);
                let mut modem = Modem::new(identity, Personality::generic());
                modem.prompt_latency = settings.network.prompt;
                Seat {
                    modem,
                    accepted: 0,
                    replug: None,
                }
            })
            .collect();
        let numbers = seats.iter().map(|seat| seat.modem.identity.number.clone());
        Self {
            network: Network::new(settings.network.clone(), numbers.collect()),
            seats,
            outbox: VecDeque::new(),
        }
    }

    pub(crate) fn poll(&mut self) -> Option<Output> {
        self.outbox.pop_front()
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        let modems = self.seats.iter().filter_map(|seat| seat.modem.deadline());
        let replugs = self.seats.iter().filter_map(|seat| seat.replug);
        modems.chain(replugs).chain(self.network.deadline()).min()
    }

    /// The deadline that [`World::deadline`] announced has come.
    pub(crate) fn expire(&mut self, now: Moment) {
        self.network.expire(now);
        self.settle(now);
        for index in 0..self.seats.len() {
            let seat = &mut self.seats[index];
            if seat.modem.deadline().is_some_and(|due| due <= now.instant) {
                seat.modem.expire(now);
            }
            if seat.replug.is_some_and(|due| due <= now.instant) {
                self.plug(index);
            }
            self.offer(now, index);
        }
        self.settle(now);
    }

    /// The host of one modem has written.
    pub(crate) fn take(&mut self, now: Moment, modem: usize, octets: &[u8]) {
        if let Some(seat) = self.seats.get_mut(modem) {
            seat.modem.take(now, octets);
            self.offer(now, modem);
            self.settle(now);
        }
    }

    /// How many texts the network has accepted.
    pub(crate) fn accepted(&self) -> u64 {
        self.seats.iter().map(|seat| seat.accepted).sum()
    }

    pub(crate) fn stats(&self) -> Vec<ModemStats> {
        let seats = self.seats.iter().enumerate();
        seats.map(|(index, seat)| seat.stats(index)).collect()
    }

    /// Follows a request. What a handset answers and what is counted comes back as JSON.
    pub(crate) fn obey(&mut self, now: Moment, request: &Request) -> Result<Value, Refusal> {
        let answer = match request {
            Request::Handset { number } => json!({ "texts": self.network.texts(number) }),
            Request::Reply {
                number,
                text,
                modem,
            } => self.reply(now, number, text, *modem)?,
            Request::Fault { modem, fault } => self.fault(now, *modem, fault)?,
            Request::Unplug { modem, for_ms } => self.unplug(now, *modem, *for_ms)?,
            Request::Plug { modem } => {
                if self.seat(*modem)?.modem.is_plugged() {
                    return Err(Refusal::AlreadyPlugged { modem: *modem });
                }
                self.plug(*modem);
                self.offer(now, *modem);
                json!({})
            }
            Request::Stats => json!({ "modems": self.stats() }),
            Request::Network { .. } => self.change_network(request),
            // Answered at the edge, where the ledger and the waiting are.
            Request::Ledger { .. } | Request::WaitAccepted { .. } => json!({}),
        };
        self.settle(now);
        Ok(answer)
    }

    fn seat(&mut self, modem: usize) -> Result<&mut Seat, Refusal> {
        let last = self.seats.len().saturating_sub(1);
        let seat = self.seats.get_mut(modem);
        seat.ok_or(Refusal::NoSuchModem { modem, last })
    }

    fn reply(
        &mut self,
        now: Moment,
        number: &str,
        text: &str,
        modem: Option<usize>,
    ) -> Result<Value, Refusal> {
        // The address field holds 20 digits or 11 letters.
        if number.trim().is_empty() || number.chars().count() > 21 {
            let number = number.to_owned();
            return Err(Refusal::NotANumber { number });
        }
        if text.is_empty() || text.chars().count() > LONGEST_TEXT {
            return Err(Refusal::TextTooLong);
        }
        let modem = modem
            .or_else(|| self.network.last_sender(number))
            .unwrap_or(0);
        self.seat(modem)?;
        match self.network.reply(now, number, text, modem) {
            true => Ok(json!({ "modem": modem })),
            false => Err(Refusal::TooManyWaiting { modem }),
        }
    }

    fn fault(&mut self, now: Moment, modem: usize, fault: &Fault) -> Result<Value, Refusal> {
        self.seat(modem)?.modem.order(now, fault);
        self.offer(now, modem);
        Ok(json!({ "fault": fault.name() }))
    }

    fn unplug(&mut self, now: Moment, modem: usize, for_ms: Option<u64>) -> Result<Value, Refusal> {
        let seat = self.seat(modem)?;
        if !seat.modem.is_plugged() {
            return Err(Refusal::NotPlugged { modem });
        }
        seat.modem.unplug();
        let span = for_ms.map(Duration::from_millis);
        seat.replug = span.and_then(|span| now.instant.checked_add(span));
        if seat.modem.script.loses_in_flight {
            self.network.lose(modem);
        }
        self.outbox.push_back(Output::HangUp { modem });
        for flight in self.network.give_up_answers(modem) {
            self.record(&flight, None);
        }
        Ok(json!({}))
    }

    fn plug(&mut self, modem: usize) {
        let seat = &mut self.seats[modem];
        seat.replug = None;
        seat.modem.plug();
        self.outbox.push_back(Output::Raise { modem });
    }

    fn change_network(&mut self, request: &Request) -> Value {
        let settings = self.network.settings();
        if let Request::Network {
            latency_ms,
            prompt_ms,
            report_after_ms,
            report_status,
        } = request
        {
            let given = [
                (&mut settings.latency, latency_ms),
                (&mut settings.prompt, prompt_ms),
                (&mut settings.report_after, report_after_ms),
            ];
            for (setting, wanted) in given {
                if let Some(ms) = wanted {
                    *setting = Duration::from_millis(*ms);
                }
            }
            settings.report_status = report_status.unwrap_or(settings.report_status);
        }
        for seat in &mut self.seats {
            seat.modem.prompt_latency = settings.prompt;
        }
        json!({
            "latency_ms": settings.latency.as_millis() as u64,
            "prompt_ms": settings.prompt.as_millis() as u64,
            "report_after_ms": settings.report_after.as_millis() as u64,
            "report_status": settings.report_status,
        })
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
            modem::Output::Write(octets) => self.outbox.push_back(Output::Write { modem, octets }),
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
        }
    }

    fn carry_from_network(&mut self, now: Moment, output: network::Output) {
        match output {
            network::Output::Accepted { modem } => self.seats[modem].accepted += 1,
            network::Output::Waiting { modem } => self.offer(now, modem),
            network::Output::Answer { flight, verdict } => {
                let index = flight.modem;
                let told = self.seats[index].modem.answer(now, flight.send, verdict);
                self.flush(index);
                if !matches!(verdict, Verdict::Refused { .. }) {
                    self.record(&flight, told.then_some(now.mono_ns));
                }
                self.seats[index].modem.resume(now);
                self.offer(now, index);
            }
        }
    }

    /// What a modem has said so far leaves before anything is recorded about it.
    fn flush(&mut self, modem: usize) {
        while let Some(output) = self.seats[modem].modem.poll() {
            if let modem::Output::Write(octets) = output {
                self.outbox.push_back(Output::Write { modem, octets });
            }
        }
    }

    fn record(&mut self, flight: &Flight, answer_ns: Option<u64>) {
        let identity = &self.seats[flight.modem].modem.identity;
        let entry = Entry::new(flight.modem, &identity.imsi, &flight.submission, answer_ns);
        self.outbox.push_back(Output::Accepted(Box::new(entry)));
    }

    /// Gives a modem what waits for it in the network, as far as it can take it.
    fn offer(&mut self, now: Moment, index: usize) {
        loop {
            let modem = &mut self.seats[index].modem;
            let (texts, reports) = (modem.takes_text(), modem.takes_report());
            match self.network.hand_over(index, texts, reports) {
                Some(Parcel::Text(pdu)) => modem.take_text(now, pdu),
                Some(Parcel::Report(pdu)) => modem.take_report(now, pdu),
                None => return,
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

/// 255 parts of 33 emoji, the fewest characters that fill all parts there can be.
const LONGEST_TEXT: usize = 255 * 33;

#[cfg(test)]
mod player;
#[cfg(test)]
mod tests;
