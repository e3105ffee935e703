//! **Cloud**: providers as carriers.
//!
//! What each provider is asked, what its answers mean and what its callbacks say is pure ([`Provider`]); [`carrier`]
//! moves the octets.
//!
//! Never: decides when a text goes or by whom, touches the store, follows a redirect, logs a secret, a number or a text.
//! May use: `domain`, `https`.
//! Read first: [`Provider`], then [`Verdict`].

mod account;
mod aliyun;
mod bare_status;
mod beijing;
mod code_templates;
mod digest;
mod endpoint;
mod form;
mod patience;
mod percent;
mod price;
mod request;
#[cfg(test)]
mod samples;
mod secret_path;
#[cfg(test)]
mod specimens;
mod templates;
pub(crate) mod twilio;
mod words;

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, Method};

use crate::domain::attempt::{AttemptId, Delivery, MadeOf, Taken};
use crate::domain::{Body, Destination, Encoding, UnixMillis};
use crate::https::{Answer, Request};

/// What a provider is told to send.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) attempt: AttemptId,
    pub(crate) to: &'a Destination,
    /// The whole text.
    pub(crate) body: &'a Body,
    pub(crate) encoding: Encoding,
    /// What it was made of, if of a template. Template providers send nothing else.
    pub(crate) made_of: Option<&'a MadeOf>,
    /// What is left of its time to live.
    pub(crate) validity: Duration,
    /// Class 0.
    pub(crate) flash: bool,
    /// Delivery reports are wanted.
    pub(crate) wants_report: bool,
}

/// What a request needs and may not find out for itself.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    pub(crate) now: UnixMillis,
    /// 32 hexadecimal digits that no other request has.
    pub(crate) nonce: String,
}

/// What an answer says of a text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// It was taken. An answer may say more than that at once.
    Accepted(Taken),
    /// It was not taken, certainly.
    Refused(Refusal),
    /// It may have been taken: for a person.
    Unknown(String),
}

/// A provider's no.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) cause: Cause,
    /// The provider's code and words, for a person; no secret, number or text in it.
    pub(crate) said: String,
    /// How long the provider asks to be left alone, or the number to be.
    pub(crate) wait: Option<Duration>,
}

/// Whose trouble a refusal is; the numbers are those of group A.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Cause {
    /// 1001: the provider knows no such template. Another route may carry it.
    Template,
    /// 1002: no such number, or none that can be texted.
    Number,
    /// 1003: the text or the values.
    Params,
    /// 1004: too much at once, of the whole account. Later, or by another route.
    Busy,
    /// 1004: too many to this number. By no other route either.
    NumberLimit,
    /// 1005: no funds.
    Funds,
    /// The recipient does not want to hear from us: becomes a suppression; by no other route either.
    OptedOut,
    /// Credentials, sender, sign name, permission, region: the operator's to mend. Another route.
    Config,
    /// Our clock is wrong: the operator's to mend, and named as such. Another route.
    Clock,
    /// A refusal that the tables do not know. Another route.
    Other,
}

/// Why a text cannot be put into words for a provider; nothing was sent.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unfit(pub(crate) String);

/// What is asked about: a text that may have been taken, or one of which no report has come.
#[derive(Clone, Debug)]
pub(crate) struct Sought<'a> {
    pub(crate) attempt: AttemptId,
    /// The provider's id, if it told one.
    pub(crate) id: Option<&'a str>,
    pub(crate) to: &'a Destination,
    /// The text, where it is still known: what is told apart by nothing else is told apart by this.
    pub(crate) body: Option<&'a Body>,
    /// When the request was about to be written.
    pub(crate) sent_at: UnixMillis,
}

/// What an answer says of what was asked about.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Found {
    /// The provider has it; by these ids, and this became of it.
    Yes(Taken, Option<Delivery>),
    /// The provider has no such text.
    No,
    /// It did not say: for a person.
    NotSaid(String),
}

/// A request to `/callbacks/<provider>/…`.
#[derive(Clone, Debug)]
pub(crate) struct Callback<'a> {
    pub(crate) method: &'a Method,
    /// The URL as the provider knows it: `server.public_url`, path and query, nothing decoded.
    pub(crate) url: &'a str,
    /// What follows `/callbacks/<provider>/`, nothing decoded; empty when nothing does.
    pub(crate) tail: &'a str,
    /// Without the question mark.
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
    pub(crate) now: UnixMillis,
}

/// Why a callback is not believed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Disbelief {
    /// 401: no signature or secret, or a wrong one.
    #[error("a callback is not signed as its section says")]
    Unproven,
    /// 404: this provider calls nobody back here.
    #[error("this provider has no callbacks here")]
    NoSuchPath,
    /// 400: it is proven, and cannot be read.
    #[error("a callback cannot be read")]
    Unreadable,
}

/// What a provider is answered when its callback was kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Thanks {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) body: &'static str,
}

impl Thanks {
    pub(crate) const EMPTY: Self = Self {
        status: 204,
        content_type: "",
        body: "",
    };
}

/// The wire format of one provider with one account. Pure: time and chance come in with [`Moment`].
pub(crate) trait Provider: fmt::Debug + Send + Sync {
    /// The request that sends a text.
    ///
    /// # Errors
    /// [`Unfit`]: it cannot be said to this provider.
    fn send(&self, text: &Outgoing<'_>, moment: &Moment) -> Result<Request, Unfit>;

    fn verdict(&self, answer: &Answer) -> Verdict;

    /// The request that asks what became of a text; `None`: this provider cannot be asked that.
    fn ask(&self, sought: &Sought<'_>, moment: &Moment) -> Option<Request>;

    fn found(&self, sought: &Sought<'_>, answer: &Answer) -> Found;

    /// Whether [`Provider::ask`] finds a text of which the provider has told no id.
    fn finds_by_reference(&self) -> bool;

    /// What a callback says, once it is proven.
    ///
    /// # Errors
    /// [`Disbelief`]: nothing of it counts.
    fn read(&self, callback: &Callback<'_>) -> Result<Vec<Delivery>, Disbelief>;

    /// What a callback that was kept is answered.
    fn thanks(&self) -> Thanks;
}

/// Where a provider is to call back: `https://example.com/callbacks/NAME`, without a slash at the end; `None` without
/// `server.public_url`.
pub(crate) type CallbackBase = Option<String>;
