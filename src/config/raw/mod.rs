//! What may be written: every key optional, every other key refused.
//!
//! Values keep their span, so that a later complaint can name the line. [`read()`] makes the shapes of a text, [`keys`] is
//! the table of all keys. Whether a value makes sense is for [`super::check`].

mod cloud;
mod keys;
mod read;
mod section;

use std::collections::BTreeMap;

use toml::Spanned;

pub(super) use cloud::{Cloud, ErrorRule, Registered, Report, Scalar, Success};
pub(super) use read::read;
use section::{Place, Section, sections};

pub(super) type Given<T> = Option<Spanned<T>>;

sections! {
    struct Raw {
        server: Server,
        database: Database,
        auth: Auth,
        phone: Phone,
        message: Message,
        limits: Limits,
        guard: Guard,
        verify: Verify,
        template: Template,
        schedule: Schedule,
        idempotency: Idempotency,
        inbound: Inbound,
        quiet: Quiet,
        retention: Retention,
        routing: Routing,
        budget: Budget,
        modems: Modems,
        modem: BTreeMap<Spanned<String>, Modem>,
        sim_care: SimCare,
        simulate: Simulate,
        cloud: BTreeMap<Spanned<String>, Cloud>,
        tls: Tls,
        log: Log,
    }

    struct Server {
        listen: Given<Vec<String>>,
        public_url: Given<String>,
        trusted_proxies: Given<Vec<String>>,
        cors_origins: Given<Vec<String>>,
        max_body: Given<i64>,
        max_connections: Given<i64>,
        header_timeout: Given<i64>,
        body_timeout: Given<i64>,
        idle_timeout: Given<i64>,
        shutdown_grace: Given<i64>,
        allow_plain: Option<bool>,
        timezone: Given<String>,
    }

    struct Database {
        path: Given<String>,
        min_free_bytes: Given<i64>,
        backup_dir: Given<String>,
        backup_every: Given<i64>,
    }

    struct Auth {
        admin_key_file: Given<String>,
        anonymous_cidrs: Given<Vec<String>>,
        anonymous_scopes: Given<Vec<String>>,
    }

    struct Phone {
        default_region: Given<String>,
        strict: Option<bool>,
        allow_short_codes: Option<bool>,
    }

    struct Message {
        max_parts: Given<i64>,
        ttl: Given<i64>,
        max_attempts: Given<i64>,
        report_timeout: Given<i64>,
        max_backlog: Given<i64>,
        uncertain: Uncertain,
    }

    /// One policy per category.
    struct Uncertain {
        otp: Given<String>,
        alert: Given<String>,
        transactional: Given<String>,
        notification: Given<String>,
        bulk: Given<String>,
    }

    struct Limits {
        notify: Given<Vec<String>>,
        direct: Given<Vec<String>>,
        alert: Given<Vec<String>>,
        ceiling: Given<Vec<String>>,
        anonymous: Given<String>,
        check_failures: Given<String>,
        ip_sends: Given<String>,
        ip_checks: Given<String>,
        key_rps: Given<i64>,
        key_burst: Given<i64>,
    }

    struct Guard {
        otp_countries: Given<Vec<String>>,
        countries: Given<Vec<String>>,
        block_max: Given<i64>,
        min_conversion: Given<f64>,
        auto_block: Option<bool>,
        deny_prefixes: Given<Vec<String>>,
    }

    struct Verify {
        backend: Given<String>,
        cloud: Given<String>,
        brand: Given<String>,
        pepper_file: Given<String>,
        code_length: Given<i64>,
        default_locale: Given<String>,
        sweep_every: Given<i64>,
        profile: CodeProfiles,
    }

    struct SmsProfiles {
        registration: CodeProfile,
        login: CodeProfile,
        password_reset: CodeProfile,
        payment: CodeProfile,
        device_operation: CodeProfile,
    }

    struct CodeProfile {
        ttl: Given<i64>,
        attempts: Given<i64>,
        resend: Given<String>,
        limits: Given<Vec<String>>,
        domain: Given<String>,
        app_hash: Given<String>,
        /// By language tag.
        template: BTreeMap<Spanned<String>, Spanned<String>>,
    }

    struct Template {
        max_content: Given<i64>,
    }

    struct Schedule {
        max_ahead_days: Given<i64>,
        max_numbers: Given<i64>,
    }

    struct Idempotency {
        ttl: Given<i64>,
    }

    struct Inbound {
        stop_words: Given<Vec<String>>,
        start_words: Given<Vec<String>>,
        stop_categories: Given<Vec<String>>,
        part_timeout: Given<i64>,
        delete_from_sim: Option<bool>,
    }

    struct Quiet {
        start: Given<String>,
        end: Given<String>,
        categories: Given<Vec<String>>,
    }

    struct Retention {
        bodies_days: Given<i64>,
        messages_days: Given<i64>,
        inbox_days: Given<i64>,
        events_days: Given<i64>,
        log_days: Given<i64>,
        verifications_days: Given<i64>,
    }

    struct Routing {
        order: Order,
        otp_max_wait: Given<i64>,
        alert_max_wait: Given<i64>,
        max_wait: Given<i64>,
        cloud_for: Given<Vec<String>>,
    }

    /// One order of routes per category.
    struct Order {
        otp: Given<Vec<String>>,
        alert: Given<Vec<String>>,
        transactional: Given<Vec<String>>,
        notification: Given<Vec<String>>,
        bulk: Given<Vec<String>>,
    }

    struct Budget {
        currency: Given<String>,
        daily: Given<String>,
        monthly: Given<String>,
    }

    struct Modems {
        adopt: Given<Scalar>,
        profiles_dir: Given<String>,
        recorder_files: Given<i64>,
    }

    struct Modem {
        device: Given<String>,
        match_imei: Given<String>,
        match_iccid: Given<String>,
        profile: Given<String>,
        baud: Given<i64>,
        pin_file: Given<String>,
        smsc: Given<String>,
        mode: Given<String>,
        storage: Given<String>,
        hour_quota: Given<i64>,
        day_quota: Given<i64>,
        month_quota: Given<i64>,
        min_interval_ms: Given<i64>,
        plan_reset_day: Given<i64>,
        prefixes: Given<Vec<String>>,
        categories: Given<Vec<String>>,
        weight: Given<i64>,
        cost: Given<String>,
        balance_ussd: Given<String>,
        balance_regex: Given<String>,
        balance_min: Given<String>,
        balance_every: Given<i64>,
        command_timeout_ms: Given<i64>,
        send_timeout: Given<i64>,
        reports: Option<bool>,
        ref16: Option<bool>,
        enabled: Option<bool>,
    }

    struct SimCare {
        keep_alive_days: Given<i64>,
        keep_alive_to: Given<String>,
        keep_alive_text: Given<String>,
        loopback_every: Given<i64>,
        hang_up: Option<bool>,
    }

    struct Simulate {
        modems: Given<i64>,
        personality: Given<String>,
        scenario: Given<String>,
        seed: Given<i64>,
        latency_ms: Given<i64>,
        prompt_ms: Given<i64>,
        report_after_ms: Given<i64>,
        cloud: Option<bool>,
    }

    struct Tls {
        ca_file: Given<String>,
    }

    struct Log {
        level: Given<String>,
        format: Given<String>,
    }
}

/// `[verify.profile.NAME]`, where the NAME may have a point in it.
#[derive(Debug, Default)]
pub(super) struct CodeProfiles {
    pub(super) sms: SmsProfiles,
    pub(super) otp: CodeProfile,
    pub(super) v1: CodeProfile,
}

impl Section for CodeProfiles {
    fn place(&mut self, key: &str) -> Option<&mut dyn Place> {
        match key {
            "sms" => Some(&mut self.sms),
            "otp" => Some(&mut self.otp),
            "v1" => Some(&mut self.v1),
            // `[verify.profile."sms.login"]` means the same as `[verify.profile.sms.login]`.
            quoted => self.sms.place(quoted.strip_prefix("sms.")?),
        }
    }
}
