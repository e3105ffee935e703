//! From "it answers" to "it may send": which question comes next, and what its answer means.
//!
//! Each [`Step`] is one command; [`Setup::after`] reads its answer, notes what it says in the modem's status
//! and names the next step. Steps that a modem may refuse have forms to fall back to, tried in order.

use std::time::{Duration, Instant};

use crate::at::chat::Refusal;
use crate::at::command::Command;
use crate::at::information::{self, Domain, Registration, SimState};
use crate::domain::{ModemState, ModemStatus, Network};

/// One question, or one form of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Step {
    EchoOff,
    ResultsInWords,
    ResultsOn,
    ErrorsAsCodes,
    ErrorsAsWords,
    Maker,
    Model,
    Revision,
    Imei,
    Sim,
    Imsi,
    Iccid(usize),
    OwnNumber,
    AnnounceRegistration,
    AnnounceLteRegistration,
    Registration,
    LteRegistration,
    OperatorAsNumber,
    Operator,
    Signal,
    CharacterSet(usize),
    PduMode { tries_left: u8 },
    Storage(usize),
    Announcements(usize),
    ServiceCentre,
    SetServiceCentre,
}

/// What follows a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Next {
    Ask(Step),
    /// Nothing to do until then, unless the modem says something new.
    AskAfter(Duration, Step),
    Ready,
    /// It cannot be used as it is: the reason, for a person.
    Unfit(&'static str),
}

/// The answer to one step.
pub(super) type Answer = Result<Vec<String>, Refusal>;

/// What is remembered from step to step.
#[derive(Debug, Default)]
pub(super) struct Setup {
    identified: bool,
    sim_asked_since: Option<Instant>,
    registering_since: Option<Instant>,
    circuit: Option<Registration>,
    /// Stays in the status when the modem is ready: something for a person to mend.
    complaint: Option<&'static str>,
    own_service_centre: Option<String>,
}

// 27.007 wants quotes; some modems take the bare word only.
const CHARACTER_SETS: [&str; 2] = ["+CSCS=\"GSM\"", "+CSCS=GSM"];

// Three stores, else two, else one: Wavecom takes two, Brovi E3372-325 three only.
const STORAGES: [&str; 6] = [
    "+CPMS=\"SM\",\"SM\",\"SM\"",
    "+CPMS=\"SM\",\"SM\"",
    "+CPMS=\"SM\"",
    "+CPMS=\"ME\",\"ME\",\"ME\"",
    "+CPMS=\"ME\",\"ME\"",
    "+CPMS=\"ME\"",
];

// Texts are stored and announced, reports come as +CDS; what a modem refuses of that is given up bit by bit.
const ANNOUNCEMENTS: [&str; 7] = [
    "+CNMI=2,1,0,1,0",
    "+CNMI=1,1,0,1,0",
    "+CNMI=2,1,0,2,0",
    "+CNMI=1,1,0,2,0",
    "+CNMI=2,1,0,0,0",
    "+CNMI=1,1",
    "+CNMI=3,1,0,0,0",
];

const SIM_BUSY: Duration = Duration::from_secs(2);
const SIM_ABSENT: Duration = Duration::from_secs(10);
/// A SIM that is busy for longer is broken.
const SIM_PATIENCE: Duration = Duration::from_secs(60);
const REGISTRATION_PAUSE: Duration = Duration::from_secs(10);
const REGISTRATION_PATIENCE: Duration = Duration::from_secs(180);
// SIM800 refuses PDU mode until it says "SMS Ready".
const PDU_MODE_PAUSE: Duration = Duration::from_secs(1);

const NO_SIM: &str = "no SIM: insert one, or check that it sits well";
const ENTER_PIN: &str = "the SIM is locked: enter the PIN, or switch its PIN off in a phone";
const ENTER_PUK: &str = "the SIM is blocked: enter the PUK in a phone";
const LOCKED: &str = "the modem is locked to another SIM or network: unlock it or use that SIM";
const SIM_SILENT: &str = "the SIM does not become ready: try it in a phone, or another SIM";
const DENIED: &str = "the network refuses this SIM: is it active, and allowed in this network?";
const NO_NETWORK: &str = "no network: check antenna, coverage and whether the SIM is active";
const NO_SERVICE_CENTRE: &str =
    "the SIM has no service centre number: set smsc in the section of this modem";
const NO_PDU_MODE: &str = "the modem refuses PDU mode: it cannot send through this port";
const NO_IDENTITY: &str =
    "it answers AT, but says neither maker nor model nor IMEI: is this a modem?";

/// So often PDU mode is asked for.
const PDU_MODE: Step = Step::PduMode { tries_left: 9 };

impl Step {
    pub(super) const FIRST: Self = Self::EchoOff;
    /// Where to begin again when the SIM may have changed.
    pub(super) const SIM: Self = Self::Sim;
    pub(super) const NETWORK: Self = Self::Registration;
    /// Where to begin again when the modem has forgotten how it was set up.
    pub(super) const MESSAGES: Self = PDU_MODE;
}

impl Setup {
    pub(super) fn new(own_service_centre: Option<String>) -> Self {
        Self {
            own_service_centre: own_service_centre.filter(|number| information::is_number(number)),
            ..Self::default()
        }
    }

    pub(super) fn command(&self, step: Step) -> Command {
        match step {
            Step::EchoOff => Command::ECHO_OFF,
            Step::ResultsInWords => Command::RESULTS_IN_WORDS,
            Step::ResultsOn => Command::RESULTS_ON,
            Step::ErrorsAsCodes => Command::ERRORS_AS_CODES,
            Step::ErrorsAsWords => Command::ERRORS_AS_WORDS,
            Step::Maker => Command::MAKER,
            Step::Model => Command::MODEL,
            Step::Revision => Command::REVISION,
            Step::Imei => Command::IMEI,
            Step::Sim => Command::SIM_STATE,
            Step::Imsi => Command::IMSI,
            Step::Iccid(form) => Command::ICCID[form].clone(),
            Step::OwnNumber => Command::OWN_NUMBER,
            Step::AnnounceRegistration => Command::ANNOUNCE_REGISTRATION,
            Step::AnnounceLteRegistration => Command::ANNOUNCE_LTE_REGISTRATION,
            Step::Registration => Command::REGISTRATION,
            Step::LteRegistration => Command::LTE_REGISTRATION,
            Step::OperatorAsNumber => Command::OPERATOR_AS_NUMBER,
            Step::Operator => Command::OPERATOR,
            Step::Signal => Command::SIGNAL,
            Step::CharacterSet(form) => Command::form(CHARACTER_SETS[form]),
            Step::PduMode { .. } => Command::PDU_MODE,
            Step::Storage(form) => Command::form(STORAGES[form]),
            Step::Announcements(form) => Command::form(ANNOUNCEMENTS[form]),
            Step::ServiceCentre => Command::SERVICE_CENTRE,
            Step::SetServiceCentre => {
                Command::set_service_centre(self.own_service_centre.as_deref().unwrap_or_default())
            }
        }
    }

    /// Reads the answer to `step` and says what follows.
    pub(super) fn after(
        &mut self,
        now: Instant,
        step: Step,
        answer: &Answer,
        status: &mut ModemStatus,
    ) -> Next {
        use Next::{Ask, AskAfter};
        match step {
            Step::EchoOff => Ask(Step::ResultsInWords),
            Step::ResultsInWords => Ask(Step::ResultsOn),
            Step::ResultsOn => Ask(Step::ErrorsAsCodes),
            Step::ErrorsAsCodes if answer.is_err() => Ask(Step::ErrorsAsWords),
            Step::ErrorsAsCodes | Step::ErrorsAsWords => Ask(Step::Maker),
            Step::Maker => self.identified_by(answer, Step::Model),
            Step::Model => self.identified_by(answer, Step::Revision),
            Step::Revision => self.identified_by(answer, Step::Imei),
            Step::Imei => self.imei(answer, status),
            Step::Sim => self.sim(now, answer, status),
            Step::Imsi => Self::imsi(answer, status),
            Step::Iccid(form) => Self::iccid(form, answer, status),
            Step::OwnNumber => {
                status.number = first(answer, information::own_number);
                Ask(Step::AnnounceRegistration)
            }
            Step::AnnounceRegistration => Ask(Step::AnnounceLteRegistration),
            Step::AnnounceLteRegistration => Ask(Step::Registration),
            Step::Registration => self.registration(answer, status),
            Step::LteRegistration => self.lte_registration(now, answer, status),
            Step::OperatorAsNumber => Ask(Step::Operator),
            Step::Operator => {
                note_operator(answer, status);
                Ask(Step::Signal)
            }
            Step::Signal => {
                note_signal(answer, status);
                Ask(Step::CharacterSet(0))
            }
            Step::CharacterSet(form) => next_form(form, &CHARACTER_SETS, answer)
                .map_or(Ask(PDU_MODE), |form| Ask(Step::CharacterSet(form))),
            Step::PduMode { .. } if answer.is_ok() => Ask(Step::Storage(0)),
            Step::PduMode { tries_left: 0 } => Next::Unfit(NO_PDU_MODE),
            Step::PduMode { tries_left } => AskAfter(
                PDU_MODE_PAUSE,
                Step::PduMode {
                    tries_left: tries_left - 1,
                },
            ),
            Step::Storage(form) => next_form(form, &STORAGES, answer)
                .map_or(Ask(Step::Announcements(0)), |form| Ask(Step::Storage(form))),
            Step::Announcements(form) => next_form(form, &ANNOUNCEMENTS, answer)
                .map_or(Ask(Step::ServiceCentre), |form| {
                    Ask(Step::Announcements(form))
                }),
            Step::ServiceCentre => self.service_centre(answer, status),
            Step::SetServiceCentre => {
                self.complaint = answer.is_err().then_some(NO_SERVICE_CENTRE);
                self.done(status)
            }
        }
    }

    fn identified_by(&mut self, answer: &Answer, next: Step) -> Next {
        self.identified |= answer.as_ref().is_ok_and(|lines| !lines.is_empty());
        Next::Ask(next)
    }

    fn imei(&mut self, answer: &Answer, status: &mut ModemStatus) -> Next {
        status.imei = first(answer, information::digits);
        match self.identified || status.imei.is_some() {
            true => Next::Ask(Step::Sim),
            false => Next::Unfit(NO_IDENTITY),
        }
    }

    fn sim(&mut self, now: Instant, answer: &Answer, status: &mut ModemStatus) -> Next {
        let since = *self.sim_asked_since.get_or_insert(now);
        let said = first(answer, SimState::read);
        let cme = match answer {
            Err(Refusal::Answered(fault)) => fault.cme(),
            Ok(_) | Err(Refusal::Silent) => None,
        };
        let (state, error) = match (said, cme) {
            (Some(SimState::Ready), _) => {
                self.sim_asked_since = None;
                enter(status, ModemState::Starting, None);
                return Next::Ask(Step::Imsi);
            }
            (Some(SimState::Pin), _) | (_, Some(11)) => (ModemState::PinRequired, ENTER_PIN),
            (Some(SimState::Puk), _) | (_, Some(12)) => (ModemState::PinRequired, ENTER_PUK),
            (Some(SimState::Locked), _) | (_, Some(5..=7 | 40..=47)) => {
                (ModemState::PinRequired, LOCKED)
            }
            (Some(SimState::NotInserted), _) | (_, Some(10 | 13)) => (ModemState::NoSim, NO_SIM),
            // 14 and 515: busy; anything else may pass as well, but not for ever.
            _ if now.saturating_duration_since(since) < SIM_PATIENCE => {
                return Next::AskAfter(SIM_BUSY, Step::Sim);
            }
            _ => (ModemState::NoSim, SIM_SILENT),
        };
        enter(status, state, Some(error));
        forget_sim(status);
        Next::AskAfter(SIM_ABSENT, Step::Sim)
    }

    fn imsi(answer: &Answer, status: &mut ModemStatus) -> Next {
        if let Err(Refusal::Answered(fault)) = answer
            && fault.cme() == Some(14)
        {
            return Next::AskAfter(SIM_BUSY, Step::Sim);
        }
        status.imsi = first(answer, information::digits);
        Next::Ask(Step::Iccid(0))
    }

    fn iccid(form: usize, answer: &Answer, status: &mut ModemStatus) -> Next {
        status.iccid = first(answer, information::digits);
        match status.iccid {
            None if form + 1 < Command::ICCID.len() => Next::Ask(Step::Iccid(form + 1)),
            _ => Next::Ask(Step::OwnNumber),
        }
    }

    fn registration(&mut self, answer: &Answer, status: &mut ModemStatus) -> Next {
        self.circuit = first(answer, Registration::of_answer);
        match self.circuit {
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
        let since = *self.registering_since.get_or_insert(now);
        status.network = network_of(self.circuit.or(lte).unwrap_or(Registration::None));
        let late = now.saturating_duration_since(since) >= REGISTRATION_PATIENCE;
        match (status.network, late) {
            (Network::Denied, _) => enter(status, ModemState::NoNetwork, Some(DENIED)),
            (_, true) => enter(status, ModemState::NoNetwork, Some(NO_NETWORK)),
            (_, false) => enter(status, ModemState::Registering, None),
        }
        Next::AskAfter(REGISTRATION_PAUSE, Step::Registration)
    }

    fn registered(&mut self, registration: Registration, status: &mut ModemStatus) -> Next {
        self.registering_since = None;
        status.network = network_of(registration);
        enter(status, ModemState::Starting, None);
        Next::Ask(Step::OperatorAsNumber)
    }

    fn service_centre(&mut self, answer: &Answer, status: &mut ModemStatus) -> Next {
        let missing = answer.as_ref().is_ok_and(|lines| {
            !lines
                .iter()
                .any(|line| information::has_service_centre(line))
        });
        self.complaint = None;
        match missing {
            true if self.own_service_centre.is_some() => return Next::Ask(Step::SetServiceCentre),
            true => self.complaint = Some(NO_SERVICE_CENTRE),
            false => {}
        }
        self.done(status)
    }

    fn done(&self, status: &mut ModemStatus) -> Next {
        enter(status, ModemState::Ready, self.complaint);
        Next::Ready
    }
}

/// Notes a registration that the modem announced or told in a check.
pub(super) fn note_registration(registration: Registration, status: &mut ModemStatus) {
    status.network = network_of(registration);
}

pub(super) fn note_signal(answer: &Answer, status: &mut ModemStatus) {
    status.signal_dbm = first(answer, information::signal_dbm);
}

/// The first registration in an answer, if messages can be sent with it.
pub(super) fn usable_registration(answer: &Answer, domain: Domain) -> Option<Registration> {
    first(answer, Registration::of_answer).filter(|registration| registration.is_usable(domain))
}

pub(super) fn forget_sim(status: &mut ModemStatus) {
    status.imsi = None;
    status.iccid = None;
    status.number = None;
    status.operator = None;
    status.tech = None;
    status.network = Network::None;
}

fn note_operator(answer: &Answer, status: &mut ModemStatus) {
    if let Some((operator, technology)) = first(answer, |line| Some(information::operator(line))) {
        status.operator = operator;
        status.tech = technology;
    }
}

fn enter(status: &mut ModemStatus, state: ModemState, error: Option<&str>) {
    status.state = state;
    status.last_error = error.map(str::to_owned);
}

fn first<T>(answer: &Answer, read: impl Fn(&str) -> Option<T>) -> Option<T> {
    answer.as_ref().ok()?.iter().find_map(|line| read(line))
}

/// The next form to try, after one that was refused; `None` when it was taken or was the last.
fn next_form(form: usize, forms: &[&str], answer: &Answer) -> Option<usize> {
    (answer.is_err() && form + 1 < forms.len()).then_some(form + 1)
}

fn network_of(registration: Registration) -> Network {
    match registration {
        Registration::Home | Registration::HomeMessages => Network::Home,
        Registration::Roaming | Registration::RoamingMessages => Network::Roaming,
        Registration::Searching => Network::Searching,
        Registration::Denied => Network::Denied,
        Registration::None => Network::None,
    }
}
