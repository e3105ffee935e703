//! Lists, their filters and their pages.

use super::*;
use crate::dispatch::{Control, Left};

fn ids(reply: &Reply) -> Vec<String> {
    assert_eq!(reply.status, 200, "{}", reply.text);
    let data = reply.body["data"].as_array().unwrap();
    data.iter()
        .map(|message| message["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn pages_are_stable_while_messages_come_in() {
    let house = House::new();
    let mut sent = Vec::new();
    for _ in 0..5 {
        let message = house.message(json!({})).await;
        sent.insert(0, message["id"].as_str().unwrap().to_owned());
    }
    let first = house.get("/v1/messages?limit=2").await;
    assert_eq!(ids(&first), sent[..2]);
    assert_eq!(first.body["has_more"], true);
    house.message(json!({})).await;
    let cursor = first.body["next_cursor"].as_str().unwrap();
    let second = house
        .get(&format!("/v1/messages?limit=2&cursor={cursor}"))
        .await;
    assert_eq!(ids(&second), sent[2..4]);
    house.message(json!({})).await;
    let cursor = second.body["next_cursor"].as_str().unwrap();
    let last = house
        .get(&format!("/v1/messages?limit=200&cursor={cursor}"))
        .await;
    assert_eq!(ids(&last), sent[4..]);
    assert_eq!(last.body["has_more"], false);
    assert_eq!(last.body["next_cursor"], Value::Null);
}

#[tokio::test]
async fn a_cursor_of_another_list_is_refused() {
    let house = House::new();
    for _ in 0..3 {
        house.message(json!({})).await;
    }
    let page = house.get("/v1/messages?limit=1&status=queued").await;
    let cursor = page.body["next_cursor"].as_str().unwrap();
    for path in [
        format!("/v1/messages?cursor={cursor}"),
        format!("/v1/messages?status=sent&cursor={cursor}"),
        format!("/v1/modems?cursor={cursor}"),
        format!("/v1/messages?status=queued&cursor={}", &cursor[1..]),
        "/v1/messages?cursor=".into(),
        "/v1/messages?cursor=nonsense".into(),
    ] {
        house.get(&path).await.is(400, "invalid_cursor");
    }
    let same = format!("/v1/messages?status=queued&cursor={cursor}");
    assert_eq!(ids(&house.get(&same).await).len(), 2);
}

#[tokio::test]
async fn each_filter_shows_what_it_says() {
    let house = House::new();
    house.message(json!({ "client_ref": "a" })).await;
    let other = json!({ "to": "+447700900123", "category": "bulk", "scheduled_at": "2023-11-15T00:00:00Z" });
    house.message(other).await;
    for (filter, found) in [
        ("", 2),
        ("?status=queued", 1),
        ("?status=scheduled", 1),
        ("?status=sent", 0),
        ("?to=%2B447700900123", 1),
        ("?to=+447700900123", 1),
        ("?to=13800138000", 1),
        ("?category=bulk", 1),
        ("?client_ref=a", 1),
        ("?client_ref=b", 0),
        ("?route=modem:m1", 0),
        ("?batch_id=SMS_BATCH_1", 0),
        ("?direction=outbound", 2),
        ("?direction=inbound", 0),
        ("?since=2023-11-14T22:13:20Z", 2),
        ("?since=2023-11-15T06:13:20+08:00", 2),
        ("?since=2023-11-14T22:13:21Z", 0),
        ("?until=2023-11-14T22:13:20Z", 0),
        ("?until=2023-11-14T22:13:21Z", 2),
        ("?category=bulk&status=queued", 0),
        ("?limit=1", 1),
    ] {
        let reply = house.get(&format!("/v1/messages{filter}")).await;
        assert_eq!(ids(&reply).len(), found, "{filter}");
    }
}

#[tokio::test]
async fn a_filter_that_means_nothing_is_refused() {
    let house = House::new();
    for (filter, code) in [
        ("?limit=0", "invalid_request"),
        ("?limit=201", "invalid_request"),
        ("?limit=ten", "invalid_request"),
        ("?limit=1&limit=2", "invalid_request"),
        ("?status=QUEUED", "invalid_request"),
        ("?category=spam", "invalid_request"),
        ("?direction=up", "invalid_request"),
        ("?since=yesterday", "invalid_request"),
        ("?to=nobody", "invalid_phone"),
        ("?colour=red", "unknown_field"),
    ] {
        let reply = house.get(&format!("/v1/messages{filter}")).await;
        reply.is(400, code);
    }
    house
        .get("/v1/messages/MSG_1?x=1")
        .await
        .is(400, "unknown_field");
    house
        .get("/v1/modems/m1?x=1")
        .await
        .is(400, "unknown_field");
}

#[tokio::test]
async fn modems_are_shown_as_they_stand() {
    let house = House::new();
    house.loads.send_replace(vec![Load {
        queue: 3,
        sending: 1,
        sent_today: 7,
        failed_today: 2,
        left: Left {
            hour: Some(93),
            day: Some(0),
            month: None,
        },
        used_up_until: Some(UnixMillis(NOW.0 + 3_600_000)),
        ..idle("modem:m1")
    }]);
    let expected = json!({
        "id": "m1", "device": "/dev/ttyUSB2", "state": "ready", "imei": null, "imsi": null,
        "iccid": null, "number": null, "operator": null, "network": "home", "tech": null,
        "signal_dbm": -82, "signal_percent": 50, "queue": 3, "sending": 1, "sent_today": 7,
        "failed_today": 2, "quota": { "hour": 93, "day": 0, "month": null },
        "last_error": null, "since": "2023-11-14T22:13:20.000Z",
    });
    let list = house.get("/v1/modems").await;
    let page = json!({ "data": [expected], "next_cursor": null, "has_more": false });
    assert_eq!(list.body, page);
    assert_eq!(house.get("/v1/modems/m1").await.body, expected);
}

#[tokio::test]
async fn a_message_that_waits_for_a_quota_says_until_when() {
    let house = House::new();
    let message = house.message(json!({})).await;
    house.loads.send_replace(vec![Load {
        used_up_until: Some(UnixMillis(NOW.0 + 3_600_000)),
        ..idle("modem:m1")
    }]);
    let shown = house
        .get(&format!("/v1/messages/{}", message["id"].as_str().unwrap()))
        .await;
    assert_eq!(
        shown.body["pending_reason"],
        json!({
            "code": "sim_quota",
            "message": "the quota of the SIM in modem m1 is used up until 2023-11-14T23:13:20.000Z",
        })
    );
    assert_eq!(shown.body["next_attempt_at"], "2023-11-14T23:13:20.000Z");
}

#[tokio::test]
async fn a_modem_is_paused_resumed_and_restarted_by_who_may() {
    let mut house = House::new();
    for (word, control) in [
        ("pause", Control::Pause),
        ("resume", Control::Resume),
        ("restart", Control::Restart),
    ] {
        let reply = house.post(&format!("/v1/modems/m1/{word}"), "").await;
        assert_eq!(
            (reply.status.as_u16(), &reply.body["id"]),
            (202, &json!("m1"))
        );
        let wish = house.wished.recv().await.unwrap();
        let modem = ModemName::parse("m1").unwrap();
        assert_eq!(wish, Wish::Modem { modem, control });
        house
            .post(&format!("/v1/modems/m9/{word}"), "")
            .await
            .is(404, "not_found");
        let stranger = from_peer("127.0.0.1:1", &format!("/v1/modems/m1/{word}"), &json!({}));
        house.send(stranger).await.is(401, "unauthorized");
    }
    assert!(house.wished.is_empty());
}

#[tokio::test]
async fn modems_come_in_pages_too() {
    let house = House::new();
    let fleet: Vec<ModemStatus> = ["m1", "m2", "m3"].map(ready_modem).into();
    house.fleet.send_replace(fleet.into());
    let first = house.get("/v1/modems?limit=2").await;
    assert_eq!(ids(&first), ["m1", "m2"]);
    let cursor = first.body["next_cursor"].as_str().unwrap();
    let rest = house.get(&format!("/v1/modems?cursor={cursor}")).await;
    assert_eq!(ids(&rest), ["m3"]);
    assert_eq!(rest.body["has_more"], false);
}
