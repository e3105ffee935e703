//! A gateway in front of simulated modems in memory, each behind a port on TCP.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use cellpost::domain::UnixMillis;
use cellpost::embed::{Embedded, Start};
use http::{Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use modem_sim::{Settings, SimInMemory};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::clock;
use crate::line;
use crate::tap::Tap;

pub(crate) struct Site {
    folder: tempfile::TempDir,
    pub(crate) sim: Arc<SimInMemory>,
    /// What each modem and its host said lately.
    pub(crate) taps: Vec<Arc<Tap>>,
    pub(crate) opened_at: UnixMillis,
    /// The wall clock of the simulation at that moment.
    sim_opened_at: UnixMillis,
    lines: Vec<JoinHandle<()>>,
    gateway: Option<Embedded>,
    http: Client<HttpConnector, Full<Bytes>>,
    key: String,
}

/// Tests send as much to one number as they like.
const LIFTED: &str =
    "[limits]\nkey_rps = 0\ndirect = []\nalert = []\nnotify = []\nceiling = []\nanonymous = '0'\n";

impl Site {
    /// Modems m0, m1 …, without quotas.
    pub(crate) async fn build(settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let since = SystemTime::UNIX_EPOCH.elapsed().unwrap();
        let (sim, streams) = modem_sim::in_memory(settings);
        let sim = Arc::new(sim);
        let mut config = LIFTED.to_owned();
        let (mut lines, mut taps) = (Vec::new(), Vec::new());
        for (modem, stream) in streams.into_iter().enumerate() {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            config += &format!(
                "[modem.m{modem}]\ndevice = \"tcp://{address}\"\nhour_quota = 0\nday_quota = 0\n"
            );
            let tap = Arc::new(Tap::default());
            taps.push(Arc::clone(&tap));
            let carried = line::carry(Arc::clone(&sim), modem, listener, stream, tap);
            lines.push(tokio::spawn(carried));
        }
        std::fs::write(folder.path().join("cellpost.toml"), config).unwrap();
        Self {
            folder,
            sim,
            taps,
            opened_at: clock::now(),
            sim_opened_at: UnixMillis(i64::try_from(since.as_millis()).unwrap()),
            lines,
            gateway: None,
            http: Client::builder(TokioExecutor::new()).build_http(),
            key: String::new(),
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

    /// On our clock, what is on that of the simulation.
    pub(crate) fn time_of(&self, sim_unix_ms: i64) -> UnixMillis {
        UnixMillis(sim_unix_ms - self.sim_opened_at.0 + self.opened_at.0)
    }

    pub(crate) async fn message(&self, id: &str) -> Value {
        self.call(Method::GET, &format!("/v1/messages/{id}"), None)
            .await
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Value {
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
