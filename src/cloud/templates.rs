//! Which registered template of a provider carries a text of ours, and with which values.
//!
//! For providers that know templates only (Aliyun, Tencent). Their console registers a text under a code; we tell the
//! code, the sign name and the values, never the text. The section's `template_map` says what belongs to what:
//!
//! ```toml
//! [cloud.aliyun]
//! sign_name = "云手机"
//!
//! [cloud.aliyun.template_map]
//! "17" = "SMS_154950909"                                      # our template 17
//! "sms.login" = { code = "SMS_2", variables = ["code"] }      # codes of a profile; only this value is told
//! "18" = { code = "SMS_3", sign_name = "另一签名" }             # with a sign name of its own
//! "19" = { sign_name = "另一签名" }                            # the code is its providerTemplateId
//! "*" = "SMS_9"                                               # any text: its one variable is named content
//! ```
//!
//! A template's own `providerTemplateId` goes before the table when it has the form of this provider's codes, so that
//! one template can go by two providers. `variables` names those of our variables that the registered template has, in
//! its order; without it all are told, in the order of our template. `"*"` is for what has no registered template of
//! its own; without it a free text cannot go by this provider.
//!
//! Never: renders a text, knows a wire format, reads a configuration file.

use std::collections::BTreeMap;

use super::{Outgoing, Unfit};
use crate::domain::recipe::Registered;

/// The key of `template_map` for every text without a registered template of its own.
const ANY_TEXT: &str = "*";

/// What the one variable of the template for any text is named.
const WHOLE_TEXT: &str = "content";

#[cfg(test)]
impl Registered {
    /// The plain form.
    pub(crate) fn of_code(code: &str) -> Self {
        Self {
            code: Some(code.to_owned()),
            ..Self::default()
        }
    }
}

/// Our templates at one provider.
#[derive(Clone, Debug)]
pub(crate) struct Templates {
    entries: BTreeMap<String, Registered>,
    sign_name: Option<String>,
    form: CodeForm,
}

/// How a provider's template codes look; each provider has its own.
pub(crate) type CodeForm = fn(&str) -> bool;

/// What is told of a text: whose template it is, under which sign name, with which values.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Resolved<'a> {
    pub(crate) code: &'a str,
    pub(crate) sign_name: Option<&'a str>,
    /// Names and values, in the order of the registered template.
    pub(crate) values: Vec<(&'a str, &'a str)>,
}

/// Whose template a code goes by that the provider draws, and which of its variables are told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct OfCodes<'a> {
    pub(crate) code: &'a str,
    pub(crate) sign_name: Option<&'a str>,
    /// `None`: all.
    pub(crate) variables: Option<&'a [String]>,
}

/// Why a `template_map` cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum InvalidTemplates {
    #[error("template_map.\"{0}\" has an empty code; it must be the code of a registered template")]
    EmptyCode(String),
    #[error("template_map.\"{0}\" says nothing; it must have a code, a sign_name or variables")]
    Nothing(String),
    #[error(
        "template_map.\"*\" has no code; it must name a registered template whose one variable is content"
    )]
    NoCodeForAnyText,
    #[error("template_map.\"*\" lists variables; it has exactly one, which is named content")]
    VariablesOfAnyText,
    #[error("template_map.\"{template}\" lists the variable {variable} twice")]
    Twice { template: String, variable: String },
}

impl Templates {
    /// `sign_name`: the section's.
    ///
    /// # Errors
    /// An entry says nothing, or what cannot be.
    pub(crate) fn new(
        entries: BTreeMap<String, Registered>,
        sign_name: Option<String>,
        form: CodeForm,
    ) -> Result<Self, InvalidTemplates> {
        for (template, entry) in &entries {
            check(template, entry)?;
        }
        Ok(Self {
            entries,
            sign_name: sign_name.filter(|name| !name.is_empty()),
            form,
        })
    }

    /// Which registered template carries a text, and with what.
    ///
    /// # Errors
    /// None does, or a variable that it lists has no value.
    pub(crate) fn resolve<'a>(&'a self, text: &Outgoing<'a>) -> Result<Resolved<'a>, Unfit> {
        let Some(made_of) = text.made_of else {
            return self.any_text(text).ok_or_else(|| {
                Unfit(
                    "a text that was not made of a template cannot go by this provider; \
                     template_map.\"*\" would name one for any text"
                        .to_owned(),
                )
            });
        };
        let entry = self.entries.get(&made_of.template);
        let own = made_of.provider_template.as_deref();
        let mapped = entry.and_then(|entry| entry.code.as_deref());
        let in_form = own.filter(|code| (self.form)(code));
        let Some(code) = in_form.or(mapped) else {
            // A code of another provider's form is told only when there is nothing better: this one will say no to it.
            return match (self.any_text(text), own) {
                (Some(resolved), _) => Ok(resolved),
                (None, Some(code)) => self.with_values(code, entry, made_of),
                (None, None) => Err(Unfit(format!(
                    "template {} has no registered template at this provider: neither a \
                     providerTemplateId nor an entry in template_map",
                    made_of.template
                ))),
            };
        };
        self.with_values(code, entry, made_of)
    }

    /// The registered template for codes of a profile that the provider draws itself: the profile's own, or that for any
    /// text if it has this provider's form. One that is told a whole text cannot carry a code that nobody here knows.
    pub(crate) fn of_codes(&self, profile: &str) -> Option<OfCodes<'_>> {
        let own = self.entries.get(profile);
        let any = self.entries.get(ANY_TEXT).filter(|entry| {
            let code = entry.code.as_deref();
            code.is_some_and(|code| (self.form)(code))
        });
        let entry = own.or(any)?;
        Some(OfCodes {
            code: [own, any]
                .into_iter()
                .flatten()
                .find_map(|entry| entry.code.as_deref())?,
            sign_name: entry.sign_name.as_deref().or(self.sign_name.as_deref()),
            variables: entry.variables.as_deref(),
        })
    }

    fn with_values<'a>(
        &'a self,
        code: &'a str,
        entry: Option<&'a Registered>,
        made_of: &'a crate::domain::attempt::MadeOf,
    ) -> Result<Resolved<'a>, Unfit> {
        let all = made_of.values.expose();
        let values = match entry.and_then(|entry| entry.variables.as_ref()) {
            None => all
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect(),
            Some(variables) => chosen(variables, all).map_err(|missing| {
                Unfit(format!(
                    "template {} has no value for {missing}, which template_map lists",
                    made_of.template
                ))
            })?,
        };
        Ok(Resolved {
            code,
            sign_name: entry
                .and_then(|entry| entry.sign_name.as_deref())
                .or(self.sign_name.as_deref()),
            values,
        })
    }

    fn any_text<'a>(&'a self, text: &Outgoing<'a>) -> Option<Resolved<'a>> {
        let entry = self.entries.get(ANY_TEXT)?;
        Some(Resolved {
            code: entry.code.as_deref()?,
            sign_name: entry.sign_name.as_deref().or(self.sign_name.as_deref()),
            values: vec![(WHOLE_TEXT, text.body.expose())],
        })
    }
}

fn check(template: &str, entry: &Registered) -> Result<(), InvalidTemplates> {
    let named = || template.to_owned();
    if entry.code.as_deref().is_some_and(str::is_empty) {
        return Err(InvalidTemplates::EmptyCode(named()));
    }
    if template == ANY_TEXT && entry.code.is_none() {
        return Err(InvalidTemplates::NoCodeForAnyText);
    }
    if template == ANY_TEXT && entry.variables.is_some() {
        return Err(InvalidTemplates::VariablesOfAnyText);
    }
    if *entry == Registered::default() {
        return Err(InvalidTemplates::Nothing(named()));
    }
    let variables = entry.variables.as_deref().unwrap_or_default();
    let twice = variables
        .iter()
        .enumerate()
        .find(|(at, name)| variables[..*at].contains(name));
    match twice {
        None => Ok(()),
        Some((_, variable)) => Err(InvalidTemplates::Twice {
            template: named(),
            variable: variable.clone(),
        }),
    }
}

/// The values of `variables` in their order, or the first that has none.
fn chosen<'a>(
    variables: &'a [String],
    values: &'a [(String, String)],
) -> Result<Vec<(&'a str, &'a str)>, &'a str> {
    variables
        .iter()
        .map(|variable| {
            values
                .iter()
                .find(|(name, _)| name == variable)
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .ok_or(variable.as_str())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::attempt::{AttemptId, MadeOf};
    use crate::domain::{Body, Destination, Encoding, MessageSeq, NumberRules, Redacted, Ticket};

    fn templates(entries: &[(&str, Registered)]) -> Templates {
        let entries = entries
            .iter()
            .map(|(template, entry)| ((*template).to_owned(), entry.clone()))
            .collect();
        let form: CodeForm = |code| code.starts_with("SMS_");
        Templates::new(entries, Some("云手机".to_owned()), form).unwrap()
    }

    fn made_of(template: &str, provider_template: Option<&str>) -> MadeOf {
        let values = [("code", "123456"), ("minutes", "5")];
        MadeOf {
            template: template.to_owned(),
            provider_template: provider_template.map(str::to_owned),
            values: Redacted::new(
                values
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .to_vec(),
            ),
        }
    }

    /// Code, sign name and values that are told.
    fn told(templates: &Templates, made_of: Option<&MadeOf>) -> Result<String, String> {
        let to: Destination = NumberRules::new("CN", false)
            .unwrap()
            .parse("13800138000")
            .unwrap();
        let body = Body::parse("您的验证码是123456").unwrap();
        let text = Outgoing {
            attempt: AttemptId {
                message: MessageSeq(1),
                ticket: Ticket(2),
            },
            to: &to,
            body: &body,
            encoding: Encoding::Auto,
            made_of,
            validity: Duration::from_secs(300),
            flash: false,
            wants_report: true,
        };
        let resolved = templates.resolve(&text).map_err(|unfit| unfit.0)?;
        let values: Vec<String> = resolved
            .values
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let sign_name = resolved.sign_name.unwrap_or("none");
        Ok(format!(
            "{} {sign_name} {}",
            resolved.code,
            values.join(",")
        ))
    }

    #[test]
    fn a_templates_own_code_goes_before_the_table_and_the_tables_sign_name_before_the_sections() {
        let templates = templates(&[
            ("17", Registered::of_code("SMS_17")),
            (
                "18",
                Registered {
                    code: Some("SMS_18".to_owned()),
                    sign_name: Some("另一签名".to_owned()),
                    variables: None,
                },
            ),
        ]);
        for (template, own, expected) in [
            ("17", None, "SMS_17 云手机 code=123456,minutes=5"),
            ("17", Some("SMS_1"), "SMS_1 云手机 code=123456,minutes=5"),
            ("18", Some("SMS_1"), "SMS_1 另一签名 code=123456,minutes=5"),
            ("19", Some("SMS_1"), "SMS_1 云手机 code=123456,minutes=5"),
        ] {
            let made_of = made_of(template, own);
            assert_eq!(
                told(&templates, Some(&made_of)).as_deref(),
                Ok(expected),
                "{template} {own:?}"
            );
        }
    }

    #[test]
    fn a_code_of_another_providers_form_is_told_only_when_there_is_no_better() {
        let foreign = made_of("17", Some("1110"));
        let none = templates(&[("1", Registered::of_code("SMS_1"))]);
        let mapped = templates(&[("17", Registered::of_code("SMS_17"))]);
        let any = templates(&[("*", Registered::of_code("SMS_9"))]);
        assert_eq!(
            told(&none, Some(&foreign)).unwrap(),
            "1110 云手机 code=123456,minutes=5"
        );
        assert_eq!(
            told(&mapped, Some(&foreign)).unwrap(),
            "SMS_17 云手机 code=123456,minutes=5"
        );
        assert_eq!(
            told(&any, Some(&foreign)).unwrap(),
            "SMS_9 云手机 content=您的验证码是123456"
        );
    }

    #[test]
    fn a_registered_template_is_told_its_own_variables_in_its_own_order() {
        let entry = |variables: &[&str]| Registered {
            code: Some("SMS_2".to_owned()),
            sign_name: None,
            variables: Some(variables.iter().map(|&name| name.to_owned()).collect()),
        };
        let login = made_of("sms.login", None);
        for (variables, values) in [
            (&["code"][..], "code=123456"),
            (&["minutes", "code"], "minutes=5,code=123456"),
            (&[], ""),
        ] {
            let templates = templates(&[("sms.login", entry(variables))]);
            assert_eq!(
                told(&templates, Some(&login)).unwrap(),
                format!("SMS_2 云手机 {values}")
            );
        }
        let templates = templates(&[("sms.login", entry(&["name"]))]);
        assert_eq!(
            told(&templates, Some(&login)).unwrap_err(),
            "template sms.login has no value for name, which template_map lists"
        );
    }

    #[test]
    fn a_free_text_goes_only_by_the_template_for_any_text() {
        let without = templates(&[("17", Registered::of_code("SMS_17"))]);
        let with = templates(&[("*", Registered::of_code("SMS_9"))]);
        assert!(told(&without, None).unwrap_err().contains("template_map"));
        assert_eq!(
            told(&with, None).unwrap(),
            "SMS_9 云手机 content=您的验证码是123456"
        );
    }

    #[test]
    fn a_template_without_a_registered_one_is_named() {
        let templates = templates(&[("17", Registered::of_code("SMS_17"))]);
        let error = told(&templates, Some(&made_of("18", None))).unwrap_err();
        assert!(error.starts_with("template 18 has no registered template"));
    }

    #[test]
    fn an_entry_that_says_nothing_or_what_cannot_be_is_refused() {
        let variables = |names: &[&str]| Registered {
            variables: Some(names.iter().map(|&name| name.to_owned()).collect()),
            ..Registered::of_code("SMS_1")
        };
        for (template, entry, word) in [
            ("17", Registered::of_code(""), "empty code"),
            ("17", Registered::default(), "says nothing"),
            ("*", Registered::default(), "no code"),
            ("*", variables(&["content"]), "lists variables"),
            ("17", variables(&["code", "code"]), "code twice"),
        ] {
            let entries = [(template.to_owned(), entry)].into();
            let error = Templates::new(entries, None, |_| true).unwrap_err();
            assert!(error.to_string().contains(word), "{error}");
        }
    }
}
