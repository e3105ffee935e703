//! Codes in the shapes of other people's clients: `/sms/otp` (http-api.md group B) and `/api/otp` (group E).

use std::collections::BTreeMap;

use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;

use super::Gate;
use super::answer::{shown, with_status, written};
use super::auth::{Admitted, Caller, Scope};
use super::error::ApiError;
use super::extract::Fields;
use super::submission;
use super::verification::{self, Asked, Surface};
use crate::domain::limit::retry_after;
use crate::domain::{Locale, ProfileName, Purpose, VerificationState};
use crate::store::{Answer, Checked, VerificationView, Which};
use crate::verify::Wish;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SentJson {
    success: bool,
    expires_in: u64,
    expires_at: String,
    resend_after: u64,
}

#[derive(Debug, Serialize)]
struct ValidJson {
    valid: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct InvalidJson {
    valid: bool,
    error: &'static str,
    message: &'static str,
    remaining_attempts: u8,
}

const DIRECT: Surface = Surface {
    read: read_direct,
    answer: sent,
};

/// `POST /sms/otp/send`
pub(super) async fn send(
    State(gate): State<Gate>,
    caller: Caller,
    request: Request,
) -> Result<Response, ApiError> {
    verification::begin(&gate, &caller, request, &DIRECT).await
}

fn read_direct(gate: &Gate, caller: &Caller, mut fields: Fields) -> Result<Asked, ApiError> {
    let recipient = verification::recipient(gate, &mut fields, "phoneNumber");
    let kind = kind(&mut fields);
    let locale = verification::locale(&mut fields);
    let (recipient, (purpose, profile)) = fields.finish(recipient.zip(kind))?;
    Ok(wish(caller, recipient, purpose, profile, locale))
}

/// One of five purposes, in any case.
fn kind(fields: &mut Fields) -> Option<(Purpose, ProfileName)> {
    const NAME: &str = "type";
    let must = "must be registration, login, password_reset, payment or device_operation";
    let Some(word) = fields.text(NAME) else {
        return match fields.is_refused(NAME) {
            true => None,
            false => fields.refuse(NAME, must),
        };
    };
    let purpose = Purpose::parse(&word.to_ascii_lowercase());
    let read = purpose.and_then(|purpose| Some((purpose, purpose.sms_profile()?)));
    read.or_else(|| fields.refuse(NAME, must))
}

fn wish(
    caller: &Caller,
    recipient: submission::Recipient,
    purpose: Purpose,
    profile: ProfileName,
    locale: Option<Locale>,
) -> Asked {
    Asked {
        wish: Wish {
            app: caller.app.clone(),
            crowd: None,
            to: recipient.to,
            to_raw: recipient.raw,
            purpose,
            profile,
            locale: locale.unwrap_or_else(|| Locale::parse("en").expect("en is a language tag")),
            code_length: None,
            ttl: None,
            attempts: None,
            template: None,
            last_line: None,
            client_ref: None,
            rate_keys: BTreeMap::new(),
        },
        template: None,
    }
}

fn sent(view: &VerificationView) -> Answer {
    let at = view.sent_at();
    let wait = view.resend_after.since(at);
    Answer {
        status: 200,
        location: None,
        body: written(&SentJson {
            success: true,
            expires_in: view.expires_at.since(at).as_secs(),
            expires_at: view.expires_at.to_string(),
            resend_after: match wait.is_zero() {
                true => 0,
                false => retry_after(wait),
            },
        }),
    }
}

/// `POST /sms/otp/verify`
pub(super) async fn verify(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    request: Request,
) -> Result<Response, ApiError> {
    caller.may(Scope::Verify)?;
    let mut fields = gate.fields(request).await?;
    let recipient = verification::recipient(&gate, &mut fields, "phoneNumber");
    let code = verification::code(&mut fields);
    let kind = kind(&mut fields);
    let ((recipient, code), (purpose, _)) = fields.finish(recipient.zip(code).zip(kind))?;
    let which = Which::Newest {
        app: caller.app,
        to: recipient.to,
        purpose,
    };
    match gate.check_code(which, &code).await? {
        Checked::Approved => Ok(shown(&ValidJson { valid: true })),
        Checked::Wrong(view) => Ok(invalid(
            "Invalid verification code",
            view.remaining_attempts(),
        )),
        Checked::Over(view) if view.state == VerificationState::MaxAttemptsReached => {
            Ok(invalid("Too many attempts, please request a new code", 0))
        }
        Checked::Over(_) | Checked::NotFound => {
            Ok(invalid("Verification code expired or not found", 0))
        }
        Checked::Limited(wait) => Err(ApiError::Limited { wait }),
        Checked::Unavailable | Checked::ToAsk(_) => Err(verification::unchecked()),
    }
}

fn invalid(text: &'static str, remaining_attempts: u8) -> Response {
    shown(&InvalidJson {
        valid: false,
        error: text,
        message: text,
        remaining_attempts,
    })
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OtpSentJson {
    success: bool,
    expires_at: String,
}

#[derive(Debug, Serialize)]
struct SuccessJson {
    success: bool,
}

#[derive(Debug, Serialize)]
struct ReasonJson {
    valid: bool,
    reason: &'static str,
}

const OTP: Surface = Surface {
    read: read_otp,
    answer: otp_sent,
};

/// `POST /api/otp/send`
pub(super) async fn send_otp(
    State(gate): State<Gate>,
    caller: Caller,
    request: Request,
) -> Result<Response, ApiError> {
    verification::begin(&gate, &caller, request, &OTP).await
}

fn read_otp(gate: &Gate, caller: &Caller, mut fields: Fields) -> Result<Asked, ApiError> {
    let recipient = verification::recipient(gate, &mut fields, "phoneNumber");
    let recipient = fields.finish(recipient)?;
    let (purpose, profile) = (Purpose::Generic, ProfileName::Otp);
    Ok(wish(caller, recipient, purpose, profile, None))
}

fn otp_sent(view: &VerificationView) -> Answer {
    Answer {
        status: 200,
        location: None,
        body: written(&OtpSentJson {
            success: true,
            expires_at: view.expires_at.to_string(),
        }),
    }
}

/// `POST /api/otp/verify`
pub(super) async fn verify_otp(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    request: Request,
) -> Result<Response, ApiError> {
    caller.may(Scope::Verify)?;
    let mut fields = gate.fields(request).await?;
    let recipient = verification::recipient(&gate, &mut fields, "phoneNumber");
    let code = verification::code(&mut fields);
    let (recipient, code) = fields.finish(recipient.zip(code))?;
    let which = Which::Newest {
        app: caller.app,
        to: recipient.to,
        purpose: Purpose::Generic,
    };
    Ok(match gate.check_code(which, &code).await? {
        Checked::Approved => shown(&SuccessJson { success: true }),
        Checked::Over(view) if view.state == VerificationState::MaxAttemptsReached => {
            refused("Too many attempts")
        }
        Checked::Limited(_) => refused("Too many attempts"),
        Checked::Unavailable | Checked::ToAsk(_) => return Err(verification::unchecked()),
        Checked::Wrong(_) | Checked::Over(_) | Checked::NotFound => {
            refused("Invalid or expired code")
        }
    })
}

fn refused(reason: &'static str) -> Response {
    let body = ReasonJson {
        valid: false,
        reason,
    };
    with_status(StatusCode::BAD_REQUEST, &body)
}
