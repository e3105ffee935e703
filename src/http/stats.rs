//! `GET /v1/stats` (http-api.md G7): how things stand now. No row of a message is counted for it.

use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use http::Uri;
use serde::Serialize;
use serde_json::{Map, Value};

use super::Gate;
use super::answer::shown;
use super::auth::{Admitted, Scope};
use super::error::ApiError;
use super::extract::Query;
use crate::care::{BalanceFigure, LoopbackFigure, SimFigures};
use crate::dispatch::{Load, pending};
use crate::domain::{
    FleetView, MessageState, ModemStatus, PendingCode, UnixMillis, VerificationState, Via,
};
use crate::store::{DAY, Place, QueueGroup, Why};

#[derive(Debug, Serialize)]
struct StatsJson<'a> {
    at: String,
    queue: QueueJson,
    today: TodayJson,
    modems: Vec<ModemJson<'a>>,
}

#[derive(Debug, Serialize)]
struct QueueJson {
    scheduled: i64,
    queued: i64,
    sending: i64,
    places: Vec<PlaceJson>,
    waiting: Vec<WaitingJson>,
    /// More is held back than was read for `waiting`; the numbers above are exact all the same.
    is_sample: bool,
}

/// Messages of one category that may go by one route only, or by any (null).
#[derive(Debug, Serialize)]
struct PlaceJson {
    category: &'static str,
    route: Option<String>,
    scheduled: i64,
    queued: i64,
    sending: i64,
}

/// Messages that wait for the same thing.
#[derive(Debug, Serialize)]
struct WaitingJson {
    reason: ReasonJson,
    category: &'static str,
    route: Option<String>,
    messages: i64,
    /// When the first of them was accepted.
    oldest_at: Option<String>,
    /// When the first of them is looked at again.
    next_attempt_at: String,
    /// The end of the first time to live.
    first_expires_at: Option<String>,
}

#[derive(Debug, Serialize)]
struct ReasonJson {
    code: &'static str,
    message: String,
}

/// Messages by their present status: those that are not sent yet, and those of this day (UTC) that are out of the queue. The
/// day of a message is that on which the network had taken all of it, or else that of its acceptance.
#[derive(Debug, Serialize)]
struct TodayJson {
    since: String,
    messages: Map<String, Value>,
    /// Those that were begun on this day, by how they stand.
    verifications: Map<String, Value>,
    /// The share of them that was approved, 0 to 1; null when there were none.
    conversion: Option<f64>,
}

#[derive(Debug, Serialize)]
struct ModemJson<'a> {
    id: &'a str,
    state: &'static str,
    since: String,
    queue: usize,
    sending: usize,
    sent_today: u64,
    failed_today: u64,
    /// What its SIM has left, as the network said last; null: it is not asked (balance_ussd), or has not answered.
    balance: Option<BalanceJson>,
    /// The probes that its SIM has sent since the start; null: none (sim_care.loopback_every).
    loopback: Option<LoopbackJson>,
}

#[derive(Debug, Serialize)]
struct BalanceJson {
    amount: String,
    at: String,
    low: bool,
}

#[derive(Debug, Serialize)]
struct LoopbackJson {
    sent: u64,
    received: u64,
    last_delay_ms: Option<u128>,
    mean_delay_ms: Option<u128>,
    last_at: Option<String>,
}

/// `GET /v1/stats`
pub(super) async fn show(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    uri: Uri,
) -> Result<Response, ApiError> {
    caller.may(Scope::StatsRead)?;
    Query::of(&uri, &[])?;
    let now = gate.now();
    let (fleet, loads, figures) = (gate.fleet(), gate.loads(), gate.figures());
    let places = gate.store().places();
    let queue = gate.store().queue().await?;
    let today = gate.store().statistic_of_day(now).await?;
    let codes = gate.store().verifications_of_day(now).await?;
    let waiting = queue
        .groups
        .iter()
        .map(|group| waiting(group, &fleet, &loads, now));
    let total = |state| in_state(&places, state);
    Ok(shown(&StatsJson {
        at: now.to_string(),
        queue: QueueJson {
            scheduled: total(MessageState::Scheduled),
            queued: total(MessageState::Queued),
            sending: total(MessageState::Sending),
            places: by_route(&places),
            waiting: waiting.collect(),
            is_sample: queue.is_sample,
        },
        today: TodayJson {
            since: UnixMillis(now.0.div_euclid(DAY) * DAY).to_string(),
            messages: by_status(&places, &today),
            verifications: VerificationState::ALL
                .into_iter()
                .map(|state| {
                    (
                        state.as_str().to_owned(),
                        in_code_state(&codes, state).into(),
                    )
                })
                .collect(),
            conversion: conversion(&codes),
        },
        modems: fleet
            .iter()
            .map(|modem| of_modem(modem, &loads, &figures))
            .collect(),
    }))
}

fn in_state(places: &[(Place, i64)], state: MessageState) -> i64 {
    let of_state = places.iter().filter(|(place, _)| place.state == state);
    of_state.map(|(_, messages)| messages).sum()
}

fn in_code_state(codes: &[(VerificationState, i64)], state: VerificationState) -> i64 {
    let of_state = codes.iter().find(|(one, _)| *one == state);
    of_state.map_or(0, |(_, verifications)| *verifications)
}

/// Four decimals.
#[allow(clippy::cast_precision_loss)]
fn conversion(codes: &[(VerificationState, i64)]) -> Option<f64> {
    let begun: i64 = codes.iter().map(|(_, verifications)| verifications).sum();
    let approved = in_code_state(codes, VerificationState::Approved);
    (begun > 0).then(|| (approved as f64 / begun as f64 * 10_000.0).round() / 10_000.0)
}

fn by_route(places: &[(Place, i64)]) -> Vec<PlaceJson> {
    let mut lines: Vec<_> = places
        .iter()
        .map(|(place, _)| (place.category, place.via.as_ref()))
        .collect();
    lines.sort_unstable();
    lines.dedup();
    let json = |(category, via): (_, Option<&Via>)| {
        let of_line: Vec<_> = places
            .iter()
            .filter(|(place, _)| place.category == category && place.via.as_ref() == via)
            .cloned()
            .collect();
        PlaceJson {
            category: category.as_str(),
            route: via.map(Via::shown),
            scheduled: in_state(&of_line, MessageState::Scheduled),
            queued: in_state(&of_line, MessageState::Queued),
            sending: in_state(&of_line, MessageState::Sending),
        }
    };
    lines.into_iter().map(json).collect()
}

fn by_status(places: &[(Place, i64)], today: &[(MessageState, i64)]) -> Map<String, Value> {
    let count = |state| {
        let over = today.iter().find(|(status, _)| *status == state);
        over.map_or_else(|| in_state(places, state), |(_, messages)| *messages)
    };
    MessageState::ALL
        .into_iter()
        .map(|state| (state.as_str().to_owned(), count(state).into()))
        .collect()
}

fn waiting(group: &QueueGroup, fleet: &FleetView, loads: &[Load], now: UnixMillis) -> WaitingJson {
    let (code, message, next_attempt_at) = match &group.why {
        Why::Held { code, text, until } => (*code, text.clone(), *until),
        Why::InLine(first) => match pending(first, fleet, loads, now) {
            Some(pending) => (pending.code, pending.message, pending.next_attempt_at),
            // It left while this was read; what is behind it stands in line.
            None => (PendingCode::InLine, "in line".into(), now),
        },
    };
    WaitingJson {
        reason: ReasonJson {
            code: code.as_str(),
            message,
        },
        category: group.category.as_str(),
        route: group.via.as_ref().map(Via::shown),
        messages: group.messages,
        oldest_at: group.oldest_at.map(|at| at.to_string()),
        next_attempt_at: next_attempt_at.to_string(),
        first_expires_at: group.first_expires_at.map(|at| at.to_string()),
    }
}

fn of_modem<'a>(modem: &'a ModemStatus, loads: &[Load], figures: &[SimFigures]) -> ModemJson<'a> {
    let of_sim = figures.iter().find(|sim| sim.modem == modem.name);
    let load = loads.iter().find(|load| load.route.is_modem(&modem.name));
    ModemJson {
        id: modem.name.as_str(),
        state: modem.state.as_str(),
        since: modem.since.to_string(),
        queue: load.map_or(0, |load| load.queue),
        sending: load.map_or(0, |load| load.sending),
        sent_today: load.map_or(0, |load| load.sent_today),
        failed_today: load.map_or(0, |load| load.failed_today),
        balance: of_sim.and_then(|sim| sim.balance).map(of_balance),
        loopback: of_sim.and_then(|sim| sim.loopback).map(of_loopback),
    }
}

fn of_balance(balance: BalanceFigure) -> BalanceJson {
    BalanceJson {
        amount: balance.amount.to_string(),
        at: balance.at.to_string(),
        low: balance.is_low(),
    }
}

fn of_loopback(loopback: LoopbackFigure) -> LoopbackJson {
    let millis = |delay: Duration| delay.as_millis();
    LoopbackJson {
        sent: loopback.sent,
        received: loopback.received,
        last_delay_ms: loopback.last_delay.map(millis),
        mean_delay_ms: loopback.mean_delay.map(millis),
        last_at: loopback.last_at.map(|at| at.to_string()),
    }
}
