//! The life of a message, state by state and step by step, on the store itself.

use super::*;
use crate::domain::message::{Change, MESSAGE_STEPS};
use crate::store::message::{head, step};
use crate::store::writer::job;

const DUE: UnixMillis = UnixMillis(NOW.0 + 60_000);
const OVER: UnixMillis = UnixMillis(NOW.0 + 86_400_000);

/// What becomes of a message (row) when something happens (column). `-`: nothing. `doubtful` is `queued` with a part that
/// may have left.
const LIFE: &str = "
             due     cancel    over     intent   accepted  refused  give_up  again    lost     never_left  settled  delivered  undelivered  validity
scheduled    queued  canceled  expired  -        -         -        -        -        -        -           -        -          -            -
queued       -       canceled  expired  sending  -         -        failed   -        -        -           -        -          -            -
doubtful     -       canceled  expired  -        -         -        failed   -        -        -           sent     delivered  undelivered  expired
sending      -       -         -        -        sent      queued   failed   queued   unknown  queued      -        -          -            -
sent         -       -         -        -        -         -        -        -        -        -           -        delivered  undelivered  expired
delivered    -       -         -        -        -         -        -        -        -        -           -        -          -            -
undelivered  -       -         -        -        -         -        -        -        -        -           -        -          -            -
failed       -       -         -        -        -         -        -        -        -        -           -        -          -            -
expired      -       -         -        -        -         -        -        -        -        -           -        -          -            -
canceled     -       -         -        -        -         -        -        -        -        -           -        -          -            -
unknown      -       -         -        -        -         -        -        -        -        -           sent     delivered  undelivered  expired
";

const CHANGES: [Change; 16] = [
    Change::Due,
    Change::Intent,
    Change::NeverLeft,
    Change::Refused,
    Change::GivenUp,
    Change::Accepted,
    Change::UncertainAgain,
    Change::UncertainLost,
    Change::Settled,
    Change::Canceled,
    Change::TimeOver,
    Change::ReportedDelivered,
    Change::ReportedUndelivered,
    Change::ReportedExpired,
    Change::ProvenUnsent,
    Change::ProvenUnsentLate,
];

impl House {
    async fn releases(&self, now: UnixMillis) {
        let mut group = self.store.group();
        let receipt = group.release_and_expire(POLICIES, now);
        group.submit().await;
        receipt.committed().await.unwrap();
    }

    async fn gives_up(&self, seq: MessageSeq) {
        let mut group = self.store.group();
        let receipt = group.give_up(seq, "internal", "a text that does not open".into(), NOW);
        group.submit().await;
        receipt.committed().await.unwrap();
    }

    async fn is_refused(&self, seq: MessageSeq, next: NextTry, at: UnixMillis) {
        let mut group = self.store.group();
        let receipt = group.refused(Refusal {
            message: seq,
            part: PartNumber(1),
            ticket: TICKET,
            setback: setback("network_rejected"),
            next,
            at,
        });
        group.submit().await;
        receipt.committed().await.unwrap();
    }

    async fn never_left(&self, seq: MessageSeq, at: UnixMillis) {
        let mut group = self.store.group();
        let receipt = group.never_left(NeverLeft {
            message: seq,
            part: PartNumber(1),
            ticket: TICKET,
            why: "modem unplugged".into(),
            at,
        });
        group.submit().await;
        receipt.committed().await.unwrap();
    }

    /// A message that has come to this state by what happens in a gateway.
    pub(super) async fn message_in(&self, state: &str) -> MessageView {
        let message = match state {
            "scheduled" => self.accepts(|asked| asked.scheduled_at = Some(DUE)).await,
            "expired" => self.accepts(|asked| asked.expires_at = NOW).await,
            _ => self.accepts(|_| {}).await,
        };
        if !["scheduled", "queued", "failed", "canceled", "expired"].contains(&state) {
            self.intends(message.seq, 1).await;
        }
        if ["sent", "delivered", "undelivered"].contains(&state) {
            self.is_accepted(message.seq, 1, 64).await;
        }
        match state {
            "doubtful" => {
                let _ = self.is_uncertain(message.seq, again()).await;
            }
            "unknown" => {
                let _ = self.is_uncertain(message.seq, NextTry::Never).await;
            }
            "delivered" => {
                let _ = self.reports(64, 0x00).await;
            }
            "undelivered" => {
                let _ = self.reports(64, 0x41).await;
            }
            "failed" => self.gives_up(message.seq).await,
            "expired" => self.releases(NOW).await,
            "canceled" => {
                let _ = self.store.cancel(message.id.clone(), None, NOW).await;
            }
            _ => {}
        }
        let view = self.view(&message).await;
        let expected = match state {
            "doubtful" => "queued",
            other => other,
        };
        assert_eq!(view.state.as_str(), expected);
        view
    }

    pub(super) async fn happens(&self, what: &str, message: &MessageView) {
        let seq = message.seq;
        match what {
            "due" => self.releases(DUE).await,
            "cancel" => {
                let _ = self.store.cancel(message.id.clone(), None, NOW).await;
            }
            "over" => self.releases(OVER).await,
            "intent" => {
                let _ = self.store_intent(seq).await;
            }
            "accepted" => {
                let _ = self.is_accepted(seq, 1, 64).await;
            }
            "refused" => self.is_refused(seq, again(), NOW).await,
            "give_up" if message.state == MessageState::Sending => {
                self.is_refused(seq, NextTry::Never, NOW).await;
            }
            "give_up" => self.gives_up(seq).await,
            "again" => {
                let _ = self.is_uncertain(seq, again()).await;
            }
            "lost" => {
                let _ = self.is_uncertain(seq, NextTry::Never).await;
            }
            "never_left" => self.never_left(seq, NOW).await,
            "settled" => {
                let settlement = Settlement {
                    modem: modem(),
                    reference: MessageReference(64),
                    at: NOW,
                };
                self.store.settle(settlement).await.unwrap();
            }
            "delivered" => {
                let _ = self.reports(64, 0x00).await;
            }
            "undelivered" => {
                let _ = self.reports(64, 0x41).await;
            }
            "validity" => {
                let _ = self.reports(64, 0x46).await;
            }
            other => panic!("nothing is called {other}"),
        }
    }

    /// An intent for a part that is under way already is an error; for a message that cannot go it is `false`.
    async fn store_intent(&self, seq: MessageSeq) -> Result<bool, StoreError> {
        let mut group = self.store.group();
        let receipt = group.intent(intent(seq, 1));
        group.submit().await;
        receipt.committed().await
    }

    /// Whether the step alone, without what belongs to it, was taken.
    async fn takes_step(&self, seq: MessageSeq, change: Change) -> bool {
        let (job, receipt) = job(move |work| {
            let mut head = head(work, seq)?;
            step(work, &mut head, change)
        });
        self.store.door.submit(vec![job]).await;
        receipt.committed().await.unwrap()
    }
}

#[tokio::test]
async fn whatever_happens_to_a_message_leads_where_the_table_says_and_nowhere_else() {
    let mut lines = LIFE.trim_matches('\n').lines();
    let happenings: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
    let mut walked = Vec::new();
    for line in lines {
        let mut cells = line.split_whitespace();
        let from = cells.next().unwrap();
        for (happening, to) in happenings.iter().zip(cells) {
            let house = House::new();
            let before = house.message_in(from).await;
            let events = house.events(&before).await;
            house.happens(happening, &before).await;
            let after = house.view(&before).await;
            let expected = match to {
                "-" => before.state.as_str(),
                state => state,
            };
            assert_eq!(after.state.as_str(), expected, "{from} on {happening}");
            let told = house.events(&before).await.len() - events.len();
            assert_eq!(told == 0, to == "-", "{from} on {happening}: {told} events");
            walked.push((before.state, after.state));
        }
    }
    for (from, change, to, _) in MESSAGE_STEPS {
        // Quiet hours are a matter of the clock on the wall: `people` walks this one. Who is asked is a provider: `attempts`
        // walks these.
        if matches!(
            change,
            Change::QuietBegins | Change::ProvenUnsent | Change::ProvenUnsentLate
        ) {
            continue;
        }
        assert!(walked.contains(&(*from, *to)), "{from:?} on {change:?}");
    }
}

#[tokio::test]
async fn a_step_that_is_not_in_the_table_is_refused_by_the_store() {
    let states = LIFE.lines().filter(|line| !line.starts_with(' '));
    let states = states.filter_map(|line| line.split_whitespace().next());
    for from in states.filter(|state| *state != "doubtful") {
        let house = House::new();
        let before = house.message_in(from).await;
        for change in CHANGES {
            let is_listed = MESSAGE_STEPS
                .iter()
                .any(|(state, what, ..)| *state == before.state && *what == change);
            if is_listed {
                continue;
            }
            assert!(
                !house.takes_step(before.seq, change).await,
                "{from} on {change:?}"
            );
            assert_eq!(house.view(&before).await.state, before.state);
        }
    }
}

#[tokio::test]
async fn a_try_that_ends_after_its_time_to_live_expires_the_message_in_the_same_transaction() {
    for never_left in [true, false] {
        let house = House::new();
        let message = house.message_in("sending").await;
        match never_left {
            true => house.never_left(message.seq, OVER).await,
            false => house.is_refused(message.seq, again(), OVER).await,
        }
        let view = house.view(&message).await;
        assert_eq!(view.state, MessageState::Expired);
        assert_eq!(view.next_attempt_at, None);
        assert_eq!(house.events(&message).await.last(), Some(&"expired"));
        assert_eq!(house.store.unsent(), 0);
    }
}

#[tokio::test]
async fn what_may_have_left_when_its_time_was_over_is_unknown_and_not_expired() {
    let house = House::new();
    let message = house.accepts(|asked| asked.expires_at = DUE).await;
    house.intends(message.seq, 1).await;
    let mut group = house.store.group();
    let receipt = group.uncertain(Uncertainty {
        message: message.seq,
        part: PartNumber(1),
        ticket: TICKET,
        setback: setback("timeout_uncertain"),
        closes_at: OVER,
        next: again(),
        at: DUE,
        ask_at: None,
    });
    group.submit().await;
    receipt.committed().await.unwrap();
    assert_eq!(house.view(&message).await.state, MessageState::Unknown);
}

#[tokio::test]
async fn a_part_that_the_network_gave_up_ends_a_text_whose_other_part_is_in_doubt() {
    for (status, state) in [
        (0x41, MessageState::Undelivered),
        (0x46, MessageState::Expired),
    ] {
        for reported_first in [true, false] {
            let house = House::new();
            let message = house
                .accepts(|asked| {
                    asked.parts = 2;
                    asked.category = Category::Bulk;
                })
                .await;
            house.intends(message.seq, 1).await;
            house.is_accepted(message.seq, 1, 64).await;
            if reported_first {
                house.reports(64, status).await;
            }
            house.intends(message.seq, 2).await;
            let mut group = house.store.group();
            let receipt = group.uncertain(Uncertainty {
                message: message.seq,
                part: PartNumber(2),
                ticket: TICKET,
                setback: setback("timeout_uncertain"),
                closes_at: DUE,
                next: NextTry::Never,
                at: NOW,
                ask_at: None,
            });
            group.submit().await;
            receipt.committed().await.unwrap();
            if !reported_first {
                assert_eq!(house.view(&message).await.state, MessageState::Unknown);
                house.reports(64, status).await;
            }
            let view = house.view(&message).await;
            assert_eq!(view.state, state, "{status:#04x}");
        }
    }
}

#[tokio::test]
async fn a_final_state_is_final_for_late_words_too() {
    let ends_at = NOW.plus(Duration::from_secs(3600));
    let after = UnixMillis(ends_at.0 + 1);
    let house = House::new();
    let unknown = house.message_in("unknown").await;
    assert_eq!(unknown.closes_at, Some(ends_at));
    let late = house.store.report(report(64, 0x00), &modem(), after).await;
    assert_eq!(late.unwrap(), Matched::Orphan);
    assert_eq!(house.view(&unknown).await.state, MessageState::Unknown);

    let house = House::new();
    let sent = house.message_in("sent").await;
    assert_eq!(sent.closes_at, Some(ends_at));
    let late = house.store.report(report(64, 0x00), &modem(), after).await;
    assert_eq!(late.unwrap(), Matched::Orphan);
    assert_eq!(house.view(&sent).await.state, MessageState::Sent);
}
