//! `[cloud.NAME]`: providers, each of one kind, with what its kind needs.
//!
//! Never: opens a file of secrets, knows what a request looks like, repeats what may hold a password.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use toml::Spanned;
use url::Url;

use super::USUAL_COST;
use super::desk::{AN_AMOUNT, Desk};
use super::problem::Problem;
use super::raw::{self, Given};
use super::recipe::HttpRecipe;
use super::values::{optional, proxy_url, public_url};
use crate::domain::recipe::Registered;
use crate::domain::route::{MOST_WEIGHT, USUAL_WEIGHT};
use crate::domain::{Categories, ModemName, Money, Prefixes, ProfileName};

/// Seconds.
const USUAL_TIMEOUT: u64 = 10;
const USUAL_CONCURRENCY: usize = 5;

/// One section, complete. Relative names of its files are looked up by [`super::Config::secret_path`].
#[derive(Clone, Debug)]
pub(crate) struct Cloud {
    /// By the rule for names of modems.
    pub(crate) name: ModemName,
    pub(crate) kind: CloudKind,
    /// Holds the secret path, or the signature secret, of delivery callbacks.
    pub(crate) callback_secret_file: Option<PathBuf>,
    /// In the place of the vendor's.
    pub(crate) base_url: Option<Url>,
    /// Speaks HTTP; has no user and no password.
    pub(crate) proxy: Option<Url>,
    /// For a whole request, 1 to 120 s.
    pub(crate) timeout: Duration,
    /// Requests under way at the same time, 1 to 100.
    pub(crate) concurrency: usize,
    /// Ask for delivery reports.
    pub(crate) reports: bool,
    pub(crate) prefixes: Prefixes,
    pub(crate) categories: Categories,
    pub(crate) weight: u32,
    /// Of one part.
    pub(crate) cost: Money,
    pub(crate) enabled: bool,
}

impl Cloud {
    /// A section that says nothing but what its kind needs.
    #[cfg(feature = "sim")]
    pub(crate) fn usual(name: ModemName, kind: CloudKind) -> Self {
        Self {
            name,
            kind,
            callback_secret_file: None,
            base_url: None,
            proxy: None,
            timeout: Duration::from_secs(USUAL_TIMEOUT),
            concurrency: USUAL_CONCURRENCY,
            reports: true,
            prefixes: Prefixes::default(),
            categories: Categories::ALL,
            weight: USUAL_WEIGHT,
            cost: USUAL_COST,
            enabled: true,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum CloudKind {
    Twilio(Twilio),
    Aliyun(Aliyun),
    Tencent(Tencent),
    Vonage(Vonage),
    Http(Box<HttpRecipe>),
}

#[derive(Clone, Debug)]
pub(crate) struct Twilio {
    /// `AccountSid`.
    pub(crate) account: String,
    /// Holds the SID of an API key; then `secret` is that key's.
    pub(crate) key_file: Option<PathBuf>,
    /// `AuthToken`, or the secret of the API key.
    pub(crate) secret: SecretFrom,
    pub(crate) sender: Sender,
}

/// Where a secret is: in a file, or in the environment, as `TWILIO_AUTH_TOKEN` is.
#[derive(Clone, Debug)]
pub(crate) enum SecretFrom {
    File(PathBuf),
    Value(SecretString),
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Sender {
    /// A number with +, a short code, or an alphanumeric sender.
    From(String),
    /// `MessagingServiceSid`.
    Service(String),
}

#[derive(Clone, Debug)]
pub(crate) struct Aliyun {
    /// `AccessKeyId`.
    pub(crate) account: String,
    /// Holds the `AccessKeySecret`.
    pub(crate) secret_file: PathBuf,
    /// Such as `cn-hangzhou`; `None`: that of the mainland.
    pub(crate) region: Option<String>,
    /// `SignName` where a template has none of its own.
    pub(crate) sign_name: Option<String>,
    pub(crate) templates: BTreeMap<String, Registered>,
    /// `SchemeName` of Dypnsapi, at most 20 characters: for codes that the provider makes and checks.
    pub(crate) scheme_name: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Tencent {
    /// `SecretId`.
    pub(crate) account: String,
    /// Holds the `SecretKey`.
    pub(crate) secret_file: PathBuf,
    pub(crate) region: String,
    pub(crate) sdk_app_id: String,
    /// The text, not its number. Numbers outside the mainland need none.
    pub(crate) sign_name: Option<String>,
    pub(crate) templates: BTreeMap<String, Registered>,
}

#[derive(Clone, Debug)]
pub(crate) struct Vonage {
    /// `api_key`.
    pub(crate) account: String,
    /// Holds the `api_secret`.
    pub(crate) secret_file: PathBuf,
    pub(crate) from: String,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum KindName {
    Twilio,
    Aliyun,
    Tencent,
    Vonage,
    Http,
}

/// A section as others may name it, complete or not.
pub(super) struct Named {
    pub(super) name: ModemName,
    pub(super) kind: Option<KindName>,
    pub(super) is_enabled: bool,
}

/// What the sections came to.
pub(super) struct Providers {
    /// In the order of the file; without those that are not enabled and lack something.
    pub(super) complete: Vec<Cloud>,
    /// In the order of the file.
    pub(super) named: Vec<Named>,
}

/// The section that is being read.
pub(super) struct Section<'a> {
    pub(super) name: &'a str,
    pub(super) at: usize,
    /// What is missing in one that is not enabled is not missed.
    pub(super) is_enabled: bool,
}

impl KindName {
    pub(super) const WORDS: [(&'static str, Self); 5] = [
        ("twilio", Self::Twilio),
        ("aliyun", Self::Aliyun),
        ("tencent", Self::Tencent),
        ("vonage", Self::Vonage),
        ("http", Self::Http),
    ];

    pub(super) fn parse(word: &str) -> Option<Self> {
        let found = Self::WORDS.into_iter().find(|(known, _)| *known == word);
        found.map(|(_, kind)| kind)
    }

    pub(super) fn as_str(self) -> &'static str {
        let found = Self::WORDS.into_iter().find(|(_, kind)| *kind == self);
        found.map_or("", |(word, _)| word)
    }

    /// The kinds that have this key; empty for a key that every kind has.
    fn with(key: &str) -> &'static [Self] {
        use KindName::{Aliyun, Http, Tencent, Twilio, Vonage};
        match key {
            "key_file" | "messaging_service" => &[Twilio],
            "from" => &[Twilio, Vonage, Http],
            "region" | "sign_name" | "template_map" => &[Aliyun, Tencent],
            "sdk_app_id" => &[Tencent],
            "scheme_name" => &[Aliyun],
            "base_url" => &[Twilio, Aliyun, Tencent, Vonage],
            "method" | "url" | "content_type" | "headers" | "body" | "auth" | "auth_header"
            | "auth_format" | "success" | "id_pointer" | "errors" | "report" => &[Http],
            _ => &[],
        }
    }
}

impl Section<'_> {
    pub(super) fn key(&self, key: &str) -> String {
        format!("cloud.{}.{key}", self.name)
    }
}

impl Desk<'_> {
    pub(super) fn clouds(
        &mut self,
        raw: impl IntoIterator<Item = (Spanned<String>, raw::Cloud)>,
    ) -> Providers {
        let mut sections: Vec<_> = raw.into_iter().collect();
        sections.sort_by_key(|(name, _)| name.span().start);
        sections.extend(self.section_of_environment(&sections));
        let mut providers = Providers {
            complete: Vec::new(),
            named: Vec::new(),
        };
        for (name, section) in sections {
            self.cloud(&name, section, &mut providers);
        }
        providers
    }

    fn cloud(&mut self, name: &Spanned<String>, raw: raw::Cloud, providers: &mut Providers) {
        let section = Section {
            name: name.get_ref(),
            at: name.span().start,
            is_enabled: raw.enabled.unwrap_or(true),
        };
        let parsed = ModemName::parse(section.name);
        if parsed.is_none() {
            let right = "a provider's name must be 1 to 32 letters, digits, - and _";
            self.refuse("cloud", name.span(), right.to_owned());
        }
        let kind_name = self.kind_name(&section, raw.kind.as_ref());
        if let Some(name) = &parsed {
            providers.named.push(Named {
                name: name.clone(),
                kind: kind_name,
                is_enabled: section.is_enabled,
            });
        }
        if let (Some(kind), Some(name)) = (kind_name, parsed) {
            providers
                .complete
                .extend(self.complete(&section, kind, name, raw));
        }
    }

    fn kind_name(
        &mut self,
        section: &Section<'_>,
        given: Option<&Spanned<String>>,
    ) -> Option<KindName> {
        let Some(written) = given else {
            // Without it nothing else can be judged, enabled or not.
            self.miss(
                section,
                "kind",
                "say which provider it is: \"twilio\", \"aliyun\", \"tencent\", \"vonage\", or \"http\" for any other",
            );
            return None;
        };
        let kind = KindName::parse(written.get_ref());
        if kind.is_none() {
            let words = KindName::WORDS.map(|(word, _)| format!("\"{word}\""));
            let right = format!("must be {}", words.join(" or "));
            self.refuse(&section.key("kind"), written.span(), right);
        }
        kind
    }

    /// `None` when its kind lacks something; that is noted if the section is enabled.
    fn complete(
        &mut self,
        section: &Section<'_>,
        kind: KindName,
        name: ModemName,
        mut raw: raw::Cloud,
    ) -> Option<Cloud> {
        self.refuse_other_kinds(section, kind, &raw);
        let key = |key: &str| section.key(key);
        let base_right = "must be an http or https URL without query and fragment, such as \"https://sms.example.com\"";
        let proxy_right = "must be an http URL with nothing behind the port, such as \"http://proxy.example.com:3128\"";
        let most = i64::from(MOST_WEIGHT);
        Some(Cloud {
            name,
            callback_secret_file: self.secret_file(
                section,
                "callback_secret_file",
                raw.callback_secret_file.take(),
            ),
            base_url: self.address(
                section,
                "base_url",
                raw.base_url.take(),
                base_right,
                public_url,
            ),
            proxy: self.address(section, "proxy", raw.proxy.take(), proxy_right, proxy_url),
            timeout: self.seconds(&key("timeout"), raw.timeout.take(), USUAL_TIMEOUT, 1..=120),
            concurrency: self.number(
                &key("concurrency"),
                raw.concurrency.take(),
                USUAL_CONCURRENCY,
                1..=100,
            ),
            reports: raw.reports.unwrap_or(true),
            prefixes: self.prefixes(&key("prefixes"), raw.prefixes.take()),
            categories: self.categories(&key("categories"), raw.categories.take(), Categories::ALL),
            weight: self.number(&key("weight"), raw.weight.take(), USUAL_WEIGHT, 0..=most),
            cost: self.take(
                &key("cost"),
                raw.cost.take(),
                USUAL_COST,
                AN_AMOUNT,
                |text| Money::parse(&text),
            ),
            enabled: section.is_enabled,
            // Last, so that everything else has been checked before it ends this.
            kind: self.kind(section, kind, raw)?,
        })
    }

    fn refuse_other_kinds(&mut self, section: &Section<'_>, kind: KindName, raw: &raw::Cloud) {
        for (key, span) in raw.written() {
            let kinds = KindName::with(key);
            if kinds.is_empty() || kinds.contains(&kind) {
                continue;
            }
            let (last, others) = kinds.split_last().expect("checked to hold one above");
            let others: Vec<&str> = others.iter().map(|kind| kind.as_str()).collect();
            let theirs = match others.is_empty() {
                true => format!("kind {}", last.as_str()),
                false => format!("kinds {} and {}", others.join(", "), last.as_str()),
            };
            let why = format!("is of {theirs}; this section is of kind {}", kind.as_str());
            self.refuse_unshown(&section.key(key), span, why);
        }
    }

    fn kind(
        &mut self,
        section: &Section<'_>,
        kind: KindName,
        raw: raw::Cloud,
    ) -> Option<CloudKind> {
        match kind {
            KindName::Twilio => self.twilio(section, raw).map(CloudKind::Twilio),
            KindName::Aliyun => self.aliyun(section, raw).map(CloudKind::Aliyun),
            KindName::Tencent => self.tencent(section, raw).map(CloudKind::Tencent),
            KindName::Vonage => self.vonage(section, raw).map(CloudKind::Vonage),
            KindName::Http => {
                let recipe = self.recipe(section, raw);
                recipe.map(|recipe| CloudKind::Http(Box::new(recipe)))
            }
        }
    }

    fn twilio(&mut self, section: &Section<'_>, mut raw: raw::Cloud) -> Option<Twilio> {
        let token = self.fill_from_environment(&mut raw);
        let account = self.need(
            section,
            "account",
            raw.account,
            "must be an AccountSid: AC, then letters and digits",
            "name the AccountSid, such as \"AC0123456789abcdef0123456789abcdef\", or set TWILIO_ACCOUNT_SID in the environment",
            |text| (text.starts_with("AC") && is_account(text)).then(|| text.to_owned()),
        );
        let key_file = self.secret_file(section, "key_file", raw.key_file);
        let secret = match token {
            Some(token) => Some(SecretFrom::Value(token)),
            None => {
                let missing = match key_file {
                    Some(_) => {
                        "name the file with the secret of the API key, such as \"twilio.secret\""
                    }
                    None => {
                        "name the file with the AuthToken, such as \"twilio.token\", or set TWILIO_AUTH_TOKEN in the environment"
                    }
                };
                self.need_file(section, "secret_file", raw.secret_file, missing)
                    .map(SecretFrom::File)
            }
        };
        let sender = self.sender(section, raw.from, raw.messaging_service);
        Some(Twilio {
            account: account?,
            key_file,
            secret: secret?,
            sender: sender?,
        })
    }

    fn sender(
        &mut self,
        section: &Section<'_>,
        from: Given<String>,
        service: Given<String>,
    ) -> Option<Sender> {
        let service_at = service.as_ref().map(Spanned::span);
        let is_service_named = !is_unset(&service);
        let service = self.wish(
            section,
            "messaging_service",
            service,
            "must be a MessagingServiceSid, MG and 32 hexadecimal digits",
            |text| is_messaging_service(text).then(|| text.to_owned()),
        );
        if !is_service_named {
            let missing = "name the sender, such as \"+15005550006\", or a messaging_service, or set TWILIO_FROM_NUMBER in the environment";
            let from = self.need(section, "from", from, A_SENDER, missing, a_sender);
            return from.map(Sender::From);
        }
        if let (false, true, Some(span)) = (is_unset(&from), service.is_some(), service_at) {
            let why = "must not stand beside from: texts have one sender".to_owned();
            self.refuse(&section.key("messaging_service"), span, why);
        }
        service.map(Sender::Service)
    }

    fn aliyun(&mut self, section: &Section<'_>, raw: raw::Cloud) -> Option<Aliyun> {
        let missing = "name the AccessKeyId, such as \"LTAI5tExampleKeyId\"";
        let account = self.account(section, raw.account, missing);
        let missing = "name the file with the AccessKeySecret, such as \"aliyun.secret\"";
        let secret_file = self.need_file(section, "secret_file", raw.secret_file, missing);
        let region = self.wish(section, "region", raw.region, A_REGION, a_region);
        let templates = self.templates(section, raw.template_map);
        let names_itself = templates.values().any(|one| one.sign_name.is_some());
        let sign_name = match names_itself {
            true => self.wish(
                section,
                "sign_name",
                raw.sign_name,
                A_SIGN_NAME,
                a_sign_name,
            ),
            false => self.need(
                section,
                "sign_name",
                raw.sign_name,
                A_SIGN_NAME,
                "name the sign name that is approved for the account, such as \"云通知\"",
                a_sign_name,
            ),
        };
        let scheme_name = self.wish(
            section,
            "scheme_name",
            raw.scheme_name,
            "must be at most 20 characters on one line",
            |text| a_line(text, 20),
        );
        if sign_name.is_none() && !names_itself {
            return None;
        }
        Some(Aliyun {
            account: account?,
            secret_file: secret_file?,
            region,
            sign_name,
            templates,
            scheme_name,
        })
    }

    fn tencent(&mut self, section: &Section<'_>, raw: raw::Cloud) -> Option<Tencent> {
        let missing = "name the SecretId, such as \"AKIDExampleSecretId\"";
        let account = self.account(section, raw.account, missing);
        let missing = "name the file with the SecretKey, such as \"tencent.secret\"";
        let secret_file = self.need_file(section, "secret_file", raw.secret_file, missing);
        let sdk_app_id = self.need(
            section,
            "sdk_app_id",
            raw.sdk_app_id,
            "must be the SmsSdkAppId, digits only",
            "name the SmsSdkAppId, such as \"1400006666\"",
            |text| {
                let is_id = text.len() <= 20 && text.bytes().all(|octet| octet.is_ascii_digit());
                is_id.then(|| text.to_owned())
            },
        );
        let region = self.wish(section, "region", raw.region, A_REGION, a_region);
        let sign_name = self.wish(
            section,
            "sign_name",
            raw.sign_name,
            A_SIGN_NAME,
            a_sign_name,
        );
        let templates = self.templates(section, raw.template_map);
        Some(Tencent {
            account: account?,
            secret_file: secret_file?,
            region: region.unwrap_or_else(|| TENCENT_REGION.to_owned()),
            sdk_app_id: sdk_app_id?,
            sign_name,
            templates,
        })
    }

    fn vonage(&mut self, section: &Section<'_>, raw: raw::Cloud) -> Option<Vonage> {
        let account = self.account(
            section,
            raw.account,
            "name the api_key, such as \"abcd1234\"",
        );
        let missing = "name the file with the api_secret, such as \"vonage.secret\"";
        let secret_file = self.need_file(section, "secret_file", raw.secret_file, missing);
        let missing = "name the sender, such as \"15005550006\" or \"Example\"";
        let from = self.need(section, "from", raw.from, A_SENDER, missing, a_sender);
        Some(Vonage {
            account: account?,
            secret_file: secret_file?,
            from: from?,
        })
    }

    fn templates(
        &mut self,
        section: &Section<'_>,
        given: Given<BTreeMap<Spanned<String>, Spanned<raw::Registered>>>,
    ) -> BTreeMap<String, Registered> {
        let mut templates = BTreeMap::new();
        for (name, registered) in given.map(Spanned::into_inner).unwrap_or_default() {
            let key = section.key(&format!("template_map.{}", name.get_ref()));
            if !is_template(name.get_ref()) {
                let profiles = ProfileName::ALL.map(ProfileName::as_str).join(", ");
                let right = format!(
                    "must be by a template's number, a profile of codes ({profiles}), or \"*\" for any text"
                );
                self.refuse(&key, name.span(), right);
            }
            let span = registered.span();
            match a_template(registered.into_inner()) {
                Ok(template) => {
                    templates.insert(name.into_inner(), template);
                }
                Err(right) => self.refuse(&key, span, right.to_owned()),
            }
        }
        templates
    }

    fn account(
        &mut self,
        section: &Section<'_>,
        given: Given<String>,
        missing: &'static str,
    ) -> Option<String> {
        let right = "must be letters, digits, - and _, and not the secret";
        self.need(section, "account", given, right, missing, |text| {
            is_account(text).then(|| text.to_owned())
        })
    }

    /// A value that the kind cannot do without; `missing` says what it would be, with an example.
    pub(super) fn need<T>(
        &mut self,
        section: &Section<'_>,
        key: &str,
        given: Given<String>,
        right: &str,
        missing: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        if is_unset(&given) {
            if section.is_enabled {
                self.miss(section, key, missing);
            }
            return None;
        }
        self.wish(section, key, given, right, read)
    }

    pub(super) fn need_file(
        &mut self,
        section: &Section<'_>,
        key: &str,
        given: Given<String>,
        missing: &'static str,
    ) -> Option<PathBuf> {
        self.need(section, key, given, A_FILE, missing, a_file)
    }

    /// A value that the kind can do without; empty is unset.
    pub(super) fn wish<T>(
        &mut self,
        section: &Section<'_>,
        key: &str,
        given: Given<String>,
        right: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        self.take(&section.key(key), given, None, right, |text| {
            optional(&text, read)
        })
    }

    fn secret_file(
        &mut self,
        section: &Section<'_>,
        key: &str,
        given: Given<String>,
    ) -> Option<PathBuf> {
        self.wish(section, key, given, A_FILE, a_file)
    }

    fn address(
        &mut self,
        section: &Section<'_>,
        key: &str,
        given: Given<String>,
        right: &str,
        read: fn(&str) -> Option<Url>,
    ) -> Option<Url> {
        match given {
            Some(written) if written.get_ref().contains('@') => {
                self.refuse_unshown(&section.key(key), written.span(), NO_USER.to_owned());
                None
            }
            given => self.wish(section, key, given, right, read),
        }
    }

    pub(super) fn miss(&mut self, section: &Section<'_>, key: &str, right: &'static str) {
        let problem = Problem::Missing {
            place: self.sheet.place(section.at),
            key: section.key(key),
            right,
        };
        self.problems.push((section.at, problem));
    }

    /// Without the value: it may be a secret.
    pub(super) fn refuse_unshown(&mut self, key: &str, span: Range<usize>, why: String) {
        let problem = Problem::Unshown {
            place: self.sheet.place(span.start),
            key: key.to_owned(),
            why,
        };
        self.problems.push((span.start, problem));
    }
}

pub(super) fn is_unset(given: &Given<String>) -> bool {
    given.as_ref().is_none_or(|text| text.get_ref().is_empty())
}

pub(super) const NO_USER: &str =
    "must hold no user and no password: whoever may read this file would know them";

const A_FILE: &str = "must be a file's name";
const A_SENDER: &str = "must be a number with + and country code, a short code, or at most 15 letters, digits, spaces and & . _ -";
const A_REGION: &str = "must be a region's name, such as \"cn-hangzhou\" or \"ap-guangzhou\"";
const A_SIGN_NAME: &str = "must be at most 64 characters on one line, without 【 and 】";
const TENCENT_REGION: &str = "ap-guangzhou";

pub(super) fn a_file(text: &str) -> Option<PathBuf> {
    (!text.ends_with('/')).then(|| PathBuf::from(text))
}

/// One line of at most `longest` characters that neither begins nor ends with a space.
pub(super) fn a_line(text: &str, longest: usize) -> Option<String> {
    let fits = (1..=longest).contains(&text.chars().count())
        && !text.contains(char::is_control)
        && text.trim() == text;
    fits.then(|| text.to_owned())
}

/// It becomes part of paths and headers.
fn is_account(text: &str) -> bool {
    let is_of_id = |octet: u8| octet.is_ascii_alphanumeric() || b"-_".contains(&octet);
    (1..=128).contains(&text.len()) && text.bytes().all(is_of_id)
}

fn is_messaging_service(text: &str) -> bool {
    let digits = text.strip_prefix("MG").unwrap_or_default();
    digits.len() == 32 && digits.bytes().all(|octet| octet.is_ascii_hexdigit())
}

/// E.164 with or without +, a short code, or an alphanumeric sender.
fn a_sender(text: &str) -> Option<String> {
    let name = text.strip_prefix('+').unwrap_or(text);
    let is_number = name.bytes().all(|octet| octet.is_ascii_digit());
    let is_of_name = |octet: u8| octet.is_ascii_alphanumeric() || b" &._-".contains(&octet);
    let fits = (1..=15).contains(&name.len()) && name.bytes().all(is_of_name);
    let is_sender = fits && name.trim() == name && (is_number || name.len() == text.len());
    is_sender.then(|| text.to_owned())
}

/// It becomes part of a host's name.
fn a_region(text: &str) -> Option<String> {
    let is_of_region =
        |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'-';
    let fits = (1..=32).contains(&text.len()) && text.bytes().all(is_of_region);
    fits.then(|| text.to_owned())
}

/// The provider puts the brackets around it.
fn a_sign_name(text: &str) -> Option<String> {
    a_line(text, 64).filter(|name| !name.contains(['【', '】']))
}

/// What a text can have been made of.
fn is_template(name: &str) -> bool {
    let is_number = || {
        name.parse::<u32>()
            .is_ok_and(|number| number.to_string() == name && number > 0)
    };
    name == "*" || ProfileName::parse(name).is_some() || is_number()
}

fn a_template(raw: raw::Registered) -> Result<Registered, &'static str> {
    let is_of_code = |octet: u8| octet.is_ascii_alphanumeric() || b"-_".contains(&octet);
    let is_code = |code: &String| (1..=64).contains(&code.len()) && code.bytes().all(is_of_code);
    let is_variable = |name: &String| a_line(name, 64).is_some();
    if raw.code.as_ref().is_some_and(|code| !is_code(code)) {
        return Err("the code must be 1 to 64 letters, digits, - and _, such as \"SMS_1\"");
    }
    if raw
        .sign_name
        .as_deref()
        .is_some_and(|name| a_sign_name(name).is_none())
    {
        return Err("the sign_name must be at most 64 characters on one line, without 【 and 】");
    }
    if raw
        .variables
        .iter()
        .flatten()
        .any(|name| !is_variable(name))
    {
        return Err("variables must be names of variables, such as [\"code\"]");
    }
    let template = Registered {
        code: raw.code,
        sign_name: raw.sign_name,
        variables: raw.variables,
    };
    match template == Registered::default() {
        true => Err("must have a code, a sign_name or variables"),
        false => Ok(template),
    }
}

#[cfg(test)]
mod tests;
