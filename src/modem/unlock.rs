//! The PIN: entered once per SIM and PIN, never as the last try, and a failure is remembered over restarts.
//!
//! Order: the ICCID (or, where a locked SIM does not tell it, the IMEI), the counter, the claim, the PIN. The
//! claim asks whoever remembers whether this PIN was tried on this SIM before; it is durable before the PIN is
//! written. The PIN is remembered as a keyed hash only.

use secrecy::ExposeSecret;

use super::Pin;
use crate::at::chat::Refusal;

/// One PIN on one SIM, as a keyed hash.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub(crate) struct Lock(pub(crate) [u8; 32]);

impl std::fmt::Debug for Lock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lock(…)")
    }
}

/// What follows the counter.
#[derive(Debug, PartialEq)]
pub(super) enum Move {
    Claim(Lock),
    Wait,
}

#[derive(Debug)]
pub(super) struct Unlock {
    pin: Option<Pin>,
    lock: Option<Lock>,
    left: Option<u8>,
    /// Why the PIN is not entered, for a person.
    verdict: Option<String>,
    entered: bool,
    opened: Option<Lock>,
}

/// The last try is a person's.
const FEWEST_LEFT: u8 = 2;

const ENTER_PIN: &str =
    "the SIM wants its PIN: name a file that holds it (pin_file), or switch the PIN off in a phone";
const TRIED_BEFORE: &str = "this PIN was entered into this SIM before and not taken: put the right one into pin_file and reload (SIGHUP) or restart, or enter it in a phone";
const NO_OWNER: &str =
    "neither SIM nor modem says who it is: the PIN is not entered; enter it in a phone";

impl Unlock {
    pub(super) fn new(pin: Option<Pin>) -> Self {
        Self {
            pin,
            lock: None,
            left: None,
            verdict: None,
            entered: false,
            opened: None,
        }
    }

    /// Why the PIN cannot be entered; `None`: it may be tried.
    pub(super) fn wants_pin(&self) -> Option<String> {
        match (&self.pin, &self.verdict) {
            (None, _) => Some(ENTER_PIN.to_owned()),
            (Some(_), Some(why)) => Some(why.clone()),
            (Some(_), None) => None,
        }
    }

    /// The SIM, or the modem that it is in.
    pub(super) fn belongs_to(&mut self, owner: Option<&str>) {
        self.lock = match (owner, &self.pin) {
            (Some(owner), Some(pin)) => Some(Lock(pin.mac(owner))),
            _ => None,
        };
    }

    /// `left`: the tries that the PIN has; `None`: the modem does not tell.
    pub(super) fn on_counter(&mut self, left: Option<u8>) -> Move {
        self.left = left;
        if let Some(left) = left.filter(|left| *left < FEWEST_LEFT) {
            self.verdict = Some(format!(
                "the PIN has {left} tries left: the last is yours; enter it in a phone"
            ));
            return Move::Wait;
        }
        match self.lock {
            Some(lock) => Move::Claim(lock),
            None => {
                self.verdict = Some(NO_OWNER.to_owned());
                Move::Wait
            }
        }
    }

    /// The SIM is gone; what is remembered of it over restarts stays so.
    pub(super) fn forget(&mut self) {
        self.verdict = None;
        self.entered = false;
        self.lock = None;
    }

    /// Whether the PIN is to be entered now.
    pub(super) fn on_claim(&mut self, may: bool) -> bool {
        if !may {
            self.verdict = Some(TRIED_BEFORE.to_owned());
        }
        self.entered = may;
        may
    }

    /// For the one command that carries it.
    pub(super) fn digits(&self) -> &str {
        self.pin
            .as_ref()
            .map_or("", |pin| pin.digits.expose_secret())
    }

    /// The answer to the PIN. It is never entered a second time, whatever it was.
    pub(super) fn on_answer(&mut self, answer: &Result<Vec<String>, Refusal>) {
        let left = self.left.map(|left| left.saturating_sub(1));
        self.verdict = Some(match (answer, left) {
            (Ok(_), _) | (Err(Refusal::Silent), _) => {
                "the PIN was entered, and the SIM wants it again: check it in a phone".to_owned()
            }
            (Err(_), Some(left)) => format!(
                "the SIM refused the PIN of pin_file; {left} tries are left: correct the file and reload (SIGHUP) or restart"
            ),
            (Err(_), None) => {
                "the SIM refused the PIN of pin_file: correct the file and reload (SIGHUP) or restart".to_owned()
            }
        });
    }

    /// The SIM is ready: if our PIN did it, it is known to be right.
    pub(super) fn on_ready(&mut self) {
        if std::mem::take(&mut self.entered) {
            self.opened = self.lock;
        }
        self.verdict = None;
    }

    /// The lock that was opened, told once.
    pub(super) fn opened(&mut self) -> Option<Lock> {
        self.opened.take()
    }
}
