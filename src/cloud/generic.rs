//! A provider that is described instead of built in (kind `http`): one request per text, made of templates, and rules for
//! what its answers and reports mean.
//!
//! Never: can be asked about a text, takes an answer that no rule knows for more than its HTTP status says.

pub(crate) mod condition;
#[cfg(test)]
mod recipes;
mod template;
#[cfg(test)]
mod tests;

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::form::Form;
use super::request::basic;
use super::{
    Callback, CallbackBase, Cause, Disbelief, Found, Moment, Outgoing, Provider, Refusal, Sought,
    Thanks, Unfit, Verdict, bare_status, digest, patience, percent, secret_path, words,
};
use crate::domain::attempt::{AttemptId, Delivery, Fate, Taken};
use crate::domain::recipe::{Condition, ReportRecipe};
use crate::https::{Answer, Request};
use condition::{Seen, plain};
pub(crate) use template::InvalidTemplate;
use template::{Kind, Template, Values};

/// A section of kind `http`, with its secrets read.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) method: Method,
    /// A template, as the values of `headers` and `body` are.
    pub(crate) url: String,
    pub(crate) content_type: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<String>,
    pub(crate) auth: Auth,
    /// What `{from}` stands for.
    pub(crate) from: Option<String>,
    /// When a text was taken.
    pub(crate) success: Condition,
    /// Where an answer has the provider's id.
    pub(crate) id_pointer: Option<String>,
    /// The first that holds counts, before `success`.
    pub(crate) errors: Vec<ErrorRule>,
    pub(crate) report: Option<ReportRecipe>,
    pub(crate) callbacks: CallbackBase,
    /// The last part of the path of reports.
    pub(crate) callback_secret: Option<SecretString>,
}

/// How we prove who we are.
#[derive(Clone, Debug)]
pub(crate) enum Auth {
    None,
    Basic {
        account: String,
        secret: SecretString,
    },
    Bearer {
        secret: SecretString,
    },
    /// The secret is the whole value of the header.
    Header {
        name: String,
        secret: SecretString,
    },
    /// HMAC-SHA256 of the body. `format` has `{hex}` or `{b64}` for it. Reports may be signed so, too.
    Hmac {
        name: String,
        format: String,
        secret: SecretString,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct ErrorRule {
    pub(crate) when: Condition,
    pub(crate) is: Cause,
}

/// Why a section makes no requests: the key, and what is wrong with it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum InvalidRecipe {
    #[error("{key}: {why}")]
    Template { key: String, why: InvalidTemplate },
    #[error(
        "url: scheme and host must be written out, such as https://sms.example.com/, without a user"
    )]
    Url,
    #[error("{0} must be a header's name")]
    HeaderName(String),
    #[error("secret_file: what it holds cannot stand in a header: one line of ASCII can")]
    Secret,
    #[error("auth_format must be one line with {{hex}} or {{b64}} in it")]
    Format,
    #[error(
        "report: id_pointer and status_pointer must have their * at the same place, and one each"
    )]
    Pointers,
}

/// A section whose templates are read.
pub(crate) struct Recipe {
    settings: Settings,
    url: Template,
    headers: Vec<(HeaderName, Template)>,
    body: Option<Template>,
    authorization: Option<(HeaderName, HeaderValue)>,
}

impl Recipe {
    /// # Errors
    /// [`InvalidRecipe`] names the key and the place in it.
    pub(crate) fn parse(mut settings: Settings) -> Result<Self, InvalidRecipe> {
        let is_secret = |secret: &SecretString| !secret.expose_secret().is_empty();
        settings.callback_secret = settings.callback_secret.filter(is_secret);
        let headers = settings
            .headers
            .iter()
            .map(|(name, value)| -> Result<_, InvalidRecipe> {
                let key = format!("headers.{name}");
                let value = parsed(&key, value, Kind::Header)?;
                Ok((header_name(name, key)?, value))
            });
        let kind = Kind::of(&settings.content_type);
        // The line end that closes a text in TOML would become the end of a form's last value.
        let body = settings.body.as_deref().map(str::trim_end);
        let recipe = Self {
            url: url(&settings.url)?,
            headers: headers.collect::<Result<Vec<_>, _>>()?,
            body: body.map(|body| parsed("body", body, kind)).transpose()?,
            authorization: settings.auth.header()?,
            settings,
        };
        if let Some(report) = &recipe.settings.report {
            report.check()?;
        }
        Ok(recipe)
    }

    /// Empty where nobody is to call back, or could be believed.
    fn callback_url(&self, text: &Outgoing<'_>) -> String {
        let is_wanted = text.wants_report && self.settings.report.is_some();
        let base = self.settings.callbacks.as_ref().filter(|_| is_wanted);
        match (base, &self.settings.callback_secret, &self.settings.auth) {
            (Some(base), Some(secret), _) => {
                format!("{base}/{}", percent::encoded(secret.expose_secret()))
            }
            (Some(base), None, Auth::Hmac { .. }) => base.clone(),
            _ => String::new(),
        }
    }

    fn accepted(&self, json: Option<&Value>) -> Verdict {
        let Some(pointer) = &self.settings.id_pointer else {
            return Verdict::Accepted(Taken::default());
        };
        let id = json.and_then(|json| plain(json.pointer(pointer)?));
        match id.filter(|id| !id.is_empty()) {
            Some(id) => Verdict::Accepted(Taken {
                ids: vec![id],
                price: None,
            }),
            None => Verdict::Unknown(format!("the answer has no id at {pointer}")),
        }
    }

    fn is_proven(&self, callback: &Callback<'_>) -> Result<bool, Disbelief> {
        match (&self.settings.callback_secret, &self.settings.auth) {
            (None, Auth::Hmac { .. }) => Ok(self.settings.auth.is_signed(callback)),
            (Some(secret), auth) => {
                Ok(secret_path::is_told(callback, secret) || auth.is_signed(callback))
            }
            (None, _) => Err(Disbelief::NoSuchPath),
        }
    }
}

fn parsed(key: &str, text: &str, kind: Kind) -> Result<Template, InvalidRecipe> {
    Template::parse(text, kind).map_err(|why| InvalidRecipe::Template {
        key: key.to_owned(),
        why,
    })
}

/// No value may become a part of the host: all of it stands before the first.
fn url(text: &str) -> Result<Template, InvalidRecipe> {
    let template = parsed("url", text, Kind::Url)?;
    let (scheme, rest) = template
        .beginning()
        .split_once("://")
        .ok_or(InvalidRecipe::Url)?;
    let end = rest.find(['/', '?']);
    // A template without a value may end with its host.
    let host = &rest[..end.unwrap_or(rest.len())];
    let is_whole = end.is_some() || text.len() == template.beginning().len();
    let is_host = !host.is_empty() && !host.contains(['@', '\\', '#']) && is_whole;
    match is_host && matches!(scheme, "http" | "https") {
        true => Ok(template),
        false => Err(InvalidRecipe::Url),
    }
}

fn header_name(name: &str, key: String) -> Result<HeaderName, InvalidRecipe> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| InvalidRecipe::HeaderName(key))
}

impl Auth {
    /// What is the same in every request.
    fn header(&self) -> Result<Option<(HeaderName, HeaderValue)>, InvalidRecipe> {
        let secret_value = |text: &str| -> Result<HeaderValue, InvalidRecipe> {
            let mut value = HeaderValue::from_str(text).map_err(|_| InvalidRecipe::Secret)?;
            value.set_sensitive(true);
            Ok(value)
        };
        Ok(match self {
            Self::None => None,
            Self::Basic { account, secret } => {
                Some((header::AUTHORIZATION, basic(account, secret)))
            }
            Self::Bearer { secret } => {
                let value = secret_value(&format!("Bearer {}", secret.expose_secret()))?;
                Some((header::AUTHORIZATION, value))
            }
            Self::Header { name, secret } => {
                let name = header_name(name, "auth_header".to_owned())?;
                Some((name, secret_value(secret.expose_secret())?))
            }
            Self::Hmac { name, format, .. } => {
                header_name(name, "auth_header".to_owned())?;
                let has_sum = format.contains("{hex}") || format.contains("{b64}");
                if !has_sum || HeaderValue::from_str(format).is_err() {
                    return Err(InvalidRecipe::Format);
                }
                None
            }
        })
    }

    /// Name and value of the header that signs a body.
    fn signature(&self, body: &[u8]) -> Option<(&str, String)> {
        let Self::Hmac {
            name,
            format,
            secret,
        } = self
        else {
            return None;
        };
        let sum = digest::hmac_sha256(secret.expose_secret().as_bytes(), body);
        let value = format
            .replace("{hex}", &digest::hex(&sum))
            .replace("{b64}", &STANDARD.encode(sum));
        Some((name, value))
    }

    fn is_signed(&self, callback: &Callback<'_>) -> bool {
        let Some((name, expected)) = self.signature(callback.body) else {
            return false;
        };
        let Self::Hmac { secret, .. } = self else {
            return false;
        };
        let told = callback
            .headers
            .get(name)
            .map_or(&b""[..], HeaderValue::as_bytes);
        // A GET has no body: its signature would be that of every other GET.
        let is_meant = *callback.method != Method::GET && !secret.expose_secret().is_empty();
        let is_same: bool = Sha256::digest(told).ct_eq(&Sha256::digest(expected)).into();
        is_same && is_meant
    }
}

impl ReportRecipe {
    fn check(&self) -> Result<(), InvalidRecipe> {
        let parts = |pointer: &str| pointer.split("/*").count();
        let place = |pointer: &str| {
            pointer
                .split_once("/*")
                .map(|(before, _)| before.to_owned())
        };
        let (id, status) = (&self.id_pointer, &self.status_pointer);
        match place(id) == place(status) && parts(id) <= 2 && parts(status) <= 2 {
            true => Ok(()),
            false => Err(InvalidRecipe::Pointers),
        }
    }

    fn deliveries(&self, said: &Value) -> Vec<Delivery> {
        let split = (
            self.id_pointer.split_once("/*"),
            self.status_pointer.split_once("/*"),
        );
        let (Some((place, id)), Some((_, status))) = split else {
            return self
                .delivery(said, &self.id_pointer, &self.status_pointer)
                .into_iter()
                .collect();
        };
        let all = said.pointer(place).and_then(Value::as_array);
        all.into_iter()
            .flatten()
            .filter_map(|one| self.delivery(one, id, status))
            .collect()
    }

    fn delivery(&self, said: &Value, id: &str, status: &str) -> Option<Delivery> {
        let id = plain(said.pointer(id)?).filter(|id| !id.is_empty())?;
        let word = plain(said.pointer(status)?)?;
        let fate = self.values.get(&word).copied().unwrap_or(Fate::Sent);
        let is_failure = matches!(fate, Fate::Undelivered | Fate::Expired);
        Some(Delivery {
            // Where a provider gives our own name back, that is the id.
            attempt: AttemptId::parse(&id),
            id: Some(id),
            recipient: None,
            fate,
            detail: is_failure.then(|| words::code_alone(&word)),
            at: None,
            price: None,
        })
    }
}

impl Provider for Recipe {
    fn send(&self, text: &Outgoing<'_>, moment: &Moment) -> Result<Request, Unfit> {
        let callback_url = self.callback_url(text);
        let values = Values {
            text,
            from: self.settings.from.as_deref().unwrap_or_default(),
            callback_url: &callback_url,
            now: moment.now,
        };
        let url = self.url.fill(&values)?;
        let url: Uri = url
            .parse()
            .map_err(|_| Unfit("it makes no URL: it may be too long".to_owned()))?;
        let body = self
            .body
            .as_ref()
            .map(|body| body.fill(&values))
            .transpose()?;
        let body = body.unwrap_or_default();
        let mut request = http::Request::new(bytes::Bytes::from(body));
        *request.method_mut() = self.settings.method.clone();
        *request.uri_mut() = url;
        let signature = self.settings.auth.signature(request.body());
        let headers = request.headers_mut();
        if self.body.is_some() {
            let content_type = HeaderValue::from_str(&self.settings.content_type);
            headers.insert(
                header::CONTENT_TYPE,
                content_type.map_err(|_| not_a_header("content_type"))?,
            );
        }
        for (name, value) in &self.headers {
            let value = value.fill(&values)?;
            let value = HeaderValue::from_str(&value).map_err(|_| not_a_header(name.as_str()))?;
            headers.insert(name, value);
        }
        if let Some((name, value)) = &self.authorization {
            headers.insert(name, value.clone());
        }
        if let Some((name, value)) = signature {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| not_a_header(name))?;
            headers.insert(
                name,
                HeaderValue::from_str(&value).map_err(|_| not_a_header("auth_format"))?,
            );
        }
        Ok(request)
    }

    fn verdict(&self, answer: &Answer) -> Verdict {
        let body = String::from_utf8_lossy(answer.body());
        let json: Option<Value> = serde_json::from_slice(answer.body()).ok();
        let (status, wait) = (answer.status(), patience::asked(answer.headers()));
        let seen = Seen {
            status: status.as_u16(),
            body: &body,
            json: json.as_ref(),
        };
        if let Some(rule) = self
            .settings
            .errors
            .iter()
            .find(|rule| rule.when.holds(&seen))
        {
            return Verdict::Refused(Refusal {
                cause: rule.is,
                said: said(&seen, rule.when.pointer()),
                wait,
            });
        }
        let success = &self.settings.success;
        if success.holds(&seen) {
            return self.accepted(json.as_ref());
        }
        let said = said(&seen, success.pointer());
        match status {
            StatusCode::REQUEST_TIMEOUT => Verdict::Refused(Refusal {
                cause: Cause::Busy,
                said,
                wait,
            }),
            status => bare_status::verdict(status, said, wait),
        }
    }

    fn ask(&self, _: &Sought<'_>, _: &Moment) -> Option<Request> {
        None
    }

    fn found(&self, _: &Sought<'_>, _: &Answer) -> Found {
        Found::NotSaid("a provider of kind http cannot be asked about a text".to_owned())
    }

    fn finds_by_reference(&self) -> bool {
        false
    }

    fn read(&self, callback: &Callback<'_>) -> Result<Vec<Delivery>, Disbelief> {
        let report = self
            .settings
            .report
            .as_ref()
            .filter(|_| self.settings.callbacks.is_some())
            .ok_or(Disbelief::NoSuchPath)?;
        if !self.is_proven(callback)? {
            return Err(Disbelief::Unproven);
        }
        let said = report_of(callback).ok_or(Disbelief::Unreadable)?;
        let deliveries = report.deliveries(&said);
        match deliveries.is_empty() {
            true => Err(Disbelief::Unreadable),
            false => Ok(deliveries),
        }
    }

    fn thanks(&self) -> Thanks {
        Thanks::EMPTY
    }
}

fn not_a_header(name: &str) -> Unfit {
    Unfit(format!(
        "the header {name} cannot hold its value: one line of ASCII can"
    ))
}

/// `HTTP 400, /code is 42`: what an answer says elsewhere may be the text itself.
fn said(seen: &Seen<'_>, pointer: Option<&str>) -> String {
    let value = pointer.and_then(|pointer| {
        let value = plain(seen.json?.pointer(pointer)?)?;
        Some(format!(", {pointer} is {}", words::code_alone(&value)))
    });
    format!("HTTP {}{}", seen.status, value.unwrap_or_default())
}

/// A report as JSON: its body, or the names and values of its form or query.
fn report_of(callback: &Callback<'_>) -> Option<Value> {
    if *callback.method == Method::GET {
        return Some(object(&Form::parse(callback.query.as_bytes())));
    }
    match callback.body.trim_ascii_start().first()? {
        b'{' | b'[' => serde_json::from_slice(callback.body).ok(),
        _ => Some(object(&Form::parse(callback.body))),
    }
}

fn object(form: &Form) -> Value {
    let mut object = Map::new();
    for (name, value) in form.pairs() {
        object.entry(name).or_insert_with(|| value.into());
    }
    Value::Object(object)
}

impl fmt::Debug for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Recipe");
        shown.field("url", &self.url.beginning());
        shown.finish_non_exhaustive()
    }
}
