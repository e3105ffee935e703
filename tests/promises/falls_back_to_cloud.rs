//! When no modem can send in time, the text leaves through a provider, once; and the gateway says why it did, or did not.

use cloud_sim::{Fault, Provider, Why};
use http::{Method, StatusCode};
use serde_json::json;

use crate::cloud::{CloudHouse, TWILIO};

const PUBLIC: &str = "\n[server]\npublic_url = \"https://sms.example.com\"\n";
const TO: &str = "+8613800138000";

fn waits(otp: u32, others: u32) -> String {
    format!("{PUBLIC}[routing]\notp_max_wait = {otp}\nmax_wait = {others}\n")
}

async fn twilio(modems: usize, config: &str) -> CloudHouse {
    CloudHouse::with(modems, &[Provider::Twilio], config, "").await
}

#[tokio::test]
async fn without_a_modem_a_text_leaves_by_the_provider_at_once_and_its_report_comes_back() {
    let house = twilio(0, PUBLIC).await;
    let id = house.house.send(TO, "by cloud").await;
    let message = house.house.becomes(&id, "delivered").await;
    assert_eq!(message["route"], TWILIO);
    assert_eq!(message["price"]["amount"], "0.0500");
    let taken = house.taken(TO);
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].text.as_deref(), Some("by cloud"));
}

#[tokio::test]
async fn a_code_does_not_wait_for_a_modem_that_is_not_ready() {
    let house = twilio(1, &waits(15, 600)).await;
    house.house.modem_becomes("m1", "ready").await;
    house.house.phones(|phones| phones.unplug(0).unwrap()).await;
    house.house.modem_becomes("m1", "absent").await;
    let code = json!({ "to": TO, "text": "Your code is 482913", "category": "otp" });
    let id = house.house.send_as(code).await;
    let message = house.house.becomes(&id, "delivered").await;
    assert_eq!(message["route"], TWILIO);
    let sent: Vec<_> = house
        .taken(TO)
        .into_iter()
        .filter_map(|one| one.text)
        .collect();
    assert_eq!(sent, ["Your code is 482913"]);
    // What is no code has ten minutes for the modem to come back, and says so.
    let id = house.house.send(TO, "it can wait").await;
    let message = house.house.message(&id).await;
    assert_eq!(message["status"], "queued");
    let waiting = house.rejections(TO, "transactional").await;
    assert!(
        waiting.contains(&(TWILIO.into(), "not_yet".into())),
        "{waiting:?}"
    );
    assert_eq!(house.taken(TO).len(), 1);
}

#[tokio::test]
async fn what_waited_its_time_for_a_modem_leaves_by_the_provider() {
    let house = twilio(1, &waits(1, 2)).await;
    house.house.modem_becomes("m1", "ready").await;
    house.house.phones(|phones| phones.unplug(0).unwrap()).await;
    house.house.modem_becomes("m1", "absent").await;
    let ids = [
        house.house.send(TO, "one of the queue").await,
        house.house.send(TO, "another of the queue").await,
    ];
    for id in ids {
        let message = house.house.becomes(&id, "delivered").await;
        assert_eq!(message["route"], TWILIO);
    }
    assert_eq!(house.taken(TO).len(), 2);
}

#[tokio::test]
async fn what_a_modem_refused_for_good_is_tried_by_the_provider() {
    let house = twilio(1, PUBLIC).await;
    house.house.modem_becomes("m1", "ready").await;
    house
        .house
        .order(json!({ "kind": "refuse", "sends": [[1, 21]] }))
        .await;
    let id = house.house.send(TO, "refused by the network").await;
    let message = house.house.becomes(&id, "delivered").await;
    assert_eq!(message["route"], TWILIO);
    let kinds: Vec<String> = house
        .events_of(&id)
        .await
        .into_iter()
        .map(|(kind, _)| kind)
        .collect();
    assert!(kinds.contains(&"refused".to_owned()), "{kinds:?}");
    assert_eq!(house.taken(TO).len(), 1);
}

#[tokio::test]
async fn bulk_does_not_leave_by_a_provider_unless_the_config_says_so() {
    let house = twilio(0, PUBLIC).await;
    let bulk = json!({ "to": TO, "text": "sale", "category": "bulk" });
    let refused = house
        .house
        .ask(Method::POST, "/v1/messages", Some(bulk))
        .await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.body["code"], "no_route");
    let rejected = house.rejections(TO, "bulk").await;
    assert_eq!(rejected, [(TWILIO.to_owned(), "cloud_for".to_owned())]);
}

#[tokio::test]
async fn what_only_the_operator_can_mend_leads_to_the_next_provider_and_is_said() {
    let house = CloudHouse::with(0, &[Provider::Twilio, Provider::Vonage], PUBLIC, "").await;
    for why in [Why::Credentials, Why::Config, Why::Funds] {
        house.sim.clear();
        let order = cloud_sim::Order::always(Fault::Refuse { why }).by(Provider::Twilio);
        house.sim.order(order);
        let id = house.house.send(TO, &format!("{why:?}")).await;
        let message = house.house.becomes(&id, "delivered").await;
        assert_eq!(message["route"], "cloud:vonage", "{why:?}");
    }
    let routes = house.house.ask(Method::GET, "/v1/routes", None).await;
    let twilio = routes.body["data"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["name"] == TWILIO)
        .unwrap()
        .clone();
    assert_ne!(twilio["health"], "ready", "{twilio}");
}

#[tokio::test]
async fn too_many_texts_to_one_number_are_not_sent_by_another_provider() {
    let house = CloudHouse::with(0, &[Provider::Aliyun, Provider::Vonage], PUBLIC, "").await;
    let order = cloud_sim::Order::always(Fault::Refuse {
        why: Why::NumberLimit,
    })
    .by(Provider::Aliyun);
    house.sim.order(order);
    let id = house.house.send(TO, "too often").await;
    let held = house
        .house
        .until("it is held", async || {
            let message = house.house.message(&id).await;
            (message["pending_reason"]["code"] == "retry_backoff").then_some(message)
        })
        .await;
    assert_eq!(held["status"], "queued");
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(house.taken(TO).len(), 0, "by nobody");
}

#[tokio::test]
async fn a_recipient_who_opted_out_is_texted_by_nobody_from_then_on() {
    let house = CloudHouse::with(0, &[Provider::Twilio, Provider::Vonage], PUBLIC, "").await;
    house.once(Fault::Refuse { why: Why::OptedOut });
    let id = house.house.send(TO, "unwanted").await;
    let message = house.house.becomes(&id, "failed").await;
    assert_eq!(message["error"]["code"], "suppressed");
    assert_eq!(house.taken(TO).len(), 0);
    let again = json!({ "to": TO, "text": "still unwanted" });
    let refused = house
        .house
        .ask(Method::POST, "/v1/messages", Some(again))
        .await;
    assert_eq!(refused.body["code"], "destination_blocked");
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_left_alone_and_probed_when_it_may_be_back() {
    let house = CloudHouse::with(0, &[Provider::Twilio, Provider::Vonage], PUBLIC, "").await;
    house.sim.order(
        cloud_sim::Order::always(Fault::ServerError {
            status: 503,
            taken: false,
        })
        .by(Provider::Twilio),
    );
    let mut routes = Vec::new();
    for at in 0..5 {
        let to = format!("+861380013800{at}");
        let text = json!({ "to": to, "text": "by whoever is there" });
        routes.push(house.house.send_as(text).await);
    }
    // Whatever Twilio left open is asked about; Vonage takes what did not go there.
    house
        .house
        .until("the route cools down", async || {
            let routes = house.house.ask(Method::GET, "/v1/routes", None).await;
            let data = routes.body["data"].as_array().unwrap().clone();
            data.into_iter()
                .find(|one| one["name"] == TWILIO && one["health"] == "route_cooldown")
        })
        .await;
    let id = house.house.send("+8613900139000", "meanwhile").await;
    let message = house.house.becomes(&id, "delivered").await;
    assert_eq!(message["route"], "cloud:vonage");
}

#[tokio::test]
async fn a_provider_that_asks_to_be_left_alone_for_a_while_is() {
    let house = twilio(0, PUBLIC).await;
    house.once(Fault::RateLimited { retry_after_s: 40 });
    let before = cellpost::domain::UnixMillis::parse_rfc3339(
        house
            .house
            .message(&house.house.send(TO, "too fast").await)
            .await["created_at"]
            .as_str()
            .unwrap(),
    )
    .unwrap();
    let held = house
        .house
        .until("it is held", async || {
            let listed = house.house.ask(Method::GET, "/v1/messages", None).await;
            let message = listed.body["data"][0].clone();
            (message["pending_reason"]["code"] == "retry_backoff").then_some(message)
        })
        .await;
    let next = held["next_attempt_at"].as_str().unwrap();
    let next = cellpost::domain::UnixMillis::parse_rfc3339(next).unwrap();
    assert!(next.0 - before.0 >= 40_000, "{held}");
    assert_eq!(house.taken(TO).len(), 0);
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_named_and_the_next_provider_takes_the_text() {
    let house = CloudHouse::with(0, &[Provider::Aliyun, Provider::Vonage], PUBLIC, "").await;
    house.sim.offset_clock(3_600_000);
    let id = house.house.send(TO, "what time is it?").await;
    let message = house.house.becomes(&id, "delivered").await;
    assert_eq!(message["route"], "cloud:vonage");
    let events = house.events_of(&id).await;
    let refused = events.iter().find(|(kind, _)| kind == "refused").unwrap();
    assert!(
        refused
            .1
            .contains("provider_config: this machine's clock is wrong"),
        "{events:?}"
    );
}

#[tokio::test]
async fn a_provider_where_nobody_listens_costs_a_text_nothing_but_a_moment() {
    let config = format!(
        "{PUBLIC}[cloud.dead]\nkind = \"twilio\"\naccount = \"AC0123456789abcdef0123456789abcdef\"\n\
         secret_file = \"cloud-sim-twilio\"\nfrom = \"+15005550006\"\nbase_url = \"http://127.0.0.1:1\"\n"
    );
    let house = twilio(0, &config).await;
    let id = house.house.send(TO, "is anybody there?").await;
    let message = house.house.becomes(&id, "delivered").await;
    assert_eq!(message["route"], TWILIO);
    assert_eq!(message["may_be_duplicate"], false);
    let kinds: Vec<String> = house
        .events_of(&id)
        .await
        .into_iter()
        .map(|(kind, _)| kind)
        .collect();
    assert!(kinds.contains(&"never_left".to_owned()), "{kinds:?}");
    assert_eq!(house.taken(TO).len(), 1);
}
