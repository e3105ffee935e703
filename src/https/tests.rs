//! The client against servers that do what servers and the internet do.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::*;

const AUTHORITY: &[u8] = include_bytes!("testdata/authority.pem");
const SERVER: &[u8] = include_bytes!("testdata/server.pem");
const SERVER_KEY: &[u8] = include_bytes!("testdata/server.key");

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(200);

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn client() -> Client {
    Client::new(&Settings::default()).unwrap()
}

fn trusting_client() -> Client {
    let ca_pem = Some(AUTHORITY.to_vec());
    Client::new(&Settings {
        ca_pem,
        proxy: None,
    })
    .unwrap()
}

fn client_behind(proxy: &str) -> Client {
    Client::new(&Settings {
        ca_pem: Some(AUTHORITY.to_vec()),
        proxy: Some(proxy.parse().unwrap()),
    })
    .unwrap()
}

fn post(url: &str) -> Request {
    http::Request::post(url)
        .header("authorization", "Basic secret")
        .body(Bytes::from_static(b"text=hello"))
        .unwrap()
}

async fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// Serves the connections of a listener one after the other, and returns what `serve` made of the first `count`.
fn serving<T, F>(
    listener: TcpListener,
    count: usize,
    serve: impl Fn(TcpStream) -> F + Send + 'static,
) -> JoinHandle<Vec<T>>
where
    T: Send + 'static,
    F: Future<Output = T> + Send,
{
    tokio::spawn(async move {
        let mut made = Vec::new();
        for _ in 0..count {
            let (stream, _) = listener.accept().await.unwrap();
            made.push(serve(stream).await);
        }
        made
    })
}

/// One request with its body, `None` at the end of the connection.
async fn request<S: AsyncRead + Unpin>(stream: &mut S) -> Option<String> {
    let mut octets = Vec::new();
    while !octets.ends_with(b"text=hello") {
        octets.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8(octets).unwrap())
}

/// Answers every request of a connection and returns them.
async fn answering<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, answer: &str) -> Vec<String> {
    let mut seen = Vec::new();
    while let Some(one) = request(&mut stream).await {
        seen.push(one);
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
    seen
}

/// Answers one request and returns it.
async fn answering_once<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, answer: &str) -> String {
    let seen = request(&mut stream).await.unwrap();
    stream.write_all(answer.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    seen
}

fn acceptor(protocols: &[&str]) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let certificate = CertificateDer::from_pem_slice(SERVER).unwrap();
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate],
            PrivateKeyDer::from_pem_slice(SERVER_KEY).unwrap(),
        )
        .unwrap();
    config.alpn_protocols = protocols
        .iter()
        .map(|one| one.as_bytes().to_vec())
        .collect();
    TlsAcceptor::from(Arc::new(config))
}

#[track_caller]
fn assert_not_written(outcome: Result<Answer, CallError>, words: &str) {
    match outcome {
        Err(CallError::NotWritten(why)) => assert!(why.contains(words), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn assert_lost(outcome: Result<Answer, CallError>, words: &str) {
    match outcome {
        Err(CallError::Lost(why)) => assert!(why.contains(words), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_answer_is_read_whole_and_its_connection_is_used_again() {
    let (listener, port) = listener().await;
    let server = serving(listener, 1, |stream| answering(stream, OK));
    let client = client();
    let url = format!("http://127.0.0.1:{port}/send?a=1");
    for _ in 0..3 {
        let answer = client.call(post(&url), LONG).await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.body()[..]),
            (200, &b"ok"[..])
        );
    }
    drop(client);
    let [seen] = <[_; 1]>::try_from(server.await.unwrap()).unwrap();
    assert_eq!(seen.len(), 3);
    assert!(
        seen[0].starts_with("POST /send?a=1 HTTP/1.1\r\n"),
        "{}",
        seen[0]
    );
    assert!(seen[0].contains(&format!("host: 127.0.0.1:{port}\r\n")));
    assert!(seen[0].contains("user-agent: cellpost/"));
}

#[tokio::test]
async fn where_nobody_listens_nothing_was_written() {
    let (listener, port) = listener().await;
    drop(listener);
    let outcome = client()
        .call(post(&format!("http://127.0.0.1:{port}/")), LONG)
        .await;
    assert_not_written(outcome, "refused");
}

#[tokio::test]
async fn a_url_without_a_host_is_never_written() {
    let outcome = client().call(post("/send?key=hunter2"), LONG).await;
    assert_not_written(outcome.clone(), "nothing was sent");
    assert!(!format!("{outcome:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_reset_after_the_request_leaves_it_open_whether_it_arrived() {
    let (listener, port) = listener().await;
    let server = serving(listener, 1, |mut stream| async move {
        let seen = request(&mut stream).await;
        stream.set_zero_linger().unwrap();
        seen
    });
    let outcome = client()
        .call(
            post(&format!("http://127.0.0.1:{port}/x?key=hunter2")),
            LONG,
        )
        .await;
    assert_lost(outcome.clone(), "may have arrived");
    let shown = format!("{outcome:?}");
    assert!(shown.contains(&format!("127.0.0.1:{port}")), "{shown}");
    assert!(
        !shown.contains("hunter2") && !shown.contains("secret"),
        "{shown}"
    );
    assert!(server.await.unwrap()[0].is_some());
}

#[tokio::test]
async fn a_request_on_a_connection_that_dies_under_it_is_not_written_again() {
    let (listener, port) = listener().await;
    let server = tokio::spawn(async move {
        let (mut first, _) = listener.accept().await.unwrap();
        let mut seen = vec![request(&mut first).await.unwrap()];
        first.write_all(OK.as_bytes()).await.unwrap();
        seen.push(request(&mut first).await.unwrap());
        drop(first);
        // A second copy would come here at once.
        let another = tokio::time::timeout(SHORT, listener.accept()).await;
        (seen.len(), another.is_ok())
    });
    let client = client();
    let url = format!("http://127.0.0.1:{port}/");
    client.call(post(&url), LONG).await.unwrap();
    assert_lost(client.call(post(&url), LONG).await, "may have arrived");
    assert_eq!(server.await.unwrap(), (2, false));
}

#[tokio::test]
async fn a_silent_server_is_given_up_after_the_time_for_the_whole_call() {
    let (listener, port) = listener().await;
    let server = serving(listener, 1, |mut stream| async move {
        let seen = request(&mut stream).await;
        // Until the client hangs up.
        let end = stream.read_u8().await;
        (seen.is_some(), end.is_err())
    });
    let url = format!("http://127.0.0.1:{port}/");
    assert_lost(client().call(post(&url), SHORT).await, "within 0.2 s");
    assert_eq!(server.await.unwrap(), [(true, true)]);
}

#[tokio::test]
async fn an_answer_that_drips_is_given_up_too() {
    let (listener, port) = listener().await;
    let _server = serving(listener, 1, |mut stream| async move {
        request(&mut stream).await;
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok";
        stream.write_all(head).await.unwrap();
        _ = stream.read_u8().await;
    });
    let url = format!("http://127.0.0.1:{port}/");
    assert_lost(client().call(post(&url), SHORT).await, "within 0.2 s");
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_lost() {
    let (listener, port) = listener().await;
    let _server = serving(listener, 2, |mut stream| async move {
        request(&mut stream).await;
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let chunk = format!("8000\r\n{}\r\n", "x".repeat(0x8000));
        while stream.write_all(chunk.as_bytes()).await.is_ok() {}
    });
    let url = format!("http://127.0.0.1:{port}/");
    assert_lost(client().call(post(&url), LONG).await, "longer than 256 KiB");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_lost() {
    let (listener, port) = listener().await;
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok";
    let _server = serving(listener, 1, move |stream| answering_once(stream, half));
    let url = format!("http://127.0.0.1:{port}/");
    assert_lost(client().call(post(&url), LONG).await, "broke off");
}

#[tokio::test]
async fn what_is_no_http_is_lost() {
    let (listener, port) = listener().await;
    let _server = serving(listener, 1, |stream| {
        answering_once(stream, "SSH-2.0-x\r\n\r\n")
    });
    let url = format!("http://127.0.0.1:{port}/");
    assert_lost(client().call(post(&url), LONG).await, "may have arrived");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (listener, port) = listener().await;
    let moved =
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n";
    let server = serving(listener, 1, move |stream| answering(stream, moved));
    let client = client();
    let url = format!("http://127.0.0.1:{port}/");
    let answer = client.call(post(&url), LONG).await.unwrap();
    assert_eq!(answer.status().as_u16(), 307);
    drop(client);
    assert_eq!(server.await.unwrap()[0].len(), 1);
}

#[tokio::test]
async fn a_private_authority_is_believed_when_it_is_given() {
    let (listener, port) = listener().await;
    let server = serving(listener, 1, |stream| async move {
        let stream = acceptor(&["http/1.1"]).accept(stream).await.unwrap();
        answering(stream, OK).await
    });
    let client = trusting_client();
    for _ in 0..2 {
        let url = format!("https://localhost:{port}/");
        let answer = client.call(post(&url), LONG).await.unwrap();
        assert_eq!(&answer.body()[..], b"ok");
    }
    drop(client);
    assert_eq!(server.await.unwrap()[0].len(), 2);
}

#[tokio::test]
async fn http_2_is_spoken_where_the_server_speaks_it() {
    let (listener, port) = listener().await;
    let server = serving(listener, 1, |stream| async move {
        let stream = acceptor(&["h2", "http/1.1"]).accept(stream).await.unwrap();
        let service = hyper::service::service_fn(|request: http::Request<_>| async move {
            let said = (request.version(), request.uri().path().to_owned());
            let _: hyper::body::Incoming = request.into_body();
            let body = Full::new(Bytes::from(format!("{said:?}")));
            Ok::<_, std::convert::Infallible>(http::Response::new(body))
        });
        let io = hyper_util::rt::TokioIo::new(stream);
        let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .serve_connection(io, service);
        connection.await.is_ok()
    });
    let client = trusting_client();
    for _ in 0..2 {
        let url = format!("https://localhost:{port}/send");
        let answer = client.call(post(&url), LONG).await.unwrap();
        assert_eq!(&answer.body()[..], br#"(HTTP/2.0, "/send")"#);
    }
    drop(client);
    server.abort();
}

#[tokio::test]
async fn an_unknown_authority_is_refused_before_anything_is_written() {
    let (listener, port) = listener().await;
    let server = serving(listener, 1, |stream| async move {
        acceptor(&["http/1.1"]).accept(stream).await.is_err()
    });
    let url = format!("https://localhost:{port}/");
    assert_not_written(client().call(post(&url), LONG).await, "tls.ca_file");
    assert_eq!(server.await.unwrap(), [true]);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_before_anything_is_written() {
    let (listener, port) = listener().await;
    let server = serving(listener, 1, |stream| async move {
        acceptor(&["http/1.1"]).accept(stream).await.is_err()
    });
    let url = format!("https://127.0.0.2:{port}/");
    // All of 127.0.0.0/8 is this host, but the listener has one address of it.
    let client = client_behind(&format!("http://127.0.0.1:{}", tunnel_to(port).await));
    assert_not_written(client.call(post(&url), LONG).await, "not valid for name");
    assert_eq!(server.await.unwrap(), [true]);
}

#[tokio::test]
async fn a_server_that_never_begins_tls_was_sent_nothing() {
    let (listener, port) = listener().await;
    let _server = serving(listener, 1, |mut stream| async move {
        let mut octets = Vec::new();
        _ = stream.read_to_end(&mut octets).await;
    });
    let url = format!("https://localhost:{port}/");
    assert_not_written(client().call(post(&url), SHORT).await, "within 0.2 s");
}

/// A proxy that opens one tunnel to a port, wherever it is asked to; returns its own port.
async fn tunnel_to(port: u16) -> u16 {
    let (listener, own) = listener().await;
    tokio::spawn(async move {
        let (mut near, _) = listener.accept().await.unwrap();
        connect_line(&mut near).await;
        let mut far = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        near.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
            .await
            .unwrap();
        _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
    });
    own
}

/// The head of a CONNECT.
async fn connect_line(stream: &mut TcpStream) -> String {
    let mut octets = Vec::new();
    while !octets.ends_with(b"\r\n\r\n") {
        octets.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(octets).unwrap()
}

#[tokio::test]
async fn https_goes_through_a_tunnel_of_the_proxy() {
    let (server, server_port) = listener().await;
    let server = serving(server, 1, |stream| async move {
        let stream = acceptor(&["http/1.1"]).accept(stream).await.unwrap();
        answering_once(stream, OK).await
    });
    let (proxy, proxy_port) = listener().await;
    let proxy = serving(proxy, 1, move |mut near| async move {
        let head = connect_line(&mut near).await;
        let mut far = TcpStream::connect(("127.0.0.1", server_port))
            .await
            .unwrap();
        near.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
            .await
            .unwrap();
        _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
        head
    });
    let client = client_behind(&format!("http://bob:hunter2@127.0.0.1:{proxy_port}"));
    let answer = client
        .call(post("https://sms.example.com/send"), LONG)
        .await
        .unwrap();
    assert_eq!(&answer.body()[..], b"ok");
    drop(client);
    let seen = &server.await.unwrap()[0];
    assert!(seen.starts_with("POST /send HTTP/1.1\r\n"), "{seen}");
    assert!(!seen.to_lowercase().contains("proxy-"), "{seen}");
    let head = &proxy.await.unwrap()[0];
    assert!(
        head.starts_with("CONNECT sms.example.com:443 HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(
        head.contains("Proxy-Authorization: Basic Ym9iOmh1bnRlcjI=\r\n"),
        "{head}"
    );
}

#[tokio::test]
async fn http_is_told_the_proxy_with_its_whole_url() {
    let (proxy, port) = listener().await;
    let proxy = serving(proxy, 1, |stream| answering_once(stream, OK));
    let client = client_behind(&format!("http://bob:hunter2@127.0.0.1:{port}"));
    let answer = client
        .call(post("http://sms.example.com/send?a=1"), LONG)
        .await
        .unwrap();
    assert_eq!(&answer.body()[..], b"ok");
    let seen = &proxy.await.unwrap()[0];
    assert!(
        seen.starts_with("POST http://sms.example.com/send?a=1 HTTP/1.1\r\n"),
        "{seen}"
    );
    assert!(seen.contains("host: sms.example.com\r\n"), "{seen}");
    assert!(
        seen.contains("proxy-authorization: Basic Ym9iOmh1bnRlcjI=\r\n"),
        "{seen}"
    );
}

#[tokio::test]
async fn a_proxy_that_refuses_the_tunnel_was_told_nothing_of_the_request() {
    for (answer, words) in [
        ("HTTP/1.1 403 Forbidden\r\n\r\n", "HTTP 403"),
        (
            "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
            "password",
        ),
    ] {
        let (proxy, port) = listener().await;
        let _proxy = serving(proxy, 1, move |mut stream| async move {
            connect_line(&mut stream).await;
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        let client = client_behind(&format!("http://bob:hunter2@127.0.0.1:{port}"));
        let outcome = client.call(post("https://sms.example.com/"), LONG).await;
        assert_not_written(outcome.clone(), words);
        assert!(!format!("{outcome:?}").contains("hunter2"));
    }
}

#[test]
fn a_file_without_authorities_is_refused() {
    let with = |pem: &[u8]| {
        Client::new(&Settings {
            ca_pem: Some(pem.to_vec()),
            proxy: None,
        })
    };
    assert_eq!(
        with(b"# nothing").unwrap_err(),
        Unusable::Roots(InvalidRoots::Empty)
    );
    let broken = [AUTHORITY, b"-----BEGIN CERTIFICATE-----\n!\n"].concat();
    assert_eq!(
        with(&broken).unwrap_err(),
        Unusable::Roots(InvalidRoots::Pem { number: 2 })
    );
    let no_certificate = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let error = with(no_certificate).unwrap_err().to_string();
    assert!(error.starts_with("tls.ca_file: certificate 1"), "{error}");
}

#[test]
fn a_client_shows_neither_proxy_password_nor_authorities() {
    let client = client_behind("http://bob:hunter2@proxy.example.com:3128");
    let shown = format!("{client:?}");
    assert!(shown.contains("proxy.example.com:3128"), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
}
