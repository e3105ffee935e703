//! The API on a real store, asked through the router; over sockets where the socket is the point.

mod accepting;
mod batches;
mod browsing;
mod callbacks;
mod callers;
mod codes;
mod direct;
mod idempotency;
mod inbox;
mod inquiries;
mod keys;
mod limits;
mod people;
mod refusing;
mod routes;
mod service;
mod sockets;
mod stats;
mod templates;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tower::ServiceExt;

use super::auth::Peer;
use super::{Gate, Parts, router};
use crate::care::Figures;
use crate::config::{Sources, load};
use crate::dispatch::{Bell, Load, Wish};
use crate::domain::forget::CannotForget;
use crate::domain::{
    Clock, FleetView, KeyHash, ModemName, ModemState, ModemStatus, Network, Pepper, RouteName,
    UnixMillis,
};
use crate::store::Store;

const KEY: &str = "sk_for-tests-only";
const TO: &str = "+8613800138000";
const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

struct House {
    gate: Gate,
    router: Router,
    store: Store,
    fleet: watch::Sender<FleetView>,
    loads: watch::Sender<Vec<Load>>,
    figures: watch::Sender<Figures>,
    wished: mpsc::Receiver<Wish>,
    /// What its clock shows.
    now: Arc<AtomicI64>,
    _folder: tempfile::TempDir,
}

/// An answer, whatever its status.
#[derive(Debug)]
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
    body: Value,
}

impl House {
    /// One modem that is ready, and no limit for keys.
    fn new() -> Self {
        Self::with("[limits]\nkey_rps = 0\n")
    }

    /// No limit of sends, which most tests are not about.
    fn with(config: &str) -> Self {
        let lifted = ["NOTIFY", "DIRECT", "ALERT", "CEILING"].map(|key| (key, ""));
        Self::with_env(config, &[&lifted[..], &[("ANONYMOUS", "0")]].concat())
    }

    /// With the limits that the config says, and the usual ones.
    fn limited(config: &str) -> Self {
        Self::with_env(config, &[])
    }

    /// `limits`: keys of `[limits]` in the place of those of the config.
    fn with_env(config: &str, limits: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cellpost.toml");
        std::fs::write(&file, config).unwrap();
        let sources = Sources {
            config: Some(file),
            data_dir: Some(folder.path().to_owned()),
            env: limits
                .iter()
                .map(|(key, value)| (format!("CELLPOST_LIMITS__{key}"), (*value).to_owned()))
                .collect(),
            ..Sources::default()
        };
        let config = load(&sources).unwrap();
        let pepper = Pepper::new(&[7; 32]);
        let (store, _) = Store::open(&config.database_path(), pepper).unwrap();
        let store = store.keeping(config.manners.clone());
        let (fleet, fleet_view) = watch::channel(FleetView::from([ready_modem("m1")]));
        let (loads, loads_view) = watch::channel(Vec::new());
        let (wishes, wished) = mpsc::channel(4);
        let (figures_of_sims, figures) = watch::channel(Figures::new());
        let now = Arc::new(AtomicI64::new(NOW.0));
        let gate = Gate::new(Parts {
            code_providers: crate::verify::Providers::default(),
            template_warning: Arc::new(|_| None),
            config: Arc::new(config),
            store: store.clone(),
            bell: Bell::default(),
            fleet: fleet_view,
            loads: loads_view,
            wishes,
            forget: crate::domain::forget::Forget::new(|_| {
                Box::pin(std::future::ready(Err(CannotForget::IsHere)))
            }),
            figures,
            admin_key: KeyHash::of(KEY),
            keys: Vec::new(),
            clock: {
                let now = Arc::clone(&now);
                Clock::new(move || UnixMillis(now.load(Ordering::Relaxed)))
            },
            callbacks: callbacks::readers(),
            public_base: Some("https://sms.example.com/gw".into()),
        });
        Self {
            router: router(gate.clone()),
            gate,
            store,
            fleet,
            loads,
            figures: figures_of_sims,
            wished,
            now,
            _folder: folder,
        }
    }

    async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let octets = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(octets.to_vec()).unwrap();
        Reply {
            status: head.status,
            headers: head.headers,
            body: serde_json::from_str(&text).unwrap_or(Value::Null),
            text,
        }
    }

    async fn get(&self, path: &str) -> Reply {
        self.send(asking(Method::GET, path, Body::empty())).await
    }

    async fn post(&self, path: &str, body: impl Into<Body>) -> Reply {
        self.send(asking(Method::POST, path, body.into())).await
    }

    async fn put(&self, path: &str, body: &Value) -> Reply {
        let request = asking(Method::PUT, path, body.to_string().into());
        self.send(request).await
    }

    async fn patch(&self, path: &str, body: Value) -> Reply {
        self.send(asking(Method::PATCH, path, body.to_string().into()))
            .await
    }

    async fn delete(&self, path: &str) -> Reply {
        self.send(asking(Method::DELETE, path, Body::empty())).await
    }

    async fn post_with(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> Reply {
        let request = asking(Method::POST, path, body.to_string().into());
        self.send(with_headers(request, headers)).await
    }

    /// Accepts a message and returns it.
    async fn message(&self, change: Value) -> Value {
        let mut asked = json!({ "to": TO, "text": "hello" });
        let changed = change.as_object().unwrap().clone();
        asked.as_object_mut().unwrap().extend(changed);
        let reply = self.post("/v1/messages", asked.to_string()).await;
        assert_eq!(reply.status, 202, "{}", reply.text);
        reply.body
    }

    async fn count(&self) -> usize {
        let page = self.store.list(crate::store::Filter::default(), 200).await;
        page.unwrap().messages.len()
    }
}

impl Reply {
    #[track_caller]
    fn is(&self, status: u16, code: &str) {
        let got = (self.status.as_u16(), self.body["code"].as_str());
        assert_eq!(got, (status, Some(code)), "{}", self.text);
    }

    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

/// A request with the key, JSON if it has a body.
fn asking(method: Method, path: &str, body: Body) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {KEY}"))
        .header("content-type", "application/json")
        .body(body)
        .unwrap()
}

/// Replaces these headers; an empty value removes one.
fn with_headers(mut request: Request<Body>, headers: &[(&str, &str)]) -> Request<Body> {
    for (name, value) in headers {
        let name: http::HeaderName = name.parse().unwrap();
        request.headers_mut().remove(&name);
        if !value.is_empty() {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
    }
    request
}

/// A request without a key, from `peer`.
fn from_peer(peer: &str, path: &str, body: &Value) -> Request<Body> {
    let request = asking(Method::POST, path, body.to_string().into());
    let mut request = with_headers(
        request,
        &[("authorization", ""), ("host", "localhost:30006")],
    );
    let address: SocketAddr = peer.parse().unwrap();
    let listener = ([127, 0, 0, 1], 30006).into();
    request.extensions_mut().insert(Peer { address, listener });
    request
}

/// A route with nothing to do, on the usual terms.
fn idle(route: &str) -> Load {
    Load::idle(RouteName::parse(route).unwrap(), Arc::default())
}

fn ready_modem(name: &str) -> ModemStatus {
    ModemStatus {
        state: ModemState::Ready,
        network: Network::Home,
        signal_dbm: Some(-82),
        ..ModemStatus::absent(ModemName::parse(name).unwrap(), "/dev/ttyUSB2".into(), NOW)
    }
}
