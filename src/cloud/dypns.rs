//! **Dypns** (Alibaba Cloud Dypnsapi): codes that the provider draws, sends and checks itself (semantics §7, backend
//! `aliyun`). Numbers of the mainland of China only.
//!
//! Whoever calls this keeps no code: the provider's own is asked for (`##code##`), because a code that we drew could not
//! be checked there; and it is never asked to be told.
//!
//! Never: draws a code, decides how often one may be checked, says yes to anything but `OK` with `PASS`.

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;

use super::account::{Account, InvalidSettings};
use super::aliyun::acs3::{self, Parameter};
use super::aliyun::codes::{self, Head};
use super::aliyun::{service, template_param};
use super::endpoint::Endpoint;
use super::templates::Templates;
use super::words::{said, status_alone};
use super::{Cause, Moment, Unfit, Verdict};
use crate::domain::attempt::Taken;
use crate::domain::code_provider::{Earlier, Wanted};
use crate::domain::recipe::Registered;
use crate::domain::{Code, Destination};
use crate::https::{Answer, Request};

/// In the place of a code: the provider draws it, and knows it when it is checked.
const DRAWN_THERE: &str = "##code##";

/// Digits that a code drawn there may have.
const CODE_LENGTH: std::ops::RangeInclusive<u8> = 4..=8;

/// Seconds of `Interval`, in which the provider refuses a second code for the number: ours are the limits that hold, and a
/// code for a login does not stand in the way of one for a payment.
const SHORTEST_INTERVAL: &str = "1";

/// Characters of a `SchemeName`.
const LONGEST_SCHEME: usize = 20;

/// What a section of kind `aliyun` says that `verify.cloud` names.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// `AccessKeyId`.
    pub(crate) account: String,
    /// `AccessKeySecret`.
    pub(crate) secret: SecretString,
    pub(crate) region: Option<String>,
    /// Instead of the service's.
    pub(crate) base_url: Option<String>,
    pub(crate) sign_name: Option<String>,
    /// Keys: profiles of codes, or `*` for all others. Its `variables` are of `code` and `min`.
    pub(crate) template_map: std::collections::BTreeMap<String, Registered>,
    /// At most 20 characters; a code is only known to the scheme it was sent under.
    pub(crate) scheme_name: Option<String>,
}

/// One account at Dypnsapi.
#[derive(Debug)]
pub(crate) struct Dypns {
    endpoint: Endpoint,
    account: Account,
    templates: Templates,
    scheme_name: Option<String>,
}

/// What the provider says of a code that somebody typed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Checked {
    Right,
    /// Wrong, used or too old: it does not say which.
    Wrong,
    /// It was not compared. The sentence is for a person; the cause is whose trouble it is, if that is known.
    Unanswered {
        said: String,
        cause: Option<Cause>,
    },
}

impl Dypns {
    /// # Errors
    /// The settings contradict the provider's rules or themselves.
    pub(crate) fn new(settings: Settings) -> Result<Self, InvalidSettings> {
        let scheme_name = settings.scheme_name.filter(|name| !name.is_empty());
        let is_long = |name: &String| name.chars().count() > LONGEST_SCHEME;
        if scheme_name.as_ref().is_some_and(is_long) {
            return Err(InvalidSettings::SchemeName);
        }
        let base_url = match settings.base_url {
            Some(base_url) => base_url,
            None => service("dypnsapi", settings.region.as_deref())?,
        };
        Ok(Self {
            endpoint: Endpoint::parse(&base_url)?,
            account: Account::new(settings.account, settings.secret)?,
            templates: Templates::new(settings.template_map, settings.sign_name, is_code)?,
            scheme_name,
        })
    }

    /// Whether codes of so many digits to this number can be drawn and checked there; others are ours.
    pub(crate) fn serves(to: &Destination, code_length: u8) -> bool {
        number(to).is_some() && CODE_LENGTH.contains(&code_length)
    }

    /// `SendSmsVerifyCode`.
    ///
    /// # Errors
    /// The number is not of the mainland, no template is registered for the profile, or the code is too long.
    pub(crate) fn send(&self, wanted: &Wanted<'_>, moment: &Moment) -> Result<Request, Unfit> {
        if !CODE_LENGTH.contains(&wanted.code_length) {
            return Err(Unfit(format!(
                "a code of {} digits is asked for; this provider draws 4 to 8 (verify.code_length)",
                wanted.code_length
            )));
        }
        let (code, sign_name, variables) = self.template(wanted.profile)?;
        let minutes = wanted.ttl.as_secs().div_ceil(60).to_string();
        let values = [("code", DRAWN_THERE), ("min", minutes.as_str())];
        let told: Vec<(&str, &str)> = values
            .into_iter()
            .filter(|(name, _)| variables.is_none_or(|told| told.iter().any(|one| one == name)))
            .collect();
        let mut parameters = self.addressed_to(wanted.to)?;
        parameters.extend([
            ("CodeLength", wanted.code_length.to_string()),
            ("CodeType", "1".to_owned()),
            ("DuplicatePolicy", policy(wanted.earlier).to_owned()),
            ("Interval", SHORTEST_INTERVAL.to_owned()),
            ("OutId", wanted.reference.to_owned()),
            ("SignName", sign_name.to_owned()),
            ("TemplateCode", code.to_owned()),
            ("TemplateParam", template_param(&told)),
            ("ValidTime", wanted.ttl.as_secs().to_string()),
        ]);
        self.request("SendSmsVerifyCode", &parameters, moment)
    }

    /// What came of [`Dypns::send`].
    pub(crate) fn sent(answer: &Answer) -> Verdict {
        let reply = Reply::read(answer);
        if !reply.is_ok(answer) {
            return codes::refusal(answer, &reply.head);
        }
        let id = reply.model.and_then(|model| model.biz_id);
        Verdict::Accepted(Taken {
            ids: id.into_iter().filter(|id| !id.is_empty()).collect(),
            price: None,
        })
    }

    /// `CheckSmsVerifyCode`. `None`: no code that was drawn there can look like this one; it is wrong.
    ///
    /// # Errors
    /// The number is not of the mainland.
    pub(crate) fn check(
        &self,
        to: &Destination,
        typed: &Code,
        moment: &Moment,
    ) -> Result<Option<Request>, Unfit> {
        let mut parameters = self.addressed_to(to)?;
        if !may_be_code(typed) {
            return Ok(None);
        }
        parameters.push(("VerifyCode", typed.expose().to_owned()));
        self.request("CheckSmsVerifyCode", &parameters, moment)
            .map(Some)
    }

    /// What came of [`Dypns::check`].
    pub(crate) fn checked(answer: &Answer) -> Checked {
        let reply = Reply::read(answer);
        let result = reply
            .model
            .as_ref()
            .and_then(|model| model.verify_result.as_deref());
        // A wrong code is HTTP 400 with this code, and no outage; its documented form is 200 with another result.
        if reply.head.code == "isv.ValidateFail" {
            return Checked::Wrong;
        }
        match (reply.is_ok(answer), result) {
            (true, Some("PASS")) => Checked::Right,
            (true, Some(_)) => Checked::Wrong,
            (true, None) => Checked::Unanswered {
                said: status_alone(answer.status()),
                cause: None,
            },
            (false, _) => unanswered(codes::refusal(answer, &reply.head)),
        }
    }

    fn template(&self, profile: &str) -> Result<(&str, &str, Option<&[String]>), Unfit> {
        let entry = self.templates.of_codes(profile).ok_or_else(|| {
            Unfit(format!(
                "codes of profile {profile} have no registered template at this provider; template_map needs an \
                 entry \"{profile}\" or \"*\""
            ))
        })?;
        let sign_name = entry.sign_name.ok_or_else(|| {
            Unfit("this provider has no sign_name, neither its section nor template_map".to_owned())
        })?;
        Ok((entry.code, sign_name, entry.variables))
    }

    /// What both actions are told.
    fn addressed_to(&self, to: &Destination) -> Result<Vec<Parameter>, Unfit> {
        let number = number(to).ok_or_else(|| {
            Unfit("codes to numbers outside the mainland of China (+86) are not sent by this provider".to_owned())
        })?;
        let mut parameters = vec![
            ("CountryCode", "86".to_owned()),
            ("PhoneNumber", number.to_owned()),
        ];
        if let Some(scheme_name) = &self.scheme_name {
            parameters.push(("SchemeName", scheme_name.clone()));
        }
        Ok(parameters)
    }

    fn request(
        &self,
        action: &str,
        parameters: &[Parameter],
        moment: &Moment,
    ) -> Result<Request, Unfit> {
        acs3::request(&self.endpoint, &self.account, action, parameters, moment)
    }
}

/// `DuplicatePolicy`.
fn policy(earlier: Earlier) -> &'static str {
    match earlier {
        Earlier::Die => "1",
        Earlier::StayValid => "2",
    }
}

#[derive(Default)]
struct Reply {
    head: Head,
    success: Option<bool>,
    model: Option<Model>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Model {
    biz_id: Option<String>,
    verify_result: Option<String>,
}

impl Reply {
    /// What cannot be read is empty, and then nothing is right.
    fn read(answer: &Answer) -> Self {
        let Ok(json) = serde_json::from_slice::<Value>(answer.body()) else {
            return Self::default();
        };
        Self {
            success: json["Success"].as_bool(),
            model: Model::deserialize(&json["Model"]).ok(),
            head: Head::deserialize(&json).unwrap_or_default(),
        }
    }

    fn is_ok(&self, answer: &Answer) -> bool {
        answer.status().is_success() && self.head.code == "OK" && self.success != Some(false)
    }
}

fn unanswered(verdict: Verdict) -> Checked {
    match verdict {
        Verdict::Refused(refusal) => Checked::Unanswered {
            said: refusal.said,
            cause: Some(refusal.cause),
        },
        Verdict::Unknown(said) => Checked::Unanswered { said, cause: None },
        Verdict::Accepted(_) => Checked::Unanswered {
            said: said("OK", "without a result"),
            cause: None,
        },
    }
}

/// The form of the provider's own templates for codes, which come with the service: `100001`.
fn is_code(code: &str) -> bool {
    !code.is_empty() && code.bytes().all(|octet| octet.is_ascii_digit())
}

/// 11 digits, without the country code.
fn number(to: &Destination) -> Option<&str> {
    match to {
        Destination::Number(number) => number.as_str().strip_prefix("+86"),
        Destination::Short(_) => None,
    }
}

fn may_be_code(typed: &Code) -> bool {
    let typed = typed.expose();
    u8::try_from(typed.len()).is_ok_and(|length| CODE_LENGTH.contains(&length))
        && typed.bytes().all(|octet| octet.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::cloud::percent::decoded;
    use crate::cloud::samples::{answer, cases, moment, number};

    fn settings() -> Settings {
        Settings {
            account: "LTAI5tTestAccessKeyId001".to_owned(),
            secret: "hunter2".into(),
            region: None,
            base_url: None,
            sign_name: Some("速通互联验证码".to_owned()),
            template_map: [("*".to_owned(), Registered::of_code("100001"))].into(),
            scheme_name: None,
        }
    }

    fn dypns() -> Dypns {
        Dypns::new(settings()).unwrap()
    }

    fn wanted(to: &Destination) -> Wanted<'_> {
        Wanted {
            to,
            profile: "sms.login",
            reference: "ver_1",
            code_length: 6,
            ttl: Duration::from_secs(300),
            earlier: Earlier::Die,
        }
    }

    fn query(request: &Request) -> Vec<String> {
        let query = request.uri().query().unwrap();
        query
            .split('&')
            .map(|pair| String::from_utf8(decoded(pair)).unwrap())
            .collect()
    }

    #[test]
    fn the_provider_draws_the_code_and_is_not_asked_to_tell_it() {
        let to = number("+8613800138000");
        let request = dypns()
            .send(&wanted(&to), &moment("2026-01-02T03:04:05Z"))
            .unwrap();
        assert_eq!(request.uri().host(), Some("dypnsapi.aliyuncs.com"));
        assert_eq!(request.headers()["x-acs-action"], "SendSmsVerifyCode");
        assert_eq!(
            query(&request),
            [
                "CodeLength=6",
                "CodeType=1",
                "CountryCode=86",
                "DuplicatePolicy=1",
                "Interval=1",
                "OutId=ver_1",
                "PhoneNumber=13800138000",
                "SignName=速通互联验证码",
                "TemplateCode=100001",
                r###"TemplateParam={"code":"##code##","min":"5"}"###,
                "ValidTime=300",
            ]
        );
    }

    #[test]
    fn a_profile_has_its_own_template_variables_and_scheme() {
        let login = Registered {
            code: Some("100002".to_owned()),
            sign_name: Some("另一签名".to_owned()),
            variables: Some(vec!["code".to_owned()]),
        };
        let mut settings = settings();
        settings.template_map.insert("sms.login".to_owned(), login);
        settings.scheme_name = Some("cellpost".to_owned());
        let dypns = Dypns::new(settings).unwrap();
        let to = number("+8613800138000");
        let keep = Wanted {
            earlier: Earlier::StayValid,
            ..wanted(&to)
        };
        let sent = query(&dypns.send(&keep, &moment("2026-01-02T03:04:05Z")).unwrap());
        for pair in [
            "TemplateCode=100002",
            "SignName=另一签名",
            r###"TemplateParam={"code":"##code##"}"###,
            "SchemeName=cellpost",
            "DuplicatePolicy=2",
        ] {
            assert!(sent.contains(&pair.to_owned()), "{pair}: {sent:?}");
        }
        let checked = dypns
            .check(
                &to,
                &Code::typed("123 456"),
                &moment("2026-01-02T03:04:05Z"),
            )
            .unwrap()
            .unwrap();
        assert_eq!(checked.headers()["x-acs-action"], "CheckSmsVerifyCode");
        assert_eq!(
            query(&checked),
            [
                "CountryCode=86",
                "PhoneNumber=13800138000",
                "SchemeName=cellpost",
                "VerifyCode=123456",
            ]
        );
    }

    #[test]
    fn only_the_mainland_is_served() {
        let now = moment("2026-01-02T03:04:05Z");
        for to in ["+85251234567", "+14155552345", "10086"] {
            let to = number(to);
            assert!(!Dypns::serves(&to, 6));
            assert!(dypns().send(&wanted(&to), &now).is_err());
            assert!(dypns().check(&to, &Code::typed("123456"), &now).is_err());
        }
        assert!(Dypns::serves(&number("+8613800138000"), 8));
        assert!(!Dypns::serves(&number("+8613800138000"), 9));
    }

    #[test]
    fn what_the_provider_cannot_draw_is_not_asked_for() {
        let to = number("+8613800138000");
        let now = moment("2026-01-02T03:04:05Z");
        for code_length in [3, 9, 10] {
            let long = Wanted {
                code_length,
                ..wanted(&to)
            };
            let unfit = dypns().send(&long, &now).unwrap_err();
            assert!(unfit.0.contains("verify.code_length"));
        }
        // The template for any text of the same section's Dysmsapi is none for codes.
        for any in ["SMS_9", ""] {
            let mut settings = settings();
            settings.template_map.clear();
            if !any.is_empty() {
                let entry = Registered::of_code(any);
                settings.template_map.insert("*".to_owned(), entry);
            }
            let unfit = Dypns::new(settings).unwrap().send(&wanted(&to), &now);
            assert!(unfit.unwrap_err().0.contains("sms.login"));
        }
    }

    #[test]
    fn what_cannot_be_a_code_is_wrong_without_asking() {
        let to = number("+8613800138000");
        let now = moment("2026-01-02T03:04:05Z");
        for typed in ["", "123", "123456789", "12345a", "##code##", "1234&a=1"] {
            let asked = dypns().check(&to, &Code::typed(typed), &now).unwrap();
            assert!(asked.is_none(), "{typed}");
        }
    }

    #[test]
    fn a_scheme_name_that_is_too_long_is_refused() {
        let long = Settings {
            scheme_name: Some("s".repeat(21)),
            ..settings()
        };
        assert_eq!(Dypns::new(long).unwrap_err(), InvalidSettings::SchemeName);
    }

    #[test]
    fn every_recorded_answer_comes_to_what_it_must() {
        let cases = cases(include_str!("vectors/dypns_answers.json"));
        assert_eq!(cases.len(), 3);
        for case in cases {
            if case.expect.outcome == "verified" {
                assert_eq!(Dypns::checked(&case.answer()), Checked::Right);
            } else {
                case.assert(&Dypns::sent(&case.answer()));
            }
        }
    }

    #[test]
    fn nothing_but_ok_with_pass_is_right() {
        let pass = r#"{"Code":"OK","Success":true,"Model":{"VerifyResult":"PASS"}}"#;
        assert_eq!(Dypns::checked(&answer(200, pass)), Checked::Right);
        for (status, body, expected) in [
            (200, pass.replace("PASS", "UNKNOWN"), "wrong"),
            (200, pass.replace("PASS", "pass"), "wrong"),
            (200, pass.replace("PASS", ""), "wrong"),
            (
                400,
                r#"{"Code":"isv.ValidateFail","Message":"验证失败"}"#.to_owned(),
                "wrong",
            ),
            (
                200,
                r#"{"Code":"isv.ValidateFail","Success":false}"#.to_owned(),
                "wrong",
            ),
            (200, pass.replace("true", "false"), "unanswered"),
            (200, pass.replace("OK", "ok"), "unanswered"),
            (200, pass.replace("OK", "isp.SYSTEM_ERROR"), "unanswered"),
            (400, pass.to_owned(), "unanswered"),
            (500, pass.to_owned(), "unanswered"),
            (
                200,
                r#"{"Code":"OK","Success":true,"Model":{}}"#.to_owned(),
                "unanswered",
            ),
            (
                200,
                r#"{"Code":"OK","Success":true,"Model":null,"VerifyResult":"PASS"}"#.to_owned(),
                "unanswered",
            ),
            (
                200,
                r#"{"Code":"OK","Model":{"VerifyResult":["PASS"]}}"#.to_owned(),
                "unanswered",
            ),
            (
                200,
                r#"[{"Code":"OK","Model":{"VerifyResult":"PASS"}}]"#.to_owned(),
                "unanswered",
            ),
            (200, "PASS".to_owned(), "unanswered"),
            (200, String::new(), "unanswered"),
            (503, "<html>".to_owned(), "unanswered"),
        ] {
            let checked = match Dypns::checked(&answer(status, body.clone())) {
                Checked::Right => "right",
                Checked::Wrong => "wrong",
                Checked::Unanswered { .. } => "unanswered",
            };
            assert_eq!(checked, expected, "{status} {body}");
        }
    }

    #[test]
    fn a_check_that_was_refused_says_whose_trouble_that_is() {
        let expired = answer(400, r#"{"Code":"InvalidTimeStamp.Expired","Message":"m"}"#);
        match Dypns::checked(&expired) {
            Checked::Unanswered { said, cause } => {
                assert_eq!(cause, Some(Cause::Clock));
                assert!(said.contains("clock"));
            }
            other => panic!("{other:?}"),
        }
    }

    proptest! {
        #[test]
        fn no_answer_that_was_not_built_to_pass_is_right(
            status in 100u16..600,
            code in "\\PC{0,10}|OK",
            result in "\\PC{0,8}",
        ) {
            let body = serde_json::json!({
                "Code": code, "Success": true, "Model": { "VerifyResult": result },
            });
            let checked = Dypns::checked(&answer(status, body.to_string()));
            prop_assert!(checked != Checked::Right || result == "PASS");
        }

        #[test]
        fn a_reference_cannot_become_another_parameter(reference in any::<String>()) {
            let to = number("+8613800138000");
            let hostile = Wanted { reference: &reference, ..wanted(&to) };
            let request = dypns().send(&hostile, &moment("2026-01-02T03:04:05Z")).unwrap();
            let query = request.uri().query().unwrap();
            prop_assert_eq!(query.split('&').count(), 11);
        }
    }
}
