//! Every way a request can fail, as a row of contract/errors.md: its status, its code, and its body in the shape of
//! the path prefix. The only place with status codes of errors, and where errors are logged.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;
use tracing::{debug, error, warn};

use super::answer::written;
use super::front::RequestId;
use super::language::{self, Language};
use crate::dispatch::Unanswered;
use crate::domain::Reason;
use crate::domain::guard::Denial;
use crate::domain::limit;
use crate::store::{Hold, StoreError};

/// Why a request was not done.
#[derive(Debug)]
pub(super) enum ApiError {
    /// 400; the first problem names the code.
    Invalid(Vec<Problem>),
    Cursor,
    /// Why the caller is nobody.
    Unauthorized(&'static str),
    Forbidden(&'static str),
    NotFound,
    TemplateNotFound,
    /// The app has as many templates as an app may have.
    TooManyTemplates,
    MethodNotAllowed,
    NotCancelable,
    /// The number is not to be written to.
    Suppressed(Reason),
    /// The config sends nothing there.
    Denied(Denial),
    /// The Idempotency-Key came with another body before.
    OtherBody,
    /// The first request with this Idempotency-Key has no answer yet.
    StillRunning,
    BodyTooLarge {
        limit: usize,
    },
    /// The head or the body of the request did not come in time.
    TooSlow(&'static str),
    NotJson,
    TooManyRequests {
        wait: Duration,
    },
    /// A limit of a number, or of whoever else is counted, is reached; so long it holds.
    Limited {
        wait: Duration,
    },
    /// Codes that went there are not used.
    Held(Hold),
    /// The verification is over.
    NotPending,
    /// E-mail is not configured.
    ChannelUnavailable,
    /// The provider that sends and checks codes does not, and why.
    CodesUnavailable(&'static str),
    Overloaded(Overload),
    /// A modem, or the network behind it, did not answer what was asked of it.
    Modem(Unanswered),
    /// A modem that is plugged in, and has its SIM, is not forgotten.
    ModemIsHere,
    NoRoute,
    /// The budget does not hold it, and nothing but providers can carry it.
    InsufficientCredit,
    /// The caller's key has fewer messages left than the request needs.
    NoCredit,
    Store(StoreError),
    Panicked,
}

/// What there is too much, or too little, of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Overload {
    ShuttingDown,
    Backlog,
    Disk,
    /// Wishes about modems that are not taken up yet.
    Modems,
}

/// One thing that is wrong with a request.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Problem {
    /// `None`: the request as a whole.
    pub(super) field: Option<String>,
    pub(super) code: &'static str,
    pub(super) message: String,
}

/// How errors look under a path prefix.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Shape {
    /// RFC 9457, group G and whatever belongs to no group.
    Problem,
    /// Group A.
    Envelope,
    /// Group B.
    Direct,
    /// Group B, where a code is checked: it is not valid.
    DirectCheck,
    /// Group E.
    Otp,
    /// Group H: providers read the status only.
    Bare,
}

/// How an error is told: the shape of the group, in the language of the caller.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Manner {
    pub(super) shape: Shape,
    pub(super) language: Language,
}

/// One row of the table.
#[derive(Debug, PartialEq)]
struct Row {
    status: StatusCode,
    code: &'static str,
}

impl ApiError {
    /// One problem with the request as a whole.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid(vec![Problem {
            field: None,
            code: "invalid_request",
            message: message.into(),
        }])
    }

    /// Its row's `code`.
    pub(super) fn code(&self) -> &'static str {
        self.row().code
    }

    fn row(&self) -> Row {
        let (status, code) = match self {
            Self::Invalid(problems) => (
                StatusCode::BAD_REQUEST,
                problems
                    .first()
                    .map_or("invalid_request", |first| first.code),
            ),
            Self::Cursor => (StatusCode::BAD_REQUEST, "invalid_cursor"),
            Self::Unauthorized(_) => (StatusCode::UNAUTHORIZED, "unauthorized"),
            Self::Forbidden(_) => (StatusCode::FORBIDDEN, "forbidden"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Self::TemplateNotFound => (StatusCode::NOT_FOUND, "template_not_found"),
            Self::TooManyTemplates => (StatusCode::BAD_REQUEST, "invalid_request"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::NotCancelable => (StatusCode::CONFLICT, "not_cancelable"),
            Self::Suppressed(_) | Self::Denied(_) | Self::Held(_) => {
                (StatusCode::FORBIDDEN, "destination_blocked")
            }
            Self::OtherBody => (StatusCode::UNPROCESSABLE_ENTITY, "idempotency_mismatch"),
            Self::StillRunning => (StatusCode::CONFLICT, "idempotency_in_progress"),
            Self::BodyTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large"),
            Self::TooSlow(_) => (StatusCode::REQUEST_TIMEOUT, "request_timeout"),
            Self::NotJson => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type"),
            Self::TooManyRequests { .. } | Self::Limited { .. } => {
                (StatusCode::TOO_MANY_REQUESTS, "rate_limited")
            }
            Self::NotPending => (StatusCode::CONFLICT, "not_pending"),
            Self::ModemIsHere => (StatusCode::CONFLICT, "modem_present"),
            Self::ChannelUnavailable | Self::CodesUnavailable(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, "channel_unavailable")
            }
            Self::Overloaded(_) => (StatusCode::SERVICE_UNAVAILABLE, "overloaded"),
            Self::Modem(Unanswered::NotReady(_)) => {
                (StatusCode::SERVICE_UNAVAILABLE, "modem_not_ready")
            }
            Self::Modem(Unanswered::Busy(_)) => (StatusCode::SERVICE_UNAVAILABLE, "modem_busy"),
            Self::Modem(Unanswered::Refused(_)) => (StatusCode::BAD_GATEWAY, "modem_refused"),
            Self::Modem(Unanswered::TimedOut(_)) => (StatusCode::GATEWAY_TIMEOUT, "modem_timeout"),
            Self::NoRoute => (StatusCode::SERVICE_UNAVAILABLE, "no_route"),
            Self::InsufficientCredit | Self::NoCredit => {
                (StatusCode::FORBIDDEN, "insufficient_credit")
            }
            Self::Store(
                StoreError::Full
                | StoreError::ReadOnly
                | StoreError::TooSlow(_)
                | StoreError::Closed,
            ) => (StatusCode::SERVICE_UNAVAILABLE, "overloaded"),
            Self::Store(_) | Self::Panicked => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        };
        Row { status, code }
    }

    /// For a person. Holds nothing of another caller, and of this one only what a [`Problem`] quotes.
    fn detail(&self) -> String {
        match self {
            Self::Invalid(problems) => match problems.first() {
                Some(first) => first.message.clone(),
                None => "the request is not valid".into(),
            },
            Self::Cursor => {
                "the cursor is damaged or of another list; start from the first page".into()
            }
            Self::Unauthorized(why) | Self::Forbidden(why) | Self::CodesUnavailable(why) => {
                (*why).into()
            }
            Self::NotFound => "there is no such object or path".into(),
            Self::TemplateNotFound => "there is no template with this id".into(),
            Self::TooManyTemplates => {
                "there are as many templates as there may be; delete those that are not used".into()
            }
            Self::MethodNotAllowed => {
                "this path does not know this method; see the header Allow".into()
            }
            Self::NotCancelable => {
                "only what is scheduled or queued can be canceled; this is past that".into()
            }
            Self::Suppressed(reason) => suppressed(reason),
            Self::Held(Hold::Block) => "too many codes for numbers like this one are not used (guard.block_max, \
                                        guard.min_conversion); none goes there for an hour"
                .into(),
            Self::Held(Hold::Country) => "too many codes for this country are not used (guard.auto_block); none goes \
                                          there for an hour"
                .into(),
            Self::Denied(denial) => {
                format!("{} does not allow this number", denial.key())
            }
            Self::OtherBody => {
                "this Idempotency-Key was used with another body; take a new key".into()
            }
            Self::StillRunning => {
                "the first request with this Idempotency-Key is still running; repeat it later with the same key"
                    .into()
            }
            Self::BodyTooLarge { limit } => format!("the body is larger than {limit} octets"),
            Self::TooSlow(what) => format!("{what} did not come in time"),
            Self::NotJson => "the body must be JSON: set Content-Type: application/json".into(),
            Self::TooManyRequests { .. } => {
                "too many requests with this key; wait as Retry-After says".into()
            }
            Self::Limited { wait } => format!(
                "too many for this number, or for callers without a key (see [limits] and [verify.profile] in the \
                 config); wait {} s",
                limit::retry_after(*wait)
            ),
            Self::NotPending => "the verification is over; start a new one".into(),
            Self::ModemIsHere => {
                "the modem is plugged in and has its SIM: pull it out first; if it is paused, resume it".into()
            }
            Self::ChannelUnavailable => "e-mail is not configured; use channel sms".into(),
            Self::Overloaded(overload) => overload.detail().into(),
            Self::Modem(Unanswered::NotReady(why)) => {
                format!("{why}; GET /v1/modems says what it waits for")
            }
            Self::Modem(Unanswered::Busy(why) | Unanswered::TimedOut(why)) => (*why).into(),
            Self::Modem(Unanswered::Refused(said)) => {
                format!("the modem, or the network, refused it: {said}")
            }
            Self::NoRoute => {
                "no route is configured and enabled that could ever send it; see GET /v1/routes".into()
            }
            Self::InsufficientCredit => {
                "the budget (budget.daily, budget.monthly) is used up, and only providers could send it".into()
            }
            Self::NoCredit => {
                "the credit of this key does not reach for it, and nothing was sent; an administrator can raise it \
                 (PATCH /v1/keys/{id})"
                    .into()
            }
            Self::Store(StoreError::Full) => Overload::Disk.detail().into(),
            Self::Store(StoreError::ReadOnly) => {
                "the disk under the database cannot be written at the moment".into()
            }
            Self::Store(StoreError::TooSlow(_)) => {
                "the question took too long; ask for less at once".into()
            }
            Self::Store(StoreError::Closed) => Overload::ShuttingDown.detail().into(),
            Self::Store(_) | Self::Panicked => {
                "internal error; repeat with the same Idempotency-Key: what was accepted answers as it did. \
                 The log line with this request id says more"
                    .into()
            }
        }
    }

    fn retry_after(&self) -> Option<u64> {
        let wait = match self {
            Self::TooManyRequests { wait } | Self::Limited { wait } => *wait,
            Self::Overloaded(overload) => overload.lasts(),
            Self::Store(StoreError::Full | StoreError::ReadOnly | StoreError::TooSlow(_)) => {
                Overload::Disk.lasts()
            }
            Self::Store(StoreError::Closed) => Overload::ShuttingDown.lasts(),
            Self::NoRoute | Self::ChannelUnavailable => Duration::from_secs(60),
            Self::CodesUnavailable(_) | Self::Modem(Unanswered::NotReady(_)) => {
                Duration::from_secs(10)
            }
            Self::Modem(Unanswered::Busy(_)) => Duration::from_secs(5),
            _ => return None,
        };
        Some(limit::retry_after(wait))
    }

    /// Once per failed request. A problem's message may quote the caller, so it stays out.
    fn log(&self, id: &RequestId) {
        let Row { status, code } = self.row();
        let status = status.as_u16();
        match self {
            Self::Store(cause) => {
                error!(request = %id, status, code, error = %cause, "request failed")
            }
            Self::Panicked => error!(request = %id, status, code, "a handler panicked"),
            Self::Overloaded(_) | Self::NoRoute => {
                warn!(request = %id, status, code, "request refused")
            }
            _ => debug!(request = %id, status, code, "request refused"),
        }
    }

    /// The answer in full. Logs it.
    pub(super) fn answer(&self, manner: Manner, id: &RequestId) -> Response {
        self.log(id);
        let status = self.status(manner.shape);
        let (media, body) = self.body(manner, id);
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
        if let Some(seconds) = self.retry_after() {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }

    /// The answer as octets of HTTP/1.1, for a connection that has no request to answer. Logs it.
    pub(super) fn written_out(&self, id: &RequestId) -> Vec<u8> {
        self.log(id);
        let manner = Manner {
            shape: Shape::Problem,
            language: Language::English,
        };
        let (media, body) = self.body(manner, id);
        let status = self.row().status;
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: {media}\r\ncontent-length: {}\r\ncache-control: no-store\r\n\
             x-request-id: {id}\r\nconnection: close\r\n\r\n{body}",
            body.len(),
        )
        .into_bytes()
    }

    /// Group E knows few statuses (errors.md).
    fn status(&self, shape: Shape) -> StatusCode {
        let Row { status, code } = self.row();
        let is_kept = matches!(
            status.as_u16(),
            401 | 404 | 405 | 408 | 413 | 415 | 422 | 500 | 503
        );
        match shape == Shape::Otp && !is_kept && code != "forbidden" {
            true => StatusCode::BAD_REQUEST,
            false => status,
        }
    }

    /// What group E says: where its clients know a text, that one.
    fn otp_text(&self, detail: String) -> String {
        match self {
            Self::Limited { wait } | Self::TooManyRequests { wait } => {
                let minutes = limit::retry_after(*wait).div_ceil(60);
                let plural = if minutes == 1 { "" } else { "s" };
                format!("Too many attempts. Please wait {minutes} minute{plural}.")
            }
            Self::Unauthorized(_) => "Unauthorized".into(),
            _ if self.code() == "invalid_phone" => "Invalid phone number".into(),
            _ => detail,
        }
    }

    fn body(&self, manner: Manner, id: &RequestId) -> (&'static str, String) {
        let Row { status, code } = self.row();
        let told = told(code);
        let detail = match (manner.language, manner.shape) {
            (Language::Chinese, _) => format!("{}：{}", told.chinese, self.detail()),
            (Language::English, Shape::Envelope) => format!("{}: {}", told.english, self.detail()),
            (Language::English, _) => self.detail(),
        };
        match manner.shape {
            Shape::Bare => ("text/plain", String::new()),
            Shape::Envelope => {
                let envelope = EnvelopeJson {
                    code: told.number,
                    data: None,
                    message: &detail,
                };
                ("application/json", written(&envelope))
            }
            Shape::Problem => {
                let problem = ProblemJson {
                    kind: "about:blank",
                    title: status.canonical_reason().unwrap_or("Error"),
                    status: status.as_u16(),
                    detail: &detail,
                    code,
                    request_id: id.as_str(),
                    errors: self.fields(),
                    retry_after: self.retry_after(),
                };
                ("application/problem+json", written(&problem))
            }
            Shape::Otp => {
                let error = OtpJson {
                    error: self.otp_text(detail),
                };
                ("application/json", written(&error))
            }
            Shape::Direct | Shape::DirectCheck => {
                let is_check = manner.shape == Shape::DirectCheck;
                let direct = DirectJson {
                    success: (!is_check).then_some(false),
                    valid: is_check.then_some(false),
                    status_code: status.as_u16(),
                    message: &detail,
                    error: &detail,
                    code,
                    retry_after: self.retry_after(),
                };
                ("application/json", written(&direct))
            }
        }
    }

    fn fields(&self) -> Vec<FieldJson<'_>> {
        let Self::Invalid(problems) = self else {
            return Vec::new();
        };
        let named = problems.iter().filter_map(|problem| {
            Some(FieldJson {
                field: problem.field.as_deref()?,
                code: problem.code,
                message: &problem.message,
            })
        });
        named.collect()
    }
}

impl Overload {
    fn detail(self) -> &'static str {
        match self {
            Self::ShuttingDown => "shutting down; repeat the request in a moment",
            Self::Backlog => {
                "too many messages wait already (message.max_backlog); repeat the request later"
            }
            Self::Modems => "the modems have not taken up what was asked of them before; ask again",
            Self::Disk => {
                "the disk of the gateway is full (database.min_free_bytes); nothing was accepted"
            }
        }
    }

    fn lasts(self) -> Duration {
        Duration::from_secs(match self {
            Self::ShuttingDown => 5,
            Self::Backlog => 30,
            Self::Disk => 60,
            Self::Modems => 1,
        })
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// A handler's error has no body yet: [`super::front`] knows the shape and the request's id.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.row().status;
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

impl Shape {
    pub(super) fn of_path(path: &str) -> Self {
        let first = path.trim_start_matches('/').split('/').next();
        match first {
            _ if path.trim_end_matches('/') == "/sms/otp/verify" => Self::DirectCheck,
            _ if path.starts_with("/api/otp/") => Self::Otp,
            Some("template" | "notification" | "status") => Self::Envelope,
            Some("sms" | "auth") => Self::Direct,
            _ if path.starts_with("/api/auth/") => Self::Direct,
            Some("callbacks") => Self::Bare,
            _ => Self::Problem,
        }
    }
}

fn suppressed(reason: &Reason) -> String {
    match reason.as_str() {
        Reason::STOP => {
            "its owner wrote a stop word; inbound.stop_categories names what that holds back, and \
             DELETE /v1/suppressions/{phone} lifts it"
                .into()
        }
        reason => format!(
            "the number is suppressed (reason {reason}); DELETE /v1/suppressions/{{phone}} lifts it"
        ),
    }
}

impl Manner {
    pub(super) fn of(path: &str, headers: &HeaderMap) -> Self {
        let shape = Shape::of_path(path);
        let own = match shape {
            Shape::Envelope => Language::Chinese,
            Shape::Problem | Shape::Direct | Shape::DirectCheck | Shape::Otp | Shape::Bare => {
                Language::English
            }
        };
        Self {
            shape,
            language: language::preferred(headers, own),
        }
    }
}

/// The number of an error in group A, and what it is called.
struct Told {
    number: u16,
    chinese: &'static str,
    english: &'static str,
}

/// contract/errors.md: `env`, and the messages of group A.
fn told(code: &str) -> Told {
    let (number, chinese, english) = match code {
        "template_not_found" => (1001, "模板不存在", "template not found"),
        "invalid_phone" => (1002, "手机号格式错误", "invalid phone number"),
        "invalid_template" | "invalid_params" | "too_long" | "not_encodable" => {
            (1003, "模板参数错误", "invalid template parameters")
        }
        "rate_limited" => (1004, "发送频率超限", "rate limit exceeded"),
        "insufficient_credit" => (1005, "余额不足", "insufficient balance"),
        "not_found" => (1006, "资源不存在", "not found"),
        "invalid_schedule" => (1007, "定时发送时间无效", "invalid scheduledAt"),
        "too_many_recipients" => (1008, "手机号数量超过100", "more than 100 phone numbers"),
        "unauthorized" => (1009, "未授权", "unauthorized"),
        "forbidden" => (1010, "无权限", "forbidden"),
        "conflict" => (1011, "资源冲突", "conflict"),
        "destination_blocked" => (1012, "目标号码不允许", "destination not allowed"),
        "idempotency_mismatch" => (1013, "幂等键已用于其他请求", "idempotency key reused"),
        "idempotency_in_progress" => (1014, "相同请求正在处理", "request in progress"),
        "payload_too_large" => (1015, "请求体过大", "payload too large"),
        "unsupported_media_type" => (1016, "不支持的内容类型", "unsupported media type"),
        "method_not_allowed" => (1017, "请求方法不允许", "method not allowed"),
        "overloaded" => (1503, "服务繁忙", "overloaded"),
        "no_route" => (1504, "没有可用的发送通道", "no route"),
        "internal" => (1500, "服务器内部错误", "internal error"),
        _ => (1000, "请求参数错误", "invalid request"),
    };
    Told {
        number,
        chinese,
        english,
    }
}

#[derive(Serialize)]
struct ProblemJson<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'static str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

#[derive(Serialize)]
struct EnvelopeJson<'a> {
    code: u16,
    data: Option<()>,
    message: &'a str,
}

#[derive(Serialize)]
struct OtpJson {
    error: String,
}

#[derive(Serialize)]
struct FieldJson<'a> {
    field: &'a str,
    code: &'static str,
    message: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DirectJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    success: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid: Option<bool>,
    status_code: u16,
    message: &'a str,
    error: &'a str,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_prefix_decides_the_shape() {
        for (path, shape) in [
            ("/sms/send", Shape::Direct),
            ("/sms", Shape::Direct),
            ("/template/sms", Shape::Envelope),
            ("/notification/sms", Shape::Envelope),
            ("/status/sms/batch/x", Shape::Envelope),
            ("/auth/login", Shape::Direct),
            ("/api/auth/login", Shape::Direct),
            ("/smsx", Shape::Problem),
            ("/v1/messages", Shape::Problem),
            ("/nowhere", Shape::Problem),
            ("/sms/otp/send", Shape::Direct),
            ("/sms/otp/verify", Shape::DirectCheck),
            ("/api/otp/send", Shape::Otp),
            ("/api/otp/verify", Shape::Otp),
        ] {
            assert_eq!(Shape::of_path(path), shape, "{path}");
        }
    }

    #[test]
    fn every_row_of_the_table_is_written_out() {
        let wait = Duration::from_secs(1);
        let problem = |code| Problem {
            field: None,
            code,
            message: String::new(),
        };
        for (error, status, code) in [
            (ApiError::invalid("x"), 400, "invalid_request"),
            (
                ApiError::Invalid(vec![problem("invalid_phone")]),
                400,
                "invalid_phone",
            ),
            (ApiError::Cursor, 400, "invalid_cursor"),
            (ApiError::Unauthorized(""), 401, "unauthorized"),
            (ApiError::Forbidden(""), 403, "forbidden"),
            (ApiError::NotFound, 404, "not_found"),
            (ApiError::TemplateNotFound, 404, "template_not_found"),
            (ApiError::TooManyTemplates, 400, "invalid_request"),
            (ApiError::MethodNotAllowed, 405, "method_not_allowed"),
            (ApiError::NotCancelable, 409, "not_cancelable"),
            (
                ApiError::Suppressed(Reason::stop()),
                403,
                "destination_blocked",
            ),
            (ApiError::Held(Hold::Block), 403, "destination_blocked"),
            (
                ApiError::Denied(Denial::Countries),
                403,
                "destination_blocked",
            ),
            (ApiError::OtherBody, 422, "idempotency_mismatch"),
            (ApiError::StillRunning, 409, "idempotency_in_progress"),
            (
                ApiError::BodyTooLarge { limit: 1 },
                413,
                "payload_too_large",
            ),
            (ApiError::TooSlow("the body"), 408, "request_timeout"),
            (ApiError::NotJson, 415, "unsupported_media_type"),
            (ApiError::TooManyRequests { wait }, 429, "rate_limited"),
            (ApiError::Limited { wait }, 429, "rate_limited"),
            (ApiError::NotPending, 409, "not_pending"),
            (ApiError::ModemIsHere, 409, "modem_present"),
            (ApiError::ChannelUnavailable, 503, "channel_unavailable"),
            (ApiError::CodesUnavailable(""), 503, "channel_unavailable"),
            (ApiError::Overloaded(Overload::Backlog), 503, "overloaded"),
            (
                ApiError::Modem(Unanswered::NotReady(String::new())),
                503,
                "modem_not_ready",
            ),
            (ApiError::Modem(Unanswered::Busy("")), 503, "modem_busy"),
            (
                ApiError::Modem(Unanswered::Refused(String::new())),
                502,
                "modem_refused",
            ),
            (
                ApiError::Modem(Unanswered::TimedOut("")),
                504,
                "modem_timeout",
            ),
            (ApiError::NoRoute, 503, "no_route"),
            (ApiError::InsufficientCredit, 403, "insufficient_credit"),
            (ApiError::NoCredit, 403, "insufficient_credit"),
            (ApiError::Store(StoreError::Full), 503, "overloaded"),
            (ApiError::Store(StoreError::ReadOnly), 503, "overloaded"),
            (ApiError::Store(StoreError::OutcomeUnknown), 500, "internal"),
            (ApiError::Panicked, 500, "internal"),
        ] {
            let row = error.row();
            assert_eq!((row.status.as_u16(), row.code), (status, code), "{error:?}");
            let must_wait = matches!(status, 429 | 503);
            assert_eq!(error.retry_after().is_some(), must_wait, "{error:?}");
        }
    }
}
