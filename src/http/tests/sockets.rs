//! What only shows on a socket: slowness, size, keep-alive, the end.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::http::serve;

struct Served {
    house: House,
    address: SocketAddr,
    stop: CancellationToken,
    server: JoinHandle<()>,
}

impl Served {
    async fn with(config: &str) -> Self {
        let house = House::with(config);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let server = tokio::spawn(serve(vec![listener], house.gate.clone(), stop.clone()));
        Self {
            house,
            address,
            stop,
            server,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn stops(self) {
        self.stop.cancel();
        self.server.await.unwrap();
    }
}

async fn writes(socket: &mut TcpStream, octets: impl AsRef<[u8]>) {
    socket.write_all(octets.as_ref()).await.unwrap();
}

/// All there is to read until the server closes.
async fn rest(socket: &mut TcpStream) -> String {
    let mut octets = Vec::new();
    socket.read_to_end(&mut octets).await.unwrap();
    String::from_utf8(octets).unwrap()
}

/// Reads one answer whose body is `{"status":"ok"}`.
async fn lives(socket: &mut TcpStream) {
    let mut read = String::new();
    while !read.ends_with("{\"status\":\"ok\"}") {
        let mut octets = [0; 1024];
        let n = socket.read(&mut octets).await.unwrap();
        assert_ne!(n, 0, "closed after {read:?}");
        read += std::str::from_utf8(&octets[..n]).unwrap();
    }
    assert!(read.starts_with("HTTP/1.1 200"), "{read}");
}

const HEALTHZ: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
const FAST: &str = "[server]\nheader_timeout = 1\nidle_timeout = 2\n[limits]\nkey_rps = 0\n";

#[tokio::test]
async fn a_head_that_does_not_come_is_answered_and_the_connection_closed() {
    let served = Served::with(FAST).await;
    let begun = "POST /v1/messages HTTP/1.1\r\nHost: loc";
    for said in ["", "P", "PRI * HT", begun] {
        let mut socket = served.connect().await;
        writes(&mut socket, said).await;
        let answer = rest(&mut socket).await;
        assert!(
            answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"),
            "{said:?}: {answer}"
        );
        assert!(answer.contains("\"code\":\"request_timeout\""), "{answer}");
        assert!(answer.contains("application/problem+json"), "{answer}");
    }
    served.stops().await;
}

#[tokio::test]
async fn a_head_that_trickles_does_not_gain_time() {
    let served = Served::with(FAST).await;
    let (mut reading, mut writing) = served.connect().await.into_split();
    let started = Instant::now();
    let trickle = tokio::spawn(async move {
        while writing.write_all(b"G").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    let mut answer = [0; 12];
    reading.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
    assert!(started.elapsed() < Duration::from_secs(4));
    trickle.abort();
    drop(reading);
    served.stops().await;
}

#[tokio::test]
async fn a_connection_is_kept_between_requests_longer_than_a_head_may_take() {
    let served = Served::with(FAST).await;
    let mut socket = served.connect().await;
    for _ in 0..2 {
        writes(&mut socket, HEALTHZ).await;
        lives(&mut socket).await;
        tokio::time::sleep(Duration::from_millis(1300)).await;
    }
    // The second pause goes on until the server has had enough: it closes without a word.
    assert_eq!(rest(&mut socket).await, "");
    served.stops().await;
}

#[tokio::test]
async fn the_second_head_on_a_connection_has_its_own_time() {
    let served = Served::with(FAST).await;
    let mut socket = served.connect().await;
    writes(&mut socket, HEALTHZ).await;
    lives(&mut socket).await;
    writes(&mut socket, "GET /hea").await;
    let answer = rest(&mut socket).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    served.stops().await;
}

#[tokio::test]
async fn a_refused_request_leaves_its_connection_as_good_as_before() {
    let served = Served::with(FAST).await;
    let mut socket = served.connect().await;
    let refused = "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}";
    writes(&mut socket, refused).await;
    let mut octets = [0; 2048];
    let n = socket.read(&mut octets).await.unwrap();
    assert!(octets[..n].starts_with(b"HTTP/1.1 401"));
    tokio::time::sleep(Duration::from_millis(1300)).await;
    writes(&mut socket, HEALTHZ).await;
    lives(&mut socket).await;
    served.stops().await;
}

#[tokio::test]
async fn what_is_no_http_is_refused() {
    let served = Served::with("").await;
    for said in [
        "\0\0\0\0\r\n\r\n",
        "AT+CFUN=0\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
    ] {
        let mut socket = served.connect().await;
        writes(&mut socket, said).await;
        let answer = rest(&mut socket).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{said:?}: {answer}");
    }
    served.stops().await;
}

#[tokio::test]
async fn requests_in_a_row_are_answered_in_order() {
    let served = Served::with(FAST).await;
    let mut socket = served.connect().await;
    writes(&mut socket, HEALTHZ.repeat(3)).await;
    for _ in 0..2 {
        let mut seen = String::new();
        while seen.matches("{\"status\":\"ok\"}").count() < 3 {
            let mut octets = [0; 2048];
            let n = socket.read(&mut octets).await.unwrap();
            assert_ne!(n, 0);
            seen += std::str::from_utf8(&octets[..n]).unwrap();
        }
        writes(&mut socket, HEALTHZ.repeat(3)).await;
    }
    served.stops().await;
}

#[tokio::test]
async fn a_body_that_is_too_large_gets_its_answer_although_it_is_still_being_sent() {
    let served = Served::with("").await;
    let socket = served.connect().await;
    let (mut reading, mut writing) = socket.into_split();
    let head = format!(
        "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        2 << 20
    );
    let sending = tokio::spawn(async move {
        writing.write_all(head.as_bytes()).await.unwrap();
        for _ in 0..32 {
            writing.write_all(&[b'x'; 64 << 10]).await.unwrap();
        }
        writing
    });
    let mut answer = Vec::new();
    reading.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(answer.contains("payload_too_large"), "{answer}");
    drop(sending.await.unwrap());
    served.stops().await;
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let served = Served::with("").await;
    let mut socket = served.connect().await;
    let head = format!(
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n",
        "x".repeat(64 << 10)
    );
    writes(&mut socket, head).await;
    let answer = rest(&mut socket).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    served.stops().await;
}

#[tokio::test]
async fn who_closes_their_half_is_still_answered() {
    let served = Served::with("").await;
    let mut socket = served.connect().await;
    writes(&mut socket, HEALTHZ).await;
    socket.shutdown().await.unwrap();
    let answer = rest(&mut socket).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    served.stops().await;
}

#[tokio::test]
async fn http2_with_prior_knowledge_shares_the_port() {
    let served = Served::with("").await;
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new())
        .http2_only(true)
        .build_http();
    let asked = json!({ "phoneNumber": TO, "message": "hello" }).to_string();
    for path in ["/sms/send", "/v1/messages"] {
        let request = Request::post(format!("http://{}{path}", served.address))
            .header("content-type", "application/json")
            .body(Full::from(asked.clone()))
            .unwrap();
        let response = client.request(request).await.unwrap();
        assert_eq!(response.version(), http::Version::HTTP_2);
        let expected = if path == "/sms/send" { 200 } else { 401 };
        assert_eq!(response.status(), expected, "{path}");
    }
    assert_eq!(served.house.count().await, 1);
    served.stops().await;
}

#[tokio::test]
async fn no_more_connections_than_seats_are_served_at_once() {
    let served = Served::with("[server]\nmax_connections = 1\n").await;
    let mut first = served.connect().await;
    writes(&mut first, HEALTHZ).await;
    lives(&mut first).await;
    let mut second = served.connect().await;
    writes(&mut second, HEALTHZ).await;
    let early = tokio::time::timeout(Duration::from_millis(300), lives(&mut second)).await;
    assert!(early.is_err(), "answered without a seat");
    drop(first);
    lives(&mut second).await;
    served.stops().await;
}

#[tokio::test]
async fn at_the_end_requests_under_way_are_finished_and_idle_connections_closed() {
    let served = Served::with("").await;
    let mut idle = served.connect().await;
    writes(&mut idle, HEALTHZ).await;
    lives(&mut idle).await;
    let mut fresh = served.connect().await;
    let mut busy = served.connect().await;
    let body = json!({ "to": TO, "text": "hello" }).to_string();
    let (early, late) = body.split_at(5);
    let head = format!(
        "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{early}",
        body.len()
    );
    writes(&mut busy, head).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    served.stop.cancel();
    assert_eq!(rest(&mut idle).await, "");
    assert_eq!(rest(&mut fresh).await, "");
    assert!(TcpStream::connect(served.address).await.is_err());
    writes(&mut busy, late).await;
    let answer = rest(&mut busy).await;
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    drop((idle, fresh, busy));
    served.server.await.unwrap();
    assert_eq!(served.house.count().await, 1);
}

#[tokio::test]
async fn at_the_end_nobody_is_waited_for_longer_than_the_grace() {
    let served = Served::with("[server]\nshutdown_grace = 1\n").await;
    let mut slow = served.connect().await;
    let head = format!(
        "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n\
         Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{"
    );
    writes(&mut slow, head).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let started = Instant::now();
    served.stops().await;
    assert!(started.elapsed() < Duration::from_secs(5));
}
