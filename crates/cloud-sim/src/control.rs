//! **Control**: the door through which a running simulation is asked and ordered: `POST /control`, `GET /control`,
//! `GET /control/ledger`.
//!
//! Whatever is sent, it answers.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::account::Provider;
use crate::call::{Answer, Call};
use crate::fault::Order;
use crate::ledger::State;
use crate::world::World;

/// What can be ordered, in this order; everything may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Orders {
    /// Ends all faults.
    clear: bool,
    /// Forgets what was still to be called back.
    silence: bool,
    order: Option<Order>,
    orders: Vec<Order>,
    report_after_ms: Option<u64>,
    /// By how much the providers' clocks are ahead of ours, or behind.
    clock_offset_ms: Option<i64>,
    callbacks_to: Option<SocketAddr>,
    /// Where a provider reports that is told so by its account.
    report_urls: BTreeMap<Provider, String>,
    report: Option<ReportOrder>,
}

/// A report besides those that come by themselves.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReportOrder {
    /// The number of the text in the ledger.
    text: u64,
    state: State,
    #[serde(default)]
    forged: bool,
}

pub(crate) fn answer(world: &mut World, call: &Call, now: u64) -> Answer {
    match (call.method.as_str(), call.path.as_str()) {
        ("POST", "/control") => match serde_json::from_slice(&call.body) {
            Ok(orders) => obey(world, orders, now),
            Err(error) => refusal(400, &format!("the order cannot be read: {error}")),
        },
        ("GET", "/control") => in_force(world),
        ("GET", "/control/ledger") => {
            let from = call
                .query_fields()
                .value("from")
                .and_then(|from| from.parse().ok());
            Answer::json(200, &world.ledger.page(from.unwrap_or(1)))
        }
        _ => refusal(
            404,
            "there are POST /control, GET /control and GET /control/ledger",
        ),
    }
}

fn obey(world: &mut World, orders: Orders, now: u64) -> Answer {
    if orders.clear {
        world.clear();
    }
    if orders.silence {
        world.silence();
    }
    for order in orders.order.into_iter().chain(orders.orders) {
        world.order(order);
    }
    if let Some(ms) = orders.report_after_ms {
        world.settings.report_after = Duration::from_millis(ms);
    }
    if let Some(ms) = orders.clock_offset_ms {
        world.offset_clock(ms);
    }
    if let Some(address) = orders.callbacks_to {
        world.settings.callbacks_to = Some(address);
    }
    for (provider, url) in orders.report_urls {
        world.settings.report_to(provider, Some(url));
    }
    if let Some(ReportOrder {
        text,
        state,
        forged,
    }) = orders.report
        && !world.report_now(text, state, forged, now)
    {
        return refusal(
            404,
            &format!("there is no text {text}, or its reports go nowhere"),
        );
    }
    in_force(world)
}

fn in_force(world: &World) -> Answer {
    Answer::json(200, &json!({ "ok": true, "orders": world.orders() }))
}

fn refusal(status: u16, why: &str) -> Answer {
    let body: Value = json!({ "ok": false, "error": why });
    Answer::json(status, &body)
}
