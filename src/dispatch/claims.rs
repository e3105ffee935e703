//! Which messages of the line go now: whose turn it is among the classes, and what each route has room for.
//!
//! Pure: the front of the line and how each route stands go in, what to claim comes out. By which route a message goes
//! is [`plan`](super::plan)'s.

use std::sync::Arc;

use super::plan::{Panel, asked};
use super::view::{PATIENCE_FOR_SIM, RouteView};
use crate::domain::message::Policies;
use crate::domain::{Policy, Priority, RouteKind, UnixMillis};
use crate::store::InLine;

/// One message for one route.
#[derive(Debug, PartialEq)]
pub(crate) struct Claim {
    /// Position in the line that was given.
    pub(crate) message: usize,
    pub(crate) route: usize,
    /// Earlier parts went by another SIM: all parts go anew.
    pub(crate) anew: bool,
    /// It was its class's turn, before better ones.
    pub(crate) by_turn: bool,
}

/// Whose turn it is among the classes: the best one, but each that waits gets one of eight sends.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turns {
    passed_over: [u8; Priority::CLASSES],
}

/// A class that waits is passed over this often at most.
const MOST_PASSES: u8 = 7;

impl Turns {
    fn choose(&self, waiting: [bool; Priority::CLASSES]) -> Option<usize> {
        let classes = || (0..Priority::CLASSES).filter(|class| waiting[*class]);
        classes()
            .find(|class| self.passed_over[*class] >= MOST_PASSES)
            .or_else(|| classes().next())
    }

    fn took(&mut self, taken: usize, waiting: [bool; Priority::CLASSES]) {
        for (class, passes) in self.passed_over.iter_mut().enumerate() {
            *passes = match waiting[class] && class != taken {
                true => passes.saturating_add(1),
                false => 0,
            };
        }
    }
}

/// Assigns the line to the routes, and names what can be claimed at once. A message whose best route is full keeps its
/// place there, so that those behind it are measured against a longer queue.
pub(crate) fn claims(
    line: &[Arc<InLine>],
    routes: &[RouteView],
    policies: &Policies,
    turns: &mut Turns,
    now: UnixMillis,
) -> Vec<Claim> {
    let mut ahead: Vec<usize> = routes.iter().map(|route| route.parts).collect();
    let mut room: Vec<bool> = routes.iter().map(|route| route.has_room).collect();
    let mut classes: [Vec<usize>; Priority::CLASSES] = Default::default();
    for (at, message) in line.iter().enumerate().rev() {
        classes[usize::from(message.priority.0)].push(at);
    }
    let mut order = turns.clone();
    let mut panel = Panel::default();
    let mut claims = Vec::new();
    while room.contains(&true) {
        let waiting = std::array::from_fn(|class| !classes[class].is_empty());
        let Some(class) = order.choose(waiting) else {
            break;
        };
        let Some(at) = classes[class].pop() else {
            break;
        };
        order.took(class, waiting);
        let message = &line[at];
        panel.hear(&asked(message, policies), routes, &ahead, now);
        let Some(route) = panel.best() else {
            continue;
        };
        if room[route] {
            turns.took(class, waiting);
            room[route] = false;
            let better_waits = waiting[..class].contains(&true);
            claims.push(Claim {
                message: at,
                route,
                anew: panel.goes_anew_by(route),
                by_turn: better_waits,
            });
        }
        ahead[route] += message.parts.len();
    }
    claims
}

/// When a message that no claim was made for is worth another look, though nothing else happens: a provider may take
/// it, or its SIM has been waited for long enough.
pub(crate) fn look_again_at(
    line: &[Arc<InLine>],
    routes: &[RouteView],
    policies: &Policies,
    now: UnixMillis,
) -> Option<UnixMillis> {
    let has_cloud = routes
        .iter()
        .any(|route| route.name.kind() == RouteKind::Cloud);
    let ahead: Vec<usize> = routes.iter().map(|route| route.parts).collect();
    let mut panel = Panel::default();
    let mut soonest = None;
    for message in line {
        let asked = asked(message, policies);
        if !has_cloud && !asked.is_bound {
            continue;
        }
        panel.hear(&asked, routes, &ahead, now);
        let patience_ends = (panel.waits_for_sim() && asked.policy == Policy::Duplicate)
            .then(|| asked.tried_at.plus(PATIENCE_FOR_SIM))
            .map(|end| {
                if end > now {
                    end
                } else {
                    now.plus(PATIENCE_FOR_SIM)
                }
            });
        soonest = soonest
            .into_iter()
            .chain(panel.opens_at())
            .chain(patience_ends)
            .min();
    }
    soonest
}
