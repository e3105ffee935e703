//! `--simulate-cloud`: a provider on this machine, as if its account stood in the config.

use std::time::Duration;

use cloud_sim::{Provider, Settings, Sim};
use secrecy::SecretString;
use url::Url;

use super::StartError;
use crate::config::{Cloud, CloudKind, SecretFrom, Sender, Twilio};
use crate::domain::ModemName;

/// A simulated cloud, and the account at its Twilio.
pub(crate) struct SimulatedCloud(Sim);

/// NAME of its section.
const NAME: &str = "sim";

impl SimulatedCloud {
    pub(super) fn start(report_after: Duration) -> Result<Self, StartError> {
        let settings = Settings {
            report_after,
            ..Settings::default()
        };
        Ok(Self(cloud_sim::start(settings)?))
    }

    /// As if it were written in the config.
    pub(super) fn section(&self) -> Option<Cloud> {
        let account = &self.0.settings().twilio;
        let kind = CloudKind::Twilio(Twilio {
            account: account.account_sid.clone(),
            key_file: None,
            secret: SecretFrom::Value(SecretString::from(account.auth_token.clone())),
            sender: Sender::From(account.from.first()?.clone()),
        });
        let mut section = Cloud::usual(ModemName::parse(NAME)?, kind);
        section.base_url = Url::parse(&self.0.base_url(Provider::Twilio)).ok();
        Some(section)
    }

    pub(crate) fn url(&self) -> String {
        self.0.url()
    }

    pub(super) fn stop(self) {
        self.0.stop();
    }
}
