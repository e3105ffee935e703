//! What would become of a message if it were there: the same judgement as for one that is.

use std::time::Duration;

use super::plan::{Asked, Panel, Rejection, wait_to_end};
use super::view::{Load, views};
use crate::domain::route::Origin;
use crate::domain::{Category, Destination, FleetView, Policy, RouteName, SimId, UnixMillis, Via};

/// A message that nobody sends.
#[derive(Debug)]
pub(crate) struct Trial<'a> {
    pub(crate) to: &'a Destination,
    pub(crate) category: Category,
    pub(crate) parts: usize,
    pub(crate) via: Option<&'a Via>,
    /// The SIM that a text was last exchanged with its recipient by.
    pub(crate) contact: Option<&'a SimId>,
    /// The template it would be made of, if of one.
    pub(crate) origin: Option<Origin<'a>>,
}

/// One route, and how long the message would take by it, or why it would not go by it.
#[derive(Debug, PartialEq)]
pub(crate) struct Finding {
    pub(crate) route: RouteName,
    pub(crate) verdict: Result<Duration, Rejection>,
}

/// Candidates, the best first, then every other route.
pub(crate) fn findings(
    trial: &Trial<'_>,
    fleet: &FleetView,
    loads: &[Load],
    now: UnixMillis,
) -> Vec<Finding> {
    let routes = views(fleet, loads, now);
    let ahead: Vec<usize> = routes.iter().map(|route| route.parts).collect();
    let asked = Asked {
        to: trial.to,
        category: trial.category,
        severity: None,
        parts: trial.parts,
        since: now,
        via: trial.via,
        contact: trial.contact,
        last: None,
        tried_at: UnixMillis(0),
        has_failed: false,
        is_barred: false,
        stays: false,
        origin: trial.origin,
        is_bound: false,
        policy: Policy::Duplicate,
    };
    let mut panel = Panel::default();
    panel.hear(&asked, &routes, &ahead, now);
    let in_order = panel.in_order();
    let found = in_order.into_iter().map(|(at, verdict)| Finding {
        route: routes[at].name.clone(),
        verdict: verdict.map(|_| wait_to_end(&asked, &routes[at], ahead[at])),
    });
    found.collect()
}
