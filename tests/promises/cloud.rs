//! A gateway with accounts at simulated providers, which outlive it.

use std::path::Path;
use std::time::Duration;

use cloud_sim::{Fault, Order, Provider, Sim, Text};
use http::Method;
use serde_json::{Value, json};

use crate::house::{House, fast};

/// Both, and what is asked of them.
pub(crate) struct CloudHouse {
    pub(crate) house: House,
    pub(crate) sim: Sim,
}

/// What the sections of some providers are called: as the kits of the simulation call them.
pub(crate) const TWILIO: &str = "cloud:twilio";

impl CloudHouse {
    /// `config`: lines of the config; `section`: lines added to the section of each provider.
    pub(crate) async fn with(
        modems: usize,
        providers: &[Provider],
        config: &str,
        section: &str,
    ) -> Self {
        Self::with_modem(modems, providers, config, section, "").await
    }

    /// `modem`: lines added to the section of every modem.
    pub(crate) async fn with_modem(
        modems: usize,
        providers: &[Provider],
        config: &str,
        section: &str,
        modem: &str,
    ) -> Self {
        let sim = cloud_sim::start(cloud_sim::Settings {
            report_after: Duration::from_millis(100),
            ..cloud_sim::Settings::default()
        })
        .unwrap();
        let mut lines = config.to_owned();
        let kits = sim.kits();
        let wanted = kits.iter().filter(|kit| providers.contains(&kit.provider));
        let mut files = Vec::new();
        for kit in wanted {
            lines += &format!("\n{}{section}", kit.section);
            files.extend(kit.files.clone());
        }
        let house = House::with_secrets(modems, fast(), &lines, modem, &files).await;
        let house = Self { house, sim };
        house.connect();
        house
    }

    /// One provider whose section has this line in the place of its `template_map`.
    pub(crate) async fn with_map(provider: Provider, config: &str, line: &str) -> Self {
        let sim = cloud_sim::start(cloud_sim::Settings {
            report_after: Duration::from_millis(100),
            ..cloud_sim::Settings::default()
        })
        .unwrap();
        let kit = sim
            .kits()
            .into_iter()
            .find(|kit| kit.provider == provider)
            .unwrap();
        let others = kit
            .section
            .lines()
            .filter(|line| !line.starts_with("template_map"));
        let section: String = others.map(|line| format!("{line}\n")).collect();
        let lines = format!("{config}\n{section}{line}");
        let house = House::with_secrets(0, fast(), &lines, "", &kit.files).await;
        let house = Self { house, sim };
        house.connect();
        house
    }

    /// Callbacks come to where the gateway listens now, whatever its public URL is.
    fn connect(&self) {
        let url = self.house.url();
        let address = url.strip_prefix("http://").unwrap().parse().unwrap();
        self.sim.callbacks_to(Some(address));
    }

    /// Stops it as SIGTERM does, and starts it again.
    pub(crate) async fn restarts(&mut self) {
        self.house.stop().await;
        self.house.start().await;
        self.connect();
    }

    pub(crate) fn order(&self, fault: Fault) {
        self.sim.order(Order::always(fault));
    }

    pub(crate) fn once(&self, fault: Fault) {
        self.sim.order(Order::once(fault));
    }

    /// What the provider took for this number.
    pub(crate) fn taken(&self, to: &str) -> Vec<Text> {
        let is_to = |text: &Text| to.ends_with(text.to.trim_start_matches('+'));
        self.sim.texts().into_iter().filter(is_to).collect()
    }

    pub(crate) async fn events_of(&self, id: &str) -> Vec<(String, String)> {
        let path = format!("/v1/messages/{id}/events");
        let reply = self.house.ask(Method::GET, &path, None).await;
        let events = reply.body["data"].as_array().unwrap();
        let word = |event: &Value, key: &str| event[key].as_str().unwrap_or_default().to_owned();
        events
            .iter()
            .map(|event| (word(event, "type"), word(event, "detail")))
            .collect()
    }

    /// What each route would do with a text.
    pub(crate) async fn rejections(&self, to: &str, category: &str) -> Vec<(String, String)> {
        let asked = json!({ "to": to, "text": "hello", "category": category });
        let reply = self
            .house
            .ask(Method::POST, "/v1/routes/test", Some(asked))
            .await;
        let rejected = reply.body["rejected"].as_array().unwrap();
        rejected
            .iter()
            .map(|one| {
                let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                (word(&one["route"]), word(&one["reason"]["code"]))
            })
            .collect()
    }
}

/// Every file of the gateway's folder that holds these octets.
pub(crate) fn files_with(folder: &Path, wanted: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, wanted));
        } else if let Ok(octets) = std::fs::read(&path)
            && octets.windows(wanted.len()).any(|window| window == wanted)
        {
            found.push(path.display().to_string());
        }
    }
    found
}
