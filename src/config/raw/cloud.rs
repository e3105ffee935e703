//! The shapes of `[cloud.NAME]`, keys of all kinds together: which belong to which kind is for the check.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::DeValue;

use super::Given;
use super::read::Reading;
use super::section::{Shape, Value, sections};

/// Words with a value each, in no order: the order of the file is that of their spans.
type Words<T> = Given<BTreeMap<Spanned<String>, Spanned<T>>>;

sections! {
    struct Cloud {
        kind: Given<String>,
        account: Given<String>,
        key_file: Given<String>,
        secret_file: Given<String>,
        from: Given<String>,
        messaging_service: Given<String>,
        region: Given<String>,
        sdk_app_id: Given<String>,
        sign_name: Given<String>,
        template_map: Words<Registered>,
        scheme_name: Given<String>,
        base_url: Given<String>,
        proxy: Given<String>,
        timeout: Given<i64>,
        concurrency: Given<i64>,
        callback_secret_file: Given<String>,
        method: Given<String>,
        url: Given<String>,
        content_type: Given<String>,
        headers: Words<String>,
        body: Given<String>,
        auth: Given<String>,
        auth_header: Given<String>,
        auth_format: Given<String>,
        success: Given<Success>,
        id_pointer: Given<String>,
        errors: Given<Vec<Spanned<ErrorRule>>>,
        report: Given<Report>,
        reports: Option<bool>,
        prefixes: Given<Vec<String>>,
        categories: Given<Vec<String>>,
        weight: Given<i64>,
        cost: Given<String>,
        enabled: Option<bool>,
    }

    /// When an answer means that the text was taken.
    struct Success {
        status: Given<Vec<String>>,
        pointer: Given<String>,
        equals: Given<Scalar>,
        regex: Given<String>,
    }

    /// When an answer means something else, and what.
    struct ErrorRule {
        status: Given<Vec<String>>,
        pointer: Given<String>,
        equals: Given<Scalar>,
        regex: Given<String>,
        is: Given<Scalar>,
    }

    struct Report {
        id_pointer: Given<String>,
        status_pointer: Given<String>,
        values: BTreeMap<Spanned<String>, Spanned<String>>,
    }

    /// The table's own shape: [`Registered`] is read from a bare word too.
    struct RegisteredTable {
        code: Given<String>,
        sign_name: Given<String>,
        variables: Given<Vec<String>>,
    }
}

/// What a template is called at the provider: `"SMS_1"`, or a table.
#[derive(Debug, Default)]
pub(in crate::config) struct Registered {
    pub(in crate::config) code: Option<String>,
    pub(in crate::config) sign_name: Option<String>,
    pub(in crate::config) variables: Option<Vec<String>>,
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

impl Shape for Registered {
    fn of(value: Value<'_>, reading: &mut Reading<'_>) -> Option<Self> {
        if let DeValue::String(code) = value.get_ref() {
            return Some(Self {
                code: Some(code.to_string()),
                ..Self::default()
            });
        }
        let table = RegisteredTable::of(value, reading)?;
        Some(Self {
            code: table.code.map(Spanned::into_inner),
            sign_name: table.sign_name.map(Spanned::into_inner),
            variables: table.variables.map(Spanned::into_inner),
        })
    }
}

impl Shape for Scalar {
    fn of(value: Value<'_>, reading: &mut Reading<'_>) -> Option<Self> {
        Some(Self(match value.get_ref() {
            DeValue::String(word) => word.to_string(),
            DeValue::Boolean(flag) => flag.to_string(),
            _ => i64::of(value, reading)?.to_string(),
        }))
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
