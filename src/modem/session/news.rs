//! What a modem says unasked: reports, registration, the SIM, and late words about an earlier part.

use std::time::Instant;

use pdu_codec::MessageReference;

use super::{Activity, CHECK_PUT_OFF_AT_MOST, Direct, MOST_EARLY, Session};
use crate::at::answer::FinalResult;
use crate::at::information::{self, Domain, Registration, SimState};
use crate::at::urc::Urc;
use crate::domain::SimId;
use crate::modem::ModemEvent;
use crate::modem::receive::Found;
use crate::modem::setup::{self, Step};
use crate::modem::submit::{End, Then};
use crate::modem::wake::Wake;

const UNDER_VOLTAGE: &str =
    "the modem lacks power: give it a powered hub or a supply of 2 A, and short cables";

impl Session {
    pub(super) fn on_urc(&mut self, now: Instant, urc: Urc) {
        match urc {
            Urc::Report(pdu) => self.on_direct(Direct::Report(pdu)),
            Urc::Deliver(pdu) => self.on_direct(Direct::Text(pdu)),
            // Weather and sirens: not asked for, and nobody's text.
            Urc::Broadcast(_) => {}
            Urc::Line(line) => self.on_line(now, &line),
        }
    }

    pub(super) fn on_direct(&mut self, direct: Direct) {
        let (Direct::Report(pdu) | Direct::Text(pdu)) = &direct;
        self.receiving.on_direct(pdu);
        if self.early.len() < MOST_EARLY {
            self.early.push(direct);
        }
        self.tell_early();
    }

    pub(super) fn tell_early(&mut self) {
        let Some(sim) = self.sim_of_texts().filter(|_| self.sim_is_known()) else {
            return;
        };
        for direct in self.early.drain(..) {
            let sim = sim.clone();
            self.events.push_back(match direct {
                Direct::Report(pdu) => ModemEvent::Report { sim, pdu },
                Direct::Text(pdu) => ModemEvent::Received {
                    sim,
                    to: self.status.number.clone(),
                    pdu,
                    is_stored: false,
                },
            });
        }
    }

    /// What was read from a memory goes on.
    pub(super) fn tell_received(&mut self) {
        let sim = self.sim_of_texts().filter(|_| self.sim_is_known());
        while let Some(found) = self.receiving.poll() {
            let event = match (found, sim.clone()) {
                (Found::Pdu(pdu), Some(sim)) => ModemEvent::Received {
                    sim,
                    to: self.status.number.clone(),
                    pdu,
                    is_stored: true,
                },
                // Its owner is not known, or no more: it stays where it is, and is read again.
                (Found::Pdu(_), None) => continue,
                (Found::Stuck(slot, why), _) => ModemEvent::SlotStuck {
                    memory: slot.memory.name(),
                    index: slot.index,
                    why,
                },
            };
            self.events.push_back(event);
        }
    }

    /// The SIM that texts come to, or the device where a modem tells neither ICCID nor IMSI.
    fn sim_of_texts(&self) -> Option<SimId> {
        let device = || SimId::parse(self.status.imei.as_deref()?);
        self.status.sim().or_else(device)
    }

    /// Between IMSI and ICCID the SIM has the wrong name.
    pub(super) fn sim_is_known(&self) -> bool {
        !self.setting_up.is_some_and(Step::is_before_sim)
    }

    pub(super) fn on_line(&mut self, now: Instant, line: &str) {
        let reference = information::message_reference(line);
        if self.ghost
            && let Some(Some(reference)) = reference
        {
            self.settle();
            let reference = MessageReference(reference);
            self.events.push_back(ModemEvent::LateReference(reference));
        }
        self.calls.on_line(now, line);
        let is_answered = self.inquiries.on_line(now, line);
        let has_errand = self.receiving.on_line(now, line) || is_answered;
        match &mut self.activity {
            Activity::Idle if has_errand => return self.proceed(now),
            Activity::Waking { wake, .. } => {
                let is_result = reference.is_some() || FinalResult::read(line, false).is_some();
                let step = wake.on_line(is_result);
                self.take_wake(now, step);
            }
            // It is settled: nothing is left to listen for.
            Activity::Listening { .. } if reference.is_some() && !self.ghost => {
                return self.awaken(now, self.first_wake(now), None);
            }
            _ => {}
        }
        if let Some((domain, registration)) = Registration::of_announcement(line) {
            self.on_registration_news(now, domain, registration);
        } else if let Some(state) = SimState::read(line) {
            self.on_sim_news(now, state);
        } else if let Some(is_there) = information::sim_presence(line) {
            let state = match is_there {
                true => SimState::Ready,
                false => SimState::NotInserted,
            };
            self.on_sim_news(now, state);
        } else if information::is_boot_word(line) {
            self.on_boot_word(now);
        } else if information::is_restart_word(line) || self.setup.profile().says_it_started(line) {
            self.on_restart_word(now);
        } else if information::is_power_word(line) {
            self.status.last_error = Some(UNDER_VOLTAGE.to_owned());
        }
    }

    /// A service of the modem is up: what is waited for is asked at once.
    fn on_boot_word(&mut self, now: Instant) {
        if let Activity::Pausing { step, .. } = self.activity {
            self.ask(now, step);
        }
    }

    /// It has restarted by itself and knows nothing any more. In the middle of a part nobody knows what became of it.
    fn on_restart_word(&mut self, now: Instant) {
        match std::mem::replace(&mut self.activity, Activity::Idle) {
            Activity::Sending(flight) => {
                let outcome = flight.on_end(now, self.chat.information(), End::PortLost);
                self.land(now, &flight, outcome, Then::Next);
                self.boot(now);
            }
            Activity::Idle => self.boot(now),
            other => {
                self.activity = other;
                if !self.setting_up.is_some_and(Step::is_before_sim) {
                    self.begin_again = Some(Step::FIRST);
                }
            }
        }
    }

    fn boot(&mut self, now: Instant) {
        self.start_over(Step::FIRST);
        let patience = self.setup.profile().boots_within();
        self.awaken(now, Wake::after_boot(now, patience), None);
    }

    /// No result of an earlier try can come any more.
    pub(super) fn settle(&mut self) {
        self.ghost = false;
        self.unsettled = None;
        self.settled = true;
    }

    pub(super) fn on_registration_news(
        &mut self,
        now: Instant,
        domain: Domain,
        registration: Registration,
    ) {
        self.hasten(now, Step::NETWORK);
        if self.setting_up.is_some() {
            return;
        }
        if registration.is_usable(domain) {
            return setup::note_registration(registration, &mut self.status);
        }
        self.was_unregistered = true;
        // Perhaps registered in the other domain: asked before the next part, without leaving the line now.
        if let Some(overdue) = now.checked_sub(CHECK_PUT_OFF_AT_MOST) {
            self.check_due = overdue;
        }
        if matches!(self.activity, Activity::Idle) {
            self.proceed(now);
        }
    }

    pub(super) fn on_sim_news(&mut self, now: Instant, state: SimState) {
        if !matches!(state, SimState::NotReady | SimState::NotInserted) {
            self.hasten(now, Step::SIM);
        }
        if self.setting_up.is_some() || state == SimState::Ready {
            return;
        }
        self.begin_again = Some(Step::SIM);
        if matches!(self.activity, Activity::Idle) {
            self.proceed(now);
        }
    }

    /// The modem said something new of what is waited for: it is asked at once.
    pub(super) fn hasten(&mut self, now: Instant, about: Step) {
        if let Activity::Pausing { step, .. } = self.activity
            && (step == about || about == Step::NETWORK && step == Step::SimStill)
        {
            self.ask(now, about);
        }
    }
}
