//! A request whose answer is lost is not written again before the provider was asked whether it has the text.

use std::time::{Duration, Instant};

use cloud_sim::{Fault, Provider};
use serde_json::json;

use crate::cloud::CloudHouse;

const PUBLIC: &str = "\n[server]\npublic_url = \"https://sms.example.com\"\n";

fn faults(taken: bool) -> Vec<(&'static str, Fault)> {
    vec![
        ("500", Fault::ServerError { status: 500, taken }),
        ("502 in HTML", Fault::BadGateway { taken }),
        ("an empty answer", Fault::Empty { taken }),
        ("a garbled answer", Fault::Garbled { taken }),
        ("a reset", Fault::Close { taken }),
        ("a time-out", Fault::Hang { taken }),
    ]
}

/// A text that a fault befalls, in a gateway of its own: three failures in a row, and a route is left alone for a while.
struct Befallen {
    house: CloudHouse,
    id: String,
    to: &'static str,
    what: String,
}

/// No report says more than the provider is asked.
async fn befallen(provider: Provider, taken: bool, config: &str) -> Vec<Befallen> {
    let to = "+8613800138101";
    let mut all = Vec::new();
    for (name, fault) in faults(taken) {
        let config = format!("{PUBLIC}{config}");
        let house = CloudHouse::with(0, &[provider], &config, "timeout = 2\n").await;
        house.once(fault);
        house.order(Fault::ReportWithheld);
        let id = house.house.send(to, "once").await;
        all.push(Befallen {
            house,
            id,
            to,
            what: format!("{provider}: {name}"),
        });
    }
    all
}

impl Befallen {
    async fn message(&self) -> serde_json::Value {
        self.house.house.message(&self.id).await
    }

    fn copies(&self) -> usize {
        self.house.taken(self.to).len()
    }
}

async fn within(seconds: u64, what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < Duration::from_secs(seconds), "{what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn what_the_provider_took_and_did_not_say_is_found_and_not_sent_again() {
    for provider in [Provider::Twilio, Provider::Aliyun, Provider::Tencent] {
        for one in befallen(provider, true, "").await {
            within(40, &one.what, async || {
                let message = one.message().await;
                ["sent", "delivered"].contains(&message["status"].as_str().unwrap())
            })
            .await;
            assert_eq!(
                one.message().await["may_be_duplicate"],
                false,
                "{}",
                one.what
            );
            assert_eq!(one.copies(), 1, "{}", one.what);
        }
    }
}

#[tokio::test]
async fn what_the_provider_did_not_take_is_sent_once_it_has_said_so() {
    let all = befallen(Provider::Twilio, false, "").await;
    for one in &all {
        within(60, &one.what, async || {
            let message = one.message().await;
            ["sent", "delivered"].contains(&message["status"].as_str().unwrap())
        })
        .await;
        assert_eq!(
            one.message().await["may_be_duplicate"],
            false,
            "{}",
            one.what
        );
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    for one in &all {
        assert_eq!(one.copies(), 1, "{}", one.what);
    }
}

#[tokio::test]
async fn a_provider_that_cannot_be_asked_is_a_matter_of_policy_and_a_second_copy_is_announced() {
    for (policy, copies, status) in [("duplicate", 2, "sent"), ("lose", 1, "unknown")] {
        let config = format!("[message]\nuncertain = {{ transactional = \"{policy}\" }}\n");
        for one in befallen(Provider::Vonage, true, &config).await {
            let what = format!("{policy}, {}", one.what);
            within(60, &what, async || one.message().await["status"] == status).await;
            assert_eq!(one.copies(), copies, "{what}");
            let message = one.message().await;
            assert_eq!(message["may_be_duplicate"], policy == "duplicate", "{what}");
        }
    }
}

#[tokio::test]
async fn a_stop_while_the_provider_hangs_ends_in_a_question_at_the_next_start() {
    let mut house = CloudHouse::with(
        0,
        &[Provider::Twilio],
        "\n[server]\npublic_url = \"https://sms.example.com\"\nshutdown_grace = 1\n",
        "timeout = 60\n",
    )
    .await;
    let to = "+8613800138155";
    house.once(Fault::Hang { taken: true });
    house.order(Fault::ReportWithheld);
    let id = house.house.send(to, "once").await;
    within(10, "it is on its way", async || {
        house.house.message(&id).await["status"] == "sending"
    })
    .await;
    within(10, "it was taken", async || house.taken(to).len() == 1).await;
    house.restarts().await;
    within(40, "it was found", async || {
        let message = house.house.message(&id).await;
        ["sent", "delivered"].contains(&message["status"].as_str().unwrap())
    })
    .await;
    assert_eq!(house.taken(to).len(), 1);
    let kinds: Vec<String> = house
        .events_of(&id)
        .await
        .into_iter()
        .map(|(kind, _)| kind)
        .collect();
    assert!(kinds.contains(&"settled".to_owned()), "{kinds:?}");
}

#[tokio::test]
async fn the_same_request_of_a_caller_is_one_text_and_one_price() {
    let house = CloudHouse::with(0, &[Provider::Twilio], PUBLIC, "").await;
    let to = "+8613800138166";
    let body = json!({ "to": to, "text": "once" });
    for _ in 0..3 {
        let reply = house
            .house
            .ask_with(
                http::Method::POST,
                "/v1/messages",
                Some(body.clone()),
                &[("Idempotency-Key", "order-7")],
            )
            .await;
        assert_eq!(reply.status, 202);
    }
    within(10, "it was taken", async || !house.taken(to).is_empty()).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(house.taken(to).len(), 1);
}
