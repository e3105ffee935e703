//! The table of all keys of providers: what each becomes, and what is said of a wrong one.

use std::path::Path;

use secrecy::ExposeSecret;

use super::super::Config;
use super::super::check::tests::written;
use super::*;
use crate::domain::route::rank;
use crate::domain::{Category, RouteName};

const TWILIO: &str =
    "[cloud.t]\nkind = 'twilio'\naccount = 'AC01'\nsecret_file = 'token'\nfrom = '+15005550006'\n";
const ALIYUN: &str =
    "[cloud.a]\nkind = 'aliyun'\naccount = 'LTAI1'\nsecret_file = 'secret'\nsign_name = '云'\n";
const TENCENT: &str =
    "[cloud.q]\nkind = 'tencent'\naccount = 'AKID1'\nsecret_file = 'secret'\nsdk_app_id = '14'\n";
const VONAGE: &str =
    "[cloud.v]\nkind = 'vonage'\naccount = 'abcd'\nsecret_file = 'secret'\nfrom = 'Shop'\n";
const HTTP: &str = "[cloud.h]\nkind = 'http'\nurl = 'https://sms.example.com/send'\n";

#[track_caller]
fn only(config: &Config) -> &Cloud {
    assert_eq!(config.clouds.len(), 1);
    &config.clouds[0]
}

/// What is wrong with one more line in a section that is complete, whose last line is the fifth.
#[track_caller]
fn complaints(section: &str, line: &str) -> Vec<String> {
    written(&format!("{section}{line}")).problems()
}

#[test]
fn every_key_that_all_kinds_have_is_read() {
    let config = written(
        "[cloud.vendor-1]
         kind = 'vonage'
         account = 'abcd1234'
         secret_file = '/run/vonage.secret'
         from = '15005550006'
         callback_secret_file = 'callback.secret'
         base_url = 'http://127.0.0.1:8080/vonage'
         proxy = 'http://proxy.example.com:3128'
         timeout = 120
         concurrency = 100
         reports = false
         prefixes = ['+44']
         categories = ['otp']
         weight = 0
         cost = '0.0333'
         enabled = false",
    )
    .config();
    let cloud = only(&config);
    assert_eq!(cloud.name.as_str(), "vendor-1");
    let CloudKind::Vonage(vonage) = &cloud.kind else {
        panic!("{:?}", cloud.kind);
    };
    assert_eq!(vonage.account, "abcd1234");
    assert_eq!(vonage.secret_file, Path::new("/run/vonage.secret"));
    assert_eq!(vonage.from, "15005550006");
    let callback = cloud.callback_secret_file.as_deref();
    assert_eq!(callback, Some(Path::new("callback.secret")));
    let url = |url: &Option<Url>| url.as_ref().map(Url::to_string);
    assert_eq!(
        url(&cloud.base_url).unwrap(),
        "http://127.0.0.1:8080/vonage"
    );
    assert_eq!(url(&cloud.proxy).unwrap(), "http://proxy.example.com:3128/");
    assert_eq!(cloud.timeout, Duration::from_secs(120));
    assert_eq!((cloud.concurrency, cloud.weight), (100, 0));
    assert_eq!(cloud.prefixes.written(), ["+44"]);
    assert_eq!(cloud.categories.0, [true, false, false, false, false]);
    assert_eq!(cloud.cost, Money(333));
    assert!(!cloud.reports && !cloud.enabled);
}

#[test]
fn what_is_not_written_has_its_default_and_empty_is_not_written() {
    let empty = "callback_secret_file = ''\nbase_url = ''\nproxy = ''\nkey_file = ''\nmessaging_service = ''\n";
    for text in [TWILIO.to_owned(), format!("{TWILIO}{empty}")] {
        let config = written(&text).config();
        let cloud = only(&config);
        assert_eq!(cloud.callback_secret_file, None);
        assert_eq!((&cloud.base_url, &cloud.proxy), (&None, &None));
        assert_eq!(cloud.timeout, Duration::from_secs(10));
        assert_eq!((cloud.concurrency, cloud.weight), (5, 100));
        assert_eq!(cloud.prefixes.written(), ["*"]);
        assert_eq!(
            (cloud.categories, cloud.cost),
            (Categories::ALL, Money(500))
        );
        assert!(cloud.reports && cloud.enabled);
        let CloudKind::Twilio(twilio) = &cloud.kind else {
            panic!("{:?}", cloud.kind);
        };
        assert_eq!(twilio.account, "AC01");
        assert_eq!(twilio.key_file, None);
        assert!(matches!(&twilio.secret, SecretFrom::File(file) if file == Path::new("token")));
        assert_eq!(twilio.sender, Sender::From("+15005550006".to_owned()));
    }
}

#[test]
fn twilio_takes_an_api_key_and_a_messaging_service() {
    let config = written(
        "[cloud.t]
         kind = 'twilio'
         account = 'AC01'
         key_file = 'twilio.key'
         secret_file = 'twilio.secret'
         messaging_service = 'MG0123456789abcdef0123456789ABCDEF'",
    )
    .config();
    let CloudKind::Twilio(twilio) = &only(&config).kind else {
        panic!("{:?}", config.clouds);
    };
    assert_eq!(twilio.key_file.as_deref(), Some(Path::new("twilio.key")));
    let service = "MG0123456789abcdef0123456789ABCDEF".to_owned();
    assert_eq!(twilio.sender, Sender::Service(service));
}

#[test]
fn template_providers_know_templates_by_number_by_profile_and_any() {
    let config = written(&format!(
        "{ALIYUN}region = 'ap-southeast-1'
         scheme_name = 'login'
         [cloud.a.template_map]
         17 = 'SMS_1'
         '18' = {{ code = 'SMS_2', sign_name = '另一' }}
         'sms.login' = {{ code = '100001', variables = ['code', 'minutes'] }}
         v1 = {{ sign_name = '码' }}
         '*' = 'SMS_9'
         {TENCENT}region = 'ap-beijing'
         sign_name = '腾'
         template_map = {{ otp = '449739' }}"
    ))
    .config();
    let CloudKind::Aliyun(aliyun) = &config.clouds[0].kind else {
        panic!("{:?}", config.clouds);
    };
    assert_eq!(aliyun.account, "LTAI1");
    assert_eq!(aliyun.region.as_deref(), Some("ap-southeast-1"));
    assert_eq!(aliyun.sign_name.as_deref(), Some("云"));
    assert_eq!(aliyun.scheme_name.as_deref(), Some("login"));
    let code = |code: &str| Registered {
        code: Some(code.to_owned()),
        ..Registered::default()
    };
    let expected = [
        ("17", code("SMS_1")),
        (
            "18",
            Registered {
                sign_name: Some("另一".to_owned()),
                ..code("SMS_2")
            },
        ),
        (
            "sms.login",
            Registered {
                variables: Some(vec!["code".to_owned(), "minutes".to_owned()]),
                ..code("100001")
            },
        ),
        (
            "v1",
            Registered {
                sign_name: Some("码".to_owned()),
                ..Registered::default()
            },
        ),
        ("*", code("SMS_9")),
    ];
    let expected = BTreeMap::from(expected.map(|(name, code)| (name.to_owned(), code)));
    assert_eq!(aliyun.templates, expected);
    let CloudKind::Tencent(tencent) = &config.clouds[1].kind else {
        panic!("{:?}", config.clouds);
    };
    assert_eq!(
        (tencent.account.as_str(), tencent.sdk_app_id.as_str()),
        ("AKID1", "14")
    );
    assert_eq!(tencent.region, "ap-beijing");
    assert_eq!(tencent.sign_name.as_deref(), Some("腾"));
    assert_eq!(tencent.templates["otp"], code("449739"));

    let config = written(TENCENT).config();
    let CloudKind::Tencent(tencent) = &only(&config).kind else {
        panic!("{:?}", config.clouds);
    };
    assert_eq!(
        (tencent.region.as_str(), &tencent.sign_name),
        ("ap-guangzhou", &None)
    );
}

#[test]
fn a_sign_name_of_its_own_is_enough_for_a_template() {
    let text = "[cloud.a]\nkind = 'aliyun'\naccount = 'L1'\nsecret_file = 's'\n";
    let with_one = format!("{text}template_map.17 = {{ code = 'SMS_1', sign_name = '云' }}");
    assert!(matches!(
        &only(&written(&with_one).config()).kind,
        CloudKind::Aliyun(aliyun) if aliyun.sign_name.is_none()
    ));
}

#[test]
fn what_a_kind_needs_and_lacks_is_named_with_an_example() {
    for (text, expected) in [
        (
            "[cloud.x]",
            &[
                "kind is missing: say which provider it is: \"twilio\", \"aliyun\", \"tencent\", \"vonage\", or \"http\" for any other",
            ][..],
        ),
        (
            "[cloud.x]\nkind = 'twilio'",
            &[
                "account is missing: name the AccountSid, such as \"AC0123456789abcdef0123456789abcdef\", or set TWILIO_ACCOUNT_SID in the environment",
                "secret_file is missing: name the file with the AuthToken, such as \"twilio.token\", or set TWILIO_AUTH_TOKEN in the environment",
                "from is missing: name the sender, such as \"+15005550006\", or a messaging_service, or set TWILIO_FROM_NUMBER in the environment",
            ],
        ),
        (
            "[cloud.x]\nkind = 'twilio'\naccount = 'AC1'\nfrom = '12345'\nkey_file = 'k'",
            &[
                "secret_file is missing: name the file with the secret of the API key, such as \"twilio.secret\"",
            ],
        ),
        (
            "[cloud.x]\nkind = 'aliyun'",
            &[
                "account is missing: name the AccessKeyId, such as \"LTAI5tExampleKeyId\"",
                "secret_file is missing: name the file with the AccessKeySecret, such as \"aliyun.secret\"",
                "sign_name is missing: name the sign name that is approved for the account, such as \"云通知\"",
            ],
        ),
        (
            "[cloud.x]\nkind = 'tencent'\naccount = ''",
            &[
                "account is missing: name the SecretId, such as \"AKIDExampleSecretId\"",
                "secret_file is missing: name the file with the SecretKey, such as \"tencent.secret\"",
                "sdk_app_id is missing: name the SmsSdkAppId, such as \"1400006666\"",
            ],
        ),
        (
            "[cloud.x]\nkind = 'vonage'",
            &[
                "account is missing: name the api_key, such as \"abcd1234\"",
                "secret_file is missing: name the file with the api_secret, such as \"vonage.secret\"",
                "from is missing: name the sender, such as \"15005550006\" or \"Example\"",
            ],
        ),
        (
            "[cloud.x]\nkind = 'http'\nauth = 'header'",
            &[
                "url is missing: say where texts are sent, such as \"https://sms.example.com/send\"",
                "secret_file is missing: name the file with the password, token or key, such as \"provider.secret\"",
                "auth_header is missing: name the header, such as \"X-Api-Key\"",
            ],
        ),
        (
            "[cloud.x]\nkind = 'http'\nurl = 'https://a.example'\nauth = 'basic'\nsecret_file = 's'",
            &["account is missing: name the user, such as \"gateway\""],
        ),
    ] {
        let expected: Vec<String> = expected
            .iter()
            .map(|line| format!("cellpost.toml line 1: cloud.x.{line}"))
            .collect();
        assert_eq!(written(text).problems(), expected, "{text}");
    }
}

#[test]
fn a_section_that_is_not_enabled_may_lack_something_and_is_checked_all_the_same() {
    for kind in ["twilio", "aliyun", "tencent", "vonage", "http"] {
        let text = format!("[cloud.x]\nkind = '{kind}'\nenabled = false");
        assert!(written(&text).config().clouds.is_empty(), "{kind}");
        let wrong = format!("{text}\ntimeout = 0");
        let expected = ["cellpost.toml line 4: cloud.x.timeout = 0: must be 1 to 120"];
        assert_eq!(written(&wrong).problems(), expected, "{kind}");
    }
    // Routes may name it: it is there, and switched off.
    let text = "[routing.order]\notp = ['cloud:x']\n[cloud.x]\nkind = 'http'\nenabled = false";
    assert!(written(text).config().clouds.is_empty());
}

#[test]
fn a_wrong_value_is_named_with_what_would_be_right() {
    for (section, line, expected) in [
        (TWILIO, "timeout = 121", "timeout = 121: must be 1 to 120"),
        (
            TWILIO,
            "concurrency = 0",
            "concurrency = 0: must be 1 to 100",
        ),
        (TWILIO, "weight = -1", "weight = -1: must be 0 to 10000"),
        (
            TWILIO,
            "cost = 'cheap'",
            "cost = 'cheap': must be an amount with at most four decimals, such as \"0.05\"",
        ),
        (
            TWILIO,
            "prefixes = ['86*']",
            "prefixes = \"86*\": must be \"*\", or the first digits of numbers, such as \"+86\"",
        ),
        (
            TWILIO,
            "categories = ['sms']",
            "categories = \"sms\": must be otp, alert, transactional, notification or bulk",
        ),
        (
            TWILIO,
            "base_url = 'api.twilio.com'",
            "base_url = 'api.twilio.com': must be an http or https URL without query and fragment, such as \"https://sms.example.com\"",
        ),
        (
            TWILIO,
            "proxy = 'socks5://10.0.0.1:1080'",
            "proxy = 'socks5://10.0.0.1:1080': must be an http URL with nothing behind the port, such as \"http://proxy.example.com:3128\"",
        ),
        (
            TWILIO,
            "callback_secret_file = 'secrets/'",
            "callback_secret_file = 'secrets/': must be a file's name",
        ),
        (
            TWILIO,
            "key_file = 'keys/'",
            "key_file = 'keys/': must be a file's name",
        ),
        (
            TWILIO,
            "messaging_service = 'MG01'",
            "messaging_service = 'MG01': must be a MessagingServiceSid, MG and 32 hexadecimal digits",
        ),
        (
            ALIYUN,
            "region = 'evil.example/x'",
            "region = 'evil.example/x': must be a region's name, such as \"cn-hangzhou\" or \"ap-guangzhou\"",
        ),
        (
            ALIYUN,
            "scheme_name = 'a name of more than twenty'",
            "scheme_name = 'a name of more than twenty': must be at most 20 characters on one line",
        ),
        (
            TENCENT,
            "sign_name = '【云】'",
            "sign_name = '【云】': must be at most 64 characters on one line, without 【 and 】",
        ),
        (
            ALIYUN,
            "template_map = { '17' = 'SMS 1' }",
            "template_map.17 = 'SMS 1': the code must be 1 to 64 letters, digits, - and _, such as \"SMS_1\"",
        ),
        (
            ALIYUN,
            "template_map = { '17' = {} }",
            "template_map.17 = {}: must have a code, a sign_name or variables",
        ),
        (
            ALIYUN,
            "template_map = { '17' = { code = 'A', variables = [''] } }",
            "template_map.17 = { code = 'A', variables = [''] }: variables must be names of variables, such as [\"code\"]",
        ),
        (
            ALIYUN,
            "template_map = { 'login' = 'SMS_1' }",
            "template_map.login = 'login': must be by a template's number, a profile of codes (sms.registration, sms.login, sms.password_reset, sms.payment, sms.device_operation, otp, v1), or \"*\" for any text",
        ),
    ] {
        let name = section.split(['.', ']']).nth(1).unwrap();
        let expected = format!("cellpost.toml line 6: cloud.{name}.{expected}");
        assert_eq!(complaints(section, line), [expected], "{line}");
    }
    for (key, value) in [
        ("account", "SK01"),
        ("account", "AC01/../AC02"),
        ("from", "+1 500 555 0006"),
        ("from", "a name far too long"),
        ("from", "Shop\\r\\nBcc"),
        ("secret_file", "keys/"),
        ("kind", "clickatell"),
    ] {
        let line = |key: &str| {
            TWILIO
                .lines()
                .position(|line| line.starts_with(key))
                .unwrap()
        };
        let text: Vec<String> = TWILIO
            .lines()
            .map(|line| match line.starts_with(key) {
                true => format!("{key} = \"{value}\""),
                false => line.to_owned(),
            })
            .collect();
        let problems = written(&text.join("\n")).problems();
        assert_eq!(problems.len(), 1, "{problems:?}");
        let begin = format!(
            "cellpost.toml line {}: cloud.t.{key} = \"{value}\": must be ",
            line(key) + 1
        );
        assert!(problems[0].starts_with(&begin), "{problems:?}");
    }
    let problems = written("[cloud.'my own']\nkind = 'http'\nenabled = false").problems();
    let expected = "cellpost.toml line 1: cloud = 'my own': a provider's name must be 1 to 32 letters, digits, - and _";
    assert_eq!(problems, [expected]);
}

#[test]
fn a_key_of_another_kind_is_refused_by_name() {
    for (section, line, expected) in [
        (
            ALIYUN,
            "sdk_app_id = '14'",
            "sdk_app_id is of kind tencent; this section is of kind aliyun",
        ),
        (
            TENCENT,
            "scheme_name = 'x'",
            "scheme_name is of kind aliyun; this section is of kind tencent",
        ),
        (
            TWILIO,
            "region = 'us1'",
            "region is of kinds aliyun and tencent; this section is of kind twilio",
        ),
        (
            TWILIO,
            "template_map = {}",
            "template_map is of kinds aliyun and tencent; this section is of kind twilio",
        ),
        (
            VONAGE,
            "key_file = 'x'",
            "key_file is of kind twilio; this section is of kind vonage",
        ),
        (
            VONAGE,
            "headers = { X-A = 'b' }",
            "headers is of kind http; this section is of kind vonage",
        ),
        (
            VONAGE,
            "errors = []",
            "errors is of kind http; this section is of kind vonage",
        ),
        (
            ALIYUN,
            "from = 'Shop'",
            "from is of kinds twilio, vonage and http; this section is of kind aliyun",
        ),
        (
            TENCENT,
            "auth = 'none'",
            "auth is of kind http; this section is of kind tencent",
        ),
    ] {
        let name = section.split(['.', ']']).nth(1).unwrap();
        let expected = format!("cellpost.toml line 6: cloud.{name}.{expected}");
        assert_eq!(complaints(section, line), [expected], "{line}");
    }
    let found = complaints(HTTP, "base_url = 'https://a.example'");
    let expected = "cellpost.toml line 4: cloud.h.base_url is of kinds twilio, aliyun, tencent and vonage; this section is of kind http";
    assert_eq!(found, [expected]);
}

#[test]
fn a_sender_is_named_once() {
    let found = complaints(
        TWILIO,
        "messaging_service = 'MG0123456789abcdef0123456789abcdef'",
    );
    let expected = "cellpost.toml line 6: cloud.t.messaging_service = 'MG0123456789abcdef0123456789abcdef': must not stand beside from: texts have one sender";
    assert_eq!(found, [expected]);
}

#[test]
fn an_address_with_a_password_is_refused_and_not_repeated() {
    for (section, key) in [(TWILIO, "proxy"), (TWILIO, "base_url")] {
        let found = complaints(
            section,
            &format!("{key} = 'http://me:hunter2@10.0.0.1:3128'"),
        );
        let expected = format!(
            "cellpost.toml line 6: cloud.t.{key} must hold no user and no password: whoever may read this file would know them"
        );
        assert_eq!(found, [expected]);
    }
    let text = "[cloud.h]\nkind = 'http'\nurl = 'https://me:hunter2@sms.example.com/'";
    let found = written(text).problems();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(!found[0].contains("hunter2"), "{found:?}");
}

#[test]
fn providers_have_ranks_in_the_order_of_the_file_and_routes_may_name_them() {
    let config = written(&format!(
        "[routing.order]\nbulk = ['cloud:q', 'modems']\n{VONAGE}{TENCENT}{ALIYUN}"
    ))
    .config();
    let names: Vec<&str> = config.clouds.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["v", "q", "a"], "in the order of the file");
    let ranks = |category: Category| {
        let order = &config.routing.order[category.index()];
        ["modem:m1", "cloud:v", "cloud:q", "cloud:a"]
            .map(|name| rank(order, &RouteName::parse(name).unwrap()))
    };
    assert_eq!(ranks(Category::Otp), [Some(0), Some(1), Some(2), Some(3)]);
    assert_eq!(ranks(Category::Bulk), [Some(1), None, Some(0), None]);

    let text = format!("[routing.order]\notp = ['cloud:t2']\n{TWILIO}");
    let expected = "cellpost.toml line 2: routing.order.otp = \"cloud:t2\": must be \"modems\", \"cloud\", or a route that there is, such as \"modem:NAME\" or \"cloud:NAME\"";
    assert_eq!(written(&text).problems(), [expected]);
}

#[test]
fn codes_are_made_by_a_provider_only_where_both_keys_say_so() {
    let config = |verify: &str| written(&format!("[verify]\n{verify}\n{ALIYUN}{TWILIO}"));
    let cloud = |verify: &str| config(verify).config().verify_cloud;
    assert_eq!(
        cloud("backend = 'aliyun'\ncloud = 'a'"),
        ModemName::parse("a")
    );
    assert_eq!(cloud("backend = 'local'\ncloud = 'a'"), None);
    assert_eq!(cloud("cloud = ''"), None);
    let right = "must be the NAME of a section [cloud.NAME] of kind aliyun that is enabled";
    for (verify, expected) in [
        (
            "backend = 'aliyun'",
            "line 2: verify.backend = 'aliyun': needs verify.cloud, the NAME of a section [cloud.NAME] of kind aliyun".to_owned(),
        ),
        (
            "backend = 'aliyun'\ncloud = 't'",
            format!("line 3: verify.cloud = 't': {right}"),
        ),
        ("cloud = 'b'", format!("line 2: verify.cloud = 'b': {right}")),
        (
            "backend = 'twilio'",
            "line 2: verify.backend = 'twilio': must be \"local\" or \"aliyun\"".to_owned(),
        ),
    ] {
        let expected = format!("cellpost.toml {expected}");
        assert_eq!(config(verify).problems(), [expected], "{verify}");
    }
    let off = format!("[verify]\nbackend = 'aliyun'\ncloud = 'a'\n{ALIYUN}enabled = false");
    assert_eq!(written(&off).problems().len(), 1);
}

#[test]
fn authorities_and_simulated_providers_are_asked_for() {
    let config = written("[tls]\nca_file = 'ca.pem'\n[simulate]\ncloud = true").config();
    assert_eq!(config.tls_ca_file.as_deref(), Some(Path::new("ca.pem")));
    assert!(config.simulate.cloud);
    let wrong = written("[tls]\nca_file = 'certificates/'").problems();
    assert_eq!(
        wrong,
        ["cellpost.toml line 2: tls.ca_file = 'certificates/': must be a file's name"]
    );
    let config = written("")
        .env(&[
            ("CELLPOST_TLS__CA_FILE", "ca.pem"),
            ("CELLPOST_SIMULATE__CLOUD", "true"),
        ])
        .config();
    assert!(config.tls_ca_file.is_some() && config.simulate.cloud);
}

const ENVIRONMENT: [(&str, &str); 4] = [
    ("SMS_PRIMARY_PROVIDER", "twilio"),
    ("TWILIO_ACCOUNT_SID", "AC09"),
    ("TWILIO_AUTH_TOKEN", "hunter2hunter2"),
    ("TWILIO_PHONE_NUMBER", "+15005550006"),
];

#[track_caller]
fn twilio(config: &Config) -> &Twilio {
    match &only(config).kind {
        CloudKind::Twilio(twilio) => twilio,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_environment_alone_makes_a_section_twilio() {
    let config = written("").env(&ENVIRONMENT).config();
    assert_eq!(only(&config).name.as_str(), "twilio");
    assert!(only(&config).enabled);
    let made = twilio(&config);
    assert_eq!(made.account, "AC09");
    assert_eq!(made.sender, Sender::From("+15005550006".to_owned()));
    let SecretFrom::Value(token) = &made.secret else {
        panic!("{:?}", made.secret);
    };
    assert_eq!(token.expose_secret(), "hunter2hunter2");
    assert!(!format!("{config:?}").contains("hunter2"));
    let both = [&ENVIRONMENT[..], &[("TWILIO_FROM_NUMBER", "Shop")]].concat();
    let config = written("").env(&both).config();
    assert_eq!(twilio(&config).sender, Sender::From("Shop".to_owned()));

    let unasked = written("").env(&ENVIRONMENT[1..]).config();
    assert!(unasked.clouds.is_empty(), "nobody asked for a provider");
}

#[test]
fn the_environment_fills_what_a_section_of_kind_twilio_leaves_unset() {
    let config = written("[cloud.t]\nkind = 'twilio'")
        .env(&ENVIRONMENT)
        .config();
    assert_eq!(only(&config).name.as_str(), "t");
    assert_eq!(twilio(&config).account, "AC09");
    assert!(matches!(twilio(&config).secret, SecretFrom::Value(_)));

    let config = written(TWILIO).env(&ENVIRONMENT).config();
    assert_eq!(twilio(&config).account, "AC01");
    assert!(matches!(twilio(&config).secret, SecretFrom::File(_)));

    let service = "messaging_service = 'MG0123456789abcdef0123456789abcdef'";
    let text = format!("[cloud.t]\nkind = 'twilio'\n{service}");
    let config = written(&text).env(&ENVIRONMENT).config();
    assert!(matches!(twilio(&config).sender, Sender::Service(_)));

    // Switched off is switched off.
    let off = written("[cloud.t]\nkind = 'twilio'\nenabled = false");
    assert!(!only(&off.env(&ENVIRONMENT).config()).enabled);

    // The token of one account says nothing of another.
    let other = "[cloud.t]\nkind = 'twilio'\naccount = 'AC02'\nfrom = 'Shop'";
    let problems = written(other).env(&ENVIRONMENT).problems();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].starts_with("cellpost.toml line 1: cloud.t.secret_file is missing"));
    // And nothing of an API key.
    let key = "[cloud.t]\nkind = 'twilio'\nkey_file = 'k'";
    let problems = written(key).env(&ENVIRONMENT).problems();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(
        problems[0].contains("the secret of the API key"),
        "{problems:?}"
    );
}

#[test]
fn an_environment_that_is_not_enough_says_which_variable_is_missing() {
    for missing in [
        "TWILIO_ACCOUNT_SID",
        "TWILIO_AUTH_TOKEN",
        "TWILIO_PHONE_NUMBER",
    ] {
        let rest: Vec<_> = ENVIRONMENT
            .into_iter()
            .map(|(name, value)| (name, if name == missing { " " } else { value }))
            .collect();
        let problems = written("").env(&rest).problems();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with("environment SMS_PRIMARY_PROVIDER: cloud.twilio."));
        let named = missing.replace("PHONE", "FROM");
        assert!(
            problems[0].contains(&format!("set {named} in the environment")),
            "{problems:?}"
        );
    }
    for (name, value, expected) in [
        (
            "TWILIO_ACCOUNT_SID",
            "SK1",
            "environment TWILIO_ACCOUNT_SID: cloud.twilio.account = \"SK1\": must be an AccountSid: AC, then letters and digits",
        ),
        (
            "TWILIO_AUTH_TOKEN",
            "two\nlines",
            "environment TWILIO_AUTH_TOKEN: TWILIO_AUTH_TOKEN must be an AuthToken: at most 256 characters on one line",
        ),
    ] {
        let set = [&ENVIRONMENT[..], &[(name, value)]].concat();
        assert_eq!(written("").env(&set).problems(), [expected]);
    }
}

#[test]
fn another_primary_provider_needs_a_section() {
    let env = |word| [("SMS_PRIMARY_PROVIDER", word)];
    for (word, text) in [
        ("aliyun", ALIYUN),
        ("Tencent", TENCENT),
        ("vonage", VONAGE),
        ("", ""),
    ] {
        written(text).env(&env(word)).config();
    }
    let section = "environment SMS_PRIMARY_PROVIDER: SMS_PRIMARY_PROVIDER = \"aliyun\": must have a section of this kind, such as [cloud.aliyun] with kind = \"aliyun\"; the environment alone is enough for twilio only";
    assert_eq!(written("").env(&env("aliyun")).problems(), [section]);
    let unknown = "environment SMS_PRIMARY_PROVIDER: SMS_PRIMARY_PROVIDER = \"sns\": must be \"twilio\", or the kind of a section: \"aliyun\", \"tencent\", \"vonage\" or \"http\"";
    assert_eq!(written("").env(&env("sns")).problems(), [unknown]);
    let taken =
        written("[cloud.twilio]\nkind = 'http'\nurl = 'https://a.example'").env(&env("twilio"));
    let expected = "environment SMS_PRIMARY_PROVIDER: SMS_PRIMARY_PROVIDER = \"twilio\": must not be asked for: the section [cloud.twilio] is of another kind";
    assert_eq!(taken.problems(), [expected]);
}
