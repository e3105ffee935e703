//! `[cloud.NAME]` of kind `http`: how a provider is spoken to that the gateway does not know by name.
//!
//! Only shapes are checked here. What stands in braces in `url`, `headers` and `body` is for whoever fills it in.
//!
//! Never: fills a template in, reads an answer, takes a secret.

use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};
use std::path::PathBuf;

use http::{HeaderName, Method};
use regex::Regex;
use toml::Spanned;
use url::Url;

use super::cloud::{NO_USER, Section, a_line, is_unset};
use super::desk::Desk;
use super::raw::{self, Given};
use crate::domain::attempt::Fate;
use crate::domain::recipe::{Condition, ReportRecipe, Says};

/// `url`, the values of `headers`, `body` and `from` as they are written.
#[derive(Clone, Debug)]
pub(crate) struct HttpRecipe {
    pub(crate) method: Method,
    /// Begins with http or https and a host that no placeholder is part of.
    pub(crate) url: String,
    pub(crate) content_type: String,
    /// In the order of the file; names that the gateway sets itself are not among them.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<String>,
    pub(crate) auth: RecipeAuth,
    /// What `{from}` stands for.
    pub(crate) from: Option<String>,
    /// When the text was taken.
    pub(crate) success: Condition,
    /// Where an answer has the provider's id: a JSON pointer (RFC 6901).
    pub(crate) id_pointer: Option<String>,
    /// The first that holds counts.
    pub(crate) errors: Vec<ErrorRule>,
    pub(crate) report: Option<ReportRecipe>,
}

#[derive(Clone, Debug)]
pub(crate) enum RecipeAuth {
    None,
    Basic {
        account: String,
        secret_file: PathBuf,
    },
    Bearer {
        secret_file: PathBuf,
    },
    /// The secret is the whole value of the header.
    Header {
        auth_header: String,
        secret_file: PathBuf,
    },
    /// HMAC-SHA256 of the body, in this header and this form.
    Hmac {
        auth_header: String,
        auth_format: String,
        secret_file: PathBuf,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct ErrorRule {
    pub(crate) when: Condition,
    pub(crate) is: RecipeCause,
}

/// What a refusal is: the numbers are those of group A.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum RecipeCause {
    /// 1001
    Template,
    /// 1002
    Number,
    /// 1003
    Params,
    /// 1004
    Busy,
    /// 1005
    Funds,
    /// Nothing was sent; the same may be tried again.
    Retry,
    /// The operator's to mend.
    Config,
}

/// What is written of a condition.
struct Written {
    status: Given<Vec<String>>,
    pointer: Given<String>,
    equals: Given<raw::Scalar>,
    regex: Given<String>,
}

/// What a section says of credentials.
struct Credentials {
    account: Given<String>,
    secret_file: Given<String>,
    auth_header: Given<String>,
    auth_format: Given<String>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum AuthKind {
    None,
    Basic,
    Bearer,
    Header,
    Hmac,
}

impl AuthKind {
    const WORDS: [(&'static str, Self); 5] = [
        ("none", Self::None),
        ("basic", Self::Basic),
        ("bearer", Self::Bearer),
        ("header", Self::Header),
        ("hmac", Self::Hmac),
    ];

    fn has(self, key: &str) -> bool {
        match key {
            "account" => self == Self::Basic,
            "secret_file" => self != Self::None,
            "auth_header" => matches!(self, Self::Header | Self::Hmac),
            _ => self == Self::Hmac,
        }
    }

    fn as_str(self) -> &'static str {
        let found = Self::WORDS.into_iter().find(|(_, kind)| *kind == self);
        found.map_or("", |(word, _)| word)
    }
}

impl RecipeCause {
    const WORDS: [(&'static str, Self); 7] = [
        ("1001", Self::Template),
        ("1002", Self::Number),
        ("1003", Self::Params),
        ("1004", Self::Busy),
        ("1005", Self::Funds),
        ("retry", Self::Retry),
        ("config", Self::Config),
    ];

    fn parse(word: &str) -> Option<Self> {
        let found = Self::WORDS.into_iter().find(|(known, _)| *known == word);
        found.map(|(_, cause)| cause)
    }
}

impl Desk<'_> {
    pub(super) fn recipe(&mut self, section: &Section<'_>, raw: raw::Cloud) -> Option<HttpRecipe> {
        let methods = [Method::POST, Method::PUT, Method::PATCH, Method::GET];
        let names: Vec<(&str, usize)> = methods.iter().map(Method::as_str).zip(0..).collect();
        let method = self.word(&section.key("method"), raw.method, "POST", &names);
        let url = self.recipe_url(section, raw.url);
        let content_type = self.wish(
            section,
            "content_type",
            raw.content_type,
            "must be a media type, such as \"application/json\" or \"application/x-www-form-urlencoded\"",
            |text| is_media_type(text).then(|| text.to_owned()),
        );
        let headers = self.headers(section, raw.headers);
        let kind = self.word(&section.key("auth"), raw.auth, "none", &AuthKind::WORDS);
        let credentials = Credentials {
            account: raw.account,
            secret_file: raw.secret_file,
            auth_header: raw.auth_header,
            auth_format: raw.auth_format,
        };
        let auth = self.recipe_auth(section, kind, credentials);
        let right = "must be at most 64 characters on one line";
        let from = self.wish(section, "from", raw.from, right, |text| a_line(text, 64));
        let success = self.success(section, raw.success);
        let id_pointer = self.wish(section, "id_pointer", raw.id_pointer, A_POINTER, a_pointer);
        let errors = self.error_rules(section, raw.errors);
        let is_reported = raw.report.is_some();
        let report = raw.report.and_then(|report| self.report(section, report));
        if is_reported && report.is_none() {
            return None;
        }
        Some(HttpRecipe {
            method: methods[method].clone(),
            url: url?,
            content_type: content_type.unwrap_or_else(|| "application/json".to_owned()),
            headers,
            body: raw
                .body
                .map(Spanned::into_inner)
                .filter(|body| !body.is_empty()),
            auth: auth?,
            from,
            success,
            id_pointer,
            errors,
            report,
        })
    }

    fn recipe_url(&mut self, section: &Section<'_>, given: Given<String>) -> Option<String> {
        if let Some(written) = &given
            && authority(written.get_ref()).is_some_and(|authority| authority.contains('@'))
        {
            let span = written.span();
            self.refuse_unshown(&section.key("url"), span, NO_USER.to_owned());
            return None;
        }
        self.need(
            section,
            "url",
            given,
            "must be an http or https URL, the host written out, such as \"https://sms.example.com/send\"",
            "say where texts are sent, such as \"https://sms.example.com/send\"",
            |text| is_template_of_url(text).then(|| text.to_owned()),
        )
    }

    fn headers(
        &mut self,
        section: &Section<'_>,
        given: Given<BTreeMap<Spanned<String>, Spanned<String>>>,
    ) -> Vec<(String, String)> {
        let mut written: Vec<_> = given.into_iter().flat_map(Spanned::into_inner).collect();
        written.sort_by_key(|(name, _)| name.span().start);
        let mut headers: Vec<(String, String)> = Vec::new();
        for (name, value) in written {
            let key = section.key(&format!("headers.{}", name.get_ref()));
            let is_named = headers
                .iter()
                .any(|(other, _)| other.eq_ignore_ascii_case(name.get_ref()));
            let why = match (why_no_header(name.get_ref()), value.get_ref()) {
                (Some(why), _) => why,
                _ if is_named => "must be named once: capital or small letters do not matter",
                (None, value) if value.contains(char::is_control) => "must be one line",
                (None, _) => {
                    headers.push((name.into_inner(), value.into_inner()));
                    continue;
                }
            };
            self.refuse_unshown(&key, name.span(), why.to_owned());
        }
        headers
    }

    fn recipe_auth(
        &mut self,
        section: &Section<'_>,
        kind: AuthKind,
        given: Credentials,
    ) -> Option<RecipeAuth> {
        for (key, written) in [
            ("account", &given.account),
            ("secret_file", &given.secret_file),
            ("auth_header", &given.auth_header),
            ("auth_format", &given.auth_format),
        ] {
            if let (Some(written), false, false) = (written, is_unset(written), kind.has(key)) {
                let why = format!("has no use with auth = \"{}\"", kind.as_str());
                self.refuse_unshown(&section.key(key), written.span(), why);
            }
        }
        if kind == AuthKind::None {
            return Some(RecipeAuth::None);
        }
        let missing = "name the file with the password, token or key, such as \"provider.secret\"";
        let secret_file = self.need_file(section, "secret_file", given.secret_file, missing);
        let auth_header = kind
            .has("auth_header")
            .then(|| self.auth_header(section, given.auth_header));
        let account = kind.has("account").then(|| {
            let right = "must be at most 128 characters on one line, without a colon";
            let missing = "name the user, such as \"gateway\"";
            self.need(section, "account", given.account, right, missing, |text| {
                a_line(text, 128).filter(|name| !name.contains(':'))
            })
        });
        let right = "must be one line, such as \"sha256={hex}\"";
        let auth_format = self.wish(section, "auth_format", given.auth_format, right, |text| {
            a_line(text, 256)
        });
        let secret_file = secret_file?;
        Some(match kind {
            AuthKind::None => RecipeAuth::None,
            AuthKind::Basic => RecipeAuth::Basic {
                account: account??,
                secret_file,
            },
            AuthKind::Bearer => RecipeAuth::Bearer { secret_file },
            AuthKind::Header => RecipeAuth::Header {
                auth_header: auth_header??,
                secret_file,
            },
            AuthKind::Hmac => RecipeAuth::Hmac {
                auth_header: auth_header??,
                auth_format: auth_format.unwrap_or_else(|| USUAL_FORMAT.to_owned()),
                secret_file,
            },
        })
    }

    fn auth_header(&mut self, section: &Section<'_>, given: Given<String>) -> Option<String> {
        self.need(
            section,
            "auth_header",
            given,
            "must be a header's name, such as \"X-Api-Key\"",
            "name the header, such as \"X-Api-Key\"",
            |text| {
                let is_free = !OUR_HEADERS.contains(&text.to_ascii_lowercase().as_str());
                (is_free && is_header_name(text)).then(|| text.to_owned())
            },
        )
    }

    fn success(&mut self, section: &Section<'_>, given: Given<raw::Success>) -> Condition {
        let raw = given.map(Spanned::into_inner).unwrap_or_default();
        let written = Written {
            status: raw.status,
            pointer: raw.pointer,
            equals: raw.equals,
            regex: raw.regex,
        };
        let mut success = self.condition(section, "success", written);
        if success.status.is_empty() {
            success.status = vec![200..=299];
        }
        success
    }

    fn error_rules(
        &mut self,
        section: &Section<'_>,
        given: Given<Vec<Spanned<raw::ErrorRule>>>,
    ) -> Vec<ErrorRule> {
        let rules = given.map(Spanned::into_inner).unwrap_or_default();
        rules
            .into_iter()
            .filter_map(|rule| self.error_rule(section, rule))
            .collect()
    }

    fn error_rule(
        &mut self,
        section: &Section<'_>,
        given: Spanned<raw::ErrorRule>,
    ) -> Option<ErrorRule> {
        let span = given.span();
        let raw = given.into_inner();
        let right = "must be 1001, 1002, 1003, 1004, 1005, \"retry\" or \"config\"";
        let is_missing = raw.is.is_none();
        let is = self.take(&section.key("errors.is"), raw.is, None, right, |word| {
            RecipeCause::parse(&word.0).map(Some)
        });
        let is_empty = raw.status.is_none()
            && raw.pointer.is_none()
            && raw.equals.is_none()
            && raw.regex.is_none();
        let written = Written {
            status: raw.status,
            pointer: raw.pointer,
            equals: raw.equals,
            regex: raw.regex,
        };
        let when = self.condition(section, "errors", written);
        if is_missing {
            self.lacks(
                section,
                "errors",
                span.clone(),
                "is, what such an answer means: 1001 to 1005, \"retry\" or \"config\"",
            );
        }
        if is_empty {
            self.lacks(
                section,
                "errors",
                span,
                "status, pointer or regex, by which such an answer is known",
            );
        }
        is.map(|is| ErrorRule { when, is })
    }

    fn condition(&mut self, section: &Section<'_>, table: &str, written: Written) -> Condition {
        let key = |key: &str| format!("{table}.{key}");
        let status = self.list(
            &section.key(&key("status")),
            written.status,
            Vec::new(),
            "must be an HTTP status, such as \"404\", or all that begin alike, such as \"5xx\"",
            statuses,
        );
        let places = [
            written.pointer.as_ref().map(Spanned::span),
            written.equals.as_ref().map(Spanned::span),
            written.regex.as_ref().map(Spanned::span),
        ];
        let pointer = self.wish(
            section,
            &key("pointer"),
            written.pointer,
            A_POINTER,
            a_pointer,
        );
        let value = written.equals.map(|value| value.into_inner().0);
        let right = "must be a regular expression, such as \"^OK\"";
        let regex = self.wish(section, &key("regex"), written.regex, right, |text| {
            Regex::new(text).ok()
        });
        let says = match places {
            [_, Some(_), Some(regex_at)] => {
                let why = "must not stand beside equals".to_owned();
                self.refuse_unshown(&section.key(&key("regex")), regex_at, why);
                None
            }
            [None, Some(equals_at), None] => {
                let why = "needs a pointer to what it is compared with".to_owned();
                self.refuse_unshown(&section.key(&key("equals")), equals_at, why);
                None
            }
            [Some(pointer_at), None, None] => {
                let why = "needs equals or regex, what is to be there".to_owned();
                self.refuse_unshown(&section.key(&key("pointer")), pointer_at, why);
                None
            }
            [_, None, Some(_)] => regex.map(|regex| Says::Fits { pointer, regex }),
            [Some(_), Some(_), None] => {
                let both = pointer.zip(value);
                both.map(|(pointer, value)| Says::Equals { pointer, value })
            }
            [None, None, None] => None,
        };
        Condition { status, says }
    }

    fn report(
        &mut self,
        section: &Section<'_>,
        given: Spanned<raw::Report>,
    ) -> Option<ReportRecipe> {
        let span = given.span();
        let raw = given.into_inner();
        let is_empty = raw.values.is_empty();
        for (pointer, lack) in [
            (
                &raw.id_pointer,
                "id_pointer, where the provider's id is, such as \"/id\"",
            ),
            (
                &raw.status_pointer,
                "status_pointer, where its word is, such as \"/status\"",
            ),
        ] {
            if is_unset(pointer) && section.is_enabled {
                self.lacks(section, "report", span.clone(), lack);
            }
        }
        if is_empty && section.is_enabled {
            self.lacks(
                section,
                "report",
                span,
                "values, its words in ours, such as { DELIVRD = \"delivered\" }",
            );
        }
        let id_pointer = self.wish(
            section,
            "report.id_pointer",
            raw.id_pointer,
            A_POINTER,
            a_pointer,
        );
        let status_pointer = self.wish(
            section,
            "report.status_pointer",
            raw.status_pointer,
            A_POINTER,
            a_pointer,
        );
        let values = self.fates(section, raw.values);
        Some(ReportRecipe {
            id_pointer: id_pointer?,
            status_pointer: status_pointer?,
            values: Some(values).filter(|_| !is_empty)?,
        })
    }

    fn fates(
        &mut self,
        section: &Section<'_>,
        written: BTreeMap<Spanned<String>, Spanned<String>>,
    ) -> BTreeMap<String, Fate> {
        let mut fates = BTreeMap::new();
        for (word, ours) in written {
            match a_fate(ours.get_ref()) {
                Some(fate) => {
                    fates.insert(word.into_inner(), fate);
                }
                None => {
                    let key = section.key(&format!("report.values.{}", word.get_ref()));
                    let right =
                        "must be \"sent\" or \"delivered\" or \"undelivered\" or \"expired\"";
                    self.refuse(&key, ours.span(), right.to_owned());
                }
            }
        }
        fates
    }

    /// A table without what it needs.
    fn lacks(&mut self, section: &Section<'_>, table: &str, span: Range<usize>, lack: &str) {
        self.refuse_unshown(&section.key(table), span, format!("lacks {lack}"));
    }
}

/// Only the number, in hexadecimal digits.
const USUAL_FORMAT: &str = "{hex}";
const A_POINTER: &str = "must be a JSON pointer, such as \"/messages/0/id\"";

/// What the connection, the body or `auth` decides.
const OUR_HEADERS: [&str; 8] = [
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// What would be a secret in this file.
const SECRET_HEADERS: [&str; 3] = ["authorization", "proxy-authorization", "cookie"];

fn why_no_header(name: &str) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    if !is_header_name(name) {
        return Some("must be by a header's name: letters, digits and -");
    }
    if SECRET_HEADERS.contains(&lower.as_str()) {
        return Some("would be a secret in this file: use auth with a secret_file");
    }
    if OUR_HEADERS.contains(&lower.as_str()) {
        return Some("is set by the gateway itself; the type of the body is content_type");
    }
    None
}

fn is_header_name(text: &str) -> bool {
    HeaderName::from_bytes(text.as_bytes()).is_ok()
}

fn is_media_type(text: &str) -> bool {
    let is_visible = text
        .bytes()
        .all(|octet| octet == b' ' || octet.is_ascii_graphic());
    let has_both = text
        .split_once('/')
        .is_some_and(|(kind, rest)| !kind.is_empty() && !rest.is_empty());
    is_visible && has_both && text.trim() == text && text.len() <= 128
}

/// What stands between the scheme and the path.
fn authority(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    rest.split(['/', '?', '#']).next()
}

/// With a host that no text or number from outside can change.
fn is_template_of_url(text: &str) -> bool {
    // A backslash is a slash to some who read URLs, and part of a host to others.
    let is_fixed = authority(text)
        .is_some_and(|authority| !authority.is_empty() && !authority.contains(['{', '}', '\\']));
    let is_url = Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https") && url.has_host() && url.fragment().is_none()
    });
    is_fixed && is_url && !text.contains(char::is_control) && !text.contains(char::is_whitespace)
}

/// RFC 6901, without the pointer to the whole.
fn a_pointer(text: &str) -> Option<String> {
    let is_escaped = text
        .split('~')
        .skip(1)
        .all(|rest| rest.starts_with(['0', '1']));
    (text.starts_with('/') && is_escaped).then(|| text.to_owned())
}

/// `404`, or `4xx`.
fn statuses(text: &str) -> Option<RangeInclusive<u16>> {
    if let Some(hundreds) = text.strip_suffix("xx") {
        let hundreds: u16 = hundreds.parse().ok()?;
        return (1..=5)
            .contains(&hundreds)
            .then(|| hundreds * 100..=hundreds * 100 + 99);
    }
    let status: u16 = text.parse().ok()?;
    (text.len() == 3 && (100..=599).contains(&status)).then_some(status..=status)
}

fn a_fate(word: &str) -> Option<Fate> {
    match word {
        "sent" => Some(Fate::Sent),
        "delivered" => Some(Fate::Delivered),
        "undelivered" => Some(Fate::Undelivered),
        "expired" => Some(Fate::Expired),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::check::tests::written;
    use super::super::cloud::CloudKind;
    use super::*;

    const HTTP: &str = "[cloud.h]\nkind = 'http'\nurl = 'https://sms.example.com/send'\n";

    #[track_caller]
    fn recipe(text: &str) -> HttpRecipe {
        let config = written(text).config();
        match &config.clouds[0].kind {
            CloudKind::Http(recipe) => (**recipe).clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_key_of_a_recipe_is_read() {
        let recipe = recipe(
            "[cloud.h]
             kind = 'http'
             method = 'PUT'
             url = 'https://sms.example.com:8443/send?to={to_digits|url}'
             content_type = 'application/x-www-form-urlencoded; charset=utf-8'
             headers = { X-B = '{from}', X-A = 'a {id}' }
             body = 'to={to}&text={text}'
             from = 'Shop'
             auth = 'basic'
             account = 'me@example.com'
             secret_file = 'other.secret'
             id_pointer = '/messages/0/a~1b'
             success = { status = ['200', '202'], pointer = '/ok', equals = true }
             [[cloud.h.errors]]
             status = ['4xx']
             regex = 'number'
             is = '1002'
             [[cloud.h.errors]]
             pointer = '/code'
             equals = 101
             is = 'config'
             [[cloud.h.errors]]
             pointer = '/code'
             regex = '^5'
             is = 'retry'
             [cloud.h.report]
             id_pointer = '/id'
             status_pointer = '/state'
             values = { A = 'sent', B = 'delivered', C = 'undelivered', D = 'expired' }",
        );
        assert_eq!(recipe.method, Method::PUT);
        assert_eq!(
            recipe.url,
            "https://sms.example.com:8443/send?to={to_digits|url}"
        );
        assert_eq!(
            recipe.content_type,
            "application/x-www-form-urlencoded; charset=utf-8"
        );
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            recipe.headers,
            [header("X-B", "{from}"), header("X-A", "a {id}")],
            "in the order of the file"
        );
        assert_eq!(recipe.body.as_deref(), Some("to={to}&text={text}"));
        assert_eq!(recipe.from.as_deref(), Some("Shop"));
        assert!(matches!(
            &recipe.auth,
            RecipeAuth::Basic { account, secret_file }
                if account == "me@example.com" && secret_file == Path::new("other.secret")
        ));
        assert_eq!(recipe.id_pointer.as_deref(), Some("/messages/0/a~1b"));
        assert_eq!(recipe.success.status, [200..=200, 202..=202]);
        assert!(matches!(
            &recipe.success.says,
            Some(Says::Equals { pointer, value }) if pointer == "/ok" && value == "true"
        ));
        let causes: Vec<RecipeCause> = recipe.errors.iter().map(|rule| rule.is).collect();
        let expected = [RecipeCause::Number, RecipeCause::Config, RecipeCause::Retry];
        assert_eq!(causes, expected);
        assert_eq!(recipe.errors[0].when.status, [400..=499]);
        assert!(matches!(
            &recipe.errors[0].when.says,
            Some(Says::Fits { pointer: None, regex }) if regex.as_str() == "number"
        ));
        assert!(matches!(
            &recipe.errors[1].when.says,
            Some(Says::Equals { pointer, value }) if pointer == "/code" && value == "101"
        ));
        assert!(matches!(
            &recipe.errors[2].when.says,
            Some(Says::Fits { pointer: Some(pointer), .. }) if pointer == "/code"
        ));
        let report = recipe.report.unwrap();
        assert_eq!(
            (report.id_pointer.as_str(), report.status_pointer.as_str()),
            ("/id", "/state")
        );
        let fates = [
            Fate::Sent,
            Fate::Delivered,
            Fate::Undelivered,
            Fate::Expired,
        ];
        assert!(report.values.into_values().eq(fates));
    }

    #[test]
    fn a_recipe_is_a_url_and_defaults() {
        let recipe = recipe(HTTP);
        assert_eq!(recipe.method, Method::POST);
        assert_eq!(recipe.content_type, "application/json");
        assert!(recipe.headers.is_empty() && recipe.errors.is_empty());
        assert_eq!(
            (recipe.body, recipe.from, recipe.id_pointer),
            (None, None, None)
        );
        assert!(matches!(recipe.auth, RecipeAuth::None));
        assert_eq!(recipe.success.status, [200..=299]);
        assert!(recipe.success.says.is_none() && recipe.report.is_none());
    }

    #[test]
    fn the_recipes_that_come_with_the_gateway_are_whole_sections() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/providers");
        let mut read = 0;
        for file in std::fs::read_dir(folder).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            assert!(recipe(&text).id_pointer.is_some());
            read += 1;
        }
        assert!(read > 0, "the folder was read");
    }

    #[test]
    fn each_way_of_proving_oneself_has_what_it_needs() {
        let auth = |lines: &str| recipe(&format!("{HTTP}{lines}")).auth;
        let secret = Path::new("s");
        assert!(matches!(
            auth("auth = 'bearer'\nsecret_file = 's'"),
            RecipeAuth::Bearer { secret_file } if secret_file == secret
        ));
        assert!(matches!(
            auth("auth = 'header'\nauth_header = 'Authorization'\nsecret_file = 's'"),
            RecipeAuth::Header { auth_header, .. } if auth_header == "Authorization"
        ));
        let hmac = "auth = 'hmac'\nauth_header = 'X-Signature'\nsecret_file = 's'\n";
        for (format, expected) in [
            ("", "{hex}"),
            ("auth_format = 'sha256={hex}'", "sha256={hex}"),
        ] {
            assert!(matches!(
                auth(&format!("{hmac}{format}")),
                RecipeAuth::Hmac { auth_format, .. } if auth_format == expected
            ));
        }
    }

    #[test]
    fn what_is_wrong_with_a_recipe_is_named_with_its_line() {
        for (line, expected) in [
            (
                "method = 'DELETE'",
                "method = 'DELETE': must be \"POST\" or \"PUT\" or \"PATCH\" or \"GET\"",
            ),
            (
                "content_type = 'json'",
                "content_type = 'json': must be a media type, such as \"application/json\" or \"application/x-www-form-urlencoded\"",
            ),
            (
                "content_type = \"text/plain\\r\\nX-A: b\"",
                "content_type = \"text/plain\\r\\nX-A: b\": must be a media type, such as \"application/json\" or \"application/x-www-form-urlencoded\"",
            ),
            (
                "headers = { 'X A' = 'b' }",
                "headers.X A must be by a header's name: letters, digits and -",
            ),
            (
                "headers = { X-A = \"b\\r\\nX-C: d\" }",
                "headers.X-A must be one line",
            ),
            (
                "headers = { X-A = 'b', x-a = 'c' }",
                "headers.x-a must be named once: capital or small letters do not matter",
            ),
            (
                "headers = { Authorization = 'Bearer hunter2' }",
                "headers.Authorization would be a secret in this file: use auth with a secret_file",
            ),
            (
                "headers = { Content-Type = 'text/plain' }",
                "headers.Content-Type is set by the gateway itself; the type of the body is content_type",
            ),
            (
                "auth = 'digest'",
                "auth = 'digest': must be \"none\" or \"basic\" or \"bearer\" or \"header\" or \"hmac\"",
            ),
            (
                "secret_file = 'x'",
                "secret_file has no use with auth = \"none\"",
            ),
            ("account = 'me'", "account has no use with auth = \"none\""),
            (
                "auth_header = 'X-A'",
                "auth_header has no use with auth = \"none\"",
            ),
            (
                "auth_format = 'x'",
                "auth_format has no use with auth = \"none\"",
            ),
            (
                "id_pointer = 'id'",
                "id_pointer = 'id': must be a JSON pointer, such as \"/messages/0/id\"",
            ),
            (
                "id_pointer = '/a~2'",
                "id_pointer = '/a~2': must be a JSON pointer, such as \"/messages/0/id\"",
            ),
            (
                "success = { status = ['2x'] }",
                "success.status = \"2x\": must be an HTTP status, such as \"404\", or all that begin alike, such as \"5xx\"",
            ),
            (
                "success = { pointer = '/a' }",
                "success.pointer needs equals or regex, what is to be there",
            ),
            (
                "success = { equals = 'a' }",
                "success.equals needs a pointer to what it is compared with",
            ),
            (
                "success = { pointer = '/a', equals = 'a', regex = 'a' }",
                "success.regex must not stand beside equals",
            ),
            (
                "success = { regex = '(' }",
                "success.regex = '(': must be a regular expression, such as \"^OK\"",
            ),
            (
                "errors = [{ status = ['404'], is = 1006 }]",
                "errors.is = 1006: must be 1001, 1002, 1003, 1004, 1005, \"retry\" or \"config\"",
            ),
            (
                "errors = [{ status = ['404'] }]",
                "errors lacks is, what such an answer means: 1001 to 1005, \"retry\" or \"config\"",
            ),
            (
                "errors = [{ is = 1001 }]",
                "errors lacks status, pointer or regex, by which such an answer is known",
            ),
            (
                "report = { id_pointer = '/a', status_pointer = '/b' }",
                "report lacks values, its words in ours, such as { DELIVRD = \"delivered\" }",
            ),
            (
                "report = { id_pointer = '/a', values = { A = 'sent' } }",
                "report lacks status_pointer, where its word is, such as \"/status\"",
            ),
            (
                "report = { id_pointer = '/a', status_pointer = '/b', values = { A = 'done' } }",
                "report.values.A = 'done': must be \"sent\" or \"delivered\" or \"undelivered\" or \"expired\"",
            ),
        ] {
            let expected = format!("cellpost.toml line 4: cloud.h.{expected}");
            let problems = written(&format!("{HTTP}{line}")).problems();
            assert_eq!(problems, [expected], "{line}");
        }
    }

    #[test]
    fn no_text_and_no_number_can_change_the_host() {
        for bad in [
            "sms.example.com",
            "ftp://sms.example.com",
            "https://{to}.example.com/",
            "https://sms.example.com{text}",
            "https://sms.example.com\\{text}",
            "https://sms.example.com/#a",
            "https://sms.example.com/a b",
            "https:///send",
        ] {
            let text = format!("[cloud.h]\nkind = 'http'\nurl = '{bad}'");
            let problems = written(&text).problems();
            assert_eq!(problems.len(), 1, "{bad}: {problems:?}");
        }
        for good in [
            "http://127.0.0.1:8080/{to}",
            "https://sms.example.com?to={to}&text={text|url}",
            "https://sms.example.com/send?from=a@example.com",
        ] {
            let text = format!("[cloud.h]\nkind = 'http'\nurl = '{good}'");
            assert_eq!(recipe(&text).url, good);
        }
    }
}
