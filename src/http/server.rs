//! Listeners, connections, and how both end. HTTP/1.1 and HTTP/2 with prior knowledge share a port.
//!
//! What bounds a stranger: the number of connections, the time for a head, the time between requests, the size of
//! a head. Bodies and keys are the handlers' business.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use futures_util::future::join_all;
use hyper::Request;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use tracing::{debug, warn};

use super::auth::Peer;
use super::error::ApiError;
use super::front::RequestId;
use super::wire::{Expired, Line, Patience, Remainder, Wire};
use super::{Gate, router};

/// Of a request's head, in octets.
const LARGEST_HEAD: u32 = 32 << 10;
/// Requests at once on one connection of HTTP/2.
const STREAMS: u32 = 128;
/// A listener that cannot accept (no file descriptors left, say) looks again after this long.
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);
/// How long a connection that we close may go on sending, so that it gets to read why.
const LINGER: Duration = Duration::from_secs(5);
/// How long a connection that is told to end may take for it.
const FAREWELL: Duration = Duration::from_secs(1);

/// Serves until `stop`; then finishes the requests under way, within `server.shutdown_grace`.
pub(crate) async fn serve(listeners: Vec<TcpListener>, gate: Gate, stop: CancellationToken) {
    let settings = &gate.config().server;
    let server = Server {
        router: router(gate.clone()),
        patience: Patience {
            head: settings.header_timeout,
            idle: settings.idle_timeout,
        },
        // A listener holds a seat while it waits: with fewer seats than listeners, some would never accept.
        seats: Arc::new(Semaphore::new(
            settings
                .max_connections
                .clamp(listeners.len(), Semaphore::MAX_PERMITS),
        )),
        tasks: TaskTracker::new(),
        stop,
        cut: CancellationToken::new(),
    };
    let doors = listeners
        .into_iter()
        .map(|listener| server.listen(listener));
    join_all(doors).await;
    server.tasks.close();
    gate.0.acceptances.close();
    let done = async {
        server.tasks.wait().await;
        gate.0.acceptances.wait().await;
    };
    if timeout(settings.shutdown_grace, done).await.is_err() {
        warn!(
            "requests are still under way after server.shutdown_grace: their connections are cut"
        );
        server.cut.cancel();
        server.tasks.wait().await;
    }
}

/// What every connection needs.
#[derive(Clone)]
struct Server {
    router: Router,
    patience: Patience,
    seats: Arc<Semaphore>,
    /// Connections and the streams of HTTP/2.
    tasks: TaskTracker,
    /// Finish what is under way.
    stop: CancellationToken,
    /// Finish nothing.
    cut: CancellationToken,
}

/// How a conversation ended.
enum End {
    /// hyper is done with the connection.
    Done,
    /// It was closed between two requests: there is no answer to wait for.
    Idle,
    /// The head of a request did not come.
    NoHead,
    Cut,
}

/// What a connection was doing when it was told to end.
#[derive(Clone, Copy)]
enum Told {
    WhileBusy,
    WhileIdle,
}

impl Server {
    async fn listen(&self, listener: TcpListener) {
        self.stop.run_until_cancelled(self.accept(&listener)).await;
    }

    async fn accept(&self, listener: &TcpListener) {
        // An open socket has an address; were there none, all would count as one listener.
        let own = listener
            .local_addr()
            .unwrap_or_else(|_| ([0, 0, 0, 0], 0).into());
        loop {
            // Before accept: whoever finds no seat waits in the kernel's queue and costs nothing.
            let Ok(seat) = Arc::clone(&self.seats).acquire_owned().await else {
                return;
            };
            match listener.accept().await {
                Ok((socket, address)) => {
                    let server = self.clone();
                    let peer = Peer {
                        address,
                        listener: own,
                    };
                    let talk = server.talk(socket, peer, seat);
                    self.tasks.spawn(talk);
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    warn!(%error, "a connection cannot be accepted");
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                }
            }
        }
    }

    async fn talk(self, socket: TcpStream, peer: Peer, _seat: OwnedSemaphorePermit) {
        // Answers are small and whole: waiting to fill a segment would only delay them.
        let _ = socket.set_nodelay(true);
        let line = Line::new(socket, Instant::now);
        let end = self.converse(&line, peer).await;
        let Some((socket, remainder)) = line.into_socket() else {
            return;
        };
        tokio::select! {
            () = say_goodbye(socket, remainder, &end) => {}
            () = self.hurries() => {}
        }
    }

    /// Returns when nobody may be lingered for any longer.
    async fn hurries(&self) {
        self.stop.cancelled().await;
        let _ = timeout(FAREWELL, self.cut.cancelled()).await;
    }

    async fn converse(&self, line: &Arc<Line>, peer: Peer) -> End {
        let builder = self.builder();
        let service = service_fn(|request: Request<Incoming>| {
            let underway = line.request_begins();
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(peer);
            let router = self.router.clone();
            async move {
                let answered = router.oneshot(request).await;
                drop(underway);
                answered
            }
        });
        let wire = TokioIo::new(Wire(Arc::clone(line)));
        let mut connection = std::pin::pin!(builder.serve_connection(wire, service));
        let mut expired = std::pin::pin!(line.expired(self.patience));
        let mut told = None;
        loop {
            tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        debug!(%error, "a connection ended early");
                    }
                    return match told {
                        Some(Told::WhileIdle) => End::Idle,
                        _ => End::Done,
                    };
                }
                what = expired.as_mut() => match what {
                    Expired::Head => return End::NoHead,
                    Expired::Idle => {
                        connection.as_mut().graceful_shutdown();
                        let _ = timeout(FAREWELL, connection).await;
                        return End::Idle;
                    }
                },
                () = self.stop.cancelled(), if told.is_none() => {
                    told = Some(if line.is_busy() { Told::WhileBusy } else { Told::WhileIdle });
                    connection.as_mut().graceful_shutdown();
                }
                () = self.cut.cancelled() => return End::Cut,
            }
        }
    }

    fn builder(&self) -> Builder<Streams> {
        let mut builder = Builder::new(Streams {
            tasks: self.tasks.clone(),
            cut: self.cut.clone(),
        });
        builder
            .http1()
            // Line::expired does this.
            .header_read_timeout(None)
            // Who has sent all of a request may close their half and still be answered.
            .half_close(true)
            .max_buf_size(LARGEST_HEAD as usize);
        builder
            .http2()
            .max_header_list_size(LARGEST_HEAD)
            .max_concurrent_streams(STREAMS);
        builder
    }
}

/// A connection that was gone before it was accepted is no trouble of ours.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}

/// Closes so that the other end can read the last answer: with octets of it unread, the kernel would throw our
/// answer away with them.
async fn say_goodbye(mut socket: TcpStream, remainder: Remainder, end: &End) {
    match end {
        End::Cut | End::Idle => return,
        End::NoHead if remainder.understands_http1 => {
            let answer =
                ApiError::TooSlow("the head of the request").written_out(&RequestId::mint());
            let written = timeout(FAREWELL, socket.write_all(&answer)).await;
            if !matches!(written, Ok(Ok(()))) || socket.shutdown().await.is_err() {
                return;
            }
        }
        End::NoHead => return,
        End::Done => {}
    }
    if remainder.sends {
        let _ = timeout(LINGER, drain(&mut socket)).await;
    }
}

async fn drain(socket: &mut TcpStream) {
    let mut unread = [0; 4096];
    while let Ok(1..) = socket.read(&mut unread).await {}
}

/// Runs the streams of HTTP/2 as tasks that the server waits for, and ends.
#[derive(Clone)]
struct Streams {
    tasks: TaskTracker,
    cut: CancellationToken,
}

impl<F> Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let cut = self.cut.clone();
        self.tasks.spawn(async move {
            cut.run_until_cancelled(stream).await;
        });
    }
}
