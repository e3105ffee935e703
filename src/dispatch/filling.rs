//! From the line to the lanes: what waits is read, planned, claimed and prepared.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::time::Instant;
use tracing::{error, warn};

use super::lane::{Claimed, Lane, Phase, Try};
use super::view::{PATIENCE_FOR_SIM, RouteView};
use super::{Dispatch, Load, Parting, claims, plan};
use crate::domain::fleet_view::FIRST_MEAN_SEND;
use crate::domain::{ModemState, PartNumber, PartState, Policy, Reference, Submit, Ticket, Word};
use crate::store::{Contacts, InLine};

/// Messages of each class and crowd that are kept in memory at once.
const WINDOW_PER_CROWD: u32 = 32;
/// Fewer than this (and one per route) of a class and crowd: more of it are read.
const LOW_WATER: usize = 4;
/// Each read of one round reaches further than the one before; a round ends all the same.
const MOST_READS: usize = 4;

impl Dispatch {
    /// Gives every lane what it has room for.
    pub(super) async fn fill(&mut self) {
        self.looked_at = (Instant::now(), self.now());
        self.look_at_lanes();
        self.keep_time();
        self.keep_hours();
        if !self.stopping && self.pause_until.is_none() && self.has_something_to_do() {
            for _ in 0..MOST_READS {
                if self.window_is_stale && !self.read_line().await {
                    break;
                }
                self.displace();
                self.claim().await;
                if !self.window_is_stale {
                    break;
                }
            }
            for lane in 0..self.lanes.len() {
                self.hand_over(lane).await;
            }
        }
        self.publish_loads();
    }

    /// The line has changed, or a lane could take more.
    fn has_something_to_do(&self) -> bool {
        self.window_is_stale
            || self
                .lanes
                .iter()
                .any(|lane| lane.has_place() || lane.next_to_begin().is_some())
    }

    fn look_at_lanes(&mut self) {
        let (now, wall) = (Instant::now(), self.now());
        for at in 0..self.lanes.len() {
            let is_ready = self.is_ready(at);
            let is_silent = self.silent_at(at).is_some_and(|since| since <= now);
            let lane = &mut self.lanes[at];
            lane.health.look(now);
            lane.keep_limits(now, wall);
            if is_ready {
                lane.last_ready_at = wall;
            }
            if is_silent {
                // What waits behind a part that takes suspiciously long goes back into the line.
                self.empty(at);
            }
        }
    }

    /// `false`: the disk refused, and is given a pause.
    async fn read_line(&mut self) -> bool {
        // What is claimed still stands in line until its intent is durable: it must not hide what is behind it.
        let held = self.lanes.iter().map(Lane::parts).sum::<usize>();
        let per_crowd = WINDOW_PER_CROWD + u32::try_from(held).unwrap_or(0);
        let contacts = match self.lanes.len() {
            0 | 1 => Contacts::Spared,
            _ => Contacts::Wanted,
        };
        match self.store.line(per_crowd, contacts).await {
            Ok(line) => {
                self.window_is_stale = false;
                self.window_has_more = line.more;
                self.next_due = line.next_due;
                self.window = line.front.into_iter().map(Arc::new).collect();
            }
            Err(error) => {
                warn!(%error, "the line could not be read");
                self.pause();
                return false;
            }
        }
        let lanes = &self.lanes;
        self.window
            .retain(|message| !lanes.iter().any(|lane| lane.holds(message.seq)));
        self.leave_to_rest();
        true
    }

    /// Every route as it stands, in the order of the lanes; `None` while a modem's status is not known.
    fn views(&self) -> Option<Vec<RouteView>> {
        (0..self.lanes.len())
            .map(|lane| self.route_view(lane))
            .collect()
    }

    /// A better class does not wait behind what is merely prepared, if it would go there.
    fn displace(&mut self) {
        if self.window.is_empty() {
            return;
        }
        let behind = |lane: &Lane| lane.tries.get(1).and_then(Try::may_be_displaced);
        if !self.lanes.iter().any(|lane| behind(lane).is_some()) {
            return;
        }
        let Some(views) = self.views() else {
            return;
        };
        for at in 0..self.lanes.len() {
            let Some((seq, priority)) = behind(&self.lanes[at]) else {
                continue;
            };
            // The line begins with the best class: when even its first is not better, none is.
            if self.window[0].priority >= priority {
                continue;
            }
            let mut if_it_had_room = views.clone();
            for (lane, view) in if_it_had_room.iter_mut().enumerate() {
                view.has_room = lane == at;
            }
            let claims = claims::claims(
                &self.window,
                &if_it_had_room,
                &self.settings.policies,
                &mut self.turns.clone(),
                self.now(),
            );
            let is_better = |claim: &claims::Claim| self.window[claim.message].priority < priority;
            if claims.first().is_some_and(is_better) {
                self.lanes[at].claimed.clear();
                self.call_back(at, |one| one.message.seq == seq);
            }
        }
    }

    async fn claim(&mut self) {
        let Some(views) = self.views() else {
            return;
        };
        let now = self.now();
        if views.iter().any(|view| view.has_room) {
            let policies = &self.settings.policies;
            let claims = claims::claims(&self.window, &views, policies, &mut self.turns, now);
            let mut taken: Vec<usize> = claims.iter().map(|claim| claim.message).collect();
            for claim in claims {
                let message = Arc::clone(&self.window[claim.message]);
                self.take_on(message, &claim).await;
            }
            taken.sort_unstable();
            for at in taken.into_iter().rev() {
                self.window.remove(at);
            }
        }
        self.look_again_at =
            claims::look_again_at(&self.window, &views, &self.settings.policies, self.now());
        self.window_is_stale |= self.runs_low();
    }

    /// More of a crowd stands in line, and the window is nearly out of it. What a crowd waits for it waits for together, so
    /// one that can go nowhere is never low.
    fn runs_low(&self) -> bool {
        let low = LOW_WATER + self.lanes.len();
        self.window_has_more.iter().any(|(priority, crowd)| {
            let is_of_it =
                |message: &&Arc<InLine>| message.priority == *priority && message.crowd == *crowd;
            self.window.iter().filter(is_of_it).take(low).count() < low
        })
    }

    fn route_view(&self, at: usize) -> Option<RouteView> {
        let lane = &self.lanes[at];
        let (state, mean_send) = match lane.is_cloud() {
            true => (ModemState::Ready, lane.mean_request()),
            false if lane.is_gone() => (ModemState::Absent, FIRST_MEAN_SEND),
            false => self.status(at, |status| (status.state, status.mean_send))?,
        };
        let is_silent = self
            .silent_at(at)
            .is_some_and(|since| since <= Instant::now());
        let state = match (lane.is_paused, is_silent) {
            (true, _) => ModemState::Paused,
            // A silent modem is no candidate, whatever it was last.
            (false, true) => ModemState::Recovering,
            (false, false) => state,
        };
        let is_coming_back =
            state != ModemState::Ready && self.now().since(lane.last_ready_at) < PATIENCE_FOR_SIM;
        Some(RouteView {
            name: lane.name.clone(),
            terms: Arc::clone(&lane.terms),
            state,
            said: None,
            sim: lane.sim.clone(),
            is_coming_back,
            mean_send,
            parts: lane.parts(),
            has_room: lane.has_room(),
            used_up_until: lane.used_up_until(),
            cools_until: lane.health.cools_until(),
            allowance: self.allowance(at),
        })
    }

    fn allowance(&self, lane: usize) -> Option<super::Allowance> {
        match self.lanes[lane].is_cloud() {
            true => self.purse.allowance(self.now()),
            false => None,
        }
    }

    async fn take_on(&mut self, message: Arc<InLine>, claim: &claims::Claim) {
        crash_point!(BeforeClaim);
        let (lane, anew) = (claim.route, claim.anew);
        let body = match message.text.open(&message.id, self.store.pepper()) {
            Ok(body) => body,
            Err(broken) => return self.give_up(&message, broken.to_string()).await,
        };
        let made_of = match &message.origin {
            // A handset does not care.
            Some(origin) if self.lanes[lane].is_cloud() => {
                match origin.open(&message.id, self.store.pepper()) {
                    Ok(made_of) => Some(made_of),
                    Err(broken) => return self.give_up(&message, broken.to_string()).await,
                }
            }
            _ => None,
        };
        // What may have left is not sent again under policy lose; a provider takes the text whole.
        let is_lost = self.settings.policies[message.category.index()] == Policy::Lose;
        let goes = |part: PartState| {
            let is_out = part.is_accepted() || is_lost && part == PartState::Uncertain;
            anew || !is_out
        };
        let all = 1..=u8::try_from(message.parts.len()).unwrap_or(u8::MAX);
        let mut left: VecDeque<PartNumber> = all
            .filter(|number| goes(message.parts[usize::from(*number) - 1]))
            .map(PartNumber)
            .collect();
        if self.lanes[lane].is_cloud() {
            left.truncate(1);
        }
        let route = &self.lanes[lane];
        let reference = plan::reference(&message, &route.name, route.sim.as_ref());
        self.lanes[lane].claimed.push_back(Claimed {
            message,
            body,
            made_of,
            reference,
            left,
            anew,
            by_turn: claim.by_turn,
        });
        crash_point!(AfterClaim);
    }

    async fn give_up(&mut self, message: &InLine, why: String) {
        error!(message_id = %message.id, why, "a queued text cannot be sent");
        let mut group = self.store.group();
        let receipt = group.give_up(message.seq, "internal", why, self.now());
        group.submit().await;
        self.window_is_stale = true;
        if let Err(error) = receipt.committed().await {
            warn!(%error, "giving up could not be recorded");
            self.pause();
        }
    }

    /// Prepares parts while the session has a place, and begins with the one at the front.
    async fn hand_over(&mut self, lane: usize) {
        loop {
            let (clock, wall) = (Instant::now(), self.now());
            self.lanes[lane].keep_limits(clock, wall);
            if !self.lanes[lane].has_place() {
                break;
            }
            let Some(submit) = self.next_submit(lane) else {
                break;
            };
            crash_point!(BeforePrepare);
            self.lanes[lane].say(Word::Prepare(Box::new(submit)));
        }
        self.begin(lane).await;
    }

    fn next_submit(&mut self, lane: usize) -> Option<Submit> {
        let now = self.now();
        let request_report = self.lanes[lane].request_report;
        let is_probe = self.lanes[lane].health.is_probing();
        let claimed = self.lanes[lane].claimed.front_mut()?;
        let part = claimed.left.pop_front()?;
        self.next_ticket += 1;
        let ticket = Ticket(self.next_ticket);
        let message = Arc::clone(&claimed.message);
        let submit = Submit {
            ticket,
            message: message.seq,
            to: message.to.clone(),
            body: claimed.body.clone(),
            made_of: claimed.made_of.clone(),
            encoding: message.encoding,
            part,
            reference: match message.ref16 {
                true => Reference::Sixteen(claimed.reference),
                // The low octet: consecutive references differ in it.
                false => Reference::Eight(claimed.reference.to_be_bytes()[1]),
            },
            request_report,
            validity: message.expires_at.since(now),
            flash: message.flash,
        };
        let one = Try {
            ticket,
            message,
            part,
            reference: claimed.reference,
            anew: std::mem::take(&mut claimed.anew),
            by_turn: claimed.by_turn,
            is_probe,
            spent: None,
            phase: Phase::Prepared,
        };
        if claimed.left.is_empty() {
            self.lanes[lane].claimed.pop_front();
        }
        self.lanes[lane].tries.push_back(one);
        Some(submit)
    }

    pub(super) fn publish_loads(&self) {
        let is_there = |lane: &Lane| lane.gone != Some(Parting::ForGood);
        let there = (0..self.lanes.len()).filter(|at| is_there(&self.lanes[*at]));
        let loads: Vec<Load> = there.map(|lane| self.load(lane)).collect();
        self.loads.send_if_modified(|known| {
            let changed = *known != loads;
            if changed {
                *known = loads;
            }
            changed
        });
    }

    fn load(&self, at: usize) -> Load {
        let lane = &self.lanes[at];
        let is_in_flight = |one: &&Try| matches!(one.phase, Phase::Gone { .. });
        let sending = lane.tries.iter().filter(is_in_flight).count();
        Load {
            queue: lane.parts() - sending,
            sending,
            sent_today: lane.sent_today,
            failed_today: lane.failed_today,
            left: lane.left(self.now()),
            used_up_until: lane.used_up_until(),
            cools_until: lane.health.cools_until(),
            allowance: self.allowance(at),
            ..Load::idle(lane.name.clone(), Arc::clone(&lane.terms))
        }
    }
}
