//! How a connection is made: straight, or through a proxy.
//!
//! Never: speaks TLS, writes anything of a request.

use std::error::Error;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower::Service;

use super::proxy::Proxy;
use super::tunnel;

/// For all addresses of a name together, so that one that does not answer leaves time for the next.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Clone, Debug)]
pub(crate) struct Way {
    direct: HttpConnector,
    proxy: Option<Proxy>,
}

impl Way {
    pub(crate) fn new(proxy: Option<&Proxy>) -> Self {
        let mut direct = HttpConnector::new();
        direct.enforce_http(false);
        direct.set_nodelay(true);
        direct.set_connect_timeout(Some(CONNECT_TIMEOUT));
        Self {
            direct,
            proxy: proxy.cloned(),
        }
    }
}

type Failure = Box<dyn Error + Send + Sync>;
type Connecting = Pin<Box<dyn Future<Output = Result<Wire, Failure>> + Send>>;

impl Service<Uri> for Way {
    type Response = Wire;
    type Error = Failure;
    type Future = Connecting;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.direct.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, to: Uri) -> Connecting {
        let is_plain = to.scheme() == Some(&Scheme::HTTP);
        match self.proxy.clone() {
            None => connecting(self.direct.call(to), Wire::direct),
            Some(proxy) if is_plain => {
                connecting(self.direct.call(proxy.address().clone()), Wire::to_proxy)
            }
            Some(proxy) => tunnelling(self.direct.call(proxy.address().clone()), proxy, to),
        }
    }
}

fn tunnelling<E>(
    stream: impl Future<Output = Result<TokioIo<TcpStream>, E>> + Send + 'static,
    proxy: Proxy,
    to: Uri,
) -> Connecting
where
    E: Into<Failure>,
{
    Box::pin(async move {
        let mut stream = stream.await.map_err(Into::into)?.into_inner();
        tunnel::open(&mut stream, &to, proxy.authorization()).await?;
        Ok(Wire::direct(TokioIo::new(stream)))
    })
}

fn connecting<E>(
    stream: impl Future<Output = Result<TokioIo<TcpStream>, E>> + Send + 'static,
    wire: fn(TokioIo<TcpStream>) -> Wire,
) -> Connecting
where
    E: Into<Failure>,
{
    Box::pin(async move { stream.await.map(wire).map_err(Into::into) })
}

/// A connection, and whether the whole URL must stand in the line of each request on it.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: TokioIo<TcpStream>,
    is_proxy: bool,
}

impl Wire {
    fn direct(stream: TokioIo<TcpStream>) -> Self {
        Self {
            stream,
            is_proxy: false,
        }
    }

    fn to_proxy(stream: TokioIo<TcpStream>) -> Self {
        Self {
            stream,
            is_proxy: true,
        }
    }
}

impl Connection for Wire {
    fn connected(&self) -> Connected {
        self.stream.connected().proxy(self.is_proxy)
    }
}

impl Read for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl Write for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }
}
