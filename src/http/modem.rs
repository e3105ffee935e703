//! `/v1/modems` (http-api.md G5): the fleet as it stands.

use std::borrow::Cow;

use axum::extract::{Request, State};
use axum::response::Response;
use http::{StatusCode, Uri};
use serde::Serialize;

use super::Gate;
use super::answer::{shown, with_status};
use super::auth::{Admitted, Caller, Scope};
use super::cursor::{Listing, Page};
use super::error::{ApiError, Overload};
use super::extract::{Id, Query};
use super::message::nothing_asked;
use crate::care::{Figures, SimFigures};
use crate::dispatch::{Control, Load, Wish};
use crate::domain::ModemStatus;
use crate::domain::forget::CannotForget;

#[derive(Debug, Serialize)]
struct ModemJson<'a> {
    id: &'a str,
    device: &'a str,
    state: &'static str,
    imei: Option<&'a str>,
    imsi: Option<&'a str>,
    iccid: Option<&'a str>,
    number: Option<&'a str>,
    operator: Option<&'a str>,
    network: &'static str,
    tech: Option<&'static str>,
    signal_dbm: Option<i16>,
    signal_percent: Option<u8>,
    queue: usize,
    sending: usize,
    sent_today: u64,
    failed_today: u64,
    quota: QuotaJson,
    last_error: Option<Cow<'a, str>>,
    since: String,
}

/// Parts that its SIM may still send; null: no quota is set, or the SIM is not known yet.
#[derive(Debug, Default, Serialize)]
struct QuotaJson {
    hour: Option<u32>,
    day: Option<u32>,
    month: Option<u32>,
}

/// `GET /v1/modems`, in the order of the configuration.
pub(super) async fn list(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    uri: Uri,
) -> Result<Response, ApiError> {
    caller.may(Scope::ModemsRead)?;
    let (fleet, loads, figures) = (gate.fleet(), gate.loads(), gate.figures());
    let (page, next_cursor, has_more) = Page::of(&uri, None)?.range(fleet.len());
    let modems = fleet.iter().skip(page.start).take(page.len());
    Ok(shown(&Listing {
        data: modems.map(|modem| json(modem, &loads, &figures)).collect(),
        next_cursor,
        has_more,
    }))
}

/// `GET /v1/modems/{id}`
pub(super) async fn show(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    uri: Uri,
    Id(name): Id,
) -> Result<Response, ApiError> {
    caller.may(Scope::ModemsRead)?;
    Query::of(&uri, &[])?;
    let modem = gate.modem(&name)?;
    Ok(shown(&json(&modem, &gate.loads(), &gate.figures())))
}

/// `POST /v1/modems/{id}/pause`: nothing is sent by it until it is resumed, or the gateway is started again.
pub(super) async fn pause(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    Id(name): Id,
    request: Request,
) -> Result<Response, ApiError> {
    wish(&gate, &caller, &name, Control::Pause, request).await
}

/// `POST /v1/modems/{id}/resume`
pub(super) async fn resume(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    Id(name): Id,
    request: Request,
) -> Result<Response, ApiError> {
    wish(&gate, &caller, &name, Control::Resume, request).await
}

/// `POST /v1/modems/{id}/restart`: as soon as nothing is in flight.
pub(super) async fn restart(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    Id(name): Id,
    request: Request,
) -> Result<Response, ApiError> {
    wish(&gate, &caller, &name, Control::Restart, request).await
}

/// `DELETE /v1/modems/{id}`: it, or its SIM, will not return. What waits for it ends; one that no section of the config
/// names is listed no more until it is plugged in again.
pub(super) async fn forget(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    Id(name): Id,
    request: Request,
) -> Result<Response, ApiError> {
    caller.may(Scope::ModemsWrite)?;
    nothing_asked(&gate, request).await?;
    let modem = gate.modem(&name)?.name;
    // On record first: what cannot be recorded is not done.
    let by = gate.entry(&caller, "modem.forget", &name);
    gate.store().audit(by).await?;
    let ended = gate.0.parts.forget.forget(modem).await;
    ended
        .map(|messages| shown(&ForgottenJson { messages }))
        .map_err(|why| match why {
            CannotForget::Unknown => ApiError::NotFound,
            CannotForget::IsHere => ApiError::ModemIsHere,
            CannotForget::Disk => ApiError::Overloaded(Overload::Disk),
            CannotForget::Stopping => ApiError::Overloaded(Overload::ShuttingDown),
        })
}

/// What has ended with it.
#[derive(Debug, Serialize)]
struct ForgottenJson {
    messages: usize,
}

/// Answered with the modem as it stands: what was asked for follows.
async fn wish(
    gate: &Gate,
    caller: &Caller,
    name: &str,
    control: Control,
    request: Request,
) -> Result<Response, ApiError> {
    caller.may(Scope::ModemsWrite)?;
    nothing_asked(gate, request).await?;
    let modem = gate.modem(name)?;
    let action = match control {
        Control::Pause => "modem.pause",
        Control::Resume => "modem.resume",
        Control::Restart => "modem.restart",
    };
    let wish = Wish::Modem {
        modem: modem.name.clone(),
        control,
    };
    gate.wish(caller, action, name, wish).await?;
    Ok(with_status(
        StatusCode::ACCEPTED,
        &json(&modem, &gate.loads(), &gate.figures()),
    ))
}

impl Gate {
    /// # Errors
    /// 404 of a name that no modem has.
    pub(super) fn modem(&self, name: &str) -> Result<ModemStatus, ApiError> {
        let fleet = self.fleet();
        let found = fleet.iter().find(|modem| modem.name.as_str() == name);
        found.cloned().ok_or(ApiError::NotFound)
    }

    /// Hands on what is wanted of this modem, when it is on record: what cannot be recorded is not done.
    pub(super) async fn wish(
        &self,
        caller: &Caller,
        action: &'static str,
        modem: &str,
        wish: Wish,
    ) -> Result<(), ApiError> {
        // A full channel: dispatch waits for its disk, or somebody asks without end.
        let wishes = &self.0.parts.wishes;
        let place = wishes
            .try_reserve()
            .map_err(|_| ApiError::Overloaded(Overload::Modems))?;
        let by = self.entry(caller, action, modem);
        self.store().audit(by).await?;
        place.send(wish);
        Ok(())
    }

    pub(super) fn loads(&self) -> Vec<Load> {
        self.0.parts.loads.borrow().clone()
    }

    pub(super) fn figures(&self) -> Figures {
        self.0.parts.figures.borrow().clone()
    }
}

fn json<'a>(modem: &'a ModemStatus, loads: &[Load], figures: &[SimFigures]) -> ModemJson<'a> {
    // What the modem itself complains of goes first.
    let of_sim = figures.iter().find(|sim| sim.modem == modem.name);
    let complaint = || of_sim.and_then(SimFigures::complaint).map(Cow::Owned);
    let load = loads.iter().find(|load| load.is_of(&modem.name));
    ModemJson {
        id: modem.name.as_str(),
        device: &modem.device,
        state: modem.state.as_str(),
        imei: modem.imei.as_deref(),
        imsi: modem.imsi.as_deref(),
        iccid: modem.iccid.as_deref(),
        number: modem.number.as_deref(),
        operator: modem.operator.as_deref(),
        network: modem.network.as_str(),
        tech: modem.tech,
        signal_dbm: modem.signal_dbm,
        signal_percent: modem.signal_percent(),
        queue: load.map_or(0, |load| load.queue),
        sending: load.map_or(0, |load| load.sending),
        sent_today: load.map_or(0, |load| load.sent_today),
        failed_today: load.map_or(0, |load| load.failed_today),
        quota: load.map_or_else(QuotaJson::default, |load| QuotaJson {
            hour: load.left.hour,
            day: load.left.day,
            month: load.left.month,
        }),
        last_error: modem
            .last_error
            .as_deref()
            .map(Cow::Borrowed)
            .or_else(complaint),
        since: modem.since.to_string(),
    }
}
