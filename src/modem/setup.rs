//! From "it answers" to "it may send": which question comes next, and what its answer means.
//!
//! Each [`Step`] is one command; [`Setup::after`] reads its answer, notes what it says in the modem's status
//! and names the next step. Steps that a modem may refuse have forms to fall back to, tried in order. What
//! concerns the SIM, the network and the message service has a file each.

mod messages;
mod network;
mod sim;

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::ModemSettings;
use super::profile::{Profile, Profiles};
use super::unlock::{Lock, Unlock};
use crate::at::chat::Refusal;
use crate::at::command::Command;
use crate::at::information::{self, Domain, Registration};
use crate::domain::{ModemState, ModemStatus, Sought};
use messages::Messages;
use network::Waiting;

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
    /// Vendor quieting, line by line.
    Prepare(usize),
    Sim,
    /// Makes the modem look for a SIM that was put in later.
    LookForSim(usize),
    /// Before the PIN: a PIN belongs to a SIM.
    LockedIccid(usize),
    PinCounter,
    Pin,
    Function,
    RadioOn,
    Imsi,
    Iccid(usize),
    OwnNumber,
    AnnounceRegistration(usize),
    AnnounceLteRegistration(usize),
    /// While there is no network: it may be the SIM that is gone.
    SimStill,
    Registration,
    LteRegistration,
    SelectOperator,
    OperatorAsNumber,
    Operator,
    Signal,
    CharacterSet(usize),
    PduMode,
    Delivery,
    StoragesOffered,
    Storage(usize),
    StorageKept(usize),
    AnnouncementsOffered,
    Announcements(usize),
    AnnouncementsKept(usize),
    ServiceCentre,
    SetServiceCentre,
    LinkOffered,
    /// Another radio technology than LTE.
    AvoidLte,
}

/// What follows a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Next {
    Ask(Step),
    /// Nothing to do until then, unless the modem says something new.
    AskAfter(Duration, Step),
    /// Whether this PIN was tried on this SIM before is asked of whoever remembers it over restarts.
    Claim(Lock),
    Ready,
    /// It does not come up as it is, but a restart may help.
    Stuck(&'static str),
    /// It cannot be used as it is: the reason, for a person.
    Unfit(&'static str),
}

/// The answer to one step.
pub(super) type Answer = Result<Vec<String>, Refusal>;

/// What is remembered from step to step.
#[derive(Debug)]
pub(super) struct Setup {
    profiles: Profiles,
    /// The one that the configuration names.
    forced: Option<Arc<Profile>>,
    profile: Arc<Profile>,
    /// It has not yet said what it is, and nobody has said it before.
    is_stranger: bool,
    identity: Identity,
    unlock: Unlock,
    sim_asked_since: Option<Instant>,
    sim_absent_since: Option<Instant>,
    /// The radio was found off and switched on.
    radio_is_on: bool,
    waiting: Waiting,
    messages: Messages,
    storage_wish: Option<String>,
    /// Nobody else is talked to.
    sought: Option<Sought>,
    /// The answers "busy" in a row: to which step, and since when.
    busy: Option<(Step, Instant)>,
}

/// What it says it is.
#[derive(Debug, Default)]
struct Identity {
    maker: String,
    model: String,
    revision: String,
}

const BUSY_PAUSE: Duration = Duration::from_secs(2);
/// behaviour §2.1: what is busy for longer is broken.
const BUSY_PATIENCE: Duration = Duration::from_secs(60);

const ANOTHER_MODEM: &str = "another modem is at this port than the one that is sought";
const ANOTHER_SIM: &str = "another SIM is in this modem than the one that is sought";
/// Telit's modules are deaf for 20 ms behind a result (HE910 Hardware User Guide), and say nothing of what they missed.
const GAP_FOR_A_STRANGER: Duration = Duration::from_millis(20);

const NO_IDENTITY: &str =
    "it answers AT, but says neither maker nor model nor IMEI: is this a modem?";

impl Step {
    pub(super) const FIRST: Self = Self::EchoOff;
    /// Where to begin again when the SIM may have changed.
    pub(super) const SIM: Self = Self::Sim;
    pub(super) const NETWORK: Self = Self::Registration;
    /// Where to begin again when the modem has forgotten how it was set up.
    pub(super) const MESSAGES: Self = Self::PduMode;

    /// What it means that this was not answered, for a person.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Signal => "no answer to AT+CSQ",
            Self::Registration | Self::LteRegistration => "no answer to AT+CREG?",
            _ => "no answer to AT",
        }
    }

    /// Questions that no modem answers with nothing but OK.
    pub(super) fn is_about_identity(self) -> bool {
        matches!(
            self,
            Self::Maker | Self::Model | Self::Revision | Self::Imei | Self::Sim | Self::Imsi
        )
    }

    /// Before it is known who the SIM is: between IMSI and ICCID it has the wrong name.
    pub(super) fn is_before_sim(self) -> bool {
        matches!(
            self,
            Self::EchoOff
                | Self::ResultsInWords
                | Self::ResultsOn
                | Self::ErrorsAsCodes
                | Self::ErrorsAsWords
                | Self::Maker
                | Self::Model
                | Self::Revision
                | Self::Imei
                | Self::Prepare(_)
                | Self::Sim
                | Self::LookForSim(_)
                | Self::LockedIccid(_)
                | Self::PinCounter
                | Self::Pin
                | Self::Function
                | Self::RadioOn
                | Self::Imsi
                | Self::Iccid(_)
        )
    }
}

impl Setup {
    pub(super) fn new(settings: &ModemSettings) -> Self {
        let forced = settings.profile.clone();
        let known = settings.known_profile.clone();
        let profile = forced.clone().or(known);
        Self {
            is_stranger: profile.is_none(),
            profile: profile.unwrap_or_else(|| settings.profiles.generic()),
            profiles: settings.profiles.clone(),
            forced,
            identity: Identity::default(),
            unlock: Unlock::new(settings.pin.clone()),
            sim_asked_since: None,
            sim_absent_since: None,
            radio_is_on: false,
            waiting: Waiting::default(),
            messages: Messages::new(settings.smsc.as_deref()),
            storage_wish: settings.storage.clone(),
            sought: settings
                .seeking
                .as_ref()
                .map(|seeking| seeking.sought.clone()),
            busy: None,
        }
    }

    pub(super) fn profile(&self) -> &Arc<Profile> {
        &self.profile
    }

    /// Between a final result and the next line. Who it is is asked before it is known what it wants.
    pub(super) fn gap(&self) -> Duration {
        let profile = self.profile.gap();
        match self.is_stranger {
            true => profile.max(GAP_FOR_A_STRANGER),
            false => profile,
        }
    }

    /// Whether it says that it keeps the link to the service centre between two parts.
    pub(super) fn keeps_link(&self) -> bool {
        self.messages.keeps_link
    }

    /// It refuses to keep the link after all.
    pub(super) fn loses_link(&mut self) {
        self.messages.keeps_link = false;
    }

    /// The form of `+CNMI` that the modem took, if it took one.
    pub(super) fn announced(&self) -> Option<usize> {
        self.messages.announced
    }

    /// The PIN that was entered and taken.
    pub(super) fn opened(&mut self) -> Option<Lock> {
        self.unlock.opened()
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
            Step::Prepare(line) => form(self.profile.prepares_with().nth(line)),
            Step::Sim | Step::SimStill => Command::SIM_STATE,
            Step::LookForSim(line) => form(self.profile.looks_for_sim_with().nth(line)),
            Step::LockedIccid(which) | Step::Iccid(which) => self.iccid_command(which),
            Step::PinCounter => Command::question(&self.profile.pin_counter().command),
            Step::Pin => Command::enter_pin(self.unlock.digits()),
            Step::Function => Command::FUNCTION,
            Step::RadioOn => Command::RADIO_ON,
            Step::Imsi => Command::IMSI,
            Step::OwnNumber => Command::OWN_NUMBER,
            Step::AnnounceRegistration(which) => Command::form(network::ANNOUNCE[which]),
            Step::AnnounceLteRegistration(which) => Command::form(network::ANNOUNCE_LTE[which]),
            Step::Registration => Command::REGISTRATION,
            Step::LteRegistration => Command::LTE_REGISTRATION,
            Step::SelectOperator => Command::SELECT_OPERATOR,
            Step::OperatorAsNumber => Command::OPERATOR_AS_NUMBER,
            Step::Operator => Command::OPERATOR,
            Step::Signal => Command::SIGNAL,
            Step::AvoidLte => form(self.profile.avoids_lte_with()),
            Step::CharacterSet(which) => Command::form(messages::CHARACTER_SETS[which]),
            Step::PduMode => Command::PDU_MODE,
            Step::Delivery => match self.profile.delivers_directly() {
                true => Command::DIRECT_DELIVERY,
                false => Command::STORED_DELIVERY,
            },
            Step::StoragesOffered => Command::STORAGES,
            Step::Storage(which) => Command::store_in(&self.messages.storages[which]),
            Step::StorageKept(_) => Command::STORAGE,
            Step::AnnouncementsOffered => Command::ANNOUNCEMENTS_OFFERED,
            Step::Announcements(which) => {
                Command::form(format!("+CNMI={}", self.messages.announcements[which]))
            }
            Step::AnnouncementsKept(_) => Command::ANNOUNCEMENTS,
            Step::ServiceCentre => Command::SERVICE_CENTRE,
            Step::SetServiceCentre => Command::set_service_centre(self.messages.own_centre()),
            Step::LinkOffered => Command::LINK_OFFERED,
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
        use Next::Ask;
        if self.is_busy(now, step, answer) {
            return Next::AskAfter(BUSY_PAUSE, step);
        }
        match step {
            Step::EchoOff => Ask(Step::ResultsInWords),
            Step::ResultsInWords => Ask(Step::ResultsOn),
            Step::ResultsOn => Ask(Step::ErrorsAsCodes),
            Step::ErrorsAsCodes if answer.is_err() => Ask(Step::ErrorsAsWords),
            Step::ErrorsAsCodes | Step::ErrorsAsWords => Ask(Step::Maker),
            Step::Maker => {
                self.identity.maker = words(answer, "+CGMI:");
                Ask(Step::Model)
            }
            Step::Model => {
                self.identity.model = words(answer, "+CGMM:");
                Ask(Step::Revision)
            }
            Step::Revision => {
                self.identity.revision = words(answer, "+CGMR:");
                Ask(Step::Imei)
            }
            Step::Imei => self.identified(answer, status),
            Step::Prepare(line) => self.prepare(line + 1),
            Step::Sim
            | Step::SimStill
            | Step::LookForSim(_)
            | Step::LockedIccid(_)
            | Step::PinCounter
            | Step::Pin
            | Step::Function
            | Step::RadioOn
            | Step::Imsi
            | Step::Iccid(_)
            | Step::OwnNumber => self.after_sim_step(now, step, answer, status),
            Step::AnnounceRegistration(_)
            | Step::AnnounceLteRegistration(_)
            | Step::Registration
            | Step::LteRegistration
            | Step::SelectOperator
            | Step::OperatorAsNumber
            | Step::Operator
            | Step::Signal
            | Step::AvoidLte => self.after_network_step(now, step, answer, status),
            _ => self.after_message_step(now, step, answer, status),
        }
    }

    /// 14 and 515 for seconds after a start or after the radio was switched on: waited out, not given up for.
    fn is_busy(&mut self, now: Instant, step: Step, answer: &Answer) -> bool {
        let says_so = matches!(answer, Err(Refusal::Answered(fault)) if fault.is_busy());
        // The SIM's own question has its own patience.
        if !says_so || matches!(step, Step::Sim | Step::SimStill) {
            self.busy = None;
            return false;
        }
        let since = match self.busy {
            Some((busy_step, since)) if busy_step == step => since,
            _ => now,
        };
        self.busy = Some((step, since));
        now.saturating_duration_since(since) < BUSY_PATIENCE
    }

    fn identified(&mut self, answer: &Answer, status: &mut ModemStatus) -> Next {
        status.imei = first(answer, information::digits);
        let Identity {
            maker,
            model,
            revision,
        } = &self.identity;
        if status.imei.is_none() && [maker, model, revision].iter().all(|said| said.is_empty()) {
            return Next::Unfit(NO_IDENTITY);
        }
        if self.is_another(status) {
            return Next::Unfit(ANOTHER_MODEM);
        }
        self.is_stranger = false;
        self.profile = match &self.forced {
            Some(profile) => Arc::clone(profile),
            None => self.profiles.of(maker, model, revision),
        };
        self.prepare(0)
    }

    /// Ports are renumbered while nobody looks: what answers is not what was seen here.
    fn is_another(&self, status: &ModemStatus) -> bool {
        let (imei, iccid) = (status.imei.as_deref(), status.iccid.as_deref());
        let sought = self.sought.as_ref();
        sought.is_some_and(|sought| sought.contradicts(imei, iccid))
    }

    fn prepare(&self, line: usize) -> Next {
        match self.profile.prepares_with().nth(line) {
            Some(_) => Next::Ask(Step::Prepare(line)),
            None => Next::Ask(Step::Sim),
        }
    }
}

fn form(line: Option<&str>) -> Command {
    Command::form(line.unwrap_or_default().to_owned())
}

fn words(answer: &Answer, prefix: &str) -> String {
    let lines = answer.as_deref().unwrap_or_default();
    let words = lines
        .iter()
        .map(|line| line.strip_prefix(prefix).unwrap_or(line).trim());
    words.collect::<Vec<_>>().join(" ")
}

/// Notes a registration that the modem announced or told in a check.
pub(super) fn note_registration(registration: Registration, status: &mut ModemStatus) {
    status.network = network::network_of(registration);
}

pub(super) fn note_signal(answer: &Answer, status: &mut ModemStatus) {
    status.signal_dbm = first(answer, information::signal_dbm);
}

/// The first registration in an answer, if messages can be sent with it.
pub(super) fn usable_registration(answer: &Answer, domain: Domain) -> Option<Registration> {
    first(answer, Registration::of_answer).filter(|registration| registration.is_usable(domain))
}

fn enter(status: &mut ModemStatus, state: ModemState, error: Option<&str>) {
    status.state = state;
    status.last_error = error.map(str::to_owned);
}

fn first<T>(answer: &Answer, read: impl Fn(&str) -> Option<T>) -> Option<T> {
    answer.as_ref().ok()?.iter().find_map(|line| read(line))
}

/// The next form to try, after one that was refused; `None` when it was taken or was the last.
fn next_form(form: usize, forms: usize, answer: &Answer) -> Option<usize> {
    (answer.is_err() && form + 1 < forms).then_some(form + 1)
}
