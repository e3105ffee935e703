//! The measure of all intake: a server that reads the request and answers 204, and does nothing else.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::CommandError;

/// Serves until the process is killed.
pub(super) async fn serve(address: SocketAddr) -> Result<(), CommandError> {
    let failed = |error: std::io::Error| CommandError::Failed(format!("{address}: {error}"));
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let mut connections = JoinSet::new();
    loop {
        let (socket, _) = listener.accept().await.map_err(failed)?;
        let _ = socket.set_nodelay(true);
        connections.spawn(
            http1::Builder::new().serve_connection(TokioIo::new(socket), service_fn(answer)),
        );
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Empty<Bytes>>, Infallible> {
    // As every server must before the next request can come.
    let _ = request.into_body().collect().await;
    let mut response = Response::new(Empty::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}
