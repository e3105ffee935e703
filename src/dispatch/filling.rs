//! From the line to the lanes: what waits is read, planned, claimed and prepared.

use std::sync::Arc;

use tokio::time::Instant;
use tracing::{error, warn};

use super::lane::{Claimed, Lane, Phase, Try};
use super::plan::{self, LaneView};
use super::{Dispatch, Load, recover};
use crate::domain::{Body, ModemState, PartNumber, Priority, Reference, UnixMillis};
use crate::modem::{Order, Submit, Ticket};
use crate::store::{InLine, StoredText};

/// Messages of each class that are kept in memory at once.
const WINDOW_PER_CLASS: u32 = 32;
/// Fewer than this (and one per modem) of a class that could go: more of it are read.
const LOW_WATER: usize = 4;
/// Each read of one round reaches further than the one before; a round ends all the same.
const MOST_READS: usize = 4;

impl Dispatch {
    /// Gives every lane what it has room for.
    pub(super) async fn fill(&mut self) {
        self.look_at_lanes();
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
            || self.lanes.iter().any(|lane| {
                let next = lane.tries.front().map(|one| one.phase);
                lane.has_place() || next == Some(Phase::Prepared)
            })
    }

    fn look_at_lanes(&mut self) {
        let (now, wall) = (Instant::now(), self.now());
        for at in 0..self.lanes.len() {
            let is_ready = self
                .status(at, |status| status.state == ModemState::Ready)
                .unwrap_or(false);
            let is_silent = self.silent_at(at).is_some_and(|since| since <= now);
            let lane = &mut self.lanes[at];
            lane.wake(now);
            lane.keep_limits(now, wall);
            if is_ready {
                lane.last_ready_at = wall;
            }
            if is_silent {
                // What waits behind a part that takes suspiciously long goes back into the line.
                self.window_is_stale |= !lane.claimed.is_empty();
                lane.claimed.clear();
                self.call_back(at, |_| true);
            }
        }
    }

    /// `false`: the disk refused, and is given a pause.
    async fn read_line(&mut self) -> bool {
        // What is claimed still stands in line until its intent is durable, and what waits for one SIM stays there:
        // neither must hide what is behind it.
        let held = self.lanes.iter().map(Lane::parts).sum::<usize>() + self.waiting_for_sims();
        let per_class = WINDOW_PER_CLASS + u32::try_from(held).unwrap_or(0);
        match self.store.line(per_class, self.ready.clone()).await {
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
        true
    }

    fn views(&self) -> Vec<LaneView> {
        (0..self.lanes.len())
            .filter_map(|lane| self.lane_view(lane))
            .collect()
    }

    fn waiting_for_sims(&self) -> usize {
        let views = self.views();
        let waits = |message: &&Arc<InLine>| plan::waits_for_sim(message, &views);
        self.window.iter().filter(waits).count()
    }

    /// A better class does not wait behind what is merely prepared, if it would go there.
    fn displace(&mut self) {
        let views = self.views();
        if views.len() != self.lanes.len() || self.window.is_empty() {
            return;
        }
        for at in 0..self.lanes.len() {
            let behind = self.lanes[at].tries.get(1);
            let Some((seq, priority)) = behind.and_then(Try::may_be_displaced) else {
                continue;
            };
            let mut if_it_had_room = views.clone();
            for (lane, view) in if_it_had_room.iter_mut().enumerate() {
                view.has_room = lane == at;
            }
            let policies = &self.settings.policies;
            let claims = plan::claims(
                &self.window,
                &if_it_had_room,
                |message| recover::policy_of(policies, message.category),
                &mut self.turns.clone(),
                self.now(),
            );
            let is_better = |claim: &plan::Claim| self.window[claim.message].priority < priority;
            if claims.first().is_some_and(is_better) {
                self.lanes[at].claimed.clear();
                self.call_back(at, |one| one.message.seq == seq);
            }
        }
    }

    async fn claim(&mut self) {
        let views = self.views();
        if views.len() != self.lanes.len() {
            return;
        }
        self.watch_patience(&views);
        if self.lanes.iter().any(Lane::has_room) {
            let policies = &self.settings.policies;
            let now = self.now();
            let claims = plan::claims(
                &self.window,
                &views,
                |message| recover::policy_of(policies, message.category),
                &mut self.turns,
                now,
            );
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
        self.window_is_stale |= self.runs_low(&views);
    }

    /// More of a class stands in line, and the window is nearly out of what could go.
    fn runs_low(&self, views: &[LaneView]) -> bool {
        let low = LOW_WATER + self.lanes.len();
        let can_go = |class: usize| {
            let of_class = |message: &&Arc<InLine>| usize::from(message.priority.0) == class;
            let goes = |message: &&Arc<InLine>| !plan::waits_for_sim(message, views);
            self.window.iter().filter(of_class).filter(goes).count()
        };
        (0..Priority::CLASSES).any(|class| self.window_has_more[class] && can_go(class) < low)
    }

    fn watch_patience(&mut self, views: &[LaneView]) {
        let waits = |message: &Arc<InLine>| plan::waits_for_sim(message, views);
        self.patience_ends_at = self.window.iter().any(waits).then(|| {
            let now = self.now();
            let ends = views
                .iter()
                .map(|view| view.last_ready_at.plus(plan::PATIENCE_FOR_SIM))
                .filter(|end| *end > now);
            ends.min().unwrap_or(now.plus(plan::PATIENCE_FOR_SIM))
        });
    }

    fn lane_view(&self, lane: usize) -> Option<LaneView> {
        let state = self.status(lane, |status| status.state)?;
        let is_silent = self
            .silent_at(lane)
            .is_some_and(|since| since <= Instant::now());
        Some(LaneView {
            modem: self.lanes[lane].handle.name.clone(),
            // A silent modem is no candidate, whatever it was last.
            state: match is_silent {
                true => ModemState::Recovering,
                false => state,
            },
            last_ready_at: self.lanes[lane].last_ready_at,
            mean_send: self.mean_send(lane),
            parts: self.lanes[lane].parts(),
            has_room: self.lanes[lane].has_room(),
        })
    }

    async fn take_on(&mut self, message: Arc<InLine>, claim: &plan::Claim) {
        crash_point!(BeforeClaim);
        let (lane, anew) = (claim.lane, claim.anew);
        let body = match &message.text {
            StoredText::Plain(body) => body.clone(),
            StoredText::Sealed(sealed) => {
                match self.store.pepper().open(sealed, message.id.as_str()) {
                    Ok(text) => Body::stored(text),
                    Err(broken) => return self.give_up(&message, broken.to_string()).await,
                }
            }
        };
        let all = 1..=u8::try_from(message.parts.len()).unwrap_or(u8::MAX);
        let left = all
            .filter(|number| anew || !message.parts[usize::from(*number) - 1].is_accepted())
            .map(PartNumber)
            .collect();
        let same_sim = self.lanes[lane].handle.name.route();
        let kept = message
            .reference
            .filter(|_| !anew && message.route.as_deref() == Some(&same_sim));
        let reference = kept.unwrap_or_else(|| {
            self.next_reference = self.next_reference.wrapping_add(1);
            self.next_reference
        });
        self.lanes[lane].claimed.push_back(Claimed {
            message,
            body,
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
            self.lanes[lane].order(Order::Prepare(Box::new(submit)));
        }
        self.begin(lane).await;
    }

    fn next_submit(&mut self, lane: usize) -> Option<Submit> {
        let now = self.now();
        let request_report = self.lanes[lane].request_report;
        let claimed = self.lanes[lane].claimed.front_mut()?;
        let part = claimed.left.pop_front()?;
        self.next_ticket += 1;
        let ticket = Ticket(self.next_ticket);
        let message = Arc::clone(&claimed.message);
        let submit = Submit {
            ticket,
            to: message.to.clone(),
            body: claimed.body.clone(),
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
            phase: Phase::Prepared,
        };
        if claimed.left.is_empty() {
            self.lanes[lane].claimed.pop_front();
        }
        self.lanes[lane].tries.push_back(one);
        Some(submit)
    }

    fn publish_loads(&self) {
        let now = self.now();
        let loads: Vec<Load> = self.lanes.iter().map(|lane| load(lane, now)).collect();
        self.loads.send_if_modified(|known| {
            let changed = *known != loads;
            if changed {
                *known = loads;
            }
            changed
        });
    }
}

fn load(lane: &Lane, now: UnixMillis) -> Load {
    let sending = lane
        .tries
        .iter()
        .filter(|one| matches!(one.phase, Phase::Gone { .. }))
        .count();
    Load {
        modem: lane.handle.name.clone(),
        queue: lane.parts() - sending,
        sending,
        sent_today: lane.sent_today,
        failed_today: lane.failed_today,
        left: lane.left(now),
        used_up_until: lane.used_up_until(),
    }
}
