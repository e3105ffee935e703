//! `SmsReport`: what Aliyun tells of its own accord, several reports in one request.
//!
//! Nothing of it is signed. The path holds a secret, and a report counts only with a number and an id, which whoever
//! keeps it holds against its own.
//!
//! Never: believes a report that names no number.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::cloud::beijing;
use crate::cloud::words::said;
use crate::cloud::{Disbelief, Thanks};
use crate::domain::attempt::{AttemptId, Delivery, Fate};
use crate::domain::{Money, Redacted};

/// Only that `code` is a number, and the status, are looked at; anything else is repeated after 1, 5 and 10 minutes.
pub(in crate::cloud) const THANKS: Thanks = Thanks {
    status: 200,
    content_type: "application/json",
    body: r#"{"code":0,"msg":"接收成功"}"#,
};

/// More parts than any text has.
const MOST_PARTS: u64 = 100;

#[derive(Deserialize)]
struct Row {
    phone_number: Option<String>,
    success: Option<Value>,
    err_code: Option<String>,
    err_msg: Option<String>,
    report_time: Option<String>,
    #[serde(default, deserialize_with = "counted")]
    sms_size: Option<u64>,
    biz_id: Option<String>,
    out_id: Option<String>,
}

/// `cost`: of one part.
///
/// # Errors
/// It is no array of objects.
pub(in crate::cloud) fn read(body: &[u8], cost: Option<Money>) -> Result<Vec<Delivery>, Disbelief> {
    let rows: Vec<Value> = serde_json::from_slice(body).map_err(|_| Disbelief::Unreadable)?;
    // One by one: a report that cannot be read must not keep back its neighbours.
    Ok(rows
        .into_iter()
        .filter_map(|row| serde_json::from_value(row).ok())
        .filter_map(|row| delivery(row, cost))
        .collect())
}

/// `None`: it does not say of whom or of what it is, as a reply of a subscriber (`SmsUp`).
fn delivery(row: Row, cost: Option<Money>) -> Option<Delivery> {
    let given = |field: Option<String>| field.filter(|text| !text.is_empty());
    let recipient = given(row.phone_number)?;
    let id = given(row.biz_id)?;
    let err_code = row.err_code.unwrap_or_default();
    let fate = fate(row.success.as_ref(), &err_code)?;
    let err_msg = row.err_msg.unwrap_or_default();
    Some(Delivery {
        attempt: row.out_id.as_deref().and_then(AttemptId::parse),
        id: Some(id),
        recipient: Some(Redacted::new(recipient)),
        fate,
        detail: (fate == Fate::Undelivered).then(|| said(&err_code, &err_msg)),
        at: row.report_time.as_deref().and_then(beijing::time),
        price: cost.zip(row.sms_size).and_then(|(cost, parts)| {
            let parts = usize::try_from(parts).ok()?;
            (1..=MOST_PARTS as usize)
                .contains(&parts)
                .then(|| cost.times(parts))
        }),
    })
}

/// Every code of a report but one means that it was not delivered.
fn fate(success: Option<&Value>, err_code: &str) -> Option<Fate> {
    let delivered = match success {
        Some(Value::Bool(success)) => *success,
        Some(Value::String(word)) => word == "true",
        _ if err_code.is_empty() => return None,
        _ => matches!(err_code, "DELIVERED" | "DELIVRD"),
    };
    Some(match delivered {
        true => Fate::Delivered,
        false => Fate::Undelivered,
    })
}

/// A count that is a number or its digits, by the version of the gateway.
pub(super) fn counted<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::Number(number) => number.as_u64(),
        Value::String(digits) => digits.parse().ok(),
        _ => None,
    })
}
