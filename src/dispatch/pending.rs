//! Why a message waits: its own hold, or what the routes say at this moment.
//!
//! Pure: a message, the routes and the time go in. A hold is stored with the message; everything else is what
//! [`plan`](super::plan) would decide if it were asked now, so that a modem that comes or goes costs no write per waiting
//! message, and the reason is the one that counts.

use std::time::Duration;

use super::plan::{Asked, Panel, Rejection};
use super::view::{Load, RouteView, views};
use crate::domain::message::Policies;
use crate::domain::{
    Addressee, Destination, FleetView, MessageState, ModemState, Pending, PendingCode, Policy,
    Terms, UnixMillis,
};
use crate::store::{MessageView, StoredOrigin};

/// How soon a message that waits for a route is looked at again at the latest; a route that changes its state
/// rings the bell sooner.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// `None` when it does not wait.
pub(crate) fn pending(
    message: &MessageView,
    fleet: &FleetView,
    loads: &[Load],
    now: UnixMillis,
) -> Option<Pending> {
    match message.state {
        MessageState::Scheduled | MessageState::Queued => {}
        _ => return None,
    }
    if let Some((code, why)) = &message.hold {
        return Some(Pending {
            code: *code,
            message: why.clone(),
            next_attempt_at: message.next_attempt_at.unwrap_or(now),
        });
    }
    if message.state == MessageState::Scheduled {
        let due = message.next_attempt_at.unwrap_or(now);
        return Some(Pending {
            code: PendingCode::Scheduled,
            message: format!("scheduled for {due}"),
            next_attempt_at: due,
        });
    }
    Some(waits_for_route(message, &views(fleet, loads, now), now))
}

fn waits_for_route(message: &MessageView, routes: &[RouteView], now: UnixMillis) -> Pending {
    let Addressee::Known(to) = &message.to else {
        unreachable!("what waits is not forgotten (store::retention)")
    };
    let policies = routes
        .first()
        .map_or(Terms::default().policies, |route| route.terms.policies);
    let ahead: Vec<usize> = routes.iter().map(|route| route.parts).collect();
    let mut panel = Panel::default();
    panel.hear(&asked(message, to, &policies), routes, &ahead, now);
    let mut in_order = panel.in_order();
    // The route that is nearest to sending is the one it waits for; of candidates that is the best.
    in_order.sort_by_key(|(_, verdict)| match verdict {
        Ok(_) => (0, None),
        Err(rejection) => (distance(*rejection), rejection.until()),
    });
    let nearest = in_order.first().filter(|(_, verdict)| match verdict {
        Ok(_) => true,
        Err(rejection) => rejection.pending_code().is_some(),
    });
    match nearest {
        Some((at, Ok(_))) => Pending {
            code: PendingCode::InLine,
            message: format!("in line for {}", routes[*at].name),
            next_attempt_at: now.plus(routes[*at].mean_send),
        },
        Some((at, Err(rejection))) => waits_until_it_may(&routes[*at], *rejection, now),
        None => Pending {
            code: PendingCode::NoModem,
            message: match message.via.is_some() || message.bond.is_some() {
                true => "the only route that may send it is not there".into(),
                false => "no route that may send it is configured".into(),
            },
            next_attempt_at: now.plus(LOOK_AGAIN),
        },
    }
}

fn waits_until_it_may(route: &RouteView, rejection: Rejection, now: UnixMillis) -> Pending {
    let name = &route.name;
    let message = match rejection {
        Rejection::Quota { until } => {
            format!("the quota of the SIM in {name} is used up until {until}")
        }
        Rejection::Budget { until } => {
            format!("the budget does not hold a message by {name} until {until}")
        }
        Rejection::CoolDown { until } => {
            format!("{name} failed too often and is left alone until {until}")
        }
        Rejection::NotYet { at } => format!("modems have until {at}, then {name} is asked"),
        Rejection::State(state) => match &route.said {
            Some(said) => format!("{name} {}: {said}", state.as_str()),
            None => format!("{name} {}", state.as_str()),
        },
        other => format!("{name}: {other}"),
    };
    Pending {
        code: rejection.pending_code().unwrap_or(PendingCode::NoModem),
        message,
        next_attempt_at: rejection.until().unwrap_or(now.plus(LOOK_AGAIN)),
    }
}

/// Which SIM last spoke with the recipient is not looked up: it decides among candidates, not whether there is one.
fn asked<'a>(message: &'a MessageView, to: &'a Destination, policies: &Policies) -> Asked<'a> {
    let policy = policies[message.category.index()];
    let bond = message.bond.as_ref();
    Asked {
        to,
        category: message.category,
        severity: message.severity,
        parts: message.parts.into(),
        since: message.scheduled_at.unwrap_or(message.created_at),
        via: message.via.as_ref(),
        contact: None,
        last: message
            .route
            .as_deref()
            .map(|route| (route, bond.and_then(|bond| bond.sim.as_ref()))),
        tried_at: bond.map_or(UnixMillis(0), |bond| bond.tried_at),
        has_failed: message.strikes + message.setbacks > 0,
        is_barred: message.is_barred(),
        stays: message.stays,
        origin: message.origin.as_ref().map(StoredOrigin::origin),
        is_bound: bond.is_some_and(|bond| bond.has_left || policy == Policy::Lose),
        policy,
    }
}

/// The smaller, the sooner it can be.
fn distance(rejection: Rejection) -> u8 {
    match rejection {
        Rejection::CoolDown { .. } | Rejection::Quota { .. } => 1,
        Rejection::State(state) => match state {
            ModemState::Ready => 1,
            ModemState::Registering => 2,
            ModemState::Starting => 3,
            ModemState::Recovering => 4,
            ModemState::NoNetwork => 5,
            ModemState::Quarantined => 6,
            ModemState::PinRequired | ModemState::NoSim | ModemState::Failed => 7,
            ModemState::Paused => 8,
            ModemState::Absent => 10,
        },
        Rejection::Disabled => 9,
        Rejection::Budget { .. } => 11,
        Rejection::NotYet { .. } => 12,
        _ => u8::MAX,
    }
}
