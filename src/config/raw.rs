//! What may be written: every key optional, every other key refused.
//!
//! Values keep their span, so that a later complaint can name the line. Whether a value makes sense is for
//! [`super::check`].

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::problem::{Problem, nearest};
use super::sheet::{Override, Sheet};
use crate::domain::ProfileName;

pub(super) type Given<T> = Option<Spanned<T>>;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Raw {
    pub(super) server: Server,
    pub(super) database: Database,
    pub(super) auth: Auth,
    pub(super) phone: Phone,
    pub(super) message: Message,
    pub(super) limits: Limits,
    pub(super) guard: Guard,
    pub(super) verify: Verify,
    pub(super) template: Template,
    pub(super) schedule: Schedule,
    pub(super) idempotency: Idempotency,
    pub(super) inbound: Inbound,
    pub(super) quiet: Quiet,
    pub(super) retention: Retention,
    pub(super) routing: Routing,
    pub(super) budget: Budget,
    pub(super) modems: Modems,
    pub(super) modem: BTreeMap<Spanned<String>, Modem>,
    pub(super) simulate: Simulate,
    pub(super) log: Log,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Server {
    pub(super) listen: Given<Vec<String>>,
    pub(super) public_url: Given<String>,
    pub(super) trusted_proxies: Given<Vec<String>>,
    pub(super) cors_origins: Given<Vec<String>>,
    pub(super) max_body: Given<i64>,
    pub(super) max_connections: Given<i64>,
    pub(super) header_timeout: Given<i64>,
    pub(super) body_timeout: Given<i64>,
    pub(super) idle_timeout: Given<i64>,
    pub(super) shutdown_grace: Given<i64>,
    pub(super) allow_plain: Option<bool>,
    pub(super) timezone: Given<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Database {
    pub(super) path: Given<String>,
    pub(super) min_free_bytes: Given<i64>,
    pub(super) backup_dir: Given<String>,
    pub(super) backup_every: Given<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Auth {
    pub(super) admin_key_file: Given<String>,
    pub(super) anonymous_cidrs: Given<Vec<String>>,
    pub(super) anonymous_scopes: Given<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Phone {
    pub(super) default_region: Given<String>,
    pub(super) strict: Option<bool>,
    pub(super) allow_short_codes: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Message {
    pub(super) max_parts: Given<i64>,
    pub(super) ttl: Given<i64>,
    pub(super) max_attempts: Given<i64>,
    pub(super) report_timeout: Given<i64>,
    pub(super) max_backlog: Given<i64>,
    pub(super) uncertain: Uncertain,
}

/// One policy per category.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Uncertain {
    pub(super) otp: Given<String>,
    pub(super) alert: Given<String>,
    pub(super) transactional: Given<String>,
    pub(super) notification: Given<String>,
    pub(super) bulk: Given<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Limits {
    pub(super) notify: Given<Vec<String>>,
    pub(super) direct: Given<Vec<String>>,
    pub(super) alert: Given<Vec<String>>,
    pub(super) ceiling: Given<Vec<String>>,
    pub(super) anonymous: Given<String>,
    pub(super) check_failures: Given<String>,
    pub(super) ip_sends: Given<String>,
    pub(super) ip_checks: Given<String>,
    pub(super) key_rps: Given<i64>,
    pub(super) key_burst: Given<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Guard {
    pub(super) otp_countries: Given<Vec<String>>,
    pub(super) countries: Given<Vec<String>>,
    pub(super) block_max: Given<i64>,
    pub(super) min_conversion: Given<f64>,
    pub(super) auto_block: Option<bool>,
    pub(super) deny_prefixes: Given<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Verify {
    pub(super) brand: Given<String>,
    pub(super) pepper_file: Given<String>,
    pub(super) code_length: Given<i64>,
    pub(super) default_locale: Given<String>,
    pub(super) sweep_every: Given<i64>,
    pub(super) profile: CodeProfiles,
}

/// `[verify.profile.NAME]`, where the NAME may have a point in it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct CodeProfiles {
    pub(super) sms: SmsProfiles,
    pub(super) otp: CodeProfile,
    pub(super) v1: CodeProfile,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct SmsProfiles {
    pub(super) registration: CodeProfile,
    pub(super) login: CodeProfile,
    pub(super) password_reset: CodeProfile,
    pub(super) payment: CodeProfile,
    pub(super) device_operation: CodeProfile,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct CodeProfile {
    pub(super) ttl: Given<i64>,
    pub(super) attempts: Given<i64>,
    pub(super) resend: Given<String>,
    pub(super) limits: Given<Vec<String>>,
    pub(super) domain: Given<String>,
    pub(super) app_hash: Given<String>,
    /// By language tag.
    pub(super) template: BTreeMap<Spanned<String>, Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Template {
    pub(super) max_content: Given<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Schedule {
    pub(super) max_ahead_days: Given<i64>,
    pub(super) max_numbers: Given<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Idempotency {
    pub(super) ttl: Given<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Inbound {
    pub(super) stop_words: Given<Vec<String>>,
    pub(super) start_words: Given<Vec<String>>,
    pub(super) stop_categories: Given<Vec<String>>,
    pub(super) part_timeout: Given<i64>,
    pub(super) delete_from_sim: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Quiet {
    pub(super) start: Given<String>,
    pub(super) end: Given<String>,
    pub(super) categories: Given<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Retention {
    pub(super) bodies_days: Given<i64>,
    pub(super) messages_days: Given<i64>,
    pub(super) inbox_days: Given<i64>,
    pub(super) events_days: Given<i64>,
    pub(super) log_days: Given<i64>,
    pub(super) verifications_days: Given<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Routing {
    pub(super) order: Order,
    pub(super) otp_max_wait: Given<i64>,
    pub(super) alert_max_wait: Given<i64>,
    pub(super) max_wait: Given<i64>,
    pub(super) cloud_for: Given<Vec<String>>,
}

/// One order of routes per category.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Order {
    pub(super) otp: Given<Vec<String>>,
    pub(super) alert: Given<Vec<String>>,
    pub(super) transactional: Given<Vec<String>>,
    pub(super) notification: Given<Vec<String>>,
    pub(super) bulk: Given<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Budget {
    pub(super) currency: Given<String>,
    pub(super) daily: Given<String>,
    pub(super) monthly: Given<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Modems {
    pub(super) profiles_dir: Given<String>,
    pub(super) recorder_files: Given<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Modem {
    pub(super) device: Given<String>,
    pub(super) profile: Given<String>,
    pub(super) baud: Given<i64>,
    pub(super) pin_file: Given<String>,
    pub(super) smsc: Given<String>,
    pub(super) mode: Given<String>,
    pub(super) storage: Given<String>,
    pub(super) hour_quota: Given<i64>,
    pub(super) day_quota: Given<i64>,
    pub(super) month_quota: Given<i64>,
    pub(super) min_interval_ms: Given<i64>,
    pub(super) plan_reset_day: Given<i64>,
    pub(super) prefixes: Given<Vec<String>>,
    pub(super) categories: Given<Vec<String>>,
    pub(super) weight: Given<i64>,
    pub(super) cost: Given<String>,
    pub(super) command_timeout_ms: Given<i64>,
    pub(super) send_timeout: Given<i64>,
    pub(super) reports: Option<bool>,
    pub(super) ref16: Option<bool>,
    pub(super) enabled: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Simulate {
    pub(super) modems: Given<i64>,
    pub(super) personality: Given<String>,
    pub(super) scenario: Given<String>,
    pub(super) seed: Given<i64>,
    pub(super) latency_ms: Given<i64>,
    pub(super) prompt_ms: Given<i64>,
    pub(super) report_after_ms: Given<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Log {
    pub(super) level: Given<String>,
    pub(super) format: Given<String>,
}

/// What kind of value a key takes: how an override's text is read, and what a complaint asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Text,
    Integer,
    /// A number from 0 to 1.
    Share,
    Flag,
    List,
}

impl Kind {
    fn right(self) -> &'static str {
        match self {
            Self::Text => "must be a string in quotes",
            Self::Integer => "must be a whole number",
            Self::Share => "must be a number from 0 to 1",
            Self::Flag => "must be true or false",
            Self::List => "must be an array of strings",
        }
    }
}

/// How the sections of modems are called in [`KEYS`]: whatever stands for NAME is the modem's name.
const MODEM: &str = "modem.NAME";
/// The same for the profiles of codes, and for what their texts are called.
const PROFILE: &str = "verify.profile.NAME";
const TEMPLATES: &str = "verify.profile.NAME.template";
const LOCALE: &str = "LOCALE";

/// Every key there is. A test holds it against the shapes above and against config/cellpost.toml.
const KEYS: &[(&str, &str, Kind)] = &[
    ("server", "listen", Kind::List),
    ("server", "public_url", Kind::Text),
    ("server", "trusted_proxies", Kind::List),
    ("server", "cors_origins", Kind::List),
    ("server", "max_body", Kind::Integer),
    ("server", "max_connections", Kind::Integer),
    ("server", "header_timeout", Kind::Integer),
    ("server", "body_timeout", Kind::Integer),
    ("server", "idle_timeout", Kind::Integer),
    ("server", "shutdown_grace", Kind::Integer),
    ("server", "allow_plain", Kind::Flag),
    ("server", "timezone", Kind::Text),
    ("database", "path", Kind::Text),
    ("database", "min_free_bytes", Kind::Integer),
    ("database", "backup_dir", Kind::Text),
    ("database", "backup_every", Kind::Integer),
    ("auth", "admin_key_file", Kind::Text),
    ("auth", "anonymous_cidrs", Kind::List),
    ("auth", "anonymous_scopes", Kind::List),
    ("phone", "default_region", Kind::Text),
    ("phone", "strict", Kind::Flag),
    ("phone", "allow_short_codes", Kind::Flag),
    ("message", "max_parts", Kind::Integer),
    ("message", "ttl", Kind::Integer),
    ("message", "max_attempts", Kind::Integer),
    ("message", "report_timeout", Kind::Integer),
    ("message", "max_backlog", Kind::Integer),
    ("message.uncertain", "otp", Kind::Text),
    ("message.uncertain", "alert", Kind::Text),
    ("message.uncertain", "transactional", Kind::Text),
    ("message.uncertain", "notification", Kind::Text),
    ("message.uncertain", "bulk", Kind::Text),
    ("limits", "notify", Kind::List),
    ("limits", "direct", Kind::List),
    ("limits", "alert", Kind::List),
    ("limits", "ceiling", Kind::List),
    ("limits", "anonymous", Kind::Text),
    ("limits", "check_failures", Kind::Text),
    ("limits", "ip_sends", Kind::Text),
    ("limits", "ip_checks", Kind::Text),
    ("limits", "key_rps", Kind::Integer),
    ("limits", "key_burst", Kind::Integer),
    ("guard", "otp_countries", Kind::List),
    ("guard", "countries", Kind::List),
    ("guard", "block_max", Kind::Integer),
    ("guard", "min_conversion", Kind::Share),
    ("guard", "auto_block", Kind::Flag),
    ("guard", "deny_prefixes", Kind::List),
    ("verify", "brand", Kind::Text),
    ("verify", "pepper_file", Kind::Text),
    ("verify", "code_length", Kind::Integer),
    ("verify", "default_locale", Kind::Text),
    ("verify", "sweep_every", Kind::Integer),
    (PROFILE, "ttl", Kind::Integer),
    (PROFILE, "attempts", Kind::Integer),
    (PROFILE, "resend", Kind::Text),
    (PROFILE, "limits", Kind::List),
    (PROFILE, "domain", Kind::Text),
    (PROFILE, "app_hash", Kind::Text),
    (TEMPLATES, LOCALE, Kind::Text),
    ("template", "max_content", Kind::Integer),
    ("schedule", "max_ahead_days", Kind::Integer),
    ("schedule", "max_numbers", Kind::Integer),
    ("idempotency", "ttl", Kind::Integer),
    ("quiet", "start", Kind::Text),
    ("quiet", "end", Kind::Text),
    ("quiet", "categories", Kind::List),
    ("inbound", "stop_words", Kind::List),
    ("inbound", "start_words", Kind::List),
    ("inbound", "stop_categories", Kind::List),
    ("inbound", "part_timeout", Kind::Integer),
    ("inbound", "delete_from_sim", Kind::Flag),
    ("retention", "bodies_days", Kind::Integer),
    ("retention", "messages_days", Kind::Integer),
    ("retention", "inbox_days", Kind::Integer),
    ("retention", "events_days", Kind::Integer),
    ("retention", "log_days", Kind::Integer),
    ("retention", "verifications_days", Kind::Integer),
    ("routing", "otp_max_wait", Kind::Integer),
    ("routing", "alert_max_wait", Kind::Integer),
    ("routing", "max_wait", Kind::Integer),
    ("routing", "cloud_for", Kind::List),
    ("routing.order", "otp", Kind::List),
    ("routing.order", "alert", Kind::List),
    ("routing.order", "transactional", Kind::List),
    ("routing.order", "notification", Kind::List),
    ("routing.order", "bulk", Kind::List),
    ("budget", "currency", Kind::Text),
    ("budget", "daily", Kind::Text),
    ("budget", "monthly", Kind::Text),
    ("modems", "profiles_dir", Kind::Text),
    ("modems", "recorder_files", Kind::Integer),
    (MODEM, "device", Kind::Text),
    (MODEM, "profile", Kind::Text),
    (MODEM, "baud", Kind::Integer),
    (MODEM, "pin_file", Kind::Text),
    (MODEM, "smsc", Kind::Text),
    (MODEM, "mode", Kind::Text),
    (MODEM, "storage", Kind::Text),
    (MODEM, "hour_quota", Kind::Integer),
    (MODEM, "day_quota", Kind::Integer),
    (MODEM, "month_quota", Kind::Integer),
    (MODEM, "min_interval_ms", Kind::Integer),
    (MODEM, "plan_reset_day", Kind::Integer),
    (MODEM, "prefixes", Kind::List),
    (MODEM, "categories", Kind::List),
    (MODEM, "weight", Kind::Integer),
    (MODEM, "cost", Kind::Text),
    (MODEM, "command_timeout_ms", Kind::Integer),
    (MODEM, "send_timeout", Kind::Integer),
    (MODEM, "reports", Kind::Flag),
    (MODEM, "ref16", Kind::Flag),
    (MODEM, "enabled", Kind::Flag),
    ("simulate", "modems", Kind::Integer),
    ("simulate", "personality", Kind::Text),
    ("simulate", "scenario", Kind::Text),
    ("simulate", "seed", Kind::Integer),
    ("simulate", "latency_ms", Kind::Integer),
    ("simulate", "prompt_ms", Kind::Integer),
    ("simulate", "report_after_ms", Kind::Integer),
    ("log", "level", Kind::Text),
    ("log", "format", Kind::Text),
];

/// What stands at a path of the file.
enum Meaning {
    Key(Kind),
    Section,
    Nothing,
}

/// The shapes of what was written, and what had to be left out of them: each with its position.
///
/// Serde stops at the first mistake. So the entry that it stumbled over is taken out and the rest is read again,
/// until nothing is left to complain of.
pub(super) fn read(sheet: &Sheet) -> (Raw, Vec<(usize, Problem)>) {
    let (mut table, faults) = DeTable::parse_recoverable(&sheet.text);
    unfold_profiles(table.get_mut());
    let mut problems = lay_over(table.get_mut(), sheet);
    if !faults.is_empty() {
        problems.extend(faults.iter().map(|fault| syntax(sheet, fault)));
        return (Raw::default(), problems);
    }
    loop {
        let error = match Raw::deserialize(toml::Deserializer::from(table.clone())) {
            Ok(raw) => return (raw, problems),
            Err(error) => error,
        };
        let position = error.span().map(|span| span.start);
        match position.and_then(|position| cut(table.get_mut(), position)) {
            Some(entry) => problems.push((entry.key_at, entry.complaint(sheet))),
            None => {
                problems.push(syntax(sheet, &error));
                return (Raw::default(), problems);
            }
        }
    }
}

fn syntax(sheet: &Sheet, error: &toml::de::Error) -> (usize, Problem) {
    let position = error.span().map_or(0, |span| span.start);
    let problem = Problem::Syntax {
        place: sheet.place(position),
        why: error.message().replace('\n', "; "),
    };
    (position, problem)
}

/// `[verify.profile."sms.login"]` means the same as `[verify.profile.sms.login]`.
fn unfold_profiles(table: &mut DeTable<'_>) {
    let mut profiles = table;
    for name in ["verify", "profile"] {
        let Some(DeValue::Table(inner)) = profiles.get_mut(name).map(Spanned::get_mut) else {
            return;
        };
        profiles = inner;
    }
    let written: Vec<String> = profiles
        .keys()
        .map(|key| key.get_ref().to_string())
        .collect();
    for name in written {
        let Some(inner_name) = name.strip_prefix("sms.").map(str::to_owned) else {
            continue;
        };
        let Some((key, profile)) = profiles.remove_entry(name.as_str()) else {
            continue;
        };
        let span = key.span();
        let sms = profiles
            .entry(Spanned::new(span.clone(), Cow::Borrowed("sms")))
            .or_insert_with(|| Spanned::new(span.clone(), DeValue::Table(DeTable::new())));
        match sms.get_mut() {
            DeValue::Table(sms) if !sms.contains_key(inner_name.as_str()) => {
                sms.insert(Spanned::new(span, Cow::Owned(inner_name)), profile);
            }
            // Written twice: it is refused as a key that there is not.
            _ => {
                profiles.insert(key, profile);
            }
        }
    }
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

/// An override's text as the value that its key takes; a string where it is none, for serde to refuse.
fn value_of<'a>(given: &'a Override, kind: Kind, span: &Range<usize>) -> DeValue<'a> {
    let text = |text: &'a str| DeValue::String(Cow::Borrowed(text));
    match kind {
        Kind::Text => text(&given.value),
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

/// An entry that was taken out of the table.
struct Entry {
    path: Vec<String>,
    key_at: usize,
    value: Range<usize>,
    is_table: bool,
}

type Key<'a> = Spanned<Cow<'a, str>>;
type Value<'a> = Spanned<DeValue<'a>>;

/// Takes out the entry whose key stands at `position`, else the innermost whose value does.
fn cut(table: &mut DeTable<'_>, position: usize) -> Option<Entry> {
    // In this order: the value of `b` in `[a.b]` spans the whole header, the key of `a` too.
    cut_where(table, &|key, _| key.span().contains(&position)).or_else(|| {
        cut_where(table, &|_, value| {
            let span = value.span();
            span.contains(&position) || span.start == position
        })
    })
}

fn cut_where(table: &mut DeTable<'_>, hit: &dyn Fn(&Key<'_>, &Value<'_>) -> bool) -> Option<Entry> {
    for (key, value) in table.iter_mut() {
        if let DeValue::Table(inner) = value.get_mut()
            && let Some(mut entry) = cut_where(inner, hit)
        {
            entry.path.insert(0, key.get_ref().to_string());
            return Some(entry);
        }
    }
    let (key, value) = table.iter().find(|(key, value)| hit(key, value))?;
    let entry = Entry {
        path: vec![key.get_ref().to_string()],
        key_at: key.span().start,
        value: value.span(),
        is_table: value.get_ref().is_table(),
    };
    table.remove(entry.path[0].as_str());
    Some(entry)
}

impl Entry {
    fn complaint(&self, sheet: &Sheet) -> Problem {
        let place = sheet.place(self.key_at);
        let right = match meaning(&self.path) {
            Meaning::Key(kind) => kind.right().to_owned(),
            Meaning::Section => section_wanted(&self.path),
            Meaning::Nothing if self.is_table && self.path.len() == 1 => {
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
                path => return unknown(place, path),
            },
        };
        Problem::Wrong {
            place,
            key: self.path.join("."),
            value: sheet.value(self.value.clone()),
            right,
        }
    }
}

fn section_wanted(path: &[String]) -> String {
    match path {
        [verify, profile, ..] if is_profiles(verify, profile) => format!(
            "must be a section with a profile's name, such as [{}.v1]",
            path[..2].join(".")
        ),
        [modem] | [modem, _] if modem == "modem" => {
            "must be a section with the modem's name, such as [modem.m1]".to_owned()
        }
        path => format!("must be a section, [{}]", path.join(".")),
    }
}

fn unknown(place: String, path: &[String]) -> Problem {
    let name = path.join(".");
    let meant = match path {
        // A key that stands before the first section, or in none.
        [key] => KEYS
            .iter()
            .find(|(_, known, _)| known == key)
            .map(|(section, key, _)| format!("{section}.{key}")),
        [section @ .., key] => {
            let section = generic(section);
            let keys = KEYS.iter().filter(|(known, ..)| *known == section);
            nearest(key, keys.map(|(_, key, _)| *key)).map(str::to_owned)
        }
        [] => None,
    };
    Problem::Unknown {
        place,
        what: "key",
        name,
        meant,
    }
}

fn meaning(path: &[String]) -> Meaning {
    if let [section @ .., key] = path
        && let Some(kind) = kind_of(&generic(section), key)
    {
        return Meaning::Key(kind);
    }
    let whole = generic(path);
    let inside = format!("{whole}.");
    let is_section = |name: &str| name == whole || name.starts_with(&inside);
    if KEYS.iter().any(|(section, ..)| is_section(section)) {
        return Meaning::Section;
    }
    Meaning::Nothing
}

fn kind_of(section: &str, key: &str) -> Option<Kind> {
    // Whatever a text is called there: it is a text.
    let is_key = |known: &str| known == key || known == LOCALE;
    KEYS.iter()
        .find(|(known_section, known, _)| *known_section == section && is_key(known))
        .map(|(.., kind)| *kind)
}

/// `modem.m1` becomes `modem.NAME`, `verify.profile.sms.login` becomes `verify.profile.NAME`.
fn generic(path: &[String]) -> String {
    let named = |section: &str, rest: &[String]| {
        let mut parts = vec![section];
        parts.extend(rest.iter().map(String::as_str));
        parts.join(".")
    };
    match path {
        [modem, _, rest @ ..] if modem == "modem" => named(MODEM, rest),
        [verify, profile, sms, _, rest @ ..] if is_profiles(verify, profile) && sms == "sms" => {
            named(PROFILE, rest)
        }
        [verify, profile, name, rest @ ..]
            if is_profiles(verify, profile) && ProfileName::parse(name).is_some() =>
        {
            named(PROFILE, rest)
        }
        path => path.join("."),
    }
}

fn is_profiles(verify: &str, profile: &str) -> bool {
    verify == "verify" && profile == "profile"
}

/// The sections of the file's first level.
fn sections() -> impl Iterator<Item = &'static str> {
    KEYS.iter()
        .map(|(section, ..)| section.split('.').next().unwrap_or(section))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use serde::de::DeserializeOwned;

    use super::*;

    /// What serde names when it meets a key that it does not know.
    fn fields<T: DeserializeOwned + std::fmt::Debug>(section: &str) -> BTreeSet<String> {
        let refusal = serde_json::from_str::<T>(r#"{"?": 0}"#).unwrap_err();
        let names = refusal.to_string();
        let (_, names) = names.split_once("expected").unwrap();
        names
            .split('`')
            .skip(1)
            .step_by(2)
            .map(|name| format!("{section}{name}"))
            .collect()
    }

    fn shapes() -> BTreeSet<String> {
        let sections = [
            fields::<Server>("server."),
            fields::<Database>("database."),
            fields::<Auth>("auth."),
            fields::<Phone>("phone."),
            fields::<Message>("message."),
            fields::<Uncertain>("message.uncertain."),
            fields::<Limits>("limits."),
            fields::<Guard>("guard."),
            fields::<Verify>("verify."),
            fields::<CodeProfile>("verify.profile.NAME."),
            fields::<Template>("template."),
            fields::<Schedule>("schedule."),
            fields::<Idempotency>("idempotency."),
            fields::<Quiet>("quiet."),
            fields::<Inbound>("inbound."),
            fields::<Retention>("retention."),
            fields::<Routing>("routing."),
            fields::<Order>("routing.order."),
            fields::<Budget>("budget."),
            fields::<Modems>("modems."),
            fields::<Modem>("modem.NAME."),
            fields::<Simulate>("simulate."),
            fields::<Log>("log."),
        ];
        let mut all: BTreeSet<String> = sections.into_iter().flatten().collect();
        all.remove("message.uncertain");
        all.remove("routing.order");
        all.remove("verify.profile");
        // Keys by language.
        all.remove("verify.profile.NAME.template");
        all.insert("verify.profile.NAME.template.LOCALE".to_owned());
        all
    }

    fn table() -> BTreeSet<String> {
        let name = |(section, key, _): &(&str, &str, Kind)| format!("{section}.{key}");
        KEYS.iter().map(name).collect()
    }

    fn leaves(table: &toml::Table, above: &str, into: &mut BTreeSet<String>) {
        for (key, value) in table {
            let path = match above {
                "" => key.clone(),
                "modem" => MODEM.to_owned(),
                "verify.profile" => PROFILE.to_owned(),
                TEMPLATES => format!("{TEMPLATES}.{LOCALE}"),
                above => format!("{above}.{key}"),
            };
            match value.as_table() {
                Some(inner) => leaves(inner, &path, into),
                None => {
                    into.insert(path);
                }
            }
        }
    }

    #[test]
    fn the_table_of_keys_is_what_the_shapes_accept() {
        assert_eq!(table(), shapes());
        let sections: BTreeSet<String> = sections().map(str::to_owned).collect();
        assert_eq!(sections, fields::<Raw>(""));
    }

    #[test]
    fn the_example_file_lists_exactly_the_keys_there_are() {
        let text = crate::config::check::tests::uncommented_example();
        let mut listed = BTreeSet::new();
        leaves(&text.parse().unwrap(), "", &mut listed);
        assert_eq!(listed, table());
    }

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
                "[cloud.x]\nkind = 'twilio'",
                r#"cellpost.toml line 1: unknown section "cloud""#,
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
            (
                "[verify]\nbackend = 'aliyun'",
                r#"line 2: unknown key "verify.backend""#,
            ),
        ] {
            let expected = format!("cellpost.toml {expected}");
            assert_eq!(complaints(text, &[]), [expected], "{text}");
        }
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
