//! `/v1/preferences` (http-api.md G8): what the owner of a number wants to be told. The contract names no scope for
//! them; whoever may read or send messages may read or write them.

use axum::extract::{Request, State};
use axum::response::Response;
use http::{StatusCode, Uri};
use jiff::tz::TimeZone;
use serde::Serialize;

use super::Gate;
use super::answer::{empty, shown};
use super::auth::{Admitted, Scope};
use super::error::{ApiError, Problem};
use super::extract::{Fields, Id, Query};
use super::submission;
use crate::domain::redact::masked_number;
use crate::domain::{Destination, Preferences, QuietHours, TimeOfDay};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PreferencesJson<'a> {
    sms_enabled: bool,
    email_enabled: bool,
    min_severity: &'static str,
    quiet_hours_start: String,
    quiet_hours_end: String,
    timezone: &'a str,
}

/// `GET /v1/preferences/{phone}`: those that hold, be they the usual ones.
pub(super) async fn show(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    uri: Uri,
    phone: Id,
) -> Result<Response, ApiError> {
    caller.may(Scope::MessagesRead)?;
    Query::of(&uri, &[])?;
    let preferences = gate.store().preferences(number(&gate, &phone)?).await?;
    Ok(shown(&json(&preferences)))
}

/// `PUT /v1/preferences/{phone}`: what is not said is as usual.
pub(super) async fn replace(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    phone: Id,
    request: Request,
) -> Result<Response, ApiError> {
    caller.may(Scope::MessagesSend)?;
    let number = number(&gate, &phone)?;
    let usual = Preferences::usual(gate.config().server.timezone.clone());
    let preferences = read(gate.fields(request).await?, usual)?;
    let by = gate.entry(
        &caller,
        "preferences.change",
        &masked_number(number.as_str()),
    );
    gate.store().prefer(number, preferences.clone(), by).await?;
    Ok(shown(&json(&preferences)))
}

/// `DELETE /v1/preferences/{phone}`
pub(super) async fn forget(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    phone: Id,
) -> Result<Response, ApiError> {
    caller.may(Scope::MessagesSend)?;
    let number = number(&gate, &phone)?;
    let by = gate.entry(
        &caller,
        "preferences.delete",
        &masked_number(number.as_str()),
    );
    gate.store().forget_preferences(number, by).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

fn read(mut fields: Fields, usual: Preferences) -> Result<Preferences, ApiError> {
    let sms_enabled = fields.flag("smsEnabled");
    let email_enabled = fields.flag("emailEnabled");
    let min_severity = submission::severity_in(&mut fields, "minSeverity");
    let time = |fields: &mut Fields, name: &'static str| {
        let given = fields.text(name)?;
        TimeOfDay::parse(&given)
            .or_else(|| fields.refuse(name, "must be a time of day, such as 22:00"))
    };
    let start = time(&mut fields, "quietHoursStart");
    let end = time(&mut fields, "quietHoursEnd");
    let zone = fields.text("timezone").and_then(|name| {
        let must = "must be a time zone's IANA name, such as Europe/Berlin";
        let zone = TimeZone::get(&name).ok();
        zone.or_else(|| fields.refuse("timezone", must))
    });
    fields.refuse_the_rest();
    fields.finish(Some(()))?;
    Ok(Preferences {
        sms_enabled: sms_enabled.unwrap_or(usual.sms_enabled),
        email_enabled: email_enabled.unwrap_or(usual.email_enabled),
        min_severity: min_severity.unwrap_or(usual.min_severity),
        quiet: QuietHours {
            start: start.unwrap_or(usual.quiet.start),
            end: end.unwrap_or(usual.quiet.end),
            zone: zone.unwrap_or(usual.quiet.zone),
        },
    })
}

/// A path's `{phone}` as the number that everything is kept under.
pub(super) fn number(gate: &Gate, Id(phone): &Id) -> Result<Destination, ApiError> {
    let mut rules = gate.config().numbers;
    rules.allow_short_codes = true;
    rules.parse(phone).map_err(|why| {
        ApiError::Invalid(vec![Problem {
            field: Some("phone".into()),
            code: "invalid_phone",
            message: format!("phone: {why}"),
        }])
    })
}

fn json(preferences: &Preferences) -> PreferencesJson<'_> {
    let quiet = &preferences.quiet;
    PreferencesJson {
        sms_enabled: preferences.sms_enabled,
        email_enabled: preferences.email_enabled,
        min_severity: preferences.min_severity.as_str(),
        quiet_hours_start: quiet.start.to_string(),
        quiet_hours_end: quiet.end.to_string(),
        timezone: quiet.zone.iana_name().unwrap_or("UTC"),
    }
}
