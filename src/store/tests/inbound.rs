//! Texts that come in.

use super::*;
use crate::domain::{InboundEncoding, InboundPart, PduDigest, Place, Reference, Sender};
use crate::store::inbound::Received;
use crate::store::{InboundView, InboxFilter};

const MINUTE: i64 = 60_000;
const TIMEOUT: Duration = Duration::from_secs(600);

/// A whole text.
fn whole(text: &str, at: i64) -> InboundPart {
    InboundPart {
        sim: sim(),
        modem: modem(),
        to: Some("+8613900139000".into()),
        from: Some(Sender::new("+447700900123".into())),
        encoding: InboundEncoding::Gsm7,
        text: Body::stored(text.into()),
        smsc_at: Some(UnixMillis(at - 2_000)),
        place: None,
        pdu: PduDigest::of(format!("{text} {at}").as_bytes()),
        at: UnixMillis(at),
    }
}

fn part_of(reference: Reference, number: u8, total: u8, text: &str, at: i64) -> InboundPart {
    InboundPart {
        place: Some(Place {
            reference,
            total,
            number,
        }),
        ..whole(text, at)
    }
}

/// Part `number` of three, with reference 7.
fn part(number: u8, text: &str, at: i64) -> InboundPart {
    part_of(Reference::Eight(7), number, 3, text, at)
}

impl House {
    async fn receives(&self, part: InboundPart) -> Received {
        let mut group = self.store.group();
        let receipt = group.receive(part);
        group.submit().await;
        receipt.committed().await.unwrap()
    }

    /// Oldest first.
    async fn inbox(&self) -> Vec<InboundView> {
        let page = self.store.inbox(InboxFilter::default(), 200).await;
        let mut texts = page.unwrap().texts;
        texts.reverse();
        texts
    }

    async fn texts(&self) -> Vec<(String, bool)> {
        let inbox = self.inbox().await;
        inbox
            .iter()
            .map(|text| (text.text.expose().to_owned(), text.complete))
            .collect()
    }

    async fn closes(&self, now: i64) -> Option<i64> {
        let next = self.store.close_incomplete(UnixMillis(now), TIMEOUT).await;
        next.unwrap().map(|at| at.0)
    }
}

fn shown(texts: &[(&str, bool)]) -> Vec<(String, bool)> {
    let owned = |(text, complete): &(&str, bool)| ((*text).to_owned(), *complete);
    texts.iter().map(owned).collect()
}

#[tokio::test]
async fn a_text_is_in_the_inbox_as_it_was_sent() {
    let house = House::new();
    assert_eq!(
        house.receives(whole("hello", 50_000)).await,
        Received::Shown
    );
    let inbox = house.inbox().await;
    let [text] = inbox.as_slice() else {
        panic!("{} texts", inbox.len());
    };
    assert_eq!(text.text.expose(), "hello");
    assert_eq!(
        text.from.as_ref().map(Sender::expose),
        Some("+447700900123")
    );
    assert_eq!(text.to.as_deref(), Some("+8613900139000"));
    assert_eq!(text.modem, "m1");
    assert_eq!((text.parts, text.complete, text.read), (1, true, false));
    assert_eq!(text.received_at, UnixMillis(50_000));
    assert_eq!(text.smsc_at, Some(UnixMillis(48_000)));
    let same = house.store.inbound(text.id.clone()).await.unwrap().unwrap();
    assert_eq!(same.seq, text.seq);
}

#[tokio::test]
async fn a_text_that_comes_again_is_stored_once() {
    let house = House::new();
    let first = whole("hello", 50_000);
    house.receives(first.clone()).await;
    // Read again after a kill.
    let mut again = first.clone();
    again.at = UnixMillis(90_000);
    assert_eq!(house.receives(again).await, Received::Duplicate);
    // Sent again by the service centre, with another flag in its first octet.
    let mut repeated = first.clone();
    repeated.pdu = PduDigest::of(b"other flags");
    assert_eq!(house.receives(repeated).await, Received::Duplicate);
    // The same words a second later are another text.
    let mut later = first;
    later.smsc_at = Some(UnixMillis(49_000));
    later.pdu = PduDigest::of(b"later");
    assert_eq!(house.receives(later).await, Received::Shown);
    assert_eq!(house.texts().await.len(), 2);
}

#[tokio::test]
async fn what_has_no_stamp_is_known_by_its_pdu_for_a_day() {
    let house = House::new();
    let mut raw = whole("0791", 50_000);
    (raw.from, raw.smsc_at, raw.encoding) = (None, None, InboundEncoding::Raw);
    let at = |at: i64| InboundPart {
        at: UnixMillis(at),
        ..raw.clone()
    };
    let day = 24 * 60 * MINUTE;
    assert_eq!(house.receives(at(50_000)).await, Received::Shown);
    assert_eq!(
        house.receives(at(50_000 + day - 1)).await,
        Received::Duplicate
    );
    assert_eq!(house.receives(at(50_000 + 2 * day)).await, Received::Shown);
    let inbox = house.inbox().await;
    assert_eq!(inbox[0].encoding, InboundEncoding::Raw);
    assert_eq!(inbox[0].from, None);
}

#[tokio::test]
async fn parts_in_any_order_are_one_text_when_all_are_there() {
    for order in [[1, 2, 3], [3, 1, 2], [2, 3, 1]] {
        let house = House::new();
        for (step, number) in order.into_iter().enumerate() {
            let text = ["a", "b", "c"][usize::from(number) - 1];
            let received = house.receives(part(number, text, 50_000)).await;
            let expected = if step == 2 {
                Received::Shown
            } else {
                Received::Waits
            };
            assert_eq!(received, expected, "{order:?}");
        }
        assert_eq!(house.texts().await, shown(&[("abc", true)]), "{order:?}");
        assert_eq!(house.inbox().await[0].parts, 3);
        assert_eq!(house.closes(50_000 + 20 * MINUTE).await, None);
    }
}

#[tokio::test]
async fn a_part_that_comes_twice_counts_once() {
    let house = House::new();
    house.receives(part(1, "a", 50_000)).await;
    house.receives(part(2, "b", 50_000)).await;
    assert_eq!(
        house.receives(part(1, "a", 50_000)).await,
        Received::Duplicate
    );
    house.receives(part(3, "c", 50_000)).await;
    assert_eq!(
        house.receives(part(2, "b", 50_000)).await,
        Received::Duplicate
    );
    assert_eq!(house.texts().await, shown(&[("abc", true)]));
}

#[tokio::test]
async fn references_of_eight_and_of_sixteen_bits_are_not_the_same() {
    let house = House::new();
    let (eight, sixteen) = (Reference::Eight(7), Reference::Sixteen(7));
    house.receives(part_of(eight, 1, 2, "a", 50_000)).await;
    house.receives(part_of(sixteen, 2, 2, "B", 50_000)).await;
    assert_eq!(house.texts().await, []);
    house.receives(part_of(sixteen, 1, 2, "A", 50_000)).await;
    house.receives(part_of(eight, 2, 2, "b", 50_000)).await;
    assert_eq!(house.texts().await, shown(&[("AB", true), ("ab", true)]));
}

#[tokio::test]
async fn parts_of_different_senders_sims_and_lengths_are_not_joined() {
    let house = House::new();
    house.receives(part(1, "a", 50_000)).await;
    let mut other_sender = part(2, "b", 50_000);
    other_sender.from = Some(Sender::new("+447700900199".into()));
    let mut other_sim = part(2, "b", 50_000);
    other_sim.sim = SimId::parse("89860000000000000009").unwrap();
    let other_length = part_of(Reference::Eight(7), 2, 2, "b", 50_000);
    for (at, mut stranger) in [other_sender, other_sim, other_length]
        .into_iter()
        .enumerate()
    {
        stranger.pdu = PduDigest::of(&[u8::try_from(at).unwrap()]);
        assert_eq!(house.receives(stranger).await, Received::Waits);
    }
    house.closes(50_000 + 10 * MINUTE).await;
    let gaps = [
        ("a[…]", false),
        ("[…]b[…]", false),
        ("[…]b[…]", false),
        ("[…]b", false),
    ];
    assert_eq!(house.texts().await, shown(&gaps));
}

#[tokio::test]
async fn the_same_reference_used_again_is_another_text() {
    let house = House::new();
    for (number, text) in [(1, "a"), (2, "b"), (3, "c")] {
        house.receives(part(number, text, 50_000)).await;
    }
    for (number, text) in [(2, "B"), (1, "A"), (3, "C")] {
        house
            .receives(part(number, text, 50_000 + 5 * MINUTE))
            .await;
    }
    assert_eq!(house.texts().await, shown(&[("abc", true), ("ABC", true)]));
}

#[tokio::test]
async fn a_text_that_lacks_a_part_is_shown_when_its_time_is_up_and_completed_when_it_comes() {
    let house = House::new();
    house.receives(part(1, "a", 50_000)).await;
    house.receives(part(3, "c", 51_000)).await;
    assert_eq!(house.closes(52_000).await, Some(651_000));
    assert_eq!(house.closes(650_999).await, Some(651_000));
    assert_eq!(house.texts().await, []);
    assert_eq!(house.closes(651_000).await, None);
    assert_eq!(house.texts().await, shown(&[("a[…]c", false)]));
    let before = house.inbox().await.remove(0);
    assert_eq!(before.received_at, UnixMillis(651_000));

    // Another text in between, so that the completed one keeps its place.
    house.receives(whole("short", 700_000)).await;
    let mut late = part(2, "b", 800_000);
    late.smsc_at = Some(UnixMillis(48_000));
    assert_eq!(house.receives(late).await, Received::Shown);
    assert_eq!(
        house.texts().await,
        shown(&[("abc", true), ("short", true)])
    );
    let after = house.inbox().await.remove(0);
    assert_eq!((after.seq, after.id), (before.seq, before.id));
}

#[tokio::test]
async fn a_text_that_lacks_two_parts_fills_as_they_come() {
    let house = House::new();
    house.receives(part(2, "b", 50_000)).await;
    house.closes(50_000 + 10 * MINUTE).await;
    assert_eq!(house.texts().await, shown(&[("[…]b[…]", false)]));
    house.receives(part(3, "c", 50_000 + 11 * MINUTE)).await;
    assert_eq!(house.texts().await, shown(&[("[…]bc", false)]));
    house.receives(part(1, "a", 50_000 + 12 * MINUTE)).await;
    assert_eq!(house.texts().await, shown(&[("abc", true)]));
}

#[tokio::test]
async fn waiting_parts_outlive_a_restart() {
    let house = House::new();
    house.receives(part(1, "a", 50_000)).await;
    let house = house.restarted();
    assert_eq!(house.closes(60_000).await, Some(650_000));
    house.receives(part(3, "c", 70_000)).await;
    house.receives(part(2, "b", 70_000)).await;
    assert_eq!(house.texts().await, shown(&[("abc", true)]));
}

#[tokio::test]
async fn the_inbox_is_filtered_and_paged_newest_first() {
    let house = House::new();
    for number in 0..5 {
        let mut text = whole(&number.to_string(), 50_000 + number * 1_000);
        if number % 2 == 1 {
            text.from = Some(Sender::new("BigBank".into()));
            text.modem = ModemName::parse("m2").unwrap();
        }
        house.receives(text).await;
    }
    let texts = async |filter: InboxFilter, limit: u32| {
        let page = house.store.inbox(filter, limit).await.unwrap();
        let texts = page.texts.iter();
        let texts: Vec<String> = texts.map(|text| text.text.expose().to_owned()).collect();
        (texts, page.has_more)
    };
    let owned = |texts: &[&str]| {
        texts
            .iter()
            .map(|one| (*one).to_owned())
            .collect::<Vec<_>>()
    };
    let all = InboxFilter::default();
    assert_eq!(texts(all.clone(), 2).await, (owned(&["4", "3"]), true));
    let second = InboxFilter {
        before: Some(4),
        ..all.clone()
    };
    assert_eq!(texts(second, 3).await, (owned(&["2", "1", "0"]), false));
    let from = InboxFilter {
        from: Some(["bigbank".into(), "BigBank".into()]),
        ..all.clone()
    };
    assert_eq!(texts(from, 50).await, (owned(&["3", "1"]), false));
    let modem = InboxFilter {
        modem: Some("m2".into()),
        ..all.clone()
    };
    assert_eq!(texts(modem, 50).await, (owned(&["3", "1"]), false));
    let between = InboxFilter {
        since: Some(UnixMillis(51_000)),
        until: Some(UnixMillis(53_000)),
        ..all.clone()
    };
    assert_eq!(texts(between, 50).await, (owned(&["2", "1"]), false));
    let read = InboxFilter {
        unread: Some(false),
        ..all.clone()
    };
    assert_eq!(texts(read, 50).await, (owned(&[]), false));
    let unread = InboxFilter {
        unread: Some(true),
        ..all
    };
    assert_eq!(texts(unread, 50).await.0.len(), 5);
}

#[tokio::test]
async fn old_texts_are_forgotten_with_their_parts() {
    let house = House::new();
    house.receives(whole("old", 50_000)).await;
    house.receives(part(1, "a", 50_000)).await;
    house.receives(part(2, "b", 50_000)).await;
    house.receives(part(3, "c", 50_000)).await;
    house.receives(whole("new", 200_000)).await;
    let ages = Ages {
        inbox: Duration::from_secs(100),
        ..ages()
    };
    let more = house.store.forget(ages, UnixMillis(200_000)).await.unwrap();
    assert!(!more);
    assert_eq!(house.texts().await, shown(&[("new", true)]));
    // Nothing of it is left to be known by.
    assert_eq!(house.receives(whole("old", 50_000)).await, Received::Shown);
}
