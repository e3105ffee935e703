//! Texts with places to fill in: `{to}`, `{text|b64}`, `{params.code}`.
//!
//! What is filled in is escaped for where it stands, always: no number, text or value can end its field and begin
//! another. Never: guesses what an unknown name may mean.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::super::{Outgoing, Unfit, digest, percent};
use crate::domain::{Destination, UnixMillis};

/// What a template becomes: it says what its literal text looks like and how values are escaped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Url,
    Header,
    Form,
    Json,
    Xml,
    Plain,
}

impl Kind {
    /// Of a body.
    pub(super) fn of(content_type: &str) -> Self {
        let content_type = content_type.to_ascii_lowercase();
        match content_type.split(';').next().unwrap_or_default().trim() {
            "application/x-www-form-urlencoded" => Self::Form,
            json if json.ends_with("/json") || json.ends_with("+json") => Self::Json,
            xml if xml.ends_with("/xml") || xml.ends_with("+xml") => Self::Xml,
            _ => Self::Plain,
        }
    }
}

/// Why a template cannot be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum InvalidTemplate {
    #[error("character {at}: {{{name}}} is not known; known are {known}", known = KNOWN)]
    Name { at: usize, name: String },
    #[error("character {at}: the filter |{name} is not known; known are |url |json |xml |b64 |hex")]
    Filter { at: usize, name: String },
    #[error("character {at}: the brace is not closed, or holds what is no name")]
    Brace { at: usize },
    #[error("it is no JSON once it is filled in: {0}")]
    Json(String),
}

const KNOWN: &str = "to, to_digits, to_national, from, text, text_ucs2hex, id, template_code, params.NAME, \
                     params_json, ts, callback_url";

#[derive(Clone, Debug)]
pub(super) struct Template(Vec<Piece>);

#[derive(Clone, Debug)]
enum Piece {
    Literal(String),
    Field(Field),
}

#[derive(Clone, Debug)]
struct Field {
    name: Name,
    filters: Vec<Filter>,
    place: Place,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Name {
    To,
    ToDigits,
    ToNational,
    From,
    Text,
    TextUcs2Hex,
    Id,
    TemplateCode,
    Param(String),
    ParamsJson,
    Ts,
    CallbackUrl,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Filter {
    Url,
    Json,
    Xml,
    B64,
    Hex,
}

/// Where a value stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    /// A line of its own, or text that means nothing.
    Bare,
    /// Before the question mark: a value must not be a step of the path.
    Path,
    Query,
    InString,
    /// Between the strings of JSON.
    OutOfString,
    Xml,
}

impl Place {
    fn own(self) -> Option<Filter> {
        match self {
            Self::Bare => None,
            Self::Path | Self::Query => Some(Filter::Url),
            Self::InString | Self::OutOfString => Some(Filter::Json),
            Self::Xml => Some(Filter::Xml),
        }
    }
}

/// What is filled in.
#[derive(Debug)]
pub(super) struct Values<'a> {
    pub(super) text: &'a Outgoing<'a>,
    pub(super) from: &'a str,
    pub(super) callback_url: &'a str,
    pub(super) now: UnixMillis,
}

impl Template {
    /// # Errors
    /// [`InvalidTemplate`] names the character, counted from 1, and what is wrong there.
    pub(super) fn parse(text: &str, kind: Kind) -> Result<Self, InvalidTemplate> {
        let mut reader = Reader::new(kind);
        let mut rest = text;
        while let Some(character) = rest.chars().next() {
            let at = text[..text.len() - rest.len()].chars().count() + 1;
            let is_open =
                character == '{' && rest[1..].starts_with(|c: char| c.is_ascii_lowercase());
            if !is_open {
                reader.literal(character);
                rest = &rest[character.len_utf8()..];
                continue;
            }
            let end = rest
                .find(|c| !is_of_name(c) && c != '{')
                .unwrap_or(rest.len());
            if !rest[end..].starts_with('}') {
                return Err(InvalidTemplate::Brace { at });
            }
            reader.field(&rest[1..end], at)?;
            rest = &rest[end + 1..];
        }
        let template = Self(reader.pieces);
        if kind == Kind::Json {
            template.check_json()?;
        }
        Ok(template)
    }

    /// # Errors
    /// [`Unfit`]: the text has not what the template needs.
    pub(super) fn fill(&self, values: &Values<'_>) -> Result<String, Unfit> {
        self.filled(|name| name.value(values))
    }

    /// What stands before the first value.
    pub(super) fn beginning(&self) -> &str {
        match self.0.first() {
            Some(Piece::Literal(text)) => text,
            _ => "",
        }
    }

    fn filled(&self, value: impl Fn(&Name) -> Result<String, Unfit>) -> Result<String, Unfit> {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Literal(text) => out.push_str(text),
                Piece::Field(field) => out.push_str(&field.escaped(value(&field.name)?)?),
            }
        }
        Ok(out)
    }

    fn check_json(&self) -> Result<(), InvalidTemplate> {
        let sample = |name: &Name| {
            Ok(match name {
                Name::ParamsJson => "{}",
                _ => "1",
            }
            .to_owned())
        };
        let filled = self.filled(sample).unwrap_or_default();
        match serde_json::from_str::<Value>(&filled) {
            Ok(_) => Ok(()),
            Err(error) => Err(InvalidTemplate::Json(error.to_string())),
        }
    }
}

fn is_of_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '.' | '|' | '-')
}

struct Reader {
    kind: Kind,
    pieces: Vec<Piece>,
    is_in_string: bool,
    is_escaped: bool,
    is_in_query: bool,
}

impl Reader {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            pieces: Vec::new(),
            is_in_string: false,
            is_escaped: false,
            is_in_query: false,
        }
    }

    fn literal(&mut self, character: char) {
        if self.is_in_string && self.is_escaped {
            self.is_escaped = false;
        } else {
            match character {
                '"' => self.is_in_string = !self.is_in_string,
                '\\' => self.is_escaped = self.is_in_string,
                '?' => self.is_in_query = true,
                _ => {}
            }
        }
        match self.pieces.last_mut() {
            Some(Piece::Literal(text)) => text.push(character),
            _ => self.pieces.push(Piece::Literal(character.to_string())),
        }
    }

    fn field(&mut self, inner: &str, at: usize) -> Result<(), InvalidTemplate> {
        let mut words = inner.split('|');
        let name = words.next().unwrap_or_default();
        let name = Name::parse(name).ok_or_else(|| InvalidTemplate::Name {
            at,
            name: name.to_owned(),
        })?;
        let filters: Result<Vec<Filter>, InvalidTemplate> = words
            .map(|word| {
                Filter::parse(word).ok_or_else(|| InvalidTemplate::Filter {
                    at,
                    name: word.to_owned(),
                })
            })
            .collect();
        let (mut filters, place) = (filters?, self.place());
        // What stands there is escaped for it anyway.
        if filters.last().copied() == place.own() {
            filters.pop();
        }
        self.pieces.push(Piece::Field(Field {
            name,
            filters,
            place,
        }));
        Ok(())
    }

    fn place(&self) -> Place {
        match self.kind {
            Kind::Header | Kind::Plain => Place::Bare,
            Kind::Url if !self.is_in_query => Place::Path,
            Kind::Url | Kind::Form => Place::Query,
            Kind::Json if self.is_in_string => Place::InString,
            Kind::Json => Place::OutOfString,
            Kind::Xml => Place::Xml,
        }
    }
}

impl Field {
    fn escaped(&self, value: String) -> Result<String, Unfit> {
        let value = self
            .filters
            .iter()
            .fold(value, |value, filter| filter.of(&value));
        let is_json = matches!(self.name, Name::ParamsJson | Name::Ts) && self.filters.is_empty();
        Ok(match self.place {
            Place::OutOfString if is_json => value,
            Place::OutOfString => format!("\"{}\"", Filter::Json.of(&value)),
            Place::Path if !value.is_empty() && value.chars().all(|c| c == '.') => {
                return Err(Unfit(
                    "a value of dots alone would be a step of the URL's path".to_owned(),
                ));
            }
            place => place
                .own()
                .map_or_else(|| value.clone(), |own| own.of(&value)),
        })
    }
}

impl Filter {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "url" => Self::Url,
            "json" => Self::Json,
            "xml" => Self::Xml,
            "b64" => Self::B64,
            "hex" => Self::Hex,
            _ => return None,
        })
    }

    fn of(self, value: &str) -> String {
        match self {
            Self::Url => percent::encoded(value),
            Self::Json => json_content(value),
            Self::Xml => xml_text(value),
            Self::B64 => STANDARD.encode(value),
            Self::Hex => digest::hex(value.as_bytes()),
        }
    }
}

/// The inside of a JSON string.
fn json_content(value: &str) -> String {
    let quoted = Value::from(value).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// Text or an attribute's value. XML 1.0 §2.2 has no place for most control characters; no text has them either.
fn xml_text(value: &str) -> String {
    value
        .chars()
        .fold(String::with_capacity(value.len()), |mut out, c| {
            match c {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '"' => out.push_str("&quot;"),
                '\'' => out.push_str("&apos;"),
                '\n' => out.push_str("&#10;"),
                '\t' => out.push_str("&#9;"),
                c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
                c => out.push(c),
            }
            out
        })
}

impl Name {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "to" => Self::To,
            "to_digits" => Self::ToDigits,
            "to_national" => Self::ToNational,
            "from" => Self::From,
            "text" => Self::Text,
            "text_ucs2hex" => Self::TextUcs2Hex,
            "id" => Self::Id,
            "template_code" => Self::TemplateCode,
            "params_json" => Self::ParamsJson,
            "ts" => Self::Ts,
            "callback_url" => Self::CallbackUrl,
            other => Self::Param(
                other
                    .strip_prefix("params.")
                    .filter(|name| !name.is_empty())?
                    .to_owned(),
            ),
        })
    }

    fn value(&self, values: &Values<'_>) -> Result<String, Unfit> {
        let text = values.text;
        Ok(match self {
            Self::To => text.to.as_str().to_owned(),
            Self::ToDigits => digits(text.to).to_owned(),
            Self::ToNational => match text.to {
                Destination::Number(number) => number.national().to_owned(),
                Destination::Short(code) => code.as_str().to_owned(),
            },
            Self::From => values.from.to_owned(),
            Self::Text => text.body.expose().to_owned(),
            Self::TextUcs2Hex => ucs2_hex(text.body.expose()),
            Self::Id => text.attempt.to_string(),
            Self::Ts => (values.now.0 / 1000).to_string(),
            Self::CallbackUrl => values.callback_url.to_owned(),
            Self::TemplateCode | Self::Param(_) | Self::ParamsJson => {
                return self.of_template(text);
            }
        })
    }

    fn of_template(&self, text: &Outgoing<'_>) -> Result<String, Unfit> {
        let made_of = text.made_of.ok_or_else(|| {
            Unfit("it was made of no template, and this provider is sent templates only".to_owned())
        })?;
        let values = made_of.values.expose();
        match self {
            Self::TemplateCode => {
                let code = made_of.provider_template.as_ref();
                Ok(code.unwrap_or(&made_of.template).clone())
            }
            Self::Param(name) => values
                .iter()
                .find(|(one, _)| one == name)
                .map(|(_, value)| value.clone())
                .ok_or_else(|| Unfit(format!("its template has no value {name}"))),
            _ => {
                let pairs = values
                    .iter()
                    .map(|(name, value)| (name.clone(), value.as_str().into()));
                Ok(Value::Object(pairs.collect()).to_string())
            }
        }
    }
}

fn digits(to: &Destination) -> &str {
    match to {
        Destination::Number(number) => number.digits(),
        Destination::Short(code) => code.as_str(),
    }
}

/// UTF-16, the high octet first: what a provider calls UCS-2 in hexadecimal digits.
fn ucs2_hex(text: &str) -> String {
    text.encode_utf16().fold(String::new(), |mut out, unit| {
        // Writing into a String cannot fail.
        _ = write!(out, "{unit:04X}");
        out
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::form::Form;
    use super::super::super::samples::{body, made_of, number, outgoing};
    use super::*;

    #[track_caller]
    fn filled(template: &str, kind: Kind, text: &str) -> String {
        let (to, body) = (number("+8613800138000"), body(text));
        let made_of = made_of(&[("code", "12\"34"), ("minutes", "5")]);
        let text = outgoing(&to, &body, Some(&made_of));
        let values = Values {
            text: &text,
            from: "+1555",
            callback_url: "https://gw.example.com/callbacks/x/s",
            now: UnixMillis(1_767_323_045_999),
        };
        Template::parse(template, kind)
            .unwrap()
            .fill(&values)
            .unwrap()
    }

    #[test]
    fn every_name_has_its_value() {
        for (template, expected) in [
            (
                "{to} {to_digits} {to_national}",
                "+8613800138000 8613800138000 13800138000",
            ),
            ("{from} {id} {ts}", "+1555 2a-1f 1767323045"),
            ("{text}", "é\"&<"),
            ("{text_ucs2hex}", "00E900220026003C"),
            ("{text|b64} {text|hex}", "w6kiJjw= c3a922263c"),
            (
                "{text|url} {text|json} {text|xml}",
                "%C3%A9%22%26%3C é\\\"&< é&quot;&amp;&lt;",
            ),
            ("{template_code} {params.code}", "17 12\"34"),
            ("{params_json}", r#"{"code":"12\"34","minutes":"5"}"#),
            ("{callback_url}", "https://gw.example.com/callbacks/x/s"),
            ("{} { a } {\"a\"} {A}", "{} { a } {\"a\"} {A}"),
        ] {
            assert_eq!(
                filled(template, Kind::Plain, "é\"&<"),
                expected,
                "{template}"
            );
        }
    }

    #[test]
    fn a_value_is_escaped_for_where_it_stands_once() {
        for (template, kind, expected) in [
            (
                "https://a/{text}?t={text}",
                Kind::Url,
                "https://a/a%26%22?t=a%26%22",
            ),
            ("t={text}&u={text|url}", Kind::Form, "t=a%26%22&u=a%26%22"),
            ("t={text|json}", Kind::Form, "t=a%26%5C%22"),
            (r#"{"t":"{text}"}"#, Kind::Json, r#"{"t":"a&\""}"#),
            (r#"{"t":"{text|json}"}"#, Kind::Json, r#"{"t":"a&\""}"#),
            (r#"{"t":{text}}"#, Kind::Json, r#"{"t":"a&\""}"#),
            (r#"{"t":"\"{text}"}"#, Kind::Json, r#"{"t":"\"a&\""}"#),
            (r#"{"t":{ts}}"#, Kind::Json, r#"{"t":1767323045}"#),
            (
                r#"{"p":{params_json}}"#,
                Kind::Json,
                r#"{"p":{"code":"12\"34","minutes":"5"}}"#,
            ),
            (r#"{"p":"{params.code}"}"#, Kind::Json, r#"{"p":"12\"34"}"#),
            ("<t>{text}</t>", Kind::Xml, "<t>a&amp;&quot;</t>"),
        ] {
            assert_eq!(filled(template, kind, "a&\""), expected, "{template}");
        }
        let quoted = filled(r#"{"p":"{params_json}"}"#, Kind::Json, "x");
        let parsed: Value = serde_json::from_str(&quoted).unwrap();
        assert_eq!(parsed["p"], r#"{"code":"12\"34","minutes":"5"}"#);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (template, kind, words) in [
            (
                "to={to}&x={txt}",
                Kind::Form,
                "character 11: {txt} is not known",
            ),
            ("{text|upper}", Kind::Form, "character 1: the filter |upper"),
            ("{text", Kind::Form, "character 1: the brace"),
            ("é{text }", Kind::Form, "character 2: the brace"),
            ("{params.}", Kind::Form, "character 1: {params.}"),
            (r#"{"t":"{text}""#, Kind::Json, "no JSON"),
            (r#"{"t":"{text}" "u":1}"#, Kind::Json, "no JSON"),
        ] {
            let error = Template::parse(template, kind).unwrap_err().to_string();
            assert!(error.contains(words), "{template}: {error}");
        }
    }

    #[test]
    fn what_a_text_has_not_cannot_be_filled_in() {
        let (to, body) = (number("10086"), body(".."));
        let text = outgoing(&to, &body, None);
        let values = Values {
            text: &text,
            from: "",
            callback_url: "",
            now: UnixMillis(0),
        };
        for (template, kind) in [
            ("{template_code}", Kind::Plain),
            ("{params.code}", Kind::Plain),
            ("{params_json}", Kind::Plain),
            ("https://a/{text}", Kind::Url),
        ] {
            assert!(
                Template::parse(template, kind)
                    .unwrap()
                    .fill(&values)
                    .is_err(),
                "{template}"
            );
        }
    }

    #[test]
    fn a_media_type_says_how_values_are_escaped() {
        for (content_type, kind) in [
            ("application/json", Kind::Json),
            ("Application/JSON; charset=utf-8", Kind::Json),
            ("application/vnd.api+json", Kind::Json),
            ("application/x-www-form-urlencoded", Kind::Form),
            ("text/xml", Kind::Xml),
            ("application/soap+xml", Kind::Xml),
            ("text/plain", Kind::Plain),
        ] {
            assert_eq!(Kind::of(content_type), kind, "{content_type}");
        }
    }

    proptest! {
        #[test]
        fn no_value_adds_a_field_a_key_or_an_element(text in "[\\PC\n\t]{1,100}") {
            prop_assume!(crate::domain::Body::parse(&text).is_ok());
            let form = filled("to={to}&text={text}&id={id}", Kind::Form, &text);
            let form = Form::parse(form.as_bytes());
            let names: Vec<_> = form.pairs().map(|(name, _)| name).collect();
            prop_assert_eq!(names, ["to", "text", "id"]);
            prop_assert_eq!(form.first("text"), Some(text.as_str()));

            let json = filled(r#"{"to":"{to}","text":"{text}","more":{text}}"#, Kind::Json, &text);
            let json: Value = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(json.as_object().unwrap().len(), 3);
            prop_assert_eq!((&json["text"], &json["more"]), (&Value::from(text.as_str()), &Value::from(text.as_str())));

            let xml = filled("<sms to=\"{to}\"><text>{text}</text></sms>", Kind::Xml, &text);
            prop_assert_eq!((xml.matches('<').count(), xml.matches('>').count()), (4, 4));
            prop_assert_eq!(xml.matches('"').count(), 2);

            let url = filled("https://a/send?text={text}&id={id}", Kind::Url, &text);
            prop_assert!(url.parse::<http::Uri>().is_ok());
            prop_assert_eq!((url.matches('&').count(), url.matches('?').count()), (1, 1));
        }

        #[test]
        fn no_template_panics(text in any::<String>()) {
            for kind in [Kind::Url, Kind::Header, Kind::Form, Kind::Json, Kind::Xml, Kind::Plain] {
                _ = Template::parse(&text, kind);
            }
        }
    }
}
