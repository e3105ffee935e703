//! The generic provider: JSON or a form, four kinds of proof.

use cloud_sim::{Fault, Order, Provider, refusals};
use hmac::{Hmac, Mac};
use serde_json::json;

use crate::house::{ask, basic, form, generic, hex, start};

#[test]
fn json_and_forms_are_read_alike() {
    let sim = start();
    let answer = generic(
        &sim,
        &json!({ "to": "+15017122661", "text": "a\"b&c", "reference": "7-a1" }),
    )
    .unwrap();
    assert_eq!(answer.status(), 200);
    let body = answer.json();
    assert_eq!(
        (&body["status"], &body["reference"]),
        (&json!("accepted"), &json!("7-a1"))
    );
    let text = &sim.texts()[0];
    assert_eq!(body["id"], json!(text.ids[0]));
    assert_eq!(text.text.as_deref(), Some("a\"b&c"));

    let token = sim.settings().generic.token.clone();
    let fields = form(&[("to", "15017122661"), ("text", "a\"b&c"), ("from", "Shop")]);
    let kind = ("content-type", "application/x-www-form-urlencoded");
    let answer = ask(
        &sim,
        "POST /generic/v2/sms",
        &[("x-api-key", &token), kind],
        &fields,
    )
    .unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(sim.texts()[1].from.as_deref(), Some("Shop"));
}

#[test]
fn any_proof_of_the_token_opens_it_and_nothing_else() {
    let sim = start();
    let token = sim.settings().generic.token.clone();
    let body = json!({ "to": "+15017122661", "text": "x" }).to_string();
    let sign = |body: &str| {
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(token.as_bytes()).unwrap();
        mac.update(body.as_bytes());
        hex(&mac.finalize().into_bytes())
    };
    let with = |name: &str, value: &str| {
        let headers = [(name, value), ("content-type", "application/json")];
        ask(&sim, "POST /generic/send", &headers, &body)
            .unwrap()
            .status()
    };
    assert_eq!(with("authorization", &format!("Bearer {token}")), 200);
    assert_eq!(with("authorization", &basic("user", &token)), 200);
    assert_eq!(with("x-api-key", &token), 200);
    assert_eq!(with("x-signature", &sign(&body)), 200);
    assert_eq!(with("x-signature", &format!("sha256={}", sign(&body))), 200);
    assert_eq!(with("x-signature", &sign(&format!("{body} "))), 401);
    assert_eq!(with("authorization", &format!("Bearer {token}x")), 401);
    assert_eq!(with("x-other", "1"), 401);
    assert_eq!(sim.texts().len(), 5);
}

#[test]
fn what_cannot_be_sent_is_refused() {
    let sim = start();
    let refused = |body: serde_json::Value| {
        let answer = generic(&sim, &body).unwrap();
        (
            answer.status(),
            answer.json()["error"]["code"].as_str().unwrap().to_owned(),
        )
    };
    assert_eq!(
        refused(json!({ "to": "nobody", "text": "x" })),
        (400, "invalid_number".into())
    );
    assert_eq!(
        refused(json!({ "to": "+15017122661" })),
        (422, "invalid_text".into())
    );
    assert_eq!(refused(json!([])), (422, "invalid_text".into()));
}

#[test]
fn every_row_of_the_error_table_is_refused_as_it_says() {
    let sim = start();
    for row in refusals(Provider::Generic) {
        let fault = Fault::RefuseWith {
            code: row.code.into(),
            retry_after_s: Some(3),
        };
        sim.order(Order::once(fault).by(Provider::Generic));
        let answer = generic(&sim, &json!({ "to": "+15017122661", "text": "x" })).unwrap();
        assert_eq!(answer.status(), row.status, "{}", row.code);
        assert_eq!(
            answer.json(),
            json!({ "error": { "code": row.code, "message": row.message } })
        );
        assert_eq!(answer.header("retry-after"), "3");
    }
    assert_eq!(sim.texts().len(), 0);
}
