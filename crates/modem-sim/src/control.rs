//! **Control**: the socket through which a running simulation is asked and ordered, a line of JSON each.
//!
//! Whatever is sent, the server answers or closes; it never ends because of a client.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use crate::run::{Order, refusal};
use crate::verbs::Request;

/// Serves until it is dropped, and its connections with it.
pub(crate) async fn serve(
    listener: UnixListener,
    orders: mpsc::Sender<Order>,
    accepted: watch::Receiver<u64>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accept = listener.accept() => match accept {
                Ok((stream, _)) if connections.len() < MOST_CONNECTIONS => {
                    let client = Connection { orders: orders.clone(), accepted: accepted.clone() };
                    connections.spawn(client.talk(stream));
                }
                Ok((stream, _)) => turn_away(stream),
                Err(error) => {
                    // Out of descriptors, most likely: the connection stays in the backlog.
                    tracing::warn!(%error, "a control connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

fn turn_away(stream: UnixStream) {
    let answer = refusal("too many control connections; close one");
    let _ = stream.try_write(format!("{answer}\n").as_bytes());
}

struct Connection {
    orders: mpsc::Sender<Order>,
    accepted: watch::Receiver<u64>,
}

impl Connection {
    async fn talk(mut self, stream: UnixStream) {
        let (read, mut write) = stream.into_split();
        let mut read = BufReader::new(read);
        let mut line = Vec::new();
        loop {
            line.clear();
            let mut limited = (&mut read).take(LONGEST_REQUEST);
            match limited.read_until(b'\n', &mut line).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            let whole = line.ends_with(b"\n") || (line.len() as u64) < LONGEST_REQUEST;
            let answer = match whole {
                true => self.answer(&line).await,
                false => refusal("the request is longer than 64 KiB"),
            };
            let written = write.write_all(format!("{answer}\n").as_bytes()).await;
            if written.is_err() || !whole {
                return;
            }
        }
    }

    async fn answer(&mut self, line: &[u8]) -> Value {
        let request = match serde_json::from_slice(line) {
            Ok(request) => request,
            Err(error) => return refusal(&format!("not a request: {error}")),
        };
        match request {
            Request::WaitAccepted { count, timeout_ms } => {
                wait_accepted(&mut self.accepted, count, timeout_ms).await
            }
            request => ask(&self.orders, request).await,
        }
    }
}

/// One request to the loop and back.
pub(crate) async fn ask(orders: &mpsc::Sender<Order>, request: Request) -> Value {
    let (answer, answered) = oneshot::channel();
    let ended = || refusal("the simulation has ended");
    if orders.send(Order::Ask { request, answer }).await.is_err() {
        return ended();
    }
    answered.await.unwrap_or_else(|_| ended())
}

pub(crate) async fn wait_accepted(
    accepted: &mut watch::Receiver<u64>,
    count: u64,
    timeout_ms: u64,
) -> Value {
    let patience = Duration::from_millis(timeout_ms.min(LONGEST_WAIT_MS));
    let reached = {
        let waited = tokio::time::timeout(patience, accepted.wait_for(|now| *now >= count)).await;
        matches!(waited, Ok(Ok(_)))
    };
    let now = *accepted.borrow();
    match reached {
        true => json!({ "ok": true, "accepted": now }),
        false => json!({
            "ok": false,
            "error": format!("{now} of {count} texts accepted when the time was over"),
            "accepted": now,
        }),
    }
}

const MOST_CONNECTIONS: usize = 32;
const LONGEST_REQUEST: u64 = 64 * 1024;
/// A day; a client that went away meanwhile frees its connection by then.
const LONGEST_WAIT_MS: u64 = 86_400_000;
