//! `QuerySendDetails`: what became of a text, and whether there is one.
//!
//! A number's texts of one day, at most 50 of them in the one page that is asked for. What is not in the page is not
//! there only when the page holds the whole day.
//!
//! Never: says that a text was not sent when it may stand on another page or day.

use std::time::Duration;

use serde::Deserialize;

use super::acs3::Parameter;
use super::codes::Head;
use super::number;
use super::reports::counted;
use crate::cloud::beijing;
use crate::cloud::words::{said, status_alone};
use crate::cloud::{Found, Sought};
use crate::domain::attempt::{Delivery, Fate, Taken};
use crate::domain::{Redacted, UnixMillis};
use crate::https::Answer;

/// The most that a page can hold.
const PAGE: usize = 50;

/// The provider keeps no details that are older.
const KEPT: Duration = Duration::from_secs(30 * 86_400);

/// A request may be read this long after it was begun, and by a clock that differs by this much.
const LEEWAY: Duration = Duration::from_secs(120);

/// `None`: the details are gone, or there never were any.
pub(super) fn question(sought: &Sought<'_>, now: UnixMillis) -> Option<Vec<Parameter>> {
    if now.since(sought.sent_at) >= KEPT {
        return None;
    }
    let mut parameters = vec![
        ("CurrentPage", "1".to_owned()),
        ("PageSize", PAGE.to_string()),
        ("PhoneNumber", number(sought.to).ok()?.to_owned()),
        ("SendDate", beijing::date(sought.sent_at)),
    ];
    if let Some(id) = sought.id {
        parameters.push(("BizId", id.to_owned()));
    }
    Some(parameters)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Details {
    #[serde(default, deserialize_with = "counted")]
    total_count: Option<u64>,
    #[serde(rename = "SmsSendDetailDTOs")]
    list: Option<List>,
}

#[derive(Deserialize)]
struct List {
    #[serde(rename = "SmsSendDetailDTO", default)]
    rows: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    phone_num: Option<String>,
    #[serde(default, deserialize_with = "counted")]
    send_status: Option<u64>,
    err_code: Option<String>,
    receive_date: Option<String>,
    out_id: Option<String>,
}

pub(super) fn found(sought: &Sought<'_>, answer: &Answer) -> Found {
    let head: Head = serde_json::from_slice(answer.body()).unwrap_or_default();
    if head.code.is_empty() {
        return Found::NotSaid(status_alone(answer.status()));
    }
    if head.code != "OK" || !answer.status().is_success() {
        return Found::NotSaid(said(&head.code, &head.message));
    }
    let Ok(details) = serde_json::from_slice::<Details>(answer.body()) else {
        return Found::NotSaid("the details cannot be read".to_owned());
    };
    let rows = details.list.map(|list| list.rows).unwrap_or_default();
    match rows.iter().find(|row| is_sought(row, sought)) {
        Some(row) => Found::Yes(taken(sought), Some(delivery(row, sought))),
        None => absent(sought, rows.len(), details.total_count),
    }
}

/// By the attempt. A text whose id was asked for may have lost it, but has no other's.
fn is_sought(row: &Row, sought: &Sought<'_>) -> bool {
    match row.out_id.as_deref().filter(|id| !id.is_empty()) {
        Some(out_id) => out_id == sought.attempt.to_string(),
        None => sought.id.is_some(),
    }
}

/// The details do not repeat the id.
fn taken(sought: &Sought<'_>) -> Taken {
    Taken {
        ids: sought.id.map(str::to_owned).into_iter().collect(),
        price: None,
    }
}

fn delivery(row: &Row, sought: &Sought<'_>) -> Delivery {
    let fate = match row.send_status {
        Some(2) => Fate::Undelivered,
        Some(3) => Fate::Delivered,
        _ => Fate::Sent,
    };
    let reason = row.err_code.as_deref().filter(|code| !code.is_empty());
    Delivery {
        attempt: Some(sought.attempt),
        id: sought.id.map(str::to_owned),
        recipient: row.phone_num.clone().map(Redacted::new),
        fate,
        detail: reason
            .filter(|_| fate == Fate::Undelivered)
            .map(|code| said(code, "")),
        at: row.receive_date.as_deref().and_then(beijing::time),
        price: None,
    }
}

fn absent(sought: &Sought<'_>, listed: usize, total: Option<u64>) -> Found {
    let is_whole =
        total.is_none_or(|total| usize::try_from(total).is_ok_and(|total| total <= listed));
    if !is_whole || listed >= PAGE {
        return Found::NotSaid(format!(
            "more than the {listed} texts that were looked through went to this number on that day"
        ));
    }
    // A day is asked for by one date. Just before midnight it may have been counted to the next one.
    match beijing::date(sought.sent_at.plus(LEEWAY)) == beijing::date(sought.sent_at) {
        true => Found::No,
        false => Found::NotSaid(
            "it was sent around midnight in Beijing, and is not in that day's list".to_owned(),
        ),
    }
}
