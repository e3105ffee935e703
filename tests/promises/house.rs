//! A gateway and its modems for one test, and verbs that read as sentences.
//!
//! Everything is real: a store on disk, HTTP over a socket, modems on ptys. Only the network behind them is
//! simulated. Nothing sleeps for a fixed time: what is waited for is asked for until it is there, with a bound.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use cellpost::embed::{Embedded, Start};
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use modem_sim::client::Client as Phones;
use modem_sim::{Fault, MobileText, ModemStats, NetworkSettings, Received, Settings, Sim};
use serde_json::{Value, json};

use crate::machine::Machine;

/// How long anything that must happen may take on a loaded machine. Never waited out when it happens.
const PATIENCE: Duration = Duration::from_secs(30);

/// A gateway in front of a simulation of its own, which outlives it.
pub(crate) struct House {
    pub(crate) folder: tempfile::TempDir,
    sim: Sim,
    gateway: Option<Embedded>,
    config: String,
    clocks: Option<Clocks>,
    /// In the place of the host's USB.
    machine: Option<Machine>,
    http: Client<HttpConnector, Full<Bytes>>,
}

/// What a host has instead of the real clocks: the one on the wall, and the time since its start.
pub(crate) type Clocks = (
    fn() -> cellpost::domain::UnixMillis,
    fn() -> std::time::Duration,
);

/// An answer, whatever its status.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Value,
}

/// A fast network: the tests are about order and truth, not about time.
pub(crate) fn fast() -> NetworkSettings {
    NetworkSettings {
        latency: Duration::from_millis(10),
        prompt: Duration::from_millis(2),
        report_after: Duration::from_millis(20),
        report_status: 0,
    }
}

impl House {
    /// `modems` simulated modems, named m1, m2 …
    pub(crate) async fn with(modems: usize) -> Self {
        Self::with_network(modems, fast(), "").await
    }

    /// `config`: lines added to the config file.
    pub(crate) async fn with_network(
        modems: usize,
        network: NetworkSettings,
        config: &str,
    ) -> Self {
        Self::with_modems(modems, network, config, "").await
    }

    /// `modem`: lines added to the section of every modem.
    pub(crate) async fn with_modems(
        modems: usize,
        network: NetworkSettings,
        config: &str,
        modem: &str,
    ) -> Self {
        let settings = Settings {
            modems,
            seed: 1,
            network,
            ..Settings::default()
        };
        Self::with_simulation(settings, &[], config, modem).await
    }

    /// With files that only their owner may read beside the config.
    pub(crate) async fn with_secrets(
        modems: usize,
        network: NetworkSettings,
        config: &str,
        modem: &str,
        files: &[(&str, String)],
    ) -> Self {
        let settings = Settings {
            // A simulation has one at least; the config need not know it.
            modems: modems.max(1),
            seed: 1,
            network,
            ..Settings::default()
        };
        let mut house = Self::built_with(modems, settings, &[], config, modem).await;
        for (name, content) in files {
            let path = house.folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        }
        house.start().await;
        house
    }

    /// A machine into whose USB nothing is plugged yet, and sticks to plug in. Their gateway is not started.
    pub(crate) async fn with_machine(sticks: usize, config: &str) -> Self {
        let settings = Settings {
            modems: sticks,
            seed: 1,
            network: fast(),
            ..Settings::default()
        };
        let mut house = Self::built_with(0, settings, &[], config, "").await;
        house.machine = Some(Machine::new(&house.folder.path().join("machine")));
        house
    }

    pub(crate) fn machine(&self) -> &Machine {
        self.machine.as_ref().unwrap()
    }

    /// One modem, on a host with these clocks.
    pub(crate) async fn with_clocks(clocks: Clocks, config: &str) -> Self {
        let settings = Settings {
            seed: 1,
            network: fast(),
            ..Settings::default()
        };
        let mut house = Self::built(settings, &[], config, "").await;
        house.clocks = Some(clocks);
        house.start().await;
        house
    }

    /// What the kernel tells when a clock is set.
    pub(crate) fn clock_was_set(&self) {
        self.gateway.as_ref().unwrap().clock_was_set();
    }

    /// One modem of this make, with a SIM of its own size or of `sim_slots`, and with these faults from the beginning.
    pub(crate) async fn with_make(
        personality: &str,
        sim_slots: Option<usize>,
        faults: &[Fault],
    ) -> Self {
        let settings = Settings {
            seed: 1,
            network: fast(),
            personalities: vec![personality.to_owned()],
            sim_slots,
            ..Settings::default()
        };
        Self::with_simulation(settings, faults, "", "").await
    }

    async fn with_simulation(
        settings: Settings,
        faults: &[Fault],
        config: &str,
        modem: &str,
    ) -> Self {
        let mut house = Self::built(settings, faults, config, modem).await;
        house.start().await;
        house
    }

    /// With a gateway that is not started yet.
    async fn built(settings: Settings, faults: &[Fault], config: &str, modem: &str) -> Self {
        Self::built_with(settings.modems, settings, faults, config, modem).await
    }

    /// With so many of the simulation's modems in its config.
    async fn built_with(
        known: usize,
        settings: Settings,
        faults: &[Fault],
        config: &str,
        modem: &str,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sim = modem_sim::start(&folder.path().join("sim"), settings).unwrap();
        // Tests ask again and again until something is so.
        // Neither that nor how much they send to one number is limited, unless a test is about it.
        let lifted = match config.contains("limits.") {
            true => "",
            false => "direct = []\nalert = []\nnotify = []\nceiling = []\nanonymous = '0'\n",
        };
        let mut lines = format!("[limits]\nkey_rps = 0\n{lifted}{config}");
        // Tests send more in a minute than a real SIM may in a day.
        let quotas = match modem.contains("quota") {
            true => "",
            false => "hour_quota = 0\nday_quota = 0\n",
        };
        for (at, port) in sim.ports().iter().enumerate().take(known) {
            lines += &format!(
                "\n[modem.m{}]\ndevice = \"{}\"\nsend_timeout = 2\n{quotas}{modem}",
                at + 1,
                port.display()
            );
        }
        let house = Self {
            folder,
            sim,
            gateway: None,
            config: lines,
            clocks: None,
            machine: None,
            http: Client::builder(TokioExecutor::new()).build_http(),
        };
        for fault in faults {
            house.fault(0, fault.clone()).await;
        }
        house
    }

    pub(crate) async fn start(&mut self) {
        let config = self.folder.path().join("cellpost.toml");
        std::fs::write(&config, &self.config).unwrap();
        let start = Start {
            clock: self.clocks.map(|(wall, _)| wall),
            since_boot: self.clocks.map(|(_, since_boot)| since_boot),
            config: Some(config),
            data_dir: self.data_dir(),
            host: self
                .machine
                .as_ref()
                .map(|machine| machine.folder().to_owned()),
            ..Start::default()
        };
        self.gateway = Some(Embedded::start(start).await.unwrap());
    }

    /// As SIGHUP does, with the config as it is by now.
    pub(crate) async fn reload(&self) -> Result<(), String> {
        std::fs::write(self.folder.path().join("cellpost.toml"), &self.config).unwrap();
        self.gateway.as_ref().unwrap().reload().await
    }

    /// As SIGTERM does.
    pub(crate) async fn stop(&mut self) {
        self.gateway.take().unwrap().stop().await;
    }

    /// Holds from the next start or reload on.
    pub(crate) fn adds_to_config(&mut self, lines: &str) {
        self.config += lines;
    }

    /// Holds from the next start or reload on.
    pub(crate) fn changes_config(&mut self, line: &str, other: &str) {
        assert!(self.config.contains(line), "{}", self.config);
        self.config = self.config.replace(line, other);
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn url(&self) -> String {
        self.gateway.as_ref().unwrap().url()
    }

    pub(crate) fn key(&self) -> String {
        let file = self.data_dir().join("admin.key");
        std::fs::read_to_string(file).unwrap().trim().to_owned()
    }

    pub(crate) fn control(&self) -> &Path {
        self.sim.control()
    }

    /// Asks with the admin key.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Reply {
        self.ask_with(method, path, body, &[]).await
    }

    pub(crate) async fn ask_with(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Reply {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url()))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key()))
            .header(header::CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let content = body.map(|body| body.to_string()).unwrap_or_default();
        self.raw(request.body(Full::new(content.into())).unwrap())
            .await
    }

    /// Sends exactly this request.
    pub(crate) async fn raw(&self, request: Request<Full<Bytes>>) -> Reply {
        let response = self.http.request(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let octets = body.collect().await.unwrap().to_bytes();
        Reply {
            status: parts.status,
            headers: parts.headers,
            body: serde_json::from_slice(&octets).unwrap_or(Value::Null),
        }
    }

    /// Accepts a text and returns its id.
    #[track_caller]
    pub(crate) fn send(&self, to: &str, text: &str) -> impl Future<Output = String> {
        self.send_as(json!({ "to": to, "text": text }))
    }

    pub(crate) async fn send_as(&self, request: Value) -> String {
        let reply = self.ask(Method::POST, "/v1/messages", Some(request)).await;
        assert_eq!(reply.status, StatusCode::ACCEPTED, "{}", reply.body);
        reply.body["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn message(&self, id: &str) -> Value {
        let reply = self
            .ask(Method::GET, &format!("/v1/messages/{id}"), None)
            .await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        reply.body
    }

    /// Waits until the message has this status, and returns it.
    pub(crate) async fn becomes(&self, id: &str, status: &str) -> Value {
        self.until(&format!("{id} is {status}"), async || {
            let message = self.message(id).await;
            (message["status"] == status).then_some(message)
        })
        .await
    }

    /// Types of its events, in order.
    pub(crate) async fn events(&self, id: &str) -> Vec<String> {
        let reply = self
            .ask(Method::GET, &format!("/v1/messages/{id}/events"), None)
            .await;
        let events = reply.body["data"].as_array().unwrap();
        events
            .iter()
            .map(|event| event["type"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Milliseconds between the first try of one message and that of another.
    pub(crate) async fn gap_between(&self, one: &str, other: &str) -> i64 {
        let mut begun = Vec::new();
        for id in [one, other] {
            let path = format!("/v1/messages/{id}/events");
            let reply = self.ask(Method::GET, &path, None).await;
            let events = reply.body["data"].as_array().unwrap();
            let sending = events.iter().find(|event| event["type"] == "sending");
            let at = sending.unwrap()["at"].as_str().unwrap().to_owned();
            begun.push(cellpost::domain::UnixMillis::parse_rfc3339(&at).unwrap().0);
        }
        begun[1] - begun[0]
    }

    /// Waits until modem `name` has this state.
    pub(crate) async fn modem_becomes(&self, name: &str, state: &str) -> Value {
        self.until(&format!("{name} is {state}"), async || {
            let reply = self
                .ask(Method::GET, &format!("/v1/modems/{name}"), None)
                .await;
            (reply.body["state"] == state).then_some(reply.body)
        })
        .await
    }

    /// Asks until there is an answer.
    pub(crate) async fn until<T>(&self, what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            assert!(
                started.elapsed() < PATIENCE,
                "it did not come to pass: {what}"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Asks the simulation, on a thread that may block.
    pub(crate) async fn phones<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut Phones) -> T + Send + 'static,
    ) -> T {
        let control = self.control().to_owned();
        tokio::task::spawn_blocking(move || ask(&mut Phones::connect(&control).unwrap()))
            .await
            .unwrap()
    }

    /// Texts on this phone, oldest first.
    pub(crate) async fn handset(&self, number: &str) -> Vec<Received> {
        let number = number.to_owned();
        self.phones(move |phones| phones.handset(&number).unwrap())
            .await
    }

    /// What those texts say.
    pub(crate) async fn texts(&self, number: &str) -> Vec<String> {
        let received = self.handset(number).await;
        received.into_iter().map(|received| received.text).collect()
    }

    /// Orders a fault of modem 0 by its name and parameters, as a scenario does.
    pub(crate) async fn order(&self, fault: Value) {
        let fault: Fault = serde_json::from_value(fault).unwrap();
        self.fault(0, fault).await;
    }

    /// The network brings these texts to the SIM of modem 0.
    pub(crate) async fn brings(&self, texts: Vec<MobileText>) {
        self.phones(move |phones| phones.deliver(0, &texts).unwrap())
            .await;
    }

    /// A phone writes to the SIM of modem 0.
    pub(crate) async fn writes(&self, from: &str, text: &str) {
        let (from, text) = (from.to_owned(), text.to_owned());
        self.phones(move |phones| phones.reply_to(0, &from, &text).unwrap())
            .await;
    }

    /// Every text in the inbox, oldest first.
    pub(crate) async fn inbox(&self) -> Vec<Value> {
        let (mut texts, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self
                .ask(Method::GET, &format!("/v1/inbox?limit=200{cursor}"), None)
                .await;
            assert_eq!(page.status, StatusCode::OK, "{}", page.body);
            texts.extend(page.body["data"].as_array().unwrap().clone());
            match page.body["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        texts.reverse();
        texts
    }

    /// Waits until the inbox holds so many texts; more than that is too many.
    pub(crate) async fn inbox_holds(&self, count: usize) -> Vec<Value> {
        self.until(&format!("{count} texts in the inbox"), async || {
            let texts = self.inbox().await;
            assert!(texts.len() <= count, "{} texts", texts.len());
            (texts.len() == count).then_some(texts)
        })
        .await
    }

    pub(crate) async fn fault(&self, modem: usize, fault: Fault) {
        self.phones(move |phones| phones.fault(modem, &fault).unwrap())
            .await;
    }

    pub(crate) async fn stats(&self) -> Vec<ModemStats> {
        self.phones(|phones| phones.stats().unwrap()).await
    }

    /// Waits until the network has taken so many parts.
    pub(crate) async fn network_took(&self, parts: u64) {
        self.phones(move |phones| phones.wait_accepted(parts, PATIENCE).unwrap())
            .await;
    }

    /// Every part that the network took, in order.
    pub(crate) async fn ledger(&self) -> Vec<Value> {
        self.phones(|phones| {
            let (mut entries, mut from) = (Vec::new(), 1);
            loop {
                let (page, next) = phones.ledger(from).unwrap();
                if page.is_empty() {
                    return entries;
                }
                entries.extend(page);
                from = next;
            }
        })
        .await
    }
}
