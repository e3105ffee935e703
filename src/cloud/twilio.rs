//! Twilio: Programmable Messaging, version 2010-04-01.
//!
//! Texts are posted as forms; a text is found again by its SID or, without one, by number, time and words. Twilio has no
//! class 0: a text that asks for it goes as any other.
//!
//! Never: lets an answer's words decide, believes a callback that is not signed.

mod signature;
#[cfg(test)]
mod tests;

use std::time::Duration;

use http::{Method, StatusCode};
use jiff::fmt::rfc2822;
use secrecy::SecretString;
use serde::Deserialize;

use super::form::Form;
use super::request::{Base, InvalidBase};
use super::{
    Callback, CallbackBase, Cause, Disbelief, Found, Moment, Outgoing, Provider, Refusal, Sought,
    Thanks, Unfit, Verdict, bare_status, patience, price, words,
};
use crate::domain::attempt::{AttemptId, Delivery, Fate, Taken};
use crate::domain::{Body, Destination, Money, Redacted, UnixMillis};
use crate::https::{Answer, Request};
use signature::{Keys, is_signed};

/// Where Twilio's API stands unless a section says otherwise.
pub(crate) const BASE_URL: &str = "https://api.twilio.com";

/// An account at Twilio.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Account SID: `AC` and 32 hexadecimal digits.
    pub(crate) account: String,
    /// SID of an API key; without one the account itself signs in.
    pub(crate) key: Option<String>,
    /// The key's secret, or the account's auth token.
    pub(crate) secret: SecretString,
    pub(crate) sender: Sender,
    pub(crate) base_url: String,
    pub(crate) callbacks: CallbackBase,
    /// What callbacks are signed with: the auth token where an API key signs in, or a shared key. Without it, the auth
    /// token of `secret` proves them.
    pub(crate) callback_secret: Option<SecretString>,
    /// `budget.currency`.
    pub(crate) currency: String,
}

/// Whom a text comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Sender {
    /// A number in E.164, a short code or a name.
    From(String),
    /// SID of a Messaging Service.
    Service(String),
}

/// Why a section cannot be an account at Twilio.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum InvalidSettings {
    #[error("account must be an Account SID: letters and digits, as AC0123…")]
    Account,
    #[error("key must be the SID of an API key: letters and digits, as SK0123…")]
    Key,
    #[error("from, or messaging_service, must say whom a text comes from")]
    Sender,
    #[error(transparent)]
    Base(#[from] InvalidBase),
}

#[derive(Debug)]
pub(crate) struct Twilio {
    base: Base,
    /// `/2010-04-01/Accounts/AC…/Messages`.
    messages: String,
    sender: Sender,
    callbacks: CallbackBase,
    /// What may have signed a callback; without any, nobody is asked to call back.
    keys: Keys,
    currency: String,
}

impl Twilio {
    /// # Errors
    /// [`InvalidSettings`] names the key of the section.
    pub(crate) fn new(settings: Settings) -> Result<Self, InvalidSettings> {
        if !is_plain(&settings.account) {
            return Err(InvalidSettings::Account);
        }
        if settings.key.as_deref().is_some_and(|key| !is_plain(key)) {
            return Err(InvalidSettings::Key);
        }
        let (Sender::From(sender) | Sender::Service(sender)) = &settings.sender;
        if sender.is_empty() {
            return Err(InvalidSettings::Sender);
        }
        let user = settings.key.as_ref().unwrap_or(&settings.account);
        let base = Base::basic(&settings.base_url, user, &settings.secret)?;
        let token = settings.key.is_none().then_some(settings.secret);
        Ok(Self {
            base,
            messages: format!("/2010-04-01/Accounts/{}/Messages", settings.account),
            sender: settings.sender,
            callbacks: settings.callbacks,
            keys: Keys::new(settings.callback_secret.into_iter().chain(token)),
            currency: settings.currency,
        })
    }

    /// Without a key that could prove it, no callback is asked for: what became of a text is polled then.
    fn callback(&self, text: &Outgoing<'_>) -> Option<String> {
        let is_wanted = text.wants_report && !self.keys.is_empty();
        let base = self.callbacks.as_ref().filter(|_| is_wanted)?;
        Some(format!("{base}/{}", text.attempt))
    }

    fn taken(&self, message: &Message) -> Taken {
        Taken {
            ids: message.sid.iter().cloned().collect(),
            price: self.price(message),
        }
    }

    fn price(&self, message: &Message) -> Option<Money> {
        let (amount, unit) = (message.price.as_ref()?, message.price_unit.as_ref()?);
        price::in_budget(amount, unit, &self.currency)
    }

    fn found_yes(&self, message: &Message) -> Found {
        let Some(word) = &message.status else {
            return Found::NotSaid("Twilio's answer has no status".to_owned());
        };
        let error = message.error_code;
        let fate = fate(word, error);
        let delivery = Delivery {
            attempt: None,
            id: message.sid.clone(),
            recipient: message.to.clone().map(Redacted::new),
            fate,
            detail: detail(fate, error, message.error_message.as_deref()),
            at: message
                .date_updated
                .as_deref()
                .and_then(moment)
                .filter(|_| fate != Fate::Sent),
            price: self.price(message),
        };
        Found::Yes(self.taken(message), Some(delivery))
    }

    fn found_in_list(&self, sought: &Sought<'_>, list: &List) -> Found {
        let mut ours: Vec<_> = list
            .messages
            .iter()
            .filter_map(|message| Some((message.distance(sought)?, message)))
            .collect();
        ours.sort_by_key(|(distance, _)| *distance);
        match (ours.as_slice(), sought.body) {
            ([], _) if !list.reaches(sought) => Found::NotSaid(
                "Twilio has more texts to this number since then than one page shows".to_owned(),
            ),
            ([], _) => Found::No,
            ([_, _, ..], None) => Found::NotSaid(
                "Twilio has several texts to this number of that time, and ours is not known any more"
                    .to_owned(),
            ),
            ([(_, nearest), ..], _) => self.found_yes(nearest),
        }
    }
}

/// Seconds; the longest is that of error 30001's documentation: a queue of ten hours.
const SHORTEST_VALIDITY: u64 = 1;
const LONGEST_VALIDITY: u64 = 36_000;

impl Provider for Twilio {
    fn send(&self, text: &Outgoing<'_>, _: &Moment) -> Result<Request, Unfit> {
        let Destination::Number(to) = text.to else {
            return Err(Unfit(
                "Twilio sends to numbers in E.164, not to short codes".to_owned(),
            ));
        };
        let validity = text
            .validity
            .as_secs()
            .clamp(SHORTEST_VALIDITY, LONGEST_VALIDITY);
        let form = Form::default().with("To", to.as_str());
        let form = match &self.sender {
            Sender::From(number) => form.with("From", number),
            Sender::Service(service) => form.with("MessagingServiceSid", service),
        };
        let form = form
            .with("Body", text.body.expose())
            .with("ValidityPeriod", validity.to_string())
            .with_some("StatusCallback", self.callback(text));
        self.base
            .post(&format!("{}.json", self.messages), &form)
            .ok_or_else(|| Unfit("account makes no URL".to_owned()))
    }

    fn verdict(&self, answer: &Answer) -> Verdict {
        let status = answer.status();
        if status.is_success() {
            return match serde_json::from_slice::<Message>(answer.body()) {
                Ok(message) if message.sid.as_deref().is_some_and(is_sid) => {
                    Verdict::Accepted(self.taken(&message))
                }
                _ => Verdict::Unknown(words::status_alone(status)),
            };
        }
        let wait = patience::asked(answer.headers());
        match serde_json::from_slice::<Failure>(answer.body()) {
            Ok(failure) => failure.verdict(status, wait),
            Err(_) => bare_status::verdict(status, words::status_alone(status), wait),
        }
    }

    fn ask(&self, sought: &Sought<'_>, _: &Moment) -> Option<Request> {
        if let Some(sid) = sought.id {
            let path = is_sid(sid).then(|| format!("{}/{sid}.json", self.messages))?;
            return self.base.get(&path, &Form::default());
        }
        let since = sought.sent_at.0.saturating_sub(millis(CLOCKS_APART));
        let query = Form::default()
            .with("To", sought.to.as_str())
            .with("DateSent>", &UnixMillis(since).to_seconds()[..DATE_LENGTH])
            .with("PageSize", PAGE_SIZE.to_string());
        self.base.get(&format!("{}.json", self.messages), &query)
    }

    fn found(&self, sought: &Sought<'_>, answer: &Answer) -> Found {
        let status = answer.status();
        let unreadable = || Found::NotSaid(words::status_alone(status));
        if !status.is_success() {
            return match serde_json::from_slice::<Failure>(answer.body()) {
                // The resource of one text is missing; of a whole account it is the operator's mistake.
                Ok(failure) if failure.code == NO_SUCH_RESOURCE && sought.id.is_some() => Found::No,
                Ok(failure) => Found::NotSaid(failure.said()),
                Err(_) => unreadable(),
            };
        }
        match sought.id {
            Some(sid) => match serde_json::from_slice::<Message>(answer.body()) {
                Ok(message) if message.sid.as_deref() == Some(sid) => self.found_yes(&message),
                _ => unreadable(),
            },
            None => match serde_json::from_slice::<List>(answer.body()) {
                Ok(list) => self.found_in_list(sought, &list),
                Err(_) => unreadable(),
            },
        }
    }

    fn finds_by_reference(&self) -> bool {
        true
    }

    fn read(&self, callback: &Callback<'_>) -> Result<Vec<Delivery>, Disbelief> {
        if self.callbacks.is_none() || self.keys.is_empty() {
            return Err(Disbelief::NoSuchPath);
        }
        let form = Form::parse(callback.body);
        if !is_signed(callback, &form, &self.keys) {
            return Err(Disbelief::Unproven);
        }
        if *callback.method != Method::POST {
            return Err(Disbelief::Unreadable);
        }
        let report = report(callback.tail, &form).ok_or(Disbelief::Unreadable)?;
        Ok(vec![report])
    }

    fn thanks(&self) -> Thanks {
        Thanks::EMPTY
    }
}

/// What a status callback says. Fields that we do not know are Twilio's to add.
fn report(tail: &str, form: &Form) -> Option<Delivery> {
    let sid = form.filled("MessageSid").or(form.filled("SmsSid"))?;
    let word = form.filled("MessageStatus").or(form.filled("SmsStatus"))?;
    let error = form.filled("ErrorCode").and_then(|code| code.parse().ok());
    let fate = fate(word, error);
    Some(Delivery {
        attempt: AttemptId::parse(tail),
        id: Some(sid.to_owned()),
        recipient: form.filled("To").map(|to| Redacted::new(to.to_owned())),
        fate,
        detail: detail(fate, error, None),
        // `RawDlrDoneDate` is in the time of a carrier that is not named.
        at: None,
        price: None,
    })
}

/// The resource Message; what is not here is not asked.
#[derive(Deserialize)]
struct Message {
    sid: Option<String>,
    status: Option<String>,
    to: Option<String>,
    body: Option<String>,
    error_code: Option<u32>,
    error_message: Option<String>,
    /// `null` until it is billed, then negative.
    price: Option<String>,
    price_unit: Option<String>,
    /// RFC 2822.
    date_created: Option<String>,
    date_updated: Option<String>,
    direction: Option<String>,
}

/// A page of them.
#[derive(Deserialize)]
struct List {
    messages: Vec<Message>,
    next_page_uri: Option<String>,
}

impl List {
    /// Whether a text of that time would be on this page: the newest come first.
    fn reaches(&self, sought: &Sought<'_>) -> bool {
        let earliest = sought.sent_at.0.saturating_sub(millis(CLOCKS_APART));
        let mut created = self
            .messages
            .iter()
            .filter_map(|one| moment(one.date_created.as_deref()?));
        self.next_page_uri.is_none() || created.any(|at| at.0 < earliest)
    }
}

#[derive(Deserialize)]
struct Failure {
    code: u32,
    #[serde(default)]
    message: String,
}

/// As many as an answer may hold, each with a text of 1600 characters written as `\uXXXX`.
const PAGE_SIZE: usize = 20;

/// `2026-11-20`.
const DATE_LENGTH: usize = 10;

/// By how much Twilio's clock and ours may differ.
const CLOCKS_APART: Duration = Duration::from_secs(120);

/// After the request was about to be written, Twilio has it within this, or never.
const LONGEST_REQUEST: Duration = Duration::from_secs(120);

impl Message {
    /// Milliseconds between the making of this text and the request of the one that is sought; `None`: it is another.
    fn distance(&self, sought: &Sought<'_>) -> Option<u64> {
        let created = moment(self.date_created.as_deref()?)?;
        let after = created.0.checked_sub(sought.sent_at.0)?;
        let window = -millis(CLOCKS_APART)..=millis(LONGEST_REQUEST + CLOCKS_APART);
        let is_outbound = self.direction.as_deref() != Some("inbound");
        let is_to = self.to.as_deref() == Some(sought.to.as_str());
        let is_text = sought
            .body
            .is_none_or(|body| is_text(body, self.body.as_deref().unwrap_or_default()));
        (window.contains(&after) && is_outbound && is_to && is_text).then(|| after.unsigned_abs())
    }
}

/// A Messaging Service may have put plain quotes and dashes for typographic ones, and a trial account its own words
/// before the text: what counts is letters and digits, from the end.
fn is_text(ours: &Body, theirs: &str) -> bool {
    let letters = |text: &str| -> String { text.chars().filter(|c| c.is_alphanumeric()).collect() };
    let ours_letters = letters(ours.expose());
    match ours_letters.is_empty() {
        true => ours.expose() == theirs,
        false => letters(theirs).ends_with(&ours_letters),
    }
}

impl Failure {
    fn verdict(&self, status: StatusCode, wait: Option<Duration>) -> Verdict {
        match cause(self.code) {
            // The status of some of these is not documented: the code decides.
            Some(cause) => Verdict::Refused(Refusal {
                cause,
                said: self.said(),
                wait,
            }),
            None => bare_status::verdict(status, self.said(), wait),
        }
    }

    fn said(&self) -> String {
        words::said(&self.code.to_string(), &self.message)
    }
}

/// Twilio's Error and Warning Dictionary.
const NO_SUCH_RESOURCE: u32 = 20404;
const VALIDITY_EXPIRED: u32 = 30036;

/// The codes that say for certain that a text was not taken.
fn cause(code: u32) -> Option<Cause> {
    Some(match code {
        // Not processed, and safe to repeat: requests at a time, and a sender's queue of ten hours.
        20429 | 21611 | 30001 => Cause::Busy,
        21211 | 21217 | 21604 | 21614 | 30005 | 30006 => Cause::Number,
        21602 | 21617 | 21656 => Cause::Params,
        21655 => Cause::Template,
        21610 => Cause::OptedOut,
        // Credentials, account, sender, region, trial.
        20003 | NO_SUCH_RESOURCE | 21212 | 21408 | 21603 | 21606 | 21608 | 21612 => Cause::Config,
        // Suspended or not active: "potentially because you ran out of funds".
        10001 | 20005 | 30002 | 90010 => Cause::Funds,
        _ => return None,
    })
}

/// Message status values, and whatever comes to be one.
fn fate(word: &str, error: Option<u32>) -> Fate {
    match word {
        "delivered" | "read" => Fate::Delivered,
        "undelivered" | "failed" if error == Some(VALIDITY_EXPIRED) => Fate::Expired,
        "undelivered" | "failed" | "canceled" => Fate::Undelivered,
        _ => Fate::Sent,
    }
}

fn detail(fate: Fate, error: Option<u32>, told: Option<&str>) -> Option<String> {
    let code = error.filter(|code| *code != 0 && fate != Fate::Sent)?;
    let known = match code {
        30001 => "queue overflow",
        30002 => "account suspended",
        30003 => "unreachable handset",
        30004 => "message blocked",
        30005 => "unknown handset",
        30006 => "landline or unreachable carrier",
        30007 => "filtered by the carrier",
        30008 => "unknown error",
        VALIDITY_EXPIRED => "validity period expired",
        _ => "",
    };
    let told = told.filter(|told| !told.is_empty()).unwrap_or(known);
    Some(words::said(&code.to_string(), told))
}

/// `SM` or `MM` and 32 hexadecimal digits: safe in a path.
fn is_sid(text: &str) -> bool {
    let digits = text.strip_prefix("SM").or(text.strip_prefix("MM"));
    digits.is_some_and(|digits| {
        digits.len() == 32 && digits.bytes().all(|octet| octet.is_ascii_hexdigit())
    })
}

fn is_plain(sid: &str) -> bool {
    !sid.is_empty() && sid.bytes().all(|octet| octet.is_ascii_alphanumeric())
}

/// `Thu, 24 Aug 2023 05:01:45 +0000`.
fn moment(text: &str) -> Option<UnixMillis> {
    let moment = rfc2822::parse(text).ok()?;
    Some(UnixMillis(moment.timestamp().as_millisecond()))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
