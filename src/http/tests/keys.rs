//! Keys: what each may do, in which name space, from where, until when, and for how many messages.

use super::*;

/// A key as its holder has it.
struct Holder {
    id: String,
    secret: String,
}

impl House {
    async fn key(&self, change: Value) -> Holder {
        let mut asked = json!({ "name": "shop", "scopes": ["messages:send", "messages:read"] });
        let changed = change.as_object().unwrap().clone();
        asked.as_object_mut().unwrap().extend(changed);
        let reply = self.post("/v1/keys", asked.to_string()).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        Holder {
            id: reply.body["id"].as_str().unwrap().to_owned(),
            secret: reply.body["key"].as_str().unwrap().to_owned(),
        }
    }

    async fn as_holder(&self, holder: &Holder, method: Method, path: &str, body: &Value) -> Reply {
        let body = match method {
            Method::GET | Method::DELETE => Body::empty(),
            _ => body.to_string().into(),
        };
        self.send(shown(holder, asking(method, path, body))).await
    }
}

fn shown(holder: &Holder, request: Request<Body>) -> Request<Body> {
    let bearer = format!("Bearer {}", holder.secret);
    with_headers(request, &[("authorization", &bearer)])
}

fn peer_at(address: &str) -> Peer {
    Peer {
        address: address.parse().unwrap(),
        listener: "127.0.0.1:30006".parse().unwrap(),
    }
}

fn text() -> Value {
    json!({ "to": TO, "text": "hello" })
}

#[tokio::test]
async fn a_key_may_do_what_its_scopes_say_and_nothing_else() {
    let house = House::new();
    let calls = [
        ("messages:send", Method::POST, "/v1/messages"),
        ("messages:send", Method::POST, "/v1/batches"),
        ("messages:send", Method::POST, "/v1/messages/MSG_1/cancel"),
        ("messages:send", Method::POST, "/notification/sms"),
        ("messages:send", Method::POST, "/sms/send"),
        ("messages:send", Method::POST, "/v1/suppressions"),
        ("messages:read", Method::GET, "/v1/messages"),
        ("messages:read", Method::GET, "/v1/messages/MSG_1"),
        ("messages:read", Method::GET, "/v1/batches"),
        (
            "messages:read",
            Method::GET,
            "/status/sms/batch/SMS_BATCH_1",
        ),
        ("messages:read", Method::GET, "/status/sms/message/MSG_1"),
        ("messages:read", Method::GET, "/v1/suppressions"),
        ("templates:read", Method::GET, "/template/sms/page"),
        ("templates:read", Method::GET, "/v1/templates"),
        ("templates:write", Method::POST, "/template/sms"),
        ("templates:write", Method::DELETE, "/v1/templates/1"),
        ("inbox:read", Method::GET, "/v1/inbox"),
        ("modems:read", Method::GET, "/v1/modems"),
        ("modems:read", Method::GET, "/v1/routes"),
        ("modems:write", Method::POST, "/v1/modems/m1/pause"),
        ("routes:write", Method::PATCH, "/v1/routes/modem:m1"),
        ("stats:read", Method::GET, "/v1/stats"),
        ("verify", Method::POST, "/v1/verifications"),
        ("verify", Method::GET, "/v1/verifications"),
        ("verify", Method::POST, "/sms/otp/send"),
        ("verify", Method::POST, "/api/otp/send"),
        ("admin", Method::GET, "/v1/keys"),
        ("admin", Method::POST, "/v1/keys"),
        ("admin", Method::PATCH, "/v1/keys/key_1"),
        ("admin", Method::DELETE, "/v1/keys/key_1"),
        ("admin", Method::GET, "/v1/audit"),
    ];
    let mut scopes: Vec<&str> = calls.iter().map(|(scope, ..)| *scope).collect();
    scopes.sort_unstable();
    scopes.dedup();
    for held in scopes {
        let holder = house.key(json!({ "scopes": [held] })).await;
        for (scope, method, path) in &calls {
            let reply = house
                .as_holder(&holder, method.clone(), path, &json!({}))
                .await;
            let may = held == "admin" || held == *scope;
            // Whatever else is wrong with the request: it is not the scope.
            assert_eq!(
                reply.status != 403,
                may,
                "{held}: {method} {path}: {}",
                reply.text
            );
            assert_ne!(reply.status, 401, "{held}: {method} {path}");
            if !may && path.starts_with("/v1/") {
                reply.is(403, "forbidden");
                let needs = format!("this needs the scope {scope}");
                assert_eq!(reply.body["detail"], needs, "{path}");
            }
        }
    }
    assert_eq!(house.count().await, 0);
}

#[tokio::test]
async fn each_group_says_401_and_403_in_its_own_shape() {
    let house = House::new();
    let reader = house.key(json!({ "scopes": ["messages:read"] })).await;
    let stranger = Holder {
        id: String::new(),
        secret: "sk_unknown".into(),
    };
    for (path, numbers) in [
        ("/notification/sms", Some((1009, 1010))),
        ("/sms/send", None),
        ("/v1/messages", None),
    ] {
        let unknown = house
            .as_holder(&stranger, Method::POST, path, &text())
            .await;
        assert_eq!(unknown.status, 401, "{path}");
        assert_eq!(unknown.header("www-authenticate"), "Bearer", "{path}");
        let forbidden = house.as_holder(&reader, Method::POST, path, &text()).await;
        assert_eq!(forbidden.status, 403, "{path}");
        let codes = |reply: &Reply| reply.body["code"].clone();
        match numbers {
            Some((unauthorized, no_right)) => {
                assert_eq!(codes(&unknown), unauthorized);
                assert_eq!(codes(&forbidden), no_right);
            }
            None => {
                assert_eq!(codes(&unknown), "unauthorized");
                assert_eq!(codes(&forbidden), "forbidden");
            }
        }
    }
}

#[tokio::test]
async fn a_key_is_shown_once_and_only_its_hash_is_kept() {
    let house = House::new();
    let asked = json!({
        "name": "shop",
        "scopes": ["messages:send"],
        "app": "web-shop",
        "credit": 5,
        "cidrs": ["10.0.0.0/8", "192.0.2.1"],
        "expires_at": "2030-01-01T00:00:00+02:00",
    });
    let headers = [("idempotency-key", "once")];
    let made = house.post_with("/v1/keys", &asked, &headers).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let secret = made.body["key"].as_str().unwrap();
    assert!(secret.starts_with("sk_") && secret.len() == 46, "{secret}");
    assert_eq!(made.body["app"], "web-shop");
    assert_eq!(made.body["credit"], 5);
    assert_eq!(made.body["cidrs"], json!(["10.0.0.0/8", "192.0.2.1/32"]));
    assert_eq!(made.body["expires_at"], "2029-12-31T22:00:00.000Z");
    assert_eq!(made.body["enabled"], true);

    // A repetition answers the same key, which nobody knows any more.
    let again = house.post_with("/v1/keys", &asked, &headers).await;
    assert_eq!(again.status, 201);
    assert_eq!(again.header("idempotency-replayed"), "true");
    let mut without = made.body.clone();
    without["key"] = Value::Null;
    assert_eq!(again.body, without);

    let list = house.get("/v1/keys").await;
    without.as_object_mut().unwrap().remove("key");
    assert_eq!(list.body["data"], json!([without]));
    for file in std::fs::read_dir(house._folder.path()).unwrap() {
        let content = std::fs::read(file.unwrap().path()).unwrap_or_default();
        let shows = content
            .windows(secret.len())
            .any(|octets| octets == secret.as_bytes());
        assert!(!shows, "the key stands in a file");
    }
}

#[tokio::test]
async fn objects_of_another_app_are_not_there() {
    let house = House::new();
    let all = json!([
        "messages:send",
        "messages:read",
        "templates:read",
        "templates:write"
    ]);
    let one = house.key(json!({ "scopes": all, "app": "one" })).await;
    let other = house.key(json!({ "scopes": all, "app": "other" })).await;
    let message = house
        .as_holder(&one, Method::POST, "/v1/messages", &text())
        .await;
    let message = message.body["id"].as_str().unwrap().to_owned();
    let asked = json!({ "recipients": [{ "to": TO }], "text": "hello" });
    let batch = house
        .as_holder(&one, Method::POST, "/v1/batches", &asked)
        .await;
    let batch = batch.body["id"].as_str().unwrap().to_owned();
    let asked = json!({ "name": "n", "content": "hello {{name}}", "variables": ["name"] });
    let template = house
        .as_holder(&one, Method::POST, "/template/sms", &asked)
        .await;
    let template = template.body["data"]["id"].as_i64().unwrap();

    for (method, theirs, nobodys) in [
        (
            Method::GET,
            format!("/v1/messages/{message}"),
            "/v1/messages/MSG_1",
        ),
        (
            Method::GET,
            format!("/v1/messages/{message}/events"),
            "/v1/messages/MSG_1/events",
        ),
        (
            Method::POST,
            format!("/v1/messages/{message}/cancel"),
            "/v1/messages/MSG_1/cancel",
        ),
        (
            Method::GET,
            format!("/status/sms/message/{message}"),
            "/status/sms/message/MSG_1",
        ),
        (
            Method::GET,
            format!("/v1/batches/{batch}"),
            "/v1/batches/SMS_BATCH_1",
        ),
        (
            Method::GET,
            format!("/v1/batches/{batch}/messages"),
            "/v1/batches/SMS_BATCH_1/messages",
        ),
        (
            Method::POST,
            format!("/v1/batches/{batch}/cancel"),
            "/v1/batches/SMS_BATCH_1/cancel",
        ),
        (
            Method::GET,
            format!("/status/sms/batch/{batch}"),
            "/status/sms/batch/SMS_BATCH_1",
        ),
        (
            Method::GET,
            format!("/template/sms/{template}"),
            "/template/sms/999",
        ),
        (
            Method::PATCH,
            format!("/template/sms/{template}"),
            "/template/sms/999",
        ),
        (
            Method::DELETE,
            format!("/template/sms/{template}"),
            "/template/sms/999",
        ),
        (
            Method::GET,
            format!("/v1/templates/{template}"),
            "/v1/templates/999",
        ),
        (
            Method::DELETE,
            format!("/v1/templates/{template}"),
            "/v1/templates/999",
        ),
    ] {
        let nothing = json!({});
        let hidden = house
            .as_holder(&other, method.clone(), &theirs, &nothing)
            .await;
        let absent = house
            .as_holder(&other, method.clone(), nobodys, &nothing)
            .await;
        assert_eq!(hidden.status, 404, "{method} {theirs}: {}", hidden.text);
        let told = |reply: &Reply| {
            let mut body = reply.body.clone();
            body.as_object_mut().unwrap().remove("request_id");
            body
        };
        assert_eq!(told(&hidden), told(&absent), "{method} {theirs}");
        if method != Method::DELETE {
            let own = house
                .as_holder(&one, method.clone(), &theirs, &nothing)
                .await;
            assert_ne!(own.status, 404, "{method} {theirs}");
        }
    }
    for path in ["/v1/messages", "/v1/batches", "/v1/templates"] {
        let list = house.as_holder(&other, Method::GET, path, &json!({})).await;
        assert_eq!(list.body["data"], json!([]), "{path}");
    }
    assert_eq!(house.count().await, 2);
}

#[tokio::test]
async fn a_key_opens_nothing_before_and_after_its_time() {
    let house = House::new();
    let read = async |holder: &Holder| {
        let reply = house
            .as_holder(holder, Method::GET, "/v1/messages", &json!({}))
            .await;
        (reply.status.as_u16(), reply.body["detail"].clone())
    };
    let expired = house.key(json!({ "expires_at": NOW.to_string() })).await;
    let unknown = (401, json!("the key is not known"));
    assert_eq!(read(&expired).await, unknown);

    let holder = house.key(json!({})).await;
    let path = format!("/v1/keys/{}", holder.id);
    assert_eq!(read(&holder).await.0, 200);
    let off = house.patch(&path, json!({ "enabled": false })).await;
    assert_eq!(off.body["enabled"], false);
    assert_eq!(read(&holder).await, unknown);
    house.patch(&path, json!({ "enabled": true })).await;
    assert_eq!(read(&holder).await.0, 200);
    let narrower = house
        .patch(&path, json!({ "scopes": ["stats:read"] }))
        .await;
    assert_eq!(narrower.body["scopes"], json!(["stats:read"]));
    assert_eq!(read(&holder).await.0, 403);
    assert_eq!(house.delete(&path).await.status, 204);
    assert_eq!(read(&holder).await, unknown);
    house.delete(&path).await.is(404, "not_found");
    house.patch(&path, json!({})).await.is(404, "not_found");
}

#[tokio::test]
async fn a_key_is_good_where_its_networks_say() {
    let house = House::with("[limits]\nkey_rps = 0\n[server]\ntrusted_proxies = [\"127.0.0.1\"]\n");
    let holder = house
        .key(json!({ "cidrs": ["10.1.0.0/16", "2001:db8::/32"] }))
        .await;
    for (peer, forwarded, status) in [
        ("10.1.2.3:5000", "", 200),
        ("[::ffff:10.1.2.3]:5000", "", 200),
        ("[2001:db8::7]:5000", "", 200),
        ("10.2.0.1:5000", "", 403),
        ("10.2.0.1:5000", "10.1.2.3", 403),
        ("127.0.0.1:5000", "10.1.2.3", 200),
        ("127.0.0.1:5000", "10.1.2.3, 192.0.2.1", 403),
        ("127.0.0.1:5000", "192.0.2.1, 10.1.2.3", 200),
        ("127.0.0.1:5000", "", 403),
    ] {
        let request = asking(Method::GET, "/v1/messages", Body::empty());
        let request = with_headers(request, &[("x-forwarded-for", forwarded)]);
        let mut request = shown(&holder, request);
        request.extensions_mut().insert(peer_at(peer));
        let reply = house.send(request).await;
        assert_eq!(reply.status, status, "{peer} {forwarded}: {}", reply.text);
    }
    let nowhere = house
        .as_holder(&holder, Method::GET, "/v1/messages", &json!({}))
        .await;
    nowhere.is(403, "forbidden");
}

#[tokio::test]
async fn of_fifty_sends_at_once_as_many_pass_as_the_credit_pays_for() {
    let house = House::new();
    let holder = house.key(json!({ "credit": 7 })).await;
    let numbers = 0..50;
    let sends = numbers.map(|number| {
        let asked = json!({ "to": format!("+8613800138{number:03}"), "text": "hello" });
        let (house, holder) = (&house, &holder);
        async move {
            let sent = house.as_holder(holder, Method::POST, "/v1/messages", &asked);
            let reply = sent.await;
            match reply.status.as_u16() {
                202 => true,
                _ => {
                    reply.is(403, "insufficient_credit");
                    false
                }
            }
        }
    });
    let passed = futures_util::future::join_all(sends).await;
    assert_eq!(passed.iter().filter(|passed| **passed).count(), 7);
    assert_eq!(house.count().await, 7);
    let list = house.get("/v1/keys").await;
    assert_eq!(list.body["data"][0]["credit"], 0);
}

#[tokio::test]
async fn a_batch_is_paid_for_whole_or_not_at_all() {
    let house = House::new();
    let holder = house
        .key(json!({ "scopes": ["messages:send", "templates:write"], "credit": 3 }))
        .await;
    let credit = async || house.get("/v1/keys").await.body["data"][0]["credit"].clone();
    let batch = |count: usize| {
        let to = |number| json!({ "to": format!("+861380013800{number}") });
        let recipients: Vec<Value> = (0..count).map(to).collect();
        json!({ "recipients": recipients, "text": "hello" })
    };
    let post =
        async |path: &str, body: &Value| house.as_holder(&holder, Method::POST, path, body).await;
    post("/v1/batches", &batch(4))
        .await
        .is(403, "insufficient_credit");
    assert_eq!((house.count().await, credit().await), (0, json!(3)));
    assert_eq!(post("/v1/batches", &batch(2)).await.status, 202);
    assert_eq!((house.count().await, credit().await), (2, json!(1)));

    let template = json!({ "name": "n", "content": "hello", "variables": [] });
    let template = post("/template/sms", &template).await.body["data"]["id"].clone();
    let notice = |numbers: &[&str]| json!({ "templateId": template, "phoneNumbers": numbers });
    let refused = post(
        "/notification/sms",
        &notice(&["13900139000", "13900139001"]),
    )
    .await;
    assert_eq!(refused.status, 403);
    assert_eq!(
        (&refused.body["code"], &refused.body["data"]),
        (&json!(1005), &Value::Null)
    );
    // A number that is none costs nothing.
    let sent = post("/notification/sms", &notice(&["13900139000", "12"])).await;
    assert_eq!(sent.body["code"], 0, "{}", sent.text);
    assert_eq!((house.count().await, credit().await), (3, json!(0)));
    let direct = json!({ "phoneNumber": TO, "message": "hello" });
    let refused = post("/sms/send", &direct).await;
    assert_eq!(
        (refused.status.as_u16(), &refused.body["code"]),
        (403, &json!("insufficient_credit"))
    );

    // More is given, and then any number.
    let path = format!("/v1/keys/{}", holder.id);
    house.patch(&path, json!({ "credit": 1 })).await;
    assert_eq!(post("/sms/send", &direct).await.status, 200);
    assert_eq!(post("/sms/send", &direct).await.status, 403);
    house.patch(&path, json!({ "credit": null })).await;
    assert_eq!(post("/sms/send", &direct).await.status, 200);
    assert_eq!(credit().await, Value::Null);
}

#[tokio::test]
async fn a_repeated_request_is_paid_for_once_and_another_key_repeats_nothing() {
    let house = House::new();
    let one = house.key(json!({ "credit": 5 })).await;
    let other = house.key(json!({ "credit": 5 })).await;
    let mut ids = Vec::new();
    for holder in [&one, &one, &other] {
        let request = asking(Method::POST, "/v1/messages", text().to_string().into());
        let request = with_headers(request, &[("idempotency-key", "order 1")]);
        let reply = house.send(shown(holder, request)).await;
        assert_eq!(reply.status, 202, "{}", reply.text);
        ids.push(reply.body["id"].clone());
    }
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[0], ids[2]);
    let list = house.get("/v1/keys").await;
    let credits: Vec<&Value> = list.body["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| &key["credit"])
        .collect();
    assert_eq!(credits, [4, 4]);
}

#[tokio::test]
async fn each_key_has_its_own_requests_per_second() {
    let house = House::with("[limits]\nkey_rps = 1\nkey_burst = 3\n");
    let (one, other) = (house.key(json!({})).await, house.key(json!({})).await);
    let read = async |holder: &Holder| {
        let reply = house
            .as_holder(holder, Method::GET, "/v1/messages", &json!({}))
            .await;
        reply.status.as_u16()
    };
    for _ in 0..3 {
        assert_eq!(read(&one).await, 200);
    }
    assert_eq!(read(&one).await, 429);
    assert_eq!(read(&other).await, 200);
}

#[tokio::test]
async fn what_is_wrong_with_a_key_is_told_field_by_field() {
    let house = House::new();
    let asked = json!({
        "name": "",
        "app": "two words",
        "scopes": ["messages:send", "everything"],
        "credit": -1,
        "cidrs": ["10.0.0.0/40"],
        "expires_at": "tomorrow",
        "colour": "red",
    });
    let reply = house.post("/v1/keys", asked.to_string()).await;
    assert_eq!(reply.status, 400);
    let mut fields: Vec<&str> = reply.body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| problem["field"].as_str().unwrap())
        .collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            "app",
            "cidrs",
            "colour",
            "credit",
            "expires_at",
            "name",
            "scopes"
        ]
    );
    for asked in [
        json!({ "name": "x" }),
        json!({ "scopes": ["verify"] }),
        json!({ "name": "x", "scopes": [] }),
    ] {
        let reply = house.post("/v1/keys", asked.to_string()).await;
        reply.is(400, "invalid_request");
    }
    let keys = house.get("/v1/keys").await;
    assert_eq!(keys.body["data"], json!([]));
    let holder = house.key(json!({})).await;
    let path = format!("/v1/keys/{}", holder.id);
    // What a key is for and where it may be used from stays: that would be another key.
    for change in [
        json!({ "app": "x" }),
        json!({ "cidrs": [] }),
        json!({ "credit": "all" }),
    ] {
        assert_eq!(
            house.patch(&path, change.clone()).await.status,
            400,
            "{change}"
        );
    }
}

#[tokio::test]
async fn keys_and_the_record_come_in_pages() {
    let house = House::new();
    for number in 0..5 {
        house.key(json!({ "name": number.to_string() })).await;
    }
    for (path, field) in [("/v1/keys", "name"), ("/v1/audit", "object")] {
        let mut seen = Vec::new();
        let mut asked = format!("{path}?limit=2");
        loop {
            let page = house.get(&asked).await;
            assert_eq!(page.status, 200, "{}", page.text);
            for one in page.body["data"].as_array().unwrap() {
                seen.push(one[field].as_str().unwrap().to_owned());
            }
            match page.body["next_cursor"].as_str() {
                Some(cursor) => asked = format!("{path}?limit=2&cursor={cursor}"),
                None => break,
            }
        }
        assert_eq!(seen.len(), 5, "{path}");
        if field == "name" {
            assert_eq!(seen, ["4", "3", "2", "1", "0"]);
        }
        house
            .get(&format!("{path}?cursor=x"))
            .await
            .is(400, "invalid_cursor");
    }
}

#[tokio::test]
async fn who_changed_what_is_on_record() {
    let house = House::new();
    let holder = house
        .key(json!({ "scopes": ["messages:send", "templates:write", "modems:write", "routes:write"] }))
        .await;
    let template = json!({ "name": "n", "content": "hello", "variables": [] });
    let suppressed = json!({ "phone": TO, "reason": "block" });
    for (method, path, body) in [
        (Method::POST, "/v1/templates", &template),
        (Method::PATCH, "/v1/templates/1", &json!({ "name": "m" })),
        (Method::DELETE, "/v1/templates/1", &json!({})),
        (Method::POST, "/v1/suppressions", &suppressed),
        (
            Method::DELETE,
            "/v1/suppressions/%2B8613800138000",
            &json!({}),
        ),
        (
            Method::PUT,
            "/v1/preferences/%2B8613800138000",
            &json!({ "smsEnabled": false }),
        ),
        (
            Method::DELETE,
            "/v1/preferences/%2B8613800138000",
            &json!({}),
        ),
        (Method::POST, "/v1/modems/m1/pause", &json!({})),
    ] {
        let request = asking(method.clone(), path, body.to_string().into());
        let mut request = shown(&holder, request);
        request.extensions_mut().insert(peer_at("10.0.0.1:5000"));
        let reply = house.send(request).await;
        assert!(reply.status.is_success(), "{method} {path}: {}", reply.text);
        // What changes nothing is no entry: the second time there is nothing to delete.
        if method == Method::DELETE {
            house.as_holder(&holder, method, path, body).await;
        }
    }
    house.delete(&format!("/v1/keys/{}", holder.id)).await;
    let record = house.get("/v1/audit").await;
    let entries = record.body["data"].as_array().unwrap();
    let told: Vec<(&str, &str)> = entries
        .iter()
        .rev()
        .map(|entry| {
            let actor = match entry["key"].as_str().unwrap() {
                "admin" => "admin",
                id => {
                    assert_eq!((id, &entry["address"]), (&*holder.id, &json!("10.0.0.1")));
                    "holder"
                }
            };
            (actor, entry["action"].as_str().unwrap())
        })
        .collect();
    assert_eq!(
        told,
        [
            ("admin", "key.create"),
            ("holder", "template.create"),
            ("holder", "template.change"),
            ("holder", "template.delete"),
            ("holder", "suppression.create"),
            ("holder", "suppression.delete"),
            ("holder", "preferences.change"),
            ("holder", "preferences.delete"),
            ("holder", "modem.pause"),
            ("admin", "key.delete"),
        ]
    );
    assert!(!record.text.contains("13800138000"), "{}", record.text);
    assert!(!record.text.contains(&holder.secret));
}

#[tokio::test]
async fn a_code_is_paid_for_like_any_text() {
    let house = House::new();
    let holder = house
        .key(json!({ "scopes": ["verify"], "credit": 2 }))
        .await;
    let begin = async |number: &str| {
        let asked = json!({ "to": number });
        house
            .as_holder(&holder, Method::POST, "/v1/verifications", &asked)
            .await
    };
    assert_eq!(begin("+8613800138000").await.status, 201);
    // What is refused for another reason costs nothing.
    assert_eq!(begin("+8613800138000").await.status, 429);
    assert_eq!(begin("+8613800138001").await.status, 201);
    begin("+8613800138002").await.is(403, "insufficient_credit");
    assert_eq!(house.count().await, 2);
}
