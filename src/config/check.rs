//! From what was written to a [`Config`], or to every reason why not.
//!
//! Each key is read here once: its default, its range, and what would be right stand side by side.

use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::tz::TimeZone;
use toml::Spanned;

use super::desk::{A_LIMIT, Desk, a_limit, from_to};
use super::problem::{ConfigError, Problem};
use super::raw::{self, Given, Raw};
use super::sheet::Sheet;
use super::values::{is_device, is_origin, is_private, is_smsc, network, optional, public_url};
use super::{
    Auth, Config, Database, Inbound, Limits, Log, LogFormat, Message, Modem, PERSONALITIES, Quota,
    Retention, Schedule, Server, Simulate, USUAL_COST,
};
use crate::domain::route::{MOST_WEIGHT, USUAL_WEIGHT};
use crate::domain::{
    Allowances, Categories, Category, Countries, Curfew, Guard, Manners, ModemName, Money,
    NumberRules, Policy, Preferences, Prefixes, QuietHours, StopRules, TimeOfDay,
};

/// Where settings come from, besides the file itself.
#[derive(Default)]
pub(crate) struct Sources {
    /// `--config`.
    pub(crate) config: Option<PathBuf>,
    /// `--data-dir`.
    pub(crate) data_dir: Option<PathBuf>,
    /// `--listen`: replaces `server.listen` unless empty.
    pub(crate) listen: Vec<SocketAddr>,
    /// `--simulate`.
    pub(crate) simulate: Option<usize>,
    /// The environment of the process.
    pub(crate) env: Vec<(String, String)>,
}

const DEFAULT_FILE: &str = "/etc/cellpost/cellpost.toml";

/// 63 weeks: the longest validity that a network can be asked for (23.040 §9.2.3.12.1).
const LONGEST_LIFE: i64 = 63 * 7 * 86_400;

/// # Errors
/// [`ConfigError`] names everything that is wrong, not only the first.
pub(crate) fn load(sources: &Sources) -> Result<Config, ConfigError> {
    load_or(sources, Path::new(DEFAULT_FILE))
}

fn load_or(sources: &Sources, default_file: &Path) -> Result<Config, ConfigError> {
    let (file, text) =
        open(sources, default_file).map_err(|problem| ConfigError::new(vec![problem]))?;
    let sheet = Sheet::new(file.as_deref(), text, &sources.env);
    let (raw, problems) = raw::read(&sheet);
    let mut desk = Desk {
        sheet: &sheet,
        problems,
    };
    let config = desk.config(raw, file, sources);
    let mut problems = desk.problems;
    if problems.is_empty() {
        return Ok(config);
    }
    problems.sort_by_key(|(position, _)| *position);
    Err(ConfigError::new(
        problems.into_iter().map(|(_, problem)| problem).collect(),
    ))
}

/// The file and its text; no file and an empty text when none was named and the usual one does not exist.
fn open(sources: &Sources, default_file: &Path) -> Result<(Option<PathBuf>, String), Problem> {
    let file = sources.config.as_deref().unwrap_or(default_file);
    match std::fs::read_to_string(file) {
        Ok(text) => Ok((Some(file.to_owned()), text)),
        Err(error) if sources.config.is_none() && error.kind() == io::ErrorKind::NotFound => {
            Ok((None, String::new()))
        }
        Err(error) => Err(Problem::Unreadable {
            file: file.to_owned(),
            error,
        }),
    }
}

impl Sources {
    /// Set, and not to nothing.
    fn variable(&self, name: &str) -> Option<&str> {
        let found = self.env.iter().rev().find(|(known, _)| known == name);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    fn data_dir(&self, file: Option<&Path>) -> PathBuf {
        if let Some(folder) = &self.data_dir {
            return folder.clone();
        }
        // systemd gives several folders with colons between them.
        let state = self.variable("STATE_DIRECTORY").unwrap_or_default();
        if let Some(folder) = state.split(':').find(|folder| !folder.is_empty()) {
            return folder.into();
        }
        match file {
            Some(file) if file.starts_with("/etc") => "/var/lib/cellpost".into(),
            _ => "./cellpost-data".into(),
        }
    }
}

impl Desk<'_> {
    fn config(&mut self, mut raw: Raw, file: Option<PathBuf>, sources: &Sources) -> Config {
        let server = self.server(raw.server, &sources.listen);
        let modems = self.modems(raw.modem);
        let simulate = self.simulate(raw.simulate, sources.simulate);
        let numbers = self.numbers(raw.phone);
        let stop = self.stop_rules(
            raw.inbound.stop_words,
            raw.inbound.start_words,
            raw.inbound.stop_categories,
            numbers,
        );
        Config {
            manners: Manners {
                stop,
                usual: Preferences::usual(server.timezone.clone()),
                curfew: self.quiet(raw.quiet, &server.timezone),
            },
            auth: self.auth(raw.auth, &server),
            server,
            database: Database {
                path: self.path("database.path", raw.database.path, "cellpost.db"),
                min_free_bytes: self.number(
                    "database.min_free_bytes",
                    raw.database.min_free_bytes,
                    67_108_864,
                    0..=i64::MAX,
                ),
                backup_dir: self.take(
                    "database.backup_dir",
                    raw.database.backup_dir,
                    None,
                    "must be a folder's name",
                    |text| optional(&text, |text| Some(PathBuf::from(text))),
                ),
                backup_every: self.seconds(
                    "database.backup_every",
                    raw.database.backup_every,
                    86_400,
                    60..=LONGEST_LIFE,
                ),
            },
            numbers,
            message: self.message(raw.message),
            limits: self.all_limits(raw.limits),
            guard: self.guard(raw.guard),
            pepper_file: self.path(
                "verify.pepper_file",
                raw.verify.pepper_file.take(),
                "pepper.key",
            ),
            sweep_every: self.seconds(
                "verify.sweep_every",
                raw.verify.sweep_every.take(),
                60,
                1..=86_400,
            ),
            codes: Arc::new(self.codes(raw.verify)),
            max_template: self.number(
                "template.max_content",
                raw.template.max_content,
                500,
                1..=10_000,
            ),
            schedule: Schedule {
                max_ahead: self.days("schedule.max_ahead_days", raw.schedule.max_ahead_days, 7),
                max_numbers: self.number(
                    "schedule.max_numbers",
                    raw.schedule.max_numbers,
                    100,
                    1..=1000,
                ),
            },
            idempotency_ttl: self.seconds(
                "idempotency.ttl",
                raw.idempotency.ttl,
                86_400,
                1..=LONGEST_LIFE,
            ),
            inbound: Inbound {
                part_timeout: self.seconds(
                    "inbound.part_timeout",
                    raw.inbound.part_timeout,
                    600,
                    1..=LONGEST_LIFE,
                ),
                delete_from_sim: raw.inbound.delete_from_sim.unwrap_or(true),
            },
            retention: Retention {
                bodies: self.days("retention.bodies_days", raw.retention.bodies_days, 30),
                messages: self.days("retention.messages_days", raw.retention.messages_days, 365),
                inbox: self.days("retention.inbox_days", raw.retention.inbox_days, 90),
                events: self.days("retention.events_days", raw.retention.events_days, 7),
                log: self.days("retention.log_days", raw.retention.log_days, 180),
                verifications: self.days(
                    "retention.verifications_days",
                    raw.retention.verifications_days,
                    7,
                ),
            },
            profiles_dir: self.take(
                "modems.profiles_dir",
                raw.modems.profiles_dir,
                None,
                "must be a folder's name",
                |text| optional(&text, |text| Some(PathBuf::from(text))),
            ),
            recorder_files: self.number(
                "modems.recorder_files",
                raw.modems.recorder_files,
                20,
                0..=10_000,
            ),
            routing: self.routing(raw.routing, &modems, simulate.modems),
            budget: self.budget(raw.budget),
            modems,
            simulate,
            log: self.log(raw.log),
            data_dir: sources.data_dir(file.as_deref()),
            credentials_dir: sources.variable("CREDENTIALS_DIRECTORY").map(PathBuf::from),
            file,
        }
    }

    fn server(&mut self, raw: raw::Server, replaced_by: &[SocketAddr]) -> Server {
        let plain_allowed = raw.allow_plain.unwrap_or(false);
        let day = 1..=86_400;
        Server {
            listen: self.listen(raw.listen, replaced_by, plain_allowed),
            public_url: self.take(
                "server.public_url",
                raw.public_url,
                None,
                "must be an http or https URL without user, query and fragment, such as \"https://sms.example.com\"",
                |text| optional(&text, public_url),
            ),
            trusted_proxies: self.networks(
                "server.trusted_proxies",
                raw.trusted_proxies,
                Vec::new(),
            ),
            cors_origins: self.list(
                "server.cors_origins",
                raw.cors_origins,
                Vec::new(),
                "must be an origin, scheme and host and nothing behind it, such as \"https://app.example.com\"",
                |text| is_origin(text).then(|| text.to_owned()),
            ),
            max_body: self.number("server.max_body", raw.max_body, 1_048_576, 1..=1 << 30),
            max_connections: self.number(
                "server.max_connections",
                raw.max_connections,
                1024,
                1..=1_000_000,
            ),
            header_timeout: self.seconds(
                "server.header_timeout",
                raw.header_timeout,
                10,
                day.clone(),
            ),
            body_timeout: self.seconds("server.body_timeout", raw.body_timeout, 30, day.clone()),
            idle_timeout: self.seconds("server.idle_timeout", raw.idle_timeout, 75, day),
            shutdown_grace: self.seconds(
                "server.shutdown_grace",
                raw.shutdown_grace,
                20,
                0..=3600,
            ),
            timezone: self.timezone(raw.timezone),
        }
    }

    fn timezone(&mut self, raw: Given<String>) -> TimeZone {
        let usual = TimeZone::get("Asia/Shanghai").expect("the zones are compiled in");
        self.take(
            "server.timezone",
            raw,
            usual,
            "must be a time zone's IANA name, such as \"Europe/Berlin\"",
            |text| TimeZone::get(&text).ok(),
        )
    }

    fn listen(
        &mut self,
        raw: Given<Vec<String>>,
        replaced_by: &[SocketAddr],
        plain_allowed: bool,
    ) -> Vec<SocketAddr> {
        let key = "server.listen";
        let span = raw.as_ref().map(Spanned::span);
        let names_none = raw.as_ref().is_some_and(|list| list.get_ref().is_empty());
        let written = self.list(
            key,
            raw,
            vec![SocketAddr::from(([127, 0, 0, 1], 30006))],
            "must be an IP address and a port, such as \"127.0.0.1:30006\"",
            |text| text.parse().ok(),
        );
        if !replaced_by.is_empty() {
            for (address, right) in forbidden(replaced_by, plain_allowed) {
                self.refuse_argument("--listen", address.to_string(), right.to_owned());
            }
            return replaced_by.to_vec();
        }
        let Some(span) = span else {
            return written;
        };
        if names_none {
            let right = "must name an address at least".to_owned();
            self.refuse(key, span.clone(), right);
        }
        for (address, right) in forbidden(&written, plain_allowed) {
            self.refuse_item(key, span.start, &address.to_string(), right);
        }
        written
    }

    fn auth(&mut self, raw: raw::Auth, server: &Server) -> Auth {
        // A proxy on this host makes every visitor a loopback peer: http-api.md §0.1.
        let only_this_host = server.public_url.is_none()
            && server.trusted_proxies.is_empty()
            && server
                .listen
                .iter()
                .all(|one| one.ip().to_canonical().is_loopback());
        let usual: &[&str] = if only_this_host {
            &["127.0.0.0/8", "::1/128"]
        } else {
            &[]
        };
        Auth {
            admin_key_file: self.path("auth.admin_key_file", raw.admin_key_file, "admin.key"),
            anonymous_cidrs: self.networks(
                "auth.anonymous_cidrs",
                raw.anonymous_cidrs,
                usual.iter().filter_map(|text| network(text)).collect(),
            ),
            anonymous_scopes: self.list(
                "auth.anonymous_scopes",
                raw.anonymous_scopes,
                ANONYMOUS_SCOPES.map(str::to_owned).to_vec(),
                "must be \"messages:send\" or \"verify\"",
                |text| ANONYMOUS_SCOPES.contains(&text).then(|| text.to_owned()),
            ),
        }
    }

    fn numbers(&mut self, raw: raw::Phone) -> NumberRules {
        let short_codes = raw.allow_short_codes.unwrap_or(false);
        let usual = NumberRules::new("CN", short_codes).expect("CN is in the table of regions");
        let rules = self.take(
            "phone.default_region",
            raw.default_region,
            usual,
            "must be a country's two capital letters (ISO 3166), such as \"CN\", or \"\" for international numbers only",
            |text| NumberRules::new(&text, short_codes),
        );
        rules.strict(raw.strict.unwrap_or(false))
    }

    fn stop_rules(
        &mut self,
        stop_words: Given<Vec<String>>,
        start_words: Given<Vec<String>>,
        stop_categories: Given<Vec<String>>,
        numbers: NumberRules,
    ) -> StopRules {
        let word = |text: &str| (!text.trim().is_empty()).then(|| text.to_owned());
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let right = "must be a word or a sentence: the whole of a text";
        let usual = owned(&StopRules::STOP_WORDS);
        let stop = self.list("inbound.stop_words", stop_words, usual, right, word);
        let either = |text: &str| {
            let is_free = !stop
                .iter()
                .any(|stop| stop.trim().to_lowercase() == text.trim().to_lowercase());
            word(text).filter(|_| is_free)
        };
        let right = "must be a word or a sentence, and none of inbound.stop_words";
        let usual = owned(&StopRules::START_WORDS);
        let start = self.list("inbound.start_words", start_words, usual, right, either);
        let categories = self.list(
            "inbound.stop_categories",
            stop_categories,
            StopRules::STOP_CATEGORIES.to_vec(),
            "must be otp, alert, transactional, notification or bulk",
            Category::parse,
        );
        StopRules::new(&stop, &start, categories, numbers)
    }

    /// `zone`: `server.timezone`.
    fn quiet(&mut self, raw: raw::Quiet, zone: &TimeZone) -> Curfew {
        let span = |given: &Given<String>| given.as_ref().map_or(0..0, Spanned::span);
        let (start_span, end_span) = (span(&raw.start), span(&raw.end));
        let right = "must be a time of day, such as \"22:00\", or empty";
        let read = |text: String| optional(&text, TimeOfDay::parse);
        let start = self.take("quiet.start", raw.start, None, right, read);
        let end = self.take("quiet.end", raw.end, None, right, read);
        let both = "must be set together with the other end of quiet hours, or both must be empty";
        match (start, end) {
            (Some(_), None) if self.problems.is_empty() => {
                self.refuse("quiet.start", start_span, both.to_owned());
            }
            (None, Some(_)) if self.problems.is_empty() => {
                self.refuse("quiet.end", end_span, both.to_owned());
            }
            _ => {}
        }
        let categories = self.list(
            "quiet.categories",
            raw.categories,
            Curfew::CATEGORIES.to_vec(),
            "must be notification or bulk; the others never wait",
            |text| Category::parse(text).filter(|one| Curfew::CATEGORIES.contains(one)),
        );
        Curfew {
            hours: start.zip(end).map(|(start, end)| QuietHours {
                start,
                end,
                zone: zone.clone(),
            }),
            categories,
        }
    }

    fn message(&mut self, raw: raw::Message) -> Message {
        let backlog: i64 = self.number(
            "message.max_backlog",
            raw.max_backlog,
            100_000,
            0..=i64::MAX,
        );
        Message {
            max_parts: self.number("message.max_parts", raw.max_parts, 10, 1..=255),
            ttl: self.seconds("message.ttl", raw.ttl, 86_400, 1..=LONGEST_LIFE),
            max_attempts: self.number("message.max_attempts", raw.max_attempts, 3, 1..=100),
            report_timeout: self.seconds(
                "message.report_timeout",
                raw.report_timeout,
                259_200,
                1..=LONGEST_LIFE,
            ),
            max_backlog: (backlog != 0).then_some(backlog),
            uncertain: self.uncertain(raw.uncertain),
        }
    }

    fn uncertain(&mut self, mut raw: raw::Uncertain) -> [Policy; 5] {
        Category::ALL.map(|category| {
            let given = match category {
                Category::Otp => &mut raw.otp,
                Category::Alert => &mut raw.alert,
                Category::Transactional => &mut raw.transactional,
                Category::Notification => &mut raw.notification,
                Category::Bulk => &mut raw.bulk,
            };
            let usual = match category {
                Category::Bulk => "lose",
                _ => "duplicate",
            };
            self.word(
                &format!("message.uncertain.{}", category.as_str()),
                given.take(),
                usual,
                &[("duplicate", Policy::Duplicate), ("lose", Policy::Lose)],
            )
        })
    }

    fn all_limits(&mut self, raw: raw::Limits) -> Limits {
        let highest = 0..=1_000_000;
        let rps = self.number("limits.key_rps", raw.key_rps, 50, highest.clone());
        let burst = self.number("limits.key_burst", raw.key_burst, 100, highest);
        let none_or_a_limit = |text: String| match text.as_str() {
            "0" => Some(None),
            text => a_limit(text).map(Some),
        };
        let right = format!("{A_LIMIT}; or \"0\" for none");
        let anonymous = self.take(
            "limits.anonymous",
            raw.anonymous,
            a_limit("600/3600"),
            &right,
            none_or_a_limit,
        );
        let notify = ["1/60", "5/3600", "10/86400"];
        let direct = ["10/60", "100/3600", "500/86400"];
        let failures = raw.check_failures;
        Limits {
            allowances: Allowances {
                notify: self.limits("limits.notify", raw.notify, &notify),
                direct: self.limits("limits.direct", raw.direct, &direct),
                alert: self.limits("limits.alert", raw.alert, &["60/60"]),
                ceiling: self.limits("limits.ceiling", raw.ceiling, &["30/3600", "60/86400"]),
                anonymous,
                check_failures: self.limit("limits.check_failures", failures, "20/3600"),
                ip_sends: self.limit("limits.ip_sends", raw.ip_sends, "10/3600"),
                ip_checks: self.limit("limits.ip_checks", raw.ip_checks, "30/300"),
            },
            key_rps: (rps != 0).then_some(rps),
            key_burst: (burst != 0).then_some(burst),
        }
    }

    fn guard(&mut self, raw: raw::Guard) -> Guard {
        let right =
            "must be a country's two capital letters (ISO 3166), such as \"CN\", or \"*\" for all";
        let owned = |listed: &[&str]| listed.iter().map(|one| (*one).to_owned()).collect();
        let codes = self.list(
            "guard.otp_countries",
            raw.otp_countries,
            owned(&["CN", "US"]),
            right,
            Countries::parse_one,
        );
        let others = self.list(
            "guard.countries",
            raw.countries,
            owned(&["*"]),
            right,
            Countries::parse_one,
        );
        Guard {
            otp_countries: Countries::new(codes),
            countries: Countries::new(others),
            deny_prefixes: self.list(
                "guard.deny_prefixes",
                raw.deny_prefixes,
                Vec::new(),
                "must be the first digits of numbers, with country code and +, such as \"+8817\"",
                Guard::parse_prefix,
            ),
            block_max: self.number("guard.block_max", raw.block_max, 15, 1..=1000),
            min_conversion: self.take(
                "guard.min_conversion",
                raw.min_conversion,
                0.20,
                "must be a number from 0 to 1",
                |share| (0.0..=1.0).contains(&share).then_some(share),
            ),
            auto_block: raw.auto_block.unwrap_or(false),
        }
    }

    fn modems(
        &mut self,
        raw: impl IntoIterator<Item = (Spanned<String>, raw::Modem)>,
    ) -> Vec<Modem> {
        let mut sections: Vec<_> = raw.into_iter().collect();
        sections.sort_by_key(|(name, _)| name.span().start);
        let mut modems: Vec<Modem> = Vec::new();
        for (name, section) in sections {
            let device_at = section.device.as_ref().map(Spanned::span);
            let Some(modem) = self.modem(&name, section) else {
                continue;
            };
            let twin = modems.iter().find(|other| other.device == modem.device);
            if let (Some(twin), Some(span)) = (twin, device_at) {
                let right = format!("modem {} has this device already", twin.name);
                self.refuse(&format!("modem.{}.device", modem.name), span, right);
            }
            modems.push(modem);
        }
        modems
    }

    /// `None` when it lacks what makes a modem, a name or a device; that is noted then.
    fn modem(&mut self, name: &Spanned<String>, raw: raw::Modem) -> Option<Modem> {
        let position = name.span().start;
        let key = |key: &str| format!("modem.{}.{key}", name.get_ref());
        let missing = raw.device.is_none();
        let device = self.take(
            &key("device"),
            raw.device,
            None,
            "must be an absolute path, best one of /dev/serial/by-id, or tcp://host:port",
            |text| is_device(&text).then(|| Some(PathBuf::from(text))),
        );
        if missing {
            let problem = Problem::Missing {
                place: self.sheet.place(position),
                key: key("device"),
                right: "name the modem's port, such as \"/dev/ttyUSB2\"",
            };
            self.problems.push((position, problem));
        }
        let parsed = ModemName::parse(name.get_ref());
        if parsed.is_none() {
            let problem = Problem::Wrong {
                place: self.sheet.place(position),
                key: "modem".to_owned(),
                value: self.sheet.value(name.span()),
                right: "a modem's name must be 1 to 32 letters, digits, - and _".to_owned(),
            };
            self.problems.push((position, problem));
        }
        self.word(
            &key("mode"),
            raw.mode,
            "auto",
            // PDU mode is the only one that is spoken.
            &[("auto", ()), ("pdu", ())],
        );
        let quota = self.quota(
            &key,
            raw.hour_quota,
            raw.day_quota,
            raw.month_quota,
            raw.plan_reset_day,
        );
        Some(Modem {
            profile: self.take(
                &key("profile"),
                raw.profile,
                None,
                "must be the name of a profile, such as \"huawei-e3372\"",
                |text| optional(&text, |text| Some(text.to_owned())),
            ),
            pin_file: self.take(
                &key("pin_file"),
                raw.pin_file,
                None,
                "must be a file's name",
                |text| optional(&text, |text| Some(PathBuf::from(text))),
            ),
            storage: self
                .word(
                    &key("storage"),
                    raw.storage,
                    "auto",
                    &[("auto", None), ("SM", Some("SM")), ("ME", Some("ME"))],
                )
                .map(str::to_owned),
            quota,
            min_interval: self.millis(
                &key("min_interval_ms"),
                raw.min_interval_ms,
                0,
                0..=3_600_000,
            ),
            prefixes: Prefixes::new(self.list(
                &key("prefixes"),
                raw.prefixes,
                Vec::new(),
                "must be \"*\", or the first digits of numbers, such as \"+86\"",
                Prefixes::parse_one,
            )),
            categories: self.categories(&key("categories"), raw.categories, Categories::ALL),
            weight: self.number(
                &key("weight"),
                raw.weight,
                USUAL_WEIGHT,
                0..=i64::from(MOST_WEIGHT),
            ),
            cost: self.take(&key("cost"), raw.cost, USUAL_COST, AN_AMOUNT, |text| {
                Money::parse(&text)
            }),
            baud: self.number(&key("baud"), raw.baud, 115_200, 300..=4_000_000),
            smsc: self.take(
                &key("smsc"),
                raw.smsc,
                None,
                "must be the service centre's number, + and digits, such as \"+8613800100500\"",
                |text| optional(&text, |text| is_smsc(text).then(|| text.to_owned())),
            ),
            command_timeout: self.millis(
                &key("command_timeout_ms"),
                raw.command_timeout_ms,
                5000,
                100..=600_000,
            ),
            send_timeout: self.seconds(&key("send_timeout"), raw.send_timeout, 120, 1..=3600),
            reports: raw.reports.unwrap_or(true),
            ref16: raw.ref16.unwrap_or(false),
            enabled: raw.enabled.unwrap_or(true),
            // Last, so that everything else has been checked before these end it.
            name: parsed?,
            device: device?,
        })
    }

    fn quota(
        &mut self,
        key: &impl Fn(&str) -> String,
        hour: Given<i64>,
        day: Given<i64>,
        month: Given<i64>,
        reset_day: Given<i64>,
    ) -> Quota {
        let mut parts = |name: &str, given, usual| {
            let parts: u32 = self.number(&key(name), given, usual, 0..=10_000_000);
            (parts != 0).then_some(parts)
        };
        Quota {
            hour: parts("hour_quota", hour, 100),
            day: parts("day_quota", day, 500),
            month: parts("month_quota", month, 0),
            reset_day: self.number(&key("plan_reset_day"), reset_day, 1, 1..=28),
        }
    }

    fn simulate(&mut self, raw: raw::Simulate, replaced_by: Option<usize>) -> Simulate {
        const MOST: i64 = 1000;
        let hour = 0..=3_600_000;
        let written = self.number("simulate.modems", raw.modems, 0, 0..=MOST);
        let modems = replaced_by.unwrap_or(written);
        if i64::try_from(modems).is_ok_and(|modems| modems > MOST) {
            self.refuse_argument("--simulate", modems.to_string(), from_to(&(0..=MOST)));
        }
        Simulate {
            modems,
            personalities: self.personalities(raw.personality),
            scenario: self.take(
                "simulate.scenario",
                raw.scenario,
                None,
                "must be a file's name, or \"\" for none",
                |name| {
                    optional(&name, |name| {
                        (!name.ends_with('/')).then(|| PathBuf::from(name))
                    })
                },
            ),
            seed: self.number("simulate.seed", raw.seed, 1, 0..=i64::MAX),
            latency: self.millis("simulate.latency_ms", raw.latency_ms, 500, hour.clone()),
            prompt: self.millis("simulate.prompt_ms", raw.prompt_ms, 20, hour.clone()),
            report_after: self.millis("simulate.report_after_ms", raw.report_after_ms, 1000, hour),
        }
    }

    /// One name, or several with commas between them.
    fn personalities(&mut self, given: Given<String>) -> Vec<String> {
        let right = format!(
            "must be {}, or several of them with commas between",
            PERSONALITIES.join(", ")
        );
        let known = |names: String| {
            let names: Vec<String> = names.split(',').map(|name| name.trim().into()).collect();
            let all = names
                .iter()
                .all(|name: &String| PERSONALITIES.contains(&name.as_str()));
            all.then_some(names)
        };
        self.take(
            "simulate.personality",
            given,
            vec!["generic".to_owned()],
            &right,
            known,
        )
    }

    fn log(&mut self, raw: raw::Log) -> Log {
        use tracing::Level;
        Log {
            level: self.word(
                "log.level",
                raw.level,
                "info",
                &[
                    ("error", Level::ERROR),
                    ("warn", Level::WARN),
                    ("info", Level::INFO),
                    ("debug", Level::DEBUG),
                    ("trace", Level::TRACE),
                ],
            ),
            format: self.word(
                "log.format",
                raw.format,
                "auto",
                &[
                    ("auto", LogFormat::Auto),
                    ("journal", LogFormat::Journal),
                    ("json", LogFormat::Json),
                    ("text", LogFormat::Text),
                ],
            ),
        }
    }
}

pub(super) const AN_AMOUNT: &str = "must be an amount with at most four decimals, such as \"0.05\"";
const ANONYMOUS_SCOPES: [&str; 2] = ["messages:send", "verify"];

/// The addresses that may not be listened on, each with the reason.
fn forbidden(listen: &[SocketAddr], plain_allowed: bool) -> Vec<(SocketAddr, &'static str)> {
    let mut refused = Vec::new();
    let mut seen = HashSet::new();
    for address in listen {
        if !plain_allowed && !is_private(address.ip()) {
            let right = "a public address, and there is no TLS: must be a loopback or private address (a proxy on this host can do TLS), or set server.allow_plain = true";
            refused.push((*address, right));
        }
        // Port 0 asks for any free port, each time for another.
        if address.port() != 0 && !seen.insert(address) {
            refused.push((*address, "must be named once"));
        }
    }
    refused
}

#[cfg(test)]
pub(super) mod tests {
    use crate::domain::suppression::Wish;
    use std::time::Duration;

    use ipnet::IpNet;

    use super::*;
    use crate::domain::{Limit, Patience, Slot};

    const NO_FILE: &str = "/nonexistent/cellpost.toml";

    fn example(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("config")
            .join(name)
    }

    /// config/cellpost.toml as if each `#` before a key or a section were taken away.
    pub(in crate::config) fn uncommented_example() -> String {
        let text = std::fs::read_to_string(example("cellpost.toml")).unwrap();
        let uncommented = |line: &str| match line.strip_prefix('#') {
            Some(rest) if rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '[') => {
                rest.to_owned()
            }
            _ => line.to_owned(),
        };
        text.lines().map(|line| uncommented(line) + "\n").collect()
    }

    pub(in crate::config) struct Written {
        folder: tempfile::TempDir,
        sources: Sources,
    }

    /// A file with this text, and nothing else said.
    pub(in crate::config) fn written(text: &str) -> Written {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cellpost.toml");
        std::fs::write(&file, text).unwrap();
        let sources = Sources {
            config: Some(file),
            ..Sources::default()
        };
        Written { folder, sources }
    }

    impl Written {
        fn env(mut self, pairs: &[(&str, &str)]) -> Self {
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            self.sources.env = pairs.iter().map(owned).collect();
            self
        }

        #[track_caller]
        pub(in crate::config) fn config(&self) -> Config {
            load_or(&self.sources, Path::new(NO_FILE)).unwrap()
        }

        /// The problems, the folder's name left out.
        #[track_caller]
        pub(in crate::config) fn problems(&self) -> Vec<String> {
            let error = load_or(&self.sources, Path::new(NO_FILE)).unwrap_err();
            let folder = format!("{}/", self.folder.path().display());
            let lines: Vec<String> = error.lines().collect();
            assert_eq!(error.to_string(), lines.join("\n"));
            lines.iter().map(|line| line.replace(&folder, "")).collect()
        }
    }

    fn defaults() -> Config {
        load_or(&Sources::default(), Path::new(NO_FILE)).unwrap()
    }

    /// For comparison: where it came from does not matter.
    fn settings(mut config: Config) -> String {
        config.file = None;
        config.data_dir = PathBuf::new();
        format!("{config:#?}")
    }

    #[test]
    fn without_a_file_every_setting_has_its_default() {
        let config = defaults();
        assert_eq!(config.server.listen, ["127.0.0.1:30006".parse().unwrap()]);
        assert_eq!(config.server.public_url, None);
        assert_eq!(config.server.max_body, 1_048_576);
        assert_eq!(config.server.max_connections, 1024);
        assert_eq!(config.server.header_timeout, Duration::from_secs(10));
        assert_eq!(config.server.body_timeout, Duration::from_secs(30));
        assert_eq!(config.server.idle_timeout, Duration::from_secs(75));
        assert_eq!(config.server.shutdown_grace, Duration::from_secs(20));
        assert_eq!(config.database.path, Path::new("cellpost.db"));
        assert_eq!(config.database.min_free_bytes, 67_108_864);
        assert_eq!(config.auth.admin_key_file, Path::new("admin.key"));
        assert_eq!(config.auth.anonymous_scopes, ["messages:send", "verify"]);
        assert!(config.numbers.parse("13800138000").is_ok());
        assert!(!config.numbers.allow_short_codes);
        assert_eq!(config.message.max_parts, 10);
        assert_eq!(config.message.ttl, Duration::from_secs(86_400));
        assert_eq!(config.message.max_attempts, 3);
        assert_eq!(config.message.report_timeout, Duration::from_secs(259_200));
        assert_eq!(config.message.max_backlog, Some(100_000));
        let uncertain = [
            Policy::Duplicate,
            Policy::Duplicate,
            Policy::Duplicate,
            Policy::Duplicate,
            Policy::Lose,
        ];
        assert_eq!(config.message.uncertain, uncertain);
        assert_eq!(config.limits.key_rps, Some(50));
        assert_eq!(config.limits.key_burst, Some(100));
        let allowances = &config.limits.allowances;
        let shown = |limits: &[Limit]| {
            let shown: Vec<String> = limits.iter().map(Limit::to_string).collect();
            shown.join(" ")
        };
        assert_eq!(shown(&allowances.notify), "1/60 5/3600 10/86400");
        assert_eq!(shown(&allowances.direct), "10/60 100/3600 500/86400");
        assert_eq!(shown(&allowances.alert), "60/60");
        assert_eq!(shown(&allowances.ceiling), "30/3600 60/86400");
        assert_eq!(shown(allowances.anonymous.as_slice()), "600/3600");
        assert_eq!(shown(&[allowances.check_failures]), "20/3600");
        assert_eq!(shown(&[allowances.ip_sends]), "10/3600");
        assert_eq!(shown(&[allowances.ip_checks]), "30/300");
        let guard = Guard {
            otp_countries: Countries::new(vec!["CN".into(), "US".into()]),
            countries: Countries::new(vec!["*".into()]),
            deny_prefixes: Vec::new(),
            block_max: 15,
            min_conversion: 0.2,
            auto_block: false,
        };
        assert_eq!(config.guard, guard);
        assert_eq!(config.pepper_file, Path::new("pepper.key"));
        assert_eq!(config.idempotency_ttl, Duration::from_secs(86_400));
        assert_eq!(config.manners.curfew.hours, None);
        assert_eq!(
            config.manners.curfew.categories,
            [Category::Notification, Category::Bulk]
        );
        for word in ["STOP", "STOPALL", "UNSUBSCRIBE", "退订", "TD"] {
            assert_eq!(config.manners.stop.wish(word), Some(Wish::Stop), "{word}");
        }
        for word in ["START", "UNSTOP", "订阅"] {
            assert_eq!(config.manners.stop.wish(word), Some(Wish::Start), "{word}");
        }
        assert!(config.modems.is_empty());
        assert_eq!(config.simulate.modems, 0);
        assert_eq!(config.simulate.seed, 1);
        assert_eq!(config.simulate.latency, Duration::from_millis(500));
        assert_eq!(config.simulate.prompt, Duration::from_millis(20));
        assert_eq!(config.simulate.report_after, Duration::from_millis(1000));
        assert_eq!(config.log.level, tracing::Level::INFO);
        assert_eq!(config.log.format, LogFormat::Auto);
        assert_eq!(config.file, None);
        assert_eq!(config.data_dir, Path::new("./cellpost-data"));
        assert_eq!(
            config.database_path(),
            Path::new("./cellpost-data/cellpost.db")
        );
    }

    #[test]
    fn quiet_hours_are_written_with_both_ends_in_the_zone_of_the_server() {
        let config = written(
            "[server]\ntimezone = 'Europe/Berlin'\n[quiet]\nstart = '22:00'\nend = '07:30'\ncategories = ['bulk']",
        )
        .config();
        let hours = config.manners.curfew.hours.unwrap();
        assert_eq!(
            (hours.start.to_string(), hours.end.to_string()),
            ("22:00".into(), "07:30".into())
        );
        assert_eq!(hours.zone.iana_name(), Some("Europe/Berlin"));
        assert_eq!(config.manners.curfew.categories, [Category::Bulk]);
        for (text, problem) in [
            (
                "[quiet]\nstart = '22:00'",
                "line 2: quiet.start = '22:00': must be set together with the other end of quiet hours, or both must be empty",
            ),
            (
                "[quiet]\nend = '08:00'",
                "line 2: quiet.end = '08:00': must be set together with the other end of quiet hours, or both must be empty",
            ),
            (
                "[quiet]\nstart = '22'\nend = '08:00'",
                "line 2: quiet.start = '22': must be a time of day, such as \"22:00\", or empty",
            ),
            (
                "[quiet]\ncategories = ['otp']",
                "line 2: quiet.categories = \"otp\": must be notification or bulk; the others never wait",
            ),
            (
                "[inbound]\nstop_words = ['Halt']\nstart_words = [' halt']",
                "line 3: inbound.start_words = \" halt\": must be a word or a sentence, and none of inbound.stop_words",
            ),
        ] {
            let problem = format!("cellpost.toml {problem}");
            assert_eq!(written(text).problems(), [problem], "{text}");
        }
    }

    #[test]
    fn the_example_file_says_what_holds_anyway() {
        let text = std::fs::read_to_string(example("cellpost.toml")).unwrap();
        assert_eq!(settings(written(&text).config()), settings(defaults()));

        let mut uncommented = written(&uncommented_example()).config();
        let modem = uncommented.modems.pop().unwrap();
        assert_eq!(settings(uncommented), settings(defaults()));

        let device = modem.device.display();
        let bare = written(&format!("[modem.{}]\ndevice = \"{device}\"", modem.name)).config();
        assert_eq!(format!("{modem:?}"), format!("{:?}", bare.modems[0]));
    }

    #[test]
    fn the_minimal_file_is_enough_for_one_stick() {
        let text = std::fs::read_to_string(example("cellpost.minimal.toml")).unwrap();
        let config = written(&text).config();
        assert_eq!(config.modems.len(), 1);
        assert!(config.modems[0].enabled);
    }

    #[test]
    fn every_key_of_a_modem_is_read() {
        let config = written(
            "[modem.b]
             device = '/dev/ttyUSB2'
             baud = 9600
             smsc = '+8613800100500'
             command_timeout_ms = 250
             send_timeout = 60
             reports = false
             ref16 = true
             enabled = false
             profile = 'zte'
             pin_file = 'b.pin'
             mode = 'pdu'
             storage = 'ME'
             hour_quota = 0
             day_quota = 20
             month_quota = 300
             min_interval_ms = 1500
             plan_reset_day = 15
             prefixes = ['+86', '100']
             categories = ['otp', 'alert']
             weight = 50
             cost = '0.045'
             [modem.a]
             device = 'tcp://10.0.0.7:4001'",
        )
        .config();
        let names: Vec<&str> = config.modems.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["b", "a"], "in the order of the file");
        let b = &config.modems[0];
        assert_eq!(b.device, Path::new("/dev/ttyUSB2"));
        assert_eq!((b.baud, b.smsc.as_deref()), (9600, Some("+8613800100500")));
        assert_eq!(b.command_timeout, Duration::from_millis(250));
        assert_eq!(b.send_timeout, Duration::from_secs(60));
        assert!(!b.reports && b.ref16 && !b.enabled);
        assert_eq!(b.profile.as_deref(), Some("zte"));
        assert_eq!(b.pin_file.as_deref(), Some(Path::new("b.pin")));
        assert_eq!(b.storage.as_deref(), Some("ME"));
        let quota = Quota {
            hour: None,
            day: Some(20),
            month: Some(300),
            reset_day: 15,
        };
        assert_eq!(b.quota, quota);
        assert_eq!(b.min_interval, Duration::from_millis(1500));
        assert_eq!(b.prefixes.written(), ["+86", "100"]);
        assert_eq!(b.categories.0, [true, true, false, false, false]);
        assert_eq!((b.weight, b.cost), (50, Money(450)));
        let a = &config.modems[1];
        assert_eq!(a.device, Path::new("tcp://10.0.0.7:4001"));
        assert_eq!((a.quota.hour, a.quota.day), (Some(100), Some(500)));
        assert_eq!((a.baud, a.smsc.as_deref()), (115_200, None));
        assert!(a.reports && !a.ref16 && a.enabled);
        assert_eq!(a.prefixes.written(), ["*"]);
        assert_eq!(a.categories, Categories::ALL);
        assert_eq!((a.weight, a.cost), (100, Money(500)));
    }

    #[test]
    fn every_key_of_routing_and_budget_is_read() {
        let config = written(
            "[routing]
             otp_max_wait = 5
             alert_max_wait = 6
             max_wait = 7
             cloud_for = ['otp']
             [routing.order]
             otp = ['modem:sim2', 'modem:m1', 'cloud']
             [budget]
             currency = 'EUR'
             daily = '5'
             monthly = '99.5'
             [modem.m1]
             device = '/dev/ttyUSB2'
             [simulate]
             modems = 2",
        )
        .config();
        let patience = &config.routing.patience;
        let waits = [patience.otp, patience.alert, patience.others];
        assert_eq!(waits, [5, 6, 7].map(Duration::from_secs));
        assert_eq!(patience.cloud_for.0, [true, false, false, false, false]);
        let order = |slots: &[&str]| -> Vec<Slot> {
            slots
                .iter()
                .map(|slot| Slot::parse(slot).unwrap())
                .collect()
        };
        assert_eq!(
            config.routing.order[0],
            order(&["modem:sim2", "modem:m1", "cloud"])
        );
        assert_eq!(config.routing.order[1], order(&["modems", "cloud"]));
        assert_eq!(config.budget.currency, "EUR");
        assert_eq!(config.budget.daily, Some(Money(50_000)));
        assert_eq!(config.budget.monthly, Some(Money(995_000)));
        assert_eq!(defaults().routing.patience, Patience::default());
        assert_eq!(defaults().budget.daily, None);
    }

    #[test]
    fn zero_means_none_for_the_limits_that_say_so() {
        let config = written(
            "[limits]\nanonymous = '0'\nkey_rps = 0\nkey_burst = 0\n[message]\nmax_backlog = 0",
        )
        .config();
        assert_eq!(config.limits.allowances.anonymous, None);
        assert_eq!(config.limits.key_rps, None);
        assert_eq!(config.limits.key_burst, None);
        assert_eq!(config.message.max_backlog, None);

        let config = written("")
            .env(&[("CELLPOST_LIMITS__KEY_RPS", "0")])
            .config();
        assert_eq!(config.limits.key_rps, None);
    }

    #[test]
    fn every_key_of_limits_and_guard_is_read() {
        let config = written(
            "[limits]
             notify = ['2/60']
             direct = []
             alert = ['3/60', '4/3600']
             ceiling = ['1000000/2678400']
             anonymous = '5/60'
             check_failures = '6/60'
             ip_sends = '7/60'
             ip_checks = '8/60'
             [guard]
             otp_countries = ['DE']
             countries = ['CA', 'KZ']
             block_max = 20
             min_conversion = 1
             auto_block = true
             deny_prefixes = ['+8817']",
        )
        .env(&[("CELLPOST_GUARD__MIN_CONVERSION", "0.5")])
        .config();
        let limit = |text| Limit::parse(text).unwrap();
        let expected = Allowances {
            notify: vec![limit("2/60")],
            direct: Vec::new(),
            alert: vec![limit("3/60"), limit("4/3600")],
            ceiling: vec![limit("1000000/2678400")],
            anonymous: Some(limit("5/60")),
            check_failures: limit("6/60"),
            ip_sends: limit("7/60"),
            ip_checks: limit("8/60"),
        };
        assert_eq!(config.limits.allowances, expected);
        let expected = Guard {
            otp_countries: Countries::new(vec!["DE".into()]),
            countries: Countries::new(vec!["CA".into(), "KZ".into()]),
            deny_prefixes: vec!["+8817".into()],
            block_max: 20,
            min_conversion: 0.5,
            auto_block: true,
        };
        assert_eq!(config.guard, expected);
    }

    #[test]
    fn a_value_out_of_range_is_named_with_what_would_be_right() {
        for (text, expected) in [
            (
                "[limits]\nnotify = ['5/hour']",
                r#"limits.notify = "5/hour": must be how many in how many seconds, such as "5/3600": at most 1000000 in at most 2678400"#,
            ),
            (
                "[limits]\ndirect = ['0/60']",
                r#"limits.direct = "0/60": must be how many in how many seconds, such as "5/3600": at most 1000000 in at most 2678400"#,
            ),
            (
                "[limits]\nceiling = ['1/2678401']",
                r#"limits.ceiling = "1/2678401": must be how many in how many seconds, such as "5/3600": at most 1000000 in at most 2678400"#,
            ),
            (
                "[limits]\nip_sends = '0'",
                r#"limits.ip_sends = '0': must be how many in how many seconds, such as "5/3600": at most 1000000 in at most 2678400"#,
            ),
            (
                "[limits]\nanonymous = 'none'",
                r#"limits.anonymous = 'none': must be how many in how many seconds, such as "5/3600": at most 1000000 in at most 2678400; or "0" for none"#,
            ),
            (
                "[guard]\notp_countries = ['cn']",
                r#"guard.otp_countries = "cn": must be a country's two capital letters (ISO 3166), such as "CN", or "*" for all"#,
            ),
            (
                "[guard]\ncountries = ['Earth']",
                r#"guard.countries = "Earth": must be a country's two capital letters (ISO 3166), such as "CN", or "*" for all"#,
            ),
            (
                "[guard]\ndeny_prefixes = ['8817']",
                r#"guard.deny_prefixes = "8817": must be the first digits of numbers, with country code and +, such as "+8817""#,
            ),
            (
                "[guard]\nmin_conversion = 20",
                "guard.min_conversion = 20: must be a number from 0 to 1",
            ),
            (
                "[guard]\nmin_conversion = 'a fifth'",
                "guard.min_conversion = 'a fifth': must be a number from 0 to 1",
            ),
            (
                "[guard]\nblock_max = 0",
                "guard.block_max = 0: must be 1 to 1000",
            ),
            (
                "[message]\nmax_parts = 256",
                "message.max_parts = 256: must be 1 to 255",
            ),
            (
                "[message]\nmax_parts = 0",
                "message.max_parts = 0: must be 1 to 255",
            ),
            (
                "[message]\nttl = 0",
                "message.ttl = 0: must be 1 to 38102400",
            ),
            (
                "[message]\nmax_backlog = -1",
                "message.max_backlog = -1: must be 0 or more",
            ),
            (
                "[message.uncertain]\nbulk = 'maybe'",
                r#"message.uncertain.bulk = 'maybe': must be "duplicate" or "lose""#,
            ),
            (
                "[log]\nlevel = \"verbose\"",
                r#"log.level = "verbose": must be "error" or "warn" or "info" or "debug" or "trace""#,
            ),
            (
                "[simulate]\npersonality = \"zte,nokia\"",
                r#"simulate.personality = "zte,nokia": must be generic, huawei-e-series, huawei-e3372, zte, simcom-sim800, simcom-sim7600, quectel-ec25, wavecom, or several of them with commas between"#,
            ),
            (
                "[simulate]\nscenario = \"storms/\"",
                r#"simulate.scenario = "storms/": must be a file's name, or "" for none"#,
            ),
            (
                "[phone]\ndefault_region = \"China\"",
                r#"phone.default_region = "China": must be a country's two capital letters (ISO 3166), such as "CN", or "" for international numbers only"#,
            ),
            (
                "[server]\nlisten = [\"localhost:1\"]",
                r#"server.listen = "localhost:1": must be an IP address and a port, such as "127.0.0.1:30006""#,
            ),
            (
                "[server]\ntrusted_proxies = [\"10.0.0.0/33\"]",
                r#"server.trusted_proxies = "10.0.0.0/33": must be an address or a network, such as "10.0.0.0/8""#,
            ),
            (
                "[auth]\nanonymous_scopes = [\"admin\"]",
                r#"auth.anonymous_scopes = "admin": must be "messages:send" or "verify""#,
            ),
            (
                "[routing.order]\notp = [\"modem:m9\"]",
                r#"routing.order.otp = "modem:m9": must be "modems", "cloud", or a route that there is, such as "modem:NAME""#,
            ),
            (
                "[routing]\ncloud_for = [\"sms\"]",
                r#"routing.cloud_for = "sms": must be otp, alert, transactional, notification or bulk"#,
            ),
            (
                "[budget]\ndaily = \"5,5\"",
                r#"budget.daily = "5,5": must be an amount with at most four decimals, such as "0.05", or "" for no bound"#,
            ),
            (
                "[budget]\ncurrency = \"euro\"",
                r#"budget.currency = "euro": must be three capital letters (ISO 4217), such as "CNY""#,
            ),
            (
                "[database]\npath = \"\"",
                r#"database.path = "": must be a file's name"#,
            ),
        ] {
            let expected = format!("cellpost.toml line 2: {expected}");
            assert_eq!(written(text).problems()[0], expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_url_and_no_origin_is_refused() {
        let public = |text: &str| format!("[server]\npublic_url = \"{text}\"");
        let origin = |text: &str| format!("[server]\ncors_origins = [\"{text}\"]");
        for good in ["https://sms.example.com", "http://10.0.0.1:8080/sms", ""] {
            written(&public(good)).config();
        }
        for bad in [
            "sms.example.com",
            "ftp://a",
            "https://u@a",
            "https://a/?b",
            "https://a#b",
        ] {
            assert_eq!(written(&public(bad)).problems().len(), 1, "{bad}");
        }
        for good in ["https://app.example.com", "http://localhost:5173"] {
            written(&origin(good)).config();
        }
        for bad in [
            "*",
            "null",
            "",
            "https://a.example/",
            "https://A.example",
            "https://a.example:443",
        ] {
            assert_eq!(written(&origin(bad)).problems().len(), 1, "{bad}");
        }
    }

    #[test]
    fn a_public_address_needs_a_word_that_plain_http_is_meant() {
        let listen = |address: &str| format!("listen = [\"{address}\"]");
        for private in [
            "127.0.0.1:1",
            "10.1.2.3:1",
            "172.31.0.1:1",
            "192.168.0.1:1",
            "169.254.1.1:1",
            "[::1]:1",
            "[fd00::1]:1",
            "[fe80::1]:1",
            "[::ffff:10.0.0.1]:1",
        ] {
            written(&format!("[server]\n{}", listen(private))).config();
        }
        for public in [
            "0.0.0.0:1",
            "[::]:1",
            "8.8.8.8:1",
            "172.32.0.1:1",
            "100.64.0.1:1",
            "[2001:db8::1]:1",
            "[::ffff:8.8.8.8]:1",
        ] {
            let text = format!("[server]\n{}", listen(public));
            let problems = written(&text).problems();
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(
                problems[0].contains("server.allow_plain = true"),
                "{problems:?}"
            );
            written(&format!("{text}\nallow_plain = true")).config();
        }
    }

    #[test]
    fn the_command_line_replaces_the_listeners_and_is_held_to_the_same_rule() {
        let mut gateway = written("[server]\nlisten = ['127.0.0.1:5']");
        gateway.sources.listen = vec!["127.0.0.1:7".parse().unwrap()];
        assert_eq!(
            gateway.config().server.listen,
            ["127.0.0.1:7".parse().unwrap()]
        );

        gateway.sources.listen = vec!["0.0.0.0:7".parse().unwrap()];
        let problems = gateway.problems();
        let begin = "command line: --listen = 0.0.0.0:7: a public address";
        assert!(problems[0].starts_with(begin), "{problems:?}");
    }

    #[test]
    fn a_listener_is_named_once_and_there_is_one_at_least() {
        let twice = written("[server]\nlisten = ['127.0.0.1:5', '127.0.0.1:5']");
        assert_eq!(
            twice.problems(),
            ["cellpost.toml line 2: server.listen = \"127.0.0.1:5\": must be named once"]
        );
        written("[server]\nlisten = ['127.0.0.1:0', '127.0.0.1:0']").config();
        let none = written("[server]\nlisten = []");
        assert_eq!(
            none.problems(),
            ["cellpost.toml line 2: server.listen = []: must name an address at least"]
        );
    }

    #[test]
    fn callers_without_a_key_are_let_in_only_where_nothing_but_this_host_can_call() {
        let anonymous = |text: &str| -> Vec<String> {
            let networks = written(text).config().auth.anonymous_cidrs;
            networks.iter().map(IpNet::to_string).collect()
        };
        for text in ["", "[server]\nlisten = ['127.0.0.1:1', '[::1]:1']"] {
            assert_eq!(anonymous(text), ["127.0.0.0/8", "::1/128"], "{text}");
        }
        for text in [
            "[server]\npublic_url = 'https://sms.example.com'",
            "[server]\ntrusted_proxies = ['127.0.0.1']",
            "[server]\nlisten = ['127.0.0.1:1', '10.0.0.1:1']",
            "[auth]\nanonymous_cidrs = []",
        ] {
            assert!(anonymous(text).is_empty(), "{text}");
        }
        let written_down = "[server]\nlisten = ['10.0.0.1:1']\n[auth]\nanonymous_cidrs = ['10.0.0.9', '10.0.0.5/24']";
        assert_eq!(anonymous(written_down), ["10.0.0.9/32", "10.0.0.0/24"]);

        let mut gateway = written("");
        gateway.sources.listen = vec!["10.0.0.1:1".parse().unwrap()];
        assert!(gateway.config().auth.anonymous_cidrs.is_empty());
    }

    #[test]
    fn a_modem_needs_a_device_that_no_other_has() {
        for (text, expected) in [
            (
                "[modem.m1]\nbaud = 9600",
                "line 1: modem.m1.device is missing: name the modem's port, such as \"/dev/ttyUSB2\"",
            ),
            (
                "[modem.m1]\ndevice = 'ttyUSB0'",
                "line 2: modem.m1.device = 'ttyUSB0': must be an absolute path, best one of /dev/serial/by-id, or tcp://host:port",
            ),
            (
                "[modem.m1]\ndevice = 'tcp://host'",
                "line 2: modem.m1.device = 'tcp://host': must be an absolute path, best one of /dev/serial/by-id, or tcp://host:port",
            ),
            (
                "[modem.m1]\ndevice = '/dev/ttyUSB0'\nplan_reset_day = 29",
                "line 3: modem.m1.plan_reset_day = 29: must be 1 to 28",
            ),
            (
                "[modem.m1]\ndevice = '/dev/ttyUSB0'\nstorage = 'SR'",
                "line 3: modem.m1.storage = 'SR': must be \"auto\" or \"SM\" or \"ME\"",
            ),
            (
                "[modem.'my stick']\ndevice = '/dev/ttyUSB0'",
                "line 1: modem = 'my stick': a modem's name must be 1 to 32 letters, digits, - and _",
            ),
            (
                "[modem.m1]\ndevice = '/dev/ttyUSB0'\n[modem.m2]\ndevice = '/dev/ttyUSB0'",
                "line 4: modem.m2.device = '/dev/ttyUSB0': modem m1 has this device already",
            ),
            (
                "[modem.m1]\ndevice = '/dev/ttyUSB0'\nsmsc = 'centre'",
                "line 3: modem.m1.smsc = 'centre': must be the service centre's number, + and digits, such as \"+8613800100500\"",
            ),
        ] {
            let expected = format!("cellpost.toml {expected}");
            assert_eq!(written(text).problems(), [expected], "{text}");
        }
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once_in_the_order_of_the_file() {
        let gateway = written(
            "[message]\nttl = 0\nlifetime = 1\n[log]\nlevel = 'x'\n[modem.m1]\nbaud = 'fast'",
        )
        .env(&[("CELLPOST_SERVER__MAX_BODY", "-1")]);
        let problems = gateway.problems();
        let begins = [
            "cellpost.toml line 2: message.ttl",
            "cellpost.toml line 3: unknown key",
            "cellpost.toml line 5: log.level",
            "cellpost.toml line 6: modem.m1.device",
            "cellpost.toml line 7: modem.m1.baud",
            "environment CELLPOST_SERVER__MAX_BODY: server.max_body = \"-1\": must be 1 to",
        ];
        assert_eq!(problems.len(), begins.len(), "{problems:#?}");
        for (line, begin) in problems.iter().zip(begins) {
            assert!(line.starts_with(begin), "{line}");
        }
    }

    #[test]
    fn the_environment_goes_before_the_file() {
        let gateway = written("[log]\nlevel = 'warn'\n[message]\nttl = 60\nmax_parts = 3").env(&[
            ("CELLPOST_LOG__LEVEL", "debug"),
            ("CELLPOST_MESSAGE__TTL", "120"),
            ("CELLPOST_SERVER__LISTEN", "127.0.0.1:5, [::1]:5"),
            ("CELLPOST_SERVER__ALLOW_PLAIN", "true"),
            ("CELLPOST_AUTH__ANONYMOUS_CIDRS", ""),
            ("CELLPOST_PHONE__DEFAULT_REGION", ""),
            ("CELLPOST_URL", "http://127.0.0.1:30006"),
            ("CELLPOST_KEY_FILE", "admin.key"),
            ("PATH", "/usr/bin"),
        ]);
        let config = gateway.config();
        assert_eq!(config.log.level, tracing::Level::DEBUG);
        assert_eq!(config.message.ttl, Duration::from_secs(120));
        assert_eq!(config.message.max_parts, 3);
        let listen = ["127.0.0.1:5", "[::1]:5"].map(|one| one.parse().unwrap());
        assert_eq!(config.server.listen, listen);
        assert!(config.auth.anonymous_cidrs.is_empty());
        assert!(config.numbers.parse("13800138000").is_err());
    }

    #[test]
    fn a_variable_that_overrides_nothing_is_a_mistake() {
        let gateway = written("").env(&[
            ("CELLPOST_SERVER__LISEN", "x"),
            ("CELLPOST_NOTHING__AT_ALL", "x"),
            ("CELLPOST_MESSAGE__UNCERTAIN", "lose"),
            ("CELLPOST_MODEM__M1", "x"),
        ]);
        let problems = gateway.problems();
        assert_eq!(problems.len(), 4, "{problems:#?}");
        assert_eq!(
            problems[0],
            "environment CELLPOST_SERVER__LISEN: unknown key \"server.lisen\"; did you mean \"listen\"?"
        );
    }

    #[test]
    fn a_file_that_was_named_must_be_there_and_the_usual_one_need_not() {
        let sources = Sources {
            config: Some(NO_FILE.into()),
            ..Sources::default()
        };
        let error = load_or(&sources, Path::new(NO_FILE)).unwrap_err();
        let line = error.to_string();
        assert!(
            line.starts_with("/nonexistent/cellpost.toml: cannot be read: "),
            "{line}"
        );

        let usual = written("[message]\nmax_parts = 3");
        let file = usual.sources.config.clone().unwrap();
        let config = load_or(&Sources::default(), &file).unwrap();
        assert_eq!(config.message.max_parts, 3);
        assert_eq!(config.file, Some(file));
    }

    #[test]
    fn the_data_folder_is_found_in_this_order() {
        let folder = |data_dir: Option<&str>, state: &str, file: Option<&str>| {
            let sources = Sources {
                data_dir: data_dir.map(PathBuf::from),
                env: vec![("STATE_DIRECTORY".to_owned(), state.to_owned())],
                ..Sources::default()
            };
            sources.data_dir(file.map(Path::new))
        };
        let etc = Some("/etc/cellpost/cellpost.toml");
        for (given, state, file, expected) in [
            (Some("d"), "/state", etc, "d"),
            (None, "/state:/other", etc, "/state"),
            (None, "", etc, "/var/lib/cellpost"),
            (None, "", Some("/srv/cellpost.toml"), "./cellpost-data"),
            (None, "", None, "./cellpost-data"),
        ] {
            assert_eq!(folder(given, state, file), Path::new(expected));
        }
    }

    #[test]
    fn a_secret_is_looked_for_in_the_credentials_then_beside_the_file_then_in_the_data_folder() {
        let mut gateway = written("");
        let root = gateway.folder.path().to_owned();
        let (credentials, data) = (root.join("credentials"), root.join("data"));
        for folder in [&credentials, &data] {
            std::fs::create_dir(folder).unwrap();
        }
        gateway.sources.data_dir = Some(data.clone());
        gateway.sources.env = vec![(
            "CREDENTIALS_DIRECTORY".to_owned(),
            credentials.display().to_string(),
        )];
        let config = gateway.config();
        let found = || config.secret_path(Path::new("admin.key"));
        assert_eq!(found(), data.join("admin.key"), "none has it");
        for folder in [&data, &root, &credentials] {
            std::fs::write(folder.join("admin.key"), "sk_").unwrap();
            assert_eq!(found(), folder.join("admin.key"));
        }
        assert_eq!(
            config.secret_path(Path::new("/run/admin.key")),
            Path::new("/run/admin.key")
        );
    }

    #[test]
    fn simulated_modems_are_asked_for_in_the_file_or_on_the_command_line() {
        let mut gateway = written("[simulate]\nmodems = 2\nlatency_ms = 0");
        assert_eq!(gateway.config().simulate.modems, 2);
        assert_eq!(gateway.config().simulate.personalities, ["generic"]);
        gateway.sources.simulate = Some(4);
        let simulate = gateway.config().simulate;
        assert_eq!((simulate.modems, simulate.latency), (4, Duration::ZERO));
        gateway.sources.simulate = Some(1001);
        assert_eq!(
            gateway.problems(),
            ["command line: --simulate = 1001: must be 0 to 1000"]
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_accepted_or_refused_line_by_line(
            words in proptest::collection::vec(
                proptest::sample::select(vec![
                    "[", "]", "[[", "]]", "server", "modem", "message", "uncertain", "m1", "listen", "ttl", "device",
                    ".", "=", "\"", "'", ",", "{", "}", "0", "-1", "1e9", "true", "\n", "\n", " ", "#", "\u{e9}", "\0",
                ]),
                0..40,
            ),
            value in ".*",
        ) {
            let gateway = written(&words.concat()).env(&[
                ("CELLPOST_SERVER__LISTEN", &value),
                ("CELLPOST_MESSAGE__TTL", &value),
                ("CELLPOST_SERVER__ALLOW_PLAIN", &value),
            ]);
            if let Err(error) = load_or(&gateway.sources, Path::new(NO_FILE)) {
                for line in error.lines() {
                    assert!(!line.is_empty() && !line.contains(char::is_control), "{line:?}");
                }
            }
        }
    }
}
