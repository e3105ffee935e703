//! Group H: who may call back, what is answered, and that nothing else comes of it.

use std::sync::Arc;

use super::*;
use crate::domain::RouteName;
use crate::domain::attempt::{AttemptId, Delivery, Fate};
use crate::domain::callback::{Callback, CallbackReader, Disbelief, Thanks};
use crate::http::Readers;

/// A provider that calls `/callbacks/x/secret` with the name of a try in its body.
#[derive(Debug)]
struct Simple;

impl CallbackReader for Simple {
    fn read(&self, callback: &Callback<'_>) -> Result<Vec<Delivery>, Disbelief> {
        match callback.tail {
            "secret" => {}
            "nowhere" => return Err(Disbelief::NoSuchPath),
            _ => return Err(Disbelief::Unproven),
        }
        let text = std::str::from_utf8(callback.body).map_err(|_| Disbelief::Unreadable)?;
        let attempt = AttemptId::parse(text).ok_or(Disbelief::Unreadable)?;
        assert!(
            callback
                .url
                .starts_with("https://sms.example.com/gw/callbacks/x/secret")
        );
        Ok(vec![Delivery {
            attempt: Some(attempt),
            id: None,
            recipient: None,
            fate: Fate::Delivered,
            detail: None,
            at: None,
            price: None,
        }])
    }

    fn thanks(&self) -> Thanks {
        Thanks {
            status: 200,
            content_type: "application/json",
            body: r#"{"code":0}"#,
        }
    }
}

pub(super) fn readers() -> Readers {
    let route = RouteName::parse("cloud:x").unwrap();
    Readers::from([("x".to_owned(), (route, Arc::new(Simple) as Arc<_>))])
}

fn calling(path: &str, body: &'static str) -> Request<Body> {
    // A provider has no key of ours.
    Request::builder()
        .method(Method::POST)
        .uri(path)
        .body(Body::from(body))
        .unwrap()
}

#[tokio::test]
async fn a_callback_that_is_proven_is_thanked_in_the_providers_own_words_and_needs_no_key() {
    let house = House::new();
    for body in ["1-1", "ffff-1"] {
        let reply = house.send(calling("/callbacks/x/secret?a=b", body)).await;
        // What names nothing of ours is thanked too: a provider that is refused says it again.
        assert_eq!(reply.status, StatusCode::OK, "{body}");
        assert_eq!(reply.text, r#"{"code":0}"#);
    }
}

#[tokio::test]
async fn whoever_cannot_prove_it_learns_a_status_and_nothing_else() {
    let house = House::new();
    for (path, body, status) in [
        ("/callbacks/x/wrong", "1-1", StatusCode::UNAUTHORIZED),
        ("/callbacks/x", "1-1", StatusCode::UNAUTHORIZED),
        ("/callbacks/x/nowhere", "1-1", StatusCode::NOT_FOUND),
        ("/callbacks/y/secret", "1-1", StatusCode::NOT_FOUND),
        ("/callbacks/x/secret", "no attempt", StatusCode::BAD_REQUEST),
    ] {
        let reply = house.send(calling(path, body)).await;
        assert_eq!((reply.status, reply.text.as_str()), (status, ""), "{path}");
    }
    let put = Request::builder()
        .method(Method::PUT)
        .uri("/callbacks/x/secret")
        .body(Body::empty())
        .unwrap();
    let reply = house.send(put).await;
    assert_eq!(
        (reply.status, reply.text.as_str()),
        (StatusCode::METHOD_NOT_ALLOWED, "")
    );
}
