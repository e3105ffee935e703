//! A gateway with two modems, m0 in trouble and m1 its neighbour.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cellpost::embed::{Embedded, Start};
use http::{Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use modem_sim::{Fault, MobileText, Settings, SimInMemory};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::clock;
use crate::line;
use crate::row::Row;

pub(crate) struct House {
    folder: tempfile::TempDir,
    sim: Arc<SimInMemory>,
    lines: Vec<JoinHandle<()>>,
    gateway: Option<Embedded>,
    http: Client<HttpConnector, Full<Bytes>>,
    key: String,
    sent: Vec<Sent>,
    submitted_at: Instant,
}

/// A text that was accepted.
struct Sent {
    id: String,
    modem: usize,
    number: String,
    text: String,
}

const TEXTS_PER_MODEM: usize = 3;
const WRITER: &str = "+8613700137000";

impl House {
    pub(crate) async fn build(seed: u8) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            modems: 2,
            seed: seed.into(),
            ..Settings::default()
        };
        let (sim, streams) = modem_sim::in_memory(settings);
        let sim = Arc::new(sim);
        let mut config = "[limits]\nkey_rps = 0\n".to_owned();
        let mut lines = Vec::new();
        for (modem, stream) in streams.into_iter().enumerate() {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            config += &format!("[modem.m{modem}]\ndevice = \"tcp://{address}\"\nhour_quota = 0\n");
            lines.push(tokio::spawn(line::carry(
                Arc::clone(&sim),
                modem,
                listener,
                stream,
            )));
        }
        std::fs::write(folder.path().join("cellpost.toml"), config).unwrap();
        Self {
            folder,
            sim,
            lines,
            gateway: None,
            http: Client::builder(TokioExecutor::new()).build_http(),
            key: String::new(),
            sent: Vec::new(),
            submitted_at: Instant::now(),
        }
    }

    pub(crate) async fn open(&mut self) {
        let start = Start {
            config: Some(self.folder.path().join("cellpost.toml")),
            data_dir: self.folder.path().join("data"),
            clock: Some(clock::now),
            ..Start::default()
        };
        let gateway = Embedded::start(start).await.unwrap();
        let key = std::fs::read_to_string(gateway.data_dir().join("admin.key")).unwrap();
        self.key = key.trim().to_owned();
        self.gateway = Some(gateway);
    }

    pub(crate) async fn close(&mut self) {
        self.gateway.take().unwrap().stop().await;
        self.lines.iter().for_each(JoinHandle::abort);
    }

    pub(crate) async fn order(&self, fault: &Fault) {
        self.sim.fault(0, fault.clone()).await.unwrap();
    }

    /// Ends the fault, and whatever of it `clear` does not: a SIM is put in again, a silent modem wakes.
    pub(crate) async fn end(&self, fault: &Fault) {
        self.order(&Fault::Clear).await;
        match fault {
            Fault::SimAbsent { .. } => self.order(&Fault::SimAbsent { on: false }).await,
            Fault::SilentAfterSend { .. } | Fault::Silence { .. } => {
                self.order(&Fault::SilenceEnds).await;
            }
            _ => {}
        }
    }

    /// Texts by both modems, and one to the SIM in trouble.
    pub(crate) async fn submit(&mut self) {
        self.submitted_at = Instant::now();
        for text in 0..TEXTS_PER_MODEM {
            for modem in 0..2 {
                let number = format!("+86138001380{modem}{text}");
                let words = format!("text {text} by modem {modem}");
                let asked = json!({"to": number, "text": words, "from": format!("m{modem}")});
                let message = self.call(Method::POST, "/v1/messages", Some(asked)).await;
                self.sent.push(Sent {
                    id: message["id"]
                        .as_str()
                        .unwrap_or_else(|| panic!("{message}"))
                        .to_owned(),
                    modem,
                    number,
                    text: words,
                });
            }
        }
        let text = MobileText::new(WRITER, "a text that comes in");
        self.sim.deliver(0, vec![text]).await.unwrap();
    }

    pub(crate) async fn until_ready(&self, patience: Duration) -> Result<(), Value> {
        let until = Instant::now() + patience;
        loop {
            let modems = self.call(Method::GET, "/v1/modems", None).await;
            let states = modems["data"]
                .as_array()
                .unwrap_or_else(|| panic!("{modems}"));
            if states.iter().all(|modem| modem["state"] == "ready") {
                return Ok(());
            }
            if Instant::now() > until {
                return Err(modems);
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    pub(crate) async fn until_neighbour_is_done(&self, patience: Duration) -> bool {
        self.until(patience, async || self.are_final(1).await)
            .await
            .is_some()
    }

    /// All texts of the modem in trouble have an end, what came in is in the inbox, and the modem is ready.
    pub(crate) async fn until_all_is_well(&self, patience: Duration) -> Option<Duration> {
        self.until(patience, async || {
            self.are_final(0).await && self.has_received().await && self.is_ready().await
        })
        .await
    }

    async fn until(&self, patience: Duration, holds: impl AsyncFn() -> bool) -> Option<Duration> {
        let until = Instant::now() + patience;
        while Instant::now() < until {
            if holds().await {
                return Some(Instant::now() - self.submitted_at);
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        None
    }

    async fn are_final(&self, modem: usize) -> bool {
        for sent in self.sent.iter().filter(|sent| sent.modem == modem) {
            let message = self.message(&sent.id).await;
            let settled = message["final"] == true
                || matches!(message["status"].as_str(), Some("sent" | "unknown"));
            if !settled {
                return false;
            }
        }
        true
    }

    async fn is_ready(&self) -> bool {
        self.call(Method::GET, "/v1/modems/m0", None).await["state"] == "ready"
    }

    pub(crate) async fn last_error(&self) -> Option<String> {
        let modem = self.call(Method::GET, "/v1/modems/m0", None).await;
        let state = modem["state"].as_str()?;
        Some(match modem["last_error"].as_str() {
            Some(error) => format!("{state}: {error}"),
            None => state.to_owned(),
        })
    }

    async fn has_received(&self) -> bool {
        !self.received().await.is_empty()
    }

    async fn received(&self) -> Vec<Value> {
        let inbox = self.call(Method::GET, "/v1/inbox", None).await;
        inbox["data"]
            .as_array()
            .cloned()
            .unwrap_or_else(|| panic!("{inbox}"))
    }

    /// The ledger of the handsets against what the API says.
    pub(crate) async fn judge(&self, row: &mut Row) {
        for sent in &self.sent {
            let message = self.message(&sent.id).await;
            let status = message["status"].as_str().unwrap_or_default().to_owned();
            let named = message["may_be_duplicate"] == true || status == "unknown";
            let times = self.sim.times(&sent.number, &sent.text).await.unwrap();
            let fits = match (status.as_str(), times) {
                ("sent" | "delivered", 1) => true,
                ("failed" | "expired" | "undelivered", 0) => true,
                // Accepted by the network, and filtered there.
                ("expired" | "undelivered", 1) => true,
                ("sent" | "delivered", 2..) | ("unknown", 0 | 1) | ("failed", 1) => named,
                ("sent", 0) => matches!(row.name, "operator_filter"),
                _ => false,
            };
            if sent.modem == 0 {
                row.once += usize::from(times == 1);
                row.named_uncertain += usize::from(named);
                row.failed += usize::from(status == "failed");
            }
            row.expect(
                fits,
                &format!(
                    "{} is {status} and came {times} times, named {named}",
                    sent.text
                ),
            );
        }
        let received = self.received().await;
        row.expect(
            received.len() == 1,
            &format!("the inbox holds {} texts", received.len()),
        );
    }

    async fn message(&self, id: &str) -> Value {
        self.call(Method::GET, &format!("/v1/messages/{id}"), None)
            .await
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let url = format!("{}{path}", self.gateway.as_ref().unwrap().url());
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(url)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))
            .unwrap();
        let response = self.http.request(request).await.unwrap();
        let octets = response.into_body().collect().await.unwrap().to_bytes();
        serde_json::from_slice(&octets).unwrap()
    }
}
