//! The SIM: is it there, does it want a PIN, who is it, and is the radio on.

use std::time::{Duration, Instant};

use super::{Answer, Next, Setup, Step, enter, first};
use crate::at::chat::Refusal;
use crate::at::command::Command;
use crate::at::information::{self, SimState};
use crate::domain::{ModemState, ModemStatus, Network};
use crate::modem::unlock::Move;

const SIM_BUSY: Duration = Duration::from_secs(2);
const SIM_ABSENT: Duration = Duration::from_secs(10);
/// A SIM that is busy for longer is broken.
const SIM_PATIENCE: Duration = Duration::from_secs(60);
/// A modem that does not see a new SIM by itself is made to look this often.
const LOOK_EVERY: Duration = Duration::from_secs(60);

const NO_SIM: &str = "no SIM: insert one, or check that it sits well";
const ENTER_PUK: &str = "the SIM is blocked: enter the PUK in a phone";
const LOCKED: &str = "the modem is locked to another SIM or network: unlock it or use that SIM";
const SIM_SILENT: &str = "the SIM does not become ready: try it in a phone, or another SIM";

impl Setup {
    pub(super) fn after_sim_step(
        &mut self,
        now: Instant,
        step: Step,
        answer: &Answer,
        status: &mut ModemStatus,
    ) -> Next {
        match step {
            Step::Sim => self.sim(now, answer, status),
            Step::SimStill => match first(answer, SimState::read) {
                Some(SimState::Ready) => Next::Ask(Step::Registration),
                _ => self.sim(now, answer, status),
            },
            Step::LookForSim(line) => match self.profile.looks_for_sim_with().nth(line + 1) {
                Some(_) => Next::Ask(Step::LookForSim(line + 1)),
                None => Next::AskAfter(SIM_BUSY, Step::Sim),
            },
            Step::LockedIccid(form) => match self.iccid_of(form, answer) {
                None if form + 1 < self.iccid_forms() => Next::Ask(Step::LockedIccid(form + 1)),
                iccid => {
                    let owner = iccid.as_deref().or(status.imei.as_deref());
                    self.unlock.belongs_to(owner);
                    Next::Ask(Step::PinCounter)
                }
            },
            Step::PinCounter => {
                let field = self.profile.pin_counter().field;
                let left = first(answer, |line| information::tries_left(line, field));
                match self.unlock.on_counter(left) {
                    Move::Claim(lock) => Next::Claim(lock),
                    Move::Wait => Next::Ask(Step::Sim),
                }
            }
            Step::Pin => {
                self.unlock.on_answer(answer);
                Next::AskAfter(SIM_BUSY, Step::Sim)
            }
            Step::Function => {
                let is_off = first(answer, information::function).is_some_and(|level| level != 1);
                match is_off && !self.radio_is_on {
                    true => Next::Ask(Step::RadioOn),
                    false => Next::Ask(Step::Imsi),
                }
            }
            Step::RadioOn => {
                // Some modems forget echo and error codes with it, and the SIM is read again.
                self.radio_is_on = true;
                Next::Ask(Step::FIRST)
            }
            Step::Imsi => {
                status.imsi = first(answer, information::digits);
                Next::Ask(Step::Iccid(0))
            }
            Step::Iccid(form) => {
                status.iccid = self.iccid_of(form, answer);
                match status.iccid {
                    None if form + 1 < self.iccid_forms() => Next::Ask(Step::Iccid(form + 1)),
                    _ if self.is_another(status) => Next::Unfit(super::ANOTHER_SIM),
                    _ => Next::Ask(Step::OwnNumber),
                }
            }
            _ => {
                status.number = first(answer, information::own_number);
                Next::Ask(Step::AnnounceRegistration(0))
            }
        }
    }

    /// What the house remembers of this PIN and this SIM; the PIN is entered only if it may be.
    pub(in crate::modem) fn on_claim(&mut self, may: bool) -> Next {
        match self.unlock.on_claim(may) {
            true => Next::Ask(Step::Pin),
            false => Next::Ask(Step::Sim),
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
            (Some(SimState::Ready), _) => return self.sim_is_ready(status),
            (Some(SimState::Pin), _) | (_, Some(11)) => match self.unlock.wants_pin() {
                None => return Next::Ask(Step::LockedIccid(0)),
                Some(why) => (ModemState::PinRequired, why),
            },
            (Some(SimState::Puk), _) | (_, Some(12)) => (ModemState::PinRequired, ENTER_PUK.into()),
            (Some(SimState::Locked), _) | (_, Some(5..=7 | 40..=47)) => {
                (ModemState::PinRequired, LOCKED.into())
            }
            (Some(SimState::NotInserted), _) | (_, Some(10 | 13)) => {
                (ModemState::NoSim, NO_SIM.into())
            }
            // 14 and 515: busy; anything else may pass as well, but not for ever.
            _ if now.saturating_duration_since(since) < SIM_PATIENCE => {
                return Next::AskAfter(SIM_BUSY, Step::Sim);
            }
            _ => (ModemState::NoSim, SIM_SILENT.into()),
        };
        enter(status, state, Some(&error));
        forget(status);
        match state {
            ModemState::NoSim => self.sim_is_absent(now),
            _ => Next::AskAfter(SIM_ABSENT, Step::Sim),
        }
    }

    fn sim_is_ready(&mut self, status: &mut ModemStatus) -> Next {
        self.sim_asked_since = None;
        self.sim_absent_since = None;
        self.unlock.on_ready();
        enter(status, ModemState::Starting, None);
        Next::Ask(Step::Function)
    }

    fn sim_is_absent(&mut self, now: Instant) -> Next {
        // The next SIM may be another one.
        self.unlock.forget();
        let since = *self.sim_absent_since.get_or_insert(now);
        let is_blind = self.profile.looks_for_sim_with().next().is_some();
        if is_blind && now.saturating_duration_since(since) >= LOOK_EVERY {
            self.sim_absent_since = Some(now);
            return Next::Ask(Step::LookForSim(0));
        }
        Next::AskAfter(SIM_ABSENT, Step::Sim)
    }

    pub(super) fn iccid_command(&self, form: usize) -> Command {
        let known = self.profile.iccid_commands().count();
        match self.profile.iccid_commands().nth(form) {
            Some(command) => Command::question_for_digits(command),
            None => Command::ICCID[form - known].clone(),
        }
    }

    fn iccid_forms(&self) -> usize {
        self.profile.iccid_commands().count() + Command::ICCID.len()
    }

    fn iccid_of(&self, form: usize, answer: &Answer) -> Option<String> {
        match form + 1 == self.iccid_forms() {
            true => first(answer, information::iccid_of_file),
            false => first(answer, information::digits),
        }
    }
}

/// Nothing of a SIM that is gone is shown any more.
fn forget(status: &mut ModemStatus) {
    status.imsi = None;
    status.iccid = None;
    status.number = None;
    status.operator = None;
    status.tech = None;
    status.network = Network::None;
}
