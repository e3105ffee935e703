//! Templates in both shapes, and texts made of them: groups A and G2.

use super::*;

const CONTENT: &str = "您的验证码是{{code}}，5分钟内有效";

fn new() -> Value {
    json!({
        "name": " 验证码模板 ",
        "content": CONTENT,
        "providerTemplateId": "SMS_12345678",
    })
}

impl House {
    async fn template(&self, change: Value) -> Reply {
        let mut asked = new();
        let changed = change.as_object().unwrap().clone();
        asked.as_object_mut().unwrap().extend(changed);
        self.post("/template/sms", asked.to_string()).await
    }

    async fn notify(&self, change: Value) -> Reply {
        let mut asked = json!({
            "templateId": 1,
            "phoneNumbers": ["13800138000", "13900139000"],
            "params": { "code": "123456" },
        });
        let changed = change.as_object().unwrap().clone();
        asked.as_object_mut().unwrap().extend(changed);
        self.post("/notification/sms", asked.to_string()).await
    }
}

impl Reply {
    /// An error of group A: its number, in an envelope whose message begins so.
    #[track_caller]
    fn says(&self, status: u16, number: u16, message: &str) {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.body["code"], number, "{}", self.text);
        assert_eq!(self.body["data"], Value::Null, "{}", self.text);
        let told = self.body["message"].as_str().unwrap();
        assert!(told.starts_with(message), "{told}");
        assert_eq!(self.header("content-type"), "application/json");
    }
}

#[tokio::test]
async fn a_template_is_made_shown_changed_and_deleted() {
    let house = House::new();
    let made = house.template(json!({})).await;
    assert_eq!(made.status, 201);
    assert_eq!(made.header("location"), "/template/sms/1");
    assert_eq!(
        made.body,
        json!({
            "code": 0,
            "data": {
                "id": 1,
                "name": "验证码模板",
                "content": CONTENT,
                "variables": ["code"],
                "providerTemplateId": "SMS_12345678",
                "createdAt": "2023-11-14T22:13:20Z",
                "updatedAt": "2023-11-14T22:13:20Z",
            },
            "message": "success",
        })
    );
    assert_eq!(house.get("/template/sms/1").await.body, made.body);

    let changed = house
        .patch(
            "/template/sms/1",
            json!({ "content": "{{a}}{{b}}", "providerTemplateId": null }),
        )
        .await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    assert_eq!(changed.body["data"]["variables"], json!(["a", "b"]));
    assert_eq!(changed.body["data"]["providerTemplateId"], Value::Null);
    assert_eq!(changed.body["data"]["name"], "验证码模板");

    let native = house.get("/v1/templates/1").await;
    assert_eq!(native.body["content"], "{{a}}{{b}}");
    assert_eq!(native.body["created_at"], "2023-11-14T22:13:20.000Z");

    let gone = house.delete("/template/sms/1").await;
    assert_eq!((gone.status.as_u16(), gone.text.as_str()), (204, ""));
    for reply in [
        house.delete("/template/sms/1").await,
        house.get("/template/sms/1").await,
        house.get("/template/sms/x").await,
        house.get("/template/sms/-1").await,
        house.patch("/template/sms/1", json!({})).await,
    ] {
        reply.says(404, 1001, "模板不存在");
    }
    // An id is not given again.
    assert_eq!(house.template(json!({})).await.body["data"]["id"], 2);
}

#[tokio::test]
async fn an_empty_change_changes_nothing() {
    let house = House::new();
    let made = house.template(json!({})).await;
    let same = house.patch("/template/sms/1", json!({})).await;
    assert_eq!((same.status.as_u16(), &same.body), (200, &made.body));
}

#[tokio::test]
async fn a_template_that_cannot_be_used_is_refused_with_its_reason() {
    let house = House::new();
    for (change, number, message) in [
        (json!({ "content": "{{ code }}" }), 1003, "模板参数错误"),
        (json!({ "content": "{{code" }), 1003, "模板参数错误"),
        (json!({ "content": "" }), 1003, "模板参数错误"),
        (json!({ "content": "字".repeat(501) }), 1003, "模板参数错误"),
        (json!({ "variables": ["other"] }), 1003, "模板参数错误"),
        (
            json!({ "variables": ["code", "code"] }),
            1003,
            "模板参数错误",
        ),
        (
            json!({ "variables": ["code", "a-b"] }),
            1003,
            "模板参数错误",
        ),
        (json!({ "variables": "code" }), 1000, "请求参数错误"),
        (json!({ "name": "  " }), 1000, "请求参数错误"),
        (json!({ "name": "n".repeat(101) }), 1000, "请求参数错误"),
        (json!({ "name": 5 }), 1000, "请求参数错误"),
        (json!({ "content": null }), 1000, "请求参数错误"),
    ] {
        house.template(change).await.says(400, number, message);
    }
    // Declared and not used: kept. Unknown fields: ignored.
    let made = house
        .template(json!({ "variables": ["code", "more"], "colour": "red" }))
        .await;
    assert_eq!(made.body["data"]["variables"], json!(["code", "more"]));
    let broken = house
        .patch(
            "/template/sms/1",
            json!({ "content": "{{new}}", "variables": ["code"] }),
        )
        .await;
    broken.says(400, 1003, "模板参数错误");
    house
        .post("/template/sms", "{")
        .await
        .says(400, 1000, "请求参数错误");
}

#[tokio::test]
async fn a_page_is_found_by_parts_of_name_and_content() {
    let house = House::new();
    for (name, content) in [
        ("Login", "your code is {{code}}"),
        ("支付通知", "支付 100% 成功"),
        ("login_2", "Code: {{code}}"),
    ] {
        house
            .template(json!({ "name": name, "content": content }))
            .await;
    }
    for (query, ids) in [
        ("", vec![3, 2, 1]),
        ("name=LOGIN", vec![3, 1]),
        ("name=%E6%94%AF%E4%BB%98", vec![2]),
        // Both mean themselves.
        ("content=%25", vec![2]),
        ("name=_", vec![3]),
        ("name=login&content=your", vec![1]),
        ("size=2&page=1", vec![3, 2]),
        ("size=2&page=2", vec![1]),
        ("size=2&page=9", vec![]),
    ] {
        let page = house.get(&format!("/template/sms/page?{query}")).await;
        let items = page.body["data"]["items"].as_array().unwrap();
        let shown: Vec<_> = items
            .iter()
            .map(|one| one["id"].as_i64().unwrap())
            .collect();
        assert_eq!(shown, ids, "{query}");
    }
    let page = house.get("/template/sms/page?size=1000&name=login").await;
    assert_eq!(
        (&page.body["data"]["total"], &page.body["data"]["size"]),
        (&json!(2), &json!(100))
    );
    for wrong in ["page=0", "size=x", "page="] {
        let reply = house.get(&format!("/template/sms/page?{wrong}")).await;
        reply.says(400, 1000, "请求参数错误");
    }
}

#[tokio::test]
async fn a_text_is_made_of_a_template_and_followed_to_its_end() {
    let house = House::new();
    house.template(json!({})).await;
    let reply = house
        .notify(json!({ "phoneNumbers": ["13800138000", "nobody", "+86 13900139000", "138 0013 8000"] }))
        .await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(
        reply.body,
        json!({
            "code": 0,
            "data": {
                "batchId": "SMS_BATCH_20231114221320000001",
                "success": true,
                "message": "短信发送请求已接受",
                "failedNumbers": ["nobody"],
            },
            "message": "success",
        })
    );
    let batch = house
        .get("/status/sms/batch/SMS_BATCH_20231114221320000001")
        .await;
    assert_eq!(
        batch.body["data"],
        json!({
            "batchId": "SMS_BATCH_20231114221320000001",
            "status": "PENDING",
            "total": 2,
            "success": 0,
            "failed": 0,
            "createdAt": "2023-11-14T22:13:20Z",
            "completedAt": null,
        })
    );
    let messages = house
        .get("/status/sms/batch/SMS_BATCH_20231114221320000001/messages?status=queued")
        .await;
    assert_eq!(
        messages.body["data"],
        json!({
            "items": [
                {
                    "id": "MSG_20231114221320000001_001",
                    "phoneNumber": "13800138000",
                    "status": "QUEUED",
                    "error": null,
                    "sendTime": null,
                    "deliveryTime": null,
                },
                {
                    "id": "MSG_20231114221320000001_002",
                    "phoneNumber": "+86 13900139000",
                    "status": "QUEUED",
                    "error": null,
                    "sendTime": null,
                    "deliveryTime": null,
                },
            ],
            "total": 2,
            "page": 1,
            "size": 10,
        })
    );
    let message = house
        .get("/status/sms/message/MSG_20231114221320000001_002")
        .await;
    assert_eq!(
        message.body["data"]["content"],
        "您的验证码是123456，5分钟内有效"
    );
    assert_eq!(
        message.body["data"]["batchId"],
        "SMS_BATCH_20231114221320000001"
    );
    let native = house.get("/v1/messages/MSG_20231114221320000001_001").await;
    assert_eq!(
        (&native.body["template_id"], &native.body["category"]),
        (&json!(1), &json!("notification"))
    );
    for path in [
        "/status/sms/batch/SMS_BATCH_1",
        "/status/sms/batch/x/messages",
        "/status/sms/message/MSG_1",
    ] {
        house.get(path).await.says(404, 1006, "资源不存在");
    }
    house
        .get("/status/sms/batch/SMS_BATCH_20231114221320000001/messages?status=lost")
        .await
        .says(400, 1000, "请求参数错误");
}

#[tokio::test]
async fn what_is_wrong_with_a_notification_is_told_in_its_order() {
    let house = House::new();
    house.template(json!({})).await;
    let many: Vec<String> = (0..101).map(|n| format!("138{n:08}")).collect();
    for (change, status, number) in [
        (
            json!({ "templateId": "1", "phoneNumbers": many.clone() }),
            400,
            1000,
        ),
        (json!({ "phoneNumbers": [] }), 400, 1000),
        (json!({ "phoneNumbers": [""] }), 400, 1000),
        (json!({ "params": [] }), 400, 1000),
        (json!({ "phoneNumbers": many, "templateId": 9 }), 400, 1008),
        (json!({ "templateId": 9, "params": {} }), 404, 1001),
        (
            json!({ "params": {}, "scheduledAt": "tomorrow" }),
            400,
            1003,
        ),
        (json!({ "params": { "code": 123456 } }), 400, 1003),
        (
            json!({ "params": { "code": "1", "product-name": "x" } }),
            400,
            1003,
        ),
        (json!({ "params": { "code": "x".repeat(700) } }), 400, 1003),
        (json!({ "params": { "code": "\u{1b}" } }), 400, 1003),
        (
            json!({ "scheduledAt": "tomorrow", "phoneNumbers": ["x"] }),
            400,
            1007,
        ),
        (json!({ "scheduledAt": "2023-11-21T22:13:21Z" }), 400, 1007),
        (json!({ "phoneNumbers": ["x", "y"] }), 400, 1002),
    ] {
        let reply = house.notify(change.clone()).await;
        let got = (reply.status.as_u16(), reply.body["code"].as_u64());
        assert_eq!(got, (status, Some(number)), "{change}: {}", reply.text);
    }
    assert_eq!(house.count().await, 0);
}

#[tokio::test]
async fn a_value_is_put_in_once_whatever_it_looks_like() {
    let house = House::new();
    house.template(json!({})).await;
    let reply = house
        .notify(json!({ "params": { "code": "{{code}}", "extra": "ignored" } }))
        .await;
    assert_eq!(reply.status, 200);
    let message = house
        .get("/status/sms/message/MSG_20231114221320000001_001")
        .await;
    assert_eq!(
        message.body["data"]["content"],
        "您的验证码是{{code}}，5分钟内有效"
    );
}

#[tokio::test]
async fn a_notification_of_the_past_goes_now_and_one_of_tomorrow_waits() {
    let house = House::new();
    house.template(json!({})).await;
    house
        .notify(json!({ "scheduledAt": "2001-01-01T00:00:00Z" }))
        .await;
    house
        .notify(json!({ "scheduledAt": "2023-11-15T22:13:20+00:00" }))
        .await;
    for (id, status) in [
        ("MSG_20231114221320000001_001", "QUEUED"),
        ("MSG_20231114221320000003_001", "SCHEDULED"),
    ] {
        let message = house.get(&format!("/status/sms/message/{id}")).await;
        assert_eq!(message.body["data"]["status"], status);
    }
}

#[tokio::test]
async fn the_same_notification_again_is_the_same_answer() {
    let house = House::new();
    house.template(json!({})).await;
    let asked =
        json!({ "templateId": 1, "phoneNumbers": ["13800138000"], "params": { "code": "1" } });
    let headers = [("idempotency-key", "order-7")];
    let first = house.post_with("/notification/sms", &asked, &headers).await;
    let again = house.post_with("/notification/sms", &asked, &headers).await;
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(first.body, again.body);
    assert_eq!(house.count().await, 1);
    let other =
        json!({ "templateId": 1, "phoneNumbers": ["13800138001"], "params": { "code": "1" } });
    let reply = house.post_with("/notification/sms", &other, &headers).await;
    reply.says(422, 1013, "幂等键");
}

#[tokio::test]
async fn errors_are_told_in_the_language_that_is_asked_for() {
    let house = House::new();
    let request = asking(Method::GET, "/template/sms/1", Body::empty());
    let english = house
        .send(with_headers(
            request,
            &[("accept-language", "en-US,en;q=0.9")],
        ))
        .await;
    english.says(404, 1001, "template not found: ");
    let request = asking(Method::GET, "/v1/messages/MSG_1", Body::empty());
    let chinese = house
        .send(with_headers(request, &[("accept-language", "zh-CN")]))
        .await;
    assert!(
        chinese.body["detail"]
            .as_str()
            .unwrap()
            .starts_with("资源不存在")
    );
    let nobody = asking(Method::GET, "/template/sms/1", Body::empty());
    let nobody = house
        .send(with_headers(nobody, &[("authorization", "")]))
        .await;
    nobody.says(401, 1009, "未授权");
    assert_eq!(nobody.header("www-authenticate"), "Bearer");
}

#[tokio::test]
async fn native_templates_know_languages_and_refuse_what_they_do_not_know() {
    let house = House::new();
    let asked = json!({
        "name": "code",
        "content": "验证码{{code}}",
        "translations": { "en": "code {{code}}", "pt_BR": "código {{code}}" },
        "category": "otp",
    });
    let made = house.post("/v1/templates", asked.to_string()).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(made.header("location"), "/v1/templates/1");
    assert_eq!(
        made.body["translations"],
        json!({ "en": "code {{code}}", "pt-br": "código {{code}}" })
    );
    for (body, code) in [
        (
            json!({ "name": "x", "content": "y", "colour": "red" }),
            "unknown_field",
        ),
        (json!({ "name": "x", "content": "{{" }), "invalid_template"),
        (
            json!({ "name": "x", "content": "y", "translations": { "english": "y" } }),
            "invalid_request",
        ),
    ] {
        house
            .post("/v1/templates", body.to_string())
            .await
            .is(400, code);
    }
    let changed = house
        .patch("/v1/templates/1", json!({ "category": null }))
        .await;
    assert_eq!(changed.body["category"], Value::Null);
    house
        .get("/v1/templates/9")
        .await
        .is(404, "template_not_found");

    house.template(json!({})).await;
    let first = house.get("/v1/templates?limit=1").await;
    assert_eq!(first.body["data"][0]["id"], 2);
    let cursor = first.body["next_cursor"].as_str().unwrap();
    let second = house
        .get(&format!("/v1/templates?limit=1&cursor={cursor}"))
        .await;
    assert_eq!(second.body["data"][0]["id"], 1);
    assert_eq!(second.body["has_more"], false);
}
