//! By which route a message goes, and why by no other (semantics §5).
//!
//! Pure: a message and how each route stands go in; the order of its candidates comes out, and the reason of each other
//! route. Whoever decides and whoever explains asks [`Panel::hear`].

use std::fmt;
use std::time::Duration;

use super::view::{PATIENCE_FOR_SIM, RouteView};
use crate::domain::message::Policies;
use crate::domain::route::Origin;
use crate::domain::{
    Category, Destination, ModemState, PartState, Patience, PendingCode, Policy, RouteKind,
    RouteName, Severity, SimId, UnixMillis, Via,
};
use crate::store::{InLine, StoredOrigin};

/// What the choice of a route depends on, of a message.
#[derive(Clone, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) to: &'a Destination,
    pub(crate) category: Category,
    pub(crate) severity: Option<Severity>,
    pub(crate) parts: usize,
    /// Since when it may go.
    pub(crate) since: UnixMillis,
    /// The only way by which it may leave.
    pub(crate) via: Option<&'a Via>,
    /// The SIM that a text was last exchanged with its recipient by.
    pub(crate) contact: Option<&'a SimId>,
    /// Where its last try went, and by which SIM.
    pub(crate) last: Option<(&'a str, Option<&'a SimId>)>,
    /// When that began.
    pub(crate) tried_at: UnixMillis,
    /// That try came to nothing, and it was not the caller's doing.
    pub(crate) has_failed: bool,
    /// A modem was told that its number cannot be reached.
    pub(crate) is_barred: bool,
    /// Its last route was told that too many texts went to its number.
    pub(crate) stays: bool,
    /// The template it was made of, if of one.
    pub(crate) origin: Option<Origin<'a>>,
    /// Parts of it have left by the SIM of its last try, and others have not.
    pub(crate) is_bound: bool,
    pub(crate) policy: Policy,
}

/// Why a route does not carry a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Rejection {
    /// The message names another.
    NotAsked,
    Disabled,
    /// It stands nowhere in `routing.order` of the category.
    Order,
    Category,
    Prefix,
    /// Other parts of it left by another SIM.
    Bound,
    /// A modem was told that this number cannot be reached: another would be told the same.
    Barred,
    /// Its provider sends only what was made of templates that it knows.
    Template,
    /// Another provider was told that too many texts went to this number.
    Frequency,
    State(ModemState),
    CoolDown {
        until: UnixMillis,
    },
    Quota {
        until: UnixMillis,
    },
    Budget {
        until: UnixMillis,
    },
    /// `routing.cloud_for` does not list the category.
    CloudNotFor,
    /// Modems have until then.
    NotYet {
        at: UnixMillis,
    },
}

impl Rejection {
    /// For callers.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::NotAsked => "not_asked",
            Self::Disabled => "disabled",
            Self::Order => "order",
            Self::Category => "category",
            Self::Prefix => "prefix",
            Self::Bound => "bound",
            Self::Barred => "barred",
            Self::Template => "template",
            Self::Frequency => "frequency",
            Self::State(state) => state.as_str(),
            Self::CoolDown { .. } => "route_cooldown",
            Self::Quota { .. } => "sim_quota",
            Self::Budget { .. } => "budget",
            Self::CloudNotFor => "cloud_for",
            Self::NotYet { .. } => "not_yet",
        }
    }

    /// What a message waits for that is not carried for this reason; `None`: it does not wait for this route.
    pub(crate) fn pending_code(self) -> Option<PendingCode> {
        match self {
            Self::NotAsked
            | Self::Order
            | Self::Category
            | Self::Prefix
            | Self::Bound
            | Self::Barred
            | Self::Template
            | Self::Frequency
            | Self::CloudNotFor => None,
            Self::Disabled => Some(PendingCode::RoutePaused),
            Self::State(state) => Some(state.pending_code()),
            Self::CoolDown { .. } => Some(PendingCode::RouteCooldown),
            Self::Quota { .. } => Some(PendingCode::SimQuota),
            Self::Budget { .. } => Some(PendingCode::Budget),
            Self::NotYet { .. } => Some(PendingCode::InLine),
        }
    }

    /// Until when it holds, when that is known.
    pub(crate) fn until(self) -> Option<UnixMillis> {
        match self {
            Self::CoolDown { until } | Self::Quota { until } | Self::Budget { until } => {
                Some(until)
            }
            Self::NotYet { at } => Some(at),
            _ => None,
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAsked => f.write_str("the message names another route"),
            Self::Disabled => f.write_str("it is switched off"),
            Self::Order => f.write_str("it stands nowhere in routing.order of the category"),
            Self::Category => f.write_str("it does not serve the category"),
            Self::Prefix => f.write_str("it does not serve the number"),
            Self::Bound => f.write_str("other parts of the text left by another SIM"),
            Self::Barred => f.write_str("a modem was told that the number cannot be reached"),
            Self::Template => f.write_str(
                "it sends only texts made of a template that the provider knows (providerTemplateId, or template_map)",
            ),
            Self::Frequency => {
                f.write_str("another provider refused more texts to this number for now")
            }
            Self::State(state) => write!(f, "it is {}", state.as_str()),
            Self::CoolDown { until } => write!(f, "it failed and is left alone until {until}"),
            Self::Quota { until } => write!(f, "the quota of its SIM is used up until {until}"),
            Self::Budget { until } => write!(f, "the budget does not hold this until {until}"),
            Self::CloudNotFor => f.write_str("routing.cloud_for does not list the category"),
            Self::NotYet { at } => write!(f, "modems have until {at}"),
        }
    }
}

/// Where a candidate stands among the others: the smallest goes first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Merit {
    /// Weight 0.
    is_last_resort: bool,
    /// After a set-back the next candidate's turn comes first.
    failed_there: bool,
    /// It would take longer than its category may wait.
    is_late: bool,
    rank: u8,
    /// Another SIM has spoken with this recipient, and is not much later.
    is_stranger: bool,
    weighted_wait: Duration,
}

pub(crate) type Verdict = Result<Merit, Rejection>;

/// How much longer than by the best route a recipient may wait to hear from the SIM that it knows (semantics §5).
///
/// A reply and the next text of a conversation are the same case: whichever SIM a text was last exchanged by, in either
/// direction, is the one under whose number the phone keeps the thread. So the later of the two counts, and the same
/// bound holds for both: a reply that waits minutes for a busy SIM is worse than one from another number.
const STICKY: Duration = Duration::from_secs(10);

/// Judges routes; keeps its paper between two messages.
#[derive(Debug, Default)]
pub(crate) struct Panel {
    verdicts: Vec<Verdict>,
    /// Its parts are bound to a SIM and would leave by another all the same.
    is_anew: bool,
    home: Option<usize>,
}

impl Panel {
    /// A verdict for each route. `ahead`: parts that stand before it there.
    pub(crate) fn hear(
        &mut self,
        asked: &Asked<'_>,
        routes: &[RouteView],
        ahead: &[usize],
        now: UnixMillis,
    ) {
        self.verdicts.clear();
        self.is_anew = false;
        self.home = None;
        let bound = self.find_home(asked, routes, now);
        for (at, route) in routes.iter().enumerate() {
            let is_elsewhere = bound.is_some_and(|home| home != Some(at));
            let refused = static_rejection(asked, route)
                .or(is_elsewhere.then_some(Rejection::Bound))
                .or_else(|| closed(asked, route, now));
            self.verdicts.push(match refused {
                Some(rejection) => Err(rejection),
                None => Ok(merit(asked, route, ahead[at], now)),
            });
        }
        self.hold_clouds_back(asked, routes, ahead, now);
        self.prefer_contact(asked, routes, ahead);
    }

    /// `None`: any route will do. `Some(None)`: only one that is not there.
    fn find_home(
        &mut self,
        asked: &Asked<'_>,
        routes: &[RouteView],
        now: UnixMillis,
    ) -> Option<Option<usize>> {
        let (route, sim) = asked.last.filter(|_| asked.is_bound)?;
        // The SIM, in whatever modem it is; where it does not say who it is, the modem. A stick that is gone is remembered
        // with the SIM that it had.
        let is_home = |view: &RouteView| match sim {
            Some(sim) => view.sim.as_ref() == Some(sim),
            None => view.name.as_str() == route,
        };
        let home = routes
            .iter()
            .enumerate()
            .filter(|(_, view)| is_home(view))
            .min_by_key(|(_, view)| view.state != ModemState::Ready)
            .map(|(at, _)| at);
        self.home = home;
        let tried_lately = now.since(asked.tried_at) < PATIENCE_FOR_SIM;
        let is_waited_for = match home.map(|home| &routes[home]) {
            _ if asked.policy == Policy::Lose => true,
            Some(view) if view.state == ModemState::Ready => {
                closed(asked, view, now).is_none() || tried_lately
            }
            Some(view) => view.is_coming_back || tried_lately,
            // A modem that has not said yet which SIM it has may have this one.
            None => {
                let unnamed = |view: &RouteView| view.sim.is_none() && view.is_coming_back;
                tried_lately || routes.iter().any(unnamed)
            }
        };
        self.is_anew = !is_waited_for;
        is_waited_for.then_some(home)
    }

    /// Modems have their time first; then, or when they cannot, providers are asked (semantics §5).
    fn hold_clouds_back(
        &mut self,
        asked: &Asked<'_>,
        routes: &[RouteView],
        ahead: &[usize],
        now: UnixMillis,
    ) {
        let is_cloud = |route: &RouteView| route.name.kind() == RouteKind::Cloud;
        if !routes.iter().any(is_cloud) {
            return;
        }
        let (mut first_modem, mut best_wait) = (None, None);
        for (at, route) in routes.iter().enumerate() {
            if is_cloud(route) || static_rejection(asked, route).is_some() {
                continue;
            }
            let rank = route.terms.ranks[asked.category.index()];
            first_modem = first_modem.into_iter().chain(rank).min();
            if self.verdicts[at].is_ok() {
                let wait = wait_to_begin(route, ahead[at]);
                best_wait = best_wait.into_iter().chain([wait]).min();
            }
        }
        let has_failed_on_modem = asked.has_failed
            && asked
                .last
                .and_then(|(route, _)| RouteName::parse(route))
                .is_some_and(|route| route.kind() == RouteKind::Modem);
        for (at, route) in routes.iter().enumerate() {
            if !is_cloud(route) || self.verdicts[at].is_err() {
                continue;
            }
            let patience = &route.terms.patience;
            let (most, is_urgent) = most_wait(asked, patience);
            // No modem is configured for it, or all stand behind.
            let rank = route.terms.ranks[asked.category.index()];
            let stands_first = first_modem.is_none() || rank < first_modem;
            let is_open = stands_first
                || asked.via.is_some()
                || has_failed_on_modem
                || now.since(asked.since) >= most
                || match best_wait {
                    Some(wait) => wait > most,
                    None => is_urgent,
                };
            if !patience.cloud_for.contain(asked.category) {
                self.verdicts[at] = Err(Rejection::CloudNotFor);
            } else if !is_open {
                let at_last = asked.since.plus(most);
                self.verdicts[at] = Err(Rejection::NotYet { at: at_last });
            }
        }
    }

    fn prefer_contact(&mut self, asked: &Asked<'_>, routes: &[RouteView], ahead: &[usize]) {
        let Some(sim) = asked.contact else {
            return;
        };
        let is_known =
            |at: &usize| self.verdicts[*at].is_ok() && routes[*at].sim.as_ref() == Some(sim);
        let Some(known) = (0..routes.len()).find(is_known) else {
            return;
        };
        let (Some(best), Ok(merit)) = (self.best(), self.verdicts[known]) else {
            return;
        };
        let Ok(of_best) = self.verdicts[best] else {
            return;
        };
        let wait = |at: usize| wait_to_end(asked, &routes[at], ahead[at]);
        let is_like_best = (
            of_best.is_last_resort,
            of_best.failed_there,
            of_best.is_late,
            of_best.rank,
        ) == (
            merit.is_last_resort,
            merit.failed_there,
            merit.is_late,
            merit.rank,
        );
        if is_like_best && wait(known) <= wait(best) + STICKY {
            for (at, verdict) in self.verdicts.iter_mut().enumerate() {
                if let Ok(merit) = verdict {
                    merit.is_stranger = at != known;
                }
            }
        }
    }

    /// The route that carries it, or will as soon as it has room.
    pub(crate) fn best(&self) -> Option<usize> {
        self.verdicts
            .iter()
            .enumerate()
            .filter_map(|(at, verdict)| verdict.ok().map(|merit| (merit, at)))
            .min()
            .map(|(_, at)| at)
    }

    /// Whether parts that have left go again when it leaves by this route: a handset joins parts by their sender.
    pub(crate) fn goes_anew_by(&self, route: usize) -> bool {
        self.is_anew && self.home != Some(route)
    }

    /// Candidates, the best first, then those that are none, in the order of the routes.
    pub(crate) fn in_order(&self) -> Vec<(usize, Verdict)> {
        let mut all: Vec<(usize, Verdict)> = self.verdicts.iter().copied().enumerate().collect();
        all.sort_by_key(|(at, verdict)| match verdict {
            Ok(merit) => (0, Some(*merit), *at),
            Err(_) => (1, None, *at),
        });
        all
    }

    /// It waits for the SIM that took earlier parts of it.
    pub(super) fn waits_for_sim(&self) -> bool {
        self.verdicts.contains(&Err(Rejection::Bound)) && self.best().is_none()
    }

    /// When a provider may take it: modems have had their time, or there is money again.
    pub(super) fn opens_at(&self) -> Option<UnixMillis> {
        let opens = self.verdicts.iter().filter_map(|verdict| match verdict {
            Err(Rejection::NotYet { at } | Rejection::Budget { until: at }) => Some(*at),
            _ => None,
        });
        opens.min()
    }
}

/// What does not change while nobody changes the route or the message.
fn static_rejection(asked: &Asked<'_>, route: &RouteView) -> Option<Rejection> {
    let is_asked = match asked.via {
        None => true,
        Some(Via::Route(name)) => route.name == *name,
        Some(Via::Sim(sim)) => route.sim.as_ref() == Some(sim),
    };
    let terms = &route.terms;
    if !is_asked {
        Some(Rejection::NotAsked)
    } else if !terms.enabled {
        Some(Rejection::Disabled)
    } else if terms.ranks[asked.category.index()].is_none() {
        Some(Rejection::Order)
    } else if !terms.categories.contain(asked.category) {
        Some(Rejection::Category)
    } else if !terms.prefixes.serve(asked.to) {
        Some(Rejection::Prefix)
    } else if asked.is_barred && route.name.kind() == RouteKind::Modem {
        Some(Rejection::Barred)
    } else if !terms.takes.carries(asked.origin) {
        Some(Rejection::Template)
    } else if asked.stays
        && asked
            .last
            .is_some_and(|(last, _)| last != route.name.as_str())
    {
        Some(Rejection::Frequency)
    } else {
        None
    }
}

/// What may be otherwise in a moment.
fn closed(asked: &Asked<'_>, route: &RouteView, now: UnixMillis) -> Option<Rejection> {
    closed_to_all(route, now).or_else(|| too_dear(route, asked.parts))
}

/// What closes a route to every message at this moment.
pub(crate) fn closed_to_all(route: &RouteView, now: UnixMillis) -> Option<Rejection> {
    if route.state != ModemState::Ready {
        return Some(Rejection::State(route.state));
    }
    let later = |until: &UnixMillis| *until > now;
    if let Some(until) = route.cools_until.filter(later) {
        return Some(Rejection::CoolDown { until });
    }
    if let Some(until) = route.used_up_until.filter(later) {
        return Some(Rejection::Quota { until });
    }
    too_dear(route, 1)
}

fn too_dear(route: &RouteView, parts: usize) -> Option<Rejection> {
    let cost = route.terms.cost.times(parts);
    route
        .allowance
        .filter(|allowance| allowance.left < cost)
        .map(|allowance| Rejection::Budget {
            until: allowance.until,
        })
}

fn merit(asked: &Asked<'_>, route: &RouteView, ahead: usize, now: UnixMillis) -> Merit {
    let terms = &route.terms;
    let failed_there = asked.has_failed
        && asked
            .last
            .is_some_and(|(last, sim)| match (sim, &route.sim) {
                (Some(sim), Some(here)) => sim == here,
                _ => last == route.name.as_str(),
            });
    let (most, _) = most_wait(asked, &terms.patience);
    let is_modem = route.name.kind() == RouteKind::Modem;
    let wait = wait_to_end(asked, route, ahead);
    Merit {
        is_last_resort: terms.weight == 0,
        failed_there,
        is_late: is_modem && (wait_to_begin(route, ahead) > most || now.since(asked.since) >= most),
        rank: terms.ranks[asked.category.index()].unwrap_or(u8::MAX),
        is_stranger: false,
        weighted_wait: wait.saturating_mul(100) / terms.weight.max(1),
    }
}

/// How long its category may wait before what stands behind is asked, and whether it will not wait for a modem to come
/// back.
fn most_wait(asked: &Asked<'_>, patience: &Patience) -> (Duration, bool) {
    match (asked.category, asked.severity) {
        (Category::Otp, _) => (patience.otp, true),
        (Category::Alert, Some(Severity::Critical)) => (patience.alert, true),
        _ => (patience.others, false),
    }
}

/// Until the first part of another message would leave by it: what it holds, or as if one were in flight.
fn wait_to_begin(route: &RouteView, ahead: usize) -> Duration {
    let parts = u32::try_from(ahead.max(1)).unwrap_or(u32::MAX);
    route.mean_send.saturating_mul(parts)
}

/// Until the last part of this message would be taken.
pub(super) fn wait_to_end(asked: &Asked<'_>, route: &RouteView, ahead: usize) -> Duration {
    let parts = u32::try_from(ahead + asked.parts).unwrap_or(u32::MAX);
    route.mean_send.saturating_mul(parts)
}

/// What a line's message depends on.
pub(crate) fn asked<'a>(message: &'a InLine, policies: &Policies) -> Asked<'a> {
    let policy = policies[message.category.index()];
    Asked {
        to: &message.to,
        category: message.category,
        severity: message.severity,
        parts: message.parts.len(),
        since: message.since,
        via: message.via.as_ref(),
        contact: message.contact.as_ref(),
        last: message
            .last
            .as_ref()
            .map(|last| (last.route.as_str(), last.sim.as_ref())),
        tried_at: message.last.as_ref().map_or(UnixMillis(0), |last| last.at),
        has_failed: message.has_failed(),
        is_barred: message.is_barred,
        stays: message.stays,
        origin: message.origin.as_ref().map(StoredOrigin::origin),
        is_bound: is_bound(&message.parts, policy),
        policy,
    }
}

/// Some parts have left, or may have and are not sent again: a handset joins parts by their sender.
fn is_bound(parts: &[PartState], policy: Policy) -> bool {
    parts
        .iter()
        .any(|part| part.is_accepted() || policy == Policy::Lose && *part == PartState::Uncertain)
}

/// What names the parts of a text on the handset: one reference for all tries by the same SIM, another by another SIM,
/// and different ones for texts that follow each other.
pub(crate) fn reference(message: &InLine, place: &RouteName, sim: Option<&SimId>) -> u16 {
    let before = message.last.as_ref().and_then(|last| {
        let is_here = match (&last.sim, sim) {
            (Some(there), Some(here)) => there == here,
            _ => last.route == *place,
        };
        last.reference.map(|reference| (reference, is_here))
    });
    if let Some((reference, true)) = before {
        return reference;
    }
    let place = sim.map_or(place.as_str(), SimId::as_str);
    let offset = place.bytes().fold(0u16, |sum, octet| {
        sum.wrapping_mul(31).wrapping_add(octet.into())
    });
    let [.., high, low] = message.seq.0.to_be_bytes();
    let own = u16::from_be_bytes([high, low]).wrapping_add(offset);
    // Where references are of eight bits only the low octet tells.
    match before {
        Some((other, false)) if other.to_be_bytes()[1] == own.to_be_bytes()[1] => own ^ 0x80,
        _ => own,
    }
}

#[cfg(test)]
mod tests;
