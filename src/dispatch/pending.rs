//! Why a message waits: its own hold, or what the line looks like at this moment.
//!
//! Pure: a message, the fleet and the time go in. A hold is stored with the message; everything else is read off
//! the modems when somebody asks, so that a modem that comes or goes costs no write per waiting message.

use std::time::Duration;

use super::Load;
use crate::domain::{
    FleetView, MessageState, ModemState, ModemStatus, Pending, PendingCode, UnixMillis,
};
use crate::store::MessageView;

/// How soon a message that waits for a modem is looked at again at the latest; a modem that changes its state
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
    Some(waits_for_modem(message, fleet, loads, now))
}

fn waits_for_modem(
    message: &MessageView,
    fleet: &FleetView,
    loads: &[Load],
    now: UnixMillis,
) -> Pending {
    let used_up_until = |modem: &ModemStatus| {
        let load = loads.iter().find(|load| load.modem == modem.name);
        load.and_then(|load| load.used_up_until)
            .filter(|until| *until > now)
    };
    let wanted = message.from_modem.as_deref();
    let eligible = || {
        fleet
            .iter()
            .filter(|modem| wanted.is_none_or(|name| modem.name.as_str() == name))
    };
    // The modem that is nearest to sending is the one it waits for.
    let Some(nearest) = eligible().min_by_key(|modem| {
        let until = used_up_until(modem).filter(|_| modem.state == ModemState::Ready);
        (distance(modem.state), until)
    }) else {
        return Pending {
            code: PendingCode::NoModem,
            message: "no modem that may send it is configured".into(),
            next_attempt_at: now.plus(LOOK_AGAIN),
        };
    };
    let code = nearest.state.pending_code();
    if let (PendingCode::InLine, Some(until)) = (code, used_up_until(nearest)) {
        return Pending {
            code: PendingCode::SimQuota,
            message: format!(
                "the quota of the SIM in modem {} is used up until {until}",
                nearest.name
            ),
            next_attempt_at: until,
        };
    }
    let (why, wait) = match code {
        PendingCode::InLine => (
            format!("in line for modem {}", nearest.name),
            nearest.mean_send,
        ),
        _ => (said_of(nearest), LOOK_AGAIN),
    };
    Pending {
        code,
        message: why,
        next_attempt_at: now.plus(wait),
    }
}

fn distance(state: ModemState) -> u8 {
    match state {
        ModemState::Ready => 0,
        ModemState::Registering => 1,
        ModemState::Starting => 2,
        ModemState::Recovering => 3,
        ModemState::NoNetwork => 4,
        ModemState::Quarantined => 5,
        ModemState::PinRequired | ModemState::NoSim | ModemState::Failed => 6,
        ModemState::Paused => 7,
        ModemState::Absent => 8,
    }
}

fn said_of(modem: &ModemStatus) -> String {
    let state = modem.state.as_str();
    match &modem.last_error {
        Some(error) => format!("modem {} {state}: {error}", modem.name),
        None => format!("modem {} {state}", modem.name),
    }
}
