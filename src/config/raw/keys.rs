//! Every key there is, and what a path of the file means.
//!
//! Never: reads a value.

use super::super::problem::{Problem, nearest};
use crate::domain::ProfileName;

/// What kind of value a key takes: how an override's text is read, and what a complaint asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Text,
    Integer,
    /// A number from 0 to 1.
    Share,
    Flag,
    List,
    /// What JSON has besides tables, lists and fractions.
    Scalar,
    /// A template at a provider: its code, or a table of more.
    Registered,
}

impl Kind {
    pub(super) fn right(self) -> &'static str {
        match self {
            Self::Text => "must be a string in quotes",
            Self::Integer => "must be a whole number",
            Self::Share => "must be a number from 0 to 1",
            Self::Flag => "must be true or false",
            Self::List => "must be an array of strings",
            Self::Scalar => "must be a string, a whole number, true or false",
            Self::Registered => {
                "must be a template's code, such as \"SMS_1\", or { code = \"SMS_1\", sign_name = \"…\" }"
            }
        }
    }
}

/// How the sections of modems are called in [`KEYS`]: whatever stands for NAME is the modem's name.
const MODEM: &str = "modem.NAME";
/// The same for the profiles of codes, and for what their texts are called.
const PROFILE: &str = "verify.profile.NAME";
const TEMPLATES: &str = "verify.profile.NAME.template";
const LOCALE: &str = "LOCALE";
/// The same for the sections of providers, and for what is named by whoever writes them.
const CLOUD: &str = "cloud.NAME";
const TEMPLATE_MAP: &str = "cloud.NAME.template_map";
const REGISTERED: &str = "cloud.NAME.template_map.TEMPLATE";
const HEADERS: &str = "cloud.NAME.headers";
const SUCCESS: &str = "cloud.NAME.success";
const ERRORS: &str = "cloud.NAME.errors";
const REPORT: &str = "cloud.NAME.report";
const WORDS: &str = "cloud.NAME.report.values";

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
    ("verify", "backend", Kind::Text),
    ("verify", "cloud", Kind::Text),
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
    ("modems", "adopt", Kind::Scalar),
    ("modems", "profiles_dir", Kind::Text),
    ("modems", "recorder_files", Kind::Integer),
    (MODEM, "device", Kind::Text),
    (MODEM, "match_imei", Kind::Text),
    (MODEM, "match_iccid", Kind::Text),
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
    (MODEM, "balance_ussd", Kind::Text),
    (MODEM, "balance_regex", Kind::Text),
    (MODEM, "balance_min", Kind::Text),
    (MODEM, "balance_every", Kind::Integer),
    (MODEM, "command_timeout_ms", Kind::Integer),
    (MODEM, "send_timeout", Kind::Integer),
    (MODEM, "reports", Kind::Flag),
    (MODEM, "ref16", Kind::Flag),
    (MODEM, "enabled", Kind::Flag),
    ("sim_care", "keep_alive_days", Kind::Integer),
    ("sim_care", "keep_alive_to", Kind::Text),
    ("sim_care", "keep_alive_text", Kind::Text),
    ("sim_care", "loopback_every", Kind::Integer),
    ("sim_care", "hang_up", Kind::Flag),
    (CLOUD, "kind", Kind::Text),
    (CLOUD, "account", Kind::Text),
    (CLOUD, "key_file", Kind::Text),
    (CLOUD, "secret_file", Kind::Text),
    (CLOUD, "from", Kind::Text),
    (CLOUD, "messaging_service", Kind::Text),
    (CLOUD, "region", Kind::Text),
    (CLOUD, "sdk_app_id", Kind::Text),
    (CLOUD, "sign_name", Kind::Text),
    (TEMPLATE_MAP, "TEMPLATE", Kind::Registered),
    (REGISTERED, "code", Kind::Text),
    (REGISTERED, "sign_name", Kind::Text),
    (REGISTERED, "variables", Kind::List),
    (CLOUD, "scheme_name", Kind::Text),
    (CLOUD, "base_url", Kind::Text),
    (CLOUD, "proxy", Kind::Text),
    (CLOUD, "timeout", Kind::Integer),
    (CLOUD, "concurrency", Kind::Integer),
    (CLOUD, "callback_secret_file", Kind::Text),
    (CLOUD, "method", Kind::Text),
    (CLOUD, "url", Kind::Text),
    (CLOUD, "content_type", Kind::Text),
    (HEADERS, "HEADER", Kind::Text),
    (CLOUD, "body", Kind::Text),
    (CLOUD, "auth", Kind::Text),
    (CLOUD, "auth_header", Kind::Text),
    (CLOUD, "auth_format", Kind::Text),
    (SUCCESS, "status", Kind::List),
    (SUCCESS, "pointer", Kind::Text),
    (SUCCESS, "equals", Kind::Scalar),
    (SUCCESS, "regex", Kind::Text),
    (ERRORS, "status", Kind::List),
    (ERRORS, "pointer", Kind::Text),
    (ERRORS, "equals", Kind::Scalar),
    (ERRORS, "regex", Kind::Text),
    (ERRORS, "is", Kind::Scalar),
    (CLOUD, "id_pointer", Kind::Text),
    (REPORT, "id_pointer", Kind::Text),
    (REPORT, "status_pointer", Kind::Text),
    (WORDS, "WORD", Kind::Text),
    (CLOUD, "reports", Kind::Flag),
    (CLOUD, "prefixes", Kind::List),
    (CLOUD, "categories", Kind::List),
    (CLOUD, "weight", Kind::Integer),
    (CLOUD, "cost", Kind::Text),
    (CLOUD, "enabled", Kind::Flag),
    ("simulate", "modems", Kind::Integer),
    ("simulate", "personality", Kind::Text),
    ("simulate", "scenario", Kind::Text),
    ("simulate", "seed", Kind::Integer),
    ("simulate", "latency_ms", Kind::Integer),
    ("simulate", "prompt_ms", Kind::Integer),
    ("simulate", "report_after_ms", Kind::Integer),
    ("simulate", "cloud", Kind::Flag),
    ("tls", "ca_file", Kind::Text),
    ("log", "level", Kind::Text),
    ("log", "format", Kind::Text),
];

/// What stands at a path of the file.
pub(super) enum Meaning {
    Key(Kind),
    Section,
    Nothing,
}

pub(super) fn section_wanted(path: &[String]) -> String {
    match path {
        [verify, profile, ..] if is_profiles(verify, profile) => format!(
            "must be a section with a profile's name, such as [{}.v1]",
            path[..2].join(".")
        ),
        [modem] | [modem, _] if modem == "modem" => {
            "must be a section with the modem's name, such as [modem.m1]".to_owned()
        }
        [cloud] | [cloud, _] if cloud == "cloud" => {
            "must be a section with the provider's name, such as [cloud.twilio]".to_owned()
        }
        [cloud, _, errors] if cloud == "cloud" && errors == "errors" => {
            format!("must be tables, each [[{}]]", path.join("."))
        }
        path => format!("must be a section, [{}]", path.join(".")),
    }
}

pub(super) fn unknown(place: String, path: &[String]) -> Problem {
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

pub(super) fn meaning(path: &[String]) -> Meaning {
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

pub(super) fn kind_of(section: &str, key: &str) -> Option<Kind> {
    // Whatever a text, a template, a header or a word is called there.
    let is_named_freely = |known: &str| known.bytes().all(|octet| octet.is_ascii_uppercase());
    let is_key = |known: &str| known == key || is_named_freely(known);
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
        [cloud, _, map, _, rest @ ..] if cloud == "cloud" && map == "template_map" => {
            named(REGISTERED, rest)
        }
        [cloud, _, rest @ ..] if cloud == "cloud" => named(CLOUD, rest),
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

pub(super) fn is_profiles(verify: &str, profile: &str) -> bool {
    verify == "verify" && profile == "profile"
}

/// The sections of the file's first level.
pub(super) fn sections() -> impl Iterator<Item = &'static str> {
    KEYS.iter()
        .map(|(section, ..)| section.split('.').next().unwrap_or(section))
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeSet;

    use super::super::*;
    use super::*;

    /// The keys of a section.
    pub(in crate::config::raw) trait Keys {
        const KEYS: &'static [&'static str];
    }

    pub(in crate::config::raw) fn fields<T: Keys>(section: &str) -> BTreeSet<String> {
        let names = T::KEYS.iter();
        names.map(|name| format!("{section}{name}")).collect()
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
            fields::<SimCare>("sim_care."),
            fields::<Simulate>("simulate."),
            super::super::cloud::tests::shapes(),
            fields::<Tls>("tls."),
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
                "cloud" => CLOUD.to_owned(),
                TEMPLATE_MAP => REGISTERED.to_owned(),
                HEADERS => format!("{HEADERS}.HEADER"),
                WORDS => format!("{WORDS}.WORD"),
                above => format!("{above}.{key}"),
            };
            match value {
                toml::Value::Table(inner) => leaves(inner, &path, into),
                toml::Value::Array(list) if list.iter().any(toml::Value::is_table) => list
                    .iter()
                    .filter_map(toml::Value::as_table)
                    .for_each(|inner| leaves(inner, &path, into)),
                _ => {
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
}
