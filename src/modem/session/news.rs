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
use crate::modem::wake::Wake;

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
        while let Some(found) = self.receiving.poll() {
            let event = match (found, self.sim_of_texts()) {
                (Found::Pdu(pdu), Some(sim)) => ModemEvent::Received {
                    sim,
                    to: self.status.number.clone(),
                    pdu,
                    is_stored: true,
                },
                // Without any name its owner is not known, and it stays where it is.
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
        !matches!(
            self.setting_up,
            Some(
                Step::EchoOff
                    | Step::ResultsInWords
                    | Step::ResultsOn
                    | Step::ErrorsAsCodes
                    | Step::ErrorsAsWords
                    | Step::Maker
                    | Step::Model
                    | Step::Revision
                    | Step::Imei
                    | Step::Sim
                    | Step::Imsi
                    | Step::Iccid(_)
            )
        )
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
        let has_errand = self.receiving.on_line(now, line);
        match &mut self.activity {
            Activity::Idle if has_errand => return self.proceed(now),
            Activity::Waking { wake, .. } => {
                let is_result = reference.is_some() || FinalResult::read(line, false).is_some();
                let step = wake.on_line(is_result);
                self.take_wake(now, step);
            }
            // It is settled: nothing is left to listen for.
            Activity::Listening { .. } if reference.is_some() && !self.ghost => {
                return self.awaken(now, Wake::at_start(now), None);
            }
            _ => {}
        }
        if let Some((domain, registration)) = Registration::of_announcement(line) {
            self.on_registration_news(now, domain, registration);
        } else if let Some(state) = SimState::read(line) {
            self.on_sim_news(now, state);
        }
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
            && step == about
        {
            self.ask(now, step);
        }
    }
}
