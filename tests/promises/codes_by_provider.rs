//! With `verify.backend = "aliyun"` a code for +86 is drawn, sent and checked by the provider, and known to nobody here: it
//! is good once, for what it was sent for, and what is counted holds as for a code of ours.

use std::collections::HashSet;
use std::time::Duration;

use cloud_sim::{Fault, Provider, Why};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::cloud::{CloudHouse, files_with};
use crate::house::{House, Reply, fast};

const TO: &str = "+8613800138000";
const ABROAD: &str = "+85251234567";

/// No limit of sends in the way.
const UNLIMITED: &str = "limits = []\n";

/// `v1`: lines of `[verify.profile.v1]`.
async fn house(v1: &str) -> CloudHouse {
    house_with("", v1).await
}

/// `verify`: lines of `[verify]`.
async fn house_with(verify: &str, v1: &str) -> CloudHouse {
    let sim = cloud_sim::start(cloud_sim::Settings::default()).unwrap();
    let kits = sim.kits();
    let kit = kits.iter().find(|kit| kit.provider == Provider::Aliyun);
    let kit = kit.unwrap();
    let kept = |line: &&str| !line.starts_with("template_map") && !line.starts_with("base_url");
    let section: String = kit
        .section
        .lines()
        .filter(kept)
        .map(|line| format!("{line}\n"))
        .collect();
    let config = format!(
        "\n[verify]\nbackend = \"aliyun\"\ncloud = \"aliyun\"\n{verify}[guard]\notp_countries = [\"CN\", \"HK\"]\n[verify.profile.v1]\n{v1}{section}\
         base_url = \"{}\"\ntemplate_map = {{ \"*\" = \"100001\" }}\ntimeout = 2\n",
        sim.base_url(Provider::Dypns),
    );
    let house = House::with_secrets(1, fast(), &config, "", &kit.files).await;
    CloudHouse { house, sim }
}

impl CloudHouse {
    async fn asks(&self, wish: Value) -> Reply {
        let path = "/v1/verifications";
        self.house.ask(Method::POST, path, Some(wish)).await
    }

    async fn begins(&self, purpose: &str) -> Value {
        let reply = self.asks(json!({ "to": TO, "purpose": purpose })).await;
        assert_eq!(reply.status, 201, "{}", reply.body);
        reply.body
    }

    async fn resends(&self, verification: &Value) -> Reply {
        let path = format!("/v1/verifications/{}/resend", id(verification));
        self.house.ask(Method::POST, &path, None).await
    }

    async fn tries(&self, verification: &Value, code: &str) -> Reply {
        let path = format!("/v1/verifications/{}/check", id(verification));
        let body = json!({ "code": code });
        self.house.ask(Method::POST, &path, Some(body)).await
    }

    async fn shown(&self, verification: &Value) -> Value {
        let path = format!("/v1/verifications/{}", id(verification));
        self.house.ask(Method::GET, &path, None).await.body
    }

    /// The code in the newest text that the provider took for the number.
    fn drawn(&self) -> String {
        let newest = self.taken(TO).pop().unwrap();
        newest.code.unwrap()
    }

    fn calls(&self, what: &str) -> usize {
        let calls = self.sim.calls();
        calls.iter().filter(|call| call.what == what).count()
    }
}

fn id(verification: &Value) -> &str {
    verification["id"].as_str().unwrap()
}

/// The provider sends to a number once a second.
async fn a_second_later() {
    tokio::time::sleep(Duration::from_millis(1_050)).await;
}

fn another(code: &str) -> String {
    let next = |digit: u8| char::from(b'0' + (digit - b'0' + 1) % 10);
    code.bytes().map(next).collect()
}

#[tokio::test]
async fn the_code_that_the_provider_drew_is_right_once() {
    let house = house(UNLIMITED).await;
    let made = house.begins("login").await;
    assert_eq!(made["sends"][0]["message_id"], Value::Null);
    assert_eq!(made["sends"][0]["status"], "sent");
    assert_eq!(made["sends"].as_array().unwrap().len(), 1);
    let taken = house.taken(TO);
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].template.as_deref(), Some("100001"));
    assert_eq!(taken[0].reference.as_deref(), Some(id(&made)));
    let code = house.drawn();
    assert_eq!(code.len(), 6);
    let right = house.tries(&made, &code).await;
    assert_eq!(right.body, json!({ "valid": true, "status": "approved" }));
    assert_eq!(house.tries(&made, &code).await.body["valid"], false);
    assert_eq!(house.calls("check"), 1);
    // No message of ours carried it.
    let messages = house.house.ask(Method::GET, "/v1/messages", None).await;
    assert_eq!(messages.body["data"], json!([]));
    assert!(house.house.texts(TO).await.is_empty());
}

#[tokio::test]
async fn a_wrong_code_costs_an_attempt_and_the_last_one_ends_it() {
    let house = house(UNLIMITED).await;
    let made = house.begins("login").await;
    let code = house.drawn();
    for (left, status) in [
        (4, "pending"),
        (3, "pending"),
        (2, "pending"),
        (1, "pending"),
        (0, "max_attempts_reached"),
    ] {
        let wrong = house.tries(&made, &another(&code)).await;
        let expected = json!({ "valid": false, "status": status, "remaining_attempts": left });
        assert_eq!(wrong.body, expected);
    }
    assert_eq!(house.tries(&made, &code).await.body["valid"], false);
    assert_eq!(house.calls("check"), 5);
    a_second_later().await;
    // What can be no code costs one too, and nobody is asked.
    let again = house.begins("login").await;
    assert_eq!(
        house.tries(&again, "12").await.body["remaining_attempts"],
        4
    );
    assert_eq!(house.calls("check"), 5);
}

#[tokio::test]
async fn of_parallel_right_checks_one_succeeds_and_no_more_are_compared_than_there_are_attempts() {
    let house = house("limits = []\nattempts = 3\n").await;
    for _ in 0..3 {
        a_second_later().await;
        let asked_before = house.calls("check");
        let made = house.begins("login").await;
        let code = house.drawn();
        let tries = (0..8).map(|_| house.tries(&made, &code));
        let replies = futures_util::future::join_all(tries).await;
        let right = replies.iter().filter(|reply| reply.body["valid"] == true);
        assert_eq!(right.count(), 1);
        assert!(house.calls("check") - asked_before <= 3);
        assert_eq!(house.shown(&made).await["status"], "approved");
    }
}

#[tokio::test]
async fn parallel_wrong_checks_are_no_more_than_there_are_attempts() {
    let house = house("limits = []\nattempts = 3\n").await;
    let made = house.begins("login").await;
    let wrong = another(&house.drawn());
    let tries = (0..8).map(|_| house.tries(&made, &wrong));
    let replies = futures_util::future::join_all(tries).await;
    assert!(replies.iter().all(|reply| reply.body["valid"] == false));
    assert_eq!(house.calls("check"), 3);
    assert_eq!(house.shown(&made).await["status"], "max_attempts_reached");
}

#[tokio::test]
async fn what_the_provider_cannot_send_goes_by_the_modem() {
    let house = house(UNLIMITED).await;
    for wish in [
        json!({ "to": ABROAD }),
        json!({ "to": TO, "app_hash": "FA+9qCX9VSu" }),
        json!({ "to": TO, "code_length": 10 }),
    ] {
        let reply = house.asks(wish.clone()).await;
        assert_eq!(reply.status, 201, "{}", reply.body);
        let message = reply.body["sends"][0]["message_id"].as_str().unwrap();
        house.house.becomes(message, "delivered").await;
    }
    assert!(house.sim.texts().is_empty());
}

#[tokio::test]
async fn a_code_is_none_for_another_purpose() {
    let house = house(UNLIMITED).await;
    let login = house.begins("login").await;
    let code = house.drawn();
    // The provider would not tell them apart: as long as the one lives, the other is drawn here.
    let payment = house.begins("payment").await;
    assert!(payment["sends"][0]["message_id"].is_string());
    assert_eq!(house.tries(&payment, &code).await.body["valid"], false);
    assert_eq!(house.tries(&login, &code).await.body["valid"], true);
    a_second_later().await;
    // It is used up: now the provider draws for the other.
    let withdraw = house.begins("withdraw").await;
    assert_eq!(withdraw["sends"][0]["message_id"], Value::Null);
    assert_eq!(house.tries(&withdraw, &code).await.body["valid"], false);
    assert_eq!(
        house.tries(&withdraw, &house.drawn()).await.body["valid"],
        true
    );
    a_second_later().await;
    // One that was given up lives there all the same.
    let login = house.begins("login").await;
    let code = house.drawn();
    let cancel = format!("/v1/verifications/{}/cancel", id(&login));
    house.house.ask(Method::POST, &cancel, None).await;
    let payment = house.begins("payment").await;
    assert!(payment["sends"][0]["message_id"].is_string());
    assert_eq!(house.tries(&payment, &code).await.body["valid"], false);
}

#[tokio::test]
async fn a_refusal_is_the_answer_and_the_send_does_not_count() {
    // At most one in a minute, as usual.
    let house = house("").await;
    for (why, status, word) in [
        (Why::Number, 400, "invalid_phone"),
        (Why::NumberLimit, 429, "rate_limited"),
        (Why::Busy, 429, "rate_limited"),
        (Why::Funds, 503, "channel_unavailable"),
        (Why::Config, 503, "channel_unavailable"),
        (Why::Credentials, 503, "channel_unavailable"),
        (Why::Clock, 503, "channel_unavailable"),
        (Why::Template, 503, "channel_unavailable"),
    ] {
        house.once(Fault::Refuse { why });
        let reply = house.asks(json!({ "to": TO })).await;
        let told = (reply.status.as_u16(), reply.body["code"].as_str().unwrap());
        assert_eq!(told, (status, word), "{why:?}: {}", reply.body);
        let must_wait = status != 400;
        assert_eq!(
            reply.headers.contains_key("retry-after"),
            must_wait,
            "{why:?}"
        );
        assert!(
            !reply.body.to_string().contains("13800138000"),
            "{}",
            reply.body
        );
    }
    assert_eq!(house.taken(TO).len(), 0);
    let listed = house
        .house
        .ask(Method::GET, "/v1/verifications?status=pending", None)
        .await;
    assert_eq!(listed.body["data"], json!([]));
    // None of them counts: the first one that goes out is the first of the minute.
    let made = house.asks(json!({ "to": TO })).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let second = house.asks(json!({ "to": TO })).await;
    assert_eq!(second.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(house.taken(TO).len(), 1);
}

#[tokio::test]
async fn sends_by_the_provider_and_by_modem_count_together() {
    let house = house("limits = ['3/3600']\n").await;
    for wish in [
        json!({ "to": TO }),
        json!({ "to": TO, "code_length": 10 }),
        json!({ "to": TO, "code_length": 10 }),
    ] {
        let reply = house.asks(wish).await;
        assert_eq!(reply.status, 201, "{}", reply.body);
    }
    assert_eq!(house.asks(json!({ "to": TO })).await.status, 429);
}

#[tokio::test]
async fn a_second_code_replaces_the_first_and_begins_attempts_anew() {
    let house = house(UNLIMITED).await;
    let made = house.begins("login").await;
    let first = house.drawn();
    house.tries(&made, &another(&first)).await;
    // A refused one does neither.
    a_second_later().await;
    house.once(Fault::Refuse {
        why: Why::NumberLimit,
    });
    assert_eq!(house.resends(&made).await.status, 429);
    assert_eq!(house.shown(&made).await["attempts"], 1);
    let again = house.resends(&made).await;
    assert_eq!(again.status, 200, "{}", again.body);
    assert_eq!(again.body["attempts"], 0);
    let words: Vec<_> = again.body["sends"]
        .as_array()
        .unwrap()
        .iter()
        .map(|send| &send["status"])
        .collect();
    assert_eq!(words, ["sent", "failed", "sent"]);
    assert_ne!(first, house.drawn());
    assert_eq!(house.tries(&made, &first).await.body["valid"], false);
    assert_eq!(house.tries(&made, &house.drawn()).await.body["valid"], true);
}

#[tokio::test]
async fn where_codes_are_kept_each_of_them_is_right_and_they_share_their_attempts() {
    for resend in ["keep", "same_code"] {
        let house = house(&format!("{UNLIMITED}resend = '{resend}'\n")).await;
        let made = house.begins("login").await;
        let first = house.drawn();
        house.tries(&made, &another(&first)).await;
        a_second_later().await;
        let again = house.resends(&made).await.body;
        assert_eq!(again["attempts"], 1);
        let is_same_end = again["expires_at"] == made["expires_at"];
        assert_eq!(is_same_end, resend == "same_code");
        assert_eq!(house.tries(&made, &first).await.body["valid"], true);
    }
}

#[tokio::test]
async fn what_may_have_been_sent_is_not_sent_again_and_can_be_checked() {
    let house = house(UNLIMITED).await;
    house.once(Fault::ServerError {
        status: 500,
        taken: true,
    });
    let made = house.begins("login").await;
    assert_eq!(made["status"], "pending");
    assert_eq!(made["sends"][0]["status"], "unknown");
    assert_eq!(house.calls("send"), 1);
    assert_eq!(house.taken(TO).len(), 1);
    assert_eq!(house.tries(&made, &house.drawn()).await.body["valid"], true);
}

#[tokio::test]
async fn the_same_request_has_one_code_and_one_that_was_refused_is_a_new_one() {
    let house = house(UNLIMITED).await;
    let ask = async || {
        let wish = Some(json!({ "to": TO }));
        let key = [("idempotency-key", "one")];
        house
            .house
            .ask_with(Method::POST, "/v1/verifications", wish, &key)
            .await
    };
    house.once(Fault::Refuse { why: Why::Funds });
    assert_eq!(ask().await.status, 503);
    let first = ask().await;
    assert_eq!(first.status, 201, "{}", first.body);
    assert_eq!(first.body["sends"][0]["status"], "sent");
    let second = ask().await;
    assert_eq!(second.body, first.body);
    assert!(second.headers.contains_key("idempotency-replayed"));
    assert_eq!(house.taken(TO).len(), 1);
}

#[tokio::test]
async fn a_code_is_checked_where_it_was_drawn_also_after_a_restart_with_another_config() {
    let mut house = house(UNLIMITED).await;
    let made = house.begins("login").await;
    let code = house.drawn();
    house
        .house
        .changes_config("backend = \"aliyun\"", "backend = \"local\"");
    house.restarts().await;
    assert_eq!(
        house.tries(&made, &another(&code)).await.body["remaining_attempts"],
        4
    );
    assert_eq!(house.tries(&made, &code).await.body["valid"], true);
    let new = house.begins("login").await;
    assert!(new["sends"][0]["message_id"].is_string());
}

#[tokio::test]
async fn a_stop_while_the_provider_is_asked_leaves_a_code_that_may_have_been_sent() {
    let mut house = house(UNLIMITED).await;
    house.once(Fault::Hang { taken: true });
    let waiting = house.asks(json!({ "to": TO, "purpose": "login" }));
    let stopping = async {
        house
            .house
            .until("the provider has it", async || {
                (house.taken(TO).len() == 1).then_some(())
            })
            .await;
    };
    let (made, ()) = tokio::join!(waiting, stopping);
    assert_eq!(made.body["sends"][0]["status"], "unknown", "{}", made.body);
    house.restarts().await;
    let shown = house.shown(&made.body).await;
    assert_eq!(
        (&shown["status"], &shown["sends"][0]["status"]),
        (&json!("pending"), &json!("unknown"))
    );
    assert_eq!(house.calls("send"), 1);
    assert_eq!(
        house.tries(&made.body, &house.drawn()).await.body["valid"],
        true
    );
}

#[tokio::test]
async fn a_provider_that_is_not_there_costs_no_attempt() {
    let CloudHouse { house, sim } = house(UNLIMITED).await;
    let other = cloud_sim::start(cloud_sim::Settings::default()).unwrap();
    let both = CloudHouse { house, sim: other };
    let made = both.begins("login").await;
    let code = {
        let taken = sim.texts_to(TO.trim_start_matches("+86"));
        taken[0].code.clone().unwrap()
    };
    sim.stop();
    let unanswered = both.tries(&made, &code).await;
    assert_eq!(unanswered.status, 503, "{}", unanswered.body);
    assert_eq!(unanswered.body["code"], "channel_unavailable");
    assert_eq!(both.shown(&made).await["attempts"], 0);
    let reply = both.asks(json!({ "to": TO, "purpose": "login" })).await;
    assert_eq!(reply.status, 503, "{}", reply.body);
}

#[tokio::test]
async fn an_answer_that_is_lost_costs_the_attempt() {
    let house = house(UNLIMITED).await;
    let made = house.begins("login").await;
    house.once(Fault::QueryUnavailable { status: 503 });
    assert_eq!(house.tries(&made, &house.drawn()).await.status, 503);
    assert_eq!(house.shown(&made).await["attempts"], 1);
    assert_eq!(house.tries(&made, &house.drawn()).await.body["valid"], true);
}

#[tokio::test]
async fn other_clients_have_codes_of_the_provider_in_their_own_shapes() {
    let house = house(UNLIMITED).await;
    let post =
        async |path: &str, body: Value| house.house.ask(Method::POST, path, Some(body)).await;
    let sent = post(
        "/sms/otp/send",
        json!({ "phoneNumber": TO, "type": "login" }),
    )
    .await;
    assert_eq!(sent.body["success"], true, "{}", sent.body);
    let asked = |code: &str| json!({ "phoneNumber": TO, "type": "login", "code": code });
    let wrong = post("/sms/otp/verify", asked(&another(&house.drawn()))).await;
    assert_eq!(
        (&wrong.body["valid"], &wrong.body["remainingAttempts"]),
        (&json!(false), &json!(2))
    );
    let right = post("/sms/otp/verify", asked(&house.drawn())).await;
    assert_eq!(right.body, json!({ "valid": true }));
    a_second_later().await;
    let sent = post("/api/otp/send", json!({ "phoneNumber": TO })).await;
    assert_eq!(sent.body["success"], true, "{}", sent.body);
    let right = post(
        "/api/otp/verify",
        json!({ "phoneNumber": TO, "code": house.drawn() }),
    )
    .await;
    assert_eq!(right.body, json!({ "success": true }));
    assert_eq!(house.taken(TO).len(), 2);
}

#[tokio::test]
async fn a_code_of_the_provider_is_in_no_file() {
    let house = house_with("code_length = 8\n", UNLIMITED).await;
    let made = house.begins("login").await;
    let code = house.drawn();
    assert_eq!(code.len(), 8);
    let looks = |moment: &str| {
        let found = files_with(&house.house.data_dir(), code.as_bytes());
        assert!(found.is_empty(), "{moment}: {found:?}");
    };
    looks("sent");
    let wrong = another(&code);
    house.tries(&made, &wrong).await;
    assert_eq!(house.tries(&made, &code).await.body["valid"], true);
    looks("checked");
    assert_eq!(
        files_with(&house.house.data_dir(), wrong.as_bytes()),
        Vec::<String>::new()
    );
    let drawn: HashSet<String> = house
        .taken(TO)
        .into_iter()
        .filter_map(|text| text.code)
        .collect();
    assert_eq!(drawn.len(), 1);
}
