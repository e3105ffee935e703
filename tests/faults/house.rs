//! A gateway with two modems, m0 in trouble and m1 its neighbour.

use std::time::Duration;

use http::Method;
use modem_sim::{Fault, MobileText, Settings};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::row::Row;
use crate::site::Site;

pub(crate) struct House {
    site: Site,
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
        let settings = Settings {
            modems: 2,
            seed: seed.into(),
            ..Settings::default()
        };
        Self {
            site: Site::build(settings).await,
            sent: Vec::new(),
            submitted_at: Instant::now(),
        }
    }

    pub(crate) async fn open(&mut self) {
        self.site.open().await;
    }

    pub(crate) async fn close(&mut self) {
        self.site.close().await;
    }

    pub(crate) async fn order(&self, fault: &Fault) {
        self.site.sim.fault(0, fault.clone()).await.unwrap();
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
                let message = self
                    .site
                    .call(Method::POST, "/v1/messages", Some(asked))
                    .await;
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
        self.site.sim.deliver(0, vec![text]).await.unwrap();
    }

    pub(crate) async fn until_ready(&self, patience: Duration) -> Result<(), Value> {
        let until = Instant::now() + patience;
        loop {
            let modems = self.site.call(Method::GET, "/v1/modems", None).await;
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
            let message = self.site.message(&sent.id).await;
            let settled = message["final"] == true
                || matches!(message["status"].as_str(), Some("sent" | "unknown"));
            if !settled {
                return false;
            }
        }
        true
    }

    async fn is_ready(&self) -> bool {
        self.site.call(Method::GET, "/v1/modems/m0", None).await["state"] == "ready"
    }

    pub(crate) async fn last_error(&self) -> Option<String> {
        let modem = self.site.call(Method::GET, "/v1/modems/m0", None).await;
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
        let inbox = self.site.call(Method::GET, "/v1/inbox", None).await;
        inbox["data"]
            .as_array()
            .cloned()
            .unwrap_or_else(|| panic!("{inbox}"))
    }

    /// The ledger of the handsets against what the API says.
    pub(crate) async fn judge(&self, row: &mut Row) {
        for sent in &self.sent {
            let message = self.site.message(&sent.id).await;
            let status = message["status"].as_str().unwrap_or_default().to_owned();
            let may_be_duplicate = message["may_be_duplicate"] == true;
            let named = may_be_duplicate || status == "unknown";
            let times = self.site.sim.times(&sent.number, &sent.text).await.unwrap();
            let fits = match (status.as_str(), times) {
                ("sent" | "delivered", 1) => true,
                ("failed" | "expired" | "undelivered", 0) => true,
                // Accepted by the network, and filtered there.
                ("expired" | "undelivered", 1) => true,
                ("sent" | "delivered", 2..) | ("unknown", 0 | 1) | ("failed", 1) => named,
                // Sent again as announced, and of the last try nobody knows.
                ("unknown", 2..) => may_be_duplicate,
                ("sent", 0) => matches!(row.name, "operator_filter"),
                _ => false,
            };
            if sent.modem == 0 {
                row.once += usize::from(times == 1);
                row.named_uncertain += usize::from(named);
                row.failed += usize::from(status == "failed");
            }
            let waits = match message["pending_reason"].is_null() {
                true => String::new(),
                false => format!(
                    ", waits for {}, is looked at again at {}",
                    message["pending_reason"], message["next_attempt_at"]
                ),
            };
            row.expect(
                fits,
                &format!(
                    "{} is {status} and came {times} times, named {named}{waits}",
                    sent.text
                ),
            );
        }
        if !row.problems.is_empty() {
            let routes = self.site.call(Method::GET, "/v1/routes", None).await;
            let at = crate::clock::now();
            row.expect(false, &format!("at {at} the routes are {routes}"));
        }
        let received = self.received().await;
        row.expect(
            received.len() == 1,
            &format!("the inbox holds {} texts", received.len()),
        );
    }
}
