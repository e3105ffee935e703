//! A text on its way through a provider: what names the try there, what it was made of, and what the provider says of it.

use std::fmt;
use std::pin::Pin;

use super::redact::Redacted;
use super::route::Origin;
use super::{Body, Destination, MessageSeq, Money, Ticket, UnixMillis};

/// Names one try of one message at a provider: in callback URLs, and as our reference where a provider has a field for
/// one. It can be neither guessed nor reused: the ticket is drawn far from those of an earlier process.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct AttemptId {
    pub message: MessageSeq,
    pub ticket: Ticket,
}

impl AttemptId {
    pub fn parse(text: &str) -> Option<Self> {
        let (message, ticket) = text.split_once('-')?;
        let number = |hex: &str| {
            let is_plain = !hex.is_empty() && hex.bytes().all(|octet| octet.is_ascii_hexdigit());
            is_plain
                .then(|| i64::from_str_radix(hex, 16).ok())
                .flatten()
        };
        Some(Self {
            message: MessageSeq(number(message)?),
            ticket: Ticket(number(ticket)?),
        })
    }
}

/// At most 33 of `0-9 a-f -`.
impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{:x}", self.message.0, self.ticket.0)
    }
}

/// What a text was made of. A provider that knows templates only is told this instead of the text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MadeOf {
    /// Our template: its number, or the profile of a code (`sms.login`, `v1`).
    pub template: String,
    /// `providerTemplateId` of the template, when it has one.
    pub provider_template: Option<String>,
    /// In the order of the template's variables.
    pub values: Redacted<Vec<(String, String)>>,
}

impl MadeOf {
    pub fn origin(&self) -> Origin<'_> {
        Origin {
            template: &self.template,
            names_the_providers: self.provider_template.is_some(),
        }
    }
}

impl super::redact::Mask for Vec<(String, String)> {
    fn mask(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "‹{} values›", self.len())
    }
}

/// What a provider said when it took a text.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Taken {
    /// By which its reports name the text: one, or one per part in their order. Empty: it gave none.
    pub ids: Vec<String>,
    /// What the text costs, where the provider says so in the currency of the budget.
    pub price: Option<Money>,
}

/// What a provider says became of a text, later: by a callback, or asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// Our own name of the try, where the provider gives it back.
    pub attempt: Option<AttemptId>,
    /// The provider's id of the text, or of one of its parts.
    pub id: Option<String>,
    /// The recipient as the provider writes it. A report that is not signed must fit it.
    pub recipient: Option<Redacted<String>>,
    pub fate: Fate,
    /// Why it was not delivered, for a person: the provider's own code and words.
    pub detail: Option<String>,
    /// When that happened, where the provider says so.
    pub at: Option<UnixMillis>,
    /// What the whole text cost, where the provider says so in the currency of the budget.
    pub price: Option<Money>,
}

impl super::redact::Mask for String {
    fn mask(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&super::redact::masked_number(self))
    }
}

/// Semantics §2: providers' words in ours.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fate {
    /// Accepted, queued, sent, buffered, or a word that nobody knows: it has it, and no more is known.
    Sent,
    Delivered,
    /// Undelivered, failed, rejected.
    Undelivered,
    /// Its validity was over.
    Expired,
}

/// What is asked about: a text that may have been taken, or one of which no report has come.
#[derive(Clone, Debug)]
pub struct Sought<'a> {
    pub attempt: AttemptId,
    /// The provider's id, if it told one.
    pub id: Option<&'a str>,
    pub to: &'a Destination,
    /// The text, where it is still known: what is told apart by nothing else is told apart by this.
    pub body: Option<&'a Body>,
    /// When the request was about to be written.
    pub sent_at: UnixMillis,
}

/// What an answer says of what was asked about.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// The provider has it; by these ids, and this became of it.
    Yes(Taken, Option<Delivery>),
    /// The provider has no such text.
    No,
    /// It did not say: for a person.
    NotSaid(String),
}

/// Asks a provider what became of a text.
pub trait Inquirer: fmt::Debug + Send + Sync {
    /// `None`: it cannot be asked that.
    fn ask<'a>(
        &'a self,
        sought: Sought<'a>,
    ) -> Pin<Box<dyn Future<Output = Option<Found>> + Send + 'a>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_is_read_back_as_it_was_written_and_nothing_else_is_read() {
        let attempt = AttemptId {
            message: MessageSeq(1_234_567),
            ticket: Ticket(i64::MAX),
        };
        assert_eq!(AttemptId::parse(&attempt.to_string()), Some(attempt));
        for text in [
            "",
            "-",
            "1",
            "1-",
            "-1",
            "+1-2",
            "1-+2",
            "g-1",
            "1-2-3",
            "1-8000000000000000",
        ] {
            assert_eq!(AttemptId::parse(text), None, "{text}");
        }
    }
}
