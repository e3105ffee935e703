//! Health, version, and what every answer carries.

use super::*;

#[tokio::test]
async fn a_gateway_that_serves_is_alive_whatever_else_is_wrong() {
    let house = House::new();
    house.fleet.send_replace([].into());
    house.gate.close();
    let reply = house.get("/healthz").await;
    assert_eq!(
        (reply.status.as_u16(), reply.body),
        (200, json!({ "status": "ok" }))
    );
}

#[tokio::test]
async fn a_gateway_is_ready_while_it_can_store_and_send() {
    let house = House::new();
    let ok = json!({ "status": "ready", "checks": { "database": "ok", "modems": "ok", "routes": "ok" } });
    let reply = house.get("/readyz").await;
    assert_eq!((reply.status.as_u16(), reply.body), (200, ok));

    let absent = ModemStatus::absent(ModemName::parse("m2").unwrap(), "/dev/x".into(), NOW);
    let one_left = FleetView::from([ready_modem("m1"), absent.clone()]);
    house.fleet.send_replace(one_left);
    let reply = house.get("/readyz").await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.body["checks"]["modems"], "1 of 2 ready");

    house.fleet.send_replace([absent].into());
    let reply = house.get("/readyz").await;
    assert_eq!(reply.status, 503);
    assert_eq!(reply.body["checks"]["database"], "ok");
    assert_ne!(reply.body["checks"]["routes"], "ok");
    assert!(!reply.header("retry-after").is_empty());

    let full = House::with("[database]\nmin_free_bytes = 4611686018427387904\n");
    let reply = full.get("/readyz").await;
    assert_eq!(reply.status, 503);
    assert_ne!(reply.body["checks"]["database"], "ok");

    let closing = House::new();
    closing.gate.close();
    assert_eq!(closing.get("/readyz").await.status, 503);
}

#[tokio::test]
async fn the_version_is_told_to_whoever_has_a_key() {
    let reply = House::new().get("/version").await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.body["version"], env!("CARGO_PKG_VERSION"));
}

#[tokio::test]
async fn every_answer_has_an_id_and_is_kept_by_nobody() {
    let house = House::new();
    for path in ["/healthz", "/v1/messages", "/nowhere", "/sms/send"] {
        let request = asking(Method::GET, path, Body::empty());
        let reply = house
            .send(with_headers(request, &[("x-request-id", "mine-1")]))
            .await;
        assert_eq!(reply.header("x-request-id"), "mine-1", "{path}");
        assert_eq!(reply.header("cache-control"), "no-store", "{path}");
        let request = asking(Method::GET, path, Body::empty());
        let reply = house
            .send(with_headers(request, &[("x-request-id", "not one")]))
            .await;
        assert_eq!(reply.header("x-request-id").len(), 32, "{path}");
    }
}

#[tokio::test]
async fn head_works_where_get_does() {
    let house = House::new();
    for (path, status) in [("/healthz", 200), ("/v1/messages", 200), ("/nowhere", 404)] {
        let reply = house.send(asking(Method::HEAD, path, Body::empty())).await;
        assert_eq!(
            (reply.status.as_u16(), reply.text.as_str()),
            (status, ""),
            "{path}"
        );
        assert_ne!(reply.header("content-length"), "0", "{path}");
    }
    let reply = house
        .send(asking(Method::HEAD, "/sms/send", Body::empty()))
        .await;
    assert_eq!(reply.status, 405);
}

#[tokio::test]
async fn a_preflight_needs_no_key_and_is_granted_to_listed_origins_only() {
    let house = House::with("[server]\ncors_origins = [\"https://app.example.com\"]\n");
    let preflight = |path: &str, origin: &str| {
        Request::builder()
            .method(Method::OPTIONS)
            .uri(path)
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization")
            .body(Body::empty())
            .unwrap()
    };
    let granted = house
        .send(preflight("/v1/messages", "https://app.example.com"))
        .await;
    assert_eq!(granted.status, 204);
    assert_eq!(
        granted.header("access-control-allow-origin"),
        "https://app.example.com"
    );
    assert_eq!(
        granted.header("access-control-allow-methods"),
        "GET,HEAD,POST,OPTIONS"
    );
    assert!(
        granted
            .header("access-control-allow-headers")
            .contains("authorization")
    );
    assert_eq!(granted.header("vary"), "origin");
    for origin in ["https://evil.example.com", "null"] {
        let refused = house.send(preflight("/v1/messages", origin)).await;
        assert_eq!(refused.status, 204);
        assert_eq!(refused.header("access-control-allow-origin"), "");
        assert_eq!(refused.header("access-control-allow-methods"), "");
    }
    let nowhere = house
        .send(preflight("/nowhere", "https://app.example.com"))
        .await;
    nowhere.is(404, "not_found");
}

#[tokio::test]
async fn a_listed_page_may_read_answers_and_errors_alike() {
    let house = House::with("[server]\ncors_origins = [\"https://app.example.com\"]\n");
    for path in ["/v1/messages", "/v1/messages/MSG_1"] {
        let request = asking(Method::GET, path, Body::empty());
        let reply = house
            .send(with_headers(
                request,
                &[("origin", "https://app.example.com")],
            ))
            .await;
        let granted = reply.header("access-control-allow-origin");
        assert_eq!(granted, "https://app.example.com", "{path}");
    }
}

#[tokio::test]
async fn options_without_an_origin_names_the_methods() {
    let house = House::new();
    let request = Request::builder()
        .method(Method::OPTIONS)
        .uri("/sms/send")
        .body(Body::empty())
        .unwrap();
    let reply = house.send(request).await;
    assert_eq!(reply.status, 204);
    assert_eq!(reply.header("allow"), "POST,OPTIONS");
}

#[tokio::test]
async fn a_handler_that_panics_is_an_internal_error_and_no_more() {
    let house = House::new();
    let broken = axum::routing::get(async || -> &'static str { panic!("on purpose") });
    let front =
        axum::middleware::from_fn_with_state(house.gate.clone(), crate::http::front::receive);
    let router = Router::new().route("/v1/broken", broken).layer(front);
    let house = House { router, ..house };
    let reply = house.get("/v1/broken").await;
    reply.is(500, "internal");
    assert_eq!(reply.body["request_id"], reply.header("x-request-id"));
    assert!(!reply.text.contains("on purpose"));
}
