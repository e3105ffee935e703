//! **Push**: calls back what is due, each text's reports one after the other, and tells the world what came of it.
//!
//! Never: speaks TLS, follows a redirect, keeps a connection.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use url::Url;

use crate::report::Push;
use crate::server::{Shared, unix_ms};

/// Calls back until it is dropped.
pub(crate) async fn run(shared: Arc<Shared>) -> Infallible {
    let mut calls = JoinSet::new();
    loop {
        // With all hands full, what is due waits.
        if calls.len() < MOST_AT_ONCE {
            for reports in by_text(shared.due()) {
                calls.spawn(tell_all(Arc::clone(&shared), reports));
            }
        }
        let pause = shared.next_due().map_or(LONGEST_PAUSE, |at| {
            Duration::from_millis(at.saturating_sub(unix_ms())).min(LONGEST_PAUSE)
        });
        let is_full = calls.len() >= MOST_AT_ONCE;
        tokio::select! {
            () = tokio::time::sleep(pause), if !is_full => {}
            () = shared.bell.notified(), if !is_full => {}
            Some(_) = calls.join_next() => {}
        }
    }
}

/// Texts whose reports are on their way at once; a gateway has as many connections to spare.
const MOST_AT_ONCE: usize = 64;
/// The clock may have been set meanwhile.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// For an answer.
const PATIENCE: Duration = Duration::from_secs(5);

fn by_text(due: Vec<Push>) -> impl Iterator<Item = Vec<Push>> {
    let mut texts: BTreeMap<u64, Vec<Push>> = BTreeMap::new();
    for push in due {
        texts.entry(push.errand.text).or_default().push(push);
    }
    texts.into_values()
}

async fn tell_all(shared: Arc<Shared>, reports: Vec<Push>) {
    for report in &reports {
        tell(&shared, report).await;
    }
}

/// Calls back once; what came of it is written down.
pub(crate) async fn tell(shared: &Shared, push: &Push) {
    let to = shared.step(|world, _| world.settings.callbacks_to);
    let called = tokio::time::timeout(PATIENCE, call(push, to)).await;
    let outcome = called.unwrap_or_else(|_| Err("no answer within 5 s".into()));
    shared.step(|world, now| world.pushed(push, outcome, now));
}

async fn call(push: &Push, to: Option<std::net::SocketAddr>) -> Result<u16, String> {
    let url = Url::parse(&push.url).map_err(|error| format!("not a URL: {error}"))?;
    let authority = &url[url::Position::BeforeHost..url::Position::AfterPort];
    let stream = match to {
        Some(address) => TcpStream::connect(address).await,
        None if url.scheme() != "http" => {
            return Err("only http is spoken here: set where callbacks go".into());
        }
        None => {
            let host = url.host_str().unwrap_or("").trim_matches(['[', ']']);
            TcpStream::connect((host, url.port_or_known_default().unwrap_or(80))).await
        }
    };
    let stream = stream.map_err(|error| format!("no connection: {error}"))?;
    let mut request = Request::builder()
        .method(push.method)
        .uri(&url[url::Position::BeforePath..url::Position::AfterQuery])
        .header("host", authority)
        .header("connection", "close");
    if !push.content_type.is_empty() {
        request = request.header("content-type", push.content_type);
    }
    for (name, value) in &push.headers {
        request = request.header(*name, value);
    }
    let request = request.body(Full::new(Bytes::from(push.body.clone())));
    let request = request.map_err(|error| error.to_string())?;
    let broken = |error: hyper::Error| format!("no answer: {error}");
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    let answered = async {
        let answer = sender.send_request(request).await;
        answer.map(|answer| answer.status().as_u16())
    };
    tokio::pin!(answered);
    tokio::select! {
        answer = &mut answered => answer.map_err(broken),
        closed = connection => match closed {
            Ok(()) => answered.await.map_err(broken),
            Err(error) => Err(broken(error)),
        },
    }
}
