//! **Aliyun** (Alibaba Cloud Dysmsapi, `kind = "aliyun"`): texts by registered templates, one number per call.
//!
//! One number per call, because an answer has one `BizId` for all of them, and only `BizId` and number together name a
//! text. `OutId` is the attempt: by it a text is found again whose answer was lost.
//!
//! Never: sends a text without a template, puts a 【sign name】 before it (the provider does), asks for more than one
//! page of details.

pub(super) mod acs3;
pub(super) mod codes;
mod details;
pub(super) mod reports;
#[cfg(test)]
mod rpc;

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde_json::{Map, Value};

use self::acs3::Parameter;
use super::account::{Account, InvalidSettings, region};
use super::endpoint::Endpoint;
use super::secret_path;
use super::templates::{Resolved, Templates};
use super::{
    Callback, Disbelief, Found, Moment, Outgoing, Provider, Sought, Thanks, Unfit, Verdict,
};
use crate::domain::attempt::Delivery;
use crate::domain::recipe::Registered;
use crate::domain::{Destination, Money};
use crate::https::{Answer, Request};

/// What a section says of kind `aliyun`.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// `AccessKeyId`.
    pub(crate) account: String,
    /// `AccessKeySecret`.
    pub(crate) secret: SecretString,
    /// Of the service; `None` is the mainland of China.
    pub(crate) region: Option<String>,
    /// Instead of the region's.
    pub(crate) base_url: Option<String>,
    pub(crate) sign_name: Option<String>,
    /// Keys: our template's number, the profile of a code, or `*`.
    pub(crate) template_map: BTreeMap<String, Registered>,
    /// Of the path that reports come to; without it none is believed.
    pub(crate) callback_secret: Option<SecretString>,
    /// Of one part; with it a report's parts become a price.
    pub(crate) cost: Option<Money>,
}

/// One account at Dysmsapi.
#[derive(Debug)]
pub(crate) struct Aliyun {
    endpoint: Endpoint,
    account: Account,
    templates: Templates,
    callback_secret: Option<SecretString>,
    cost: Option<Money>,
}

impl Aliyun {
    /// # Errors
    /// The settings contradict the provider's rules or themselves.
    pub(crate) fn new(settings: Settings) -> Result<Self, InvalidSettings> {
        let account = Account::new(settings.account, settings.secret)?;
        let base_url = match settings.base_url {
            Some(base_url) => base_url,
            None => service("dysmsapi", settings.region.as_deref())?,
        };
        Ok(Self {
            endpoint: Endpoint::parse(&base_url)?,
            account,
            templates: Templates::new(settings.template_map, settings.sign_name, is_code)?,
            callback_secret: settings.callback_secret,
            cost: settings.cost,
        })
    }

    fn parameters(
        &self,
        text: &Outgoing<'_>,
        resolved: &Resolved<'_>,
    ) -> Result<Vec<Parameter>, Unfit> {
        let sign_name = resolved.sign_name.ok_or_else(|| {
            Unfit("this provider has no sign_name, neither its section nor template_map".to_owned())
        })?;
        let mut parameters = vec![
            ("OutId", text.attempt.to_string()),
            ("PhoneNumbers", number(text.to)?.to_owned()),
            ("SignName", sign_name.to_owned()),
            ("TemplateCode", resolved.code.to_owned()),
        ];
        if !resolved.values.is_empty() {
            parameters.push(("TemplateParam", template_param(&resolved.values)));
        }
        Ok(parameters)
    }
}

impl Provider for Aliyun {
    fn send(&self, text: &Outgoing<'_>, moment: &Moment) -> Result<Request, Unfit> {
        let resolved = self.templates.resolve(text)?;
        let parameters = self.parameters(text, &resolved)?;
        acs3::request(
            &self.endpoint,
            &self.account,
            "SendSms",
            &parameters,
            moment,
        )
    }

    fn verdict(&self, answer: &Answer) -> Verdict {
        codes::verdict(answer)
    }

    fn ask(&self, sought: &Sought<'_>, moment: &Moment) -> Option<Request> {
        let parameters = details::question(sought, moment.now)?;
        acs3::request(
            &self.endpoint,
            &self.account,
            "QuerySendDetails",
            &parameters,
            moment,
        )
        .ok()
    }

    fn found(&self, sought: &Sought<'_>, answer: &Answer) -> Found {
        details::found(sought, answer)
    }

    fn finds_by_reference(&self) -> bool {
        true
    }

    fn read(&self, callback: &Callback<'_>) -> Result<Vec<Delivery>, Disbelief> {
        secret_path::prove(callback, self.callback_secret.as_ref())?;
        reports::read(callback.body, self.cost)
    }

    fn thanks(&self) -> Thanks {
        reports::THANKS
    }
}

/// The base URL of a product. All regions of the mainland have one.
///
/// # Errors
/// The region would make another host of it.
pub(super) fn service(product: &str, name: Option<&str>) -> Result<String, InvalidSettings> {
    match region(name.unwrap_or_default())? {
        mainland if mainland.is_empty() || mainland.starts_with("cn-") => {
            Ok(format!("https://{product}.aliyuncs.com"))
        }
        abroad => Ok(format!("https://{product}.{abroad}.aliyuncs.com")),
    }
}

/// The form of a template code: `SMS_154950909`.
fn is_code(code: &str) -> bool {
    code.starts_with("SMS_")
}

/// A number as `PhoneNumbers` has it: 11 digits in the mainland, else country code and number without `+`.
///
/// # Errors
/// A short code has no country.
fn number(to: &Destination) -> Result<&str, Unfit> {
    let Destination::Number(number) = to else {
        return Err(Unfit(
            "a short code cannot be texted by this provider".to_owned(),
        ));
    };
    let number = number.as_str();
    Ok(number
        .strip_prefix("+86")
        .unwrap_or_else(|| number.trim_start_matches('+')))
}

/// `TemplateParam`: an object whose values are all strings; a number in it is `isv.INVALID_JSON_PARAM`.
pub(super) fn template_param(values: &[(&str, &str)]) -> String {
    let object: Map<String, Value> = values
        .iter()
        .map(|(name, value)| ((*name).to_owned(), Value::from(*value)))
        .collect();
    Value::Object(object).to_string()
}

#[cfg(test)]
mod tests;
