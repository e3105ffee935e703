//! A provider that knows templates only is told a template and its values, and nothing that it cannot carry.

use cloud_sim::Provider;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::cloud::{CloudHouse, files_with};

const TO: &str = "+8613800138000";
const PUBLIC: &str = "\n[server]\npublic_url = \"https://sms.example.com\"\n[routing]\ncloud_for = [\"otp\", \"transactional\", \"notification\"]\n";

/// The kit of the simulation lets any text go by `*`; these sections know a code's profile only.
async fn house(provider: Provider, code: &str) -> CloudHouse {
    let mapped =
        format!("template_map = {{ v1 = {{ code = \"{code}\", variables = [\"code\"] }} }}\n");
    CloudHouse::with_map(provider, PUBLIC, &mapped).await
}

async fn template(house: &CloudHouse, theirs: Option<&str>) -> i64 {
    let body = json!({
        "name": "payment", "content": "{{amount}} yuan from {{name}}", "variables": ["name", "amount"],
        "providerTemplateId": theirs,
    });
    let reply = house
        .house
        .ask(Method::POST, "/template/sms", Some(body))
        .await;
    assert_eq!(reply.body["code"], 0, "{}", reply.body);
    let id = &reply.body["data"]["id"];
    id.as_i64().or_else(|| id.as_str()?.parse().ok()).unwrap()
}

async fn notify(house: &CloudHouse, template: i64) -> Value {
    let body = json!({
        "templateId": template, "phoneNumbers": [TO],
        "params": { "amount": "12.50", "name": "王小明" },
    });
    house
        .house
        .ask(Method::POST, "/notification/sms", Some(body))
        .await
        .body
}

#[tokio::test]
async fn a_registered_template_goes_with_its_values_and_a_free_text_is_refused_with_the_reason() {
    for (provider, theirs) in [
        (Provider::Aliyun, "SMS_12345678"),
        (Provider::Tencent, "1234567"),
    ] {
        let house = house(provider, theirs).await;
        let free = json!({ "to": TO, "text": "free text" });
        let refused = house
            .house
            .ask(Method::POST, "/v1/messages", Some(free))
            .await;
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refused.body["code"], "no_route");
        let rejected = house.rejections(TO, "transactional").await;
        assert_eq!(
            rejected,
            [(format!("cloud:{provider}"), "template".to_owned())]
        );

        let unknown = notify(&house, template(&house, None).await).await;
        assert_ne!(unknown["code"], 0, "{unknown}");
        let known = template(&house, Some(theirs)).await;
        let taken = notify(&house, known).await;
        assert_eq!(taken["code"], 0, "{taken}");
        house
            .house
            .until("the provider took it", async || {
                let texts = house.taken(TO);
                (texts.len() == 1).then(|| texts[0].clone())
            })
            .await;
        let text = &house.taken(TO)[0];
        assert_eq!(text.template.as_deref(), Some(theirs));
        let expected = match provider {
            Provider::Aliyun => json!({ "name": "王小明", "amount": "12.50" }),
            // In the order of our template's variables.
            _ => json!(["王小明", "12.50"]),
        };
        assert_eq!(text.params, expected);
    }
}

#[tokio::test]
async fn a_code_goes_as_the_value_of_its_template_and_is_in_no_file_unsealed() {
    let house = house(Provider::Aliyun, "SMS_2").await;
    let asked = json!({ "to": TO, "channel": "sms", "purpose": "login" });
    let begun = house
        .house
        .ask(Method::POST, "/v1/verifications", Some(asked))
        .await;
    assert_eq!(begun.status, StatusCode::CREATED, "{}", begun.body);
    let text = house
        .house
        .until("the provider took it", async || {
            house.taken(TO).first().cloned()
        })
        .await;
    assert_eq!(text.template.as_deref(), Some("SMS_2"));
    let code = text.params["code"].as_str().unwrap().to_owned();
    assert_eq!(
        text.params.as_object().unwrap().len(),
        1,
        "one variable: {}",
        text.params
    );
    assert_eq!(
        files_with(&house.house.data_dir(), code.as_bytes()),
        Vec::<String>::new()
    );
    let path = format!(
        "/v1/verifications/{}/check",
        begun.body["id"].as_str().unwrap()
    );
    let checked = house
        .house
        .ask(Method::POST, &path, Some(json!({ "code": code })))
        .await;
    assert_eq!(checked.body["valid"], true, "{}", checked.body);
}
