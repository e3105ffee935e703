//! The table of all keys outside sections with a name: defaults, values, and what is said of wrong ones.

use crate::domain::suppression::Wish;
use std::time::Duration;

use ipnet::IpNet;

use super::*;
use crate::domain::{Countries, Guard, Limit, Money, Patience, Slot};

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
    pub(in crate::config) sources: Sources,
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
    pub(in crate::config) fn env(mut self, pairs: &[(&str, &str)]) -> Self {
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
    assert!(config.clouds.is_empty());
    assert_eq!(config.verify_cloud, None);
    assert_eq!(config.tls_ca_file, None);
    assert!(!config.simulate.cloud);
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

/// What the sections of the example file cannot do without.
const BARE_MODEM: &str = "
[modem.m1]
device = '/dev/ttyUSB2'
";
const BARE_CLOUDS: &str = r#"
[cloud.twilio]
kind = "twilio"
account = "AC0123456789abcdef0123456789abcdef"
secret_file = "twilio.token"
from = "+15005550006"
[cloud.aliyun]
kind = "aliyun"
account = "LTAI5tExampleKeyId"
secret_file = "aliyun.secret"
sign_name = "云通知"
[cloud.aliyun.template_map]
"sms.login" = { code = "SMS_154950910", sign_name = "云登录", variables = ["code"] }
"17" = "SMS_154950909"
[cloud.tencent]
kind = "tencent"
account = "AKIDExampleSecretId"
secret_file = "tencent.secret"
sdk_app_id = "1400006666"
template_map.17 = "449739"
[cloud.vonage]
kind = "vonage"
account = "abcd1234"
secret_file = "vonage.secret"
from = "Example"
[cloud.other]
kind = "http"
url = "https://sms.example.com/send"
headers = { X-Sender = "{from}" }
body = '{"to": "{to}", "text": "{text}", "reference": "{id}"}'
auth = "hmac"
secret_file = "other.secret"
auth_header = "X-Signature"
id_pointer = "/id"
[cloud.other.success]
pointer = "/status"
equals = "accepted"
[[cloud.other.errors]]
status = ["404"]
is = 1002
[[cloud.other.errors]]
pointer = "/error"
equals = "credit"
is = 1005
[[cloud.other.errors]]
regex = "try later"
is = "retry"
[cloud.other.report]
id_pointer = "/id"
status_pointer = "/status"
[cloud.other.report.values]
UNDELIV = "undelivered"
DELIVRD = "delivered"
[cloud.plain]
kind = "http"
url = "https://sms.example.net/send"
content_type = "application/x-www-form-urlencoded"
body = "to={to_digits}&text={text}"
auth = "basic"
account = "gateway"
secret_file = "plain.secret"
success.regex = "^OK"
"#;

#[test]
fn the_example_file_says_what_holds_anyway() {
    let text = std::fs::read_to_string(example("cellpost.toml")).unwrap();
    assert_eq!(settings(written(&text).config()), settings(defaults()));

    let uncommented = written(&uncommented_example()).config();
    let bare = written(&format!("{BARE_MODEM}{BARE_CLOUDS}")).config();
    assert_eq!(uncommented.clouds.len(), 6);
    assert_eq!(settings(uncommented), settings(bare));
}

#[test]
fn the_minimal_file_is_enough_for_one_stick() {
    let text = std::fs::read_to_string(example("cellpost.minimal.toml")).unwrap();
    let config = written(&text).config();
    assert_eq!(config.modems.len(), 1);
    assert!(config.modems[0].enabled);
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
            r#"simulate.personality = "zte,nokia": must be generic, huawei-e-series, huawei-e3372, zte, simcom-sim800, simcom-sim7600, simcom-a7670, quectel-ec25, quectel-m26, sierra-mc, telit, u-blox, wavecom, cinterion, or several of them with commas between"#,
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
            r#"routing.order.otp = "modem:m9": must be "modems", "cloud", or a route that there is, such as "modem:NAME" or "cloud:NAME""#,
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
    let written_down =
        "[server]\nlisten = ['10.0.0.1:1']\n[auth]\nanonymous_cidrs = ['10.0.0.9', '10.0.0.5/24']";
    assert_eq!(anonymous(written_down), ["10.0.0.9/32", "10.0.0.0/24"]);

    let mut gateway = written("");
    gateway.sources.listen = vec!["10.0.0.1:1".parse().unwrap()];
    assert!(gateway.config().auth.anonymous_cidrs.is_empty());
}

#[test]
fn all_that_is_wrong_is_said_at_once_in_the_order_of_the_file() {
    let gateway =
        written("[message]\nttl = 0\nlifetime = 1\n[log]\nlevel = 'x'\n[modem.m1]\nbaud = 'fast'")
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
