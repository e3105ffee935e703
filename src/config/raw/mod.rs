//! What may be written: every key optional, every other key refused.
//!
//! Values keep their span, so that a later complaint can name the line. [`read()`] makes the shapes of a text, [`keys`] is
//! the table of all keys. Whether a value makes sense is for [`super::check`].

mod cloud;
mod keys;
mod read;

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

pub(super) use cloud::{Cloud, ErrorRule, Registered, Report, Scalar, Success};
pub(super) use read::read;

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
    pub(super) sim_care: SimCare,
    pub(super) simulate: Simulate,
    pub(super) cloud: BTreeMap<Spanned<String>, Cloud>,
    pub(super) tls: Tls,
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
    pub(super) backend: Given<String>,
    pub(super) cloud: Given<String>,
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
    pub(super) adopt: Given<Scalar>,
    pub(super) profiles_dir: Given<String>,
    pub(super) recorder_files: Given<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Modem {
    pub(super) device: Given<String>,
    pub(super) match_imei: Given<String>,
    pub(super) match_iccid: Given<String>,
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
    pub(super) balance_ussd: Given<String>,
    pub(super) balance_regex: Given<String>,
    pub(super) balance_min: Given<String>,
    pub(super) balance_every: Given<i64>,
    pub(super) command_timeout_ms: Given<i64>,
    pub(super) send_timeout: Given<i64>,
    pub(super) reports: Option<bool>,
    pub(super) ref16: Option<bool>,
    pub(super) enabled: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct SimCare {
    pub(super) keep_alive_days: Given<i64>,
    pub(super) keep_alive_to: Given<String>,
    pub(super) keep_alive_text: Given<String>,
    pub(super) loopback_every: Given<i64>,
    pub(super) hang_up: Option<bool>,
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
    pub(super) cloud: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Tls {
    pub(super) ca_file: Given<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Log {
    pub(super) level: Given<String>,
    pub(super) format: Given<String>,
}
