//! Vonage: the SMS API (once Nexmo).
//!
//! One answer and one report per part; nobody can ask about a text. Never: calls a text refused of which a part was
//! taken, believes a report without a signature or the secret path.

mod signature;
#[cfg(test)]
mod tests;

use std::time::Duration;

use http::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use super::form::Form;
use super::request::{Base, InvalidBase};
use super::{
    Callback, CallbackBase, Cause, Disbelief, Found, Moment, Outgoing, Provider, Refusal, Sought,
    Thanks, Unfit, Verdict, bare_status, patience, percent, price, secret_path, words,
};
use crate::domain::attempt::{AttemptId, Delivery, Fate, Taken};
use crate::domain::{Destination, Money, Redacted, UnixMillis};
use crate::https::{Answer, Request};

/// Where Vonage's SMS API stands unless a section says otherwise.
pub(crate) const BASE_URL: &str = "https://rest.nexmo.com";

/// Vonage bills in one currency.
const CURRENCY: &str = "EUR";

/// An account at Vonage.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// `api_key`.
    pub(crate) account: String,
    /// `api_secret`.
    pub(crate) secret: SecretString,
    /// A number without +, or a name.
    pub(crate) from: String,
    pub(crate) base_url: String,
    pub(crate) callbacks: CallbackBase,
    /// The signature secret of the account, or the last part of the path of its webhook. A report that either proves is
    /// believed.
    pub(crate) callback_secret: Option<SecretString>,
    /// `budget.currency`.
    pub(crate) currency: String,
}

/// Why a section cannot be an account at Vonage.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum InvalidSettings {
    #[error("{0} must not be empty")]
    Empty(&'static str),
    #[error(transparent)]
    Base(#[from] InvalidBase),
}

#[derive(Debug)]
pub(crate) struct Vonage {
    base: Base,
    from: String,
    callbacks: CallbackBase,
    callback_secret: Option<SecretString>,
    currency: String,
}

/// Vonage's limits of `ttl`.
const SHORTEST_TTL: Duration = Duration::from_secs(20);
const LONGEST_TTL: Duration = Duration::from_secs(604_800);

/// Characters of `callback`.
const LONGEST_CALLBACK: usize = 100;

impl Vonage {
    /// # Errors
    /// [`InvalidSettings`] names the key of the section.
    pub(crate) fn new(settings: Settings) -> Result<Self, InvalidSettings> {
        for (key, value) in [("account", &settings.account), ("from", &settings.from)] {
            if value.is_empty() {
                return Err(InvalidSettings::Empty(key));
            }
        }
        let is_secret = |secret: &SecretString| !secret.expose_secret().is_empty();
        Ok(Self {
            base: Base::basic(&settings.base_url, &settings.account, &settings.secret)?,
            from: settings.from,
            callbacks: settings.callbacks,
            callback_secret: settings.callback_secret.filter(is_secret),
            currency: settings.currency,
        })
    }

    /// With the secret in its path, so that it is proven whether Vonage signs or not. One that is too long for the field
    /// is left to the account's own setting.
    fn callback(&self, text: &Outgoing<'_>) -> Option<String> {
        let base = self.callbacks.as_ref().filter(|_| text.wants_report)?;
        let secret = self.callback_secret.as_ref()?.expose_secret();
        let url = format!("{base}/{}", percent::encoded(secret));
        (url.len() <= LONGEST_CALLBACK).then_some(url)
    }

    /// The sum of all parts, if each has its price.
    fn price(&self, parts: &[Part]) -> Option<Money> {
        parts.iter().try_fold(Money(0), |sum, part| {
            let price = part.message_price.as_deref()?;
            Some(sum.plus(price::in_budget(price, CURRENCY, &self.currency)?))
        })
    }
}

impl Provider for Vonage {
    fn send(&self, text: &Outgoing<'_>, _: &Moment) -> Result<Request, Unfit> {
        let to = match text.to {
            Destination::Number(number) => number.digits(),
            Destination::Short(code) => code.as_str(),
        };
        // Characters outside the GSM alphabet arrive as question marks unless this says so.
        let kind = text.body.is_ucs2(text.encoding).then_some("unicode");
        let ttl = text.validity.clamp(SHORTEST_TTL, LONGEST_TTL).as_millis();
        let form = Form::default()
            .with("from", self.from.trim_start_matches('+'))
            .with("to", to)
            .with("text", text.body.expose())
            .with_some("type", kind)
            .with("ttl", ttl.to_string())
            .with("client-ref", text.attempt.to_string())
            .with(
                "status-report-req",
                if text.wants_report { "1" } else { "0" },
            )
            .with_some("message-class", text.flash.then_some("0"))
            .with_some("callback", self.callback(text));
        self.base
            .post("/sms/json", &form)
            .ok_or_else(|| Unfit("base_url makes no URL".to_owned()))
    }

    fn verdict(&self, answer: &Answer) -> Verdict {
        let status = answer.status();
        let parts = match serde_json::from_slice::<Parts>(answer.body()) {
            Ok(parts) if status.is_success() && !parts.messages.is_empty() => parts.messages,
            _ => {
                let wait = patience::asked(answer.headers());
                return bare_status::verdict(status, words::status_alone(status), wait);
            }
        };
        let taken = parts.iter().filter(|part| part.is_taken()).count();
        let Some((number, refused)) = (1..).zip(&parts).find(|(_, part)| !part.is_taken()) else {
            return Verdict::Accepted(Taken {
                ids: parts
                    .iter()
                    .filter_map(|part| part.message_id.clone())
                    .collect(),
                price: self.price(&parts),
            });
        };
        if taken > 0 {
            return Verdict::Unknown(format!(
                "{taken} of {} parts were taken; part {number} was not: {}",
                parts.len(),
                refused.said()
            ));
        }
        match parts.iter().find(|part| part.cause().is_none()) {
            Some(open) => Verdict::Unknown(open.said()),
            None => refused.refusal(),
        }
    }

    fn ask(&self, _: &Sought<'_>, _: &Moment) -> Option<Request> {
        None
    }

    fn found(&self, _: &Sought<'_>, _: &Answer) -> Found {
        Found::NotSaid("Vonage's SMS API cannot be asked about a text".to_owned())
    }

    fn finds_by_reference(&self) -> bool {
        false
    }

    fn read(&self, callback: &Callback<'_>) -> Result<Vec<Delivery>, Disbelief> {
        let secret = self
            .callback_secret
            .as_ref()
            .filter(|_| self.callbacks.is_some())
            .ok_or(Disbelief::NoSuchPath)?;
        let form = form_of(callback);
        let is_proven = secret_path::is_told(callback, secret)
            || form
                .as_ref()
                .is_some_and(|form| signature::is_signed(form, secret, callback.now));
        if !is_proven {
            return Err(Disbelief::Unproven);
        }
        let report = form
            .as_ref()
            .and_then(report)
            .ok_or(Disbelief::Unreadable)?;
        Ok(vec![report])
    }

    fn thanks(&self) -> Thanks {
        Thanks::EMPTY
    }
}

/// By GET a report is the query; by POST it is a form or JSON, as the account is set.
fn form_of(callback: &Callback<'_>) -> Option<Form> {
    if *callback.method == Method::GET {
        return Some(Form::parse(callback.query.as_bytes()));
    }
    if callback.body.trim_ascii_start().first() != Some(&b'{') {
        return Some(Form::parse(callback.body));
    }
    let fields: serde_json::Map<String, Value> = serde_json::from_slice(callback.body).ok()?;
    let plain = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let form = fields.iter().fold(Form::default(), |form, (name, value)| {
        form.with(name, plain(value))
    });
    Some(form)
}

fn report(form: &Form) -> Option<Delivery> {
    let word = form.filled("status")?;
    let fate = match word {
        "delivered" => Fate::Delivered,
        "expired" | "failed" | "rejected" => Fate::Undelivered,
        _ => Fate::Sent,
    };
    let code = form.filled("err-code").filter(|code| *code != "0");
    let detail = (fate == Fate::Undelivered).then(|| match code {
        Some(code) => format!("{word}, err-code {}", words::code_alone(code)),
        None => word.to_owned(),
    });
    Some(Delivery {
        attempt: form.filled("client-ref").and_then(AttemptId::parse),
        id: Some(form.filled("messageId")?.to_owned()),
        recipient: form.filled("msisdn").map(|to| Redacted::new(to.to_owned())),
        fate,
        detail,
        at: form.filled("message-timestamp").and_then(moment),
        // That of one part.
        price: None,
    })
}

/// `2026-01-02 03:04:05`, in UTC.
fn moment(text: &str) -> Option<UnixMillis> {
    let (date, time) = text.split_once(' ')?;
    UnixMillis::parse_rfc3339(&format!("{date}T{time}Z"))
}

#[derive(Deserialize)]
struct Parts {
    messages: Vec<Part>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Part {
    status: String,
    message_id: Option<String>,
    message_price: Option<String>,
    error_text: Option<String>,
}

impl Part {
    fn is_taken(&self) -> bool {
        self.status == "0"
    }

    /// `None`: it may have been taken all the same.
    fn cause(&self) -> Option<Cause> {
        Some(match self.status.as_str() {
            // Throttled; too many binds.
            "1" | "10" => Cause::Busy,
            // Missing, invalid.
            "2" | "3" if self.names_the_number() => Cause::Number,
            "2" | "3" => Cause::Params,
            // Credentials, account, signature, sender.
            "4" | "8" | "14" | "15" => Cause::Config,
            // Internal.
            "5" => return None,
            // Not to be routed.
            "6" => Cause::Number,
            // Barred: on the list of those who want nothing.
            "7" => Cause::OptedOut,
            "9" => Cause::Funds,
            status if status.bytes().all(|octet| octet.is_ascii_digit()) => Cause::Other,
            _ => return None,
        })
    }

    /// `Missing to param`, `Invalid value for parameter: to`: the only thing that tells which field it is.
    fn names_the_number(&self) -> bool {
        let text = self
            .error_text
            .as_deref()
            .unwrap_or_default()
            .to_lowercase();
        let words: Vec<&str> = text
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
            .filter(|word| !word.is_empty())
            .collect();
        words.windows(2).any(|pair| {
            matches!(
                pair,
                ["to", "param" | "parameter" | "address"]
                    | ["param" | "parameter" | "missing", "to"]
            )
        })
    }

    fn said(&self) -> String {
        words::said(
            &format!("status {}", self.status),
            self.error_text.as_deref().unwrap_or_default(),
        )
    }

    fn refusal(&self) -> Verdict {
        match self.cause() {
            Some(cause) => Verdict::Refused(Refusal {
                cause,
                said: self.said(),
                wait: self.wait(),
            }),
            None => Verdict::Unknown(self.said()),
        }
    }

    /// `Throughput Rate Exceeded - please wait [ 250 ] and retry`: milliseconds.
    fn wait(&self) -> Option<Duration> {
        let text = self.error_text.as_deref().filter(|_| self.status == "1")?;
        let (_, rest) = text.split_once('[')?;
        let (digits, _) = rest.split_once(']')?;
        digits.trim().parse().ok().map(Duration::from_millis)
    }
}
