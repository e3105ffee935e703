//! **Modem**: one GSM modem, what to say to it next, and the task that says it.
//!
//! A [`session`] is a state machine driven by bytes and time; an actor moves its bytes over a port; the
//! [`fleet`] keeps one actor per configured modem alive and publishes what it knows of each.
//!
//! Never: decides which message goes next, touches the store, sends a PDU without a [`Order::Go`].
//! May use: `domain`, `at`, `usb`, `pdu-codec`.
//! Read first: [`session`], then the conversation tests beside it.

mod actor;
mod calls;
mod encode;
pub(crate) mod examination;
pub(crate) mod finder;
pub(crate) mod fleet;
mod inquiries;
mod inquiry;
mod port;
pub(crate) mod profile;
mod question;
mod receive;
mod recorder;
mod recovery;
mod remedy;
pub(crate) mod replay;
mod session;
mod setup;
mod submit;
mod terminal;
mod unlock;
mod ussd;
mod wake;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures_util::future::BoxFuture;
use pdu_codec::MessageReference;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::mpsc;

pub(crate) use calls::Call;
pub(crate) use finder::{Aims, Finder, Search, Seeking, Sighting, Sightings};
pub(crate) use fleet::recordings::Recordings;
pub(crate) use inquiry::Inquiry;
#[cfg(test)]
pub(crate) use question::LineAnswer;
pub(crate) use question::{Question, Told, Unanswered};
pub(crate) use question::{UssdAnswer, UssdStatus};
pub(crate) use recovery::Rung;
pub(crate) use terminal::TerminalLine;
pub(crate) use unlock::Lock;

use crate::domain::{Carrier, ModemName, PduDigest, Pepper, SimId, Word};
pub(crate) use crate::domain::{Outcome, Stopped, Submit, Ticket};
use profile::{Profile, Profiles};

/// What dispatch says about one part: prepare, and then exactly one of go (its intent is committed) or withdraw.
///
/// Each `Prepare` is answered by exactly one [`ModemEvent::Answer`], whatever happens to the modem.
#[derive(Debug)]
pub(crate) enum Order {
    Prepare(Box<Submit>),
    Go(Ticket),
    Withdraw(Ticket),
    /// This PDU, a text or a report, is durable: it may be deleted from where the modem keeps it, or acknowledged.
    Kept(PduDigest),
    /// Not about a part, and not answered.
    Control(Control),
    /// Not about a part; answered by its own way, once.
    Inquire(Inquiry),
}

/// What a person wants of a modem.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Control {
    /// Nothing is sent by it until it is resumed. It stays set up, and receives.
    Pause,
    Resume,
    /// As soon as nothing is in flight.
    Restart,
}

/// What is to be remembered of a PIN over restarts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PinWord {
    /// It is about to be entered. Yes only if it never was, or was taken; and only when that is durable.
    Claim(Lock),
    /// It was entered, and taken.
    Opened(Lock),
}

/// Asks whoever remembers; the answer to [`PinWord::Opened`] says nothing.
#[derive(Clone)]
pub(crate) struct PinMemory(Arc<dyn Fn(PinWord) -> BoxFuture<'static, bool> + Send + Sync>);

impl PinMemory {
    pub(crate) fn new(
        ask: impl Fn(PinWord) -> BoxFuture<'static, bool> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(ask))
    }

    fn ask(&self, word: PinWord) -> BoxFuture<'static, bool> {
        self.0(word)
    }
}

impl fmt::Debug for PinMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PinMemory(…)")
    }
}

/// What a modem tells the rest of the house.
#[derive(Debug)]
pub(crate) enum ModemEvent {
    /// The one answer to a `Prepare`.
    Answer { ticket: Ticket, outcome: Outcome },
    /// `+CDS`: a status report as it came, service centre prefix included.
    Report { sim: SimId, pdu: Vec<u8> },
    /// A text, or a report that was stored as texts are, as it came, service centre prefix included. Once it is durable
    /// [`Order::Kept`] says so; a modem that is not told gives it again, unless it was delivered directly.
    Received {
        sim: SimId,
        /// The SIM's own number.
        to: Option<String>,
        pdu: Vec<u8>,
        /// It stands in a slot, and is not gone when it is not taken.
        is_stored: bool,
    },
    /// A slot that stays as it is, and why. Told once.
    SlotStuck {
        memory: &'static str,
        index: u16,
        why: &'static str,
    },
    /// A `+CMGS:` read before our first write after opening: it settles the one uncertain part of this modem.
    LateReference(MessageReference),
    /// A step on the ladder.
    Recovery(RecoveryStep),
    /// A call came in and was hung up.
    Call(Call),
}

/// What was done to bring a modem back, and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RecoveryStep {
    pub(crate) rung: Rung,
    pub(crate) outcome: RecoveryOutcome,
    /// What was wrong, for a person.
    pub(crate) why: String,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum RecoveryOutcome {
    Begun,
    /// The modem is ready again.
    Helped,
    /// This rung cannot be had here.
    Unavailable,
}

impl RecoveryOutcome {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Helped => "helped",
            Self::Unavailable => "unavailable",
        }
    }
}

/// The PIN of a SIM, and the secret under which its tries are remembered.
#[derive(Clone)]
pub(crate) struct Pin {
    digits: SecretString,
    pepper: Pepper,
}

impl Pin {
    /// `None` when it is no PIN: 4 to 8 digits (27.007 §8.3).
    pub(crate) fn parse(text: &str, pepper: &Pepper) -> Option<Self> {
        let is_pin =
            (4..=8).contains(&text.len()) && text.bytes().all(|octet| octet.is_ascii_digit());
        is_pin.then(|| Self {
            digits: text.into(),
            pepper: pepper.clone(),
        })
    }

    /// Whether both open the same lock.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.digits.expose_secret() == other.digits.expose_secret()
    }

    fn mac(&self, owner: &str) -> [u8; 32] {
        self.pepper.pin_mac(owner, self.digits.expose_secret())
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(…)")
    }
}

/// Names the modem an event came from.
#[derive(Debug)]
pub(crate) struct FleetEvent {
    pub(crate) modem: ModemName,
    pub(crate) event: ModemEvent,
}

/// The way to one modem. It stays valid while the device comes and goes.
#[derive(Clone, Debug)]
pub(crate) struct ModemHandle {
    pub(crate) name: ModemName,
    orders: mpsc::Sender<Order>,
}

/// A session holds one part in flight and one prepared behind it, so at most two prepares and their two words
/// are ever under way. It hands on at most 16 PDUs before it is told that one is kept, and reports come one by one:
/// the channel never fills while the actor lives. People ask one by one, and a session refuses their fifth question.
const ORDERS_UNDER_WAY: usize = 64;

/// How one modem is to be treated: `[modem.NAME]`.
#[derive(Clone, Debug)]
pub(crate) struct ModemSettings {
    pub(crate) name: ModemName,
    /// The port; of a modem that is sought, where it was found last.
    pub(crate) device: PathBuf,
    /// It is wherever it is plugged in, and told so.
    pub(crate) seeking: Option<Seeking>,
    /// It is known, and not opened: why, and what a person may do.
    pub(crate) left_alone: Option<String>,
    pub(crate) baud: u32,
    pub(crate) command_timeout: Duration,
    pub(crate) send_timeout: Duration,
    /// Service centre to set when the SIM has none.
    pub(crate) smsc: Option<String>,
    pub(crate) pin: Option<Pin>,
    /// The storage for texts that the configuration names: `SM`, `ME`.
    pub(crate) storage: Option<String>,
    pub(crate) profiles: Profiles,
    /// The profile that the configuration names.
    pub(crate) profile: Option<Arc<Profile>>,
    /// What the last session on this port took it for; it counts until the modem says what it is.
    pub(crate) known_profile: Option<Arc<Profile>>,
    /// What brought it back the last time.
    pub(crate) helped: Option<Rung>,
    /// Where flight recordings are kept; `None`: none is written.
    pub(crate) recordings: Option<Recordings>,
    /// A try of this modem is younger than 120 s and unsettled: listen this long before the first write.
    pub(crate) listen_first: Option<Duration>,
    /// Mean send time known from before the start.
    pub(crate) mean_send: Duration,
    /// Texts are deleted from the SIM once they are durable.
    pub(crate) delete_from_sim: bool,
    /// Calls that come in are ended.
    pub(crate) hang_up: bool,
}

impl ModemHandle {
    /// Gives an order to the modem, without waiting: a modem that hangs must not hold up its neighbours.
    ///
    /// A `Prepare` that was taken is answered, whatever happens.
    ///
    /// # Errors
    /// When the fleet has stopped: then nothing is answered. [`ORDERS_UNDER_WAY`] untaken orders do not occur as
    /// long as each `Prepare` is answered before the next but one, and count as stopped.
    pub(crate) fn order(&self, order: Order) -> Result<(), Stopped> {
        self.orders.try_send(order).map_err(|_| Stopped)
    }
}

/// The ways to all modems there are, as they come and go.
#[derive(Clone, Debug, Default)]
pub(crate) struct Handles(Arc<RwLock<Vec<ModemHandle>>>);

impl Handles {
    pub(crate) fn of(&self, modem: &ModemName) -> Option<ModemHandle> {
        let handles = self.0.read().unwrap_or_else(PoisonError::into_inner);
        handles.iter().find(|handle| handle.name == *modem).cloned()
    }

    pub(crate) fn add(&self, handle: ModemHandle) {
        let mut handles = self.0.write().unwrap_or_else(PoisonError::into_inner);
        handles.push(handle);
    }

    pub(crate) fn remove(&self, modem: &ModemName) {
        let mut handles = self.0.write().unwrap_or_else(PoisonError::into_inner);
        handles.retain(|handle| handle.name != *modem);
    }
}

impl Carrier for ModemHandle {
    fn say(&self, word: Word) -> Result<(), Stopped> {
        self.order(match word {
            Word::Prepare(submit) => Order::Prepare(submit),
            Word::Go(ticket) => Order::Go(ticket),
            Word::Withdraw(ticket) => Order::Withdraw(ticket),
        })
    }
}

/// How long a reopened modem with a young unsettled try is listened to before the first write (semantics §6).
pub(crate) fn listening_time(mean_send: Duration) -> Duration {
    (mean_send * 3).clamp(SHORTEST_LISTENING, LONGEST_LISTENING)
}

const SHORTEST_LISTENING: Duration = Duration::from_secs(2);
const LONGEST_LISTENING: Duration = Duration::from_secs(15);
