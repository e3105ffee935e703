//! What the codes of Tencent Cloud SMS mean: one verdict per number, or one of the whole call.
//!
//! Never: repeats a number or a text.

use std::time::Duration;

use serde::Deserialize;

use crate::cloud::words::{code_alone, said, status_alone};
use crate::cloud::{Cause, Refusal, Verdict, bare_status};
use crate::domain::Money;
use crate::domain::attempt::Taken;
use crate::https::Answer;

const HALF_A_MINUTE: Duration = Duration::from_secs(30);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// More parts than any text has.
const MOST_PARTS: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope<T> {
    response: T,
}

/// The whole call was refused.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Failure {
    pub(super) code: String,
    #[serde(default)]
    pub(super) message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Sent {
    error: Option<Failure>,
    #[serde(default)]
    send_status_set: Vec<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Status {
    code: String,
    #[serde(default)]
    message: String,
    serial_no: Option<String>,
    /// Billed parts.
    fee: Option<usize>,
}

/// What stands in `Response`.
pub(super) fn response<T: for<'de> Deserialize<'de>>(answer: &Answer) -> Option<T> {
    let envelope: Envelope<T> = serde_json::from_slice(answer.body()).ok()?;
    Some(envelope.response)
}

/// `cost`: of one part.
pub(super) fn verdict(answer: &Answer, cost: Option<Money>) -> Verdict {
    let status = answer.status();
    let Some(sent) = response::<Sent>(answer) else {
        return bare_status::verdict(status, status_alone(status), None);
    };
    if let Some(failure) = sent.error {
        return refusal(&failure.code, &failure.message);
    }
    // One number was sent to, so there is one verdict.
    match sent.send_status_set.into_iter().next() {
        Some(number) if number.code == "Ok" && status.is_success() => {
            Verdict::Accepted(taken(number, cost))
        }
        Some(number) if number.code != "Ok" => refusal(&number.code, &number.message),
        _ => Verdict::Unknown(status_alone(status)),
    }
}

fn taken(number: Status, cost: Option<Money>) -> Taken {
    let parts = number.fee.filter(|parts| (1..=MOST_PARTS).contains(parts));
    Taken {
        ids: number
            .serial_no
            .into_iter()
            .filter(|id| !id.is_empty())
            .collect(),
        price: cost.zip(parts).map(|(cost, parts)| cost.times(parts)),
    }
}

fn refusal(code: &str, message: &str) -> Verdict {
    // Its own troubles say nothing of the text: Timeout, SendAndRecvFail, OtherError.
    if code == "InternalError" || code.starts_with("InternalError.") {
        return Verdict::Unknown(said(code, message));
    }
    let cause = cause(code);
    let said = match cause {
        // The words of a refusal that is about the content may quote it.
        Cause::Params => code_alone(code),
        Cause::Clock => format!(
            "{}: the clock of this host is wrong by more than 5 minutes; set it, or let NTP do so",
            code_alone(code)
        ),
        _ => said(code, message),
    };
    Verdict::Refused(Refusal {
        cause,
        said,
        wait: wait(code),
    })
}

/// The table of the provider's error codes.
fn cause(code: &str) -> Cause {
    match code {
        "FailedOperation.TemplateIncorrectOrUnapproved"
        | "FailedOperation.TemplateUnapprovedOrNotExist"
        | "FailedOperation.TemplateIdNotExist" => Cause::Template,
        "InvalidParameterValue.IncorrectPhoneNumber"
        | "FailedOperation.PhoneNumberParseFail"
        | "MissingParameter.EmptyPhoneNumberSet"
        | "UnsupportedOperation.UnsupportedRegion" => Cause::Number,
        "FailedOperation.TemplateParamSetNotMatchApprovedTemplate"
        | "InvalidParameterValue.TemplateParameterFormatError"
        | "InvalidParameterValue.TemplateParameterLengthLimit"
        | "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter"
        | "InvalidParameterValue.ContentLengthLimit"
        | "FailedOperation.ContainSensitiveWord" => Cause::Params,
        "LimitExceeded.PhoneNumberThirtySecondLimit"
        | "LimitExceeded.PhoneNumberOneHourLimit"
        | "LimitExceeded.PhoneNumberDailyLimit"
        | "LimitExceeded.PhoneNumberSameContentDailyLimit"
        | "LimitExceeded.DeliveryFrequencyLimit" => Cause::NumberLimit,
        "FailedOperation.InsufficientBalanceInSmsPackage" => Cause::Funds,
        "FailedOperation.PhoneNumberInBlacklist" => Cause::OptedOut,
        "AuthFailure.SignatureExpire" => Cause::Clock,
        "FailedOperation.SignatureIncorrectOrUnapproved"
        | "InvalidParameterValue.SdkAppIdNotExist" => Cause::Config,
        _ => cause_of_family(code),
    }
}

/// Codes of which only a part is listed.
fn cause_of_family(code: &str) -> Cause {
    let (family, rest) = code.split_once('.').unwrap_or((code, ""));
    match family {
        "AuthFailure" | "UnauthorizedOperation" => Cause::Config,
        "UnsupportedOperation" if rest.contains("Phone") => Cause::Number,
        "LimitExceeded" if rest.starts_with("App") && rest.ends_with("DailyLimit") => Cause::Busy,
        "RequestLimitExceeded" => Cause::Busy,
        _ => Cause::Other,
    }
}

fn wait(code: &str) -> Option<Duration> {
    match code {
        "LimitExceeded.PhoneNumberThirtySecondLimit" | "LimitExceeded.DeliveryFrequencyLimit" => {
            Some(HALF_A_MINUTE)
        }
        "LimitExceeded.PhoneNumberOneHourLimit" => Some(HOUR),
        "LimitExceeded.PhoneNumberDailyLimit"
        | "LimitExceeded.PhoneNumberSameContentDailyLimit" => Some(DAY),
        // Until the end of the day, which an answer cannot tell: asked again every so often till then.
        code if code.starts_with("LimitExceeded.App") => Some(HOUR),
        _ => None,
    }
}
