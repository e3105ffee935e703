//! The shapes of `[cloud.NAME]`, keys of all kinds together: which belong to which kind is for the check.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::Given;

/// Words with a value each, in no order: the order of the file is that of their spans.
type Words<T> = Given<BTreeMap<Spanned<String>, Spanned<T>>>;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct Cloud {
    pub(in crate::config) kind: Given<String>,
    pub(in crate::config) account: Given<String>,
    pub(in crate::config) key_file: Given<String>,
    pub(in crate::config) secret_file: Given<String>,
    pub(in crate::config) from: Given<String>,
    pub(in crate::config) messaging_service: Given<String>,
    pub(in crate::config) region: Given<String>,
    pub(in crate::config) sdk_app_id: Given<String>,
    pub(in crate::config) sign_name: Given<String>,
    pub(in crate::config) template_map: Words<Registered>,
    pub(in crate::config) scheme_name: Given<String>,
    pub(in crate::config) base_url: Given<String>,
    pub(in crate::config) proxy: Given<String>,
    pub(in crate::config) timeout: Given<i64>,
    pub(in crate::config) concurrency: Given<i64>,
    pub(in crate::config) callback_secret_file: Given<String>,
    pub(in crate::config) method: Given<String>,
    pub(in crate::config) url: Given<String>,
    pub(in crate::config) content_type: Given<String>,
    pub(in crate::config) headers: Words<String>,
    pub(in crate::config) body: Given<String>,
    pub(in crate::config) auth: Given<String>,
    pub(in crate::config) auth_header: Given<String>,
    pub(in crate::config) auth_format: Given<String>,
    pub(in crate::config) success: Given<Success>,
    pub(in crate::config) id_pointer: Given<String>,
    pub(in crate::config) errors: Given<Vec<Spanned<ErrorRule>>>,
    pub(in crate::config) report: Given<Report>,
    pub(in crate::config) reports: Option<bool>,
    pub(in crate::config) prefixes: Given<Vec<String>>,
    pub(in crate::config) categories: Given<Vec<String>>,
    pub(in crate::config) weight: Given<i64>,
    pub(in crate::config) cost: Given<String>,
    pub(in crate::config) enabled: Option<bool>,
}

/// When an answer means that the text was taken.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct Success {
    pub(in crate::config) status: Given<Vec<String>>,
    pub(in crate::config) pointer: Given<String>,
    pub(in crate::config) equals: Given<Scalar>,
    pub(in crate::config) regex: Given<String>,
}

/// When an answer means something else, and what.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct ErrorRule {
    pub(in crate::config) status: Given<Vec<String>>,
    pub(in crate::config) pointer: Given<String>,
    pub(in crate::config) equals: Given<Scalar>,
    pub(in crate::config) regex: Given<String>,
    pub(in crate::config) is: Given<Scalar>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(in crate::config) struct Report {
    pub(in crate::config) id_pointer: Given<String>,
    pub(in crate::config) status_pointer: Given<String>,
    pub(in crate::config) values: BTreeMap<Spanned<String>, Spanned<String>>,
}

/// What a template is called at the provider: `"SMS_1"`, or a table.
#[derive(Debug, Default)]
pub(in crate::config) struct Registered {
    pub(in crate::config) code: Option<String>,
    pub(in crate::config) sign_name: Option<String>,
    pub(in crate::config) variables: Option<Vec<String>>,
}

/// The table's own shape: [`Registered`] is read from a bare word too.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RegisteredTable {
    code: Option<String>,
    sign_name: Option<String>,
    variables: Option<Vec<String>>,
}

/// A word, a whole number, true or false, as JSON writes it and a string without its quotes.
#[derive(Debug, Default)]
pub(in crate::config) struct Scalar(pub(in crate::config) String);

impl Cloud {
    /// The keys that not every kind has and that are written here, each with its place.
    pub(in crate::config) fn written(
        &self,
    ) -> impl Iterator<Item = (&'static str, Range<usize>)> + use<> {
        [
            ("account", place(&self.account)),
            ("key_file", place(&self.key_file)),
            ("secret_file", place(&self.secret_file)),
            ("from", place(&self.from)),
            ("messaging_service", place(&self.messaging_service)),
            ("region", place(&self.region)),
            ("sdk_app_id", place(&self.sdk_app_id)),
            ("sign_name", place(&self.sign_name)),
            ("template_map", place(&self.template_map)),
            ("scheme_name", place(&self.scheme_name)),
            ("base_url", place(&self.base_url)),
            ("method", place(&self.method)),
            ("url", place(&self.url)),
            ("content_type", place(&self.content_type)),
            ("headers", place(&self.headers)),
            ("body", place(&self.body)),
            ("auth", place(&self.auth)),
            ("auth_header", place(&self.auth_header)),
            ("auth_format", place(&self.auth_format)),
            ("success", place(&self.success)),
            ("id_pointer", place(&self.id_pointer)),
            ("errors", place(&self.errors)),
            ("report", place(&self.report)),
        ]
        .into_iter()
        .filter_map(|(key, place)| Some((key, place?)))
    }
}

fn place<T>(given: &Given<T>) -> Option<Range<usize>> {
    given.as_ref().map(Spanned::span)
}

// Not `untagged`: that would lose the place of a mistake inside the table.
impl<'de> Deserialize<'de> for Registered {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CodeOrTable;

        impl<'de> Visitor<'de> for CodeOrTable {
            type Value = Registered;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a template's code, or a table")
            }

            fn visit_str<E: Error>(self, code: &str) -> Result<Registered, E> {
                Ok(Registered {
                    code: Some(code.to_owned()),
                    ..Registered::default()
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<Registered, A::Error> {
                let table = RegisteredTable::deserialize(MapAccessDeserializer::new(table))?;
                Ok(Registered {
                    code: table.code,
                    sign_name: table.sign_name,
                    variables: table.variables,
                })
            }
        }

        deserializer.deserialize_any(CodeOrTable)
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WordNumberOrFlag;

        impl Visitor<'_> for WordNumberOrFlag {
            type Value = Scalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, a whole number, true or false")
            }

            fn visit_str<E: Error>(self, word: &str) -> Result<Scalar, E> {
                Ok(Scalar(word.to_owned()))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Scalar, E> {
                Ok(Scalar(number.to_string()))
            }

            fn visit_bool<E: Error>(self, flag: bool) -> Result<Scalar, E> {
                Ok(Scalar(flag.to_string()))
            }
        }

        deserializer.deserialize_any(WordNumberOrFlag)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeSet;

    use super::super::keys::tests::fields;
    use super::*;

    /// The keys of the sections of providers, as the table of keys names them.
    pub(in crate::config::raw) fn shapes() -> BTreeSet<String> {
        let mut all = fields::<Cloud>("cloud.NAME.");
        for section in ["template_map", "headers", "success", "errors", "report"] {
            assert!(all.remove(&format!("cloud.NAME.{section}")), "{section}");
        }
        all.extend(fields::<RegisteredTable>(
            "cloud.NAME.template_map.TEMPLATE.",
        ));
        all.extend(fields::<Success>("cloud.NAME.success."));
        all.extend(fields::<ErrorRule>("cloud.NAME.errors."));
        all.extend(fields::<Report>("cloud.NAME.report."));
        assert!(all.remove("cloud.NAME.report.values"));
        for word in [
            "template_map.TEMPLATE",
            "headers.HEADER",
            "report.values.WORD",
        ] {
            all.insert(format!("cloud.NAME.{word}"));
        }
        all
    }
}
