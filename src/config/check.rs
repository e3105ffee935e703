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

use super::cloud::a_file;
use super::desk::Desk;
use super::problem::{ConfigError, Problem};
use super::raw::{self, Given, Raw};
use super::sheet::Sheet;
use super::values::{is_origin, is_private, network, optional, public_url};
use super::{
    Auth, Config, Database, Inbound, Log, LogFormat, Message, Retention, Schedule, Server,
};
use crate::domain::{
    Category, Curfew, Manners, NumberRules, Policy, Preferences, QuietHours, StopRules, TimeOfDay,
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
        let clouds = self.clouds(raw.cloud);
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
            verify_cloud: self.verify_cloud(
                raw.verify.backend.take(),
                raw.verify.cloud.take(),
                &clouds.named,
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
            adopts: self.adopts(raw.modems.adopt, !modems.is_empty() || simulate.modems > 0),
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
            routing: self.routing(raw.routing, &modems, &clouds.named, simulate.modems),
            budget: self.budget(raw.budget),
            sim_care: self.sim_care(raw.sim_care, numbers),
            modems,
            clouds: clouds.complete,
            tls_ca_file: self.take(
                "tls.ca_file",
                raw.tls.ca_file,
                None,
                "must be a file's name",
                |text| optional(&text, a_file),
            ),
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
pub(super) mod tests;
