//! A provider that draws, sends and checks codes itself (semantics §7, backend `aliyun`): what it is asked, and what its
//! answers come to.
//!
//! Never: holds a code that was sent. The one that somebody typed passes by, and only the provider can compare it.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use super::{Code, Destination};

/// A code to be drawn and sent.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    pub to: &'a Destination,
    /// `sms.login`, `v1`: whose template it goes by.
    pub profile: &'a str,
    /// Our name of the send; fewer than 256 octets.
    pub reference: &'a str,
    pub code_length: u8,
    pub ttl: Duration,
    /// What becomes of those sent before.
    pub earlier: Earlier,
}

/// What a new code does to those that its number was sent before.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Earlier {
    /// Only the newest is right.
    Die,
    /// All are, till their own end.
    StayValid,
}

/// What a provider made of a wish for a code.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Issued {
    Yes,
    /// Certainly not.
    No(Refused),
    /// It may have been sent: for a person.
    Unknown(String),
}

/// A provider's no, or that it was never asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refused {
    pub whose: Trouble,
    /// The provider's words, for a person; no secret, number or code in it.
    pub said: String,
    /// How long the number, or the account, is to be left alone.
    pub wait: Option<Duration>,
}

/// Who can mend it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Trouble {
    /// No such number, or none that can be texted.
    Number,
    /// Too many: later.
    TooMany,
    /// Account, funds, template, settings, clock: the operator.
    Operator,
    /// Nothing of the request was written.
    Unreachable,
}

/// What a provider says of a code that somebody typed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Compared {
    Right,
    /// Wrong, used or too old.
    Wrong,
    /// It was certainly not compared: nothing of the question was written.
    NotAsked(String),
    /// It may have been compared; what came of it is not known.
    Unanswered(String),
}

/// One account at a provider of codes. A request is written once.
pub trait CodeProvider: fmt::Debug + Send + Sync {
    /// Whether codes of so many digits can be drawn for this number.
    fn serves(&self, to: &Destination, code_length: u8) -> bool;

    fn issue<'a>(&'a self, wanted: Wanted<'a>)
    -> Pin<Box<dyn Future<Output = Issued> + Send + 'a>>;

    fn compare<'a>(
        &'a self,
        to: &'a Destination,
        typed: &'a Code,
    ) -> Pin<Box<dyn Future<Output = Compared> + Send + 'a>>;
}
