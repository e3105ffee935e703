//! `/v1/inbox`.

use super::*;
use crate::domain::{Body as Text, InboundEncoding, InboundPart, PduDigest, Sender, SimId};

impl House {
    /// Stores a text that came from `from` at `at`.
    async fn receives(&self, from: &str, text: &str, at: i64) {
        let part = InboundPart {
            sim: SimId::parse("89860000000000000001").unwrap(),
            modem: ModemName::parse("m1").unwrap(),
            to: None,
            from: Some(Sender::new(from.into())),
            encoding: InboundEncoding::Ucs2,
            text: Text::stored(text.into()),
            smsc_at: Some(UnixMillis(at)),
            place: None,
            pdu: PduDigest::of(format!("{from} {text} {at}").as_bytes()),
            at: UnixMillis(at),
        };
        let mut group = self.store.group();
        let receipt = group.receive(part);
        group.submit().await;
        receipt.committed().await.unwrap();
    }

    async fn texts(&self, query: &str) -> Vec<String> {
        let reply = self.get(&format!("/v1/inbox{query}")).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let data = reply.body["data"].as_array().unwrap();
        data.iter()
            .map(|text| text["text"].as_str().unwrap().to_owned())
            .collect()
    }
}

#[tokio::test]
async fn a_received_text_is_shown_in_the_form_of_the_contract() {
    let house = House::new();
    house
        .receives("+8613800138000", "你好", 1_700_000_000_000)
        .await;
    let list = house.get("/v1/inbox").await;
    let text = &list.body["data"][0];
    let id = text["id"].as_str().unwrap();
    assert_eq!(
        text,
        &json!({
            "id": id,
            "from": "+8613800138000",
            "to": null,
            "modem": "m1",
            "text": "你好",
            "encoding": "ucs2",
            "parts": 1,
            "complete": true,
            "received_at": "2023-11-14T22:13:20.000Z",
            "smsc_at": "2023-11-14T22:13:20.000Z",
            "read": false,
        })
    );
    assert_eq!(list.body["next_cursor"], Value::Null);
    assert_eq!(list.body["has_more"], false);
    let one = house.get(&format!("/v1/inbox/{id}")).await;
    assert_eq!((one.status.as_u16(), &one.body), (200, text));
}

#[tokio::test]
async fn the_inbox_is_filtered_by_what_the_contract_names() {
    let house = House::new();
    for (at, from) in ["+8613800138000", "13800138000", "BigBank"]
        .iter()
        .enumerate()
    {
        let at = i64::try_from(at).unwrap();
        house
            .receives(from, &at.to_string(), 1_700_000_000_000 + 1_000 * at)
            .await;
    }
    for (query, expected) in [
        ("", vec!["2", "1", "0"]),
        // As the network writes it, and as it is: the same sender.
        ("?from=%2B8613800138000", vec!["0"]),
        ("?from=+8613800138000", vec!["0"]),
        ("?from=13800138000", vec!["1", "0"]),
        ("?from=BigBank", vec!["2"]),
        ("?from=nobody", vec![]),
        ("?modem=m1", vec!["2", "1", "0"]),
        ("?modem=m2", vec![]),
        ("?unread=true", vec!["2", "1", "0"]),
        ("?unread=false", vec![]),
        ("?since=2023-11-14T22:13:21Z", vec!["2", "1"]),
        ("?until=2023-11-14T22:13:21Z", vec!["0"]),
        ("?limit=1", vec!["2"]),
    ] {
        assert_eq!(house.texts(query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn pages_of_the_inbox_are_stable_while_texts_come_in() {
    let house = House::new();
    for at in 0..3 {
        house
            .receives("BigBank", &at.to_string(), 1_700_000_000_000 + at)
            .await;
    }
    let first = house.get("/v1/inbox?limit=2").await;
    assert_eq!(first.body["has_more"], true);
    house.receives("BigBank", "3", 1_700_000_000_003).await;
    let cursor = first.body["next_cursor"].as_str().unwrap();
    let rest = house.texts(&format!("?limit=2&cursor={cursor}")).await;
    assert_eq!(rest, ["0"]);
    house
        .get(&format!("/v1/inbox?unread=true&cursor={cursor}"))
        .await
        .is(400, "invalid_cursor");
}

#[tokio::test]
async fn what_is_not_in_the_inbox_is_not_found_and_wrong_filters_are_named() {
    let house = House::new();
    house
        .get("/v1/inbox/IN_018bcfe5-6800-7000-8000-000000000000")
        .await
        .is(404, "not_found");
    house.get("/v1/inbox/nonsense").await.is(404, "not_found");
    for query in [
        "?unread=perhaps",
        "?since=tomorrow",
        "?modem=a%20b",
        "?limit=0",
    ] {
        let reply = house.get(&format!("/v1/inbox{query}")).await;
        reply.is(400, "invalid_request");
    }
    house
        .get("/v1/inbox?colour=red")
        .await
        .is(400, "unknown_field");
}

#[tokio::test]
async fn the_inbox_needs_a_key() {
    let house = House::new();
    let request = with_headers(
        asking(Method::GET, "/v1/inbox", axum::body::Body::empty()),
        &[("authorization", "")],
    );
    house.send(request).await.is(401, "unauthorized");
}
