//! A message leaves by the route that may carry it and the recipient knows; one that no route can carry is refused.

use http::Method;
use serde_json::json;

use crate::house::{House, fast};

const TO: &str = "+8613800138000";

async fn two_ready_modems(modem: &str) -> House {
    let house = House::with_modems(2, fast(), "", modem).await;
    house.modem_becomes("m1", "ready").await;
    house.modem_becomes("m2", "ready").await;
    house
}

#[tokio::test]
async fn an_answer_leaves_from_the_sim_that_was_written_to() {
    let house = two_ready_modems("").await;
    for (at, modem) in [(1, "modem:m2"), (0, "modem:m1")] {
        house
            .phones(move |phones| phones.reply_to(at, TO, "is my table ready?").unwrap())
            .await;
        house.inbox_holds(2 - at).await;
        let id = house.send(TO, "yes").await;
        let message = house.becomes(&id, "delivered").await;
        assert_eq!(message["route"], modem);
    }
}

#[tokio::test]
async fn a_route_that_is_switched_off_sends_nothing_until_it_is_switched_on() {
    let house = two_ready_modems("cost = '0.07'\n").await;
    let off = json!({ "enabled": false });
    for name in ["modem:m1", "modem:m2"] {
        let path = format!("/v1/routes/{name}");
        let changed = house.ask(Method::PATCH, &path, Some(off.clone())).await;
        assert_eq!(changed.status, 200, "{}", changed.body);
        house
            .until("it is switched off", async || {
                let routes = house.ask(Method::GET, "/v1/routes", None).await;
                let data = routes.body["data"].as_array().unwrap().clone();
                data.into_iter()
                    .find(|route| route["name"] == name && route["enabled"] == false)
            })
            .await;
        if name == "modem:m1" {
            let id = house.send(TO, "by the other").await;
            let message = house.becomes(&id, "delivered").await;
            assert_eq!(message["route"], "modem:m2");
            assert_eq!(
                message["price"],
                json!({ "amount": "0.0700", "currency": "CNY" })
            );
        }
    }
    let text = json!({ "to": TO, "text": "by nobody" });
    let refused = house.ask(Method::POST, "/v1/messages", Some(text)).await;
    assert_eq!(
        (refused.status.as_u16(), &refused.body["code"]),
        (503, &json!("no_route"))
    );
    let on = json!({ "enabled": true });
    house
        .ask(Method::PATCH, "/v1/routes/modem:m1", Some(on))
        .await;
    let id = house
        .until("a text is accepted again", async || {
            let text = json!({ "to": TO, "text": "by the first" });
            let reply = house.ask(Method::POST, "/v1/messages", Some(text)).await;
            reply.body["id"].as_str().map(str::to_owned)
        })
        .await;
    let message = house.becomes(&id, "delivered").await;
    assert_eq!(message["route"], "modem:m1");
}

#[tokio::test]
async fn a_number_that_no_modem_serves_is_refused_and_a_trial_says_why() {
    let house = two_ready_modems("prefixes = ['+86']\n").await;
    let text = json!({ "to": "+12025550123", "text": "hello" });
    let refused = house
        .ask(Method::POST, "/v1/messages", Some(text.clone()))
        .await;
    assert_eq!(refused.status, 503, "{}", refused.body);
    let tried = house.ask(Method::POST, "/v1/routes/test", Some(text)).await;
    let rejected = tried.body["rejected"].as_array().unwrap();
    let codes: Vec<_> = rejected.iter().map(|one| &one["reason"]["code"]).collect();
    assert_eq!(codes, ["prefix", "prefix"]);
    let id = house.send(TO, "hello").await;
    house.becomes(&id, "delivered").await;
}
