//! What dispatch drives: anything that takes one part at a time and says what became of it.
//!
//! Modems and providers are driven alike: a part is prepared, and then exactly one of go (its intent is durable) or
//! withdraw follows; each prepare has exactly one answer. A modem makes its prompt meanwhile; a provider's carrier has
//! nothing to do until the go.

use std::fmt;
use std::time::Duration;

use pdu_codec::{MessageReference, Reference};

use super::attempt::{AttemptId, MadeOf, Taken};
use super::{Body, Destination, Encoding, MessageSeq, PartNumber, Setback};

/// One try of one part: a number that no other try has, of this process or of one before it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Ticket(pub i64);

/// One part, ready to be encoded as SMS-SUBMIT or as a provider's request.
#[derive(Clone, Debug)]
pub struct Submit {
    pub ticket: Ticket,
    pub message: MessageSeq,
    pub to: Destination,
    /// The whole text; `part` says which of its parts goes out. A provider takes it whole.
    pub body: Body,
    /// What it was made of, if of a template: a provider may know it by that only.
    pub made_of: Option<MadeOf>,
    pub encoding: Encoding,
    pub part: PartNumber,
    /// Names the parts of one message on the handset; used when there is more than one.
    pub reference: Reference,
    pub request_report: bool,
    /// What is left of the message's ttl: becomes TP-VP, rounded up.
    pub validity: Duration,
    /// Class 0.
    pub flash: bool,
}

impl Submit {
    pub fn attempt(&self) -> AttemptId {
        AttemptId {
            message: self.message,
            ticket: self.ticket,
        }
    }
}

/// What dispatch says about one part.
#[derive(Debug)]
pub enum Word {
    Prepare(Box<Submit>),
    Go(Ticket),
    Withdraw(Ticket),
}

/// What became of one prepared part.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The service centre or the provider took it. `reference` is missing where the modem does not tell it, and at
    /// providers.
    Accepted {
        reference: Option<MessageReference>,
        /// Ctrl-Z, or the request, to final result.
        took: Duration,
        /// What a provider said beside.
        taken: Option<Box<Taken>>,
    },
    /// The network, the modem or the provider said no: it was not sent.
    Refused(Setback),
    /// It was written, and nobody said what became of it.
    Uncertain(Setback),
    /// It was never written: withdrawn, or nobody was able to take it.
    NeverLeft(Setback),
}

/// The one answer to a [`Word::Prepare`].
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub ticket: Ticket,
    pub outcome: Outcome,
}

/// Nobody takes words any more: the carrier's room has stopped. The word was not taken.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("the carrier is stopped")]
pub struct Stopped;

/// A way out of the house. It is spoken to without waiting: one that hangs must not hold up its neighbours.
pub trait Carrier: fmt::Debug + Send + Sync {
    /// # Errors
    /// [`Stopped`]: then nothing is answered.
    fn say(&self, word: Word) -> Result<(), Stopped>;
}
