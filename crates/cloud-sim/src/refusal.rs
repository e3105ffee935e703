//! **Refusal**: every code with which a provider says no, with the HTTP status and words it comes with.
//!
//! The first row of a kind is what `refuse` gives; `refuse_with` gives any of them, and codes that are not here too.

use crate::account::Provider;
use crate::fault::{Fault, Why};

/// One row of a provider's error table.
#[derive(Clone, Copy, Debug)]
pub struct Refusal {
    pub code: &'static str,
    /// Of HTTP. Several providers refuse with 200.
    pub status: u16,
    pub message: &'static str,
    pub why: Why,
}

const fn row(code: &'static str, status: u16, why: Why, message: &'static str) -> Refusal {
    Refusal {
        code,
        status,
        message,
        why,
    }
}

/// All that a provider is known to refuse with.
pub fn refusals(provider: Provider) -> &'static [Refusal] {
    match provider {
        Provider::Twilio => TWILIO,
        Provider::Aliyun => ALIYUN,
        Provider::Dypns => DYPNS,
        Provider::Tencent => TENCENT,
        Provider::Vonage => VONAGE,
        Provider::Generic => GENERIC,
    }
}

/// A refusal as it is told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Refused {
    pub(crate) code: String,
    pub(crate) status: u16,
    pub(crate) message: String,
    pub(crate) retry_after_s: Option<u32>,
}

impl Refused {
    /// With the words of the table; a code that is not there is a plain refusal.
    pub(crate) fn with(provider: Provider, code: &str) -> Self {
        let known = refusals(provider).iter().find(|row| row.code == code);
        let (status, message) = known.map_or((plain_status(provider), "refused by order"), |row| {
            (row.status, row.message)
        });
        Self {
            code: code.to_owned(),
            status,
            message: message.to_owned(),
            retry_after_s: None,
        }
    }

    /// With the provider's first code for this; one that has none refuses for the nearest thing.
    pub(crate) fn for_reason(provider: Provider, why: Why) -> Self {
        let rows = refusals(provider);
        let of = |why| rows.iter().find(|row| row.why == why);
        let nearest = match why {
            Why::NumberLimit => Why::Busy,
            Why::Template => Why::Params,
            Why::OptedOut => Why::Number,
            Why::Clock => Why::Credentials,
            _ => Why::Config,
        };
        let row = of(why).or_else(|| of(nearest)).unwrap_or(&rows[0]);
        Self::with(provider, row.code)
    }

    #[must_use]
    pub(crate) fn saying(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }
}

/// With what a fault has a provider refuse; none: it is no refusal.
pub(crate) fn ordered(provider: Provider, fault: &Fault) -> Option<Refused> {
    match fault {
        Fault::RefuseWith {
            code,
            retry_after_s,
        } => Some(Refused {
            retry_after_s: *retry_after_s,
            ..Refused::with(provider, code)
        }),
        Fault::Refuse { why } => Some(Refused::for_reason(provider, *why)),
        Fault::RateLimited { retry_after_s } => Some(Refused {
            retry_after_s: Some(*retry_after_s),
            ..Refused::with(provider, rate_code(provider))
        }),
        _ => None,
    }
}

fn rate_code(provider: Provider) -> &'static str {
    match provider {
        Provider::Twilio => "20429",
        Provider::Aliyun | Provider::Dypns => "Throttling.User",
        Provider::Tencent => "RequestLimitExceeded",
        Provider::Vonage => "1",
        Provider::Generic => "too_many",
    }
}

fn plain_status(provider: Provider) -> u16 {
    match provider {
        Provider::Twilio | Provider::Generic => 400,
        Provider::Aliyun | Provider::Dypns | Provider::Tencent | Provider::Vonage => 200,
    }
}

/// Twilio's error and warning dictionary.
const TWILIO: &[Refusal] = &[
    row("21211", 400, Why::Number, "Invalid 'To' Phone Number"),
    row(
        "21217",
        400,
        Why::Number,
        "Phone number does not appear to be valid",
    ),
    row(
        "21614",
        400,
        Why::Number,
        "'To' number is not a valid mobile number",
    ),
    row(
        "21604",
        400,
        Why::Number,
        "A 'To' phone number is required.",
    ),
    row("30005", 400, Why::Number, "Unknown destination handset"),
    row("30006", 400, Why::Number, "Landline or unreachable carrier"),
    row("21655", 400, Why::Template, "The ContentSid is Invalid"),
    row(
        "21656",
        400,
        Why::Params,
        "The ContentVariables Parameter is invalid",
    ),
    row(
        "21617",
        400,
        Why::Params,
        "The concatenated message body exceeds the 1600 character limit.",
    ),
    row("21602", 400, Why::Params, "Message body is required."),
    row("20429", 429, Why::Busy, "Too Many Requests"),
    row(
        "21611",
        429,
        Why::Busy,
        "This 'From' number has exceeded the maximum number of queued messages",
    ),
    row("30001", 400, Why::Busy, "Queue overflow"),
    row("90010", 400, Why::Funds, "Account is not active"),
    row("20005", 401, Why::Funds, "Account is not active"),
    row("10001", 400, Why::Funds, "Account is not active"),
    row("30002", 400, Why::Funds, "Account suspended"),
    row(
        "21610",
        400,
        Why::OptedOut,
        "Attempt to send to unsubscribed recipient",
    ),
    row(
        "21606",
        400,
        Why::Config,
        "The 'From' phone number provided is not a valid, message-capable phone number",
    ),
    row("21212", 400, Why::Config, "Invalid 'From' Phone Number"),
    row(
        "21603",
        400,
        Why::Config,
        "A 'From' phone number is required.",
    ),
    row(
        "21408",
        400,
        Why::Config,
        "Permission to send an SMS has not been enabled for the region",
    ),
    row(
        "21608",
        400,
        Why::Config,
        "The number is unverified. Trial accounts cannot send messages to unverified numbers",
    ),
    row(
        "21612",
        400,
        Why::Config,
        "Message cannot be sent with the current combination of 'To' and/or 'From' parameters",
    ),
    row("20003", 401, Why::Credentials, "Authenticate"),
    row(
        "20404",
        404,
        Why::Config,
        "The requested resource was not found",
    ),
];

/// Alibaba Cloud's Dysmsapi (business codes with 200), then those of its gateway.
const ALIYUN: &[Refusal] = &[
    row(
        "isv.MOBILE_NUMBER_ILLEGAL",
        200,
        Why::Number,
        "invalid mobile number",
    ),
    row(
        "isv.MOBILE_COUNT_OVER_LIMIT",
        200,
        Why::Number,
        "手机号码数量超过限制",
    ),
    row(
        "isv.DOMESTIC_NUMBER_NOT_SUPPORTED",
        200,
        Why::Number,
        "国际/港澳台消息模板不支持发送境内号码",
    ),
    row(
        "isv.SMS_TEMPLATE_ILLEGAL",
        200,
        Why::Template,
        "模板不合法(不存在或被拉黑)",
    ),
    row(
        "isv.TEMPLATE_MISSING_PARAMETERS",
        200,
        Why::Params,
        "模板缺少变量",
    ),
    row(
        "isv.INVALID_JSON_PARAM",
        200,
        Why::Params,
        "JSON参数不合法，只接受字符串值",
    ),
    row(
        "isv.PARAM_LENGTH_LIMIT",
        200,
        Why::Params,
        "参数超出长度限制",
    ),
    row("isv.PARAM_NOT_SUPPORT_URL", 200, Why::Params, "不支持URL"),
    row(
        "isv.BLACK_KEY_CONTROL_LIMIT",
        200,
        Why::Params,
        "黑名单管控",
    ),
    row(
        "isv.SMS_CONTENT_ILLEGAL",
        200,
        Why::Params,
        "短信内容包含禁止发送内容",
    ),
    row("isv.INVALID_PARAMETERS", 200, Why::Params, "参数异常"),
    row(
        "isv.BUSINESS_LIMIT_CONTROL",
        200,
        Why::NumberLimit,
        "触发分钟级流控Permits:1",
    ),
    row("isv.DAY_LIMIT_CONTROL", 200, Why::Busy, "触发日发送限额"),
    row("isv.MONTH_LIMIT_CONTROL", 200, Why::Busy, "触发月发送限额"),
    row("isv.AMOUNT_NOT_ENOUGH", 200, Why::Funds, "账户余额不足"),
    row("isv.OUT_OF_SERVICE", 200, Why::Funds, "业务停机"),
    row(
        "isv.SMS_SIGNATURE_ILLEGAL",
        200,
        Why::Config,
        "短信签名不合法",
    ),
    row("isv.SMS_SIGN_ILLEGAL", 200, Why::Config, "签名禁止使用"),
    row("isv.SIGN_STATE_ILLEGAL", 200, Why::Config, "签名状态不合法"),
    row(
        "isv.SMS_SIGNATURE_SCENE_ILLEGAL",
        200,
        Why::Config,
        "短信所使用签名场景非法",
    ),
    row("isv.EXTEND_CODE_ERROR", 200, Why::Config, "扩展码使用错误"),
    row(
        "isv.PRODUCT_UN_SUBSCRIPT",
        200,
        Why::Config,
        "未开通云通信产品的阿里云客户",
    ),
    row("isv.PRODUCT_UNSUBSCRIBE", 200, Why::Config, "产品未开通"),
    row("isv.ACCOUNT_NOT_EXISTS", 200, Why::Config, "账户不存在"),
    row("isv.ACCOUNT_ABNORMAL", 200, Why::Config, "账户异常"),
    row("isp.RAM_PERMISSION_DENY", 200, Why::Config, "RAM权限DENY"),
    row(
        "isv.DENY_IP_RANGE",
        200,
        Why::Config,
        "源IP地址所在的地区被禁用",
    ),
    row("isp.SYSTEM_ERROR", 200, Why::Unsure, "系统错误"),
    row(
        "SignatureDoesNotMatch",
        400,
        Why::Credentials,
        "Specified signature is not matched with our calculation.",
    ),
    row(
        "InvalidAccessKeyId.NotFound",
        404,
        Why::Credentials,
        "Specified access key is not found.",
    ),
    row(
        "InvalidTimeStamp.Expired",
        400,
        Why::Clock,
        "Specified time stamp or date value is expired.",
    ),
    row(
        "SignatureNonceUsed",
        400,
        Why::Credentials,
        "Specified signature nonce was used already.",
    ),
    row(
        "InvalidVersion",
        400,
        Why::Config,
        "Specified parameter Version is not valid.",
    ),
    row(
        "InvalidAction.NotFound",
        404,
        Why::Config,
        "Specified api is not found, please check your url and method.",
    ),
    row(
        "Throttling.User",
        400,
        Why::Busy,
        "Request was denied due to user flow control.",
    ),
    row(
        "Throttling",
        400,
        Why::Busy,
        "Request was denied due to request throttling.",
    ),
    row(
        "ServiceUnavailable",
        503,
        Why::Unsure,
        "The request has failed due to a temporary failure of the server.",
    ),
];

/// Alibaba Cloud's Dypnsapi. Its gateway is that of Dysmsapi.
const DYPNS: &[Refusal] = &[
    row(
        "isv.MOBILE_NUMBER_ILLEGAL",
        200,
        Why::Number,
        "invalid mobile number",
    ),
    row(
        "isv.SMS_TEMPLATE_ILLEGAL",
        200,
        Why::Template,
        "模板不合法(不存在或被拉黑)",
    ),
    row(
        "isv.TEMPLATE_MISSING_PARAMETERS",
        200,
        Why::Params,
        "模板缺少变量",
    ),
    row("isv.INVALID_PARAMETERS", 200, Why::Params, "参数异常"),
    row(
        "biz.FREQUENCY",
        200,
        Why::NumberLimit,
        "check frequency failed",
    ),
    row(
        "isv.BUSINESS_LIMIT_CONTROL",
        200,
        Why::NumberLimit,
        "触发天级流控Permits:10",
    ),
    row("isv.DAY_LIMIT_CONTROL", 200, Why::Busy, "触发日发送限额"),
    row("isv.AMOUNT_NOT_ENOUGH", 200, Why::Funds, "账户余额不足"),
    row(
        "isv.SMS_SIGNATURE_ILLEGAL",
        200,
        Why::Config,
        "短信签名不合法",
    ),
    row("isv.ValidateFail", 400, Why::Params, "验证失败"),
    row("isp.SYSTEM_ERROR", 200, Why::Unsure, "系统错误"),
    row(
        "SignatureDoesNotMatch",
        400,
        Why::Credentials,
        "Specified signature is not matched with our calculation.",
    ),
    row(
        "InvalidAccessKeyId.NotFound",
        404,
        Why::Credentials,
        "Specified access key is not found.",
    ),
    row(
        "InvalidTimeStamp.Expired",
        400,
        Why::Clock,
        "Specified time stamp or date value is expired.",
    ),
    row(
        "SignatureNonceUsed",
        400,
        Why::Credentials,
        "Specified signature nonce was used already.",
    ),
    row(
        "InvalidVersion",
        400,
        Why::Config,
        "Specified parameter Version is not valid.",
    ),
    row(
        "InvalidAction.NotFound",
        404,
        Why::Config,
        "Specified api is not found, please check your url and method.",
    ),
    row(
        "Throttling.User",
        400,
        Why::Busy,
        "Request was denied due to user flow control.",
    ),
    row(
        "ServiceUnavailable",
        503,
        Why::Unsure,
        "The request has failed due to a temporary failure of the server.",
    ),
];

/// Tencent Cloud's SMS. Everything comes with 200.
const TENCENT: &[Refusal] = &[
    row(
        "FailedOperation.TemplateIncorrectOrUnapproved",
        200,
        Why::Template,
        "template is not approved or the contents do not match",
    ),
    row(
        "FailedOperation.TemplateUnapprovedOrNotExist",
        200,
        Why::Template,
        "template is unapproved or does not exist",
    ),
    row(
        "FailedOperation.TemplateIdNotExist",
        200,
        Why::Template,
        "template id does not exist",
    ),
    row(
        "InvalidParameterValue.IncorrectPhoneNumber",
        200,
        Why::Number,
        "incorrect phone number",
    ),
    row(
        "FailedOperation.PhoneNumberParseFail",
        200,
        Why::Number,
        "the phone number cannot be parsed",
    ),
    row(
        "MissingParameter.EmptyPhoneNumberSet",
        200,
        Why::Number,
        "the set of phone numbers is empty",
    ),
    row(
        "UnsupportedOperation.ChineseMainlandTemplateToGlobalPhone",
        200,
        Why::Number,
        "a template for the Chinese mainland cannot be sent to global phones",
    ),
    row(
        "UnsupportedOperation.GlobalTemplateToChineseMainlandPhone",
        200,
        Why::Number,
        "a global template cannot be sent to the Chinese mainland",
    ),
    row(
        "UnsupportedOperation.ContainDomesticAndInternationalPhoneNumber",
        200,
        Why::Number,
        "domestic and international phone numbers in one request",
    ),
    row(
        "UnsupportedOperation.UnsupportedRegion",
        200,
        Why::Number,
        "the region is not supported",
    ),
    row(
        "FailedOperation.TemplateParamSetNotMatchApprovedTemplate",
        200,
        Why::Params,
        "the parameters do not match the approved template",
    ),
    row(
        "InvalidParameterValue.TemplateParameterFormatError",
        200,
        Why::Params,
        "the format of a template parameter is wrong",
    ),
    row(
        "InvalidParameterValue.TemplateParameterLengthLimit",
        200,
        Why::Params,
        "a template parameter is too long",
    ),
    row(
        "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter",
        200,
        Why::Params,
        "a URL in a template parameter",
    ),
    row(
        "InvalidParameterValue.ContentLengthLimit",
        200,
        Why::Params,
        "the contents are too long",
    ),
    row(
        "FailedOperation.ContainSensitiveWord",
        200,
        Why::Params,
        "the text contains sensitive words",
    ),
    row(
        "LimitExceeded.PhoneNumberThirtySecondLimit",
        200,
        Why::NumberLimit,
        "more than the limit for a number in 30 seconds",
    ),
    row(
        "LimitExceeded.PhoneNumberOneHourLimit",
        200,
        Why::NumberLimit,
        "more than the limit for a number in an hour",
    ),
    row(
        "LimitExceeded.PhoneNumberDailyLimit",
        200,
        Why::NumberLimit,
        "more than the limit for a number in a day",
    ),
    row(
        "LimitExceeded.PhoneNumberSameContentDailyLimit",
        200,
        Why::NumberLimit,
        "more than the limit for the same contents to a number in a day",
    ),
    row(
        "LimitExceeded.DeliveryFrequencyLimit",
        200,
        Why::NumberLimit,
        "more than the limit of delivery frequency",
    ),
    row(
        "LimitExceeded.AppDailyLimit",
        200,
        Why::Busy,
        "more than the application's limit in a day",
    ),
    row(
        "LimitExceeded.AppMainlandChinaDailyLimit",
        200,
        Why::Busy,
        "more than the application's limit in a day",
    ),
    row(
        "LimitExceeded.AppGlobalDailyLimit",
        200,
        Why::Busy,
        "more than the application's limit in a day",
    ),
    row(
        "RequestLimitExceeded",
        200,
        Why::Busy,
        "the frequency of requests is over the limit",
    ),
    row(
        "FailedOperation.InsufficientBalanceInSmsPackage",
        200,
        Why::Funds,
        "insufficient balance in the package",
    ),
    row(
        "FailedOperation.PhoneNumberInBlacklist",
        200,
        Why::OptedOut,
        "the phone number is in the blocklist",
    ),
    row(
        "FailedOperation.SignatureIncorrectOrUnapproved",
        200,
        Why::Config,
        "the sign is wrong or not approved",
    ),
    row(
        "InvalidParameterValue.SdkAppIdNotExist",
        200,
        Why::Config,
        "the SdkAppId does not exist",
    ),
    row(
        "UnauthorizedOperation.RequestPermissionDeny",
        200,
        Why::Config,
        "no permission for this request",
    ),
    row(
        "UnauthorizedOperation.SmsSdkAppIdVerifyFail",
        200,
        Why::Config,
        "the SmsSdkAppId cannot be verified",
    ),
    row(
        "AuthFailure.SignatureFailure",
        200,
        Why::Credentials,
        "The provided credentials could not be validated.",
    ),
    row(
        "AuthFailure.SecretIdNotFound",
        200,
        Why::Credentials,
        "The SecretId does not exist.",
    ),
    row(
        "AuthFailure.SignatureExpire",
        200,
        Why::Clock,
        "The signature has expired.",
    ),
    row(
        "InternalError.Timeout",
        200,
        Why::Unsure,
        "a request inside timed out",
    ),
    row(
        "InternalError.SendAndRecvFail",
        200,
        Why::Unsure,
        "sending or receiving inside failed",
    ),
    row(
        "InternalError.OtherError",
        200,
        Why::Unsure,
        "another error",
    ),
    row("InternalError", 200, Why::Unsure, "internal error"),
];

/// Statuses of Vonage's SMS API. Everything comes with 200.
const VONAGE: &[Refusal] = &[
    row("6", 200, Why::Number, "Unroutable message - rejected"),
    row("3", 200, Why::Params, "Invalid value for param: text"),
    row("2", 200, Why::Params, "Missing text param"),
    row(
        "1",
        200,
        Why::Busy,
        "Throughput Rate Exceeded - please wait [ 250 ] and retry",
    ),
    row("10", 200, Why::Busy, "Too Many Existing Binds"),
    row("9", 200, Why::Funds, "Partner quota exceeded"),
    row("7", 200, Why::OptedOut, "Number barred"),
    row("15", 200, Why::Config, "Illegal Sender Address - rejected"),
    row("8", 200, Why::Config, "Partner account barred"),
    row("4", 200, Why::Credentials, "Bad Credentials"),
    row("14", 200, Why::Credentials, "Invalid Signature"),
    row("5", 200, Why::Unsure, "Internal Error"),
];

/// No provider's: what one that is described in the config might say.
const GENERIC: &[Refusal] = &[
    row(
        "invalid_number",
        400,
        Why::Number,
        "the recipient is not a number",
    ),
    row(
        "unknown_template",
        404,
        Why::Template,
        "there is no such template",
    ),
    row("invalid_text", 422, Why::Params, "the text cannot be sent"),
    row("too_many", 429, Why::Busy, "too many requests"),
    row(
        "number_limit",
        429,
        Why::NumberLimit,
        "too many texts to this number",
    ),
    row("no_credit", 402, Why::Funds, "the account has no credit"),
    row(
        "opted_out",
        403,
        Why::OptedOut,
        "the recipient does not want texts",
    ),
    row("sender", 403, Why::Config, "the sender is not allowed"),
    row(
        "unauthorized",
        401,
        Why::Credentials,
        "the credentials are wrong",
    ),
    row("clock", 401, Why::Clock, "the time is wrong"),
    row("internal", 500, Why::Unsure, "something went wrong"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_there_once_and_every_reason_has_a_refusal() {
        for provider in Provider::ALL {
            let rows = refusals(provider);
            for row in rows {
                let same = rows.iter().filter(|other| other.code == row.code);
                assert_eq!(same.count(), 1, "{provider} {}", row.code);
            }
            for why in [
                Why::Number,
                Why::Funds,
                Why::NumberLimit,
                Why::OptedOut,
                Why::Config,
            ] {
                assert!(!Refused::for_reason(provider, why).code.is_empty());
            }
        }
        let limit = Refused::for_reason(Provider::Twilio, Why::NumberLimit);
        assert_eq!((limit.code.as_str(), limit.status), ("20429", 429));
    }
}
