//! **Cloud**: providers as carriers.
//!
//! What each provider is asked, what its answers mean and what its callbacks say is pure ([`Provider`]); [`carrier`]
//! moves the octets.
//!
//! Never: decides when a text goes or by whom, touches the store, follows a redirect, logs a secret, a number or a text.
//! May use: `domain`, `https`.
//! Read first: [`Provider`], then [`Verdict`].

pub(crate) mod account;
pub(crate) mod aliyun;
mod bare_status;
mod beijing;
pub(crate) mod carrier;
pub(crate) mod code_account;
pub(crate) mod code_templates;
mod digest;
pub(crate) mod dypns;
mod endpoint;
mod form;
pub(crate) mod generic;
mod patience;
mod percent;
mod price;
mod request;
#[cfg(test)]
mod samples;
mod secret_path;
#[cfg(test)]
mod specimens;
pub(crate) mod templates;
pub(crate) mod tencent;
pub(crate) mod twilio;
pub(crate) mod vonage;
mod words;

use std::fmt;
use std::time::Duration;

pub(crate) use crate::domain::attempt::{Found, Sought};
pub(crate) use crate::domain::callback::{Callback, Disbelief, Thanks};

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
