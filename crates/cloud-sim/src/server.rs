//! **Server**: the port. Reads requests whole, gives them to the world, and does with the connection what comes back.
//!
//! Never: decides anything but whose a request is.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::account::Provider;
use crate::call::{Answer, Call, Deed};
use crate::control;
use crate::push;
use crate::report::Push;
use crate::world::World;

/// The world, and the bells that are rung when something changed in it.
#[derive(Debug)]
pub(crate) struct Shared {
    world: Mutex<World>,
    /// There may be something to call back earlier than expected.
    pub(crate) bell: Notify,
    /// How many texts were taken.
    pub(crate) taken: watch::Sender<u64>,
}

impl Shared {
    pub(crate) fn new(world: World) -> Self {
        Self {
            world: Mutex::new(world),
            bell: Notify::new(),
            taken: watch::Sender::new(0),
        }
    }

    /// One step of the world. Afterwards whoever waits for it looks again.
    pub(crate) fn step<T>(&self, step: impl FnOnce(&mut World, u64) -> T) -> T {
        let (result, taken) = {
            let mut world = self.lock();
            let result = step(&mut world, unix_ms());
            (result, world.ledger.taken())
        };
        self.taken
            .send_if_modified(|before| std::mem::replace(before, taken) != taken);
        self.bell.notify_one();
        result
    }

    /// What is to be called back by now. It rings no bell.
    pub(crate) fn due(&self) -> Vec<Push> {
        self.lock().due(unix_ms())
    }

    /// When that is the case next.
    pub(crate) fn next_due(&self) -> Option<u64> {
        self.lock().next_due()
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        // A step that panicked has left a world that is still of use to a person who looks for why.
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn unix_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Serves until it is dropped, and its connections with it.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>) -> Infallible {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < MOST_CONNECTIONS => match accepted {
                Ok((stream, _)) if !shared.step(|world, _| world.refuses_connections()) => {
                    connections.spawn(talk(stream, Arc::clone(&shared)));
                }
                Ok(_) => {}
                Err(error) => {
                    // Out of descriptors, most likely: the connection stays in the backlog.
                    tracing::warn!(%error, "a connection to the simulated cloud could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Gateways keep a handful; the rest waits in the kernel's queue.
const MOST_CONNECTIONS: usize = 1024;
/// Of a request's body, in octets.
const LONGEST_BODY: usize = 1 << 20;

async fn talk(stream: TcpStream, shared: Arc<Shared>) {
    // An answer is small and waited for.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| answer(request, &shared));
    // How a connection ends is its client's affair; ours to close are closed by an error.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// The connection is closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("closed by order")]
struct Closed;

async fn answer(
    request: Request<Incoming>,
    shared: &Shared,
) -> Result<Response<Full<Bytes>>, Closed> {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    let is_control = path == "/control" || path.starts_with("/control/");
    let found = provider_of(&path, &head.headers);
    if let Some((provider, _)) = found
        && shared.step(|world, _| world.closes_unread(provider))
    {
        return Err(Closed);
    }
    let Ok(body) = Limited::new(body, LONGEST_BODY).collect().await else {
        return Ok(response(plain(
            413,
            "the body is longer than 1 MiB or was cut off",
        )));
    };
    let call = Call {
        method: head.method.as_str().to_owned(),
        path: found.map_or(path.as_str(), |(_, rest)| rest).to_owned(),
        full_path: path.clone(),
        query: head.uri.query().unwrap_or("").to_owned(),
        headers: head.headers,
        body: body.to_bytes().to_vec(),
    };
    if is_control {
        return Ok(response(
            shared.step(|world, now| control::answer(world, &call, now)),
        ));
    }
    let Some((provider, _)) = found else {
        let names: Vec<_> = Provider::ALL.iter().map(|one| format!("/{one}")).collect();
        let why = format!(
            "no provider has this path; there are {} and /control",
            names.join(", ")
        );
        return Ok(response(plain(404, &why)));
    };
    let reaction = shared.step(|world, now| world.receive(provider, &call, now));
    for early in reaction.early {
        push::tell(shared, &early).await;
    }
    tokio::time::sleep(reaction.wait).await;
    match reaction.deed {
        Deed::Answer(answer) => Ok(response(answer)),
        Deed::Close => Err(Closed),
        Deed::Hang => std::future::pending().await,
    }
}

/// Whose a request is, and its path behind the prefix: by the prefix, or by what only one of them has.
fn provider_of<'a>(path: &'a str, headers: &hyper::HeaderMap) -> Option<(Provider, &'a str)> {
    let after = path.strip_prefix('/')?;
    let (first, _) = after.split_once('/').unwrap_or((after, ""));
    if let Some(provider) = Provider::named(first) {
        let rest = &after[first.len()..];
        return Some((provider, if rest.is_empty() { "/" } else { rest }));
    }
    let provider = match path {
        _ if path.starts_with("/2010-04-01/") => Provider::Twilio,
        "/sms/json" => Provider::Vonage,
        _ if headers.contains_key("x-acs-action") => Provider::Aliyun,
        _ if headers.contains_key("x-tc-action") => Provider::Tencent,
        _ => return None,
    };
    Some((provider, path))
}

fn plain(status: u16, why: &str) -> Answer {
    Answer::json(status, &serde_json::json!({ "ok": false, "error": why }))
}

fn response(answer: Answer) -> Response<Full<Bytes>> {
    let mut response = Response::builder()
        .status(answer.status)
        .header("content-type", answer.content_type);
    for (name, value) in &answer.headers {
        response = response.header(*name, value);
    }
    let built = response.body(Full::new(Bytes::from(answer.body)));
    built.unwrap_or_else(|_| {
        // A status that HTTP does not have, by order of a fault.
        let mut response = Response::new(Full::new(Bytes::new()));
        *response.status_mut() = hyper::StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}
