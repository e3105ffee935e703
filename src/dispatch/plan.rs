//! Which message goes next, and by which modem (semantics §5).
//!
//! Pure: the front of the line and what each lane holds go in; what to claim now comes out.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::{ModemName, ModemState, Policy, Priority, UnixMillis};
use crate::store::InLine;

/// What planning needs to know of one modem.
#[derive(Clone, Debug)]
pub(crate) struct LaneView {
    pub(crate) modem: ModemName,
    pub(crate) state: ModemState,
    /// When it was last ready; now, when it is.
    pub(crate) last_ready_at: UnixMillis,
    pub(crate) mean_send: Duration,
    /// Parts it holds: in flight, prepared, and those that follow them.
    pub(crate) parts: usize,
    /// It has a place for another message now.
    pub(crate) has_room: bool,
}

/// One message for one lane.
#[derive(Debug, PartialEq)]
pub(crate) struct Claim {
    /// Position in the line that was given.
    pub(crate) message: usize,
    pub(crate) lane: usize,
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

/// How long a message some of whose parts went by a SIM waits for it to come back before all parts go anew by
/// another one: a replugged stick is back sooner, a dead one is not waited for long.
pub(crate) const PATIENCE_FOR_SIM: Duration = Duration::from_secs(60);

/// Assigns the line to the lanes by smallest expected wait, and names what can be claimed at once. A message whose
/// best lane is full keeps its place there, so that those behind it are measured against a longer queue.
pub(crate) fn claims(
    line: &[Arc<InLine>],
    lanes: &[LaneView],
    policy: impl Fn(&InLine) -> Policy,
    turns: &mut Turns,
    now: UnixMillis,
) -> Vec<Claim> {
    let mut lanes = lanes.to_vec();
    let mut classes: [Vec<usize>; Priority::CLASSES] = Default::default();
    for (at, message) in line.iter().enumerate().rev() {
        classes[usize::from(message.priority.0)].push(at);
    }
    let mut order = turns.clone();
    let mut claims = Vec::new();
    while lanes.iter().any(|lane| lane.has_room) {
        let waiting = std::array::from_fn(|class| !classes[class].is_empty());
        let Some(class) = order.choose(waiting) else {
            break;
        };
        let Some(at) = classes[class].pop() else {
            break;
        };
        order.took(class, waiting);
        let message = &line[at];
        let Some((lane, anew)) = best_lane(message, &lanes, policy(message), now) else {
            continue;
        };
        let parts = message.parts.len();
        if lanes[lane].has_room {
            turns.took(class, waiting);
            lanes[lane].has_room = false;
            let better_waits = waiting[..class].contains(&true);
            claims.push(Claim {
                message: at,
                lane,
                anew,
                by_turn: better_waits,
            });
        }
        lanes[lane].parts += parts;
    }
    claims
}

/// The lane with the smallest expected wait of those that may send it, and whether its parts start anew there.
fn best_lane(
    message: &InLine,
    lanes: &[LaneView],
    policy: Policy,
    now: UnixMillis,
) -> Option<(usize, bool)> {
    let ready = |lane: &LaneView| lane.state == ModemState::Ready;
    let wanted = |lane: &LaneView| {
        message
            .from_modem
            .as_ref()
            .is_none_or(|name| *name == lane.modem)
    };
    let bound = bound_route(message);
    let home = bound.and_then(|route| lanes.iter().position(|lane| lane.modem.route() == route));
    if let Some(home) = home
        && (ready(&lanes[home]) || policy == Policy::Lose || is_coming_back(&lanes[home], now))
    {
        let usable = ready(&lanes[home]) && wanted(&lanes[home]);
        return usable.then_some((home, false));
    }
    if bound.is_some() && policy == Policy::Lose {
        return None;
    }
    // After a set-back the next candidate's turn comes first (semantics §5).
    let failed_there = |lane: &LaneView| {
        message.has_failed() && message.route.as_deref() == Some(&lane.modem.route())
    };
    lanes
        .iter()
        .enumerate()
        .filter(|(_, lane)| ready(lane) && wanted(lane))
        .min_by_key(|(_, lane)| {
            let parts_before = u32::try_from(lane.parts + 1).unwrap_or(u32::MAX);
            (
                failed_there(lane),
                lane.mean_send.saturating_mul(parts_before),
            )
        })
        .map(|(at, _)| (at, bound.is_some()))
}

/// It waits for a SIM that took earlier parts of it and is not ready.
pub(crate) fn waits_for_sim(message: &InLine, lanes: &[LaneView]) -> bool {
    bound_route(message).is_some_and(|route| {
        !lanes
            .iter()
            .any(|lane| lane.modem.route() == route && lane.state == ModemState::Ready)
    })
}

/// The route that some but not all parts were accepted by: a handset joins parts by their sender.
fn bound_route(message: &InLine) -> Option<&str> {
    let begun = message.parts.iter().any(|part| part.is_accepted());
    message.route.as_deref().filter(|_| begun)
}

fn is_coming_back(lane: &LaneView, now: UnixMillis) -> bool {
    now.since(lane.last_ready_at) < PATIENCE_FOR_SIM
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Body, Category, Destination, Encoding, MessageId, MessageSeq, PartState};
    use crate::store::StoredText;

    fn lane(name: &str, state: ModemState, mean_ms: u64, parts: usize) -> LaneView {
        LaneView {
            modem: ModemName::parse(name).unwrap(),
            state,
            last_ready_at: UnixMillis(0),
            mean_send: Duration::from_millis(mean_ms),
            parts,
            has_room: parts < 2,
        }
    }

    fn message(seq: i64, priority: u8) -> Arc<InLine> {
        Arc::new(InLine {
            seq: MessageSeq(seq),
            id: MessageId::parse("MSG_1").unwrap(),
            to: Destination::stored("+8613800138000").unwrap(),
            category: Category::Transactional,
            priority: Priority(priority),
            text: StoredText::Plain(Body::stored("hello".into())),
            encoding: Encoding::Gsm7,
            flash: false,
            ref16: false,
            from_modem: None,
            expires_at: UnixMillis(1_000_000),
            parts: vec![PartState::Queued],
            reference: None,
            route: None,
            strikes: 0,
            setbacks: 0,
        })
    }

    #[track_caller]
    fn planned(line: &[Arc<InLine>], lanes: &[LaneView]) -> Vec<(i64, usize)> {
        let mut turns = Turns::default();
        claims(
            line,
            lanes,
            |_| Policy::Duplicate,
            &mut turns,
            UnixMillis(0),
        )
        .iter()
        .map(|claim| (line[claim.message].seq.0, claim.lane))
        .collect()
    }

    use ModemState::{Absent, Ready};

    #[test]
    fn two_idle_modems_share_the_line() {
        let line = [message(1, 2), message(2, 2), message(3, 2)];
        let lanes = [lane("a", Ready, 1000, 0), lane("b", Ready, 1000, 0)];
        assert_eq!(planned(&line, &lanes), [(1, 0), (2, 1)]);
    }

    #[test]
    fn a_slow_modem_gets_only_what_would_wait_longer_for_the_fast_one() {
        let line: Vec<Arc<InLine>> = (1..=20).map(|seq| message(seq, 2)).collect();
        let lanes = [lane("fast", Ready, 1000, 2), lane("slow", Ready, 10_000, 0)];
        // The eighth would be done by either after ten seconds; the fast one keeps it.
        assert_eq!(planned(&line, &lanes), [(9, 1)]);
        assert_eq!(planned(&line[..5], &lanes), []);
    }

    #[test]
    fn the_best_class_goes_first_and_the_oldest_of_it() {
        let line = [message(3, 0), message(1, 2), message(2, 2)];
        assert_eq!(planned(&line, &[lane("a", Ready, 1000, 0)]), [(3, 0)]);
    }

    #[test]
    fn every_class_that_waits_gets_one_of_eight_sends() {
        let mut turns = Turns::default();
        let line: Vec<Arc<InLine>> = (1..=50)
            .map(|seq| message(seq, 0))
            .chain([message(100, 4)])
            .collect();
        let sent: Vec<u8> = (0..16)
            .map(|_| {
                let lanes = [lane("a", Ready, 1000, 0)];
                let claimed = claims(
                    &line,
                    &lanes,
                    |_| Policy::Duplicate,
                    &mut turns,
                    UnixMillis(0),
                );
                line[claimed[0].message].priority.0
            })
            .collect();
        assert_eq!(sent, [0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 4]);
    }

    #[test]
    fn only_ready_modems_take_messages() {
        let lanes = [lane("a", Absent, 1000, 0), lane("b", Ready, 9000, 1)];
        assert_eq!(planned(&[message(1, 2)], &lanes), [(1, 1)]);
        assert_eq!(planned(&[message(1, 2)], &lanes[..1]), []);
    }

    #[test]
    fn a_message_that_names_its_modem_waits_for_it() {
        let mut named = message(1, 2);
        Arc::make_mut(&mut named).from_modem = ModemName::parse("b");
        let lanes = [lane("a", Ready, 1000, 0), lane("b", Ready, 9000, 2)];
        assert_eq!(planned(&[named, message(2, 2)], &lanes), [(2, 0)]);
    }

    #[test]
    fn missing_parts_follow_the_sim_that_took_the_first_and_start_anew_when_it_is_gone() {
        let mut begun = message(1, 2);
        Arc::make_mut(&mut begun).parts = vec![PartState::Sent, PartState::Queued];
        Arc::make_mut(&mut begun).route = Some("modem:a".into());
        let ready = [lane("a", Ready, 1000, 1), lane("b", Ready, 1000, 0)];
        assert_eq!(planned(std::slice::from_ref(&begun), &ready), [(1, 0)]);

        let gone = [lane("a", Absent, 1000, 0), lane("b", Ready, 1000, 0)];
        assert_eq!(planned(std::slice::from_ref(&begun), &gone), []);

        let minute_later = UnixMillis(60_000);
        let line = [begun];
        let claim = |policy| {
            let mut turns = Turns::default();
            claims(&line, &gone, |_| policy, &mut turns, minute_later)
        };
        assert_eq!(
            claim(Policy::Duplicate),
            [Claim {
                message: 0,
                lane: 1,
                anew: true,
                by_turn: false
            }]
        );
        assert_eq!(claim(Policy::Lose), []);
    }
}
