//! **Tencent** (Tencent Cloud SMS, `kind = "tencent"`): texts by registered templates, whose variables have places and
//! no names.
//!
//! `SessionContext` is the attempt: by it a text is found again whose answer was lost.
//!
//! Never: sends to more than one number per call, puts a 【sign name】 before a text (the provider does), takes the
//! HTTP status, which is 200 for a refusal, for a verdict.

mod codes;
mod reports;
mod tc3;

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Map, Value, json};

use self::tc3::Service;
use super::account::{Account, InvalidSettings, region};
use super::endpoint::Endpoint;
use super::secret_path;
use super::templates::Templates;
use super::{
    Callback, Disbelief, Found, Moment, Outgoing, Provider, Sought, Thanks, Unfit, Verdict,
};
use crate::domain::attempt::Delivery;
use crate::domain::recipe::Registered;
use crate::domain::{Destination, Money, UnixMillis};
use crate::https::{Answer, Request};

const BASE_URL: &str = "https://sms.tencentcloudapi.com";
const REGION: &str = "ap-guangzhou";

/// The most reports that one answer can hold.
const PAGE: usize = 100;

/// The provider tells of nothing that is older.
const KEPT: Duration = Duration::from_secs(7 * 86_400);

/// By which our clock may differ from the provider's; it signs with up to five minutes.
const LEEWAY: Duration = Duration::from_secs(300);

/// What a section says of kind `tencent`.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// `SecretId`.
    pub(crate) account: String,
    /// `SecretKey`.
    pub(crate) secret: SecretString,
    /// `SmsSdkAppId`.
    pub(crate) sdk_app_id: String,
    /// `ap-guangzhou` unless it says another.
    pub(crate) region: Option<String>,
    /// Instead of the service's; that of accounts of the international site is `https://sms.intl.tencentcloudapi.com`.
    pub(crate) base_url: Option<String>,
    /// The text of it, not its id. Numbers of the mainland need one.
    pub(crate) sign_name: Option<String>,
    /// Keys: our template's number, the profile of a code, or `*`.
    pub(crate) template_map: BTreeMap<String, Registered>,
    /// Of the path that reports come to; without it none is believed.
    pub(crate) callback_secret: Option<SecretString>,
    /// Of one part; with it a `Fee`, which is a number of parts, becomes a price.
    pub(crate) cost: Option<Money>,
}

/// One application of one account.
#[derive(Debug)]
pub(crate) struct Tencent {
    service: Service,
    sdk_app_id: String,
    templates: Templates,
    callback_secret: Option<SecretString>,
    cost: Option<Money>,
}

impl Tencent {
    /// # Errors
    /// The settings contradict the provider's rules or themselves.
    pub(crate) fn new(settings: Settings) -> Result<Self, InvalidSettings> {
        if settings.sdk_app_id.is_empty() {
            return Err(InvalidSettings::Missing("sdk_app_id"));
        }
        let base_url = settings.base_url.as_deref().unwrap_or(BASE_URL);
        let region = region(settings.region.as_deref().unwrap_or(REGION))?.to_owned();
        Ok(Self {
            service: Service {
                endpoint: Endpoint::parse(base_url)?,
                account: Account::new(settings.account, settings.secret)?,
                region,
            },
            sdk_app_id: settings.sdk_app_id,
            templates: Templates::new(settings.template_map, settings.sign_name, is_code)?,
            callback_secret: settings.callback_secret,
            cost: settings.cost,
        })
    }

    fn text(&self, text: &Outgoing<'_>) -> Result<Value, Unfit> {
        let number = number(text.to)?;
        let resolved = self.templates.resolve(text)?;
        let values: Vec<&str> = resolved.values.iter().map(|(_, value)| *value).collect();
        let mut fields = self.fields(json!({
            "PhoneNumberSet": [number],
            "TemplateId": resolved.code,
            "TemplateParamSet": values,
            "SessionContext": text.attempt.to_string(),
        }));
        match resolved.sign_name {
            Some(sign_name) => fields.insert("SignName".to_owned(), sign_name.into()),
            None if number.starts_with("+86") => {
                return Err(Unfit(
                    "this provider has no sign_name, neither its section nor template_map; numbers of the mainland \
                     need one"
                        .to_owned(),
                ));
            }
            None => None,
        };
        Ok(Value::Object(fields))
    }

    fn question(&self, sought: &Sought<'_>, now: UnixMillis) -> Option<Value> {
        if now.since(sought.sent_at) >= KEPT {
            return None;
        }
        let seconds = |at: UnixMillis| at.0.div_euclid(1000);
        let leeway = i64::try_from(LEEWAY.as_secs()).unwrap_or_default();
        Some(Value::Object(self.fields(json!({
            "BeginTime": seconds(sought.sent_at) - leeway,
            "EndTime": seconds(now) + leeway,
            "Offset": 0,
            "Limit": PAGE,
            "PhoneNumber": number(sought.to).ok()?,
        }))))
    }

    /// `fields`, and whose application it is.
    fn fields(&self, fields: Value) -> Map<String, Value> {
        let mut fields = match fields {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        fields.insert("SmsSdkAppId".to_owned(), self.sdk_app_id.as_str().into());
        fields
    }
}

impl Provider for Tencent {
    fn send(&self, text: &Outgoing<'_>, moment: &Moment) -> Result<Request, Unfit> {
        self.service.request("SendSms", &self.text(text)?, moment)
    }

    fn verdict(&self, answer: &Answer) -> Verdict {
        codes::verdict(answer, self.cost)
    }

    fn ask(&self, sought: &Sought<'_>, moment: &Moment) -> Option<Request> {
        let question = self.question(sought, moment.now)?;
        self.service
            .request("PullSmsSendStatusByPhoneNumber", &question, moment)
            .ok()
    }

    fn found(&self, sought: &Sought<'_>, answer: &Answer) -> Found {
        reports::found(sought, answer)
    }

    fn finds_by_reference(&self) -> bool {
        true
    }

    fn read(&self, callback: &Callback<'_>) -> Result<Vec<Delivery>, Disbelief> {
        secret_path::prove(callback, self.callback_secret.as_ref())?;
        reports::read(callback.body)
    }

    fn thanks(&self) -> Thanks {
        reports::THANKS
    }
}

/// The form of a template's id: `1110`.
fn is_code(code: &str) -> bool {
    !code.is_empty() && code.bytes().all(|octet| octet.is_ascii_digit())
}

/// E.164 with its plus.
///
/// # Errors
/// A short code has no country.
fn number(to: &Destination) -> Result<&str, Unfit> {
    match to {
        Destination::Number(number) => Ok(number.as_str()),
        Destination::Short(_) => Err(Unfit(
            "a short code cannot be texted by this provider".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests;
