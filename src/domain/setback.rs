//! Why a try did not send its part, and what may follow.

use std::fmt;
use std::time::Duration;

/// What a modem or provider answered instead of taking a part.
#[derive(Clone, Debug, PartialEq)]
pub struct Setback {
    pub blame: Blame,
    /// The word of contract errors.md: `network_rejected`, `modem_lost` …
    pub code: &'static str,
    /// What was said, for a person: `+CMS ERROR: 38 (network out of order)`.
    pub detail: String,
    /// How long it asks to be left alone at least; a provider's `Retry-After`.
    pub wait: Option<Duration>,
}

/// Whose trouble it was: decides whether a try counts, and who may try next (behaviour §7.1, semantics §1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Blame {
    /// Class P: the number or the text. The only verdict that counts against `message.max_attempts`.
    Message,
    /// The number does not exist, is barred: no other modem would do better.
    Recipient,
    /// Classes N and R: no coverage, congestion. Same modem later.
    Network,
    /// Class S: this SIM may not. Another one may.
    Sim,
    /// A provider's account may not: credentials, sender, funds, clock. The operator's to mend; another route may.
    Account,
    /// Too many texts to this number: later, and by no other route either.
    Frequency,
    /// Class C and faults of the device: it holds the modem, not the message.
    Modem,
    /// Our own: the disk took so long that the word came too late. It says nothing of the route, nor of the message.
    House,
}

impl fmt::Display for Setback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}
