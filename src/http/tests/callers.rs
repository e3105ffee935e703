//! Who may come in: keys, and callers of this host.

use super::*;

fn body() -> Value {
    json!({ "phoneNumber": TO, "message": "hello" })
}

#[tokio::test]
async fn without_the_right_key_nothing_is_shown_or_done() {
    let house = House::new();
    for authorization in ["", "Bearer wrong", "Basic c2tfMQ==", "Bearer", KEY] {
        for path in [
            "/v1/messages",
            "/v1/messages/MSG_1",
            "/v1/modems",
            "/version",
        ] {
            let request = asking(Method::GET, path, Body::empty());
            let reply = house
                .send(with_headers(request, &[("authorization", authorization)]))
                .await;
            reply.is(401, "unauthorized");
            assert_eq!(reply.header("www-authenticate"), "Bearer", "{path}");
        }
        let asked = json!({ "to": TO, "text": "hello" });
        let headers = [("authorization", authorization)];
        let reply = house.post_with("/v1/messages", &asked, &headers).await;
        reply.is(401, "unauthorized");
        assert!(!reply.text.contains("hello") && !reply.text.contains(TO));
    }
    assert_eq!(house.count().await, 0);
}

#[tokio::test]
async fn a_caller_of_this_host_needs_no_key_for_direct_texts() {
    let house = House::with("[server]\ncors_origins = [\"https://app.example.com\"]\n");
    for (headers, status) in [
        (vec![], 200),
        (vec![("host", "")], 200),
        (vec![("host", "127.0.0.1:30006")], 200),
        (vec![("host", "[::1]:30006")], 200),
        (vec![("host", "sms.example.com")], 401),
        (vec![("host", "localhost.example.com")], 401),
        (vec![("forwarded", "for=10.0.0.1")], 401),
        (vec![("x-forwarded-for", "127.0.0.1")], 401),
        (vec![("x-real-ip", "127.0.0.1")], 401),
        (vec![("via", "1.1 proxy")], 401),
        (vec![("origin", "https://app.example.com")], 200),
        (vec![("origin", "https://evil.example.com")], 401),
        (vec![("origin", "http://localhost:30006")], 401),
        (vec![("origin", "null")], 401),
        (vec![("sec-fetch-site", "none")], 200),
        (vec![("sec-fetch-site", "same-origin")], 200),
        (vec![("sec-fetch-site", "same-site")], 401),
        (vec![("sec-fetch-site", "cross-site")], 401),
        (vec![("authorization", "Bearer wrong")], 401),
        (vec![("authorization", "Basic c2tfMQ==")], 401),
    ] {
        let request = from_peer("127.0.0.1:5000", "/sms/send", &body());
        let reply = house.send(with_headers(request, &headers)).await;
        assert_eq!(reply.status, status, "{headers:?}: {}", reply.text);
    }
}

#[tokio::test]
async fn only_addresses_of_this_host_count_as_this_host() {
    let house = House::new();
    for (peer, status) in [
        ("127.0.0.1:5000", 200),
        ("127.9.9.9:5000", 200),
        ("[::1]:5000", 200),
        ("[::ffff:127.0.0.1]:5000", 200),
        ("10.0.0.1:5000", 401),
        ("192.168.1.5:5000", 401),
        ("[::ffff:10.0.0.1]:5000", 401),
        ("[2001:db8::1]:5000", 401),
    ] {
        let reply = house.send(from_peer(peer, "/sms/send", &body())).await;
        assert_eq!(reply.status, status, "{peer}");
    }
    let mut nowhere = from_peer("127.0.0.1:1", "/sms/send", &body());
    nowhere.extensions_mut().clear();
    assert_eq!(house.send(nowhere).await.status, 401);
}

#[tokio::test]
async fn the_config_says_who_needs_no_key() {
    let from_here = || from_peer("127.0.0.1:1", "/sms/send", &body());
    for (config, status) in [
        ("[auth]\nanonymous_cidrs = []\n", 401),
        ("[auth]\nanonymous_scopes = []\n", 403),
        ("[server]\npublic_url = \"https://sms.example.com\"\n", 401),
        ("[server]\ntrusted_proxies = [\"127.0.0.1/32\"]\n", 401),
        ("[server]\nlisten = [\"10.0.0.1:30006\"]\n", 401),
        (
            "[server]\npublic_url = \"https://sms.example.com\"\n[auth]\nanonymous_cidrs = [\"127.0.0.0/8\"]\n",
            200,
        ),
        (
            "[auth]\nanonymous_cidrs = [\"::ffff:127.0.0.1/128\"]\n",
            200,
        ),
    ] {
        let reply = House::with(config).send(from_here()).await;
        assert_eq!(reply.status, status, "{config}: {}", reply.text);
    }
    let office = House::with("[auth]\nanonymous_cidrs = [\"10.1.0.0/16\"]\n");
    let reply = office
        .send(from_peer("10.1.2.3:1", "/sms/send", &body()))
        .await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn without_a_key_nothing_but_direct_texts_and_the_version_is_open() {
    let house = House::new();
    let anonymous = |path: &str| {
        let mut request = from_peer("127.0.0.1:1", path, &json!({}));
        *request.method_mut() = Method::GET;
        request
    };
    for (path, status) in [
        ("/version", 200),
        ("/healthz", 200),
        ("/readyz", 200),
        ("/v1/messages", 401),
        ("/v1/modems", 401),
    ] {
        assert_eq!(house.send(anonymous(path)).await.status, status, "{path}");
    }
    let asked = json!({ "to": TO, "text": "hello" });
    let reply = house
        .send(from_peer("127.0.0.1:1", "/v1/messages", &asked))
        .await;
    reply.is(401, "unauthorized");
}
