//! From a text to its shapes, and to every place where it does not fit them.

use std::borrow::Cow;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::super::problem::{Problem, nearest};
use super::super::sheet::{Override, Sheet};
use super::Raw;
use super::keys::{
    Kind, Meaning, is_profiles, kind_of, meaning, section_wanted, sections, unknown,
};
use crate::domain::ProfileName;

/// The shapes of what was written, and what had to be left out of them: each with its position.
pub(in crate::config) fn read(sheet: &Sheet) -> (Raw, Vec<(usize, Problem)>) {
    let (table, faults) = DeTable::parse_recoverable(&sheet.text);
    let mut table = table.into_inner();
    let mut raw = Raw::default();
    let mut problems = lay_over(&mut table, sheet);
    if !faults.is_empty() {
        problems.extend(faults.iter().map(|fault| syntax(sheet, fault)));
        return (raw, problems);
    }
    let mut reading = Reading {
        sheet,
        path: Vec::new(),
        is_written_twice: false,
        problems,
    };
    reading.fill(&mut raw, table);
    (raw, reading.problems)
}

/// Where the reader of the file stands, and what it has found wrong.
pub(super) struct Reading<'a> {
    sheet: &'a Sheet,
    /// The names of the tables and of the key.
    pub(super) path: Vec<String>,
    /// What is refused is right by itself, and stands there already under another spelling of its section.
    pub(super) is_written_twice: bool,
    problems: Vec<(usize, Problem)>,
}

/// Where an entry of a table stands.
pub(super) struct Entry {
    pub(super) key_at: usize,
    pub(super) value: Range<usize>,
    pub(super) is_table: bool,
}

fn syntax(sheet: &Sheet, error: &toml::de::Error) -> (usize, Problem) {
    let position = error.span().map_or(0, |span| span.start);
    let problem = Problem::Syntax {
        place: sheet.place(position),
        why: error.message().replace('\n', "; "),
    };
    (position, problem)
}

/// Writes the overrides into the table, each with a span behind the text.
fn lay_over<'a>(table: &mut DeTable<'a>, sheet: &'a Sheet) -> Vec<(usize, Problem)> {
    let mut problems = Vec::new();
    for (index, given) in sheet.overrides.iter().enumerate() {
        let span = sheet.beyond(index);
        let path = [given.section.clone(), given.key.clone()];
        let Some(kind) = kind_of(&given.section, &given.key) else {
            problems.push((span.start, unknown(sheet.place(span.start), &path)));
            continue;
        };
        let name = |text: &'a str| Spanned::new(span.clone(), Cow::Borrowed(text));
        let section = table
            .entry(name(&given.section))
            .or_insert_with(|| Spanned::new(span.clone(), DeValue::Table(DeTable::new())));
        // A section that the file spoiled is complained of when the file is read.
        if let DeValue::Table(section) = section.get_mut() {
            let value = Spanned::new(span.clone(), value_of(given, kind, &span));
            section.remove(given.key.as_str());
            section.insert(name(&given.key), value);
        }
    }
    problems
}

/// An override's text as the value that its key takes; a string where it is none, which is refused.
fn value_of<'a>(given: &'a Override, kind: Kind, span: &Range<usize>) -> DeValue<'a> {
    let text = |text: &'a str| DeValue::String(Cow::Borrowed(text));
    match kind {
        Kind::Text | Kind::Scalar | Kind::Registered => text(&given.value),
        Kind::Integer | Kind::Share | Kind::Flag => DeValue::parse(given.value.trim())
            .ok()
            .map(Spanned::into_inner)
            .filter(|value| value.is_integer() || value.is_float() || value.is_bool())
            .unwrap_or_else(|| text(&given.value)),
        Kind::List => DeValue::Array(
            given
                .value
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(|item| Spanned::new(span.clone(), text(item)))
                .collect::<DeArray<'a>>(),
        ),
    }
}

/// `sms.login` in a `template_map`, where a point without quotes makes a table.
fn is_dotted_profile(cloud: &str, map: &str, section: &str) -> bool {
    cloud == "cloud" && map == "template_map" && section == "sms"
}

impl Reading<'_> {
    /// Of the entry at this path.
    pub(super) fn complain(&mut self, entry: &Entry) {
        self.problems.push((entry.key_at, self.complaint(entry)));
        self.is_written_twice = false;
    }

    fn complaint(&self, entry: &Entry) -> Problem {
        let place = self.sheet.place(entry.key_at);
        let right = match meaning(&self.path) {
            Meaning::Key(_) | Meaning::Section if self.is_written_twice => {
                "must be written only once".to_owned()
            }
            Meaning::Key(kind) => kind.right().to_owned(),
            Meaning::Section => section_wanted(&self.path),
            Meaning::Nothing if entry.is_table && self.path.len() == 1 => {
                return Problem::Unknown {
                    place,
                    what: "section",
                    meant: nearest(&self.path[0], sections()).map(str::to_owned),
                    name: self.path[0].clone(),
                };
            }
            Meaning::Nothing => match &self.path[..] {
                [verify, profile, _] if is_profiles(verify, profile) => {
                    let names = ProfileName::ALL.map(ProfileName::as_str).join(", ");
                    format!("there is no such profile; there are {names}")
                }
                [cloud, _, map, section, key] if is_dotted_profile(cloud, map, section) => {
                    format!("must be written in quotes, \"{section}.{key}\"")
                }
                path => return unknown(place, path),
            },
        };
        Problem::Wrong {
            place,
            key: self.path.join("."),
            value: self.sheet.value(entry.value.clone()),
            right,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[track_caller]
    fn complaints(text: &str, env: &[(&str, &str)]) -> Vec<String> {
        let env: Vec<_> = env
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let sheet = Sheet::new(Some(Path::new("cellpost.toml")), text.to_owned(), &env);
        let (_, mut problems) = read(&sheet);
        problems.sort_by_key(|(position, _)| *position);
        problems.iter().map(|(_, one)| one.to_string()).collect()
    }

    #[test]
    fn every_misspelled_key_is_named_with_its_line() {
        for (text, expected) in [
            (
                "[server]\n\nlisen = []",
                r#"cellpost.toml line 3: unknown key "server.lisen"; did you mean "listen"?"#,
            ),
            (
                "[sever]\nlisten = []",
                r#"cellpost.toml line 1: unknown section "sever"; did you mean "server"?"#,
            ),
            (
                "listen = []",
                r#"cellpost.toml line 1: unknown key "listen"; did you mean "server.listen"?"#,
            ),
            (
                "[server]\ntls_cert_file = 'x'",
                r#"cellpost.toml line 2: unknown key "server.tls_cert_file""#,
            ),
            (
                "[modem.m1]\ndevise = 'x'",
                r#"cellpost.toml line 2: unknown key "modem.m1.devise"; did you mean "device"?"#,
            ),
            (
                "[message]\nuncertain = { opt = 'lose' }",
                r#"cellpost.toml line 2: unknown key "message.uncertain.opt""#,
            ),
            (
                "server.lisen = 1",
                r#"cellpost.toml line 1: unknown key "server.lisen"; did you mean "listen"?"#,
            ),
            (
                "allow_inline_secrets = true",
                r#"cellpost.toml line 1: unknown key "allow_inline_secrets""#,
            ),
            (
                "[cloud.x]\nacount = 'AC1'",
                r#"cellpost.toml line 2: unknown key "cloud.x.acount"; did you mean "account"?"#,
            ),
            (
                "[[cloud.x.errors]]\nstatus = ['404']\n[[cloud.x.errors]]\nstatsu = ['500']",
                r#"cellpost.toml line 4: unknown key "cloud.x.errors.statsu"; did you mean "status"?"#,
            ),
            (
                "[cloud.x.template_map]\n'17' = { cod = 'SMS_1' }",
                r#"cellpost.toml line 2: unknown key "cloud.x.template_map.17.cod"; did you mean "code"?"#,
            ),
            (
                "[cloud.x]\nreport = { id_point = '/id' }",
                r#"cellpost.toml line 2: unknown key "cloud.x.report.id_point"; did you mean "id_pointer"?"#,
            ),
        ] {
            assert_eq!(complaints(text, &[]), [expected], "{text}");
        }
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_named_with_what_is_wanted() {
        for (text, expected) in [
            (
                "[message]\nttl = '1h'",
                "line 2: message.ttl = '1h': must be a whole number",
            ),
            (
                "[message]\nttl = 1.5",
                "line 2: message.ttl = 1.5: must be a whole number",
            ),
            (
                "[server]\nlisten = 'x'",
                "line 2: server.listen = 'x': must be an array of strings",
            ),
            (
                "[server]\nlisten = [\n  'x',\n  1]",
                "line 2: server.listen = [   'x',   1]: must be an array of strings",
            ),
            (
                "[server]\nallow_plain = 1",
                "line 2: server.allow_plain = 1: must be true or false",
            ),
            (
                "[modem.m1]\ndevice = 1",
                "line 2: modem.m1.device = 1: must be a string in quotes",
            ),
            (
                "[message]\nuncertain = 'lose'",
                "line 2: message.uncertain = 'lose': must be a section, [message.uncertain]",
            ),
            ("log = 1", "line 1: log = 1: must be a section, [log]"),
            (
                "[modem]\ndevice = 'x'",
                "line 2: modem.device = 'x': must be a section with the modem's name, such as [modem.m1]",
            ),
            (
                "[cloud]\nkind = 'twilio'",
                "line 2: cloud.kind = 'twilio': must be a section with the provider's name, such as [cloud.twilio]",
            ),
            (
                "[cloud.x]\ntimeout = '10'",
                "line 2: cloud.x.timeout = '10': must be a whole number",
            ),
            (
                "[cloud.x]\nheaders = { Accept = 5 }",
                "line 2: cloud.x.headers.Accept = 5: must be a string in quotes",
            ),
            (
                "[cloud.x]\nheaders = 'Accept'",
                "line 2: cloud.x.headers = 'Accept': must be a section, [cloud.x.headers]",
            ),
            (
                "[cloud.x.template_map]\n17 = 5",
                "line 2: cloud.x.template_map.17 = 5: must be a template's code, such as \"SMS_1\", or { code = \"SMS_1\", sign_name = \"…\" }",
            ),
            (
                "[cloud.x.template_map]\n17 = { code = 5 }",
                "line 2: cloud.x.template_map.17.code = 5: must be a string in quotes",
            ),
            (
                "[cloud.x.template_map]\nsms.login = 'SMS_1'",
                "line 2: cloud.x.template_map.sms.login = 'SMS_1': must be written in quotes, \"sms.login\"",
            ),
            (
                "[cloud.x]\nerrors = { is = 1001 }",
                "line 2: cloud.x.errors = { is = 1001 }: must be tables, each [[cloud.x.errors]]",
            ),
            (
                "[[cloud.x.errors]]\nis = 1.5",
                "line 2: cloud.x.errors.is = 1.5: must be a string, a whole number, true or false",
            ),
            (
                "[cloud.x.success]\nstatus = '2xx'",
                "line 2: cloud.x.success.status = '2xx': must be an array of strings",
            ),
            (
                "[cloud.x.report.values]\ndone = 1",
                "line 2: cloud.x.report.values.done = 1: must be a string in quotes",
            ),
            (
                "[server]\nmax_body = 99999999999999999999",
                "line 2: server.max_body = 99999999999999999999: must be a whole number",
            ),
        ] {
            let expected = format!("cellpost.toml {expected}");
            assert_eq!(complaints(text, &[]), [expected], "{text}");
        }
    }

    #[test]
    fn a_profile_of_codes_is_written_with_or_without_quotes() {
        for text in [
            "[verify.profile.sms.login]\nttl = 60\n[verify.profile.v1]\ntemplate.en = '{{code}}'",
            "[verify.profile.\"sms.login\"]\nttl = 60",
            "[verify.profile]\n\"sms.login\" = { ttl = 60 }\nsms.payment.ttl = 70",
        ] {
            let sheet = Sheet::new(None, text.to_owned(), &[]);
            let (raw, problems) = read(&sheet);
            assert!(problems.is_empty(), "{text}: {problems:?}");
            let ttl = raw.verify.profile.sms.login.ttl.map(Spanned::into_inner);
            assert_eq!(ttl, Some(60), "{text}");
        }
        for (text, expected) in [
            (
                "[verify.profile.sms.login]\ntll = 60",
                r#"line 2: unknown key "verify.profile.sms.login.tll"; did you mean "ttl"?"#,
            ),
            (
                "[verify.profile.\"sms.login\"]\nttl = '1m'",
                "line 2: verify.profile.sms.login.ttl = '1m': must be a whole number",
            ),
            (
                "[verify.profile.v1.template]\nen = 5",
                "line 2: verify.profile.v1.template.en = 5: must be a string in quotes",
            ),
            (
                "[verify]\nprofile.v2.ttl = 60",
                "line 2: verify.profile.v2 = v2: there is no such profile; there are sms.registration, \
                 sms.login, sms.password_reset, sms.payment, sms.device_operation, otp, v1",
            ),
        ] {
            let expected = format!("cellpost.toml {expected}");
            assert_eq!(complaints(text, &[]), [expected], "{text}");
        }
    }

    #[test]
    fn a_key_that_stands_in_both_spellings_of_a_profile_is_refused() {
        let text = "[verify.profile.sms.login]\nttl = 60\n[verify.profile.\"sms.login\"]\nattempts = 3\nttl = 70";
        let expected =
            "cellpost.toml line 5: verify.profile.sms.login.ttl = 70: must be written only once";
        assert_eq!(complaints(text, &[]), [expected]);
        let text = "[verify.profile.sms.login.template]\nen = '{{code}}'\n[verify.profile.\"sms.login\".template]\nzh = '{{code}}'";
        let found = complaints(text, &[]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("cellpost.toml line 3: verify.profile.sms.login.template"),
            "{found:?}"
        );
        assert!(found[0].ends_with("must be written only once"), "{found:?}");
    }

    #[test]
    fn a_list_of_tables_is_no_section_of_modems() {
        let found = complaints("[[modem]]\ndevice = 'x'\n", &[]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("such as [modem.m1]"), "{found:?}");
    }

    #[test]
    fn one_mistake_does_not_hide_the_next() {
        let text = "[server]\nlisen = 1\nmax_body = 'x'\n[lgo]\nlevel = 1\n[modem.a]\nbaud = true";
        let found = complaints(
            text,
            &[
                ("CELLPOST_LOG__LEVL", "debug"),
                ("CELLPOST_MESSAGE__TTL", "x"),
            ],
        );
        let begins = [
            "cellpost.toml line 2: ",
            "cellpost.toml line 3: ",
            "cellpost.toml line 4: ",
            "cellpost.toml line 7: ",
            "environment CELLPOST_LOG__LEVL: unknown key \"log.levl\"; did you mean \"level\"?",
            "environment CELLPOST_MESSAGE__TTL: message.ttl = \"x\": must be a whole number",
        ];
        assert_eq!(found.len(), begins.len(), "{found:#?}");
        for (line, begin) in found.iter().zip(begins) {
            assert!(line.starts_with(begin), "{line}");
        }
    }

    #[test]
    fn what_is_no_toml_is_named_with_its_line() {
        for text in [
            "[server]\nlisten = [",
            "[log]\nlevel = info",
            "[log]\nx = 1\nx = 2",
        ] {
            let found = complaints(text, &[]);
            assert!(!found.is_empty());
            for line in found {
                assert!(line.starts_with("cellpost.toml line "), "{line}");
                assert!(!line.contains('\n'), "{line}");
            }
        }
    }
}
