//! The network: registration in either domain, operator, signal.

use std::time::{Duration, Instant};

use super::{Answer, Next, Setup, Step, enter, first, next_form, note_signal};
use crate::at::information::{self, Domain, Registration};
use crate::domain::{ModemState, ModemStatus, Network};

// With the cell, else without it. Wavecom announces after the OK of this very command.
pub(super) const ANNOUNCE: [&str; 2] = ["+CREG=2", "+CREG=1"];
pub(super) const ANNOUNCE_LTE: [&str; 2] = ["+CEREG=2", "+CEREG=1"];

const REGISTRATION_PAUSE: Duration = Duration::from_secs(10);
const REGISTRATION_PATIENCE: Duration = Duration::from_secs(180);
/// A search blocks the port for minutes: seldom, and only when there is nothing to lose.
const SELECT_EVERY: Duration = Duration::from_secs(600);

const DENIED: &str = "the network refuses this SIM: is it active, and allowed in this network?";
const NO_NETWORK: &str = "no network: check antenna, coverage and whether the SIM is active";

/// What is remembered while there is no network.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    since: Option<Instant>,
    selected_at: Option<Instant>,
    circuit: Option<Registration>,
}

impl Setup {
    pub(super) fn after_network_step(
        &mut self,
        now: Instant,
        step: Step,
        answer: &Answer,
        status: &mut ModemStatus,
    ) -> Next {
        use Next::Ask;
        match step {
            // Modules for LTE only refuse +CREG, those without LTE +CEREG.
            Step::AnnounceRegistration(form) => next_form(form, ANNOUNCE.len(), answer)
                .map_or(Ask(Step::AnnounceLteRegistration(0)), |form| {
                    Ask(Step::AnnounceRegistration(form))
                }),
            Step::AnnounceLteRegistration(form) => next_form(form, ANNOUNCE_LTE.len(), answer)
                .map_or(Ask(Step::Registration), |form| {
                    Ask(Step::AnnounceLteRegistration(form))
                }),
            Step::Registration => self.registration(answer, status),
            Step::LteRegistration => self.lte_registration(now, answer, status),
            Step::SelectOperator | Step::AvoidLte => {
                Next::AskAfter(REGISTRATION_PAUSE, Step::Registration)
            }
            Step::OperatorAsNumber => Ask(Step::Operator),
            Step::Operator => {
                note_operator(answer, status);
                Ask(Step::Signal)
            }
            _ => {
                note_signal(answer, status);
                Ask(Step::CharacterSet(0))
            }
        }
    }

    fn registration(&mut self, answer: &Answer, status: &mut ModemStatus) -> Next {
        self.waiting.circuit = first(answer, Registration::of_answer);
        match self.waiting.circuit {
            Some(circuit) if circuit.is_usable(Domain::Circuit) => self.registered(circuit, status),
            _ => Next::Ask(Step::LteRegistration),
        }
    }

    fn lte_registration(
        &mut self,
        now: Instant,
        answer: &Answer,
        status: &mut ModemStatus,
    ) -> Next {
        let lte = first(answer, Registration::of_answer);
        if let Some(lte) = lte.filter(|lte| lte.is_usable(Domain::Lte)) {
            return self.registered(lte, status);
        }
        let since = *self.waiting.since.get_or_insert(now);
        status.network = network_of(self.waiting.circuit.or(lte).unwrap_or(Registration::None));
        let late = now.saturating_duration_since(since) >= REGISTRATION_PATIENCE;
        match (status.network, late) {
            (Network::Denied, _) => enter(status, ModemState::NoNetwork, Some(DENIED)),
            (_, true) => enter(status, ModemState::NoNetwork, Some(NO_NETWORK)),
            (_, false) => enter(status, ModemState::Registering, None),
        }
        let selected_at = *self.waiting.selected_at.get_or_insert(now);
        if now.saturating_duration_since(selected_at) >= SELECT_EVERY {
            self.waiting.selected_at = Some(now);
            return Next::Ask(Step::SelectOperator);
        }
        Next::AskAfter(REGISTRATION_PAUSE, Step::SimStill)
    }

    fn registered(&mut self, registration: Registration, status: &mut ModemStatus) -> Next {
        self.waiting = Waiting::default();
        status.network = network_of(registration);
        enter(status, ModemState::Starting, None);
        Next::Ask(Step::OperatorAsNumber)
    }
}

fn note_operator(answer: &Answer, status: &mut ModemStatus) {
    if let Some((operator, technology)) = first(answer, |line| Some(information::operator(line))) {
        status.operator = operator;
        status.tech = technology;
    }
}

pub(super) fn network_of(registration: Registration) -> Network {
    match registration {
        Registration::Home | Registration::HomeMessages => Network::Home,
        Registration::Roaming | Registration::RoamingMessages => Network::Roaming,
        Registration::Searching => Network::Searching,
        Registration::Denied => Network::Denied,
        Registration::None => Network::None,
    }
}
