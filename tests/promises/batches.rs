//! One request with many recipients, from HTTP to the phones, and the queue while it lasts.

use http::Method;
use serde_json::{Value, json};

use crate::house::House;

fn recipients(count: usize) -> Value {
    (0..count)
        .map(|n| json!({ "to": format!("+86138001380{n:02}") }))
        .collect()
}

impl House {
    async fn batch(&self, asked: Value) -> String {
        let reply = self.ask(Method::POST, "/v1/batches", Some(asked)).await;
        assert_eq!(reply.status, 202, "{}", reply.body);
        reply.body["id"].as_str().unwrap().to_owned()
    }

    async fn batch_becomes(&self, id: &str, status: &str) -> Value {
        let path = format!("/v1/batches/{id}");
        self.until(&format!("{id} is {status}"), async || {
            let batch = self.ask(Method::GET, &path, None).await.body;
            (batch["status"] == status).then_some(batch)
        })
        .await
    }
}

#[tokio::test]
async fn a_batch_is_completed_when_the_last_of_its_texts_has_left() {
    let house = House::with(2).await;
    let asked = json!({ "recipients": recipients(20), "text": "Hello all" });
    let id = house.batch(asked).await;
    let batch = house.batch_becomes(&id, "COMPLETED").await;
    assert_eq!(
        (&batch["success"], &batch["failed"]),
        (&json!(20), &json!(0))
    );
    assert!(batch["completed_at"].is_string(), "{batch}");
    for n in 0..20 {
        let number = format!("+86138001380{n:02}");
        assert_eq!(house.texts(&number).await, ["Hello all"], "{number}");
    }
}

#[tokio::test]
async fn the_queue_says_what_a_batch_waits_for_and_what_became_of_it() {
    let house = House::with(1).await;
    house.ask(Method::POST, "/v1/modems/m1/pause", None).await;
    house.modem_becomes("m1", "paused").await;
    let asked = json!({ "recipients": recipients(3), "text": "Hello all", "category": "bulk" });
    let id = house.batch(asked).await;
    let stats = house.ask(Method::GET, "/v1/stats", None).await.body;
    let waiting = &stats["queue"]["waiting"];
    assert_eq!(waiting[0]["reason"]["code"], "route_paused", "{waiting}");
    assert_eq!(
        (&waiting[0]["category"], &waiting[0]["messages"]),
        (&json!("bulk"), &json!(3))
    );
    assert_eq!(stats["queue"]["queued"], 3);

    house.ask(Method::POST, "/v1/modems/m1/resume", None).await;
    house.batch_becomes(&id, "COMPLETED").await;
    let over = house
        .until("all are delivered", async || {
            let stats = house.ask(Method::GET, "/v1/stats", None).await.body;
            (stats["today"]["messages"]["delivered"] == 3).then_some(stats)
        })
        .await;
    assert_eq!(over["queue"]["waiting"], json!([]));
    assert_eq!(over["today"]["messages"]["queued"], 0);
}
