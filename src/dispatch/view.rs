//! Routes as planning sees them: what dispatch knows of each, and what its modem says of itself.
//!
//! Dispatch publishes its half as [`Load`]s; whoever wants to know why a message waits puts the two together again, and
//! asks [`super::plan`] the same question.

use std::sync::Arc;
use std::time::Duration;

use super::purse::Allowance;
use super::quota::Left;
use crate::domain::fleet_view::FIRST_MEAN_SEND;
use crate::domain::{
    FleetView, ModemName, ModemState, ModemStatus, RouteKind, RouteName, SimId, Terms, UnixMillis,
};

/// How one route stands, for whoever asks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Load {
    pub(crate) route: RouteName,
    pub(crate) terms: Arc<Terms>,
    /// Parts that wait behind those in flight.
    pub(crate) queue: usize,
    /// Parts in flight.
    pub(crate) sending: usize,
    /// Parts taken and not taken by the network since UTC midnight or the start, whichever was later.
    pub(crate) sent_today: u64,
    pub(crate) failed_today: u64,
    /// What the quotas of its SIM leave.
    pub(crate) left: Left,
    /// Until when they leave nothing.
    pub(crate) used_up_until: Option<UnixMillis>,
    /// Until when it is left alone.
    pub(crate) cools_until: Option<UnixMillis>,
    /// What may be spent by it; `None`: it costs nothing that counts.
    pub(crate) allowance: Option<Allowance>,
}

impl Load {
    pub(crate) fn idle(route: RouteName, terms: Arc<Terms>) -> Self {
        Self {
            route,
            terms,
            queue: 0,
            sending: 0,
            sent_today: 0,
            failed_today: 0,
            left: Left::default(),
            used_up_until: None,
            cools_until: None,
            allowance: None,
        }
    }

    pub(crate) fn is_of(&self, modem: &ModemName) -> bool {
        self.route.is_modem(modem)
    }
}

/// What planning needs to know of one route.
#[derive(Clone, Debug)]
pub(crate) struct RouteView {
    pub(crate) name: RouteName,
    pub(crate) terms: Arc<Terms>,
    /// A provider is always ready.
    pub(crate) state: ModemState,
    /// What is wrong, for a person; left out where nobody reads it.
    pub(crate) said: Option<String>,
    /// The SIM in it, or the last that was.
    pub(crate) sim: Option<SimId>,
    /// It is not ready, and was a moment ago.
    pub(crate) is_coming_back: bool,
    pub(crate) mean_send: Duration,
    /// Parts it holds: in flight, prepared, and those that follow them.
    pub(crate) parts: usize,
    /// It has a place for another message now.
    pub(crate) has_room: bool,
    pub(crate) used_up_until: Option<UnixMillis>,
    pub(crate) cools_until: Option<UnixMillis>,
    pub(crate) allowance: Option<Allowance>,
}

/// How long a message some of whose parts went by a SIM waits for it to come back before all parts go anew by
/// another one: a replugged stick is back sooner, a dead one is not waited for long.
pub(crate) const PATIENCE_FOR_SIM: Duration = Duration::from_secs(60);

/// Every route there is, modems first, as they stand.
pub(crate) fn views(fleet: &FleetView, loads: &[Load], now: UnixMillis) -> Vec<RouteView> {
    let modems = fleet.iter().map(|modem| {
        let load = loads.iter().find(|load| load.is_of(&modem.name));
        of_modem(modem, load, now)
    });
    let clouds = loads
        .iter()
        .filter(|load| load.route.kind() == RouteKind::Cloud)
        .map(|load| RouteView {
            state: ModemState::Ready,
            said: None,
            sim: None,
            is_coming_back: false,
            mean_send: FIRST_MEAN_SEND,
            ..of_load(load)
        });
    modems.chain(clouds).collect()
}

fn of_modem(modem: &ModemStatus, load: Option<&Load>, now: UnixMillis) -> RouteView {
    let unknown;
    let load = match load {
        Some(load) => load,
        None => {
            unknown = Load::idle(RouteName::of_modem(&modem.name), Arc::default());
            &unknown
        }
    };
    let is_ready = modem.state == ModemState::Ready;
    RouteView {
        state: modem.state,
        said: modem.last_error.clone(),
        sim: modem.sim(),
        is_coming_back: !is_ready && now.since(modem.since) < PATIENCE_FOR_SIM,
        mean_send: modem.mean_send,
        ..of_load(load)
    }
}

fn of_load(load: &Load) -> RouteView {
    RouteView {
        name: load.route.clone(),
        terms: Arc::clone(&load.terms),
        state: ModemState::Absent,
        said: None,
        sim: None,
        is_coming_back: false,
        mean_send: FIRST_MEAN_SEND,
        parts: load.queue + load.sending,
        has_room: false,
        used_up_until: load.used_up_until,
        cools_until: load.cools_until,
        allowance: load.allowance,
    }
}
