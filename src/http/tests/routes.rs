//! What a message may leave by, and what it would.

use super::*;
use crate::dispatch::{Allowance, Change};
use crate::domain::{Categories, Category, Money, Prefixes, Terms};

fn on_terms(route: &str, change: impl FnOnce(&mut Terms)) -> Load {
    let mut terms = Terms::default();
    change(&mut terms);
    Load {
        terms: Arc::new(terms),
        ..idle(route)
    }
}

fn patching(path: &str, body: &Value) -> Request<Body> {
    asking(Method::PATCH, path, body.to_string().into())
}

#[tokio::test]
async fn routes_are_shown_with_their_terms_and_their_health() {
    let house = House::new();
    let absent = ModemStatus::absent(ModemName::parse("m2").unwrap(), "/dev/x".into(), NOW);
    house.fleet.send_replace([ready_modem("m1"), absent].into());
    house.loads.send_replace(vec![
        on_terms("modem:m1", |terms| {
            terms.prefixes = Prefixes::new(vec!["+86".into()]);
            terms.categories = Categories::of(&[Category::Otp, Category::Bulk]);
            terms.weight = 50;
            terms.cost = Money(450);
        }),
        idle("modem:m2"),
        Load {
            cools_until: Some(UnixMillis(NOW.0 + 30_000)),
            ..idle("cloud:x")
        },
    ]);
    let all = ["otp", "alert", "transactional", "notification", "bulk"];
    let usual = |name: &str, kind: &str, health: &str| {
        json!({
            "name": name, "kind": kind, "enabled": true, "weight": 100, "prefixes": ["*"],
            "categories": all, "health": health, "cost": "0.0500",
        })
    };
    let expected = json!({ "data": [
        { "name": "modem:m1", "kind": "modem", "enabled": true, "weight": 50, "prefixes": ["+86"],
          "categories": ["otp", "bulk"], "health": "ready", "cost": "0.0450" },
        usual("modem:m2", "modem", "absent"),
        usual("cloud:x", "cloud", "route_cooldown"),
    ], "next_cursor": null, "has_more": false });
    assert_eq!(house.get("/v1/routes").await.body, expected);
    let page = house.get("/v1/routes?limit=2").await;
    assert_eq!(page.body["data"].as_array().unwrap().len(), 2);
    let next = page.body["next_cursor"].as_str().unwrap();
    let rest = house
        .get(&format!("/v1/routes?limit=2&cursor={next}"))
        .await;
    assert_eq!(rest.body["data"][0]["name"], "cloud:x");
}

#[tokio::test]
async fn a_changed_route_is_answered_as_it_will_be_and_dispatch_is_told() {
    let mut house = House::new();
    let reply = house
        .send(patching(
            "/v1/routes/modem:m1",
            &json!({ "enabled": false, "weight": 7 }),
        ))
        .await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.body["enabled"], false);
    assert_eq!(reply.body["weight"], 7);
    assert_eq!(reply.body["health"], "disabled");
    let wish = Wish::Route {
        route: RouteName::parse("modem:m1").unwrap(),
        change: Change {
            enabled: Some(false),
            weight: Some(7),
        },
    };
    assert_eq!(house.wished.try_recv().unwrap(), wish);
    for (path, body, status, code) in [
        ("/v1/routes/modem:m9", json!({}), 404, "not_found"),
        (
            "/v1/routes/modem:m1",
            json!({ "weight": 10_001 }),
            400,
            "invalid_request",
        ),
        (
            "/v1/routes/modem:m1",
            json!({ "weight": -1 }),
            400,
            "invalid_request",
        ),
        (
            "/v1/routes/modem:m1",
            json!({ "enabled": "no" }),
            400,
            "invalid_request",
        ),
        (
            "/v1/routes/modem:m1",
            json!({ "cost": "1" }),
            400,
            "unknown_field",
        ),
    ] {
        house.send(patching(path, &body)).await.is(status, code);
    }
    assert!(
        house.wished.try_recv().is_err(),
        "nothing was told of these"
    );
}

#[tokio::test]
async fn a_trial_names_candidates_in_order_and_the_reason_of_every_other_route() {
    let house = House::new();
    let absent = ModemStatus::absent(ModemName::parse("m2").unwrap(), "/dev/x".into(), NOW);
    let modems = [
        ready_modem("m1"),
        absent,
        ready_modem("m3"),
        ready_modem("m4"),
    ];
    house.fleet.send_replace(modems.into());
    house.loads.send_replace(vec![
        Load {
            queue: 2,
            ..idle("modem:m1")
        },
        on_terms("modem:m3", |terms| {
            terms.prefixes = Prefixes::new(vec!["+1".into()])
        }),
        on_terms("cloud:x", |terms| terms.ranks = [Some(1); 5]),
    ]);
    let asked = json!({ "to": TO, "text": "x".repeat(161), "category": "otp" });
    let reply = house.post("/v1/routes/test", asked.to_string()).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let reason = |route: &str, code: &str, message: &str| json!({ "route": route, "reason": { "code": code, "message": message } });
    let expected = json!({
        "encoding": "gsm7", "parts": 2,
        "candidates": [
            { "route": "modem:m4", "expected_wait_ms": 8000 },
            { "route": "modem:m1", "expected_wait_ms": 16000 },
        ],
        "rejected": [
            reason("modem:m2", "absent", "it is absent"),
            reason("modem:m3", "prefix", "it does not serve the number"),
            reason("cloud:x", "not_yet", "modems have until 2023-11-14T22:13:35.000Z"),
        ],
    });
    assert_eq!(reply.body, expected);
    assert_eq!(house.count().await, 0, "nothing is stored, nothing is sent");
    let nobody = json!({ "to": "nobody", "text": "x" });
    let reply = house.post("/v1/routes/test", nobody.to_string()).await;
    reply.is(400, "invalid_phone");
}

#[tokio::test]
async fn a_message_may_name_its_route_and_its_place_in_line() {
    let house = House::new();
    house
        .fleet
        .send_replace([ready_modem("m1"), ready_modem("m2")].into());
    let message = house
        .message(json!({ "route": "modem:m2", "priority": 0, "category": "bulk" }))
        .await;
    assert_eq!(
        (&message["priority"], &message["category"]),
        (&json!(0), &json!("bulk"))
    );
    assert_eq!(message["pending_reason"]["message"], "in line for modem m2");
    let agreed = json!({ "route": "modem:m2", "from": "m2" });
    house.message(agreed).await;
    for wrong in [
        json!({ "route": "modem:m9" }),
        json!({ "route": "modem:m2", "from": "m1" }),
        json!({ "priority": 5 }),
        json!({ "priority": "0" }),
        json!({ "from": "m9" }),
    ] {
        let mut asked = json!({ "to": TO, "text": "hello" });
        let fields = wrong.as_object().unwrap().clone();
        asked.as_object_mut().unwrap().extend(fields);
        let reply = house.post("/v1/messages", asked.to_string()).await;
        reply.is(400, "invalid_request");
    }
}

#[tokio::test]
async fn a_message_that_no_route_can_ever_carry_is_refused_and_one_whose_route_is_only_absent_is_not()
 {
    let house = House::new();
    let asked = json!({ "to": TO, "text": "hello" }).to_string();
    let absent = ModemStatus::absent(ModemName::parse("m1").unwrap(), "/dev/x".into(), NOW);
    house.fleet.send_replace([absent].into());
    assert_eq!(house.post("/v1/messages", asked.clone()).await.status, 202);
    for change in [
        (|terms| terms.prefixes = Prefixes::new(vec!["+1".into()])) as fn(&mut Terms),
        |terms| terms.enabled = false,
        |terms| terms.categories = Categories::of(&[Category::Otp]),
        |terms| terms.ranks[2] = None,
    ] {
        house.loads.send_replace(vec![on_terms("modem:m1", change)]);
        let refused = house.post("/v1/messages", asked.clone()).await;
        refused.is(503, "no_route");
        assert_eq!(refused.header("retry-after"), "60");
    }
}

#[tokio::test]
async fn when_only_providers_are_left_the_budget_decides() {
    let house = House::new();
    house.fleet.send_replace([].into());
    let with_left = |left| Load {
        allowance: Some(Allowance {
            left: Money(left),
            until: UnixMillis(NOW.0 + 3_600_000),
        }),
        ..idle("cloud:x")
    };
    house.loads.send_replace(vec![with_left(500)]);
    let message = house.message(json!({})).await;
    house.loads.send_replace(vec![with_left(499)]);
    let asked = json!({ "to": TO, "text": "hello" }).to_string();
    let refused = house.post("/v1/messages", asked.clone()).await;
    refused.is(403, "insufficient_credit");
    // What was accepted before waits, and says for what.
    let id = message["id"].as_str().unwrap();
    let shown = house.get(&format!("/v1/messages/{id}")).await.body;
    assert_eq!(shown["pending_reason"]["code"], "budget");
    assert_eq!(shown["next_attempt_at"], "2023-11-14T23:13:20.000Z");
    // A modem that may come back is another way out.
    let absent = ModemStatus::absent(ModemName::parse("m1").unwrap(), "/dev/x".into(), NOW);
    house.fleet.send_replace([absent].into());
    assert_eq!(house.post("/v1/messages", asked).await.status, 202);
}

#[tokio::test]
async fn a_route_that_is_left_alone_or_switched_off_is_named_as_the_reason() {
    let house = House::new();
    let message = house.message(json!({})).await;
    let path = format!("/v1/messages/{}", message["id"].as_str().unwrap());
    house.loads.send_replace(vec![Load {
        cools_until: Some(UnixMillis(NOW.0 + 30_000)),
        ..idle("modem:m1")
    }]);
    let shown = house.get(&path).await.body;
    assert_eq!(shown["pending_reason"]["code"], "route_cooldown");
    assert_eq!(shown["next_attempt_at"], "2023-11-14T22:13:50.000Z");
    house
        .loads
        .send_replace(vec![on_terms("modem:m1", |terms| terms.enabled = false)]);
    let shown = house.get(&path).await.body;
    assert_eq!(shown["pending_reason"]["code"], "route_paused");
}

#[tokio::test]
async fn a_caller_without_the_scope_sees_no_routes_and_changes_none() {
    let house = House::new();
    let request = from_peer(
        "127.0.0.1:5",
        "/v1/routes/test",
        &json!({ "to": TO, "text": "x" }),
    );
    house.send(request).await.is(401, "unauthorized");
    let request = with_headers(
        patching("/v1/routes/modem:m1", &json!({ "enabled": false })),
        &[("authorization", "Bearer sk_other")],
    );
    house.send(request).await.is(401, "unauthorized");
}
