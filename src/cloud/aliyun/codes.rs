//! What the codes of Alibaba Cloud mean: those of its gateway and those of its SMS products.
//!
//! The HTTP status is not the verdict: business errors come with 200. The code is; the status decides only where no
//! code is known.
//!
//! Never: repeats a number, a text or a signed string.

use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;

use crate::cloud::bare_status;
use crate::cloud::words::{code_alone, said, status_alone};
use crate::cloud::{Cause, Refusal, Verdict};
use crate::domain::attempt::Taken;
use crate::https::Answer;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// What every answer holds.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(in crate::cloud) struct Head {
    pub(in crate::cloud) code: String,
    pub(in crate::cloud) message: String,
    biz_id: Option<String>,
}

/// Of `SendSms`.
pub(super) fn verdict(answer: &Answer) -> Verdict {
    let head: Head = serde_json::from_slice(answer.body()).unwrap_or_default();
    if head.code == "OK" && answer.status().is_success() {
        return Verdict::Accepted(Taken {
            ids: head
                .biz_id
                .into_iter()
                .filter(|id| !id.is_empty())
                .collect(),
            price: None,
        });
    }
    refusal(answer, &head)
}

/// An answer that is no yes: a certain no, or nothing certain.
pub(in crate::cloud) fn refusal(answer: &Answer, head: &Head) -> Verdict {
    match meaning(&head.code) {
        Meaning::Refused(cause) => Verdict::Refused(Refusal {
            cause,
            said: of(cause, head),
            wait: wait(answer, head),
        }),
        Meaning::Unknown => Verdict::Unknown(said(&head.code, &head.message)),
        Meaning::NotListed => by_status(answer, head),
    }
}

enum Meaning {
    Refused(Cause),
    /// It may have been taken.
    Unknown,
    NotListed,
}

/// The tables of the provider's error codes, those of the products first.
fn meaning(code: &str) -> Meaning {
    Meaning::Refused(match code {
        "isv.SMS_TEMPLATE_ILLEGAL" => Cause::Template,
        "isv.MOBILE_NUMBER_ILLEGAL"
        | "isv.MOBILE_COUNT_OVER_LIMIT"
        | "isv.DOMESTIC_NUMBER_NOT_SUPPORTED" => Cause::Number,
        "isv.TEMPLATE_MISSING_PARAMETERS"
        | "isv.INVALID_JSON_PARAM"
        | "isv.PARAM_LENGTH_LIMIT"
        | "isv.PARAM_NOT_SUPPORT_URL"
        | "isv.BLACK_KEY_CONTROL_LIMIT"
        | "isv.SMS_CONTENT_ILLEGAL"
        | "isv.INVALID_PARAMETERS" => Cause::Params,
        "isv.BUSINESS_LIMIT_CONTROL" | "biz.FREQUENCY" => Cause::NumberLimit,
        "isv.DAY_LIMIT_CONTROL" | "isv.MONTH_LIMIT_CONTROL" => Cause::Busy,
        "isv.AMOUNT_NOT_ENOUGH" | "isv.OUT_OF_SERVICE" => Cause::Funds,
        "isv.SMS_SIGNATURE_ILLEGAL"
        | "isv.SMS_SIGN_ILLEGAL"
        | "isv.SIGN_STATE_ILLEGAL"
        | "isv.SMS_SIGNATURE_SCENE_ILLEGAL"
        | "isv.EXTEND_CODE_ERROR"
        | "isv.PRODUCT_UN_SUBSCRIPT"
        | "isv.PRODUCT_UNSUBSCRIBE"
        | "isv.ACCOUNT_NOT_EXISTS"
        | "isv.ACCOUNT_ABNORMAL"
        | "isp.RAM_PERMISSION_DENY"
        | "isv.DENY_IP_RANGE" => Cause::Config,
        // Of the gateway. A nonce is ours alone, so one that was used says that this very request came in before, by a
        // proxy that repeated it: that one may have been taken.
        "SignatureNonceUsed" | "ServiceUnavailable" | "InternalError" => return Meaning::Unknown,
        "SignatureDoesNotMatch" | "IncompleteSignature" | "InvalidVersion" => Cause::Config,
        _ => return meaning_of_family(code),
    })
}

/// Codes of which only the beginning is listed.
fn meaning_of_family(code: &str) -> Meaning {
    let begins = |family: &str| code.starts_with(family);
    if begins("Throttling") {
        Meaning::Refused(Cause::Busy)
    } else if begins("InvalidTimeStamp") {
        Meaning::Refused(Cause::Clock)
    } else if begins("InvalidAccessKeyId")
        || begins("InvalidAction")
        || begins("InvalidSecurityToken")
        || begins("Missing")
        || begins("Forbidden")
    {
        Meaning::Refused(Cause::Config)
    } else if begins("isp.") {
        // The provider's own troubles (`isp.SYSTEM_ERROR`) say nothing of the text.
        Meaning::Unknown
    } else {
        Meaning::NotListed
    }
}

fn by_status(answer: &Answer, head: &Head) -> Verdict {
    let status = answer.status();
    let said = match head.code.is_empty() {
        true => status_alone(status),
        false => code_alone(&head.code),
    };
    let wait = wait(answer, head);
    // A product's no comes with 200 and its code. "OK" that is contradicted by what stands beside it is neither.
    match status == StatusCode::OK && !matches!(head.code.as_str(), "" | "OK") {
        true => Verdict::Refused(Refusal {
            cause: Cause::Other,
            said,
            wait,
        }),
        false => bare_status::verdict(status, said, wait),
    }
}

/// What is told of a refusal. The words of one that is about the content may quote it.
fn of(cause: Cause, head: &Head) -> String {
    match cause {
        Cause::Params => code_alone(&head.code),
        Cause::Clock => format!(
            "{}: the clock of this host is wrong by more than 15 minutes; set it, or let NTP do so",
            code_alone(&head.code)
        ),
        _ => said(&head.code, &head.message),
    }
}

fn wait(answer: &Answer, head: &Head) -> Option<Duration> {
    match head.code.as_str() {
        "isv.BUSINESS_LIMIT_CONTROL" => Some(control_period(&head.message)),
        "biz.FREQUENCY" => Some(MINUTE),
        // Until the end of the day or month, which an answer cannot tell: asked again every so often till then.
        "isv.DAY_LIMIT_CONTROL" => Some(HOUR),
        "isv.MONTH_LIMIT_CONTROL" => Some(DAY),
        _ => retry_after(answer),
    }
}

/// 触发分钟级流控, 触发小时级流控, 触发天级流控: the window whose allowance for this number is used up.
fn control_period(message: &str) -> Duration {
    if message.contains('天') {
        DAY
    } else if message.contains("小时") {
        HOUR
    } else {
        MINUTE
    }
}

/// `x-acs-retry-after`, in milliseconds.
fn retry_after(answer: &Answer) -> Option<Duration> {
    let header = answer.headers().get("x-acs-retry-after")?;
    let millis: u64 = header.to_str().ok()?.trim().parse().ok()?;
    (millis > 0).then(|| Duration::from_millis(millis).min(DAY))
}
