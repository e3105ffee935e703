//! **Refusal**: every code with which a provider says no, with the HTTP status and words it comes with.
//!
//! The first row of a kind is what `refuse` gives; `refuse_with` gives any of them, and codes that are not here too.

use crate::account::Provider;
use crate::fault::Why;

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

fn plain_status(provider: Provider) -> u16 {
    match provider {
        Provider::Twilio | Provider::Generic => 400,
        Provider::Aliyun | Provider::Dypns => 200,
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
