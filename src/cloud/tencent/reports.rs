//! What became of texts at Tencent: reports that it sends of its own accord, and the same ones when it is asked.
//!
//! Nothing of a report that comes of its own accord is signed. The path holds a secret, and a report counts only with a
//! number and an id, which whoever keeps it holds against its own.
//!
//! Never: believes a report that names no number.

use serde::Deserialize;
use serde_json::Value;

use super::PAGE;
use super::codes::{Failure, response};
use crate::cloud::words::{said, status_alone};
use crate::cloud::{Disbelief, Found, Sought, Thanks, beijing};
use crate::domain::attempt::{Delivery, Fate, Taken};
use crate::domain::{Redacted, UnixMillis};
use crate::https::Answer;

pub(super) const THANKS: Thanks = Thanks {
    status: 200,
    content_type: "application/json",
    body: r#"{"result":0,"errmsg":"OK"}"#,
};

#[derive(Deserialize)]
struct Pushed {
    /// In Beijing; of a text that was not delivered, when that was known.
    user_receive_time: Option<String>,
    nationcode: Option<String>,
    mobile: Option<String>,
    report_status: String,
    #[serde(default)]
    errmsg: String,
    #[serde(default)]
    description: String,
    sid: Option<String>,
}

/// # Errors
/// It is no array of objects.
pub(super) fn read(body: &[u8]) -> Result<Vec<Delivery>, Disbelief> {
    let rows: Vec<Value> = serde_json::from_slice(body).map_err(|_| Disbelief::Unreadable)?;
    // One by one: a report that cannot be read must not keep back its neighbours.
    Ok(rows
        .into_iter()
        .filter_map(|row| serde_json::from_value(row).ok())
        .filter_map(pushed)
        .collect())
}

/// `None`: it does not say of whom or of what it is, as a reply of a subscriber.
fn pushed(row: Pushed) -> Option<Delivery> {
    let given = |field: Option<String>| field.filter(|text| !text.is_empty());
    let id = given(row.sid)?;
    let mobile = given(row.mobile)?;
    let recipient = match given(row.nationcode) {
        Some(country) => format!("+{}{mobile}", country.trim_start_matches('+')),
        None => mobile,
    };
    let fate = fate(&row.report_status)?;
    Some(Delivery {
        attempt: None,
        id: Some(id),
        recipient: Some(Redacted::new(recipient)),
        fate,
        detail: (fate == Fate::Undelivered).then(|| said(&row.errmsg, &row.description)),
        at: row.user_receive_time.as_deref().and_then(beijing::time),
        price: None,
    })
}

fn fate(report_status: &str) -> Option<Fate> {
    match report_status {
        "SUCCESS" => Some(Fate::Delivered),
        "FAIL" => Some(Fate::Undelivered),
        _ => None,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Pulled {
    error: Option<Failure>,
    pull_sms_send_status_set: Option<Vec<Row>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    /// Seconds since 1970.
    user_receive_time: Option<i64>,
    phone_number: Option<String>,
    serial_no: Option<String>,
    #[serde(default)]
    report_status: String,
    #[serde(default)]
    description: String,
    session_context: Option<String>,
}

/// Of `PullSmsSendStatusByPhoneNumber`.
pub(super) fn found(sought: &Sought<'_>, answer: &Answer) -> Found {
    let pulled = match response::<Pulled>(answer) {
        Some(pulled) if answer.status().is_success() => pulled,
        _ => return Found::NotSaid(status_alone(answer.status())),
    };
    if let Some(failure) = pulled.error {
        return Found::NotSaid(said(&failure.code, &failure.message));
    }
    let Some(rows) = pulled.pull_sms_send_status_set else {
        return Found::NotSaid(status_alone(answer.status()));
    };
    match rows.iter().find(|row| is_sought(row, sought)) {
        Some(row) => Found::Yes(taken(row), Some(delivery(row, sought))),
        None if rows.len() >= PAGE => Found::NotSaid(format!(
            "more than the {} texts that were looked through went to this number since then",
            rows.len()
        )),
        None => Found::No,
    }
}

/// By the attempt, or by the id where one is known.
fn is_sought(row: &Row, sought: &Sought<'_>) -> bool {
    match row.session_context.as_deref().filter(|own| !own.is_empty()) {
        Some(context) => context == sought.attempt.to_string(),
        None => sought.id.is_some() && row.serial_no.as_deref() == sought.id,
    }
}

fn taken(row: &Row) -> Taken {
    let id = row.serial_no.clone().filter(|id| !id.is_empty());
    Taken {
        ids: id.into_iter().collect(),
        price: None,
    }
}

fn delivery(row: &Row, sought: &Sought<'_>) -> Delivery {
    let fate = fate(&row.report_status).unwrap_or(Fate::Sent);
    Delivery {
        attempt: Some(sought.attempt),
        id: row.serial_no.clone(),
        recipient: row.phone_number.clone().map(Redacted::new),
        fate,
        detail: (fate == Fate::Undelivered).then(|| said(&row.description, "")),
        at: row
            .user_receive_time
            .filter(|seconds| *seconds > 0)
            .map(|seconds| UnixMillis(seconds.saturating_mul(1000))),
        price: None,
    }
}
